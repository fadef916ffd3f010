"""What AKS does in each operation, and when. Offsets are seconds after the request.

That the node resource group comes first, then zone, endpoint, record and link, then the nodes, has been observed;
the seconds are assumptions (see `latencies`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from local.azure.azure import Azure
from local.azure.managed_clusters import kubenet, managed_vnet, node_group
from local.azure.managed_clusters.access import api_access
from local.azure.managed_clusters.bodies import complete, settle
from local.azure.managed_clusters.timeline import Step, Timeline, check_networks
from local.azure.operations import Operation
from local.azure.store import Resource


def create(timeline: Timeline) -> Operation:
    """Node group, zone, endpoint, record, own link, nodes, done."""
    azure, cluster, wait = timeline.azure, timeline.cluster, timeline.azure.latencies

    def do(*actions: Callable[[Azure, Resource], None]) -> Step:
        return partial(_all, actions, azure, cluster)

    # The VNet is looked at now and whenever AKS touches it, but what is found wrong now is told by the operation.
    steps: list[tuple[float, Step]] = [
        (0.0, do(check_networks)),
        (wait.cluster_node_group, do(node_group.make_group, managed_vnet.make, kubenet.make_table)),
        (wait.cluster_zone, do(node_group.make_zone)),
        (wait.cluster_endpoint, do(check_networks, node_group.make_entry)),
        (wait.cluster_record, do(node_group.write_record)),
        (wait.cluster_own_link, do(node_group.link_own_vnet)),
        (wait.cluster_nodes, do(check_networks)),
        (wait.cluster_nodes, timeline.boot_nodes),
    ]

    def finish() -> None:
        check_networks(azure, cluster)
        kubenet.write_pod_routes(azure, cluster)
        complete(cluster.id, cluster.properties)
        settle(cluster.properties, "Succeeded")

    return timeline.start(steps, duration=wait.cluster_create, finish=finish)


def _all(actions: tuple[Callable[[Azure, Resource], None], ...], azure: Azure, cluster: Resource) -> None:
    for action in actions:
        action(azure, cluster)


def update(timeline: Timeline, before: dict[str, Any]) -> Operation:
    """Half way the entry changes, if it does; nodes that never joined try again."""
    azure, cluster = timeline.azure, timeline.cluster
    duration = azure.latencies.cluster_update
    _mark_new_pools(cluster, before)

    def finish() -> None:
        check_networks(azure, cluster)
        node_group.lock(azure, cluster)
        kubenet.write_pod_routes(azure, cluster)
        complete(cluster.id, cluster.properties)
        settle(cluster.properties, "Succeeded")

    steps: list[tuple[float, Step]] = [
        (0.0, partial(check_networks, azure, cluster)),
        (duration / 2, partial(_change_entry, azure, cluster, before)),
    ]
    if not cluster.hidden.get("nodes_joined"):
        steps.append((duration / 2, timeline.boot_nodes))
    return timeline.start(steps, duration=duration, finish=finish)


def _mark_new_pools(cluster: Resource, before: dict[str, Any]) -> None:
    known = {pool["name"] for pool in before["agentPoolProfiles"]}
    for pool in cluster.properties["agentPoolProfiles"]:
        pool["provisioningState"] = "Updating" if pool["name"] in known else "Creating"
        # Recorded: the first update spells this default out.
        pool.setdefault("enableAutoScaling", False)


def _change_entry(azure: Azure, cluster: Resource, before: dict[str, Any]) -> None:
    was, now = api_access(before), api_access(cluster.properties)
    if was.has_zone and not now.has_zone:
        node_group.remove_zone(azure, cluster, was)
        cluster.properties.pop("privateFQDN", None)
    if now.vnet_integration and not was.vnet_integration:
        node_group.make_entry(azure, cluster)
        node_group.write_record(azure, cluster)
        node_group.remove_endpoint(azure, cluster)
    ensure(azure, cluster)


def ensure(azure: Azure, cluster: Resource) -> None:
    """Make what is missing, as an empty update does, and leave alone what is there."""
    if azure.store.get(node_group.group_id(cluster)) is None:
        node_group.make_group(azure, cluster)
    managed_vnet.make(azure, cluster)
    kubenet.make_table(azure, cluster)
    node_group.make_zone(azure, cluster)
    if node_group.entry_missing(azure, cluster):
        node_group.make_entry(azure, cluster)
    node_group.write_record(azure, cluster)
    node_group.link_own_vnet(azure, cluster)


def stop(timeline: Timeline) -> Operation:
    """Half way the private endpoint is deleted; the record stays and points nowhere."""
    azure, cluster = timeline.azure, timeline.cluster
    duration = azure.latencies.cluster_stop

    def finish() -> None:
        cluster.properties["powerState"] = {"code": "Stopped"}
        for pool in cluster.properties["agentPoolProfiles"]:
            pool["powerState"] = {"code": "Stopped"}
        host = cluster.properties.pop("privateFQDN", None)
        if host:
            cluster.hidden["private_fqdn"] = host
        settle(cluster.properties, "Succeeded")

    remove = partial(node_group.remove_endpoint, azure, cluster)
    return timeline.start([(duration / 2, remove)], duration=duration, finish=finish)


def start(timeline: Timeline) -> Operation:
    """The endpoint comes back with another address, the record follows, the nodes look for it again."""
    azure, cluster = timeline.azure, timeline.cluster
    duration = azure.latencies.cluster_start

    def entry() -> None:
        check_networks(azure, cluster)
        host = cluster.hidden.pop("private_fqdn", None)
        if host:
            cluster.properties["privateFQDN"] = host
        if node_group.entry_missing(azure, cluster):
            node_group.make_entry(azure, cluster)

    def finish() -> None:
        cluster.properties["powerState"] = {"code": "Running"}
        for pool in cluster.properties["agentPoolProfiles"]:
            pool["powerState"] = {"code": "Running"}
        settle(cluster.properties, "Succeeded")

    steps: list[tuple[float, Step]] = [
        (duration / 4, entry),
        (duration / 3, partial(node_group.write_record, azure, cluster)),
        (duration / 2, timeline.boot_nodes),
    ]
    return timeline.start(steps, duration=duration, finish=finish)


def delete(timeline: Timeline) -> Operation:
    """At the end the node resource group goes with everything in it, ours included, and then the cluster."""
    azure, cluster = timeline.azure, timeline.cluster
    for pool in cluster.properties["agentPoolProfiles"]:
        pool["provisioningState"] = "Deleting"

    def finish() -> None:
        kubenet.detach_table(azure, cluster)
        node_group.remove_group(azure, cluster)
        azure.store.remove_tree(cluster.id)

    return timeline.start([], duration=azure.latencies.cluster_delete, finish=finish)
