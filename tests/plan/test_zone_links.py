"""Rule: AKS zones are linked to hub and monitoring VNets, and nothing that only looks like one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.model.world import World
from shared.plan.action import ActionKind, Waiting
from shared.plan.finding import Code, Severity
from shared.plan.names import link_name
from tests.builders import (
    BYO_ZONE_ID,
    CLUSTER_ID,
    HUB_ID,
    MONITORING_ID,
    NODES_ID,
    NOW,
    SPOKE_ID,
    ZONE_ID,
    ZONE_NAME,
    actions,
    api_server,
    cluster,
    group,
    hub,
    link,
    observed,
    planned,
    the_finding,
    vnet,
    world,
    zone,
)

TRUST = {"trusted_zone_ids": str(BYO_ZONE_ID)}
BYO_CLUSTER = cluster(zone_mode="custom", zone_id=BYO_ZONE_ID, private_fqdn=f"demo-1a2b3c4d.{BYO_ZONE_ID.name}")


def in_byo_zone(**values):
    return observed(cluster=BYO_CLUSTER, zone=zone(BYO_ZONE_ID, **values), registered=api_server(zone=BYO_ZONE_ID))


def linked_to(made):
    return [action.after["virtualNetwork"] for action in actions(made, ActionKind.PUT_LINK)]


def test_linked_zone_needs_nothing():
    assert planned(world()).empty
    assert str(planned(world())) == "No changes. Everything is as it should be."


def test_new_zone_is_linked_to_hub_and_monitoring_vnets():
    made = planned(world(cluster=observed(zone=zone(links=()))))

    links = actions(made, ActionKind.PUT_LINK)
    assert {action.resource for action in links} == {link(HUB_ID).id, link(MONITORING_ID).id}
    assert {action.after["virtualNetwork"] for action in links} == {str(HUB_ID), str(MONITORING_ID)}
    assert all(action.after["registrationEnabled"] is False for action in links)
    assert all(action.before is None and action.cluster == CLUSTER_ID for action in links)
    assert made.findings == made.waiting == ()


def test_link_under_another_name_is_a_link():
    foreign = (link(HUB_ID, name="by-the-network-team", ours=False), link(MONITORING_ID, name="x", ours=False))

    assert planned(world(cluster=observed(zone=zone(links=foreign)))).empty


def test_zone_that_only_looks_like_aks_is_refused():
    deputy = zone(group("rg-attacker").resource(ZONE_ID.type, "privatelink.westeurope.azmk8s.io"), links=())
    made = planned(replace(world(), stray_zones=(deputy,)))

    assert made.empty
    assert the_finding(made).code is Code.ZONE_NOT_AKS
    assert the_finding(made).resource == deputy.id
    assert the_finding(made).severity is Severity.WARNING
    assert "no managed cluster owns it" in the_finding(made).message


def test_zone_outside_the_node_resource_group_is_refused():
    elsewhere = zone(group("rg-attacker").resource(ZONE_ID.type, ZONE_NAME), links=())
    made = planned(world(cluster=observed(zone=elsewhere, registered=None)))

    assert made.empty
    assert the_finding(made).code is Code.ZONE_NOT_AKS
    assert the_finding(made).cluster == CLUSTER_ID


@pytest.mark.parametrize(
    "fqdn",
    [None, "demo.other.privatelink.westeurope.azmk8s.io", f"demo{ZONE_NAME}", ZONE_NAME, f"{ZONE_NAME}.evil.example"],
)
def test_zone_that_the_cluster_does_not_name_is_refused(fqdn):
    seen = observed(cluster=cluster(private_fqdn=fqdn), zone=zone(links=()), registered=None)
    made = planned(world(cluster=seen))

    assert made.empty
    assert {finding.code for finding in made.findings} == {Code.ZONE_NOT_AKS}
    assert "does not name it" in made.findings[0].message


def test_zone_is_recognised_in_any_casing():
    upper = type(ZONE_ID).parse(str(ZONE_ID).upper())

    assert len(linked_to(planned(world(cluster=observed(zone=zone(upper, links=())))))) == 2


def test_link_of_ours_that_registers_machines_is_put_right_and_a_foreign_one_is_left():
    ours = link(HUB_ID, registers=True)
    [action] = planned(world(cluster=observed(zone=zone(links=(ours, link(MONITORING_ID)))))).actions

    assert action.kind is ActionKind.PUT_LINK
    assert action.resource == ours.id
    assert (action.before["registrationEnabled"], action.after["registrationEnabled"]) == (True, False)
    theirs = link(HUB_ID, ours=False, registers=True)
    assert planned(world(cluster=observed(zone=zone(links=(theirs, link(MONITORING_ID)))))).empty


def test_zone_of_a_stopped_cluster_is_neither_linked_nor_complained_about():
    stopped = cluster(power_state="Stopped", private_fqdn=None)
    seen = observed(cluster=stopped, zone=zone(links=()), registered=api_server(stopped_at=NOW))
    made = planned(world(cluster=seen))

    assert made.empty
    assert made.findings == ()


def test_stopped_cluster_does_not_lend_its_node_group_to_strange_zones():
    strange = zone(ZONE_ID.group.resource(ZONE_ID.type, "contoso.internal"), links=())
    for fqdn in (None, f"demo.{ZONE_NAME}"):
        stopped = cluster(power_state="Stopped", private_fqdn=fqdn)
        assert linked_to(planned(world(cluster=observed(cluster=stopped, zone=strange)))) == []


def test_bring_your_own_zone_must_be_trusted():
    made = planned(world(cluster=in_byo_zone(links=())))

    assert made.empty
    assert {finding.code for finding in made.findings} == {Code.ZONE_NOT_TRUSTED}
    assert made.findings[0].resource == BYO_ZONE_ID
    assert made.findings[0].cluster == CLUSTER_ID
    assert made.findings[0].severity is Severity.ERROR


def test_trusted_bring_your_own_zone_is_linked():
    assert len(linked_to(planned(world(cluster=in_byo_zone(links=())), **TRUST))) == 2


def test_trusted_zone_is_linked_as_soon_as_a_cluster_puts_its_record_there():
    made = planned(World(hub=hub(), stray_zones=(zone(BYO_ZONE_ID, links=()),)), **TRUST)

    assert len(linked_to(made)) == 2
    assert all(action.cluster is None for action in made.actions)
    assert made.findings == ()


def test_empty_trusted_zone_is_not_linked():
    """So it is left when its last cluster goes: the deletion of our links must not bring them back."""
    made = planned(World(hub=hub(), stray_zones=(zone(BYO_ZONE_ID, links=(), records={}),)), **TRUST)

    assert made.empty
    assert made.findings == ()


def test_zone_that_is_none_of_aks_and_none_of_ours_is_passed_over():
    other = zone(group("rg-db").resource(ZONE_ID.type, "privatelink.database.windows.net"), links=())
    made = planned(World(hub=hub(), stray_zones=(other,)))

    assert made.empty
    assert made.findings == ()


def test_zone_shared_by_two_clusters_is_linked_once():
    other = replace(BYO_CLUSTER, id=CLUSTER_ID.parent.resource(CLUSTER_ID.type, "aks-2"))
    first = in_byo_zone(links=())
    place = replace(world(cluster=first), clusters=(first, replace(first, cluster=other)))

    assert len(linked_to(planned(place, **TRUST))) == 2


@pytest.mark.parametrize("state", ["Creating", "Updating", "Failed"])
def test_clusters_own_vnet_is_left_to_aks_while_it_creates(state):
    """AKS links the node VNet itself and fails when somebody else was first."""
    monitoring = (vnet(MONITORING_ID, "10.50.0.0/16"), vnet())
    creating = observed(cluster=cluster(provisioning_state=state), zone=zone(links=()))
    made = planned(replace(world(cluster=creating), hub=hub(monitoring=monitoring)))

    assert set(linked_to(made)) == {str(HUB_ID), str(MONITORING_ID)}
    assert [waiting.resource for waiting in made.waiting] == [CLUSTER_ID]
    assert "own VNet vnet-spoke-1" in made.waiting[0].message


def test_clusters_own_vnet_is_linked_when_aks_has_finished_without():
    monitoring = (vnet(MONITORING_ID, "10.50.0.0/16"), vnet())
    made = planned(replace(world(cluster=observed(zone=zone(links=()))), hub=hub(monitoring=monitoring)))

    assert set(linked_to(made)) == {str(HUB_ID), str(MONITORING_ID), str(SPOKE_ID)}


def test_broken_link_of_ours_is_put_again():
    broken = link(HUB_ID, provisioning_state="Failed", link_state="InProgress")
    made = planned(world(cluster=observed(zone=zone(links=(broken, link(MONITORING_ID))))))

    [action] = made.actions
    assert action.kind is ActionKind.PUT_LINK
    assert action.resource == broken.id
    assert action.before == {"virtualNetwork": str(HUB_ID), "provisioningState": "Failed"}
    assert action.after == {"virtualNetwork": str(HUB_ID), "registrationEnabled": False}
    assert "is Failed" in action.reason


def test_broken_link_in_a_trusted_zone_without_clusters_is_put_again():
    broken = link(HUB_ID, BYO_ZONE_ID, provisioning_state="Canceled")
    stray = zone(BYO_ZONE_ID, links=(broken, link(MONITORING_ID, BYO_ZONE_ID)))

    [action] = planned(World(hub=hub(), stray_zones=(stray,)), **TRUST).actions
    assert (action.resource, action.cluster) == (broken.id, None)


def test_broken_link_of_somebody_else_is_reported():
    broken = link(HUB_ID, name="theirs", ours=False, provisioning_state="Failed")
    made = planned(world(cluster=observed(zone=zone(links=(broken, link(MONITORING_ID))))))

    assert made.empty
    assert the_finding(made).code is Code.LINK_FOREIGN_BROKEN
    assert the_finding(made).resource == broken.id


@pytest.mark.parametrize("ours", [True, False])
def test_link_under_way_is_waited_for(ours):
    young = link(HUB_ID, link_state="InProgress", ours=ours)
    made = planned(world(cluster=observed(zone=zone(links=(young, link(MONITORING_ID))))))

    assert made.empty
    assert made.waiting == (Waiting(resource=young.id, message="The link is Succeeded, InProgress."),)


def test_locked_node_group_is_reported_with_what_is_missing():
    locked = observed(cluster=cluster(node_group_locked=True), zone=zone(links=(link(HUB_ID),)))
    made = planned(world(cluster=locked))

    assert made.empty
    assert the_finding(made).code is Code.NODE_GROUP_LOCKED
    assert the_finding(made).severity is Severity.ERROR
    assert "missing: vnet-monitoring." in the_finding(made).message


def test_locked_node_group_with_all_links_is_only_a_remark():
    made = planned(world(cluster=observed(cluster=cluster(node_group_locked=True))))

    assert the_finding(made).severity is Severity.INFO
    assert "nothing at the moment" in the_finding(made).message


def test_lockdown_does_not_reach_a_trusted_zone_elsewhere():
    locked = replace(in_byo_zone(links=()), cluster=replace(BYO_CLUSTER, node_group_locked=True))

    assert len(linked_to(planned(world(cluster=locked), **TRUST))) == 2


ROW = api_server(zone=BYO_ZONE_ID)
FOREIGN_LINK = link(SPOKE_ID, BYO_ZONE_ID, name="aks-own", ours=False)
LEFT_ZONE = zone(
    BYO_ZONE_ID, records={}, links=(link(HUB_ID, BYO_ZONE_ID), link(MONITORING_ID, BYO_ZONE_ID), FOREIGN_LINK)
)


def retired(left=LEFT_ZONE, registered=(ROW,)):
    return World(hub=hub(), retired=(ROW,), retired_zones=(left,), all_registered=registered)


def test_our_links_go_with_the_last_cluster_of_a_trusted_zone():
    gone = actions(planned(retired(), **TRUST), ActionKind.DELETE_LINK)

    assert {action.resource for action in gone} == {link(HUB_ID, BYO_ZONE_ID).id, link(MONITORING_ID, BYO_ZONE_ID).id}
    assert all(action.after is None and action.is_deletion for action in gone)
    assert {action.before["virtualNetwork"] for action in gone} == {str(HUB_ID), str(MONITORING_ID)}


def test_shared_zone_stays_linked_while_another_cluster_is_registered_in_it():
    other = replace(ROW, cluster=CLUSTER_ID.parent.resource(CLUSTER_ID.type, "aks-2"))

    assert actions(planned(retired(registered=(ROW, other)), **TRUST), ActionKind.DELETE_LINK) == []


def test_row_in_another_zone_does_not_keep_a_zone_linked():
    other = api_server(cluster=CLUSTER_ID.parent.resource(CLUSTER_ID.type, "aks-2"))

    assert len(actions(planned(retired(registered=(ROW, other)), **TRUST), ActionKind.DELETE_LINK)) == 2


def test_shared_zone_stays_linked_while_it_holds_records():
    """An unregistered cluster may use it, too."""
    held = replace(LEFT_ZONE, records={"other": ()})

    assert actions(planned(retired(held), **TRUST), ActionKind.DELETE_LINK) == []


def test_links_of_a_zone_that_is_not_trusted_are_left():
    assert actions(planned(retired()), ActionKind.DELETE_LINK) == []


def test_two_vnets_of_one_name_get_two_links():
    one, two = (group(name).resource(SPOKE_ID.type, "vnet-hub") for name in ("rg-a", "rg-b"))

    assert link_name(one) != link_name(two)
    assert link_name(one) == link_name(type(one).parse(str(one).upper()))


@pytest.mark.parametrize("name", ["vnet", "V" * 200, "Ünïcode", "a.b_c-d", "---"])
def test_link_name_is_lower_case_and_fits_into_80_characters(name):
    made = link_name(NODES_ID.group.resource(SPOKE_ID.type, name))

    assert made == made.lower()
    assert len(made) <= 80
    assert made.startswith("aks-hublink-")
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_zone_with_nearly_all_links_it_may_have_is_told():
    many = tuple(link(SPOKE_ID.parent.resource(SPOKE_ID.type, f"vnet-{n}"), ours=False) for n in range(800))
    place = world(cluster=observed(zone=zone(links=(link(HUB_ID), link(MONITORING_ID), *many))))

    assert the_finding(planned(place)).code is Code.LIMIT_NEAR
