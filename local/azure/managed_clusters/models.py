"""State of managed clusters and the operations on them. `steps` has what happens when."""

from __future__ import annotations

import copy
from typing import Any

from local.azure.azure import Azure
from local.azure.errors import ArmError, resource_not_found
from local.azure.managed_clusters import node_group, steps, validation
from local.azure.managed_clusters.access import access_profile, api_access
from local.azure.managed_clusters.bodies import (
    CLUSTER,
    PROVIDER,
    envelope,
    merge,
    network_profile,
    new_cluster,
    new_pool,
)
from local.azure.managed_clusters.timeline import Timeline
from local.azure.operations import Operation
from local.azure.store import Resource


def cluster_id(subscription: str, group: str, name: str) -> str:
    """The id of a cluster, with `resourcegroups` in lower case as AKS writes it."""
    return f"/subscriptions/{subscription}/resourcegroups/{group}/providers/{PROVIDER}/{name}"


def get(azure: Azure, subscription: str, group: str, name: str) -> Resource:
    """The cluster, or ArmError 404."""
    found = azure.store.get(cluster_id(subscription, group, name))
    if found is None:
        raise resource_not_found(PROVIDER, name, group)
    return found


def create(azure: Azure, resource_id: str, body: dict[str, Any], *, api_version: str) -> tuple[Resource, Operation]:
    """Start creating a cluster. Refusals of the body come at once, those of the network during the operation."""
    validation.check_body(azure, resource_id, body)
    birth = sum(
        activity.kind == "Delete" and activity.resource_id.lower() == resource_id.lower()
        for activity in azure.activities
    )
    cluster = Resource(id=resource_id, type=CLUSTER, body=new_cluster(resource_id, body, birth=birth))
    _refuse_taken_group(azure, cluster)
    azure.store.put(cluster)
    timeline = Timeline(azure=azure, cluster=cluster, name="Create", state="Creating", api_version=api_version)
    return cluster, steps.create(timeline)


def _refuse_taken_group(azure: Azure, cluster: Resource) -> None:
    group = cluster.properties["nodeResourceGroup"]
    if azure.store.get(node_group.group_id(cluster)) is not None:
        message = f"The node resource group '{group}' already exists."
        raise validation.refusal("NodeResourceGroupAlreadyExists", message)


def update(azure: Azure, cluster: Resource, body: dict[str, Any], *, api_version: str) -> Operation:
    """Start an update: changed pools, conversion to VNet integration or to zone mode none, or just a reconcile."""
    validation.check_idle(azure, cluster)
    validation.check_running(cluster)
    validation.check_changes(cluster, body)
    wanted = _wanted(cluster, body)
    validation.check_update(azure, cluster, wanted)
    before = copy.deepcopy(cluster.properties)
    merged = {"location": cluster.body["location"], **body, "sku": body.get("sku") or cluster.body["sku"]}
    merged["identity"] = body.get("identity") or cluster.body.get("identity")
    cluster.body = envelope(cluster.id, merged, wanted)
    timeline = Timeline(azure=azure, cluster=cluster, name="Update", state="Updating", api_version=api_version)
    return steps.update(timeline, before)


def _wanted(cluster: Resource, body: dict[str, Any]) -> dict[str, Any]:
    sent = copy.deepcopy(body.get("properties") or {})
    now = copy.deepcopy(cluster.properties)
    for computed in ("provisioningState", "powerState", "privateFQDN", "fqdn", "azurePortalFQDN"):
        sent.pop(computed, None)
    pools = sent.pop("agentPoolProfiles", None)
    wanted = merge(now, sent)
    if wanted["networkProfile"].get("outboundType") != "loadBalancer":
        wanted["networkProfile"].pop("loadBalancerProfile", None)
    wanted["networkProfile"] = network_profile(wanted["networkProfile"])
    if wanted.get("apiServerAccessProfile"):
        wanted["apiServerAccessProfile"] = access_profile(api_access(wanted), wanted["apiServerAccessProfile"])
    if pools is not None:
        known = {pool["name"]: pool for pool in now["agentPoolProfiles"]}
        wanted["agentPoolProfiles"] = [
            merge(known.get(pool.get("name"), {}), pool)
            if pool.get("name") in known
            else new_pool(pool, wanted["networkProfile"])
            for pool in pools
        ]
    return wanted


def stop(azure: Azure, cluster: Resource, *, api_version: str) -> Operation:
    """Start stopping: the private endpoint goes, the record stays."""
    validation.check_idle(azure, cluster)
    validation.check_running(cluster)
    timeline = Timeline(azure=azure, cluster=cluster, name="Stop", state="Stopping", api_version=api_version)
    return steps.stop(timeline)


def start(azure: Azure, cluster: Resource, *, api_version: str) -> Operation:
    """Start starting: a new private endpoint with a new address, and the record rewritten."""
    validation.check_idle(azure, cluster)
    timeline = Timeline(azure=azure, cluster=cluster, name="Start", state="Starting", api_version=api_version)
    return steps.start(timeline)


def delete(azure: Azure, cluster: Resource, *, api_version: str) -> Operation:
    """Start deleting, whatever else was in progress: a running operation ends as Canceled."""
    running = azure.operations.get(str(cluster.hidden.get("operation", "")))
    if running is not None and not running.over:
        if running.name == "Delete":
            validation.check_idle(azure, cluster)
        cluster.hidden["run"] = ""
        azure.operations.cancel(running, ArmError(409, "OperationPreempted", "Preempted by a delete operation."))
    timeline = Timeline(azure=azure, cluster=cluster, name="Delete", state="Deleting", api_version=api_version)
    return steps.delete(timeline)
