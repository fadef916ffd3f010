"""Who is asked for a name, who answers, and what cannot be told: DNS servers, resolvers, zones."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from shared.model.resource_id import ResourceId
from shared.model.world import Link, Subnet, Zone
from shared.reachability.codes import Outcome, ReachCode
from shared.reachability.verdict import Answer, Step, Verdict
from shared.reachability.world import ReachabilityWorld
from tests.reachability import worlds as w

C = ReachCode
R, U, A = Answer.REACHABLE, Answer.UNREACHABLE, Answer.AMBIGUOUS
AZURE_DNS = "168.63.129.16"
PROXY = "10.0.1.4"
IN_HUB, IN_AKS, FAR = "10.0.5.5", "10.1.9.9", "192.168.1.1"


def dns(verdict: Verdict) -> Step:
    return verdict.steps[0]


def told(verdict: Verdict, words: str) -> bool:
    return any(words in text for text in dns(verdict).assumptions)


def asking(*servers: str, linked: tuple[ResourceId, ...] = (w.VM_VNET, w.HUB_VNET), **policy: Any) -> ReachabilityWorld:
    """The good world, with DNS servers of the monitoring VNet, and the cluster's zone linked to some VNets."""
    world = w.with_links(w.good_world(), *linked)
    world = replace(world, firewall=replace(world.firewall, policy=replace(w.policy(), **policy)))
    return w.with_vnet(world, w.VM_VNET, dns_servers=servers)


# A server that does not answer: the next one is asked


def test_after_a_firewall_without_proxy_the_next_server_answers() -> None:
    verdict = w.judge(asking(PROXY, AZURE_DNS, dns_proxy_enabled=False))
    assert (verdict.codes[0], verdict.answer) == (C.DNS_RESOLVED, R)
    assert told(verdict, f"wait for {PROXY}, which does not answer, and then ask {AZURE_DNS}")
    assert "DNS proxy is off" in dns(verdict).message


def test_after_a_firewall_that_is_not_connected_the_next_server_answers() -> None:
    world = w.with_vnet(asking(PROXY, AZURE_DNS), w.HUB_VNET, peerings=(w.peering(w.AKS_VNET, "10.1.0.0/16"),))
    verdict = w.judge(world)
    assert verdict.codes[0] is C.DNS_RESOLVED
    assert told(verdict, "which does not answer")


def test_firewall_in_a_vnet_that_could_not_be_read_may_answer() -> None:
    world = asking(PROXY)
    verdict = w.judge(replace(world, vnets={key: vnet for key, vnet in world.vnets.items() if key != w.HUB_VNET}))
    assert (dns(verdict).code, dns(verdict).outcome) == (C.DNS_SERVER_UNREACHABLE, Outcome.UNKNOWN)


def test_what_the_next_server_says_is_final() -> None:
    verdict = w.judge(asking(PROXY, AZURE_DNS, linked=(w.HUB_VNET,), dns_proxy_enabled=False))
    assert (verdict.codes[0], verdict.answer) == (C.DNS_ZONE_NOT_LINKED, U)
    assert "DNS proxy is off" in dns(verdict).message


def test_no_such_name_is_final_although_the_next_server_would_know() -> None:
    verdict = w.judge(asking(AZURE_DNS, PROXY, linked=(w.HUB_VNET,)))
    assert (verdict.codes[0], verdict.answer) == (C.DNS_ZONE_NOT_LINKED, U)


def test_when_no_server_answers_the_name_does_not_resolve() -> None:
    verdict = w.judge(asking(PROXY, dns_proxy_enabled=False))
    assert (verdict.codes[0], verdict.answer) == (C.DNS_PROXY_OFF, U)


def test_after_a_silent_server_a_custom_one_is_as_uncertain_as_ever() -> None:
    verdict = w.judge(asking(PROXY, FAR, dns_proxy_enabled=False))
    assert (verdict.codes[0], verdict.answer) == (C.DNS_CUSTOM_SERVER, A)


# The firewall's own servers: one of them is chosen at random


