"""The fleet as Resource Graph has it: enough of a world to run the planner on, never enough to write from.

Resource Graph lags behind without a stated bound, and the layout of A records in `dnsresources` is not documented.
So whatever the planner wants on this world only makes a place a suspect.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from shared.model.azure_types import (
    AKS_ZONE_SUFFIXES,
    API_SERVER_NAME,
    LOAD_BALANCER,
    PRIVATE_DNS_ZONE,
    PRIVATE_ENDPOINT,
)
from shared.model.resource_id import ResourceId
from shared.model.rights import RoleAssignment
from shared.model.security_groups import SecurityGroup
from shared.model.world import (
    ApiServer,
    Cluster,
    Endpoint,
    Hub,
    Link,
    ObservedCluster,
    RouteTable,
    VirtualNetwork,
    World,
    Zone,
)
from shared.plan.api_rules import record_name
from shared.settings import Settings

Addresses = tuple[IPv4Address, ...]


@dataclass(frozen=True, kw_only=True)
class FleetRows:
    """What the queries found. `records` are by the id of the record set."""

    clusters: tuple[Cluster, ...] = ()
    vnets: tuple[VirtualNetwork, ...] = ()
    zones: tuple[ResourceId, ...] = ()
    links: tuple[Link, ...] = ()
    records: Mapping[ResourceId, Addresses] = field(default_factory=dict)
    endpoints: tuple[Endpoint, ...] = ()
    route_tables: tuple[RouteTable, ...] = ()
    security_groups: tuple[SecurityGroup, ...] = ()
    role_assignments: tuple[RoleAssignment, ...] = ()


def fleet_world(rows: FleetRows, hub: Hub, registered: Iterable[ApiServer], settings: Settings) -> World:
    """The world that the planner is asked about, with every place of the fleet in it.

    Hub and monitoring VNets are those read from Resource Manager, as every verdict rests on them.
    """
    vnets = {vnet.id: vnet for vnet in rows.vnets} | {vnet.id: vnet for vnet in (hub.vnet, *hub.monitoring)}
    rows_of_registry = tuple(registered)
    by_cluster = {row.cluster: row for row in rows_of_registry}
    zones = fleet_zones(rows)
    endpoints = {endpoint.id: endpoint for endpoint in rows.endpoints}
    clusters = tuple(
        ObservedCluster(
            cluster=cluster,
            zone=_zone_of(cluster, zones, _endpoint_of(cluster, endpoints), records=bool(rows.records)),
            endpoint=_endpoint_of(cluster, endpoints),
            registered=by_cluster.get(cluster.id),
        )
        for cluster in rows.clusters
        if settings.allows_subscription(cluster.id.subscription_id)
    )
    return World(
        hub=hub,
        clusters=clusters,
        stray_zones=_stray(zones, clusters, settings),
        all_registered=rows_of_registry,
        vnets=vnets,
        subnets_in_scope=_subnets(clusters, vnets.values(), hub, settings),
        route_tables={table.id: table for table in rows.route_tables},
    )


def subnet_prefixes(world: World) -> dict[ResourceId, tuple[IPv4Network, ...]]:
    """The prefixes of every subnet of the fleet."""
    return {subnet.id: subnet.prefixes for vnet in world.vnets.values() for subnet in vnet.subnets}


def fleet_zones(rows: FleetRows) -> dict[ResourceId, Zone]:
    """Every zone that was found, with its links and records."""
    links: dict[ResourceId, list[Link]] = defaultdict(list)
    for link in rows.links:
        links[link.id.parent].append(link)
    records: dict[ResourceId, dict[str, Addresses]] = defaultdict(dict)
    for record, addresses in rows.records.items():
        records[record.parent][record.name.lower()] = addresses
    return {zone: Zone(id=zone, links=tuple(links[zone]), records=records[zone]) for zone in rows.zones}


def _zone_of(
    cluster: Cluster, zones: Mapping[ResourceId, Zone], endpoint: Endpoint | None, *, records: bool
) -> Zone | None:
    zone = _named_zone(cluster, zones)
    if zone is None or endpoint is None or records:
        return zone
    # No record of the whole fleet could be read: the layout is not what we know. Then records prove nothing here,
    # neither for nor against; Resource Manager's own records are read wherever something else is suspect.
    return Zone(id=zone.id, links=zone.links, records={record_name(cluster, zone): (endpoint.address,)})


def _named_zone(cluster: Cluster, zones: Mapping[ResourceId, Zone]) -> Zone | None:
    if cluster.zone_id is not None:
        return zones.get(cluster.zone_id, Zone(id=cluster.zone_id))
    if cluster.zone_mode == "none" or not cluster.private_fqdn:
        return None
    # The zone of a system-mode cluster is called as its private FQDN without the first label.
    name = cluster.private_fqdn.lower().split(".", 1)[-1]
    return zones.get(cluster.node_group.resource(PRIVATE_DNS_ZONE, name))


def _stray(
    zones: Mapping[ResourceId, Zone], clusters: Iterable[ObservedCluster], settings: Settings
) -> tuple[Zone, ...]:
    """AKS zones in our care that no cluster uses; a stopped cluster does not tell which zone in its group it uses."""
    known = list(clusters)
    used = {item.zone.id for item in known if item.zone}
    asleep = {item.cluster.node_group for item in known if not item.cluster.running}
    return tuple(
        zone
        for zone in zones.values()
        if zone.id in settings.trusted_zone_ids
        or (zone.name.endswith(AKS_ZONE_SUFFIXES) and settings.allows_subscription(zone.id.subscription_id))
        if zone.id not in used and zone.id.group not in asleep
    )


def _endpoint_of(cluster: Cluster, endpoints: Mapping[ResourceId, Endpoint]) -> Endpoint | None:
    kind = LOAD_BALANCER if cluster.vnet_integration else PRIVATE_ENDPOINT
    return endpoints.get(cluster.node_group.resource(kind, API_SERVER_NAME))


def _subnets(
    clusters: Iterable[ObservedCluster], vnets: Iterable[VirtualNetwork], hub: Hub, settings: Settings
) -> tuple[ResourceId, ...]:
    used = {subnet for observed in clusters for subnet in observed.cluster.subnets}
    meant = {
        subnet.id
        for vnet in vnets
        for subnet in vnet.subnets
        if hub.is_monitoring(vnet.id) or settings.names_aks_subnet(subnet.id.name)
    }
    return tuple(sorted(used | meant))
