"""VNets that ask the firewall for names get answers only while its DNS proxy is on."""

from dataclasses import replace

import pytest

from shared.firewall.egress import unanswered
from shared.plan.finding import Code, Severity
from tests.builders import FIREWALL, HUB_ID, MONITORING_ID, POLICY_ID, SPOKE_ID, vnet

from .builders import policy

ASKS = {"dns_servers": (str(FIREWALL),)}


def found(*vnets, address=FIREWALL, **values):
    return unanswered(replace(policy(**values), id=str(POLICY_ID)), vnets, address)


def test_vnets_that_ask_a_firewall_without_dns_proxy_are_one_error_that_names_them():
    [finding] = found(vnet(SPOKE_ID, **ASKS), vnet(MONITORING_ID, **ASKS), vnet(HUB_ID))

    assert (finding.code, finding.severity) == (Code.FIREWALL_DNS_PROXY_NEEDED, Severity.ERROR)
    assert finding.resource == POLICY_ID
    assert "vnet-monitoring, vnet-spoke-1" in finding.message
    assert "vnet-hub" not in finding.message
    assert "Expected enableProxy true; found false." in finding.message
    assert f"az network firewall policy update --ids {POLICY_ID} --enable-dns-proxy true" in finding.fix


def test_vnet_with_other_servers_beside_the_firewall_counts():
    assert found(vnet(SPOKE_ID, dns_servers=("10.9.9.9", str(FIREWALL))))


def test_vnet_named_twice_is_named_once():
    [finding] = found(vnet(SPOKE_ID, **ASKS), vnet(SPOKE_ID, **ASKS))

    assert finding.message.count("vnet-spoke-1") == 1


@pytest.mark.parametrize(
    "fine",
    [{"dns_proxy_enabled": True}, {"base": policy(name="base", dns_proxy_enabled=True)}, {"address": None}],
    ids=["proxy on", "proxy of the parent", "no firewall"],
)
def test_proxy_that_is_on_and_no_firewall_are_no_finding(fine):
    assert found(vnet(SPOKE_ID, **ASKS), **fine) == []


@pytest.mark.parametrize("servers", [(), ("168.63.129.16",), ("10.0.1.99",)], ids=["default", "Azure DNS", "another"])
def test_vnets_that_ask_others_are_no_finding(servers):
    assert found(vnet(SPOKE_ID, dns_servers=servers)) == []


def test_many_vnets_are_named_in_short():
    spokes = [vnet(SPOKE_ID.parent.resource(SPOKE_ID.type, f"vnet-{n:02d}"), **ASKS) for n in range(14)]
    [finding] = found(*spokes)

    assert finding.message.startswith("14 VNets")
    assert "vnet-09 and 4 more" in finding.message
