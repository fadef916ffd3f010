"""Every code can be provoked in the local Azure or in a made-up world, and none of them shows in a good one."""

from __future__ import annotations

import pytest

from local.azure.seed.contoso import FIREWALL_IP, HUB_VNET, MONITORING, POLICY
from shared.reachability.codes import EXPLANATIONS, Outcome, ReachCode, Stage
from shared.reachability.names import AZURE_DNS
from shared.reachability.verdict import Answer
from tests.reachability import breakages as b
from tests.reachability.estate import make_estate

C = ReachCode
VM = MONITORING.vnet_id
GOOD = (
    C.DNS_RESOLVED,
    C.ROUTE_VIA_FIREWALL,
    C.PEERING_CONNECTED,
    C.FIREWALL_ALLOWED,
    C.NSG_PASSED,
    C.RETURN_PATH_OK,
    C.CLUSTER_RUNNING,
)
R, U, A = Answer.REACHABLE, Answer.UNREACHABLE, Answer.AMBIGUOUS
CASES: dict[str, tuple[ReachCode, Answer, b.Breakage]] = {
    "no link": (C.DNS_ZONE_NOT_LINKED, U, b.unlink("monitoring-by-hand")),
    "link not done": (C.DNS_LINK_NOT_COMPLETED, U, b.unfinished_link("monitoring-by-hand")),
    "no zone": (C.DNS_ZONE_MISSING, U, b.no_zone),
    "no record": (C.DNS_RECORD_MISSING, U, b.no_record),
    "same zone elsewhere": (C.DNS_OVERLAPPING_ZONE, U, b.other_zone(VM)),
    "parent zone takes the name": (
        C.DNS_OVERLAPPING_ZONE,
        U,
        b.both(b.unlink("monitoring-by-hand"), b.other_zone(VM, labels=2)),
    ),
    "parent zone knows the name": (
        C.DNS_RESOLVED,
        R,
        b.both(b.unlink("monitoring-by-hand"), b.other_zone(VM, labels=2, address="own")),
    ),
    "own resolver in the linked hub": (C.DNS_CUSTOM_SERVER, A, b.dns_servers(VM, "10.0.5.5")),
    "inbound endpoint in the linked hub": (C.DNS_RESOLVED, R, b.both(b.dns_servers(VM, "10.0.5.5"), b.resolver)),
    "inbound endpoint in a hub without a link": (
        C.DNS_ZONE_NOT_LINKED,
        A,
        b.both(b.dns_servers(VM, "10.0.5.5"), b.resolver, b.unlink("hub-by-hand")),
    ),
    "own resolver far away": (C.DNS_CUSTOM_SERVER, A, b.dns_servers(VM, b.FAR_AWAY)),
    "own resolver without any link": (
        C.DNS_CUSTOM_SERVER,
        A,
        b.both(b.dns_servers(VM, "10.0.5.5"), b.unlink("hub-by-hand"), b.unlink("monitoring-by-hand")),
    ),
    "firewall as DNS": (C.DNS_RESOLVED, R, b.dns_servers(VM, FIREWALL_IP)),
    "firewall as DNS needs no link of the source": (
        C.DNS_RESOLVED,
        R,
        b.both(b.dns_servers(VM, FIREWALL_IP), b.unlink("monitoring-by-hand")),
    ),
    "firewall as DNS, hub not linked": (
        C.DNS_ZONE_NOT_LINKED,
        U,
        b.both(b.dns_servers(VM, FIREWALL_IP), b.unlink("hub-by-hand")),
    ),
    "firewall as DNS, proxy off": (C.DNS_PROXY_OFF, U, b.both(b.dns_servers(VM, FIREWALL_IP), b.proxy(on=False))),
    "firewall as DNS, proxy off, then Azure": (
        C.DNS_RESOLVED,
        R,
        b.both(b.dns_servers(VM, FIREWALL_IP, AZURE_DNS), b.proxy(on=False)),
    ),
    "firewall as DNS, proxy off, then Azure without a link": (
        C.DNS_ZONE_NOT_LINKED,
        U,
        b.both(b.dns_servers(VM, FIREWALL_IP, AZURE_DNS), b.proxy(on=False), b.unlink("monitoring-by-hand")),
    ),
    "parent zone with a wildcard": (
        C.DNS_RESOLVED,
        R,
        b.both(b.unlink("monitoring-by-hand"), b.other_zone(VM, labels=2, address="own", label="*")),
    ),
    "firewall as DNS forwards": (
        C.DNS_CUSTOM_SERVER,
        A,
        b.both(b.dns_servers(VM, FIREWALL_IP), b.proxy(on=True, servers=("10.0.5.5",))),
    ),
    "firewall as DNS, no peering": (
        C.DNS_SERVER_UNREACHABLE,
        U,
        b.both(b.dns_servers(VM, FIREWALL_IP), b.remove(b.at(b.MONITORING_TO_HUB))),
    ),
    "stale record": (C.ADDRESS_STALE, U, b.record("10.10.16.99")),
    "record with a stranger": (C.ADDRESS_STALE, A, b.record("own", "10.10.16.99")),
    "stopped": (C.CLUSTER_STOPPED, U, b.stop),
    "stopped shows no name": (C.DNS_NAME_UNKNOWN, U, b.stop),
    "direct peering": (C.ROUTE_DIRECT, R, b.direct_peering),
    "around the firewall": (C.FIREWALL_BYPASSED, R, b.both(b.direct_peering, b.no_allow_rules)),
    "no route table": (C.ROUTE_NONE, U, b.no_route_table),
    "default route to the Internet": (C.ROUTE_NOT_VIA_FIREWALL, U, b.default_route("Internet")),
    "default route to nowhere": (
        C.ROUTE_NOT_VIA_FIREWALL,
        U,
        b.default_route("VirtualAppliance", b.FAR_AWAY),
    ),
    "another appliance": (C.ROUTE_NOT_VIA_FIREWALL, A, b.default_route("VirtualAppliance", b.NOBODY)),
    "dropped by a longer route": (C.ROUTE_NONE, U, b.route("10.10.0.0/16", "None")),
    "several appliances": (C.ROUTE_ECMP, A, b.route("10.10.0.0/16", "VirtualApplianceEcmp")),
    "gateway without a gateway": (C.ROUTE_NOT_VIA_FIREWALL, U, b.route("10.10.0.0/16", "VirtualNetworkGateway")),
    "gateway with a gateway": (
        C.ROUTE_NOT_VIA_FIREWALL,
        A,
        b.both(b.gateway_routes, b.route("10.10.0.0/16", "VirtualNetworkGateway")),
    ),
    "one side of a peering gone": (C.PEERING_MISSING, U, b.remove(b.hub_to_spoke)),
    "other side of a peering gone": (C.PEERING_NOT_CONNECTED, U, b.remove(b.at(b.HUB_TO_MONITORING))),
    "no access": (C.PEERING_NO_ACCESS, A, b.peering(b.spoke_to_hub, allowVirtualNetworkAccess=False)),
    "source not known to the hub": (
        C.PEERING_OUT_OF_SYNC,
        U,
        b.peering(b.at(b.HUB_TO_MONITORING), remoteAddressSpace={"addressPrefixes": ["10.99.0.0/16"]}),
    ),
    "private endpoint not known to the hub": (
        C.PEERING_OUT_OF_SYNC,
        A,
        b.peering(b.hub_to_spoke, remoteAddressSpace={"addressPrefixes": ["10.99.0.0/16"]}),
    ),
    "subnet peering": (C.PEERING_PARTIAL, A, b.peering(b.spoke_to_hub, peerCompleteVnets=False)),
    "no forwarded traffic": (
        C.PEERING_NO_FORWARDED_TRAFFIC,
        R,
        b.peering(b.spoke_to_hub, allowForwardedTraffic=False),
    ),
    "firewall's subnet drops": (C.PEERING_HUB_ROUTE_ASTRAY, U, b.firewall_subnet_route("None")),
    "firewall's subnet sends on": (
        C.PEERING_HUB_ROUTE_ASTRAY,
        A,
        b.firewall_subnet_route("VirtualAppliance", "10.0.7.7"),
    ),
    "firewall's subnet drops answers": (
        C.RETURN_HUB_ROUTE_ASTRAY,
        U,
        b.firewall_subnet_route("None", to="10.2.0.0/16"),
    ),
    "no rule": (C.FIREWALL_NO_MATCH, U, b.no_allow_rules),
    "denied": (C.FIREWALL_DENIED, U, b.rules("deny", 150, "Deny", b.api_rule(["*"]))),
    "denied later": (C.FIREWALL_ALLOWED, R, b.rules("deny", 500, "Deny", b.api_rule(["*"]))),
    "denied by the parent": (C.FIREWALL_DENIED, U, b.parent_denies),
    "half the subnet": (C.FIREWALL_PARTLY, A, b.only_by(b.api_rule(["10.2.0.0/25"]))),
    "a name that might be the API server is denied": (
        C.FIREWALL_UNCERTAIN,
        A,
        b.rules("deny", 150, "Deny", b.fqdn_rule(["*"], ["api.contoso.com"])),
    ),
    "service tags are public": (
        C.FIREWALL_NO_MATCH,
        U,
        b.only_by(b.network_rule("azure", ["10.0.0.0/8"], ["AzureCloud.westeurope"], ["443"])),
    ),
    "IP group allows": (C.FIREWALL_ALLOWED, R, b.ip_group("clients", ["10.2.0.0/16"])),
    "IP group of others": (C.FIREWALL_NO_MATCH, U, b.ip_group("clients", ["10.77.0.0/16"])),
    "application rule allows": (C.FIREWALL_ALLOWED, R, b.only_by(b.application_rule(["10.2.0.0/16"], ["HOST"]))),
    "FQDN rule allows": (C.FIREWALL_ALLOWED, R, b.only_by(b.fqdn_rule(["10.2.0.0/16"], ["HOST"]))),
    "application rule, firewall without link": (
        C.FIREWALL_UNCERTAIN,
        A,
        b.both(b.only_by(b.application_rule(["10.2.0.0/16"], ["HOST"])), b.unlink("hub-by-hand")),
    ),
    "outbound denied": (
        C.NSG_DENIED_OUTBOUND,
        U,
        b.security_group(lambda estate: estate.source, b.security_rule("Outbound", "Deny")),
    ),
    "inbound denied": (
        C.NSG_DENIED_INBOUND,
        U,
        b.security_group(b.node_subnet, b.security_rule("Inbound", "Deny"), policies="NetworkSecurityGroupEnabled"),
    ),
    "inbound not looked at without network policies": (
        C.NSG_PASSED,
        R,
        b.security_group(b.node_subnet, b.security_rule("Inbound", "Deny")),
    ),
    "application security group": (
        C.NSG_UNCERTAIN,
        A,
        b.security_group(
            lambda estate: estate.source,
            b.security_rule("Outbound", "Deny", sourceApplicationSecurityGroups=[{"id": "/x"}]),
        ),
    ),
    "allowed before it is denied": (
        C.NSG_PASSED,
        R,
        b.security_group(
            lambda estate: estate.source,
            b.security_rule("Outbound", "Allow"),
            b.security_rule("Outbound", "Deny", priority=200),
        ),
    ),
    "being created": (C.CLUSTER_NOT_READY, A, b.cluster(provisioningState="Creating")),
    "failed but running": (C.CLUSTER_RUNNING, R, b.cluster(provisioningState="Failed")),
    "public": (C.CLUSTER_NOT_PRIVATE, A, b.cluster(apiServerAccessProfile={"enablePrivateCluster": False})),
    "no endpoint": (C.ADDRESS_UNKNOWN, U, b.no_endpoint),
}
ELSEWHERE = {
    # Not to be had from the local Azure: what may not be read, and the API server's own subnet.
    C.DNS_PUBLIC_NAME: "test_details.py",
    C.DNS_ZONE_UNREAD: "test_details.py",
    C.ROUTE_UNCERTAIN: "test_details.py",
    C.PEERING_UNREAD: "test_details.py",
    C.FIREWALL_UNREAD: "test_details.py",
    C.RETURN_NOT_VIA_FIREWALL: "test_details.py",
    C.RETURN_UNCERTAIN: "test_details.py",
}


