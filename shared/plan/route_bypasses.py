"""Rule: the default route to the firewall decides; no more specific route takes its place. Only told.

Routes that somebody adds carry no mark of ours and are not deleted: a finding says what they take. In a table of ours
every such route is told; in a foreign one those that take what must pass the firewall. Left alone are routes to the
firewall, those of the VNet's own space inside it (VnetLocal), and the pod routes that AKS writes into a kubenet
cluster's table (https://learn.microsoft.com/azure/aks/configure-kubenet).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, ip_address

from shared.model.resource_id import ResourceId
from shared.model.world import Cluster, Route, RouteTable, Subnet, VirtualNetwork, World
from shared.plan.finding import Code, Finding, Severity
from shared.plan.names import DEFAULT_ROUTE_NAME
from shared.plan.next_hops import VIRTUAL_APPLIANCE, goes_to, in_words, is_dropped, is_understood
from shared.plan.route_prefixes import decides, half_of_the_internet, network_of

_MOST_NAMED = 10
_MOST_PLACES = 3


@dataclass(frozen=True, kw_only=True)
class RoutedSubnet:
    """A subnet that must send its traffic to the firewall, with its VNet and the clusters on it."""

    subnet: Subnet
    vnet: VirtualNetwork
    clusters: tuple[Cluster, ...]


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where traffic is meant to go. `vital`: between monitoring and clusters, or to the firewall itself."""

    name: str
    networks: tuple[IPv4Network, ...]
    vital: bool = True


@dataclass(frozen=True, kw_only=True)
class _Detour:
    """A route that does not lead to the firewall; `network` is None for IPv6 and service tags."""

    route: Route
    network: IPv4Network | None

    def __str__(self) -> str:
        return f"{self.route.name} ({self.route.prefix} to {in_words(self.route)})"


