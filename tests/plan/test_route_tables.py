"""Rule: AKS and monitoring subnets send everything else to the firewall, and nobody else's routes are touched."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.plan.action import ActionKind
from shared.plan.drift import drift_findings
from shared.plan.finding import Code, Severity
from shared.plan.route_tables import our_table
from tests.builders import (
    CLUSTER_ID,
    FIREWALL,
    FOREIGN_TABLE_ID,
    HUB_ID,
    NODES_ID,
    OUR_TABLE_ID,
    PODS_ID,
    SPOKE_ID,
    STRANGE_SUBSCRIPTION,
    actions,
    api_server,
    cluster,
    default_route,
    group,
    hub,
    observed,
    planned,
    pool,
    subnet,
    table,
    the_finding,
    vnet,
    world,
)

BARE = subnet(route_table=None)
ROUTE = {"addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance", "nextHopIpAddress": str(FIREWALL)}
TO_ONPREM = default_route(name="to-onprem", prefix="192.168.0.0/16", next_hop_address="10.9.9.9")


def kinds(made):
    return [action.kind for action in made.actions]


def attached(made):
    return {action.resource: action.after["routeTable"] for action in actions(made, ActionKind.ATTACH_ROUTE_TABLE)}


def seen(**values):
    """The cluster of the world with other facts, registered as it is."""
    changed = cluster(**values)
    row = api_server(outbound_type=changed.outbound_type, subnets=changed.subnets)
    return observed(cluster=changed, registered=row)


def test_subnet_with_the_right_default_route_needs_nothing():
    assert planned(world()).empty


def test_first_subnet_of_a_region_gets_a_new_table_and_the_table_is_made_first():
    made = planned(world(subnets=(BARE,), tables=()))

    assert kinds(made) == [ActionKind.PUT_ROUTE_TABLE, ActionKind.ATTACH_ROUTE_TABLE]
    new, attach = made.actions
    assert new.resource == OUR_TABLE_ID
    assert new.before is None
    assert new.after == {"location": "westeurope", "defaultNextHop": str(FIREWALL)}
    assert attach.resource == NODES_ID
    assert attach.before == {"routeTable": None}
    assert attach.after == {"routeTable": str(OUR_TABLE_ID)}
    assert {action.cluster for action in made.actions} == {CLUSTER_ID}


def test_next_subnets_of_the_region_get_the_table_that_is_there():
    made = planned(world(subnets=(BARE,)))

    assert kinds(made) == [ActionKind.ATTACH_ROUTE_TABLE]
    assert attached(made) == {NODES_ID: str(OUR_TABLE_ID)}


def test_table_of_ours_is_mended_before_it_is_attached():
    lost = table(OUR_TABLE_ID, TO_ONPREM)
    made = planned(world(subnets=(BARE,), tables=(lost,)))

    assert kinds(made) == [ActionKind.PUT_ROUTE, ActionKind.ATTACH_ROUTE_TABLE]
    assert made.actions[0].resource == OUR_TABLE_ID.child("routes", "aks-hublink-default")
    assert made.actions[0].after == ROUTE


@pytest.mark.parametrize(
    "other",
    [
        {"location": "northeurope"},
        {"ours": False},
        {"id": group("rg", STRANGE_SUBSCRIPTION).resource(OUR_TABLE_ID.type, "rt")},
    ],
    ids=["another region", "not ours", "another subscription"],
)
def test_table_that_cannot_be_shared_is_passed_over(other):
    made = planned(world(subnets=(BARE,), tables=(replace(table(), **{"id": FOREIGN_TABLE_ID, **other}),)))

    assert kinds(made) == [ActionKind.PUT_ROUTE_TABLE, ActionKind.ATTACH_ROUTE_TABLE]


def test_of_several_tables_of_ours_the_first_by_id_is_taken_whatever_its_case():
    one = table(group("RG-A").resource(OUR_TABLE_ID.type, "rt"))
    two = table(group("rg-b").resource(OUR_TABLE_ID.type, "rt"), location="WestEurope")

    assert our_table(world(tables=(two, one)), vnet()) == one
    assert our_table(world(tables=(two,)), vnet()) == two


def test_two_vnets_of_one_region_ask_for_one_new_table():
    other_vnet = group("rg-a-network").resource(SPOKE_ID.type, "vnet-spoke-2")
    bare = subnet(other_vnet.child("subnets", "nodes"), "10.21.1.0/24", route_table=None)
    place = world(subnets=(BARE,), tables=())
    made = planned(
        replace(
            place,
            hub=hub(SPOKE_ID, other_vnet),
            vnets={**place.vnets, other_vnet: vnet(other_vnet, "10.21.0.0/16", subnets=(bare,))},
            subnets_in_scope=(NODES_ID, bare.id),
            neighbours=(cluster(CLUSTER_ID.parent.resource(CLUSTER_ID.type, "aks-2"), pools=(pool(bare.id),)),),
        )
    )

    assert kinds(made) == [ActionKind.PUT_ROUTE_TABLE, *[ActionKind.ATTACH_ROUTE_TABLE] * 2]
    assert set(attached(made).values()) == {str(made.actions[0].resource)}
    assert made.actions[0].resource.group == other_vnet.group


def test_node_and_pod_subnets_are_both_routed():
    pods = subnet(PODS_ID, "10.20.2.0/24", route_table=None)
    made = planned(world(cluster=seen(pools=(pool(NODES_ID, PODS_ID),)), subnets=(BARE, pods)))

    assert set(attached(made)) == {NODES_ID, PODS_ID}


def test_foreign_table_without_a_default_route_gets_one_and_stays_attached():
    foreign = table(FOREIGN_TABLE_ID, TO_ONPREM, ours=False)
    made = planned(world(subnets=(subnet(route_table=FOREIGN_TABLE_ID),), tables=(foreign,)))

    [action] = made.actions
    assert action.kind is ActionKind.PUT_ROUTE
    assert action.resource == FOREIGN_TABLE_ID.child("routes", "aks-hublink-default")
    assert (action.before, action.after) == (None, ROUTE)
    assert "has no default route" in action.reason
    assert action.cluster == CLUSTER_ID


def test_foreign_table_with_the_right_default_route_is_left():
    right = default_route(name="theirs", next_hop_type="virtualappliance")
    foreign = table(FOREIGN_TABLE_ID, right, ours=False)

    assert planned(world(subnets=(subnet(route_table=FOREIGN_TABLE_ID),), tables=(foreign,))).empty


@pytest.mark.parametrize(
    ("hop", "address", "shown"),
    [
        ("VirtualAppliance", "10.9.9.9", "VirtualAppliance 10.9.9.9"),
        ("Internet", None, "Internet"),
        ("None", None, "None"),
        ("VirtualNetworkGateway", None, "VirtualNetworkGateway"),
        ("VnetLocal", None, "VnetLocal"),
    ],
)
def test_foreign_default_route_with_another_next_hop_is_reported_and_not_changed(hop, address, shown):
    route = default_route(name="theirs", next_hop_type=hop, next_hop_address=address)
    foreign = table(FOREIGN_TABLE_ID, route, ours=False)
    made = planned(world(subnets=(subnet(route_table=FOREIGN_TABLE_ID),), tables=(foreign,)))

    assert made.empty
    finding = the_finding(made)
    assert (finding.code, finding.severity) == (Code.ROUTE_FOREIGN_NEXT_HOP, Severity.ERROR)
    assert (finding.resource, finding.cluster) == (FOREIGN_TABLE_ID, CLUSTER_ID)
    assert f"leads to {shown}, not to {FIREWALL}" in finding.message


def test_next_hop_type_that_is_not_known_is_called_unknown_not_wrong():
    route = default_route(name="theirs", next_hop_type="VirtualApplianceEcmp", next_hop_address=None)
    foreign = table(FOREIGN_TABLE_ID, route, ours=False)
    made = planned(world(subnets=(subnet(route_table=FOREIGN_TABLE_ID),), tables=(foreign,)))

    assert made.empty
    assert the_finding(made).severity is Severity.WARNING
    assert "is unknown" in the_finding(made).message


@pytest.mark.parametrize(
    "wrong", [{"next_hop_address": "10.9.9.9"}, {"next_hop_type": "Internet", "next_hop_address": None}]
)
@pytest.mark.parametrize(
    ("table_id", "ours", "name"),
    [(OUR_TABLE_ID, True, "renamed"), (FOREIGN_TABLE_ID, False, "aks-hublink-default")],
    ids=["in our table", "our route in a foreign table"],
)
def test_default_route_of_ours_with_another_next_hop_is_mended(wrong, table_id, ours, name):
    place = table(table_id, default_route(name=name, **wrong), TO_ONPREM, ours=ours)
    made = planned(world(subnets=(subnet(route_table=table_id),), tables=(place,)))

    [action] = made.actions
    assert action.kind is ActionKind.PUT_ROUTE
    assert action.resource == table_id.child("routes", name)
    assert action.before["nextHopIpAddress"] == wrong["next_hop_address"]
    assert action.after == ROUTE
    assert "is wrong" in action.reason


def test_route_of_ours_whose_last_write_failed_is_put_again():
    failed = table(OUR_TABLE_ID, default_route(provisioning_state="Failed"))

    assert kinds(planned(world(tables=(failed,)))) == [ActionKind.PUT_ROUTE]


def test_foreign_route_whose_last_write_failed_is_left():
    failed = table(FOREIGN_TABLE_ID, default_route(name="theirs", provisioning_state="Failed"), ours=False)

    assert planned(world(subnets=(subnet(route_table=FOREIGN_TABLE_ID),), tables=(failed,))).empty


@pytest.mark.parametrize(
    ("routes", "kind"),
    [
        ((default_route(),), [ActionKind.PUT_ROUTE_TABLE]),
        ((TO_ONPREM,), [ActionKind.PUT_ROUTE_TABLE]),
        ((default_route(next_hop_address="10.9.9.9"),), [ActionKind.PUT_ROUTE_TABLE, ActionKind.PUT_ROUTE]),
    ],
    ids=["right route", "no route", "wrong route"],
)
def test_table_of_ours_whose_last_write_failed_is_put_again(routes, kind):
    failed = table(OUR_TABLE_ID, *routes, provisioning_state="Failed")
    made = planned(world(tables=(failed,)))

    assert kinds(made) == kind
    assert made.actions[0].before["provisioningState"] == "Failed"


def test_foreign_table_whose_last_write_failed_is_left():
    failed = table(FOREIGN_TABLE_ID, default_route(name="theirs"), ours=False, provisioning_state="Failed")

    assert planned(world(subnets=(subnet(route_table=FOREIGN_TABLE_ID),), tables=(failed,))).empty


def test_kubenet_subnet_without_a_table_is_left_to_aks():
    made = planned(world(cluster=seen(network_plugin="kubenet"), subnets=(BARE,)))

    assert made.empty
    assert the_finding(made).code is Code.KUBENET_WITHOUT_ROUTE_TABLE
    assert (the_finding(made).resource, the_finding(made).cluster) == (NODES_ID, CLUSTER_ID)


def test_kubenet_table_gets_the_default_route_and_is_never_swapped():
    own = table(FOREIGN_TABLE_ID, TO_ONPREM, ours=False)
    place = world(
        cluster=seen(network_plugin="Kubenet"), subnets=(subnet(route_table=FOREIGN_TABLE_ID),), tables=(own,)
    )

    assert kinds(planned(place)) == [ActionKind.PUT_ROUTE]


@pytest.mark.parametrize("kind", ["loadBalancer", "managedNATGateway", "userAssignedNATGateway", "block", "new"])
def test_other_outbound_types_are_reported_not_routed(kind):
    made = planned(world(cluster=seen(outbound_type=kind), subnets=(BARE,)))

    assert made.empty
    assert the_finding(made).code is Code.OUTBOUND_TYPE_NOT_ROUTED
    assert kind in the_finding(made).message
    assert (the_finding(made).resource, the_finding(made).cluster) == (NODES_ID, CLUSTER_ID)


@pytest.mark.parametrize("kind", ["userDefinedRouting", "none", "UserDefinedRouting"])
def test_outbound_types_that_a_default_route_does_not_break_are_routed(kind):
    assert attached(planned(world(cluster=seen(outbound_type=kind), subnets=(BARE,))))


def test_one_cluster_that_must_not_be_routed_protects_the_subnet_it_shares():
    other = cluster(CLUSTER_ID.parent.resource(CLUSTER_ID.type, "aks-2"), outbound_type="loadBalancer")
    made = planned(replace(world(subnets=(BARE,)), neighbours=(other,)))

    assert made.empty
    assert the_finding(made).cluster == other.id


def test_vnet_that_is_being_updated_is_waited_for():
    made = planned(world(spoke=vnet(provisioning_state="Updating"), subnets=(BARE,)))

    assert made.empty
    assert [item.resource for item in made.waiting] == [SPOKE_ID]
    assert "being updated" in made.waiting[0].message


def test_vnet_is_left_alone_while_aks_works_on_another_subnet_of_it():
    """AKS fails its own operation when the VNet changes under it."""
    busy = cluster(
        CLUSTER_ID.parent.resource(CLUSTER_ID.type, "aks-2"), provisioning_state="Updating", pools=(pool(PODS_ID),)
    )
    made = planned(replace(world(subnets=(BARE,)), neighbours=(busy,)))

    assert made.empty
    assert [item.resource for item in made.waiting] == [SPOKE_ID]
    assert "aks-2" in made.waiting[0].message


def test_subnet_without_a_table_is_routed_even_while_its_own_cluster_is_created():
    """Without the default route its nodes never come up."""
    made = planned(world(cluster=seen(provisioning_state="Creating"), subnets=(BARE,)))

    assert attached(made)


def test_route_is_mended_while_the_vnet_is_being_updated():
    """A route table is a resource of its own; the VNet is not written."""
    lost = table(OUR_TABLE_ID, TO_ONPREM)

    assert kinds(planned(world(spoke=vnet(provisioning_state="Updating"), tables=(lost,)))) == [ActionKind.PUT_ROUTE]


def test_no_route_is_written_while_the_firewalls_address_is_unknown():
    made = planned(replace(world(subnets=(BARE,)), hub=hub(firewall_address=None)))

    assert made.empty
    assert the_finding(made).code is Code.FIREWALL_ADDRESS_UNKNOWN
    assert the_finding(made).resource == HUB_ID


def test_subnet_and_table_that_were_not_read_are_passed_over():
    unread = replace(world(), subnets_in_scope=(NODES_ID, PODS_ID, HUB_ID.child("subnets", "x")), route_tables={})

    assert planned(unread).empty


def test_subnet_named_twice_is_looked_at_once():
    place = world(subnets=(BARE,))
    twice = (NODES_ID, type(NODES_ID).parse(str(NODES_ID).upper()))

    assert len(planned(replace(place, subnets_in_scope=twice)).actions) == 1


def test_table_that_is_nearly_full_is_told():
    to_firewall = [default_route(name=f"to-{n}", prefix=f"192.168.{n // 2}.{n % 2 * 128}/25") for n in range(320)]
    full = table(OUR_TABLE_ID, default_route(), *to_firewall)

    assert the_finding(planned(world(tables=(full,)))).code is Code.LIMIT_NEAR


def test_table_of_ours_that_lets_gateway_routes_in_is_put_again():
    """BGP routes of a gateway are more specific than the default route and lead around the firewall."""
    [action] = planned(world(tables=(table(gateway_routes=True),))).actions

    assert (action.kind, action.resource) == (ActionKind.PUT_ROUTE_TABLE, OUR_TABLE_ID)
    same = {"location": "westeurope", "defaultNextHop": str(FIREWALL)}
    assert action.before == {**same, "disableBgpRoutePropagation": False}
    assert action.after == {**same, "disableBgpRoutePropagation": True}
    assert action.cluster == CLUSTER_ID


@pytest.mark.parametrize("routes", [(TO_ONPREM,), (default_route(next_hop_address="10.9.9.9"),)])
def test_table_that_is_put_again_gets_its_default_route_right_too(routes):
    made = planned(world(tables=(table(OUR_TABLE_ID, *routes, gateway_routes=True),)))

    assert kinds(made) == [ActionKind.PUT_ROUTE_TABLE, *([ActionKind.PUT_ROUTE] if routes != (TO_ONPREM,) else [])]


def test_drift_of_a_table_says_what_differs():
    [finding] = drift_findings(planned(world(tables=(table(gateway_routes=True),))), {})

    assert finding.code is Code.ROUTE_TABLE_CHANGED
    assert "Expected disableBgpRoutePropagation true; found disableBgpRoutePropagation false." in finding.message


def test_foreign_table_may_let_gateway_routes_in():
    foreign = table(FOREIGN_TABLE_ID, default_route(name="theirs"), ours=False, gateway_routes=True)

    assert planned(world(subnets=(subnet(route_table=FOREIGN_TABLE_ID),), tables=(foreign,))).findings == ()