def test_good_network_shows_only_good_codes_and_is_reachable() -> None:
    estate = make_estate()
    verdict = estate.verdict()
    assert (verdict.answer, verdict.codes, verdict.decided_by) == (Answer.REACHABLE, GOOD, None)
    assert estate.reach().reached


@pytest.mark.parametrize("name", CASES)
def test_code_shows_when_its_cause_is_there(name: str) -> None:
    code, answer, breakage = CASES[name]
    estate = make_estate()
    breakage(estate)

    verdict = estate.verdict()

    assert code in verdict.codes
    assert verdict.answer is answer
    step = next(step for step in verdict.steps if step.code is code)
    if answer is not Answer.REACHABLE:
        assert verdict.decided_by is not None
        assert step.fix == "" or step.message
    if step.outcome is not Outcome.OK:
        assert step.fix
    if answer is Answer.AMBIGUOUS:
        assert all(step.assumptions for step in verdict.steps if step.outcome is Outcome.UNKNOWN)


def test_every_code_has_a_case() -> None:
    provoked = {code for code, _, _ in CASES.values()} | set(GOOD)
    assert provoked | set(ELSEWHERE) == set(ReachCode)
    assert not provoked & set(ELSEWHERE)


def test_every_code_is_explained_at_its_stage() -> None:
    assert set(EXPLANATIONS) == set(ReachCode)
    assert list(EXPLANATIONS) == list(ReachCode)
    assert {item.stage for item in EXPLANATIONS.values()} == set(Stage)


