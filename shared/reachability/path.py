"""Steps route, peering and return path: whether packets find the way there and back."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from shared.model.resource_id import ResourceId
from shared.model.world import VirtualNetwork
from shared.reachability.codes import ReachCode
from shared.reachability.routes import (
    DELIVERED,
    EffectiveRoute,
    Hop,
    Routing,
    gateway_routes_possible,
    routing_of,
)
from shared.reachability.trip import Trip
from shared.reachability.verdict import Step, blocked, doubted, noted, ok, unknown, worst
from shared.reachability.world import is_up

FIREWALL_SUBNET = "azurefirewallsubnet"
_APPLIANCE_TALKS_BACK = "a private endpoint's answers find back through the firewall, although it keeps the source"


def judge_route(trip: Trip) -> Step:
    """Where the source subnet sends packets for the address."""
    routing = routing_of(trip.world, trip.vnet, trip.subnet, trip.private_endpoint)
    route = routing.next_hop(trip.address)
    place = trip.subnet.route_table or trip.subnet.id
    if routing.table_unread or route is None:
        assumption = f"the route table of {trip.subnet.id.name} sends {trip.address} to the firewall"
        return unknown(ReachCode.ROUTE_UNCERTAIN, "The subnet's route table could not be read.", place, assumption)
    step = _judge_hop(trip, route, place)
    return _with_gateway(trip, routing, route, step)


def _judge_hop(trip: Trip, route: EffectiveRoute, place: ResourceId) -> Step:
    says, doubt = f"{trip.subnet.id.name} sends {trip.address} by {route}.", ""
    match route.hop:
        case Hop.APPLIANCE:
            return _judge_appliance(trip, route, place, says)
        case Hop.ECMP:
            assumption = "all of the route's appliances let the connection pass and keep both directions"
            return unknown(ReachCode.ROUTE_ECMP, says, place, assumption)
        case Hop.NONE:
            return blocked(ReachCode.ROUTE_NONE, says, place)
        case Hop.LOCAL | Hop.PEERING | Hop.ENDPOINT if not route.user or trip.vnet.holds(trip.address):
            return _judge_direct(trip, route, says)
        case Hop.LOCAL if trip.world.holder_of(trip.address, trip.vnet):
            doubt = "a route to the virtual network reaches peered ones too"
        case Hop.OTHER:
            doubt = "the route's next hop leads to the firewall"
    if doubt:
        return unknown(ReachCode.ROUTE_UNCERTAIN, says, place, doubt)
    return blocked(ReachCode.ROUTE_NOT_VIA_FIREWALL, says, place)


def _judge_appliance(trip: Trip, route: EffectiveRoute, place: ResourceId, says: str) -> Step:
    firewall = trip.world.firewall
    if firewall.address is None or route.address is None:
        assumption = f"the next hop {route.address} is the firewall"
        return unknown(ReachCode.ROUTE_UNCERTAIN, says, place, assumption)
    if route.address == firewall.address:
        return ok(ReachCode.ROUTE_VIA_FIREWALL, says, place)
    message = f"{says} The firewall is at {firewall.address}."
    if trip.world.holder_of(route.address, trip.vnet) is None:
        return blocked(ReachCode.ROUTE_NOT_VIA_FIREWALL, f"{message} Nothing near has that address.", place)
    assumption = f"an appliance at {route.address} lets the connection pass"
    return unknown(ReachCode.ROUTE_NOT_VIA_FIREWALL, message, place, assumption)


def _judge_direct(trip: Trip, route: EffectiveRoute, says: str) -> Step:
    table = trip.world.route_tables.get(trip.subnet.route_table) if trip.subnet.route_table else None
    if table and not table.peering_routes and route.hop is not Hop.LOCAL:
        assumption = "routes of peerings hold although the route table turns them off (disablePeeringRoute)"
        return unknown(ReachCode.ROUTE_UNCERTAIN, says, table.id, assumption)
    reached = route.vnet or trip.vnet.id
    peering = trip.vnet.peering_to(reached)
    step = ok(ReachCode.ROUTE_DIRECT, f"{says} It does not pass the firewall.", reached)
    if trip.target_id and reached != trip.target_id:
        message = f"{says} The API server is in {trip.target_id.name}: the address spaces overlap."
        step = blocked(ReachCode.ROUTE_NOT_VIA_FIREWALL, message, reached)
    if peering and not peering.allows_access:
        return doubted(step, f"the peering with {reached.name} has its routes although it allows no access")
    return step


def _with_gateway(trip: Trip, routing: Routing, route: EffectiveRoute, step: Step) -> Step:
    """Add the doubt that a gateway's BGP routes bring, which Resource Manager does not show."""
    if route.hop in DELIVERED or not gateway_routes_possible(trip.vnet, routing.table):
        return step
    if route.hop is Hop.GATEWAY or not route.user:
        return doubted(step, f"a gateway knows the way to {trip.address}")
    return noted(
        step, f"no gateway announces {trip.address} to {trip.vnet.id.name} more specifically than {route.prefix}"
    )