def test_firewall_with_two_servers_must_find_the_name_at_both() -> None:
    verdict = w.judge(asking(PROXY, dns_servers=(AZURE_DNS, IN_HUB)))
    assert (verdict.codes[0], verdict.answer) == (C.DNS_CUSTOM_SERVER, A)


def test_firewall_whose_servers_are_all_azures_is_certain() -> None:
    assert w.judge(asking(PROXY, dns_servers=(AZURE_DNS, AZURE_DNS))).answer is R


# Servers of the owner's: what they know and where they forward to is not in Resource Manager


@pytest.mark.parametrize("server", [IN_HUB, FAR])
def test_server_is_uncertain_even_if_only_the_clusters_own_vnet_is_linked(server: str) -> None:
    verdict = w.judge(asking(server, linked=(w.AKS_VNET,)))
    assert (verdict.codes[0], verdict.answer) == (C.DNS_CUSTOM_SERVER, A)
    assert told(verdict, "forwards")
    assert told(verdict, "to a resolver in vnet-aks")
    assert "vnet-hub is not linked" not in dns(verdict).message


@pytest.mark.parametrize("server", [IN_HUB, FAR])
def test_server_may_know_the_name_itself_when_no_vnet_is_linked(server: str) -> None:
    verdict = w.judge(asking(server, linked=()))
    assert (verdict.codes[0], verdict.answer) == (C.DNS_CUSTOM_SERVER, A)
    assert told(verdict, "knows demo.")
    assert told(verdict, "itself or forwards")


def test_server_may_know_better_than_a_zone_with_a_stale_record() -> None:
    world = asking(IN_HUB)
    stale = replace(world.zones[0], records={"demo": (IPv4Address("10.1.8.99"),)})
    assert w.judge(w.with_zone(world, stale)).codes[0] is C.DNS_CUSTOM_SERVER


def test_server_in_the_clusters_own_vnet_finds_the_name_if_it_asks_azure() -> None:
    world = asking(IN_AKS, linked=(w.AKS_VNET,))
    near = (*world.vnets[w.VM_VNET].peerings, w.peering(w.AKS_VNET, "10.1.0.0/16"))
    verdict = w.judge(w.with_vnet(world, w.VM_VNET, peerings=near))
    assert verdict.codes[0] is C.DNS_CUSTOM_SERVER
    assert told(verdict, f"the DNS server {IN_AKS} in vnet-aks forwards")
    assert told(verdict, "to Azure DNS")


def test_firewall_that_forwards_to_an_own_server_is_uncertain_without_any_link() -> None:
    verdict = w.judge(asking(PROXY, linked=(), dns_servers=(FAR,)))
    assert (verdict.codes[0], verdict.answer) == (C.DNS_CUSTOM_SERVER, A)


def test_application_rule_is_uncertain_when_the_firewalls_own_server_is() -> None:
    world = asking(AZURE_DNS, dns_servers=(FAR,))
    world = replace(world, firewall=replace(world.firewall, policy=w.by_application_rule(dns_servers=(FAR,))))
    assert w.judge(world).answer is A


# Private Resolver: inbound endpoints and forwarding rulesets


def with_resolver(world: ReachabilityWorld, vnet: ResourceId = w.HUB_VNET, space: str = "10.0.5.0/28") -> Any:
    subnet = Subnet(
        id=vnet.child("subnets", "dns-in"),
        prefixes=w.network(space),
        route_table=None,
        delegations=("Microsoft.Network/dnsResolvers",),
    )
    return w.with_vnet(world, vnet, subnets=(*world.vnets[vnet].subnets, subnet))


def test_inbound_endpoint_answers_from_the_links_of_its_vnet() -> None:
    verdict = w.judge(with_resolver(asking(IN_HUB, linked=(w.HUB_VNET,))))
    assert (verdict.codes[0], verdict.answer) == (C.DNS_RESOLVED, R)
    assert told(verdict, f"{IN_HUB} is an inbound endpoint")


def test_inbound_endpoint_behind_a_broken_peering_does_not_answer() -> None:
    world = with_resolver(asking(IN_HUB, AZURE_DNS))
    world = w.with_vnet(world, w.HUB_VNET, peerings=(w.peering(w.AKS_VNET, "10.1.0.0/16"),))
    assert told(w.judge(world), "which does not answer")


