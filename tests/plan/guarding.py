"""Worlds with one thing to do, their honest actions, and how to prove that a dishonest one is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.errors import UnsafePlan
from shared.model.world import World
from shared.plan.action import Action, ActionKind, make_plan
from shared.plan.finding import Code
from shared.plan.guard import guard
from tests.builders import (
    BYO_ZONE_ID,
    OUR_TABLE_ID,
    SPOKE_ID,
    STRANGE_SUBSCRIPTION,
    api_server,
    default_route,
    group,
    hub,
    observed,
    planned,
    settings,
    subnet,
    table,
    world,
    zone,
)

BARE = subnet(route_table=None)
UNLINKED = world(cluster=observed(zone=zone(links=())))
UNROUTED = world(subnets=(BARE,), tables=())
UNREGISTERED = world(cluster=observed(registered=None))
LOST_ROUTE = world(tables=(table(OUR_TABLE_ID, default_route(next_hop_address="10.9.9.9")),))
STRANGER = group("rg-stranger", STRANGE_SUBSCRIPTION).resource(SPOKE_ID.type, "vnet-stranger")
ROW = api_server(zone=BYO_ZONE_ID)
LEFT_ZONE = zone(BYO_ZONE_ID, records={})
RETIRED = World(hub=hub(), retired=(ROW,), retired_zones=(LEFT_ZONE,), all_registered=(ROW,))
TRUST = {"trusted_zone_ids": str(BYO_ZONE_ID)}


def first(place: World, kind: ActionKind, **values) -> Action:
    """The first honest action of a kind for a world."""
    return next(action for action in planned(place, **values).actions if action.kind is kind)


def refuses(action: Action, place: World, why: str, *others: Action, **values) -> None:
    with pytest.raises(UnsafePlan, match=why) as refused:
        guard(make_plan([*others, action]), place, settings(**values))
    assert refused.value.code == Code.PLAN_UNSAFE
    assert refused.value.resource == str(action.resource)
    assert refused.value.fix


def changed(action: Action, **after) -> Action:
    return replace(action, after={**(action.after or {}), **after})
