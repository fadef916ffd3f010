"""The effective routes of a subnet, and which of them a packet takes."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from local.azure.azure import Azure
from local.azure.dataplane.topology import open_peerings, peered_vnets, vnet_of
from local.azure.route_tables.models import routes_of
from local.azure.store import Resource
from local.azure.virtual_networks.common import space_of

ENDPOINT = "Microsoft.Network/privateEndpoints"
NOWHERE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
Address = ipaddress.IPv4Address
Network = ipaddress.IPv4Network


@dataclass(frozen=True, kw_only=True)
class Route:
    """One effective route. `hop` says how (VnetLocal, VNetPeering, InterfaceEndpoint, VirtualAppliance, ...).

    `to` is the VNet it leads to, or the appliance's address.
    """

    prefix: Network
    hop: str
    to: str
    user: bool = False

    def __str__(self) -> str:
        return f"{self.prefix} {self.hop} {self.to.rsplit('/', 1)[-1]}".rstrip()


def next_hop(azure: Azure, subnet: Resource, destination: str) -> Route | None:
    """The route a packet from the subnet takes: longest prefix, the user's before the system's."""
    address = Address(destination)
    routes = [route for route in effective_routes(azure, subnet) if address in route.prefix]
    return max(routes, key=lambda route: (route.prefix.prefixlen, route.user), default=None)


def effective_routes(azure: Azure, subnet: Resource) -> list[Route]:
    """All routes that hold in a subnet."""
    vnet = vnet_of(azure, subnet.id)
    if vnet is None:
        return []
    user = _user_routes(azure, subnet)
    routes = [*user, *_system_routes(azure, vnet)]
    if not any(route.prefix.prefixlen == 0 for route in user):
        routes += [Route(prefix=Network(prefix), hop="None", to="") for prefix in NOWHERE]
    return routes + [route for route in _endpoint_routes(azure, vnet) if not _overruled(azure, route, user)]


def _system_routes(azure: Azure, vnet: Resource) -> list[Route]:
    routes = [Route(prefix=Network("0.0.0.0/0"), hop="Internet", to="")]
    routes += [Route(prefix=prefix, hop="VnetLocal", to=vnet.id) for prefix in _space(vnet)]
    for peering, remote in open_peerings(azure, vnet):
        for prefix in peering.properties["remoteAddressSpace"]["addressPrefixes"]:
            routes.append(Route(prefix=Network(prefix), hop="VNetPeering", to=remote.id))
    return routes


def _user_routes(azure: Azure, subnet: Resource) -> list[Route]:
    reference = (subnet.properties.get("routeTable") or {}).get("id")
    table = azure.store.get(reference) if reference else None
    routes = []
    for item in routes_of(table).values() if table else ():
        properties = item.properties
        prefix = properties["addressPrefix"]
        if properties.get("provisioningState") == "Failed" or not prefix[0].isdigit() or ":" in prefix:
            continue
        hops = (properties.get("nextHop") or {}).get("nextHopIpAddresses") or [properties.get("nextHopIpAddress", "")]
        routes.append(Route(prefix=Network(prefix), hop=properties["nextHopType"], to=hops[0], user=True))
    return routes


def _endpoint_routes(azure: Azure, vnet: Resource) -> list[Route]:
    # A private endpoint adds a /32 in its own VNet and in those peered directly with it.
    near = {item.key: item for item in (vnet, *peered_vnets(azure, vnet))}
    routes = []
    for endpoint in azure.store.of_type(ENDPOINT):
        home = endpoint.properties["subnet"]["id"].rsplit("/subnets/", 1)[0]
        if home.lower() in near:
            routes += [
                Route(prefix=Network(item), hop="InterfaceEndpoint", to=home)
                for item in endpoint_addresses(azure, endpoint)
            ]
    return routes


def endpoint_addresses(azure: Azure, endpoint: Resource) -> list[str]:
    """The addresses of a private endpoint's interfaces."""
    cards = [azure.store.get(item["id"]) for item in endpoint.properties.get("networkInterfaces") or []]
    return [
        configuration["properties"]["privateIPAddress"]
        for card in cards
        if card
        for configuration in card.properties["ipConfigurations"]
    ]


def _overruled(azure: Azure, route: Route, user: list[Route]) -> bool:
    # Only with route network policies on the endpoint's subnet, and by a route no wider than the VNet's space.
    home = azure.store.get(route.to)
    if home is None:
        return True
    address = route.prefix.network_address
    policies = [
        str(subnet.properties.get("privateEndpointNetworkPolicies"))
        for subnet in home.hidden.get("subnets", {}).values()
        if any(address in Network(prefix) for prefix in prefixes(subnet))
    ]
    if not any(policy in ("Enabled", "RouteTableEnabled") for policy in policies):
        return False
    spaces = [prefix for prefix in _space(home) if address in prefix]
    return any(address in mine.prefix and mine.prefix.subnet_of(space) for mine in user for space in spaces)


def prefixes(subnet: Resource) -> list[str]:
    """The prefixes of a subnet, whichever form they were written in."""
    single = subnet.properties.get("addressPrefix")
    return subnet.properties.get("addressPrefixes") or ([single] if single else [])


def _space(vnet: Resource) -> list[Network]:
    return [prefix for prefix in space_of(vnet) if isinstance(prefix, Network)]