def judge_peering(trip: Trip) -> Step:
    """Whether every VNet on the way is connected with the next, both ways; the worst finding is the step."""
    target = trip.target
    if target is None:
        assumption = f"the VNet of {trip.address} is connected with the firewall's VNet, both ways"
        return unknown(ReachCode.PEERING_UNREAD, "The API server's VNet could not be read.", trip.target_id, assumption)
    if trip.direct:
        found = list(_pair(trip.vnet, target, trip.sources, (trip.address,), trip))
    else:
        found = list(_over_hub(trip, target))
    names = [trip.vnet.id.name, *([] if trip.direct else [trip.world.firewall.vnet.name]), target.id.name]
    connected = f"{' - '.join(dict.fromkeys(names))} are connected."
    return worst(found) if found else ok(ReachCode.PEERING_CONNECTED, connected, target.id)


def _over_hub(trip: Trip, target: VirtualNetwork) -> Iterator[Step]:
    hub = trip.hub
    if hub is None:
        assumption = "the firewall's VNet is connected with both ends"
        message = "The firewall's VNet could not be read."
        yield unknown(ReachCode.PEERING_UNREAD, message, trip.world.firewall.vnet, assumption)
        return
    firewall = (trip.world.firewall.address,) if trip.world.firewall.address else ()
    yield from _pair(trip.vnet, hub, trip.sources, firewall, trip)
    yield from _pair(hub, target, firewall, (trip.address,), trip)
    yield from _hub_route(trip, hub, trip.address, ReachCode.PEERING_HUB_ROUTE_ASTRAY)
    for spoke in (target, trip.vnet):
        yield from _forwarding(spoke, hub)


def _pair(
    one: VirtualNetwork,
    other: VirtualNetwork,
    here: tuple[IPv4Address, ...],
    there: tuple[IPv4Address, ...],
    trip: Trip,
) -> Iterator[Step]:
    """Both directions between two VNets: `here` are addresses of the one, `there` addresses of the other."""
    if one.id == other.id:
        return
    yield from _side(one, other, there, trip)
    yield from _side(other, one, here, trip)


def _side(
    vnet: VirtualNetwork, remote: VirtualNetwork, addresses: tuple[IPv4Address, ...], trip: Trip
) -> Iterator[Step]:
    peering = vnet.peering_to(remote.id)
    if peering is None:
        yield blocked(ReachCode.PEERING_MISSING, f"{vnet.id.name} has no peering with {remote.id.name}.", vnet.id)
        return
    resource = vnet.id.child("virtualNetworkPeerings", peering.name)
    between = f"{vnet.id.name} → {remote.id.name}"
    if not is_up(peering):
        yield blocked(ReachCode.PEERING_NOT_CONNECTED, f"The peering {between} is {peering.state}.", resource)
        return
    if not peering.allows_access:
        assumption = (
            f"that {between} allows no access only takes {remote.id.name} out of the service tag VirtualNetwork"
        )
        message = f"The peering {between} does not allow access."
        yield unknown(ReachCode.PEERING_NO_ACCESS, message, resource, assumption)
    space = trip.world.remote_space(vnet, remote.id)
    strangers = [address for address in addresses if not any(address in prefix for prefix in space)]
    if strangers:
        message = f"The peering {between} does not know {strangers[0]}."
        yield _out_of_sync(trip, message, resource, strangers[0])
    elif not peering.complete_vnets:
        assumption = f"the peering {between} includes the subnets on the way"
        message = f"The peering {between} connects only some subnets."
        yield unknown(ReachCode.PEERING_PARTIAL, message, resource, assumption)


def _out_of_sync(trip: Trip, message: str, resource: ResourceId, address: IPv4Address) -> Step:
    endpoint = trip.private_endpoint
    if endpoint and endpoint.address == address:
        # A private endpoint brings a /32 of its own into the VNets peered with its own.
        assumption = f"the private endpoint's own route for {address} holds in spite of the peering's state"
        return unknown(ReachCode.PEERING_OUT_OF_SYNC, message, resource, assumption)
    return blocked(ReachCode.PEERING_OUT_OF_SYNC, message, resource)


