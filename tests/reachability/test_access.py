"""Peerings without access, and what the service tags VirtualNetwork and Internet stand for in security groups."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.model.resource_id import ResourceId
from shared.model.security_groups import SecurityGroup, SecurityRule
from shared.model.world import Peering, Route
from shared.reachability.codes import Outcome, ReachCode, Stage
from shared.reachability.verdict import Answer, Step, Verdict
from shared.reachability.world import ReachabilityWorld
from tests.reachability import worlds as w

C = ReachCode
R, U, A = Answer.REACHABLE, Answer.UNREACHABLE, Answer.AMBIGUOUS


def step(verdict: Verdict, stage: Stage) -> Step:
    return next(item for item in verdict.steps if item.stage is stage)


def peered(world: ReachabilityWorld, one: ResourceId, other: ResourceId, **changes: Any) -> ReachabilityWorld:
    """The peering of one VNet with another, changed."""

    def changed(peering: Peering) -> Peering:
        return replace(peering, **changes) if peering.remote_vnet == other else peering

    return w.with_vnet(world, one, peerings=tuple(changed(each) for each in world.vnets[one].peerings))


def directly_peered(**changes: Any) -> ReachabilityWorld:
    world = w.good_world()
    for one, other, space in ((w.VM_VNET, w.AKS_VNET, "10.1.0.0/16"), (w.AKS_VNET, w.VM_VNET, "10.2.0.0/16")):
        peering = replace(w.peering(other, space), **changes)
        world = w.with_vnet(world, one, peerings=(*world.vnets[one].peerings, peering))
    return world


def with_group(
    world: ReachabilityWorld, subnet_id: ResourceId, *rules: SecurityRule, policies: str = "Disabled"
) -> ReachabilityWorld:
    nsg = w.group("rg-nsg").resource("Microsoft.Network/networkSecurityGroups", f"nsg-{subnet_id.name}")
    vnet = world.vnets[subnet_id.parent]
    subnets = tuple(
        replace(each, security_group=nsg, endpoint_policies=policies) if each.id == subnet_id else each
        for each in vnet.subnets
    )
    groups = {**world.security_groups, nsg: SecurityGroup(id=nsg, rules=rules)}
    return replace(w.with_vnet(world, vnet.id, subnets=subnets), security_groups=groups)


def rule(*, allow: bool, outbound: bool, source: str = "*", to: str = "*") -> SecurityRule:
    return SecurityRule(
        name="made",
        priority=100,
        outbound=outbound,
        allow=allow,
        protocol="Tcp",
        sources=(source,),
        destinations=(to,),
        destination_ports=("443",),
    )


SIDES = [(w.VM_VNET, w.HUB_VNET), (w.HUB_VNET, w.VM_VNET), (w.AKS_VNET, w.HUB_VNET), (w.HUB_VNET, w.AKS_VNET)]


@pytest.mark.parametrize(("one", "other"), SIDES)
def test_peering_without_access_does_not_surely_stop_anything(one: ResourceId, other: ResourceId) -> None:
    verdict = w.judge(peered(w.good_world(), one, other, allows_access=False))
    found = step(verdict, Stage.PEERING)
    assert (found.code, found.outcome, verdict.answer) == (C.PEERING_NO_ACCESS, Outcome.UNKNOWN, A)
    assert "VirtualNetwork" in found.assumptions[0]


def test_peering_without_access_that_is_out_of_sync_too_is_surely_broken() -> None:
    world = peered(w.good_world(), w.HUB_VNET, w.VM_VNET, allows_access=False, remote_space=w.network("10.99.0.0/16"))
    verdict = w.judge(world)
    assert (step(verdict, Stage.PEERING).code, verdict.answer) == (C.PEERING_OUT_OF_SYNC, U)


def test_peering_without_access_that_is_not_connected_is_surely_broken() -> None:
    verdict = w.judge(peered(w.good_world(), w.HUB_VNET, w.VM_VNET, allows_access=False, state="Disconnected"))
    assert (step(verdict, Stage.PEERING).code, verdict.answer) == (C.PEERING_NOT_CONNECTED, U)


def test_routes_of_a_direct_peering_without_access_are_uncertain() -> None:
    verdict = w.judge(directly_peered(allows_access=False))
    found = step(verdict, Stage.ROUTE)
    assert (found.code, found.outcome, verdict.answer) == (C.ROUTE_DIRECT, Outcome.UNKNOWN, A)
    assert step(verdict, Stage.PEERING).code is C.PEERING_NO_ACCESS


def test_firewall_as_dns_over_a_peering_without_access_is_uncertain() -> None:
    world = peered(directly_peered(), w.VM_VNET, w.HUB_VNET, allows_access=False)
    verdict = w.judge(w.with_vnet(world, w.VM_VNET, dns_servers=("10.0.1.4", "168.63.129.16")))
    assert (verdict.steps[0].code, verdict.steps[0].outcome) == (C.DNS_SERVER_UNREACHABLE, Outcome.UNKNOWN)
    assert verdict.answer is A


# VirtualNetwork in security groups


def test_peer_without_access_is_not_in_the_tag() -> None:
    # Without a user-defined default route, which would put everything in the tag.
    world = replace(directly_peered(allows_access=False), route_tables={w.TABLE: w.table(w.TABLE)})
    deny_all = rule(allow=False, outbound=True, to="VirtualNetwork")
    assert step(w.judge(with_group(world, w.VM, deny_all)), Stage.NSG).outcome is not Outcome.BLOCKED
    world = replace(directly_peered(), route_tables={w.TABLE: w.table(w.TABLE)})
    assert step(w.judge(with_group(world, w.VM, deny_all)), Stage.NSG).code is C.NSG_DENIED_OUTBOUND


def inbound(*rules: SecurityRule, forwarded: bool, gateway: bool = False, table: Route | None = None) -> Step:
    """What the security group of the endpoint's subnet does with a source that comes through the firewall."""
    world = peered(
        w.good_world(),
        w.AKS_VNET,
        w.HUB_VNET,
        allows_forwarded_traffic=forwarded,
        uses_remote_gateways=gateway,
    )
    world = replace(
        world, route_tables={**world.route_tables, w.API_TABLE: w.table(w.API_TABLE, *filter(None, [table]))}
    )
    world = with_group(world, w.API, *rules, policies="NetworkSecurityGroupEnabled")
    return step(w.judge(world), Stage.NSG)


