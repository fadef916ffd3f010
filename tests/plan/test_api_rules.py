"""Rule: an API server's address is registered when record and endpoint agree and it lies where it must."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Address

import pytest

from shared.model.azure_types import LOAD_BALANCER
from shared.model.world import Endpoint, World
from shared.plan.action import ActionKind
from shared.plan.api_rules import record_name, verified_address
from shared.plan.finding import Code, Severity
from tests.builders import (
    API_ADDRESS,
    BYO_ZONE_ID,
    CLUSTER_ID,
    FIREWALL,
    HUB_ID,
    MONITORING_ID,
    NODE_GROUP,
    NODES_ID,
    NOW,
    PODS_ID,
    SPOKE_ID,
    STRANGE_SUBSCRIPTION,
    ZONE_ID,
    ZONE_NAME,
    actions,
    api_server,
    cluster,
    endpoint,
    group,
    hub,
    observed,
    peering,
    planned,
    pool,
    settings,
    subnet,
    the_finding,
    vnet,
    world,
    zone,
)

MOVED = IPv4Address("10.20.1.77")
IN_HUB = IPv4Address("10.0.1.68")
RECORD = "demo-1a2b3c4d"
STATE = {
    "address": str(API_ADDRESS),
    "zone": str(ZONE_ID),
    "subnets": [str(NODES_ID)],
    "outboundType": "userDefinedRouting",
    "stopped": False,
}


def registrations(made):
    return actions(made, ActionKind.REGISTER_API_SERVER)


def test_registered_cluster_needs_nothing():
    assert planned(world()).empty


def test_verified_address_is_registered():
    [action] = planned(world(cluster=observed(registered=None))).actions

    assert action.kind is ActionKind.REGISTER_API_SERVER
    assert (action.resource, action.cluster) == (CLUSTER_ID, CLUSTER_ID)
    assert action.before is None
    assert action.after == STATE
    assert "is verified" in action.reason


def test_moved_address_is_one_action_from_old_to_new():
    moved = observed(zone=zone(records={RECORD: (MOVED,)}), endpoint=endpoint(MOVED))
    [action] = planned(world(cluster=moved)).actions

    assert action.before == STATE
    assert action.after == STATE | {"address": str(MOVED)}
    assert action.reason == f"the API server moved from {API_ADDRESS} to {MOVED}"
    assert str(action) == f"~ register_api_server {CLUSTER_ID}: {action.reason}"


@pytest.mark.parametrize(
    "stale",
    [{"outbound_type": "none"}, {"subnets": (PODS_ID,)}, {"zone": None}, {"stopped_at": NOW}],
    ids=lambda change: next(iter(change)),
)
def test_row_that_says_something_else_is_rewritten(stale):
    [action] = registrations(planned(world(cluster=observed(registered=api_server(**stale)))))

    assert action.after == STATE
    assert action.reason == "what is known of the cluster changed"


def test_row_without_an_address_gets_one():
    [action] = registrations(planned(world(cluster=observed(registered=api_server(address=None)))))

    assert action.before["address"] is None
    assert "is verified" in action.reason


def test_zone_that_is_not_there_yet_is_waited_for():
    made = planned(world(cluster=observed(zone=None, registered=None)))

    assert made.empty
    assert made.findings == ()
    assert [(item.resource, item.code) for item in made.waiting] == [(CLUSTER_ID, Code.CLUSTER_NOT_READY)]
    assert "zone is not there yet" in made.waiting[0].message


def test_endpoint_that_is_not_there_yet_is_waited_for():
    made = planned(world(cluster=observed(endpoint=None, registered=None)))

    assert made.empty
    assert "endpoint is not there yet" in made.waiting[0].message


@pytest.mark.parametrize("records", [{}, {RECORD: ()}, {"other": (API_ADDRESS,)}])
def test_record_that_is_not_there_yet_is_waited_for(records):
    made = planned(world(cluster=observed(zone=zone(records=records), registered=None)))

    assert made.empty
    assert [item.resource for item in made.waiting] == [ZONE_ID]
    assert "A record of aks-1 is not there yet" in made.waiting[0].message


@pytest.mark.parametrize("listed", [(MOVED,), (API_ADDRESS, MOVED)])
def test_record_that_disagrees_with_the_endpoint_waits_as_a_mismatch(listed):
    made = planned(world(cluster=observed(zone=zone(records={RECORD: listed}), registered=None)))

    assert made.empty
    [waiting] = made.waiting
    assert waiting.code is Code.ADDRESS_MISMATCH
    assert waiting.resource == ZONE_ID
    assert str(MOVED) in waiting.message
    assert str(API_ADDRESS) in waiting.message
    assert waiting.fix


def test_disagreement_keeps_the_rule_as_it_is():
    """A rule is never absent while its cluster is up."""
    made = planned(world(cluster=observed(zone=zone(records={RECORD: (MOVED,)}))))

    assert made.empty
    assert len(made.waiting) == 1


def test_record_that_points_into_the_hub_is_refused():
    deputy = observed(zone=zone(records={RECORD: (IN_HUB,)}), registered=None)
    made = planned(world(cluster=deputy))

    assert made.empty
    assert the_finding(made).code is Code.ADDRESS_OUTSIDE_VNET
    assert the_finding(made).severity is Severity.ERROR
    assert str(IN_HUB) in the_finding(made).message
    assert "A record" in the_finding(made).message


@pytest.mark.parametrize("listed", [(IN_HUB, API_ADDRESS), (API_ADDRESS, IPv4Address("10.99.0.4"))])
def test_record_with_one_address_outside_is_refused_as_a_whole(listed):
    deputy = observed(zone=zone(records={RECORD: listed}), registered=None)

    assert the_finding(planned(world(cluster=deputy))).code is Code.ADDRESS_OUTSIDE_VNET


def test_endpoint_outside_the_clusters_vnet_is_refused():
    outside = observed(endpoint=endpoint(FIREWALL), zone=zone(records={RECORD: (FIREWALL,)}), registered=None)
    made = planned(world(cluster=outside))

    assert made.empty
    assert "Its endpoint kube-apiserver says 10.0.1.4" in the_finding(made).message
    assert "(vnet-spoke-1)" in the_finding(made).message


def test_cluster_in_a_vnet_that_aks_manages_has_no_address_we_allow():
    managed = observed(cluster=cluster(pools=(pool(None),)), registered=None)
    made = planned(replace(world(cluster=managed), vnets={}, subnets_in_scope=()))

    assert made.empty
    assert the_finding(made).code is Code.VNET_NOT_PEERED
    assert "AKS manages the cluster's VNet" in the_finding(made).message


def test_address_in_a_vnet_that_was_not_found_is_refused():
    made = planned(replace(world(cluster=observed(registered=None)), vnets={}, subnets_in_scope=()))

    assert the_finding(made).code is Code.ADDRESS_OUTSIDE_VNET
    assert "(not found)" in the_finding(made).message


@pytest.mark.parametrize(
    ("hub_side", "spoke_side"),
    [
        ((), (peering(HUB_ID),)),
        ((peering(SPOKE_ID),), ()),
        ((peering(SPOKE_ID, state="Initiated"),), (peering(HUB_ID),)),
        ((peering(SPOKE_ID),), (peering(HUB_ID, state="Disconnected"),)),
        ((peering(SPOKE_ID, allows_access=False),), (peering(HUB_ID),)),
        ((peering(SPOKE_ID),), (peering(HUB_ID, allows_access=False),)),
    ],
    ids=["hub side missing", "spoke side missing", "initiated", "disconnected", "hub denies", "spoke denies"],
)
def test_cluster_in_a_vnet_that_is_not_peered_is_not_opened(hub_side, spoke_side):
    place = world(cluster=observed(registered=None), spoke=vnet(peerings=spoke_side))
    sides = (*hub_side, peering(MONITORING_ID))
    made = planned(replace(place, hub=hub(vnet=vnet(HUB_ID, "10.0.0.0/16", peerings=sides))))

    assert made.empty
    assert {finding.code for finding in made.findings} == {Code.VNET_NOT_PEERED}
    assert {finding.resource for finding in made.findings} == {SPOKE_ID}


def test_cluster_in_the_hub_itself_needs_no_peering():
    nodes = HUB_ID.child("subnets", "nodes")
    at_home = replace(hub(), vnet=vnet(HUB_ID, "10.0.0.0/16", peerings=()))
    seen = observed(
        cluster=cluster(pools=(pool(nodes),)),
        endpoint=endpoint(IN_HUB),
        zone=zone(records={RECORD: (IN_HUB,)}),
        registered=None,
    )
    place = World(hub=at_home, clusters=(seen,), vnets={HUB_ID: at_home.vnet})

    assert verified_address(seen, place, settings()) == IN_HUB


@pytest.mark.parametrize("mode", ["system", "none"])
def test_cluster_in_a_subscription_that_is_not_looked_after_is_neither_linked_nor_opened(mode):
    """A registry that remembers it, or a zone it shares, must not smuggle it in."""
    seen = observed(cluster=cluster(zone_mode=mode), zone=zone(links=()), registered=None)
    made = planned(world(cluster=seen), spoke_subscription_ids=STRANGE_SUBSCRIPTION)

    assert made.empty
    finding = the_finding(made)
    assert (finding.code, finding.resource) == (Code.SUBSCRIPTION_NOT_ALLOWED, CLUSTER_ID)


@pytest.mark.parametrize("byo", [True, False])
def test_address_in_a_zone_that_is_not_ours_to_link_does_not_count(byo):
    if byo:
        seen = observed(cluster=cluster(zone_id=BYO_ZONE_ID, zone_mode="custom"), zone=zone(BYO_ZONE_ID))
    else:
        seen = observed(zone=zone(group("rg-attacker").resource(ZONE_ID.type, ZONE_NAME)))
    made = planned(world(cluster=replace(seen, registered=None)))

    assert registrations(made) == []
    assert the_finding(made).code is (Code.ZONE_NOT_TRUSTED if byo else Code.ZONE_NOT_AKS)


def test_address_in_a_trusted_zone_counts():
    fqdn = f"a.b.{BYO_ZONE_ID.name}"
    seen = observed(
        cluster=cluster(zone_id=BYO_ZONE_ID, zone_mode="custom", private_fqdn=fqdn),
        zone=zone(BYO_ZONE_ID, records={"a.b": (API_ADDRESS,)}),
        registered=None,
    )
    [action] = planned(world(cluster=seen), trusted_zone_ids=str(BYO_ZONE_ID)).actions

    assert action.after["zone"] == str(BYO_ZONE_ID)


@pytest.mark.parametrize("mode", ["none", "None"])
def test_zone_mode_none_takes_the_endpoint_alone(mode):
    seen = observed(cluster=cluster(zone_mode=mode, private_fqdn=None), zone=None, registered=None)
    [action] = planned(world(cluster=seen)).actions

    assert action.after == STATE | {"zone": None}


def test_zone_mode_none_still_waits_for_the_endpoint():
    seen = observed(cluster=cluster(zone_mode="none", private_fqdn=None), zone=None, endpoint=None, registered=None)

    assert "endpoint is not there yet" in planned(world(cluster=seen)).waiting[0].message


def test_vnet_integration_lives_in_the_api_servers_own_subnet():
    api_vnet = group("rg-network").resource(SPOKE_ID.type, "vnet-api")
    address = IPv4Address("10.30.0.4")
    balancer = Endpoint(id=NODE_GROUP.resource(LOAD_BALANCER, "kube-apiserver"), address=address)
    seen = observed(
        cluster=cluster(vnet_integration=True, api_server_subnet=api_vnet.child("subnets", "api")),
        endpoint=balancer,
        zone=zone(records={RECORD: (address,)}),
        registered=None,
    )
    place = world(cluster=seen)
    place = replace(
        place,
        hub=hub(SPOKE_ID, api_vnet),
        vnets={**place.vnets, api_vnet: vnet(api_vnet, "10.30.0.0/16")},
    )
    [action] = planned(place).actions

    assert action.after["address"] == "10.30.0.4"


def test_stopped_cluster_keeps_its_row_and_is_marked_once():
    stopped = cluster(power_state="Stopped", private_fqdn=None)
    made = planned(world(cluster=observed(cluster=stopped, zone=None, endpoint=None)))
    [action] = made.actions

    assert action.kind is ActionKind.REGISTER_API_SERVER
    assert action.before == STATE
    assert action.after == STATE | {"stopped": True}
    assert action.cluster == CLUSTER_ID
    marked = observed(cluster=stopped, zone=None, endpoint=None, registered=api_server(stopped_at=NOW))
    assert planned(world(cluster=marked)).empty


def test_stopped_cluster_that_was_never_registered_stays_unknown():
    stopped = cluster(power_state="Stopped", private_fqdn=None)
    made = planned(world(cluster=observed(cluster=stopped, zone=None, endpoint=None, registered=None)))

    assert made.empty
    assert made.waiting == made.findings == ()


def test_started_cluster_loses_the_mark_of_having_been_stopped():
    [action] = planned(world(cluster=observed(registered=api_server(stopped_at=NOW)))).actions

    assert action.before["stopped"] is True
    assert action.after["stopped"] is False


def test_cluster_that_runs_again_keeps_its_address_until_the_new_one_is_verified():
    seen = observed(endpoint=None, registered=api_server(stopped_at=NOW))
    made = planned(world(cluster=seen))
    [action] = made.actions

    assert (action.before, action.after) == (STATE | {"stopped": True}, STATE)
    assert made.waiting
    assert planned(world(cluster=replace(seen, registered=api_server()))).empty


def test_rule_that_outlived_its_stop_does_not_come_back_before_an_address_is_verified():
    seen = observed(endpoint=None, registered=api_server(stopped_at=NOW))
    for hours, address in ((2, STATE["address"]), (1, None)):
        place = replace(world(cluster=seen), observed_at=NOW + timedelta(hours=1, minutes=30))
        [action] = planned(place, stopped_rule_retention_hours=hours).actions

        assert action.after["address"] == address
        assert action.after["stopped"] is False


def test_row_of_a_cluster_that_is_gone_is_forgotten():
    [action] = planned(World(hub=hub(), retired=(api_server(),))).actions

    assert action.kind is ActionKind.FORGET_API_SERVER
    assert action.is_deletion
    assert (action.resource, action.cluster) == (CLUSTER_ID, CLUSTER_ID)
    assert action.before == STATE
    assert action.after is None
    assert str(action) == f"- forget_api_server {CLUSTER_ID}: the cluster is gone"


def test_order_of_subnets_in_a_row_makes_no_difference():
    both = cluster(pools=(pool(NODES_ID, PODS_ID),))
    seen = observed(cluster=both, registered=api_server(subnets=(PODS_ID, NODES_ID)))
    subnets = (subnet(), subnet(PODS_ID, "10.20.2.0/24"))

    assert planned(world(cluster=seen, subnets=subnets)).empty


@pytest.mark.parametrize(
    ("fqdn", "name"),
    [
        (f"demo.{ZONE_NAME}", "demo"),
        (f"DEMO.{ZONE_NAME.upper()}", "demo"),
        (f"demo.{ZONE_NAME}.", "demo"),
        (f"demo.sub.{ZONE_NAME}", "demo.sub"),
        (f"demo{ZONE_NAME}", ""),
        (ZONE_NAME, ""),
        (None, ""),
    ],
)
def test_record_name_is_the_private_fqdn_without_the_zone(fqdn, name):
    assert record_name(cluster(private_fqdn=fqdn), zone()) == name
