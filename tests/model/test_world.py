"""The observed world: what its values say about themselves."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from shared.model.world import World, is_ours
from tests.builders import (
    API_ADDRESS,
    CLUSTER_ID,
    HUB_ID,
    MONITORING_ID,
    NODE_GROUP,
    NODES_ID,
    NOW,
    OUR_TABLE_ID,
    PODS_ID,
    SPOKE_ID,
    ZONE_ID,
    api_server,
    cluster,
    default_route,
    group,
    hub,
    link,
    observed,
    peering,
    pool,
    subnet,
    table,
    vnet,
    world,
    zone,
)


@pytest.mark.parametrize(
    ("tags", "answer"),
    [
        ({"managedBy": "aks-hublink"}, True),
        ({"MANAGEDBY": "aks-hublink"}, True),
        ({"managedBy": "terraform"}, False),
        ({"owner": "aks-hublink"}, False),
        ({}, False),
    ],
)
def test_our_mark_is_a_tag(tags, answer):
    assert is_ours(tags) is answer


def test_node_group_is_in_the_subscription_of_the_cluster():
    assert cluster().node_group == NODE_GROUP


@pytest.mark.parametrize(("state", "answer"), [("Running", True), ("running", True), ("Stopped", False)])
def test_cluster_runs_when_its_power_state_says_so(state, answer):
    assert cluster(power_state=state).running is answer


@pytest.mark.parametrize(
    ("state", "answer"),
    [
        ("Creating", True),
        ("Updating", True),
        ("Scaling", True),
        ("succeeded", False),
        ("Failed", False),
        ("Canceled", False),
    ],
)
def test_cluster_is_left_alone_while_aks_works_on_it(state, answer):
    assert cluster(provisioning_state=state).being_changed is answer


def test_subnets_of_a_cluster_are_named_once_and_in_order():
    seen = cluster(pools=(pool(PODS_ID, NODES_ID), pool(NODES_ID), pool(None)))

    assert seen.subnets == (NODES_ID, PODS_ID)


def test_vnets_of_a_cluster_are_those_of_nodes_pods_and_api_server():
    other = group("rg").resource("Microsoft.Network/virtualNetworks", "vnet-api")

    assert cluster(api_server_subnet=other.child("subnets", "api")).vnets == {SPOKE_ID, other}
    assert cluster(pools=()).vnets == frozenset()


@pytest.mark.parametrize(
    ("provisioning", "state", "healthy", "broken"),
    [
        ("Succeeded", "Completed", True, False),
        ("succeeded", "completed", True, False),
        ("Succeeded", "InProgress", False, False),
        ("Updating", "Completed", False, False),
        ("Failed", "InProgress", False, True),
        ("Canceled", "Completed", False, True),
    ],
)
def test_link_is_healthy_only_when_both_states_say_so(provisioning, state, healthy, broken):
    seen = link(HUB_ID, provisioning_state=provisioning, link_state=state)

    assert (seen.healthy, seen.broken) == (healthy, broken)


def test_zone_finds_its_link_by_vnet():
    assert zone().link_to(MONITORING_ID) == link(MONITORING_ID)
    assert zone().link_to(SPOKE_ID) is None
    assert zone(group("rg").resource(ZONE_ID.type, "Private.AZMK8S.io")).name == "private.azmk8s.io"


@pytest.mark.parametrize(
    ("values", "answer"),
    [({}, True), ({"state": "connected"}, True), ({"state": "Initiated"}, False), ({"allows_access": False}, False)],
)
def test_peering_carries_traffic_when_connected_and_access_is_allowed(values, answer):
    assert peering(HUB_ID, **values).connected is answer


def test_vnet_finds_what_is_in_it():
    place = vnet(subnets=(subnet(),))

    assert place.holds(API_ADDRESS)
    assert not place.holds(IPv4Address("10.21.0.1"))
    assert place.subnet(NODES_ID) == subnet()
    assert place.subnet(PODS_ID) is None
    assert place.peering_to(HUB_ID) == peering(HUB_ID)
    assert place.peering_to(MONITORING_ID) is None
    assert vnet(provisioning_state="updating").updating
    assert not place.updating


def test_route_table_finds_its_default_route():
    specific = default_route(name="to-onprem", prefix="192.168.0.0/16")

    assert table(OUR_TABLE_ID, specific, default_route()).default_route == default_route()
    assert table(OUR_TABLE_ID, specific).default_route is None


def test_registry_rows_say_the_same_whenever_the_cluster_was_stopped():
    stopped = api_server(stopped_at=NOW)

    assert stopped.says_the_same(replace(stopped, stopped_at=NOW.replace(hour=1)))
    assert not stopped.says_the_same(api_server())
    assert not stopped.says_the_same(None)
    assert api_server(subnets=(NODES_ID, PODS_ID)).says_the_same(api_server(subnets=(PODS_ID, NODES_ID)))
    for change in ({"address": None}, {"zone": None}, {"subnets": ()}, {"outbound_type": "none"}, {"cluster": HUB_ID}):
        assert not api_server(**change).says_the_same(api_server())


def test_hub_names_every_vnet_to_link_once_and_the_hub_first():
    assert hub().link_targets == (HUB_ID, MONITORING_ID)
    assert hub(monitoring=(hub().vnet, vnet(MONITORING_ID))).link_targets == (HUB_ID, MONITORING_ID)
    assert hub().is_monitoring(MONITORING_ID)
    assert not hub().is_monitoring(SPOKE_ID)


def test_world_knows_who_lives_where():
    other = cluster(group("rg-aks").resource(CLUSTER_ID.type, "aks-0"), pools=(pool(PODS_ID, NODES_ID),))
    place = world(neighbours=(other, replace(cluster(), network_plugin="stale")))

    assert list(place.clusters_on(NODES_ID)) == [other, cluster()]
    assert list(place.clusters_on(PODS_ID)) == [other]
    assert list(place.clusters_in(SPOKE_ID)) == [other, cluster()]
    assert list(place.clusters_in(HUB_ID)) == []
    assert place.known_clusters == (other, cluster())


def test_world_finds_networks_by_id_of_any_case():
    place = world()
    upper = type(NODES_ID).parse(str(NODES_ID).upper())

    assert place.vnet_of(upper) == place.vnets[SPOKE_ID]
    assert place.vnet_of(HUB_ID.child("subnets", "x")) is None
    assert place.table_of(subnet()) == table()
    assert place.table_of(subnet(route_table=None)) is None
    assert World(hub=hub()).table_of(subnet()) is None


def test_vnet_in_a_node_resource_group_is_managed_by_aks():
    place = world(cluster=observed())

    assert place.is_managed_by_aks(NODE_GROUP.resource(SPOKE_ID.type, "aks-vnet-1"))
    assert not place.is_managed_by_aks(SPOKE_ID)
