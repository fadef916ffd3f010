"""The guard: refuses what is unsafe, whatever the rules think of it.

It checks every action against the world once more by other means than the rule that asked for it, so that a mistake
in one of the two writes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

from shared.errors import UnsafePlan
from shared.model.azure_types import PLATFORM_SUBNETS
from shared.model.resource_id import ResourceId
from shared.model.world import World
from shared.plan.action import Action, ActionKind, Plan
from shared.plan.finding import Code
from shared.settings import Mode, Settings


def guard(plan: Plan, world: World, settings: Settings) -> Plan:
    """The plan as it may be applied: actions of rules that only report are held back.

    Raises:
        UnsafePlan: more changes or deletions than the caps, or an action outside of what the app may touch.
            Nothing of the plan may be applied then.
    """
    allowed = tuple(action for action in plan.actions if settings.mode_of(action.rule) is Mode.ENFORCE)
    held_back = tuple(action for action in plan.actions if action not in allowed)
    guarded = replace(plan, actions=allowed, held_back=held_back)
    _check_size(guarded, settings)
    for action in guarded.actions:
        _check_action(action, world, settings)
    return guarded


def _check_size(plan: Plan, settings: Settings) -> None:
    checks = (
        (len(plan.actions), settings.max_changes_per_run, "changes", "MAX_CHANGES_PER_RUN"),
        (len(plan.deletions), settings.max_deletions_per_run, "deletions", "MAX_DELETIONS_PER_RUN"),
    )
    for wanted, cap, what, setting in checks:
        if wanted > cap:
            raise UnsafePlan(
                f"The plan has {wanted} {what}, {setting} allows {cap}; nothing was applied.",
                code=Code.PLAN_TOO_LARGE,
                fix=f"Look at the plan; if it is right, raise {setting} or approve the plan by its digest.",
            )


def _check_action(action: Action, world: World, settings: Settings) -> None:
    match action.kind:
        case ActionKind.PUT_LINK:
            _check_link(action, world, settings)
        case ActionKind.DELETE_LINK:
            _require(action.resource.parent in settings.trusted_zone_ids, action, "the zone is not a trusted one")
        case ActionKind.ATTACH_ROUTE_TABLE:
            _check_attach(action, world)
        case ActionKind.PUT_ROUTE_TABLE | ActionKind.PUT_ROUTE:
            _check_next_hop(action, world)
        case ActionKind.REGISTER_API_SERVER:
            _check_address(action, world)
        case ActionKind.FORGET_API_SERVER:
            live = any(item.cluster.id == action.resource for item in world.clusters)
            _require(not live, action, "the cluster still exists")


def _check_link(action: Action, world: World, settings: Settings) -> None:
    zone = action.resource.parent
    node_groups = {item.cluster.node_group for item in world.clusters}
    owned = zone.group in node_groups or zone in settings.trusted_zone_ids
    _require(owned, action, "the zone is neither in a cluster's node resource group nor a trusted one")
    in_care = settings.allows_subscription(zone.subscription_id) or zone in settings.trusted_zone_ids
    _require(in_care, action, "the zone's subscription is not looked after")
    target = ResourceId.parse((action.after or {}).get("virtualNetwork"))
    _require(target in world.hub.link_targets, action, "the VNet is neither the hub nor a monitoring VNet")


def _check_attach(action: Action, world: World) -> None:
    vnet = world.vnet_of(action.resource)
    subnet = vnet.subnet(action.resource) if vnet else None
    _require(subnet is not None and subnet.route_table is None, action, "the subnet already has a route table")
    _require(action.resource.name.lower() not in PLATFORM_SUBNETS, action, "the subnet belongs to Azure's appliances")
    _require(action.resource.parent != world.hub.vnet.id, action, "the subnet is in the hub")


def _check_next_hop(action: Action, world: World) -> None:
    after = action.after or {}
    next_hop = after.get("nextHopIpAddress") or after.get("defaultNextHop")
    _require(next_hop == str(world.hub.firewall_address), action, "the next hop is not the firewall")


def _check_address(action: Action, world: World) -> None:
    after = action.after or {}
    if after.get("stopped"):
        return
    observed = next((item for item in world.clusters if item.cluster.id == action.resource), None)
    address = IPv4Address(str(after.get("address")))
    homes = [world.vnets[vnet] for vnet in observed.cluster.vnets if vnet in world.vnets] if observed else []
    _require(any(vnet.holds(address) for vnet in homes), action, f"{address} is not in the cluster's own VNet")
    seen_by_endpoint = observed is not None and observed.endpoint is not None and observed.endpoint.address == address
    _require(seen_by_endpoint, action, f"{address} is not the address of the cluster's endpoint")


def _require(condition: bool, action: Action, why: str) -> None:
    if not condition:
        raise UnsafePlan(
            f"Refused to {action.kind.replace('_', ' ')}: {why}.",
            code=Code.PLAN_UNSAFE,
            resource=str(action.resource),
            fix="This is a mistake in the app or an attack; nothing was applied. Report it with the run's log.",
        )
