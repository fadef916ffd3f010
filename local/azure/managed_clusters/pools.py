"""Node pools: parts of a cluster with operations of their own."""

from __future__ import annotations

from typing import Any

from local.azure.azure import Azure
from local.azure.errors import resource_not_found
from local.azure.managed_clusters import validation
from local.azure.managed_clusters.bodies import POOL, PROVIDER, merge, new_pool
from local.azure.managed_clusters.timeline import Timeline, check_networks
from local.azure.operations import Operation
from local.azure.store import Resource


def find(cluster: Resource, name: str) -> dict[str, Any] | None:
    """The pool's profile inside the cluster."""
    return next((pool for pool in cluster.properties["agentPoolProfiles"] if pool["name"] == name), None)


def get(cluster: Resource, name: str) -> dict[str, Any]:
    """The pool's profile, or ArmError 404."""
    found = find(cluster, name)
    if found is None:
        raise resource_not_found(f"{PROVIDER}/agentPools", f"{cluster.name}/{name}", cluster.resource_group)
    return found


def body(cluster: Resource, pool: dict[str, Any]) -> dict[str, Any]:
    """A pool as its own resource."""
    name = pool["name"]
    properties = {key: value for key, value in pool.items() if key != "name"}
    return {"id": f"{cluster.id}/agentPools/{name}", "name": name, "type": POOL, "properties": properties}


def put(
    azure: Azure, cluster: Resource, name: str, sent: dict[str, Any], *, api_version: str
) -> tuple[dict[str, Any], Operation, bool]:
    """Start creating or changing a pool; answers it, the operation, and whether it is new."""
    validation.check_idle(azure, cluster)
    validation.check_running(cluster)
    existing = find(cluster, name)
    given = {**(sent.get("properties") or {}), "name": name}
    profile = cluster.properties["networkProfile"]
    pool = merge(existing, given) if existing else new_pool(given, profile)
    others = [other for other in cluster.properties["agentPoolProfiles"] if other["name"] != name]
    validation.check_pools([*others, pool])
    if existing and str(existing.get("vnetSubnetID", "")).lower() != str(pool.get("vnetSubnetID", "")).lower():
        raise validation.refusal(
            "PropertyChangeNotAllowed", "Changing property 'agentPoolProfile.vnetSubnetID' is not allowed."
        )
    validation.check_pool_network(azure, pool, profile)
    if existing:
        existing.update(pool)
        pool = existing
    else:
        cluster.properties["agentPoolProfiles"].append(pool)
    state = "Updating" if existing else "Creating"
    return pool, _begin(azure, cluster, pool, state, api_version), existing is None


def _begin(azure: Azure, cluster: Resource, pool: dict[str, Any], state: str, api_version: str) -> Operation:
    pool["provisioningState"] = state

    def finish() -> None:
        check_networks(azure, cluster)
        pool["provisioningState"] = cluster.properties["provisioningState"] = "Succeeded"

    return _timeline(azure, cluster, pool, state, api_version).start(
        [(0.0, lambda: check_networks(azure, cluster))], duration=azure.latencies.cluster_update, finish=finish
    )


def delete(azure: Azure, cluster: Resource, name: str, *, api_version: str) -> Operation:
    """Start deleting a pool; the last system pool stays."""
    validation.check_idle(azure, cluster)
    validation.check_running(cluster)
    pool = get(cluster, name)
    others = [other for other in cluster.properties["agentPoolProfiles"] if other["name"] != name]
    validation.check_pools(others)
    pool["provisioningState"] = "Deleting"

    def finish() -> None:
        check_networks(azure, cluster)
        cluster.properties["agentPoolProfiles"].remove(pool)
        cluster.properties["provisioningState"] = "Succeeded"

    timeline = _timeline(azure, cluster, pool, "Deleting", api_version)
    return timeline.start([], duration=azure.latencies.cluster_update, finish=finish)


def _timeline(azure: Azure, cluster: Resource, pool: dict[str, Any], state: str, api_version: str) -> Timeline:
    # While a pool changes the cluster counts as Updating: no other operation may start.
    return Timeline(
        azure=azure,
        cluster=cluster,
        name=f"{state}AgentPool",
        state="Updating",
        api_version=api_version,
        target=f"{cluster.id}/agentPools/{pool['name']}",
    )