def test_missing_link_is_certain_only_without_a_forwarding_ruleset() -> None:
    verdict = w.judge(asking(linked=(w.HUB_VNET,)))
    assert (verdict.codes[0], verdict.answer) == (C.DNS_ZONE_NOT_LINKED, U)
    assert told(verdict, "no DNS forwarding ruleset is linked to vnet-mon")


def test_missing_link_is_uncertain_where_there_is_a_resolver() -> None:
    verdict = w.judge(with_resolver(asking(linked=(w.HUB_VNET,))))
    assert (verdict.codes[0], verdict.answer) == (C.DNS_ZONE_NOT_LINKED, A)
    assert told(verdict, "a DNS forwarding ruleset that is linked to vnet-mon")


def test_linked_zone_goes_before_a_forwarding_ruleset() -> None:
    verdict = w.judge(with_resolver(asking()))
    assert (verdict.codes[0], verdict.answer) == (C.DNS_RESOLVED, R)
    assert not told(verdict, "ruleset")


# Zones


def other_zone(name: str, **records: str) -> Zone:
    zone_id = w.group("rg-dns").resource("Microsoft.Network/privateDnsZones", name)
    link = Link(
        id=zone_id.child("virtualNetworkLinks", "mon"),
        vnet=w.VM_VNET,
        provisioning_state="Succeeded",
        link_state="Completed",
        ours=False,
    )
    return Zone(id=zone_id, links=(link,), records={key: (IPv4Address(text),) for key, text in records.items()})


def seeing(*zones: Zone, linked: tuple[ResourceId, ...] = ()) -> Verdict:
    world = w.with_links(w.good_world(), *linked)
    return w.judge(replace(world, zones=(*world.zones, *zones)))


PARENT = "privatelink.westeurope.azmk8s.io"


def test_longest_zone_name_answers_whatever_the_shorter_one_says() -> None:
    wrong = other_zone(PARENT, **{f"demo.{w.GUID}": "10.9.9.9"})
    assert seeing(wrong, linked=(w.VM_VNET, w.HUB_VNET)).codes[0] is C.DNS_RESOLVED


def test_zone_that_only_ends_alike_does_not_answer() -> None:
    assert seeing(other_zone(f"x{PARENT[1:]}"), linked=(w.HUB_VNET,)).codes[0] is C.DNS_ZONE_NOT_LINKED


@pytest.mark.parametrize(
    ("records", "code"),
    [
        ({"*": "10.1.8.4"}, C.DNS_RESOLVED),
        ({"*": "10.9.9.9"}, C.ADDRESS_STALE),
        ({f"*.{w.GUID}": "10.1.8.4", "*": "10.9.9.9"}, C.DNS_RESOLVED),
        ({f"other.{w.GUID}": "10.9.9.9", "*": "10.1.8.4"}, C.DNS_OVERLAPPING_ZONE),
        ({f"demo.{w.GUID}": "10.1.8.4", "*": "10.9.9.9"}, C.DNS_RESOLVED),
    ],
)
def test_wildcard_answers_for_names_that_have_no_nearer_neighbour(records: dict[str, str], code: ReachCode) -> None:
    assert seeing(other_zone(PARENT, **records)).codes[0] is code


def test_public_name_is_hidden_by_a_linked_zone_without_it() -> None:
    world = w.with_cluster(w.good_world(zones=(other_zone("hcp.westeurope.azmk8s.io"),)), zone_mode="none")
    world = w.with_cluster(world, private_fqdn=None)
    world = replace(world, clusters={w.CLUSTER: replace(world.clusters[w.CLUSTER], zone=None)})
    verdict = w.judge(world)
    assert (verdict.codes[0], dns(verdict).outcome) == (C.DNS_OVERLAPPING_ZONE, Outcome.BLOCKED)


def test_stopped_cluster_is_unreachable_with_and_without_a_name() -> None:
    for name in ({}, {"private_fqdn": None}):
        verdict = w.judge(w.with_cluster(w.good_world(), power_state="Stopped", **name))
        assert (verdict.codes[-1], verdict.answer) == (C.CLUSTER_STOPPED, U)
