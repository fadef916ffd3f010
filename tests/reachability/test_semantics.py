"""How Azure chooses among routes, and which way answers take, rule by rule."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any

import pytest

from shared.model.resource_id import ResourceId
from shared.model.world import Route
from shared.reachability.codes import Outcome, ReachCode, Stage
from shared.reachability.verdict import Answer, Verdict
from shared.reachability.world import ReachabilityWorld
from tests.reachability import worlds as w
from tests.reachability.test_access import directly_peered, step

C = ReachCode
R, U, A = Answer.REACHABLE, Answer.UNREACHABLE, Answer.AMBIGUOUS
FIREWALL_SUBNET = w.HUB_VNET.child("subnets", "AzureFirewallSubnet")
FIREWALL_TABLE = w.group("rg-hub", w.HUB).resource("Microsoft.Network/routeTables", "rt-fw")


def route(prefix: str, hop: str = "VirtualAppliance", address: str | None = "10.0.1.4", **more: Any) -> Route:
    address = address if hop == "VirtualAppliance" else None
    return Route(name="made", prefix=prefix, next_hop_type=hop, next_hop_address=address, **more)


def routed(world: ReachabilityWorld, *routes: Route, table: ResourceId = w.TABLE) -> ReachabilityWorld:
    return replace(world, route_tables={**world.route_tables, table: w.table(table, *routes)})


# Which route wins


@pytest.mark.parametrize(
    ("routes", "code"),
    [
        ([route("10.1.0.0/16", "None"), route("10.1.8.0/24")], C.ROUTE_VIA_FIREWALL),
        ([route("10.1.0.0/16"), route("10.1.8.0/24", "None")], C.ROUTE_NONE),
        ([route("10.1.8.4/32"), route("0.0.0.0/0", "None")], C.ROUTE_VIA_FIREWALL),
        ([route("10.0.0.0/8")], C.ROUTE_VIA_FIREWALL),
        ([route("10.9.0.0/16")], C.ROUTE_NONE),
        ([route("0.0.0.0/1"), route("128.0.0.0/1")], C.ROUTE_NONE),
    ],
    ids=["longer to the firewall", "longer to nowhere", "host", "as Azure's None", "another", "halves"],
)
def test_longest_prefix_wins_and_only_a_default_route_cancels_azures_none(routes: list[Route], code: ReachCode) -> None:
    assert w.judge(routed(w.good_world(), *routes)).codes[1] is code


@pytest.mark.parametrize(
    ("prefix", "code"),
    [("10.1.0.0/16", C.ROUTE_VIA_FIREWALL), ("10.0.0.0/15", C.ROUTE_DIRECT), ("10.1.8.0/24", C.ROUTE_VIA_FIREWALL)],
)
def test_of_equal_prefixes_the_users_goes_before_a_peerings(prefix: str, code: ReachCode) -> None:
    # A VNet-integrated API server has no /32 of a private endpoint.
    world = w.with_cluster(directly_peered(), vnet_integration=True, api_server_subnet=w.API)
    assert w.judge(routed(world, route(prefix))).codes[1] is code


def test_users_host_route_goes_before_that_of_a_private_endpoint_even_without_network_policies() -> None:
    assert w.judge(routed(directly_peered(), route("10.1.8.4/32"))).codes[1] is C.ROUTE_VIA_FIREWALL


@pytest.mark.parametrize(
    ("policies", "code"),
    [
        ("Disabled", C.ROUTE_DIRECT),
        ("NetworkSecurityGroupEnabled", C.ROUTE_DIRECT),
        ("RouteTableEnabled", C.ROUTE_VIA_FIREWALL),
        ("Enabled", C.ROUTE_VIA_FIREWALL),
    ],
)
def test_network_policies_for_routes_let_a_route_as_wide_as_the_vnet_win(policies: str, code: ReachCode) -> None:
    world = directly_peered()
    subnets = tuple(replace(each, endpoint_policies=policies) for each in world.vnets[w.AKS_VNET].subnets)
    world = w.with_vnet(world, w.AKS_VNET, subnets=subnets)
    assert w.judge(routed(world, route("10.1.0.0/16"))).codes[1] is code


def test_route_whose_write_failed_holds_nowhere() -> None:
    failed = route("10.1.8.0/24", "None", provisioning_state="Failed")
    assert w.judge(routed(w.good_world(), w.default_route(), failed)).answer is R
    broken = replace(w.default_route(), provisioning_state="Failed")
    assert w.judge(routed(w.good_world(), broken)).codes[1] is C.ROUTE_NONE


def test_users_route_to_the_virtual_network_may_reach_a_peered_one() -> None:
    peered = w.judge(routed(directly_peered(), route("10.1.8.4/32", "VnetLocal")))
    assert (peered.codes[1], peered.steps[1].outcome) == (C.ROUTE_UNCERTAIN, Outcome.UNKNOWN)
    assert w.judge(routed(w.good_world(), route("10.1.8.4/32", "VnetLocal"))).codes[1] is C.ROUTE_NOT_VIA_FIREWALL


def test_gateway_makes_no_difference_to_routes_of_peerings() -> None:
    world = directly_peered()
    peerings = tuple(replace(each, uses_remote_gateways=True) for each in world.vnets[w.VM_VNET].peerings)
    verdict = w.judge(w.with_vnet(world, w.VM_VNET, peerings=peerings))
    assert verdict.codes[1] is C.ROUTE_DIRECT
    assert not any("gateway announces" in text for text in verdict.assumptions)


# The firewall's own subnet


def behind(*routes: Route) -> Verdict:
    world = w.good_world()
    subnets = tuple(replace(each, route_table=FIREWALL_TABLE) for each in world.vnets[w.HUB_VNET].subnets)
    return w.judge(routed(w.with_vnet(world, w.HUB_VNET, subnets=subnets), *routes, table=FIREWALL_TABLE))


@pytest.mark.parametrize("hop", ["None", "Internet"])
def test_firewalls_subnet_that_drops_answers_stops_the_connection(hop: str) -> None:
    verdict = behind(route("10.2.0.0/24", hop))
    assert (step(verdict, Stage.RETURN_PATH).code, verdict.answer) == (C.RETURN_HUB_ROUTE_ASTRAY, U)


def test_firewalls_subnet_that_sends_answers_to_another_appliance_is_uncertain() -> None:
    verdict = behind(route("10.2.0.0/24", address="10.0.7.7"))
    assert (step(verdict, Stage.RETURN_PATH).code, verdict.answer) == (C.RETURN_HUB_ROUTE_ASTRAY, A)


def test_firewalls_subnet_with_a_default_route_to_the_internet_is_fine() -> None:
    assert behind(route("0.0.0.0/0", "Internet")).answer is R


def test_firewalls_route_table_that_could_not_be_read_is_uncertain_both_ways() -> None:
    world = w.good_world()
    subnets = tuple(replace(each, route_table=FIREWALL_TABLE) for each in world.vnets[w.HUB_VNET].subnets)
    verdict = w.judge(w.with_vnet(world, w.HUB_VNET, subnets=subnets))
    assert step(verdict, Stage.PEERING).code is C.PEERING_HUB_ROUTE_ASTRAY
    assert verdict.answer is A


# Subnets with several prefixes


def test_every_prefix_of_the_source_must_be_known_to_the_hub() -> None:
    world = w.good_world()
    more = (IPv4Network("10.2.0.0/24"), IPv4Network("10.3.0.0/24"))
    subnets = tuple(replace(each, prefixes=more) for each in world.vnets[w.VM_VNET].subnets)
    world = w.with_vnet(world, w.VM_VNET, subnets=subnets, address_space=(*w.network("10.2.0.0/16"), more[1]))
    verdict = w.judge(world)
    assert step(verdict, Stage.PEERING).code is C.PEERING_OUT_OF_SYNC
    assert "10.3.0.0" in step(verdict, Stage.PEERING).message
