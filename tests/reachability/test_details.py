"""What the local Azure does not have: unreadable parts, gateways, appliances, the API server's own subnet."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from shared.model.resource_id import ResourceId
from shared.model.security_groups import SecurityGroup, SecurityRule
from shared.model.world import Route
from shared.reachability.codes import Outcome, ReachCode, Stage
from shared.reachability.verdict import Answer, Step, Verdict
from tests.reachability import worlds as w

C = ReachCode
R, U, A = Answer.REACHABLE, Answer.UNREACHABLE, Answer.AMBIGUOUS


def step(verdict: Verdict, stage: Stage) -> Step:
    return next(item for item in verdict.steps if item.stage is stage)


def test_good_world_is_reachable() -> None:
    verdict = w.judge(w.good_world())
    assert verdict.answer is R
    assert [item.outcome for item in verdict.steps] == [Outcome.OK] * 7


# Names


def test_zone_mode_none_is_judged_by_the_public_name() -> None:
    world = w.with_cluster(w.good_world(zones=()), zone_mode="none", private_fqdn=None)
    world = replace(world, clusters={w.CLUSTER: replace(world.clusters[w.CLUSTER], zone=None)})
    verdict = w.judge(world)
    assert (verdict.host, verdict.codes[0], verdict.answer) == ("demo.hcp.westeurope.azmk8s.io", C.DNS_PUBLIC_NAME, R)
    assert any("public DNS" in text for text in verdict.assumptions)


def test_public_name_resolves_by_a_custom_server_too() -> None:
    world = w.with_cluster(w.good_world(zones=()), zone_mode="none", private_fqdn=None)
    world = replace(world, clusters={w.CLUSTER: replace(world.clusters[w.CLUSTER], zone=None)})
    verdict = w.judge(w.with_vnet(world, w.VM_VNET, dns_servers=("192.168.1.1",)))
    assert (verdict.codes[0], verdict.answer) == (C.DNS_PUBLIC_NAME, R)


def test_zone_that_may_not_be_read_makes_it_ambiguous() -> None:
    zone_id = w.group("rg-dns").resource("Microsoft.Network/privateDnsZones", "privatelink.westeurope.azmk8s.io")
    world = w.with_cluster(w.good_world(zones=(), unread=frozenset({zone_id})), zone_mode="custom", zone_id=zone_id)
    world = replace(world, clusters={w.CLUSTER: replace(world.clusters[w.CLUSTER], zone=None)})
    verdict = w.judge(world)
    assert (verdict.codes[0], verdict.answer) == (C.DNS_ZONE_UNREAD, A)


def test_second_dns_server_is_an_assumption() -> None:
    verdict = w.judge(w.with_vnet(w.good_world(), w.VM_VNET, dns_servers=("168.63.129.16", "192.168.1.1")))
    assert verdict.answer is R
    assert any("2 DNS servers" in text for text in verdict.assumptions)


def test_proxy_inherited_from_a_parent_policy_is_not_certain() -> None:
    world = w.good_world()
    child = replace(w.policy(base=w.policy()), dns_proxy_enabled=False)
    world = replace(world, firewall=replace(world.firewall, policy=child))
    verdict = w.judge(w.with_vnet(world, w.VM_VNET, dns_servers=("10.0.1.4",)))
    assert (verdict.codes[0], verdict.answer) == (C.DNS_PROXY_OFF, A)


def test_firewall_as_dns_with_an_unread_policy_is_not_certain() -> None:
    world = w.good_world()
    world = replace(world, firewall=replace(world.firewall, policy=None))
    verdict = w.judge(w.with_vnet(world, w.VM_VNET, dns_servers=("10.0.1.4",)))
    assert verdict.codes[0] is C.DNS_CUSTOM_SERVER
    assert step(verdict, Stage.FIREWALL).code is C.FIREWALL_UNREAD
    assert verdict.answer is A


# Routes


def test_route_table_that_may_not_be_read_makes_it_ambiguous() -> None:
    verdict = w.judge(w.good_world(route_tables={}))
    assert (verdict.codes[1], verdict.answer) == (C.ROUTE_UNCERTAIN, A)


def with_gateway(*, takes_its_routes: bool) -> Verdict:
    world = w.good_world()
    monitoring = world.vnets[w.VM_VNET]
    peerings = tuple(replace(peering, uses_remote_gateways=True) for peering in monitoring.peerings)
    table = w.table(w.TABLE, w.default_route(), gateway_routes=takes_its_routes)
    world = replace(world, route_tables={**world.route_tables, w.TABLE: table})
    return w.judge(w.with_vnet(world, w.VM_VNET, peerings=peerings))


def test_routes_of_a_gateway_are_an_assumption() -> None:
    verdict = with_gateway(takes_its_routes=True)
    assert verdict.answer is R
    assert any("no gateway announces" in text for text in verdict.assumptions)


def test_routes_of_a_gateway_are_no_matter_when_the_table_does_not_take_them() -> None:
    assert not any("gateway" in text for text in with_gateway(takes_its_routes=False).assumptions)


def test_longest_prefix_wins_over_the_default_route() -> None:
    longer = Route(name="longer", prefix="10.1.8.0/24", next_hop_type="None")
    world = w.good_world()
    table = w.table(w.TABLE, w.default_route(), longer)
    verdict = w.judge(replace(world, route_tables={**world.route_tables, w.TABLE: table}))
    assert verdict.codes[1] is C.ROUTE_NONE
    assert "longer" in verdict.steps[1].message


def directly_peered(*routes: Route, policies: str = "Disabled") -> Verdict:
    world = w.good_world()
    monitoring, aks = world.vnets[w.VM_VNET], world.vnets[w.AKS_VNET]
    world = w.with_vnet(world, w.VM_VNET, peerings=(*monitoring.peerings, w.peering(w.AKS_VNET, "10.1.0.0/16")))
    subnets = tuple(replace(subnet, endpoint_policies=policies) for subnet in aks.subnets)
    world = w.with_vnet(
        world, w.AKS_VNET, peerings=(*aks.peerings, w.peering(w.VM_VNET, "10.2.0.0/16")), subnets=subnets
    )
    table = w.table(w.TABLE, w.default_route(), *routes)
    return w.judge(replace(world, route_tables={**world.route_tables, w.TABLE: table}))


TO_FIREWALL = Route(name="aks", prefix="10.1.0.0/16", next_hop_type="VirtualAppliance", next_hop_address="10.0.1.4")


def test_route_of_a_private_endpoint_beats_a_route_to_the_firewall() -> None:
    assert directly_peered(TO_FIREWALL).codes[1] is C.ROUTE_DIRECT


@pytest.mark.parametrize("policies", ["Enabled", "RouteTableEnabled"])
def test_network_policies_let_the_route_to_the_firewall_win(policies: str) -> None:
    assert directly_peered(TO_FIREWALL, policies=policies).codes[1] is C.ROUTE_VIA_FIREWALL


def test_network_policies_do_not_help_a_route_that_is_wider_than_the_vnet() -> None:
    wide = replace(TO_FIREWALL, prefix="10.0.0.0/8")
    assert directly_peered(wide, policies="Enabled").codes[1] is C.ROUTE_DIRECT


def test_table_that_turns_peering_routes_off_is_uncertain() -> None:
    world = w.good_world()
    monitoring, aks = world.vnets[w.VM_VNET], world.vnets[w.AKS_VNET]
    world = w.with_vnet(world, w.VM_VNET, peerings=(*monitoring.peerings, w.peering(w.AKS_VNET, "10.1.0.0/16")))
    world = w.with_vnet(world, w.AKS_VNET, peerings=(*aks.peerings, w.peering(w.VM_VNET, "10.2.0.0/16")))
    table = w.table(w.TABLE, w.default_route(), peering_routes=False)
    verdict = w.judge(replace(world, route_tables={**world.route_tables, w.TABLE: table}))
    assert (verdict.codes[1], verdict.answer) == (C.ROUTE_UNCERTAIN, A)


def test_route_of_a_kind_unknown_here_is_uncertain_and_no_violation() -> None:
    world = w.good_world()
    table = w.table(w.TABLE, Route(name="new", prefix="0.0.0.0/0", next_hop_type="QuantumAppliance"))
    verdict = w.judge(replace(world, route_tables={**world.route_tables, w.TABLE: table}))
    assert (verdict.codes[1], verdict.answer) == (C.ROUTE_UNCERTAIN, A)


def test_behind_an_unknown_appliance_the_firewalls_denial_is_not_certain() -> None:
    world = w.good_world()
    table = w.table(w.TABLE, w.default_route(IPv4Address("10.0.9.9")))
    denying = replace(world.firewall, policy=replace(w.policy(), groups=()))
    verdict = w.judge(replace(world, firewall=denying, route_tables={**world.route_tables, w.TABLE: table}))
    assert step(verdict, Stage.FIREWALL).outcome is Outcome.UNKNOWN
    assert verdict.answer is A


def test_firewall_whose_address_is_unknown_is_uncertain() -> None:
    world = w.good_world()
    verdict = w.judge(replace(world, firewall=replace(world.firewall, address=None)))
    assert (verdict.codes[1], verdict.answer) == (C.ROUTE_UNCERTAIN, A)


def test_overlapping_address_space_of_the_source_swallows_the_packets() -> None:
    verdict = w.judge(w.with_vnet(w.good_world(), w.VM_VNET, address_space=(IPv4Network("10.0.0.0/8"),)))
    assert (verdict.codes[1], verdict.answer) == (C.ROUTE_NOT_VIA_FIREWALL, U)
    assert "overlap" in verdict.steps[1].message


# Peerings and firewall


def test_vnet_that_may_not_be_read_makes_it_ambiguous() -> None:
    world = w.good_world()
    vnets = {key: vnet for key, vnet in world.vnets.items() if key != w.AKS_VNET}
    verdict = w.judge(replace(world, vnets=vnets))
    assert (step(verdict, Stage.PEERING).code, verdict.answer) == (C.PEERING_UNREAD, A)


def test_appliance_of_another_maker_has_unknown_rules() -> None:
    world = w.good_world()
    verdict = w.judge(replace(world, firewall=replace(world.firewall, is_azure_firewall=False)))
    assert (step(verdict, Stage.FIREWALL).code, verdict.answer) == (C.FIREWALL_UNREAD, A)


def test_policy_that_is_being_updated_is_an_assumption() -> None:
    world = w.good_world()
    verdict = w.judge(replace(world, firewall=replace(world.firewall, policy_state="Updating")))
    assert verdict.answer is R
    assert any("fp is Updating" in text for text in verdict.assumptions)


def test_threat_intelligence_in_deny_mode_is_an_assumption() -> None:
    world = w.good_world()
    strict = replace(w.policy(), threat_intel_mode="Deny")
    verdict = w.judge(replace(world, firewall=replace(world.firewall, policy=strict)))
    assert verdict.answer is R
    assert any("threat intelligence" in text for text in verdict.assumptions)


# The way back of a VNet-integrated API server


def integrated(*routes: Route, attached: bool = True) -> Verdict:
    world = w.with_cluster(w.good_world(), vnet_integration=True, api_server_subnet=w.API)
    aks = world.vnets[w.AKS_VNET]
    subnets = tuple(subnet if attached else replace(subnet, route_table=None) for subnet in aks.subnets)
    world = w.with_vnet(world, w.AKS_VNET, subnets=subnets)
    tables = {**world.route_tables, w.API_TABLE: w.table(w.API_TABLE, *routes)}
    return w.judge(replace(world, route_tables=tables))


def test_answers_that_come_back_by_the_firewall_are_fine() -> None:
    verdict = integrated(w.default_route())
    assert (step(verdict, Stage.RETURN_PATH).code, verdict.answer) == (C.RETURN_PATH_OK, R)


def test_answers_that_go_elsewhere_stop_it() -> None:
    verdict = integrated(Route(name="default", prefix="0.0.0.0/0", next_hop_type="Internet"))
    assert (step(verdict, Stage.RETURN_PATH).code, verdict.answer) == (C.RETURN_NOT_VIA_FIREWALL, U)


def test_answers_without_a_route_are_uncertain() -> None:
    verdict = integrated(attached=False)
    assert (step(verdict, Stage.RETURN_PATH).code, verdict.answer) == (C.RETURN_UNCERTAIN, A)


# Security groups


def outbound(*rules: SecurityRule) -> Verdict:
    world = w.good_world()
    nsg = w.group("rg-mon").resource("Microsoft.Network/networkSecurityGroups", "nsg")
    subnets = tuple(replace(subnet, security_group=nsg) for subnet in world.vnets[w.VM_VNET].subnets)
    world = w.with_vnet(world, w.VM_VNET, subnets=subnets)
    return w.judge(replace(world, security_groups={nsg: SecurityGroup(id=nsg, rules=rules)}))


def rule(name: str, *, allow: bool, priority: int = 100, to: str = "*", port: str = "443") -> SecurityRule:
    return SecurityRule(
        name=name,
        priority=priority,
        outbound=True,
        allow=allow,
        protocol="Tcp",
        sources=("*",),
        destinations=(to,),
        destination_ports=(port,),
    )


@pytest.mark.parametrize(
    ("made", "code"),
    [
        ((), C.NSG_PASSED),
        ((rule("deny", allow=False, to="10.1.0.0/16"),), C.NSG_DENIED_OUTBOUND),
        ((rule("deny", allow=False, to="10.9.0.0/16"),), C.NSG_PASSED),
        ((rule("deny", allow=False, port="80-442"),), C.NSG_PASSED),
        ((rule("deny", allow=False, to="VirtualNetwork"),), C.NSG_DENIED_OUTBOUND),
        ((rule("deny", allow=False, to="Internet"),), C.NSG_PASSED),
        ((rule("deny", allow=False, to="AzureCloud"),), C.NSG_PASSED),
        ((rule("allow", allow=True, priority=100), rule("deny", allow=False, priority=200)), C.NSG_PASSED),
        ((rule("allow", allow=True, priority=300), rule("deny", allow=False, priority=200)), C.NSG_DENIED_OUTBOUND),
    ],
)
def test_security_group_of_the_source(made: tuple[SecurityRule, ...], code: ReachCode) -> None:
    assert step(outbound(*made), Stage.NSG).code is code


def test_private_addresses_outside_of_the_virtual_network_may_count_as_the_internet() -> None:
    # The service tag covers the prefixes of user-defined routes: without 0.0.0.0/0 the other spoke is outside.
    world = w.good_world()
    nsg = w.group("rg-mon").resource("Microsoft.Network/networkSecurityGroups", "nsg")
    subnets = tuple(replace(each, security_group=nsg) for each in world.vnets[w.VM_VNET].subnets)
    world = w.with_vnet(world, w.VM_VNET, subnets=subnets)
    group = SecurityGroup(id=nsg, rules=(rule("no-internet", allow=False, to="Internet"),))
    bare = replace(world, security_groups={nsg: group}, route_tables={w.TABLE: w.table(w.TABLE)})
    found = step(w.judge(bare), Stage.NSG)
    assert found.code is C.NSG_UNCERTAIN
    assert found.assumptions == ("nsg allows it by AllowVnet, AllowInternetOutBound",)


def test_security_group_that_may_not_be_read_is_uncertain() -> None:
    world = w.good_world()
    nsg = w.group("rg-mon").resource("Microsoft.Network/networkSecurityGroups", "nsg")
    subnets = tuple(replace(subnet, security_group=nsg) for subnet in world.vnets[w.VM_VNET].subnets)
    verdict = w.judge(w.with_vnet(world, w.VM_VNET, subnets=subnets))
    assert (step(verdict, Stage.NSG).code, verdict.answer) == (C.NSG_UNCERTAIN, A)


# Form


def test_public_cluster_is_no_matter_of_the_private_network() -> None:
    world = w.with_cluster(w.good_world(), private=False, private_fqdn=None)
    verdict = w.judge(replace(world, firewall=replace(world.firewall, policy=replace(w.policy(), groups=()))))
    assert (verdict.codes, verdict.answer) == ((C.CLUSTER_NOT_PRIVATE,), A)


def test_analysis_of_the_same_world_is_the_same() -> None:
    assert w.judge(w.good_world()).as_data() == w.judge(w.good_world()).as_data()


def test_unknown_subnet_is_refused() -> None:
    with pytest.raises(KeyError):
        w.judge(w.good_world(), w.VM_VNET.child("subnets", "nothing"))


def test_ids_are_compared_without_case() -> None:
    shouting = ResourceId.parse(str(w.VM).upper().replace("/SUBSCRIPTIONS/", "/subscriptions/"))
    assert w.judge(w.good_world(), shouting).answer is R


def test_source_with_two_prefixes_needs_both_allowed() -> None:
    world = w.good_world()
    more = (IPv4Network("10.2.0.0/24"), IPv4Network("10.3.0.0/24"))
    subnets = tuple(replace(subnet, prefixes=more) for subnet in world.vnets[w.VM_VNET].subnets)
    verdict = w.judge(w.with_vnet(world, w.VM_VNET, subnets=subnets))
    assert step(verdict, Stage.FIREWALL).code is C.FIREWALL_PARTLY
