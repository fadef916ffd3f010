"""The guard refuses links that are unsafe, whoever asked for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.plan.action import ActionKind, make_plan
from shared.plan.guard import guard
from tests.builders import (
    BYO_ZONE_ID,
    CLUSTER_ID,
    HUB_ID,
    MONITORING_ID,
    SPOKE_ID,
    STRANGE_SUBSCRIPTION,
    ZONE_ID,
    cluster,
    group,
    link,
    observed,
    settings,
    world,
    zone,
)
from tests.plan.guarding import (
    LEFT_ZONE,
    RETIRED,
    ROW,
    STRANGER,
    TRUST,
    UNLINKED,
    changed,
    first,
    refuses,
)


def test_link_to_a_vnet_that_is_neither_hub_nor_monitoring_is_refused():
    action = first(UNLINKED, ActionKind.PUT_LINK)

    for target in (STRANGER, SPOKE_ID):
        refuses(changed(action, virtualNetwork=str(target)), UNLINKED, "neither the hub nor a monitoring VNet")


@pytest.mark.parametrize("target", [None, "", "vnet-hub", 7])
def test_link_to_something_that_is_no_vnet_is_refused(target):
    action = first(UNLINKED, ActionKind.PUT_LINK)

    refuses(changed(action, virtualNetwork=target), UNLINKED, "neither the hub")
    refuses(replace(action, after=None), UNLINKED, "neither the hub")


def test_link_that_registers_machines_is_refused():
    action = first(UNLINKED, ActionKind.PUT_LINK)

    refuses(changed(action, registrationEnabled=True), UNLINKED, "register the VNet's machines")


@pytest.mark.parametrize(
    "zone_id",
    [
        ZONE_ID.group.resource(ZONE_ID.type, "contoso.internal"),
        group("rg-attacker").resource(ZONE_ID.type, ZONE_ID.name),
        BYO_ZONE_ID,
    ],
    ids=["strange zone in the node group", "right name in a strange group", "not trusted"],
)
def test_link_in_a_zone_that_no_cluster_names_is_refused(zone_id):
    action = first(UNLINKED, ActionKind.PUT_LINK)
    elsewhere = replace(action, resource=zone_id.child("virtualNetworkLinks", action.resource.name))

    refuses(elsewhere, UNLINKED, "no cluster's private FQDN names the zone")


def test_link_in_a_subscription_that_is_not_looked_after_is_refused():
    action = first(UNLINKED, ActionKind.PUT_LINK)

    refuses(action, UNLINKED, "not looked after", spoke_subscription_ids=STRANGE_SUBSCRIPTION)


def test_link_in_a_trusted_zone_is_allowed_wherever_the_zone_is():
    action = first(UNLINKED, ActionKind.PUT_LINK)
    trusted = make_plan([replace(action, resource=BYO_ZONE_ID.child("virtualNetworkLinks", "x"))])

    assert guard(trusted, UNLINKED, settings(**TRUST)) == trusted


def test_link_of_somebody_else_is_not_overwritten():
    foreign = link(HUB_ID, name="theirs", ours=False, provisioning_state="Failed")
    place = world(cluster=observed(zone=zone(links=(foreign,))))
    action = replace(first(place, ActionKind.PUT_LINK), resource=foreign.id)

    refuses(changed(action, virtualNetwork=str(HUB_ID)), place, "the link is not ours")


def test_link_of_ours_is_not_turned_to_another_vnet():
    broken = link(HUB_ID, provisioning_state="Failed")
    place = world(cluster=observed(zone=zone(links=(broken, link(MONITORING_ID)))))
    action = first(place, ActionKind.PUT_LINK)

    refuses(changed(action, virtualNetwork=str(MONITORING_ID)), place, "the link is not ours")


# Deleted links

DELETE = first(RETIRED, ActionKind.DELETE_LINK, **TRUST)


def test_deleting_a_link_of_an_untrusted_zone_is_refused():
    refuses(DELETE, RETIRED, "not a trusted one")


def test_deleting_a_foreign_link_is_refused():
    foreign = link(HUB_ID, BYO_ZONE_ID, name="theirs", ours=False)
    place = replace(RETIRED, retired_zones=(replace(LEFT_ZONE, links=(foreign,)),))

    refuses(replace(DELETE, resource=foreign.id), place, "not ours", **TRUST)
    refuses(DELETE, place, "not ours", **TRUST)


def test_deleting_a_link_of_a_zone_with_records_is_refused():
    place = replace(RETIRED, retired_zones=(zone(BYO_ZONE_ID),))

    refuses(DELETE, place, "may still have records", **TRUST)
    refuses(DELETE, replace(RETIRED, retired_zones=()), "may still have records", **TRUST)


def test_deleting_a_link_that_another_cluster_needs_is_refused():
    other = CLUSTER_ID.parent.resource(CLUSTER_ID.type, "aks-2")
    registered = replace(RETIRED, all_registered=(ROW, replace(ROW, cluster=other)))
    alive = replace(RETIRED, neighbours=(cluster(other, zone_id=BYO_ZONE_ID),))

    for place in (registered, alive):
        refuses(DELETE, place, "a cluster still uses the zone", **TRUST)
