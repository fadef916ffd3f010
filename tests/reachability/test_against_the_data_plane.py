"""The analysis against the local Azure's data plane, which shares no code with it, in randomly broken networks.

The data plane answers as packets would fare: security groups, gateways' routes, other appliances and what custom DNS
servers forward are not in it, so the analysis may be less sure than it, but never wrong.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from local.azure.dataplane.packets import Outcome as Reached
from local.azure.seed.calls import RefusedError
from local.azure.seed.contoso import FIREWALL_IP, HUB_VNET, MONITORING
from shared.reachability.codes import Outcome, ReachCode, Stage
from shared.reachability.verdict import Answer, Verdict
from tests.reachability import breakages as b
from tests.reachability.estate import Estate, make_estate

VM = MONITORING.vnet_id
FAMILY = {
    "dns": {Stage.DNS},
    "route": {Stage.ROUTE},
    "peering": {Stage.PEERING, Stage.RETURN_PATH},
    "firewall": {Stage.FIREWALL},
    "endpoint": {Stage.CLUSTER},
}
SOURCES = (["*"], ["10.2.0.0/16"], ["10.2.0.0/25"], ["10.77.0.0/16"])
PEERINGS = (b.hub_to_spoke, b.spoke_to_hub, b.at(b.HUB_TO_MONITORING), b.at(b.MONITORING_TO_HUB))


def dns_breakages() -> st.SearchStrategy[b.Breakage]:
    servers = st.lists(
        st.sampled_from([FIREWALL_IP, "168.63.129.16", "10.0.5.5", "10.2.9.9", b.FAR_AWAY]), max_size=2
    ).map(lambda found: b.dns_servers(VM, *found))
    proxies = st.builds(
        lambda on, behind: b.proxy(on=on, servers=behind),
        st.booleans(),
        st.sampled_from([(), ("168.63.129.16",), ("10.0.5.5",)]),
    )
    links = st.sampled_from(["hub-by-hand", "monitoring-by-hand"])
    zones = st.builds(
        lambda vnet, labels, address, label: b.other_zone(vnet, labels=labels, address=address, label=label),
        st.sampled_from([VM, HUB_VNET]),
        st.integers(1, 2),
        st.sampled_from([None, "own", "10.10.16.77"]),
        st.sampled_from([None, "*", "other"]),
    )
    records = st.sampled_from([b.record("10.10.16.99"), b.record("own", "10.10.16.99"), b.no_record])
    unlinked = [links.map(b.unlink), links.map(b.unfinished_link)]
    return st.one_of(servers, proxies, *unlinked, zones, records, st.just(b.resolver))


def route_breakages() -> st.SearchStrategy[b.Breakage]:
    hops = st.sampled_from(
        [
            ("VirtualAppliance", FIREWALL_IP),
            ("VirtualAppliance", b.NOBODY),
            ("VirtualAppliance", b.FAR_AWAY),
            ("Internet", None),
            ("None", None),
            ("VirtualNetworkGateway", None),
        ]
    )
    prefixes = st.sampled_from(["10.10.0.0/16", "10.0.0.0/8", "api", "10.10.128.0/17"])
    extra = st.builds(lambda prefix, hop: b.route(prefix, *hop), prefixes, hops)
    default = hops.map(lambda hop: b.default_route(*hop))
    return st.one_of(extra, default, st.sampled_from([b.no_default_route, b.no_route_table]))


def peering_breakages() -> st.SearchStrategy[b.Breakage]:
    sides = st.sampled_from(PEERINGS)
    return st.one_of(
        sides.map(b.remove),
        sides.map(lambda side: b.peering(side, allowVirtualNetworkAccess=False)),
        sides.map(lambda side: b.peering(side, allowForwardedTraffic=False)),
        st.just(b.peering(b.hub_to_spoke, remoteAddressSpace={"addressPrefixes": ["10.99.0.0/16"]})),
        st.just(b.direct_peering),
        st.sampled_from([None, "10.2.0.0/16", "10.2.0.0/15"]).map(lambda to: b.firewall_subnet_route("None", to=to)),
    )


def firewall_breakages() -> st.SearchStrategy[b.Breakage]:
    sources = st.sampled_from(SOURCES)
    actions = st.sampled_from(["Allow", "Deny"])
    rule = st.one_of(
        sources.map(b.api_rule),
        sources.map(lambda found: b.application_rule(found, ["HOST"])),
        sources.map(lambda found: b.application_rule(found, ["*.privatelink.westeurope.azmk8s.io"])),
        sources.map(lambda found: b.fqdn_rule(found, ["HOST"])),
        sources.map(lambda found: b.fqdn_rule(found, ["api.contoso.com"])),
    )
    made = st.builds(
        lambda priority, action, each: b.rules(f"made-{priority}", priority, action, each),
        st.sampled_from([150, 250, 500]),
        actions,
        rule,
    )
    groups = st.lists(st.sampled_from(["10.2.0.0/25", "10.2.0.0/24", "10.77.0.1"]), max_size=2).map(
        lambda found: b.ip_group("clients", found)
    )
    ranges = st.sampled_from(["255.255.255.255/32", "IANAPrivateRanges", "10.2.0.0/16"])
    translating = ranges.map(lambda found: b.policy(snat={"privateRanges": [found]}))
    whole = st.sampled_from([b.no_allow_rules, b.parent_denies])
    return st.one_of(made, rule.map(b.only_by), whole, groups, translating)


def cluster_breakages() -> st.SearchStrategy[b.Breakage]:
    return st.sampled_from([b.stop, b.stop_and_start, b.no_endpoint, b.cluster(provisioningState="Updating")])


BREAKAGES = st.one_of(
    dns_breakages(), route_breakages(), peering_breakages(), firewall_breakages(), cluster_breakages()
)


def broken(*breakages: b.Breakage) -> Estate:
    """An estate after the breakages; those that Azure refuses, given what came before, are left out."""
    estate = make_estate()
    for breakage in breakages:
        try:
            breakage(estate)
        except (RefusedError, KeyError, AssertionError):
            event("a breakage was not possible")
    return estate


def compare(estate: Estate) -> tuple[Verdict, Reached]:
    """Raise AssertionError where the verdict and the data plane contradict each other."""
    verdict, reached = estate.verdict(), estate.reach()
    shown = f"{verdict.codes}\n{reached}"
    if verdict.answer is Answer.REACHABLE:
        assert reached.reached, shown
    if verdict.answer is Answer.UNREACHABLE:
        assert not reached.reached, shown
        check_stage(verdict, reached, shown)
    for step in verdict.steps:
        assert step.outcome is not Outcome.UNKNOWN or step.assumptions, shown
        assert step.outcome is not Outcome.BLOCKED or step.fix, shown
    return verdict, reached


def check_stage(verdict: Verdict, reached: Reached, shown: str) -> None:
    """The step that stopped the packets is among those that stop them, and the only one if there is only one."""
    stopping = {step.stage for step in verdict.steps if step.outcome is Outcome.BLOCKED}
    doubtful = {step.stage for step in verdict.steps if step.outcome is Outcome.UNKNOWN}
    codes = set(verdict.codes)
    if codes & {ReachCode.ADDRESS_STALE, ReachCode.DNS_NAME_UNKNOWN, ReachCode.ADDRESS_UNKNOWN}:
        return  # packets for another address may end anywhere
    assert FAMILY[reached.stage] & (stopping | doubtful), shown
    if ReachCode.DNS_SERVER_UNREACHABLE in codes:
        return  # the data plane lets DNS answers pass a peering that is open in one direction only
    if Stage.DNS in stopping:
        assert reached.stage == "dns", shown
    if len(stopping) == 1 and not doubtful:
        assert stopping <= FAMILY[reached.stage], shown


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(breakages=st.lists(BREAKAGES, min_size=1, max_size=3))
def test_verdict_never_contradicts_the_packets(breakages: list[b.Breakage]) -> None:
    verdict, reached = compare(broken(*breakages))
    event(f"{verdict.answer}, {'reached' if reached.reached else reached.stage}")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    breakage=st.one_of(firewall_breakages(), peering_breakages()),
    dns=st.sampled_from([b.nothing, b.dns_servers(VM, FIREWALL_IP)]),
)
def test_one_breakage_is_found_wherever_names_are_resolved(breakage: b.Breakage, dns: b.Breakage) -> None:
    compare(broken(dns, breakage))


@pytest.mark.parametrize("dns", [b.nothing, b.dns_servers(VM, FIREWALL_IP), b.dns_servers(VM, "168.63.129.16")])
def test_whole_estate_is_reachable_and_reached(dns: b.Breakage) -> None:
    verdict, reached = compare(broken(dns))
    assert (verdict.answer, reached.reached) == (Answer.REACHABLE, True)


def test_shared_zone_of_the_owner_is_reachable_and_reached() -> None:
    estate = make_estate(shared_zone=True)
    verdict, reached = compare(estate)
    assert (verdict.answer, reached.reached) == (Answer.REACHABLE, True)
