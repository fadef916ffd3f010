"""What the guard asks of every action before anything is written, one check per kind of action."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from typing import Any, NoReturn

from shared.errors import InvalidResourceId, UnsafePlan
from shared.model.azure_types import DEFAULT_ROUTE_PREFIX, PLATFORM_SUBNETS
from shared.model.resource_id import ResourceId
from shared.model.world import Link, ObservedCluster, Subnet, VirtualNetwork, World, Zone
from shared.plan.action import Action, ActionKind
from shared.plan.finding import Code
from shared.plan.names import DEFAULT_ROUTE_NAME
from shared.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Case:
    """An action and what it is judged by. `new_tables` are the route tables that the same plan makes."""

    action: Action
    world: World
    settings: Settings
    new_tables: frozenset[ResourceId]

    @property
    def resource(self) -> ResourceId:
        """What the action changes."""
        return self.action.resource

    @property
    def after(self) -> Mapping[str, Any]:
        """What the resource is to become."""
        return self.action.after or {}

    def require(self, condition: bool, why: str) -> None:
        """Refuse the plan unless the condition holds. Raises UnsafePlan."""
        if not condition:
            self.refuse(why)

    def refuse(self, why: str) -> NoReturn:
        """Refuse the plan. Raises UnsafePlan."""
        raise UnsafePlan(
            f"Refused to {self.action.kind.replace('_', ' ')}: {why}.",
            code=Code.PLAN_UNSAFE,
            resource=str(self.resource),
            fix="This is a mistake in the app or an attack; nothing was applied. Report it with the run's log.",
        )

    def id_of(self, name: str) -> ResourceId | None:
        """The resource id that `after` holds under a name; None when it is none."""
        try:
            return ResourceId.parse(self.after.get(name))
        except InvalidResourceId:
            return None

    def observed_cluster(self) -> ObservedCluster | None:
        """The cluster that the action is about, as it was observed."""
        return next((item for item in self.world.clusters if item.cluster.id == self.resource), None)


def _link(case: Case) -> None:
    zone, trusted = case.resource.parent, case.settings.trusted_zone_ids
    case.require(
        zone in trusted or _is_named_by_its_cluster(zone, case.world), "no cluster's private FQDN names the zone"
    )
    in_care = zone in trusted or case.settings.allows_subscription(zone.subscription_id)
    case.require(in_care, "the zone's subscription is not looked after")
    target = case.id_of("virtualNetwork")
    case.require(target in case.world.hub.link_targets, "the VNet is neither the hub nor a monitoring VNet")
    case.require(case.after.get("registrationEnabled") is False, "it would register the VNet's machines in the zone")
    replaced = [link for link in _links(case.world) if link.id == case.resource]
    case.require(all(link.ours and link.vnet == target for link in replaced), "the link is not ours")


def _is_named_by_its_cluster(zone: ResourceId, world: World) -> bool:
    return any(
        cluster.node_group == zone.group and (cluster.private_fqdn or "").lower().endswith(f".{zone.name.lower()}")
        for cluster in world.known_clusters
    )


def _zones(world: World) -> Iterator[Zone]:
    yield from (item.zone for item in world.clusters if item.zone)
    yield from world.stray_zones
    yield from world.retired_zones


def _links(world: World) -> Iterator[Link]:
    return (link for zone in _zones(world) for link in zone.links)


def _unlink(case: Case) -> None:
    zone_id, world = case.resource.parent, case.world
    case.require(zone_id in case.settings.trusted_zone_ids, "the zone is not a trusted one")
    zone = next((zone for zone in world.retired_zones if zone.id == zone_id), None)
    case.require(zone is not None and not zone.records, "clusters may still have records in the zone")
    live = any(cluster.zone_id == zone_id for cluster in world.known_clusters)
    gone = {row.cluster for row in world.retired}
    registered = any(row.zone == zone_id for row in world.all_registered if row.cluster not in gone)
    case.require(not live and not registered, "a cluster still uses the zone")
    ours = zone is not None and any(link.ours for link in zone.links if link.id == case.resource)
    case.require(ours, "the link is not ours")


def _attach(case: Case) -> None:
    vnet = case.world.vnet_of(case.resource)
    subnet = vnet.subnet(case.resource) if vnet else None
    if vnet is None or subnet is None:
        case.refuse("the subnet was not read")
    case.require(subnet.route_table is None, "the subnet already has a route table")
    _check_place(case, vnet, subnet)
    table = case.id_of("routeTable")
    known = case.world.route_tables.get(table) if table else None
    case.require(table in case.new_tables or (known is not None and known.ours), "the route table is not ours")
    same = table is not None and table.subscription_id.lower() == vnet.id.subscription_id.lower()
    case.require(same, "the route table is in another subscription")


def _check_place(case: Case, vnet: VirtualNetwork, subnet: Subnet) -> None:
    hub = case.world.hub
    case.require(subnet.id.name.lower() not in PLATFORM_SUBNETS, "the subnet belongs to Azure's appliances")
    case.require(not subnet.delegations, "the subnet is delegated to a service")
    case.require(vnet.id != hub.vnet.id, "the subnet is in the hub")
    case.require(not case.world.is_managed_by_aks(vnet.id), "AKS manages the VNet")
    in_care = hub.is_monitoring(vnet.id) or case.settings.allows_subscription(vnet.id.subscription_id)
    case.require(in_care, "the VNet's subscription is not looked after")
    case.require(_is_peered(vnet, case.world), "the VNet is not peered with the hub")
    plugins = {cluster.network_plugin.lower() for cluster in case.world.clusters_on(subnet.id)}
    case.require("kubenet" not in plugins, "the subnet belongs to a kubenet cluster")


def _is_peered(vnet: VirtualNetwork, world: World) -> bool:
    sides = (vnet.peering_to(world.hub.vnet.id), world.hub.vnet.peering_to(vnet.id))
    return vnet.id == world.hub.vnet.id or all(side is not None and side.connected for side in sides)


def _new_table(case: Case) -> None:
    known = case.world.route_tables.get(case.resource)
    in_need = known is not None and (known.failed or known.gateway_routes)
    case.require(known is None or (known.ours and in_need), "the route table exists")
    _check_next_hop(case, "defaultNextHop")


def _route(case: Case) -> None:
    table = case.world.route_tables.get(case.resource.parent)
    case.require(case.after.get("addressPrefix") == DEFAULT_ROUTE_PREFIX, "it is not the default route")
    _check_next_hop(case, "nextHopIpAddress")
    if table is None:
        case.refuse("the route table was not read")
    name = case.resource.name.lower()
    replaced = next((route for route in table.routes if route.name.lower() == name), None)
    ours = table.ours or replaced is None or name == DEFAULT_ROUTE_NAME
    case.require(ours, "the route is not ours")
    others = any(route.is_default and route.name.lower() != name for route in table.routes)
    case.require(not others, "the table has another default route")
    case.require(
        replaced is None or replaced.is_default or name == DEFAULT_ROUTE_NAME, "it would replace another route"
    )


def _check_next_hop(case: Case, name: str) -> None:
    firewall = case.world.hub.firewall_address
    case.require(firewall is not None and case.after.get(name) == str(firewall), "the next hop is not the firewall")


def _register(case: Case) -> None:
    observed = case.observed_cluster()
    if observed is None:
        case.refuse("the cluster was not read")
    text, row = case.after.get("address"), observed.registered
    is_known = text == (str(row.address) if row and row.address else None)
    if case.after.get("stopped"):
        case.require(not observed.cluster.running, "the cluster is running")
        case.require(is_known, f"{text} was not registered before the stop")
        return
    if row and row.stopped_at and observed.cluster.running and (text is None or is_known):
        # What was verified before the stop stays until something else is, unless its rule is gone already.
        stands = text is None or case.world.still_has_rule(row, case.settings.stopped_rule_retention)
        case.require(stands, f"the rule for {text} is gone since the stop")
        return
    in_care = case.settings.allows_subscription(case.resource.subscription_id)
    case.require(in_care, "the cluster's subscription is not looked after")
    try:
        address = IPv4Address(str(text))
    except AddressValueError:
        case.refuse("it names no address")
    _check_address(case, observed, address)


def _check_address(case: Case, observed: ObservedCluster, address: IPv4Address) -> None:
    world = case.world
    homes = [world.vnets[vnet] for vnet in observed.cluster.vnets if vnet in world.vnets]
    homes = [vnet for vnet in homes if vnet.holds(address)]
    case.require(bool(homes), f"{address} is not in the cluster's own VNet")
    case.require(any(_is_peered(vnet, world) for vnet in homes), "the cluster's VNet is not peered with the hub")
    seen = observed.endpoint is not None and observed.endpoint.address == address
    case.require(seen, f"{address} is not the address of the cluster's endpoint")
    recorded = observed.zone is None or any(address in listed for listed in observed.zone.records.values())
    case.require(recorded, f"{address} is in no record of the cluster's zone")


def _forget(case: Case) -> None:
    live = any(cluster.id == case.resource for cluster in case.world.known_clusters)
    case.require(not live, "the cluster still exists")
    gone = any(row.cluster == case.resource for row in case.world.retired)
    case.require(gone, "nothing confirms that the cluster is gone")


CHECKS: Mapping[ActionKind, Callable[[Case], None]] = {
    ActionKind.PUT_LINK: _link,
    ActionKind.DELETE_LINK: _unlink,
    ActionKind.PUT_ROUTE_TABLE: _new_table,
    ActionKind.PUT_ROUTE: _route,
    ActionKind.ATTACH_ROUTE_TABLE: _attach,
    ActionKind.REGISTER_API_SERVER: _register,
    ActionKind.FORGET_API_SERVER: _forget,
}
"""The check of every kind of action; a kind without one cannot be applied."""