def _hub_route(trip: Trip, hub: VirtualNetwork, address: IPv4Address, code: ReachCode) -> Iterator[Step]:
    """What is wrong with the way from the firewall's own subnet to an address, if it is a user-defined route."""
    subnet = trip.world.subnet(trip.world.firewall.subnet)
    if subnet is None or not trip.world.firewall.is_azure_firewall:
        return
    routing = routing_of(trip.world, hub, subnet, trip.private_endpoint)
    route = routing.next_hop(address)
    place = subnet.route_table or subnet.id
    if routing.table_unread:
        assumption = f"the firewall's own subnet sends {address} over the peering"
        yield unknown(code, "The route table of the firewall's subnet could not be read.", place, assumption)
    elif route and route.user and route.hop not in DELIVERED:
        message = f"The firewall's subnet sends {address} by {route}."
        if route.hop in (Hop.NONE, Hop.INTERNET):
            yield blocked(code, message, place)
        else:
            assumption = f"what is behind {route.address or route.hop} leads to {address}"
            yield unknown(code, message, place, assumption)


def _forwarding(spoke: VirtualNetwork, hub: VirtualNetwork) -> Iterator[Step]:
    peering = spoke.peering_to(hub.id)
    if spoke.id == hub.id or peering is None or peering.allows_forwarded_traffic:
        return
    message = f"The peering {spoke.id.name} → {hub.id.name} does not allow forwarded traffic."
    assumption = f"{spoke.id.name} takes packets that {hub.id.name} forwards, although its peering does not say so"
    resource = spoke.id.child("virtualNetworkPeerings", peering.name)
    yield ok(ReachCode.PEERING_NO_FORWARDED_TRAFFIC, message, resource, assumption)


def judge_return(trip: Trip) -> Step:
    """Whether answers come back the way the connection went."""
    hub = None if trip.direct else trip.hub
    astray = ReachCode.RETURN_HUB_ROUTE_ASTRAY
    onward = [step for source in trip.sources for step in _hub_route(trip, hub, source, astray)] if hub else []
    return worst([*_from_api_server(trip), *onward])


def _from_api_server(trip: Trip) -> Iterator[Step]:
    endpoint = trip.observed.endpoint
    if not trip.observed.cluster.vnet_integration:
        notes = () if trip.direct or trip.translated else (_APPLIANCE_TALKS_BACK,)
        message = "Private endpoints answer along the peerings."
        yield ok(ReachCode.RETURN_PATH_OK, message, endpoint.id if endpoint else None, *notes)
        return
    target, subnet = trip.target, trip.world.subnet(endpoint.subnet) if endpoint else None
    if target is None or subnet is None or not trip.seen_sources:
        assumption = "answers of the API server come back the way the connection went"
        message = "The API server's subnet could not be read."
        yield unknown(ReachCode.RETURN_UNCERTAIN, message, endpoint.subnet if endpoint else None, assumption)
        return
    routing, place = routing_of(trip.world, target, subnet), subnet.route_table or subnet.id
    for source in trip.seen_sources:
        yield _judge_return_hop(trip, routing, routing.next_hop(source.network_address), place)


def _judge_return_hop(trip: Trip, routing: Routing, route: EffectiveRoute | None, place: ResourceId) -> Step:
    source = trip.world.firewall.vnet.name if trip.translated else trip.vnet.id.name
    if route is None or routing.table_unread or (not route.user and route.hop not in DELIVERED):
        assumption = f"AKS sends the API server's answers for {source} back to the firewall"
        message = f"No route of the API server's subnet for {source} could be read."
        return unknown(ReachCode.RETURN_UNCERTAIN, message, place, assumption)
    message = f"The API server's subnet sends answers for {source} by {route}."
    by_peering = trip.direct or trip.translated
    if route.hop in DELIVERED if by_peering else route.address == trip.world.firewall.address:
        return ok(ReachCode.RETURN_PATH_OK, message, place)
    if route.hop in (Hop.ECMP, Hop.OTHER, Hop.GATEWAY) or (trip.translated and route.hop is Hop.APPLIANCE):
        return unknown(ReachCode.RETURN_UNCERTAIN, message, place, "that leads back to the firewall")
    return blocked(ReachCode.RETURN_NOT_VIA_FIREWALL, message, place)
