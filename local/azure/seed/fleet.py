"""A fleet: many spokes with many running clusters, written straight into the tenant."""

from __future__ import annotations

from typing import Any

from local.azure.authorization.models import NETWORK_CONTRIBUTOR, make_assignment
from local.azure.azure import Azure
from local.azure.managed_clusters import node_group
from local.azure.managed_clusters.bodies import CLUSTER, complete, new_cluster, settle
from local.azure.managed_clusters.models import cluster_id
from local.azure.private_dns.models import completed_link
from local.azure.seed.bodies import LOCATION, cluster_body, network_rule, route_table_body, rule_group_body, subnet_body
from local.azure.seed.calls import Caller, in_silence, no_waiting
from local.azure.seed.contoso import (
    FIREWALL_IP,
    HUB_VNET,
    MONITORING,
    NODE_SUBNET,
    POLICY,
    Spoke,
    build_spoke,
    contoso,
    description,
    grant_app,
    group_id,
    refuse_unknown,
    subscription,
)
from local.azure.seed.grants import grant_name, identity_of
from local.azure.store import Resource

FIRST_SPOKE = 10
MAX_SPOKES = 240
SHARED_ZONE = f"{group_id(0, 'rg-dns')}/providers/Microsoft.Network/privateDnsZones/privatelink.{LOCATION}.azmk8s.io"
GROUP_BY_HAND = f"{POLICY}/ruleCollectionGroups/rcg-by-hand"


def fleet(azure: Azure, options: dict[str, Any]) -> dict[str, Any]:
    """Contoso's hub and monitoring spoke, and `spokes` x `clusters_per_spoke` running clusters around them.

    Options:
        spokes: how many, up to 240 (default 4); each a subscription with a VNet 10.<number>.0.0/16.
        clusters_per_spoke: default 5; they share the spoke's node subnet.
        compliant: true, false (default) or the fraction that the monitoring VNet reaches: as somebody would have
            done it by hand, with links of other names and a rule collection group that is not the app's.
        shared_zone: whether all clusters use one zone of the owner's (default false). Azure links a VNet to at most
            1,000 zones, so a hub takes more clusters than that only this way.
    """
    refuse_unknown(options, {"spokes", "clusters_per_spoke", "compliant", "shared_zone"})
    count, each = int(options.get("spokes", 4)), int(options.get("clusters_per_spoke", 5))
    if not 0 < count <= MAX_SPOKES:
        raise ValueError(f"spokes must be 1 to {MAX_SPOKES}")
    contoso(azure, {})
    spokes = [_spoke(number) for number in range(FIRST_SPOKE, FIRST_SPOKE + count)]
    azure.subscriptions.update(subscription(spoke.number) for spoke in spokes)
    with in_silence(azure), no_waiting(azure):
        call = Caller(azure)
        for spoke in spokes:
            build_spoke(call, spoke, dns=[], with_subnet=False)
            _attach_table(call, spoke.vnet_id, NODE_SUBNET, f"10.{spoke.number}.16.0/20", group=_group(spoke))
        zone = _make_shared_zone(call) if options.get("shared_zone") else None
        clusters = [_cluster(azure, spoke, index, zone) for spoke in spokes for index in range(each)]
        _let_identities_join(azure, spokes, clusters)
        done = clusters[: round(len(clusters) * float(options.get("compliant", False)))]
        _connect_by_hand(azure, call, done)
    grant_app(azure, [*(f"/subscriptions/{subscription(spoke.number)}" for spoke in spokes), *([zone] if zone else [])])
    answer = description((MONITORING, *spokes))
    if zone:
        answer["settings"]["TRUSTED_ZONE_IDS"] = zone
    return {**answer, "clusters": [item.id for item in clusters], "compliant": [item.id for item in done]}


def _spoke(number: int) -> Spoke:
    return Spoke(number=number, group=f"rg-spoke-{number}", vnet=f"vnet-spoke-{number}")


def _group(spoke: Spoke) -> str:
    return group_id(spoke.number, spoke.group)


def _attach_table(call: Caller, vnet_id: str, subnet: str, prefix: str, *, group: str) -> None:
    table = f"{group}/providers/Microsoft.Network/routeTables/rt-by-hand"
    call.put(table, route_table_body(FIREWALL_IP))
    call.put(f"{vnet_id}/subnets/{subnet}", subnet_body(prefix, route_table=table))


def _make_shared_zone(call: Caller) -> str:
    call.put(SHARED_ZONE.split("/providers/", maxsplit=1)[0], {"location": LOCATION})
    call.put(SHARED_ZONE, {"location": "global"})
    return SHARED_ZONE


def _cluster(azure: Azure, spoke: Spoke, index: int, own_zone: str | None) -> Resource:
    name = f"aks-{spoke.number}-{index}"
    resource_id = cluster_id(subscription(spoke.number), spoke.group, name)
    identity = f"{_group(spoke)}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/aks" if own_zone else None
    body = cluster_body(f"{spoke.vnet_id}/subnets/{NODE_SUBNET}", prefix=name, zone=own_zone, identity=identity)
    cluster = Resource(id=resource_id, type=CLUSTER, body=new_cluster(resource_id, body, birth=0))
    node_group.make_group(azure, cluster)
    node_group.make_zone(azure, cluster)
    node_group.make_entry(azure, cluster)
    node_group.write_record(azure, cluster)
    zone = _zone(azure, cluster)
    if index == 0 or not own_zone:
        # The checks of a link look at all links: too slow for thousands, and nothing here can overlap.
        cluster.hidden["own_link"] = azure.store.put(completed_link(zone, node_group.label(cluster), spoke.vnet_id)).id
    complete(cluster.id, cluster.properties)
    settle(cluster.properties, "Succeeded")
    cluster.hidden["nodes_joined"] = True
    return azure.store.put(cluster)


def _let_identities_join(azure: Azure, spokes: list[Spoke], clusters: list[Resource]) -> None:
    vnet_of = {subscription(spoke.number): spoke.vnet_id for spoke in spokes}
    identities = {(vnet_of[cluster.subscription], identity_of(cluster.body)) for cluster in clusters}
    for vnet, identity in sorted(identities):
        azure.store.put(make_assignment(vnet, grant_name(vnet, identity), NETWORK_CONTRIBUTOR, identity))


def _zone(azure: Azure, cluster: Resource) -> Resource:
    zone = azure.store.get(node_group.zone_id(cluster) or "")
    if zone is None:
        raise ValueError(f"{cluster.name} has no zone")
    return zone


def _connect_by_hand(azure: Azure, call: Caller, clusters: list[Resource]) -> None:
    if not clusters:
        return
    zones = {zone.key: zone for zone in (_zone(azure, cluster) for cluster in clusters)}
    for zone in zones.values():
        for name, vnet in (("hub-by-hand", HUB_VNET), ("monitoring-by-hand", MONITORING.vnet_id)):
            azure.store.put(completed_link(zone, name, vnet))
    rules = [
        network_rule(cluster.name, [f"10.{MONITORING.number}.0.0/16"], [cluster.hidden["address"]], ["443"])
        for cluster in clusters
    ]
    call.put(GROUP_BY_HAND, rule_group_body(300, *rules, name="api-servers"))
    for subnet, prefix in (("vm", f"10.{MONITORING.number}.0.0/24"), (NODE_SUBNET, f"10.{MONITORING.number}.16.0/20")):
        _attach_table(call, MONITORING.vnet_id, subnet, prefix, group=group_id(2, MONITORING.group))
