"""Whose address the API server sees: the client's, or the firewall's own, as the policy's `snat.privateRanges` say."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from shared.firewall.policy import FirewallPolicy
from shared.firewall.selectors import Truth
from shared.firewall.wire import parse_policy
from shared.model.security_groups import SecurityRule
from shared.model.world import Route
from shared.reachability.codes import Outcome, ReachCode, Stage
from shared.reachability.translation import translates
from shared.reachability.verdict import Answer
from shared.reachability.world import ReachabilityWorld
from tests.reachability import breakages as b
from tests.reachability import worlds as w
from tests.reachability.estate import make_estate
from tests.reachability.test_access import rule, step, with_group
from tests.reachability.test_against_the_data_plane import compare

C = ReachCode
R, U, A = Answer.REACHABLE, Answer.UNREACHABLE, Answer.AMBIGUOUS
ALWAYS = ("255.255.255.255/32",)
LEARNED = {"snat_private_ranges": ALWAYS, "learns_private_ranges": True}
ELSEWHERE = Route(name="default", prefix="0.0.0.0/0", next_hop_type="Internet")


def read(snat: Any, base: FirewallPolicy | None = None) -> FirewallPolicy:
    parent = {"basePolicy": {"id": base.id}} if base else {}
    return parse_policy({"id": "/child", "properties": {"snat": snat, **parent}}, [], base=base)


@pytest.mark.parametrize(
    ("snat", "truth"),
    [
        (None, Truth.NO),
        ({}, Truth.NO),
        ({"privateRanges": None}, Truth.NO),
        ({"privateRanges": []}, Truth.NO),
        ({"privateRanges": ["IANAPrivateRanges"]}, Truth.NO),
        ({"privateRanges": ["ianaprivateranges", "3.3.0.0/24"]}, Truth.NO),
        ({"privateRanges": ["0.0.0.0/0"]}, Truth.NO),
        ({"privateRanges": ["10.1.0.0/16"]}, Truth.NO),
        ({"privateRanges": ["10.1.8.4"]}, Truth.NO),
        ({"privateRanges": ["255.255.255.255/32"]}, Truth.YES),
        ({"privateRanges": "255.255.255.255/32"}, Truth.YES),
        ({"privateRanges": ["192.168.0.0/16", "10.2.0.0/16"]}, Truth.YES),
        ({"privateRanges": ["192.168.0.0/16", "SomeNewWord"]}, Truth.MAYBE),
        ({"privateRanges": ["10.0.0.0/8", "SomeNewWord"]}, Truth.NO),
        ({"privateRanges": ["255.255.255.255/32"], "autoLearnPrivateRanges": "Enabled"}, Truth.MAYBE),
        ({"privateRanges": ["255.255.255.255/32"], "autoLearnPrivateRanges": "Disabled"}, Truth.YES),
        ({"autoLearnPrivateRanges": "Enabled"}, Truth.NO),
    ],
)
def test_network_rules_translate_what_is_outside_of_the_private_ranges(snat: Any, truth: Truth) -> None:
    assert translates(read(snat), w.ADDRESS) is truth


def test_by_default_shared_addresses_are_private_and_public_ones_are_not() -> None:
    assert translates(read(None), IPv4Address("100.64.0.4")) is Truth.NO
    assert translates(read(None), IPv4Address("20.1.2.3")) is Truth.YES


@pytest.mark.parametrize(
    ("own", "parents", "truth"),
    [
        (None, ALWAYS, Truth.MAYBE),
        (None, ("IANAPrivateRanges",), Truth.NO),
        (("IANAPrivateRanges",), ALWAYS, Truth.NO),
        (ALWAYS, None, Truth.YES),
    ],
)
def test_whether_a_child_inherits_its_parents_ranges_is_not_known(own: Any, parents: Any, truth: Truth) -> None:
    parent = replace(w.policy(), id="/parent", snat_private_ranges=parents)
    assert translates(read({"privateRanges": list(own or ())}, parent), w.ADDRESS) is truth


# What it changes


def integrated(*routes: Route, attached: bool = True, **policy: Any) -> ReachabilityWorld:
    """A VNet-integrated API server whose subnet has these routes, behind a firewall with such a policy."""
    world = w.with_cluster(w.good_world(), vnet_integration=True, api_server_subnet=w.API)
    subnets = tuple(each if attached else replace(each, route_table=None) for each in world.vnets[w.AKS_VNET].subnets)
    world = w.with_vnet(world, w.AKS_VNET, subnets=subnets)
    tables = {**world.route_tables, w.API_TABLE: w.table(w.API_TABLE, *routes)}
    return replace(world, route_tables=tables, firewall=replace(world.firewall, policy=w.policy(**policy)))


def test_answers_to_the_firewalls_own_address_go_over_the_peering() -> None:
    assert step(w.judge(integrated(ELSEWHERE)), Stage.RETURN_PATH).code is C.RETURN_NOT_VIA_FIREWALL
    for world in (
        integrated(ELSEWHERE, snat_private_ranges=ALWAYS),
        integrated(attached=False, snat_private_ranges=ALWAYS),
    ):
        verdict = w.judge(world)
        assert (step(verdict, Stage.RETURN_PATH).code, verdict.answer) == (C.RETURN_PATH_OK, R)


@pytest.mark.parametrize(
    ("hop", "address", "code"),
    [
        ("None", None, C.RETURN_NOT_VIA_FIREWALL),
        ("VirtualAppliance", "10.0.1.4", C.RETURN_UNCERTAIN),
        ("VirtualAppliance", "10.0.9.9", C.RETURN_UNCERTAIN),
    ],
)
def test_answers_to_the_firewalls_own_address_may_go_astray(hop: str, address: str | None, code: ReachCode) -> None:
    route = Route(name="hub", prefix="10.0.1.0/24", next_hop_type=hop, next_hop_address=address)
    assert step(w.judge(integrated(route, snat_private_ranges=ALWAYS)), Stage.RETURN_PATH).code is code


CLIENTS = (
    rule(allow=True, outbound=False, source="10.2.0.0/16"),
    replace(rule(allow=False, outbound=False), priority=200),
)
FIREWALLS = (replace(CLIENTS[0], sources=("10.0.1.0/24",)), CLIENTS[1])


@pytest.mark.parametrize(
    ("rules", "ranges", "code"),
    [
        (CLIENTS, None, C.NSG_PASSED),
        (CLIENTS, ALWAYS, C.NSG_DENIED_INBOUND),
        (FIREWALLS, None, C.NSG_DENIED_INBOUND),
        (FIREWALLS, ALWAYS, C.NSG_PASSED),
    ],
)
@pytest.mark.parametrize("integration", [True, False])
def test_security_group_of_the_api_server_sees_whom_the_firewall_shows(
    rules: tuple[SecurityRule, ...], ranges: Any, code: ReachCode, integration: bool
) -> None:
    world = integrated(w.default_route(), snat_private_ranges=ranges)
    world = w.with_cluster(world, vnet_integration=integration)
    assert step(w.judge(with_group(world, w.API, *rules, policies="Enabled")), Stage.NSG).code is code


@pytest.mark.parametrize("rules", [CLIENTS, FIREWALLS])
def test_what_depends_on_the_address_is_uncertain_while_ranges_are_learned(rules: tuple[SecurityRule, ...]) -> None:
    world = with_group(integrated(w.default_route(), **LEARNED), w.API, *rules)
    found = step(w.judge(world), Stage.NSG)
    assert (found.code, found.outcome) == (C.NSG_DENIED_INBOUND, Outcome.UNKNOWN)
    assert any("client's address" in text or "its own address" in text for text in found.assumptions)


def test_what_does_not_depend_on_the_address_stays_certain_while_ranges_are_learned() -> None:
    world = integrated(w.default_route(), **LEARNED)
    assert step(w.judge(with_group(world, w.API)), Stage.NSG).code is C.NSG_PASSED
    denied = with_group(world, w.API, rule(allow=False, outbound=False))
    assert w.judge(denied).answer is U


def test_way_back_is_uncertain_while_ranges_are_learned() -> None:
    verdict = w.judge(integrated(ELSEWHERE, **LEARNED))
    assert (step(verdict, Stage.RETURN_PATH).code, verdict.answer) == (C.RETURN_NOT_VIA_FIREWALL, A)


def test_appliance_of_another_maker_may_translate() -> None:
    world = integrated(ELSEWHERE)
    world = replace(world, firewall=replace(world.firewall, is_azure_firewall=False))
    assert step(w.judge(world), Stage.RETURN_PATH).outcome is Outcome.UNKNOWN


def test_private_endpoint_answers_a_translating_firewall_without_any_assumption() -> None:
    kept, translated = (
        w.judge(replace(world, firewall=replace(world.firewall, policy=w.policy(snat_private_ranges=ranges))))
        for world in [w.good_world()]
        for ranges in (None, ALWAYS)
    )
    assert (kept.answer, translated.answer) == (R, R)
    assert any("keeps the source" in text for text in kept.assumptions)
    assert not any("keeps the source" in text for text in translated.assumptions)


def test_connection_around_the_firewall_is_never_translated() -> None:
    world = w.with_cluster(w.good_world(), vnet_integration=True, api_server_subnet=w.API)
    world = replace(world, firewall=replace(world.firewall, policy=w.policy(snat_private_ranges=ALWAYS)))
    for one, other, space in ((w.VM_VNET, w.AKS_VNET, "10.1.0.0/16"), (w.AKS_VNET, w.VM_VNET, "10.2.0.0/16")):
        world = w.with_vnet(world, one, peerings=(*world.vnets[one].peerings, w.peering(other, space)))
    world = replace(world, route_tables={**world.route_tables, w.API_TABLE: w.table(w.API_TABLE)})
    assert step(w.judge(with_group(world, w.API, *CLIENTS)), Stage.NSG).code is C.NSG_PASSED


@pytest.mark.parametrize("ranges", [["255.255.255.255/32"], ["IANAPrivateRanges"]])
def test_ranges_are_read_from_the_policy_in_azure(ranges: list[str]) -> None:
    estate = make_estate()
    b.policy(snat={"privateRanges": ranges})(estate)
    policy = estate.world().firewall.policy
    assert policy is not None
    assert policy.snat_private_ranges == tuple(ranges)
    assert compare(estate)[0].answer is R
