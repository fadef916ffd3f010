"""Rule: AKS subnets and monitoring subnets send everything else to the firewall.

A table must be in the subscription and region of its VNet, so there is one of ours per (subscription, region)
(https://learn.microsoft.com/azure/virtual-network/manage-route-table). Foreign tables stay: we add the default route
if they have none, report a different one, and never swap a table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address

from shared.model.azure_types import DEFAULT_ROUTE_PREFIX, PLATFORM_SUBNETS, ROUTE_TABLE
from shared.model.resource_id import ResourceId
from shared.model.world import Cluster, Route, RouteTable, Subnet, VirtualNetwork, World
from shared.plan.action import Action, ActionKind, Waiting
from shared.plan.api_rules import not_peered, peered_both_ways
from shared.plan.finding import Code, Finding, Severity
from shared.plan.limits import routes_of_table
from shared.plan.names import DEFAULT_ROUTE_NAME, route_table_name
from shared.plan.next_hops import VIRTUAL_APPLIANCE, goes_to, in_words, is_understood
from shared.plan.route_bypasses import Bypasses, RoutedSubnet
from shared.settings import Settings

Item = Action | Finding | Waiting

ROUTED_OUTBOUND_TYPES = frozenset({"userdefinedrouting", "none"})
"""Outbound types that a default route to the firewall does not break; all others keep their own way out."""


def plan_route_tables(world: World, settings: Settings) -> Iterator[Item]:
    """Yield what is to be done for the subnets in scope."""
    routed: dict[ResourceId, list[RoutedSubnet]] = defaultdict(list)
    for subnet_id in sorted(set(world.subnets_in_scope)):
        vnet = world.vnet_of(subnet_id)
        subnet = vnet.subnet(subnet_id) if vnet else None
        if vnet and subnet:
            yield from _subnet(subnet, vnet, world, settings)
            yield from _fullness(world.table_of(subnet))
            if subnet.route_table and _is_routed(subnet, vnet, world, settings):
                user = RoutedSubnet(subnet=subnet, vnet=vnet, clusters=tuple(world.clusters_on(subnet.id)))
                routed[subnet.route_table].append(user)
    yield from _other_routes(routed, world)


def _is_routed(subnet: Subnet, vnet: VirtualNetwork, world: World, settings: Settings) -> bool:
    clusters = list(world.clusters_on(subnet.id))
    ours = routes_are_ours_to_keep(subnet, vnet, clusters, world, settings)
    return ours and _objection(subnet, vnet, clusters, world) is None


def _other_routes(routed: Mapping[ResourceId, Sequence[RoutedSubnet]], world: World) -> Iterator[Finding]:
    """What else the tables of routed subnets say; a table that many share is told once."""
    if world.hub.firewall_address is None:
        return
    bypasses = Bypasses(world, world.hub.firewall_address)
    for table_id in sorted(routed):
        table = world.route_tables.get(table_id)
        if table:
            yield from bypasses.of_table(table, routed[table_id])


def _fullness(table: RouteTable | None) -> Iterator[Item]:
    near = routes_of_table(table.id, len(table.routes)) if table else None
    if near:
        yield near


def _subnet(subnet: Subnet, vnet: VirtualNetwork, world: World, settings: Settings) -> Iterator[Item]:
    clusters = list(world.clusters_on(subnet.id))
    if not routes_are_ours_to_keep(subnet, vnet, clusters, world, settings):
        return
    objection = _objection(subnet, vnet, clusters, world)
    if objection:
        yield objection
        return
    next_hop = world.hub.firewall_address
    if next_hop is None:
        yield _next_hop_unknown(world)
        return
    table = world.table_of(subnet)
    if subnet.route_table is None:
        yield from _without_table(subnet, vnet, clusters, world, next_hop)
    elif table is not None:
        yield from _right_table(table, next_hop, clusters)


def routes_are_ours_to_keep(
    subnet: Subnet, vnet: VirtualNetwork, clusters: list[Cluster], world: World, settings: Settings
) -> bool:
    """Whether a subnet is one that must send its traffic to the firewall.

    Used by a cluster, named like an AKS subnet, or in a monitoring VNet; never in the hub, never a subnet of Azure's
    own appliances, never a delegated one (API servers of VNet-integrated clusters live in such), never in a VNet that
    AKS manages (its routes are not to be changed), never in a subscription that is not looked after.
    """
    if vnet.id == world.hub.vnet.id or subnet.id.name.lower() in PLATFORM_SUBNETS or subnet.delegations:
        return False
    if world.is_managed_by_aks(vnet.id):
        return False
    if world.hub.is_monitoring(vnet.id):
        return True
    if not settings.allows_subscription(vnet.id.subscription_id):
        return False
    return bool(clusters) or settings.names_aks_subnet(subnet.id.name)


def _objection(subnet: Subnet, vnet: VirtualNetwork, clusters: list[Cluster], world: World) -> Finding | None:
    if not peered_both_ways(world, vnet):
        return not_peered(vnet, world, clusters[0].id if clusters else None)
    for cluster in clusters:
        if cluster.outbound_type.lower() not in ROUTED_OUTBOUND_TYPES:
            return _outbound_type(cluster, subnet)
        if cluster.network_plugin.lower() == "kubenet" and subnet.route_table is None:
            return _kubenet(cluster, subnet)
    return None


def _without_table(
    subnet: Subnet, vnet: VirtualNetwork, clusters: list[Cluster], world: World, next_hop: IPv4Address
) -> Iterator[Item]:
    if vnet.updating:
        yield Waiting(resource=vnet.id, message="the VNet is being updated; its subnets are left alone until then")
        return
    working = _aks_works_elsewhere(subnet, vnet, world)
    if working:
        message = f"AKS works on {working.id.name} in this VNet and fails when the VNet changes meanwhile"
        yield Waiting(resource=vnet.id, message=message)
        return
    cluster = clusters[0].id if clusters else None
    table = our_table(world, vnet)
    if table is None:
        table_id = _new_table_id(vnet, world)
        yield _put_table(table_id, vnet, next_hop, cluster)
    else:
        table_id = table.id
        yield from _right_table(table, next_hop, clusters)
    yield Action(
        kind=ActionKind.ATTACH_ROUTE_TABLE,
        resource=subnet.id,
        before={"routeTable": None},
        after={"routeTable": str(table_id)},
        reason="the subnet has no route table",
        cluster=cluster,
    )


def _right_table(table: RouteTable, next_hop: IPv4Address, clusters: list[Cluster]) -> Iterator[Item]:
    written_again = table.ours and (table.failed or table.gateway_routes)
    if written_again:
        yield _put_table_again(table, next_hop, clusters[0].id if clusters else None)
    if table.default_route or not written_again:
        # The repeated write of a table adds a default route that is missing; a wrong one takes a write of its own.
        yield from _default_route(table, next_hop, clusters)


def _put_table(table_id: ResourceId, vnet: VirtualNetwork, next_hop: IPv4Address, cluster: ResourceId | None) -> Action:
    return Action(
        kind=ActionKind.PUT_ROUTE_TABLE,
        resource=table_id,
        before=None,
        after={"location": vnet.location, "defaultNextHop": str(next_hop)},
        reason=f"no route table of ours in {vnet.location} yet",
        cluster=cluster,
    )


def _put_table_again(table: RouteTable, next_hop: IPv4Address, cluster: ResourceId | None) -> Action:
    """The repeated write of a table of ours: its last one failed, or somebody let a gateway's routes in.

    Those are more specific than the default route and lead around the firewall
    (https://learn.microsoft.com/azure/virtual-network/manage-route-table, "Propagate gateway routes").
    """
    default = table.default_route
    before: dict[str, object] = {
        "location": table.location,
        "defaultNextHop": default.next_hop_address if default else None,
    }
    after: dict[str, object] = {"location": table.location, "defaultNextHop": str(next_hop)}
    reasons = []
    if table.failed:
        before["provisioningState"] = table.provisioning_state
        reasons.append("the last write of the table failed")
    if table.gateway_routes:
        before["disableBgpRoutePropagation"], after["disableBgpRoutePropagation"] = False, True
        reasons.append("the table takes the routes that a gateway learns")
    return Action(
        kind=ActionKind.PUT_ROUTE_TABLE,
        resource=table.id,
        before=before,
        after=after,
        reason=" and ".join(reasons),
        cluster=cluster,
    )


def _aks_works_elsewhere(subnet: Subnet, vnet: VirtualNetwork, world: World) -> Cluster | None:
    """A cluster of the VNet that AKS changes right now, unless it is the one that waits for this subnet's table."""
    busy = (cluster for cluster in world.clusters_in(vnet.id) if cluster.being_changed)
    return next((cluster for cluster in busy if subnet.id not in cluster.subnets), None)


def our_table(world: World, vnet: VirtualNetwork) -> RouteTable | None:
    """Our route table for a VNet's subscription and region; the first by id should there be several."""
    candidates = [table for table in world.route_tables.values() if table.ours and _can_share(table, vnet)]
    return min(candidates, key=lambda table: table.id.key, default=None)


def _new_table_id(vnet: VirtualNetwork, world: World) -> ResourceId:
    """Where our route table is made: beside the first of the VNets that will share it, so that they agree on one."""
    sharing = [
        other.id for other in world.vnets.values() if _can_share(other, vnet) and not world.is_managed_by_aks(other.id)
    ]
    return min(sharing).resource(ROUTE_TABLE, route_table_name(vnet.id.subscription_id, vnet.location))


def _can_share(one: VirtualNetwork | RouteTable, other: VirtualNetwork) -> bool:
    """Whether both are in one subscription and region."""
    same_subscription = one.id.subscription_id.lower() == other.id.subscription_id.lower()
    return same_subscription and one.location.lower() == other.location.lower()


def _default_route(table: RouteTable, next_hop: IPv4Address, clusters: list[Cluster]) -> Iterator[Item]:
    route = table.default_route
    foreign = route is not None and not table.ours and route.name != DEFAULT_ROUTE_NAME
    if route and goes_to(route, next_hop) and (foreign or not route.failed):
        return
    cluster = clusters[0].id if clusters else None
    if route is None or not foreign:
        yield Action(
            kind=ActionKind.PUT_ROUTE,
            resource=table.id.child("routes", route.name if route else DEFAULT_ROUTE_NAME),
            before=_route_state(route) if route else None,
            after={
                "addressPrefix": DEFAULT_ROUTE_PREFIX,
                "nextHopType": VIRTUAL_APPLIANCE,
                "nextHopIpAddress": str(next_hop),
            },
            reason="the default route is wrong" if route else "the table has no default route",
            cluster=cluster,
        )
        return
    yield _foreign_route(table, route, next_hop, cluster)


def _route_state(route: Route) -> dict[str, str | None]:
    return {
        "addressPrefix": route.prefix,
        "nextHopType": route.next_hop_type,
        "nextHopIpAddress": route.next_hop_address,
    }


def _foreign_route(table: RouteTable, route: Route, next_hop: IPv4Address, cluster: ResourceId | None) -> Finding:
    known, hop = is_understood(route), in_words(route)
    message = f"The default route {route.name} of a table that is not ours leads to {hop}, not to {next_hop}."
    if not known:
        message = f"The default route {route.name} has next hop type {hop}; whether it ends at {next_hop} is unknown."
    return Finding(
        code=Code.ROUTE_FOREIGN_NEXT_HOP,
        severity=Severity.ERROR if known else Severity.WARNING,
        resource=table.id,
        cluster=cluster,
        message=message,
        fix=f"Point it at {next_hop}, or take the cluster out of this app's care. Tables of others are not changed.",
    )


def _outbound_type(cluster: Cluster, subnet: Subnet) -> Finding:
    return Finding(
        code=Code.OUTBOUND_TYPE_NOT_ROUTED,
        severity=Severity.WARNING,
        resource=subnet.id,
        cluster=cluster.id,
        message=(
            f"{cluster.id.name} has outbound type {cluster.outbound_type}; a default route to the firewall would "
            "break its inbound traffic, so none is set."
        ),
        fix="Change the cluster: `az aks update --outbound-type userDefinedRouting`.",
    )


def _kubenet(cluster: Cluster, subnet: Subnet) -> Finding:
    return Finding(
        code=Code.KUBENET_WITHOUT_ROUTE_TABLE,
        severity=Severity.WARNING,
        resource=subnet.id,
        cluster=cluster.id,
        message=f"{cluster.id.name} uses kubenet and its subnet has no route table; AKS needs one of its own there.",
        fix="Attach the cluster's own route table; the default route is then added to it by itself.",
    )


def _next_hop_unknown(world: World) -> Finding:
    return Finding(
        code=Code.FIREWALL_ADDRESS_UNKNOWN,
        severity=Severity.ERROR,
        resource=world.hub.vnet.id,
        message="The policy has no firewall with a private address, so there is no next hop for the default route.",
        fix="Attach the policy to the hub's firewall, or set FIREWALL_PRIVATE_IP.",
    )
