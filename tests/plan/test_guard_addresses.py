"""The guard refuses addresses that are not verified and rows that nobody confirmed, whoever asked for them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from shared.model.world import World
from shared.plan.action import ActionKind, make_plan
from shared.plan.api_rules import row_state
from shared.plan.guard import guard
from tests.builders import (
    FIREWALL,
    HUB_ID,
    MONITORING_ID,
    NOW,
    STRANGE_SUBSCRIPTION,
    api_server,
    cluster,
    endpoint,
    hub,
    observed,
    planned,
    pool,
    settings,
    world,
    zone,
)
from tests.plan.guarding import (
    RETIRED,
    ROW,
    UNLINKED,
    UNREGISTERED,
    changed,
    first,
    refuses,
)

REGISTER = first(UNREGISTERED, ActionKind.REGISTER_API_SERVER)


@pytest.mark.parametrize("address", [str(FIREWALL), "10.21.0.4", "8.8.8.8"])
def test_address_outside_the_clusters_vnet_is_refused(address):
    refuses(changed(REGISTER, address=address), UNREGISTERED, "not in the cluster's own VNet")


@pytest.mark.parametrize("address", [None, "", "10.20.1", "10.20.1.0/24", "*", "0.0.0.0/0"])
def test_address_that_is_none_is_refused(address):
    refuses(changed(REGISTER, address=address), UNREGISTERED, "names no address")


def test_address_in_the_vnet_that_is_not_the_endpoints_is_refused():
    refuses(changed(REGISTER, address="10.20.1.99"), UNREGISTERED, "not the address of the cluster's endpoint")
    no_endpoint = world(cluster=observed(registered=None, endpoint=None))
    refuses(REGISTER, no_endpoint, "not the address of the cluster's endpoint")


def test_address_that_no_record_says_is_refused():
    other = world(cluster=observed(registered=None, zone=zone(records={"demo": (IPv4Address("10.20.1.9"),)})))

    refuses(REGISTER, other, "in no record")


def test_address_in_a_vnet_that_is_not_peered_is_refused():
    refuses(REGISTER, replace(UNREGISTERED, hub=hub(MONITORING_ID)), "not peered")


def test_cluster_that_was_not_read_is_not_registered():
    refuses(replace(REGISTER, resource=HUB_ID), UNREGISTERED, "the cluster was not read")
    refuses(REGISTER, replace(UNREGISTERED, vnets={}), "not in the cluster's own VNet")


def test_cluster_in_a_subscription_that_is_not_looked_after_is_not_registered():
    refuses(REGISTER, UNREGISTERED, "not looked after", spoke_subscription_ids=STRANGE_SUBSCRIPTION)


STOPPED = world(cluster=observed(cluster=cluster(power_state="Stopped", private_fqdn=None), zone=None, endpoint=None))


def test_stop_does_not_smuggle_in_another_address():
    action = first(STOPPED, ActionKind.REGISTER_API_SERVER)

    refuses(changed(action, address=str(FIREWALL)), STOPPED, "was not registered before the stop")
    unknown = world(cluster=replace(STOPPED.clusters[0], registered=None))
    refuses(action, unknown, "was not registered before the stop")


def test_running_cluster_is_not_marked_as_stopped():
    refuses(changed(REGISTER, stopped=True), world(), "the cluster is running")


def test_restart_does_not_smuggle_in_another_address():
    place = world(cluster=observed(endpoint=None, registered=api_server(stopped_at=NOW)))
    action = first(place, ActionKind.REGISTER_API_SERVER)

    assert guard(make_plan([action]), place, settings()).actions == (action,)
    refuses(changed(action, address=str(FIREWALL)), place, "is not in the cluster's own VNet")
    refuses(action, place, "is gone since the stop", stopped_rule_retention_hours=1)
    was_running = world(cluster=observed(endpoint=None))
    refuses(action, was_running, "is not the address of the cluster's endpoint")


def test_stopped_cluster_without_an_address_may_be_marked():
    row = api_server(address=None)
    place = world(cluster=replace(STOPPED.clusters[0], registered=row))
    made = planned(place)

    assert made.actions
    assert guard(made, place, settings()) == made


def test_cluster_in_the_hub_itself_may_be_registered():
    nodes = HUB_ID.child("subnets", "nodes")
    address = IPv4Address("10.0.1.68")
    seen = observed(
        cluster=cluster(pools=(pool(nodes),)),
        endpoint=endpoint(address),
        zone=zone(records={"demo-1a2b3c4d": (address,)}),
        registered=None,
    )
    place = World(hub=hub(), clusters=(seen,), vnets={HUB_ID: hub().vnet})

    assert guard(planned(place), place, settings()).actions


# Forgotten clusters

FORGET = first(RETIRED, ActionKind.FORGET_API_SERVER)


@pytest.mark.parametrize("alive", ["in scope", "neighbour"])
def test_live_cluster_is_not_forgotten(alive):
    live = {"clusters": (observed(),)} if alive == "in scope" else {"neighbours": (cluster(),)}

    refuses(FORGET, replace(RETIRED, **live), "still exists")


def test_cluster_that_nobody_confirmed_gone_is_not_forgotten():
    place = replace(RETIRED, retired=())

    refuses(FORGET, place, "nothing confirms")


def test_one_unsafe_action_refuses_the_whole_plan():
    safe = planned(UNLINKED).actions
    unsafe = replace(FORGET, before=row_state(ROW))

    refuses(unsafe, UNLINKED, "still exists", *safe)
