"""The guard refuses route tables, routes and attachments that are unsafe, whoever asked for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.model.world import World
from shared.plan.action import Action, ActionKind
from shared.plan.guard import guard
from tests.builders import (
    FIREWALL,
    FOREIGN_TABLE_ID,
    HUB_ID,
    MONITORING_ID,
    NODE_GROUP,
    NODES_ID,
    OUR_TABLE_ID,
    SPOKE_ID,
    STRANGE_SUBSCRIPTION,
    cluster,
    default_route,
    group,
    hub,
    planned,
    settings,
    table,
    vnet,
    world,
)
from tests.plan.guarding import (
    BARE,
    LOST_ROUTE,
    UNROUTED,
    changed,
    first,
    refuses,
)

ATTACH = first(UNROUTED, ActionKind.ATTACH_ROUTE_TABLE)
NEW_TABLE = first(UNROUTED, ActionKind.PUT_ROUTE_TABLE)


def moved_to(subnet_id, **values):
    """A world whose bare subnet is another one, and the action that attaches our table to it."""
    place = vnet(subnet_id.parent, subnets=(replace(BARE, id=subnet_id, **values),))
    return (
        replace(UNROUTED, vnets={place.id: place}, route_tables={OUR_TABLE_ID: table()}),
        replace(ATTACH, resource=subnet_id),
    )


def test_table_is_not_attached_to_a_platform_subnet():
    place, action = moved_to(SPOKE_ID.child("subnets", "gatewaysubnet"))

    refuses(action, place, "Azure's appliances")


def test_table_is_not_attached_to_a_delegated_subnet():
    place, action = moved_to(NODES_ID, delegations=("Microsoft.ContainerService/managedClusters",))

    refuses(action, place, "delegated")


def test_table_is_not_attached_in_the_hub():
    place, action = moved_to(HUB_ID.child("subnets", "nodes"))

    refuses(action, place, "in the hub", spoke_subscription_ids="*")


def test_table_is_not_attached_in_a_vnet_that_aks_manages():
    place, action = moved_to(NODE_GROUP.resource(SPOKE_ID.type, "aks-vnet-1").child("subnets", "aks-subnet"))

    refuses(action, place, "AKS manages the VNet")


def test_table_is_not_attached_in_a_subscription_that_is_not_looked_after():
    place, action = moved_to(NODES_ID)

    refuses(action, place, "not looked after", spoke_subscription_ids=STRANGE_SUBSCRIPTION)


@pytest.mark.parametrize("side", ["hub", "spoke"])
def test_table_is_not_attached_in_a_vnet_that_is_not_peered(side):
    place, action = moved_to(NODES_ID)
    if side == "hub":
        place = replace(place, hub=hub(MONITORING_ID))
    else:
        place = replace(place, vnets={SPOKE_ID: replace(place.vnets[SPOKE_ID], peerings=())})

    refuses(action, place, "not peered")


def test_table_is_not_attached_to_a_kubenet_subnet():
    place, action = moved_to(NODES_ID)

    refuses(action, replace(place, neighbours=(cluster(HUB_ID, network_plugin="Kubenet"),)), "kubenet")


def test_table_is_not_swapped():
    place, action = moved_to(NODES_ID, route_table=FOREIGN_TABLE_ID)

    refuses(action, place, "already has a route table")


def test_table_is_not_attached_to_a_subnet_that_was_not_read():
    refuses(ATTACH, replace(UNROUTED, vnets={}), "not read")
    refuses(replace(ATTACH, resource=SPOKE_ID.child("subnets", "other")), UNROUTED, "not read", NEW_TABLE)


def test_only_a_table_of_ours_is_attached():
    place, action = moved_to(NODES_ID)
    foreign = replace(place, route_tables={FOREIGN_TABLE_ID: table(FOREIGN_TABLE_ID, ours=False)})

    refuses(changed(action, routeTable=str(FOREIGN_TABLE_ID)), foreign, "not ours")
    refuses(changed(action, routeTable=str(FOREIGN_TABLE_ID)), place, "not ours")
    refuses(changed(action, routeTable=None), place, "not ours")
    refuses(ATTACH, UNROUTED, "not ours")


def test_table_of_another_subscription_is_not_attached():
    """Azure would refuse it, too."""
    elsewhere = group("rg", STRANGE_SUBSCRIPTION).resource(OUR_TABLE_ID.type, "rt")
    place, action = moved_to(NODES_ID)
    place = replace(place, route_tables={elsewhere: table(elsewhere)})

    refuses(changed(action, routeTable=str(elsewhere)), place, "another subscription")


# Routes


@pytest.mark.parametrize("address", ["10.9.9.9", "255.255.255.255", "None", None, ""])
def test_next_hop_that_is_not_the_firewall_is_refused(address):
    refuses(changed(NEW_TABLE, defaultNextHop=address), UNROUTED, "next hop is not the firewall", ATTACH)
    route = first(LOST_ROUTE, ActionKind.PUT_ROUTE)
    refuses(changed(route, nextHopIpAddress=address), LOST_ROUTE, "next hop is not the firewall")


def test_no_next_hop_is_right_while_the_firewall_is_unknown():
    blind = replace(UNROUTED, hub=hub(firewall_address=None))

    for address in (str(FIREWALL), "None", None):
        refuses(changed(NEW_TABLE, defaultNextHop=address), blind, "next hop is not the firewall", ATTACH)


def test_table_that_exists_is_not_put_again():
    refuses(NEW_TABLE, replace(UNROUTED, route_tables={OUR_TABLE_ID: table()}), "the route table exists", ATTACH)
    foreign = table(ours=False, provisioning_state="Failed")
    refuses(NEW_TABLE, replace(UNROUTED, route_tables={OUR_TABLE_ID: foreign}), "the route table exists", ATTACH)


def test_table_of_ours_whose_last_write_failed_may_be_put_again():
    place = world(tables=(table(provisioning_state="Failed"),))
    made = planned(place)

    assert made.actions
    assert guard(made, place, settings()) == made


def route_action(place: World, table_id, name: str, **after) -> Action:
    action = first(LOST_ROUTE, ActionKind.PUT_ROUTE)
    return changed(replace(action, resource=table_id.child("routes", name)), **after)


FOREIGN_ROUTES = (
    default_route(name="to-onprem", prefix="192.168.0.0/16"),
    default_route(name="theirs", next_hop_address="10.9.9.9"),
)


def test_only_the_default_route_is_written():
    action = first(LOST_ROUTE, ActionKind.PUT_ROUTE)

    refuses(changed(action, addressPrefix="10.0.0.0/8"), LOST_ROUTE, "not the default route")


@pytest.mark.parametrize("name", ["to-onprem", "THEIRS"])
def test_route_of_somebody_else_is_not_overwritten(name):
    place = world(tables=(table(FOREIGN_TABLE_ID, *FOREIGN_ROUTES, ours=False),))

    refuses(route_action(place, FOREIGN_TABLE_ID, name), place, "the route is not ours")


def test_second_default_route_is_refused():
    place = world(tables=(table(FOREIGN_TABLE_ID, *FOREIGN_ROUTES, ours=False),))

    refuses(route_action(place, FOREIGN_TABLE_ID, "aks-hublink-default"), place, "another default route")


def test_other_route_in_a_table_of_ours_is_not_turned_into_the_default_route():
    place = world(tables=(table(OUR_TABLE_ID, FOREIGN_ROUTES[0]),))

    refuses(route_action(place, OUR_TABLE_ID, "to-onprem"), place, "replace another route")


def test_route_in_a_table_that_was_not_read_is_refused():
    refuses(route_action(LOST_ROUTE, FOREIGN_TABLE_ID, "x"), LOST_ROUTE, "the route table was not read")
