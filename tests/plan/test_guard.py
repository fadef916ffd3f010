"""The guard: caps, report mode, and every unsafe action by hand, as if a rule had gone wrong."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from shared.errors import UnsafePlan
from shared.model.world import World
from shared.plan.action import Action, ActionKind, Plan, make_plan
from shared.plan.api_rules import row_state
from shared.plan.finding import Code
from shared.plan.guard import guard
from shared.settings import Mode, Rule
from tests.builders import (
    BYO_ZONE_ID,
    CLUSTER_ID,
    FIREWALL,
    FOREIGN_TABLE_ID,
    HUB_ID,
    MONITORING_ID,
    NODE_GROUP,
    NODES_ID,
    OUR_TABLE_ID,
    SPOKE_ID,
    STRANGE_SUBSCRIPTION,
    ZONE_ID,
    api_server,
    cluster,
    default_route,
    endpoint,
    group,
    hub,
    link,
    observed,
    planned,
    pool,
    settings,
    subnet,
    table,
    vnet,
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


@pytest.mark.parametrize(
    ("place", "values"),
    [(UNLINKED, {}), (UNROUTED, {}), (UNREGISTERED, {}), (LOST_ROUTE, {}), (RETIRED, TRUST)],
    ids=["links", "route tables", "registry", "route", "retired"],
)
def test_honest_plan_passes_unchanged(place, values):
    made = planned(place, **values)

    assert made.actions
    assert guard(made, place, settings(**values)) == made


# Caps


def test_plan_with_more_changes_than_the_cap_is_refused_with_the_numbers():
    made = planned(UNLINKED)

    assert guard(made, UNLINKED, settings(max_changes_per_run=2)) == made
    with pytest.raises(UnsafePlan, match="2 changes, MAX_CHANGES_PER_RUN allows 1; nothing was applied") as refused:
        guard(made, UNLINKED, settings(max_changes_per_run=1))
    assert refused.value.code == Code.PLAN_TOO_LARGE


def test_plan_with_more_deletions_than_the_cap_is_refused_with_the_numbers():
    made = planned(RETIRED, **TRUST)

    assert len(made.deletions) == 3
    assert guard(made, RETIRED, settings(max_deletions_per_run=3, **TRUST)) == made
    with pytest.raises(UnsafePlan, match="3 deletions, MAX_DELETIONS_PER_RUN allows 2") as refused:
        guard(made, RETIRED, settings(max_deletions_per_run=2, **TRUST))
    assert refused.value.code == Code.PLAN_TOO_LARGE


def test_cap_of_no_deletions_still_lets_changes_pass():
    assert guard(planned(UNLINKED), UNLINKED, settings(max_deletions_per_run=0)).actions


def test_empty_plan_passes_every_cap():
    assert guard(Plan(), world(), settings(max_changes_per_run=1, max_deletions_per_run=0)) == Plan()


# Report mode

EVERYTHING = replace(
    world(cluster=observed(zone=zone(links=()), registered=None), subnets=(BARE,), tables=()),
    retired=(api_server(cluster=CLUSTER_ID.parent.resource(CLUSTER_ID.type, "aks-gone")),),
)


@pytest.mark.parametrize("rule", list(Rule))
def test_rule_that_only_reports_is_held_back_and_the_others_go_on(rule):
    made = planned(EVERYTHING)
    guarded = guard(made, EVERYTHING, settings(**{f"mode_{rule}": Mode.REPORT}))

    assert {action.rule for action in guarded.held_back} == {rule}
    assert {action.rule for action in guarded.actions} == set(Rule) - {rule}
    assert sorted([*guarded.actions, *guarded.held_back], key=lambda action: action.sort_key) == list(made.actions)
    assert (guarded.findings, guarded.waiting) == (made.findings, made.waiting)


def test_report_mode_holds_everything_back():
    made = planned(EVERYTHING)
    guarded = guard(made, EVERYTHING, settings(mode=Mode.REPORT))

    assert guarded.empty
    assert guarded.held_back == made.actions


def test_held_back_actions_do_not_count_for_the_caps_and_are_not_judged():
    unsafe = changed(first(UNLINKED, ActionKind.PUT_LINK), virtualNetwork=str(STRANGER))
    made = make_plan([unsafe])

    assert guard(made, UNLINKED, settings(mode_zone_links=Mode.REPORT)).held_back == (unsafe,)
    guarded = guard(planned(EVERYTHING), EVERYTHING, settings(mode_zone_links=Mode.REPORT, max_changes_per_run=4))
    assert len(guarded.actions) == 4


# Links


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


# Subnets

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


# Addresses

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