def test_source_behind_the_firewall_is_not_in_the_tag_without_a_route_to_it() -> None:
    assert inbound(forwarded=False).code is C.NSG_DENIED_INBOUND


def test_user_defined_routes_put_the_source_in_the_tag() -> None:
    assert inbound(forwarded=False, table=w.default_route()).code is C.NSG_PASSED


@pytest.mark.parametrize("more", [{"forwarded": True}, {"forwarded": False, "gateway": True}])
def test_tag_may_hold_more_with_forwarded_traffic_or_a_gateway(more: dict[str, bool]) -> None:
    found = inbound(**more)
    assert (found.code, found.outcome) == (C.NSG_UNCERTAIN, Outcome.UNKNOWN)


def test_plain_rule_before_the_defaults_is_certain_whatever_the_tag_holds() -> None:
    assert inbound(rule(allow=True, outbound=False, source="10.2.0.0/16"), forwarded=True).code is C.NSG_PASSED
    assert inbound(rule(allow=False, outbound=False), forwarded=True).code is C.NSG_DENIED_INBOUND


def test_deny_of_the_tag_is_uncertain_where_the_tag_may_hold_more() -> None:
    denied = rule(allow=False, outbound=False, source="VirtualNetwork")
    allowed = replace(rule(allow=True, outbound=False), priority=200)
    assert inbound(denied, allowed, forwarded=True).code is C.NSG_UNCERTAIN
    assert inbound(denied, allowed, forwarded=False).code is C.NSG_PASSED


def test_tag_may_hold_more_when_the_route_table_could_not_be_read() -> None:
    world = with_group(w.good_world(), w.API, policies="Enabled")
    tables = {key: table for key, table in world.route_tables.items() if key != w.API_TABLE}
    world = peered(replace(world, route_tables=tables), w.AKS_VNET, w.HUB_VNET, allows_forwarded_traffic=False)
    assert step(w.judge(world), Stage.NSG).code is C.NSG_UNCERTAIN


@pytest.mark.parametrize("policies", ["Disabled", "RouteTableEnabled"])
def test_security_group_holds_for_a_private_endpoint_only_with_its_network_policies(policies: str) -> None:
    world = with_group(w.good_world(), w.API, rule(allow=False, outbound=False), policies=policies)
    assert step(w.judge(world), Stage.NSG).code is C.NSG_PASSED


# Security groups of the API server's own subnet see the load balancer's backends


def integrated(*rules: SecurityRule) -> Step:
    world = w.with_cluster(w.good_world(), vnet_integration=True, api_server_subnet=w.API)
    return step(w.judge(with_group(world, w.API, *rules)), Stage.NSG)


def test_rule_for_the_whole_subnet_of_the_api_server_decides() -> None:
    assert integrated(rule(allow=False, outbound=False, to="10.1.8.0/28")).code is C.NSG_DENIED_INBOUND


def test_rule_for_the_load_balancers_address_alone_is_uncertain() -> None:
    assert integrated(rule(allow=False, outbound=False, to="10.1.8.4")).code is C.NSG_UNCERTAIN