def test_denying_rule_is_named() -> None:
    estate = make_estate()
    b.parent_denies(estate)
    decided = estate.verdict().decided_by
    assert decided is not None
    assert decided.rule == "fp-parent/rcg-central/central/deny-api (Deny)"
    assert str(decided.resource).endswith("/firewallPolicies/fp-parent")


def test_everything_that_is_wrong_shows_at_once() -> None:
    estate = make_estate()
    for breakage in (b.unlink("monitoring-by-hand"), b.no_route_table, b.no_allow_rules, b.remove(b.hub_to_spoke)):
        breakage(estate)
    verdict = estate.verdict()
    blocked = {step.code for step in verdict.steps if step.outcome is Outcome.BLOCKED}
    assert blocked == {C.DNS_ZONE_NOT_LINKED, C.ROUTE_NONE, C.FIREWALL_NO_MATCH, C.PEERING_MISSING}
    assert verdict.decided_by is verdict.steps[0]


def test_public_name_is_offered_while_the_private_one_does_not_resolve() -> None:
    estate = make_estate()
    b.unlink("monitoring-by-hand")(estate)
    verdict = estate.verdict()
    assert verdict.by_public_name is Answer.REACHABLE
    assert "--public-fqdn" in verdict.steps[0].fix


def test_observing_is_bounded_and_only_reads_what_matters() -> None:
    few = make_estate()
    few.verdict()
    many = make_estate(clusters_per_spoke=12)
    many.verdict()
    assert len(few.reads) == len(many.reads) <= 25
    assert all(POLICY.rsplit("/", 1)[0] in read for read in few.reads if "firewallPolicies" in read)


def test_peering_with_the_hub_is_not_needed_from_the_hub() -> None:
    estate = make_estate()
    estate.put(f"{HUB_VNET}/subnets/tools", {"properties": {"addressPrefix": "10.0.8.0/24"}})
    verdict = estate.verdict(f"{HUB_VNET}/subnets/tools")
    assert verdict.codes[1] is C.ROUTE_DIRECT
    assert verdict.answer is Answer.REACHABLE
    assert estate.reach(f"{HUB_VNET}/subnets/tools").reached
