"""The effective routes of a subnet, and which of them a packet takes.

Longest prefix first; of equal prefixes the user's before BGP's before the system's. A user's 0.0.0.0/0 removes the
system's None routes for private addresses. A private endpoint adds a /32 in its own VNet and in those directly
peered (https://learn.microsoft.com/azure/virtual-network/virtual-networks-udr-overview,
.../azure/private-link/disable-private-endpoint-network-policy).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network

from shared.model.azure_types import PLATFORM_SUBNETS
from shared.model.resource_id import ResourceId
from shared.model.world import Endpoint, RouteTable, Subnet, VirtualNetwork
from shared.reachability.world import ReachabilityWorld, is_up

EVERYTHING = IPv4Network("0.0.0.0/0")
DROPPED = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))
"""Private address space that the system's None routes drop."""


class Hop(StrEnum):
    """Where a route leads, in lower case so that answers of any case compare."""

    LOCAL = "vnetlocal"
    PEERING = "vnetpeering"
    ENDPOINT = "interfaceendpoint"
    APPLIANCE = "virtualappliance"
    ECMP = "virtualapplianceecmp"
    GATEWAY = "virtualnetworkgateway"
    INTERNET = "internet"
    NONE = "none"
    OTHER = "other"


_WORDS = {
    Hop.LOCAL: "the VNet itself",
    Hop.PEERING: "the peering with",
    Hop.ENDPOINT: "the private endpoint in",
    Hop.APPLIANCE: "the appliance at",
    Hop.ECMP: "several appliances",
    Hop.GATEWAY: "the gateway",
    Hop.INTERNET: "the Internet",
    Hop.NONE: "nowhere (None)",
    Hop.OTHER: "a next hop of unknown type",
}
DELIVERED = (Hop.LOCAL, Hop.PEERING, Hop.ENDPOINT)


@dataclass(frozen=True, kw_only=True)
class EffectiveRoute:
    """One route. `vnet`: the VNet it leads to; `address`: the appliance; `user`: whether a route table has it."""

    prefix: IPv4Network
    hop: Hop
    name: str = ""
    vnet: ResourceId | None = None
    address: IPv4Address | None = None
    user: bool = False

    def __str__(self) -> str:
        where = self.address or (self.vnet.name if self.vnet and self.hop is not Hop.LOCAL else "")
        route = f"route {self.name}" if self.user else "the system route"
        return f"{route} {self.prefix} to {_WORDS[self.hop]} {where}".rstrip()


@dataclass(frozen=True, kw_only=True)
class Routing:
    """The routes of a subnet. `table_unread`: it has a table that could not be read."""

    routes: tuple[EffectiveRoute, ...]
    table: RouteTable | None = None
    table_unread: bool = False

    def next_hop(self, destination: IPv4Address) -> EffectiveRoute | None:
        """The route that a packet to the destination takes."""
        found = (route for route in self.routes if destination in route.prefix)
        return max(found, key=lambda route: (route.prefix.prefixlen, route.user), default=None)


def routing_of(
    world: ReachabilityWorld, vnet: VirtualNetwork, subnet: Subnet, endpoint: Endpoint | None = None
) -> Routing:
    """The effective routes of a subnet; `endpoint` is the private endpoint that is to be reached, if it is one."""
    key = (subnet.id, endpoint.address if endpoint else None)
    if key not in world.routings:
        world.routings[key] = _routing(world, vnet, subnet, endpoint)
    found: Routing = world.routings[key]
    return found


def _routing(world: ReachabilityWorld, vnet: VirtualNetwork, subnet: Subnet, endpoint: Endpoint | None) -> Routing:
    table = world.route_tables.get(subnet.route_table) if subnet.route_table else None
    user = list(_user_routes(table)) if table else []
    routes = [*user, *_system_routes(world, vnet)]
    if not any(route.prefix == EVERYTHING for route in user):
        routes += [EffectiveRoute(prefix=prefix, hop=Hop.NONE) for prefix in DROPPED]
    routes += _endpoint_route(world, vnet, endpoint, user)
    unread = subnet.route_table is not None and table is None
    return Routing(routes=tuple(routes), table=table, table_unread=unread)


def _user_routes(table: RouteTable) -> Iterator[EffectiveRoute]:
    for route in table.routes:
        prefix = _network(route.prefix)
        if prefix is None or route.failed:
            continue  # IPv6, or a service tag, which stands for public addresses; or a route that holds nowhere
        kind = route.next_hop_type.lower()
        hop = Hop(kind) if kind in set(Hop) else Hop.OTHER
        address = IPv4Address(route.next_hop_address) if _is_address(route.next_hop_address) else None
        yield EffectiveRoute(prefix=prefix, hop=hop, name=route.name, address=address, user=True)


def _network(text: str) -> IPv4Network | None:
    try:
        return IPv4Network(text, strict=False)
    except ValueError:
        return None


def _is_address(text: str | None) -> bool:
    network = _network(text or "-")
    return network is not None and network.prefixlen == 32


def _system_routes(world: ReachabilityWorld, vnet: VirtualNetwork) -> Iterator[EffectiveRoute]:
    yield EffectiveRoute(prefix=EVERYTHING, hop=Hop.INTERNET)
    for prefix in vnet.address_space:
        yield EffectiveRoute(prefix=prefix, hop=Hop.LOCAL, vnet=vnet.id)
    for peering in vnet.peerings:
        for prefix in world.remote_space(vnet, peering.remote_vnet):
            yield EffectiveRoute(prefix=prefix, hop=Hop.PEERING, vnet=peering.remote_vnet)


def _endpoint_route(
    world: ReachabilityWorld, vnet: VirtualNetwork, endpoint: Endpoint | None, user: list[EffectiveRoute]
) -> list[EffectiveRoute]:
    home = endpoint.subnet.parent if endpoint and endpoint.subnet else None
    if endpoint is None or home is None:
        return []
    peering = vnet.peering_to(home)
    near = home == vnet.id or (peering is not None and is_up(peering))
    if not near or _overruled(world, endpoint, user):
        return []
    return [EffectiveRoute(prefix=IPv4Network(endpoint.address), hop=Hop.ENDPOINT, vnet=home)]


def _overruled(world: ReachabilityWorld, endpoint: Endpoint, user: list[EffectiveRoute]) -> bool:
    """With route policies on the endpoint's subnet, a route no wider than the VNet's space takes precedence."""
    subnet = world.subnet(endpoint.subnet)
    if subnet is None or subnet.endpoint_policies.lower() not in ("enabled", "routetableenabled"):
        return False
    home = world.vnets[subnet.id.parent]
    spaces = [prefix for prefix in home.address_space if endpoint.address in prefix]
    mine = [route.prefix for route in user if endpoint.address in route.prefix]
    return any(prefix.subnet_of(space) for prefix in mine for space in spaces)


def gateway_routes_possible(vnet: VirtualNetwork, table: RouteTable | None) -> bool:
    """Whether a gateway could give the subnet routes by BGP, which Resource Manager does not show."""
    if table is not None and not table.gateway_routes:
        return False
    names = {subnet.id.name.lower() for subnet in vnet.subnets} & PLATFORM_SUBNETS
    own = bool(names & {"gatewaysubnet", "routeserversubnet"})
    return own or any(peering.uses_remote_gateways and is_up(peering) for peering in vnet.peerings)
