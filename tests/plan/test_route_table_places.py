"""Rule: which subnets send everything else to the firewall, and which are never touched."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.model.azure_types import PLATFORM_SUBNETS
from shared.model.world import World
from shared.plan.action import ActionKind
from shared.plan.finding import Code
from tests.builders import (
    CLUSTER_ID,
    HUB_ID,
    MONITORING_ID,
    NODE_GROUP,
    SPOKE_ID,
    STRANGE_SUBSCRIPTION,
    actions,
    cluster,
    hub,
    peering,
    planned,
    pool,
    subnet,
    the_finding,
    vnet,
    world,
)

BARE = subnet(route_table=None)


def kinds(made):
    return [action.kind for action in made.actions]


def attached(made):
    return {action.resource: action.after["routeTable"] for action in actions(made, ActionKind.ATTACH_ROUTE_TABLE)}


def monitoring_world(bare, **values):
    """A scope of the monitoring VNet alone."""
    place = vnet(MONITORING_ID, "10.50.0.0/16", subnets=(bare,))
    return World(hub=hub(), vnets={MONITORING_ID: place}, subnets_in_scope=(bare.id,), **values)


@pytest.mark.parametrize("name", sorted(PLATFORM_SUBNETS))
def test_subnets_of_azures_appliances_are_never_touched(name):
    bare = replace(BARE, id=SPOKE_ID.child("subnets", name.upper()))
    made = planned(world(subnets=(bare,)), aks_subnet_name_pattern=".*")

    assert made.empty
    assert made.findings == ()


def test_delegated_subnet_is_never_touched():
    api = replace(BARE, delegations=("Microsoft.ContainerService/managedClusters",))

    assert planned(world(subnets=(api,)), aks_subnet_name_pattern=".*").empty


def test_subnet_of_the_hub_is_never_touched():
    nodes = replace(BARE, id=HUB_ID.child("subnets", "aks"))
    place = World(
        hub=hub(monitoring=(hub().vnet,)),
        vnets={HUB_ID: replace(hub().vnet, subnets=(nodes,))},
        subnets_in_scope=(nodes.id,),
        neighbours=(cluster(pools=(pool(nodes.id),)),),
    )

    assert planned(place, aks_subnet_name_pattern=".*", spoke_subscription_ids="*").empty


def test_vnet_that_aks_manages_is_never_touched():
    managed = NODE_GROUP.resource(SPOKE_ID.type, "aks-vnet-12345678")
    bare = subnet(managed.child("subnets", "aks-subnet"), "10.224.0.0/16", route_table=None)
    place = World(
        hub=hub(managed),
        vnets={managed: vnet(managed, "10.224.0.0/12", subnets=(bare,))},
        subnets_in_scope=(bare.id,),
        neighbours=(cluster(pools=(pool(None),)),),
    )
    made = planned(place, aks_subnet_name_pattern="aks")

    assert made.empty
    assert made.findings == ()


def test_monitoring_subnet_is_routed_although_no_cluster_uses_it():
    bare = subnet(MONITORING_ID.child("subnets", "spinnaker"), "10.50.1.0/24", route_table=None)
    made = planned(monitoring_world(bare))

    assert kinds(made) == [ActionKind.PUT_ROUTE_TABLE, ActionKind.ATTACH_ROUTE_TABLE]
    assert {action.cluster for action in made.actions} == {None}
    assert made.actions[0].resource.group == MONITORING_ID.group


def test_subnet_named_like_an_aks_subnet_is_routed_before_a_cluster_uses_it():
    """AKS wants the route table there before it creates a cluster."""
    place = replace(world(subnets=(replace(BARE, id=SPOKE_ID.child("subnets", "snet-aks-blue")),)), clusters=())

    assert attached(planned(place, aks_subnet_name_pattern="^snet-aks-"))
    assert planned(place, aks_subnet_name_pattern="^aks").empty
    assert planned(place).empty


def test_subscription_that_is_not_looked_after_is_left():
    assert planned(world(subnets=(BARE,), tables=()), spoke_subscription_ids=STRANGE_SUBSCRIPTION).empty


@pytest.mark.parametrize("side", ["hub", "spoke"])
def test_vnet_that_is_not_peered_is_not_cut_off_by_a_default_route(side):
    place = replace(world(subnets=(BARE,)), clusters=(), neighbours=(cluster(),))
    if side == "hub":
        place = replace(place, hub=hub(MONITORING_ID))
    else:
        lone = replace(place.vnets[SPOKE_ID], peerings=(peering(HUB_ID, state="Disconnected"),))
        place = replace(place, vnets={SPOKE_ID: lone})
    made = planned(place)

    assert made.empty
    finding = the_finding(made)
    assert (finding.code, finding.resource, finding.cluster) == (Code.VNET_NOT_PEERED, SPOKE_ID, CLUSTER_ID)


def test_unpeered_subnet_without_a_cluster_is_reported_for_nobody():
    place = replace(world(subnets=(BARE,)), clusters=(), hub=hub(MONITORING_ID))

    assert the_finding(planned(place, aks_subnet_name_pattern="nodes")).cluster is None
