"""What a sync says about the policy around our groups: hidden rules, egress, limits; and our second group."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from local.azure.seed.bodies import rule_group_body
from local.azure.seed.contoso import policy_body
from shared.firewall.effective import EffectivePolicy
from shared.firewall.inspection import Fleet, Inspector, judge
from shared.firewall.wire import parse_policy
from shared.firewall.writer import SyncResult
from shared.model.resource_id import ResourceId
from shared.model.world import VirtualNetwork
from shared.plan.finding import Finding
from tests.app.conftest import Contoso
from tests.firewall_writer.helpers import (
    addresses,
    codes,
    edit_by_hand,
    enforced,
    firewall_writes,
    group_id,
    register,
    sync,
)

EGRESS = "rcg-aks-egress"


def deny(contoso: Contoso, policy: str, sources: list[str], *, ip_groups: list[str] | None = None) -> None:
    rule = {
        "ruleType": "NetworkRule",
        "name": "no-lateral-movement",
        "ipProtocols": ["TCP"],
        "sourceAddresses": sources,
        "sourceIpGroups": ip_groups or [],
        "destinationAddresses": ["10.1.0.0/16"],
        "destinationPorts": ["*"],
    }
    body = rule_group_body(150, rule, name="deny-all", action="Deny")
    contoso.put(f"{policy}/ruleCollectionGroups/rcg-security", body, wait=300)


async def test_deny_that_hides_our_allow_is_named(contoso: Contoso) -> None:
    deny(contoso, contoso.seed["firewall_policy"], ["10.2.0.0/24"])
    await register(contoso, [1])
    done = await sync(contoso)
    assert done.writes == 1
    (finding,) = [item for item in done.findings if item.code == "FIREWALL_RULE_SHADOWED"]
    assert "fp-hub/rcg-security/deny-all/no-lateral-movement (Deny)" in finding.message
    assert finding.cluster is not None
    assert finding.cluster.name == "aks-001"


async def test_deny_of_the_parent_policy_and_in_an_ip_group_is_named_too(contoso: Contoso) -> None:
    base = contoso.seed["firewall_policy"].replace("fp-hub", "fp-base")
    contoso.put(base, policy_body())
    group = base.replace("firewallPolicies/fp-base", "ipGroups/ig-monitoring")
    contoso.put(group, {"location": "westeurope", "properties": {"ipAddresses": ["10.2.0.0/16"]}}, wait=60)
    deny(contoso, base, [], ip_groups=[group])
    contoso.put(contoso.seed["firewall_policy"], policy_body(base=base), wait=300)
    await register(contoso, [1])
    done = await sync(contoso)
    (finding,) = [item for item in done.findings if item.code == "FIREWALL_RULE_SHADOWED"]
    assert "fp-base/rcg-security/deny-all" in finding.message


async def test_policy_is_read_whole_only_when_it_changed(contoso: Contoso) -> None:
    await register(contoso, [1])
    await sync(contoso)
    await sync(contoso)

    def lists() -> int:
        return sum(item.path.endswith("/ruleCollectionGroups") for item in contoso.azure.requests)

    before = lists()
    again = await sync(contoso)
    assert (again.findings, lists()) == ((), before)
    deny(contoso, contoso.seed["firewall_policy"], ["*"])
    found = await sync(contoso)
    assert (found.result, found.writes) == (SyncResult.UNCHANGED, 0)
    assert codes(found) == ["FIREWALL_RULE_SHADOWED"]
    assert lists() == before + 1


async def test_event_of_the_policy_asks_for_a_sync_and_our_own_echo_writes_nothing(contoso: Contoso) -> None:
    await register(contoso, [1])
    await sync(contoso)
    edit_by_hand(contoso, lambda properties: properties["ruleCollections"][0]["rules"].clear())
    report = await contoso.look_at(group_id(contoso))
    assert report.asked_for_sync
    repaired = await sync(contoso)
    assert (repaired.writes, codes(repaired)) == (1, ["FIREWALL_GROUP_EDITED"])
    writes = firewall_writes(contoso)
    assert (await contoso.look_at(group_id(contoso))).asked_for_sync
    assert (await sync(contoso)).result is SyncResult.UNCHANGED
    assert firewall_writes(contoso) == writes


async def test_event_of_another_policy_is_nobody_s_business(contoso: Contoso) -> None:
    other = contoso.seed["firewall_policy"].replace("fp-hub", "fp-other")
    assert not (await contoso.look_at(f"{other}/ruleCollectionGroups/any")).asked_for_sync


async def _with_subnets(contoso: Contoso) -> None:
    contoso.make_node_subnet()
    await register(contoso, [1], subnets=(ResourceId.parse(contoso.spoke["node_subnet"]),))


def _forget_platform_egress(contoso: Contoso) -> None:
    body = contoso.get(contoso.seed["platform_group"])
    collections = [item for item in body["properties"]["ruleCollections"] if item["name"] != "platform-application"]
    properties = {"priority": 200, "ruleCollections": collections}
    contoso.put(contoso.seed["platform_group"], {"properties": properties}, wait=300)


async def test_egress_group_is_off_by_default_and_missing_egress_is_told(contoso: Contoso) -> None:
    await _with_subnets(contoso)
    assert codes(await sync(contoso)) == []
    _forget_platform_egress(contoso)
    done = await sync(contoso)
    assert codes(done) == ["FIREWALL_EGRESS_MISSING"]
    assert str(done.findings[0].resource).endswith("/subnets/aks-nodes")
    assert enforced(contoso, EGRESS) == {}


async def test_egress_group_allows_the_tag_and_time_by_name(contoso: Contoso) -> None:
    _forget_platform_egress(contoso)
    await _with_subnets(contoso)
    app = contoso.app_with(firewall_egress_group=EGRESS)
    done = await sync(contoso, app)
    assert (done.writes, codes(done)) == (2, [])
    assert addresses(contoso) == {"10.1.4.1"}
    assert sorted(enforced(contoso, EGRESS)) == ["aks-fqdn-tag", "aks-time"]
    collections = contoso.get(group_id(contoso, EGRESS))["properties"]["ruleCollections"]
    assert {tuple(rule["sourceAddresses"]) for item in collections for rule in item["rules"]} == {("10.1.4.0/22",)}
    again = await sync(contoso, app)
    assert (again.result, again.writes) == (SyncResult.UNCHANGED, 0)
    refused = [item for item in contoso.azure.requests if item.method == "PUT" and item.status >= 400]
    assert refused == []


async def test_without_dns_proxy_time_is_not_allowed_by_name_but_told(contoso: Contoso) -> None:
    contoso.put(contoso.seed["firewall_policy"], policy_body(proxy=False), wait=300)
    await _with_subnets(contoso)
    done = await sync(contoso, contoso.app_with(firewall_egress_group=EGRESS))
    assert sorted(enforced(contoso, EGRESS)) == ["aks-fqdn-tag"]
    assert codes(done) == ["FIREWALL_DNS_PROXY_OFF"]
    assert done.findings[0].severity == "warning"


async def test_dns_proxy_of_the_parent_counts(contoso: Contoso) -> None:
    base = contoso.seed["firewall_policy"].replace("fp-hub", "fp-base")
    contoso.put(base, policy_body(proxy=True))
    contoso.put(contoso.seed["firewall_policy"], policy_body(proxy=False, base=base), wait=300)
    await _with_subnets(contoso)
    done = await sync(contoso, contoso.app_with(firewall_egress_group=EGRESS))
    assert sorted(enforced(contoso, EGRESS)) == ["aks-fqdn-tag", "aks-time"]
    assert codes(done) == []


async def test_subnet_that_cannot_be_read_keeps_its_egress(contoso: Contoso) -> None:
    await _with_subnets(contoso)
    await sync(contoso, contoso.app_with(firewall_egress_group=EGRESS))
    fresh = contoso.app_with(firewall_egress_group=EGRESS)
    contoso.azure.faults.add(
        {
            "kind": "status",
            "method": "GET",
            "path": "vnet-spoke-1$",
            "status": 404,
            "code": "ResourceNotFound",
            "count": 9,
        }
    )
    assert (await sync(contoso, fresh)).writes == 0
    assert sorted(enforced(contoso, EGRESS)) == ["aks-fqdn-tag", "aks-time"]


async def _judged(contoso: Contoso, *, zones: int = 0, **fleet: Any) -> list[Finding]:
    """What is found with so many zones in the registry, and with what a sweep knows of the fleet."""
    snapshot = await contoso.app.firewall_writer._targets.read()
    wire: Any = await contoso.app.reader.firewall_policy(contoso.app.settings.firewall_policy_id)
    effective = EffectivePolicy(policy=parse_policy(wire, []))
    return judge(effective, replace(snapshot, zones=zones), contoso.app.settings, fleet=Fleet(**fleet))


@pytest.mark.parametrize(("rows", "expected"), [(790, []), (801, ["vnet-hub", "vnet-monitoring"])])
async def test_zones_are_told_before_hub_and_monitoring_vnets_are_full(
    contoso: Contoso, rows: int, expected: list[str]
) -> None:
    found = await _judged(contoso, zones=rows)
    assert sorted(finding.resource.name for finding in found) == expected
    assert {str(finding.code) for finding in found} <= {"LIMIT_NEAR"}


async def test_other_private_zones_that_a_sweep_sees_count(contoso: Contoso) -> None:
    hub = ResourceId.parse(contoso.seed["hub_vnet"])
    (finding,) = await _judged(contoso, zones=20, zones_of={hub: 950})
    assert (finding.resource, finding.message) == (hub, "950 of 1,000 private DNS zones on the VNet are used.")
    assert await _judged(contoso, zones=20, zones_of={hub: 30}) == []
    many = await _judged(contoso, zones=900, zones_of={hub: 30})  # Resource Graph lags, or does not see everything
    assert {"900 of 1,000" in finding.message for finding in many} == {True}


async def test_peerings_of_the_hub_are_told_before_it_is_full(contoso: Contoso) -> None:
    snapshot = await contoso.app.firewall_writer._targets.read()
    wire: Any = await contoso.app.reader.firewall_policy(contoso.app.settings.firewall_policy_id)
    (side, *_) = snapshot.hub.vnet.peerings
    full = replace(snapshot.hub, vnet=replace(snapshot.hub.vnet, peerings=(side,) * 450))
    policy = EffectivePolicy(policy=parse_policy(wire, []))
    (finding,) = judge(policy, replace(snapshot, hub=full), contoso.app.settings)
    assert finding.message == "450 of 500 peerings of the VNet are used."


def _ask_the_firewall(contoso: Contoso, vnet: str, *servers: str) -> None:
    body = contoso.get(vnet)
    kept = {key: body["properties"][key] for key in ("addressSpace", "subnets", "virtualNetworkPeerings")}
    dns = {"dhcpOptions": {"dnsServers": list(servers or (contoso.seed["firewall_private_ip"],))}}
    contoso.put(vnet, {"location": body["location"], "properties": {**kept, **dns}})


async def test_monitoring_that_asks_a_firewall_without_dns_proxy_is_an_error(contoso: Contoso) -> None:
    _ask_the_firewall(contoso, contoso.seed["monitoring_vnet"])
    assert codes(await sync(contoso)) == []
    contoso.put(contoso.seed["firewall_policy"], policy_body(proxy=False), wait=300)
    contoso.azure.clock.advance(30)
    (finding,) = (await sync(contoso)).findings
    assert (finding.code, finding.severity) == ("FIREWALL_DNS_PROXY_NEEDED", "error")
    assert "vnet-monitoring" in finding.message


async def test_spokes_count_where_a_sweep_hands_them_in_and_they_are_peered_with_the_hub(contoso: Contoso) -> None:
    _ask_the_firewall(contoso, contoso.spoke["vnet"])
    contoso.put(contoso.seed["firewall_policy"], policy_body(proxy=False), wait=300)
    spoke = await contoso.app.reader.virtual_network(ResourceId.parse(contoso.spoke["vnet"]))
    assert spoke is not None
    inspector = Inspector(contoso.app.reader, contoso.app.settings, contoso.app.clock)
    snapshot = await contoso.app.firewall_writer._targets.read()

    async def found(*vnets: VirtualNetwork) -> list[str]:
        return [str(item.code) for item in await inspector.inspect(snapshot, changed=True, fleet=Fleet(vnets=vnets))]

    stranger = replace(spoke, id=ResourceId.parse(contoso.spoke["vnet"] + "-stranger"))
    assert (await found(), await found(stranger)) == ([], [])
    assert await found(spoke) == ["FIREWALL_DNS_PROXY_NEEDED"]


async def test_appliance_of_another_maker_may_answer_dns(contoso: Contoso) -> None:
    """FIREWALL_PRIVATE_IP may be an appliance in front of which the policy says nothing."""
    _ask_the_firewall(contoso, contoso.seed["monitoring_vnet"], "10.0.1.99")
    contoso.put(contoso.seed["firewall_policy"], policy_body(proxy=False), wait=300)
    contoso.azure.clock.advance(30)
    assert codes(await sync(contoso, contoso.app_with(firewall_private_ip="10.0.1.99"))) == []
    _ask_the_firewall(contoso, contoso.seed["monitoring_vnet"])
    contoso.azure.clock.advance(30)
    same = contoso.app_with(firewall_private_ip=contoso.seed["firewall_private_ip"])
    assert codes(await sync(contoso, same)) == ["FIREWALL_DNS_PROXY_NEEDED"]


async def test_report_mode_writes_neither_group(contoso: Contoso) -> None:
    await _with_subnets(contoso)
    done = await sync(contoso, contoso.app_with(firewall_egress_group=EGRESS, mode_api_rules="report"))
    assert (done.result, done.writes) == (SyncResult.REPORTED, 0)
    assert firewall_writes(contoso) == 0
