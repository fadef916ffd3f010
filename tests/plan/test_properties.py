"""What holds for every plan of every world: purity, idempotence, isolation, and a guard that agrees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from random import Random
from typing import Any

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from shared.apply.executor import lanes_of
from shared.errors import UnsafePlan
from shared.model.azure_types import PLATFORM_SUBNETS
from shared.model.resource_id import ResourceId
from shared.model.world import World
from shared.plan.action import Action, ActionKind, Plan, make_plan
from shared.plan.guard import guard
from shared.plan.names import DEFAULT_ROUTE_NAME
from shared.plan.planner import plan
from shared.settings import Settings
from tests.builders import HUB_ID, STRANGE_SUBSCRIPTION, group
from tests.plan.interpreter import carried_out
from tests.strategies import recased, seeds, some_settings, worlds

STRANGER = group("rg-stranger", STRANGE_SUBSCRIPTION).resource("Microsoft.Network/virtualNetworks", "vnet")


def shuffled(world: World, random: Random) -> World:
    """The same world with every tuple in another order."""

    def mixed(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(random.sample(value, len(value)))
        if isinstance(value, dict):
            return dict(random.sample(list(value.items()), len(value)))
        return value

    return replace(world, **{item.name: mixed(getattr(world, item.name)) for item in fields(world)})


def recased_world(value: Any, random: Random) -> Any:
    """The same world with every id in another casing."""
    if isinstance(value, ResourceId):
        return ResourceId.parse(recased(str(value), random))
    if isinstance(value, tuple):
        return tuple(recased_world(item, random) for item in value)
    if isinstance(value, dict):
        return {recased_world(key, random): recased_world(item, random) for key, item in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return replace(value, **{item.name: recased_world(getattr(value, item.name), random) for item in fields(value)})
    return value


@given(worlds, some_settings, seeds)
def test_plan_is_the_same_whatever_the_order_of_what_was_read(world, values, random):
    made = plan(world, values)

    assert plan(world, values) == made
    again = plan(shuffled(world, random), values)
    assert again == made
    assert again.digest == made.digest


@given(worlds, some_settings, seeds)
def test_digest_is_the_same_whatever_the_casing_of_ids(world, values, random):
    assert plan(recased_world(world, random), values).digest == plan(world, values).digest


@settings(max_examples=200)
@given(worlds, some_settings)
def test_second_run_finds_nothing_to_do(world, values):
    made = plan(world, values)
    event(f"{len(made.actions)} actions")

    assert plan(carried_out(made, world), values).actions == ()


@given(worlds, some_settings, st.integers(0, 20))
def test_run_that_stopped_half_way_is_finished_by_the_next(world, values, done):
    made = plan(world, values)
    half = carried_out(replace(made, actions=made.actions[:done]), world)

    assert plan(carried_out(plan(half, values), half), values).actions == ()


def all_links(world: World):
    zones = [*(item.zone for item in world.clusters if item.zone), *world.stray_zones, *world.retired_zones]
    return [link for zone in zones for link in zone.links]


def foreign(world: World) -> dict[str, Any]:
    """Everything that is not ours to change, as it is."""
    kubenet = {place for c in world.known_clusters if c.network_plugin == "kubenet" for place in c.subnets}
    subnets = [subnet for vnet in world.vnets.values() for subnet in vnet.subnets]
    return {
        "hub": (replace(world.hub.vnet), world.hub.firewall_address),
        "links": sorted(str(link) for link in all_links(world) if not link.ours),
        "tables": {
            table.id: {route for route in table.routes if route.name != DEFAULT_ROUTE_NAME}
            for table in world.route_tables.values()
            if not table.ours
        },
        "kept tables": {s.id: s.route_table for s in subnets if s.route_table},
        "left subnets": {
            subnet.id: subnet.route_table
            for subnet in subnets
            if subnet.id.name.lower() in PLATFORM_SUBNETS
            or subnet.delegations
            or subnet.id in kubenet
            or world.is_managed_by_aks(subnet.id.parent)
        },
        "clusters": [item.cluster for item in world.clusters],
        "records": [(zone.id, zone.records) for item in world.clusters if (zone := item.zone)],
        "peerings": {vnet.id: vnet.peerings for vnet in world.vnets.values()},
    }


@settings(max_examples=200)
@given(worlds, some_settings)
def test_what_is_not_ours_is_the_same_after_every_plan(world, values):
    before, after = foreign(world), foreign(carried_out(plan(world, values), world))
    after["tables"] = {key: after["tables"][key] for key in before["tables"]}
    after["kept tables"] = {key: after["kept tables"][key] for key in before["kept tables"]}

    assert after == before


@given(worlds, some_settings)
def test_no_address_is_registered_outside_the_clusters_own_peered_vnet(world, values):
    for action in plan(world, values).actions:
        if action.kind is ActionKind.REGISTER_API_SERVER and not action.after["stopped"]:
            [seen] = [item for item in world.clusters if item.cluster.id == action.resource]
            if seen.registered and seen.registered.stopped_at and action.after["address"] == action.before["address"]:
                continue  # what was verified before the stop
            assert seen.endpoint is not None
            assert action.after["address"] == str(seen.endpoint.address)
            homes = [world.vnets[vnet] for vnet in seen.cluster.vnets if vnet in world.vnets]
            assert any(home.holds(seen.endpoint.address) and home.peering_to(HUB_ID) for home in homes)


@given(worlds, some_settings)
def test_zones_are_linked_to_hub_and_monitoring_vnets_only(world, values):
    for action in plan(world, values).actions:
        if action.kind is ActionKind.PUT_LINK:
            assert ResourceId.parse(action.after["virtualNetwork"]) in world.hub.link_targets
            assert action.resource.parent not in [
                zone.id for zone in world.stray_zones if zone.id not in values.trusted_zone_ids
            ]


@given(worlds, some_settings)
def test_at_most_one_new_route_table_per_subscription_and_region(world, values):
    new = [
        action
        for action in plan(world, values).actions
        if action.kind is ActionKind.PUT_ROUTE_TABLE and action.before is None
    ]
    places = [(action.resource.subscription_id, action.after["location"].lower()) for action in new]

    assert len(places) == len(set(places))


@settings(max_examples=200)
@given(worlds, some_settings)
def test_guard_accepts_every_plan_the_planner_makes(world, values):
    made = plan(world, values)

    assert guard(made, world, values) == made


def after(action: Action, **values: Any) -> Action:
    return replace(action, after={**(action.after or {}), **values})


def at(action: Action, *resources: ResourceId) -> list[Action]:
    return [replace(action, resource=resource) for resource in resources]


def spoilt_link(action: Action, world: World) -> list[Action]:
    strange_zone = STRANGER.resource(action.resource.parent.type, "x.example")
    return [
        after(action, virtualNetwork=str(STRANGER)),
        after(action, registrationEnabled=True),
        replace(action, after=None),
        *at(action, strange_zone.child("virtualNetworkLinks", action.resource.name)),
        *at(action, *(link.id for link in all_links(world) if not link.ours)),
    ]


def spoilt_deletion(action: Action, world: World) -> list[Action]:
    return at(action, STRANGER.child("x", "y"), *(link.id for link in all_links(world) if not link.ours))


def spoilt_table(action: Action, world: World) -> list[Action]:
    known = [
        table.id for table in world.route_tables.values() if not (table.ours and (table.failed or table.gateway_routes))
    ]
    return [after(action, defaultNextHop="10.9.9.9"), replace(action, after=None), *at(action, *known)]


def spoilt_route(action: Action, world: World) -> list[Action]:
    specific = [
        table.id.child("routes", route.name)
        for table in world.route_tables.values()
        for route in table.routes
        if not route.is_default
    ]
    unread = STRANGER.resource("Microsoft.Network/routeTables", "rt").child("routes", action.resource.name)
    wrong = [after(action, nextHopIpAddress="10.9.9.9"), after(action, addressPrefix="10.0.0.0/8")]
    return [*wrong, *at(action, unread, *specific)]


def spoilt_attachment(action: Action, world: World) -> list[Action]:
    subnets = [subnet for vnet in world.vnets.values() for subnet in vnet.subnets]
    untouchable = [
        subnet.id
        for subnet in subnets
        if subnet.route_table or subnet.delegations or subnet.id.name.lower() in PLATFORM_SUBNETS
    ]
    strange = [HUB_ID.child("subnets", "AzureFirewallSubnet"), action.resource.parent.child("subnets", "unread")]
    table = after(action, routeTable=str(STRANGER.resource("Microsoft.Network/routeTables", "rt")))
    return [table, replace(action, after=None), *at(action, *strange, *untouchable)]


def spoilt_registration(action: Action, world: World) -> list[Action]:
    wrong = [after(action, address=address) for address in ("10.0.1.68", "8.8.8.8", "*")]
    return [*wrong, *at(action, STRANGER)]


def spoilt_forgetting(action: Action, world: World) -> list[Action]:
    return at(action, STRANGER, *(cluster.id for cluster in world.known_clusters))


SPOILT: dict[ActionKind, Callable[[Action, World], list[Action]]] = {
    ActionKind.PUT_LINK: spoilt_link,
    ActionKind.DELETE_LINK: spoilt_deletion,
    ActionKind.PUT_ROUTE_TABLE: spoilt_table,
    ActionKind.PUT_ROUTE: spoilt_route,
    ActionKind.ATTACH_ROUTE_TABLE: spoilt_attachment,
    ActionKind.REGISTER_API_SERVER: spoilt_registration,
    ActionKind.FORGET_API_SERVER: spoilt_forgetting,
}
"""Every way to turn one thing of an action bad, as an attacker or a mistake might."""


@settings(max_examples=200)
@given(worlds, some_settings, st.data())
def test_guard_refuses_every_plan_with_one_action_turned_bad(world, values, data):
    made = plan(world, values)
    assume(made.actions)
    action = data.draw(st.sampled_from(made.actions))
    bad = data.draw(st.sampled_from(SPOILT[action.kind](action, world)))
    event(str(action.kind))

    with pytest.raises(UnsafePlan):
        guard(replace(made, actions=tuple(bad if one is action else one for one in made.actions)), world, values)


@given(worlds, some_settings, st.integers(0, 5))
def test_guard_refuses_exactly_the_plans_that_are_larger_than_the_cap(world, values, cap):
    made = plan(world, values)
    capped: Settings = values.model_copy(update={"max_changes_per_run": max(cap, 1), "max_deletions_per_run": cap})
    too_large = len(made.actions) > max(cap, 1) or len(made.deletions) > cap

    if too_large:
        with pytest.raises(UnsafePlan, match="nothing was applied"):
            guard(made, world, capped)
    else:
        assert guard(made, world, capped) == made


@given(worlds, some_settings, seeds)
def test_lanes_hold_every_action_once_and_each_in_the_plans_order(world, values, random):
    actions = plan(world, values).actions
    lanes = lanes_of(random.sample(actions, len(actions)))
    made: Plan = make_plan([action for lane in lanes for action in lane])

    assert made.actions == actions
    for lane in lanes:
        assert lane == sorted(lane, key=lambda action: action.sort_key)