class Bypasses:
    """Finds the routes that decide instead of the default route; one object for one plan."""

    def __init__(self, world: World, next_hop: IPv4Address) -> None:
        self._world = world
        self._next_hop = next_hop

    def of_table(self, table: RouteTable, users: Sequence[RoutedSubnet]) -> Iterator[Finding]:
        """What is wrong with the routes of a table that these subnets have."""
        default = table.default_route
        if default and not goes_to(default, self._next_hop) and not _is_ours_to_mend(table, default):
            return  # ROUTE_FOREIGN_NEXT_HOP, which tells it for the whole table
        others = []
        detours = list(self._detours(table, users))
        halves = _halves(detours, table)
        for detour in detours:
            places = list(self._taken(detour, table, users, half=detour.route.name in halves))
            if places:
                yield self._takes(detour, table, places)
            elif table.ours:
                others.append(detour)
        yield from self._others(table, others)

    def _detours(self, table: RouteTable, users: Sequence[RoutedSubnet]) -> Iterator[_Detour]:
        for route in sorted(_holding(table), key=lambda route: route.name):
            if route.is_default or goes_to(route, self._next_hop):
                continue
            network = network_of(route)
            if not (_is_local(route, network, users) or _is_pod_route(route, users)):
                yield _Detour(route=route, network=network)

    def _taken(
        self, detour: _Detour, table: RouteTable, users: Sequence[RoutedSubnet], *, half: bool
    ) -> Iterator[_Place]:
        """What a route takes off the firewall."""
        if half:
            yield _Place(name="the Internet (half of it or more, all such routes together)", networks=())
        network, found = detour.network, dict[str, _Place]()
        if network is None:
            return
        routes = [known for known in map(network_of, _holding(table)) if known]
        for vnet, clustered in _homes(users):
            others = [*routes, *self._system_routes(vnet, table)]
            places = self._single_places(vnet) if _is_single(network) else self._places(vnet, clustered=clustered)
            found |= {place.name: place for place in places if decides(network, place.networks, others)}
        yield from found.values()

    def _places(self, vnet: VirtualNetwork, *, clustered: bool) -> Iterator[_Place]:
        """Where the traffic of a VNet's subnets goes that must pass the firewall, or end in the hub."""
        hub = self._world.hub
        yield self._firewall
        if hub.vnet.id != vnet.id and not hub.is_monitoring(hub.vnet.id):
            yield _Place(name=f"the hub VNet {hub.vnet.id.name}", networks=hub.vnet.address_space, vital=False)
        watches = hub.is_monitoring(vnet.id)
        if clustered or not watches:
            for other in hub.monitoring:
                if other.id != vnet.id:
                    yield _Place(name=f"the monitoring VNet {other.id.name}", networks=other.address_space)
        if watches:
            yield from (place for home, place in self._spokes if home != vnet.id)

    def _single_places(self, vnet: VirtualNetwork) -> Iterator[_Place]:
        """The single addresses that matter; people route others for private endpoints, nobody's path to a cluster."""
        yield self._firewall
        if self._world.hub.is_monitoring(vnet.id):
            yield from self._api_servers

    @cached_property
    def _firewall(self) -> _Place:
        return _Place(name=f"the firewall's own address {self._next_hop}", networks=(IPv4Network(self._next_hop),))

    @cached_property
    def _spokes(self) -> tuple[tuple[ResourceId, _Place], ...]:
        """The VNets that clusters live in; every spoke of the hub, where not the whole registry is known."""
        world = self._world
        homes = {home for cluster in world.known_clusters for home in cluster.vnets}
        homes |= {subnet.parent for row in world.all_registered for subnet in row.subnets}
        if not world.all_registered:
            peers = {side.remote_vnet for side in world.hub.vnet.peerings}
            homes |= {peer for peer in peers if not world.hub.is_monitoring(peer)}
        spaces = ((home, self._space(home)) for home in sorted(homes) if home != world.hub.vnet.id)
        return tuple((home, _Place(name=f"the spoke VNet {home.name}", networks=space)) for home, space in spaces)

    @cached_property
    def _api_servers(self) -> tuple[_Place, ...]:
        world = self._world
        addresses = {row.cluster: row.address for row in world.all_registered if row.address}
        addresses |= {seen.cluster.id: seen.endpoint.address for seen in world.clusters if seen.endpoint}
        return tuple(
            _Place(name=f"the API server of {cluster.name}", networks=(IPv4Network(address),))
            for cluster, address in sorted(addresses.items())
        )

    def _space(self, vnet: ResourceId) -> tuple[IPv4Network, ...]:
        """A VNet's address space, as it was read or as the hub's peering has it."""
        world = self._world
        known = (world.hub.vnet, *world.hub.monitoring)
        found = world.vnets.get(vnet) or next((item for item in known if item.id == vnet), None)
        side = world.hub.vnet.peering_to(vnet)
        return found.address_space if found else side.remote_space if side else ()

    def _system_routes(self, vnet: VirtualNetwork, table: RouteTable) -> Iterator[IPv4Network]:
        yield from vnet.address_space
        for side in vnet.peerings:
            if side.connected and table.peering_routes:
                yield from side.remote_space or self._space(side.remote_vnet)

    def _takes(self, detour: _Detour, table: RouteTable, places: Sequence[_Place]) -> Finding:
        route, expected = detour.route, f"{VIRTUAL_APPLIANCE} {self._next_hop}"
        what = _some([place.name for place in places], _MOST_PLACES)
        known = is_understood(route)
        if is_dropped(route):
            says = f"drops traffic for {what}"
        elif known:
            says = f"takes traffic for {what} around the firewall"
        else:
            says = f"decides about {what}, and whether its next hop is the firewall is unknown"
        vital = known and any(place.vital for place in places)
        return Finding(
            code=_code(route),
            severity=Severity.ERROR if vital else Severity.WARNING,
            resource=_id_of(route, table),
            message=f"The route {route.name} ({route.prefix}) {says}. Expected {expected}; found {in_words(route)}.",
            fix=self._fix([route], table),
        )

    def _others(self, table: RouteTable, detours: Sequence[_Detour]) -> Iterator[Finding]:
        """Routes of our table that take nothing we know of: one finding for each code."""
        for code in (Code.ROUTE_BLACK_HOLE, Code.ROUTE_BYPASSES_FIREWALL):
            found = [detour for detour in detours if _code(detour.route) is code]
            if not found:
                continue
            count = "One route" if len(found) == 1 else f"{len(found)} routes"
            yield Finding(
                code=code,
                severity=Severity.WARNING,
                resource=table.id,
                message=(
                    f"{count} of our table decide{'s' if len(found) == 1 else ''} instead of the default route. "
                    f"Expected {VIRTUAL_APPLIANCE} {self._next_hop}; found {_some(list(map(str, found)), _MOST_NAMED)}."
                ),
                fix=self._fix([detour.route for detour in found], table),
            )

    def _fix(self, routes: Sequence[Route], table: RouteTable) -> str:
        ids = " ".join(shlex.quote(str(_id_of(route, table))) for route in routes[:_MOST_NAMED])
        hop = f"--next-hop-type {VIRTUAL_APPLIANCE} --next-hop-ip-address {self._next_hop}"
        return (
            f"Unless it is meant: `az network route-table route delete --ids {ids}`, or point it at the firewall: "
            f"`az network route-table route update --ids {ids} {hop}`. The app deletes only what it made."
        )


