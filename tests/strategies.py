"""Hypothesis strategies: ids, and worlds of a few spokes in which much is right and much is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from random import Random
from typing import TypeVar
from uuid import UUID

from hypothesis import strategies as st

from shared.model import azure_types
from shared.model.resource_id import ResourceId
from shared.model.world import (
    ApiServer,
    Cluster,
    Hub,
    Link,
    ObservedCluster,
    Peering,
    Route,
    RouteTable,
    Subnet,
    VirtualNetwork,
    World,
    Zone,
)
from shared.plan.names import link_name
from tests import builders
from tests.builders import BYO_ZONE_ID, FIREWALL, HUB_ID, MONITORING_ID, NOW, group

T = TypeVar("T")


class Choices:
    """Decisions read from drawn bytes: one cheap draw for a whole world, and zero is always the first option."""

    def __init__(self, data: bytes) -> None:
        self._left = iter(data)

    def of(self, *options: T) -> T:
        """One of the options."""
        return options[next(self._left, 0) % len(options)]

    def some(self, options: Sequence[T], most: int) -> list[T]:
        """At most `most` of the options, none twice."""
        left = list(options)
        return [left.pop(next(self._left, 0) % len(left)) for _ in range(min(self.of(*range(most + 1)), len(left)))]

    def mostly(self) -> bool:
        return self.of(True, True, True, True, False)

    def seldom(self) -> bool:
        return self.of(False, False, False, False, True)

    def maybe(self) -> bool:
        return self.of(False, True)


# Ids

names = st.from_regex(r"[A-Za-z0-9_äÖß][A-Za-z0-9_.()\-]{0,20}[A-Za-z0-9_)]", fullmatch=True).filter(
    lambda name: ".." not in name
)
kinds = st.sampled_from(["virtualNetworks", "subnets", "privateDnsZones", "A", "virtualNetworkLinks", "routeTables"])
subscriptions = st.builds(lambda number: str(UUID(int=number)), st.integers(0, 2**128 - 1))


@st.composite
def _resource_ids(draw: st.DrawFn) -> ResourceId:
    pairs = draw(st.lists(st.tuples(kinds, names), max_size=3))
    provider = draw(st.sampled_from(["Microsoft.Network", "microsoft.containerservice"])) if pairs else ""
    return ResourceId(
        draw(subscriptions), draw(names), provider, tuple(kind for kind, _ in pairs), tuple(name for _, name in pairs)
    )


resource_ids = _resource_ids()


seeds = st.integers(0, 2**32).map(Random)
"""Randomness of Python's own: Hypothesis' would draw, and shrink, every single choice."""


def recased(text: str, random: Random) -> str:
    """The text in another casing, as Azure likes to answer; bytes know ASCII letters only."""
    change = random.choice((bytes.upper, bytes.lower, bytes.swapcase, bytes.title))
    return change(text.encode()).decode()


# Networks

SPOKES = tuple(
    group(f"rg-network-{number % 2}").resource(azure_types.VIRTUAL_NETWORK, f"vnet-spoke-{number}")
    for number in range(3)
)
MANAGED = builders.NODE_GROUP.resource(azure_types.VIRTUAL_NETWORK, "aks-vnet-12345678")
SUBNET_NAMES = ("nodes", "pods", "snet-aks-blue", "vms", "GatewaySubnet", "AzureBastionSubnet")
PATTERN = "^snet-aks-"
TABLES = tuple(group("rg-tables").resource(azure_types.ROUTE_TABLE, f"rt-{number}") for number in range(4))
SOMEWHERE = IPv4Address("10.9.9.9")
SPACES = {vnet: IPv4Network(f"10.{20 + number}.0.0/16") for number, vnet in enumerate((*SPOKES, MANAGED))}
DELEGATION = "Microsoft.ContainerService/managedClusters"


def _peering(choose: Choices, remote: ResourceId) -> tuple[Peering, ...]:
    """One side of a peering: mostly good, sometimes half made, sometimes missing."""
    if choose.mostly() or choose.mostly():
        return (builders.peering(remote),)
    return choose.of(
        (),
        (builders.peering(remote, state="Initiated"),),
        (builders.peering(remote, state="Disconnected"),),
        (builders.peering(remote, allows_access=False),),
    )


def _routes(choose: Choices) -> tuple[Route, ...]:
    default = choose.of(
        (builders.default_route(),),
        (),
        (builders.default_route(name="theirs"),),
        (builders.default_route(next_hop_address=str(SOMEWHERE)),),
        (builders.default_route(name="theirs", next_hop_type="Internet", next_hop_address=None),),
        (builders.default_route(name="theirs", next_hop_type="VirtualApplianceEcmp", next_hop_address=None),),
    )
    other = builders.default_route(name="to-onprem", prefix="192.168.0.0/16", next_hop_address=str(SOMEWHERE))
    return (*default, *([other] if choose.maybe() else []))


def _table(choose: Choices, table: ResourceId) -> RouteTable:
    location = choose.of("westeurope", "WestEurope", "northeurope")
    routes = tuple(
        replace(route, provisioning_state="Failed" if choose.seldom() else "Succeeded") for route in _routes(choose)
    )
    state = "Failed" if choose.seldom() else "Succeeded"
    return RouteTable(
        id=table,
        location=location,
        ours=choose.maybe(),
        routes=routes,
        gateway_routes=choose.seldom(),
        provisioning_state=state,
    )


def _vnet(choose: Choices, vnet: ResourceId, tables: Sequence[ResourceId]) -> VirtualNetwork:
    subnets = tuple(
        Subnet(
            id=vnet.child("subnets", name),
            prefixes=(),
            route_table=choose.of(None, None, *tables),
            delegations=(DELEGATION,) if choose.seldom() else (),
        )
        for name in ("nodes", *choose.some(SUBNET_NAMES[1:], 3))
    )
    return VirtualNetwork(
        id=vnet,
        location=choose.of("westeurope", "westeurope", "northeurope"),
        address_space=(SPACES.get(vnet, IPv4Network("10.50.0.0/16")),),
        subnets=subnets,
        peerings=_peering(choose, HUB_ID),
        provisioning_state="Updating" if choose.seldom() else "Succeeded",
    )


# Clusters and zones


def _links(choose: Choices, zone: ResourceId) -> tuple[Link, ...]:
    found = []
    for target in choose.some((HUB_ID, MONITORING_ID, SPOKES[0]), 3):
        ours = choose.maybe()
        provisioning, state = choose.of(
            ("Succeeded", "Completed"), ("Succeeded", "InProgress"), ("Failed", "InProgress")
        )
        name = link_name(target) if ours else f"by-hand-{target.name}"
        found.append(
            builders.link(target, zone, name=name, ours=ours, provisioning_state=provisioning, link_state=state)
        )
    return tuple(found)


def _cluster(choose: Choices, number: int, places: Sequence[ResourceId]) -> Cluster:
    cluster_id = group("rg-aks").resource(azure_types.MANAGED_CLUSTER, f"aks-{number}")
    mode = choose.of("system", "system", "custom", "none")
    host = {"system": f"{number:08d}.privatelink.westeurope.azmk8s.io", "custom": BYO_ZONE_ID.name, "none": ""}[mode]
    stopped = choose.seldom()
    pools = [builders.pool(choose.of(*places, None), choose.of(None, None, *places)) for _ in range(choose.of(1, 2))]
    return builders.cluster(
        cluster_id,
        provisioning_state=choose.of("Succeeded", "Succeeded", "Succeeded", "Creating", "Failed"),
        power_state="Stopped" if stopped else "Running",
        node_resource_group=f"MC_{number}" if number else builders.NODE_GROUP.resource_group,
        node_group_locked=choose.seldom(),
        zone_mode=mode,
        zone_id=BYO_ZONE_ID if mode == "custom" else None,
        private_fqdn=None if stopped or mode == "none" else f"{_record(cluster_id)}.{host}",
        outbound_type=choose.of("userDefinedRouting", "userDefinedRouting", "none", "loadBalancer"),
        network_plugin=choose.of("azure", "azure", "azure", "kubenet"),
        pools=tuple(pools),
    )


def _record(cluster: ResourceId) -> str:
    return f"{cluster.name}-1a2b3c4d"


def _zone(choose: Choices, cluster: Cluster, shared: Zone, recorded: IPv4Address) -> Zone | None:
    records = {_record(cluster.id): (recorded,)} if choose.mostly() else {}
    if cluster.zone_id is not None:
        return replace(shared, records=records)
    if cluster.zone_mode == "none" or not choose.mostly():
        return None
    name = (cluster.private_fqdn or "stopped.00000000.privatelink.westeurope.azmk8s.io").split(".", 1)[1]
    home = cluster.node_group if choose.mostly() else group("rg-attacker")
    zone_id = home.resource(azure_types.PRIVATE_DNS_ZONE, name)
    return Zone(id=zone_id, links=_links(choose, zone_id), records=records)


def _observed(choose: Choices, cluster: Cluster, shared: Zone) -> ObservedCluster:
    homes = sorted(cluster.vnets & set(SPACES))
    inside = [SPACES[home].network_address + 4 + offset for home in homes for offset in (0, 1)]
    address = choose.of(*inside, *inside, FIREWALL)
    recorded = address if choose.mostly() else choose.of(*inside, FIREWALL)
    zone = _zone(choose, cluster, shared, recorded)
    row = ApiServer(
        cluster=cluster.id,
        address=choose.of(address, None, SOMEWHERE),
        zone=zone.id if zone else None,
        subnets=cluster.subnets,
        outbound_type=cluster.outbound_type,
        stopped_at=NOW if choose.seldom() else None,
    )
    return ObservedCluster(
        cluster=cluster,
        zone=zone,
        endpoint=builders.endpoint(address, cluster.node_group) if choose.mostly() else None,
        registered=row if choose.maybe() else None,
    )


STRAY_ZONES = tuple(
    group(f"rg-{number}").resource(azure_types.PRIVATE_DNS_ZONE, name)
    for number, name in enumerate(("privatelink.westeurope.azmk8s.io", "privatelink.database.windows.net"))
)


def _hub(choose: Choices, networks: dict[ResourceId, VirtualNetwork], monitoring: VirtualNetwork) -> Hub:
    remotes = [*networks, MONITORING_ID]
    sides = tuple(side for remote in remotes for side in _peering(choose, remote))
    watched = (monitoring, networks[SPOKES[0]]) if choose.seldom() else (monitoring,)
    vnet = builders.vnet(HUB_ID, "10.0.0.0/16", peerings=sides)
    return Hub(vnet=vnet, monitoring=watched, firewall_address=FIREWALL if choose.mostly() else None)


def _world(choose: Choices) -> World:
    tables = {table: _table(choose, table) for table in choose.some(TABLES, 3)}
    inside = [*SPOKES[: choose.of(1, 2, 3)], *([MANAGED] if choose.maybe() else [])]
    networks = {vnet: _vnet(choose, vnet, list(tables)) for vnet in inside}
    monitoring = _vnet(choose, MONITORING_ID, list(tables))
    hub = _hub(choose, networks, monitoring)
    networks |= {MONITORING_ID: monitoring} if choose.maybe() else {}
    places = [subnet.id for vnet in SPOKES if vnet in networks for subnet in networks[vnet].subnets]
    known = [_cluster(choose, number, places) for number in range(choose.of(1, 0, 2, 3))]
    shared = Zone(id=BYO_ZONE_ID, links=_links(choose, BYO_ZONE_ID), records={})
    seen = tuple(_observed(choose, cluster, shared) for cluster in known if choose.mostly())
    gone = tuple(
        builders.api_server(cluster=group("rg-aks").resource(azure_types.MANAGED_CLUSTER, name), zone=BYO_ZONE_ID)
        for name in choose.some(("aks-old", "aks-older"), 2)
    )
    in_byo = any(cluster.zone_id == BYO_ZONE_ID for cluster in known)
    stray = choose.some(STRAY_ZONES, 2)
    return World(
        hub=hub,
        clusters=seen,
        stray_zones=tuple(Zone(id=zone, links=_links(choose, zone), records={"x": (SOMEWHERE,)}) for zone in stray),
        vnets=networks,
        subnets_in_scope=tuple(subnet.id for vnet in networks.values() for subnet in vnet.subnets),
        neighbours=tuple(known),
        route_tables=tables,
        retired=gone,
        retired_zones=() if in_byo or not gone else (shared,),
        all_registered=(*(item.registered for item in seen if item.registered), *gone),
    )


worlds = st.binary(min_size=200, max_size=200).map(Choices).map(_world)
"""Worlds as an observer may read them: every value is one that Azure could have answered."""

USUAL = {"trusted_zone_ids": str(BYO_ZONE_ID), "aks_subnet_name_pattern": PATTERN}
some_settings = st.sampled_from(
    [
        builders.settings(max_changes_per_run=1000, max_deletions_per_run=1000, **values)
        for values in (
            USUAL,
            USUAL,
            USUAL | {"spoke_subscription_ids": "*"},
            {"aks_subnet_name_pattern": ".*"},
            {"spoke_subscription_ids": builders.STRANGE_SUBSCRIPTION},
        )
    ]
)