def _holding(table: RouteTable) -> Iterator[Route]:
    """The routes that hold: not those whose last write failed."""
    return (route for route in table.routes if not route.failed)


def _is_single(network: IPv4Network) -> bool:
    return network.prefixlen == network.max_prefixlen


def _is_ours_to_mend(table: RouteTable, route: Route) -> bool:
    return table.ours or route.name == DEFAULT_ROUTE_NAME


def _is_local(route: Route, network: IPv4Network | None, users: Iterable[RoutedSubnet]) -> bool:
    if network is None or route.next_hop_type.lower() != "vnetlocal":
        return False
    return any(network.subnet_of(space) for user in users for space in user.vnet.address_space)


def _is_pod_route(route: Route, users: Iterable[RoutedSubnet]) -> bool:
    """Whether a route leads to a node of a kubenet cluster."""
    if route.next_hop_type.lower() != VIRTUAL_APPLIANCE.lower() or not route.next_hop_address:
        return False
    kubenet = (user.subnet for user in users if any(item.network_plugin.lower() == "kubenet" for item in user.clusters))
    try:
        node = ip_address(route.next_hop_address)
    except ValueError:
        return False
    return any(node in prefix for subnet in kubenet for prefix in subnet.prefixes)


def _halves(detours: Iterable[_Detour], table: RouteTable) -> frozenset[str]:
    away = {detour.route.name: detour.network for detour in detours if detour.network}
    if not away:
        return frozenset()
    parsed = ((route.name, network_of(route)) for route in _holding(table))
    return half_of_the_internet(away, {name: network for name, network in parsed if network})


def _homes(users: Iterable[RoutedSubnet]) -> Iterator[tuple[VirtualNetwork, bool]]:
    """The VNets of the subnets, each once, and whether a subnet there is for clusters rather than for monitoring."""
    found: dict[ResourceId, tuple[VirtualNetwork, bool]] = {}
    for user in users:
        _, before = found.get(user.vnet.id, (user.vnet, False))
        found[user.vnet.id] = (user.vnet, before or bool(user.clusters))
    yield from found.values()


def _code(route: Route) -> Code:
    return Code.ROUTE_BLACK_HOLE if is_dropped(route) else Code.ROUTE_BYPASSES_FIREWALL


def _id_of(route: Route, table: RouteTable) -> ResourceId:
    return table.id.child("routes", route.name)


def _some(names: Sequence[str], most: int) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
