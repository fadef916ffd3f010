"""Firewall policies and rule collection groups of the local Azure, through the real SDK."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.network.aio import NetworkManagementClient

from local.azure.firewall.models import effective_groups, effective_ip_group
from tests.local_azure.conftest import GROUP, Lab, make_vnet
from tests.local_azure.test_virtual_networks import code_of

POLICY = "policy"


def rule(name: str = "aks-one", **more: Any) -> dict[str, Any]:
    return {
        "ruleType": "NetworkRule",
        "name": name,
        "ipProtocols": ["TCP"],
        "sourceAddresses": ["10.50.0.0/24"],
        "destinationAddresses": ["10.20.1.4"],
        "destinationPorts": ["443"],
        **more,
    }


def collection(name: str = "allow-api", priority: int = 1000, rules: list[Any] | None = None) -> dict[str, Any]:
    return {
        "ruleCollectionType": "FirewallPolicyFilterRuleCollection",
        "name": name,
        "priority": priority,
        "action": {"type": "Allow"},
        "rules": [rule()] if rules is None else rules,
    }


def group(priority: int = 400, *collections: dict[str, Any]) -> dict[str, Any]:
    return {"properties": {"priority": priority, "ruleCollections": list(collections) or [collection()]}}


async def make_policy(client: NetworkManagementClient, name: str = POLICY, **properties: Any) -> Any:
    body = {"location": "westeurope", "properties": properties}
    return await (await client.firewall_policies.begin_create_or_update(GROUP, name, body)).result()


async def make_firewall(lab: Lab, client: NetworkManagementClient, policy: str = POLICY) -> Any:
    await make_vnet(client, "hub", "10.0.0.0/16", {"AzureFirewallSubnet": "10.0.1.0/26"})
    subnet = lab.id("virtualNetworks", "hub") + "/subnets/AzureFirewallSubnet"
    body = {
        "location": "westeurope",
        "properties": {
            "ipConfigurations": [{"name": "ip", "properties": {"subnet": {"id": subnet}}}],
            "firewallPolicy": {"id": lab.id("firewallPolicies", policy)},
        },
    }
    return await (await client.azure_firewalls.begin_create_or_update(GROUP, "fw", body)).result()


async def begin_group(client: NetworkManagementClient, name: str, body: Any, policy: str = POLICY, **more: Any) -> Any:
    groups = client.firewall_policy_rule_collection_groups
    return await groups.begin_create_or_update(GROUP, policy, name, body, **more)


async def put_group(client: NetworkManagementClient, name: str, body: Any, policy: str = POLICY) -> Any:
    return await (await begin_group(client, name, body, policy)).result()


async def get_group(client: NetworkManagementClient, name: str, policy: str = POLICY) -> Any:
    return await client.firewall_policy_rule_collection_groups.get(GROUP, policy, name)


async def test_put_overwrites_the_whole_group(client: NetworkManagementClient) -> None:
    await make_policy(client)
    await put_group(client, "rcg", group(400, collection("a", 100), collection("b", 200)))
    await put_group(client, "rcg", group(400, collection("c", 100)))
    left = (await get_group(client, "rcg")).as_dict()["properties"]["ruleCollections"]
    assert [item["name"] for item in left] == ["c"]


async def test_unknown_fields_survive(client: NetworkManagementClient) -> None:
    await make_policy(client, somethingNewer={"a": 1}, dnsSettings={"enableProxy": True})
    newer = group(400, collection("a", 100, [rule(sourceKubeSelectorGroups=["team"])]))
    newer["properties"]["somethingNewer"] = True
    await put_group(client, "rcg", newer)
    kept = (await get_group(client, "rcg")).as_dict()["properties"]
    assert kept["somethingNewer"] is True
    assert kept["ruleCollections"][0]["rules"][0]["sourceKubeSelectorGroups"] == ["team"]
    policy = (await client.firewall_policies.get(GROUP, POLICY)).as_dict()["properties"]
    assert policy["somethingNewer"] == {"a": 1}
    assert policy["dnsSettings"] == {"enableProxy": True}


async def test_second_write_while_busy_is_400_with_either_code(lab: Lab, client: NetworkManagementClient) -> None:
    await make_policy(client)
    await make_policy(client, "child", basePolicy={"id": lab.id("firewallPolicies", POLICY)})
    lab.azure.latencies.firewall_policy_unattached = 1e6
    await begin_group(client, "rcg", group(), polling=False)
    codes = set()
    for name, policy in (("rcg", POLICY), ("other", POLICY), ("inherited", "child")):
        with pytest.raises(HttpResponseError) as refused:
            await begin_group(client, name, group(500), policy)
        assert refused.value.status_code == 400
        codes.add(code_of(refused))
    with pytest.raises(HttpResponseError) as refused:
        await client.firewall_policies.begin_create_or_update(GROUP, POLICY, {"location": "westeurope"})
    codes.add(code_of(refused))
    stem = "FirewallPolicyRuleCollectionGroupUpdateNotAllowed"
    assert codes == {stem, f"{stem}WhenUpdatingOrDeleting"}
    assert (await client.firewall_policies.get(GROUP, POLICY)).provisioning_state == "Updating"


async def test_new_body_shows_at_once_but_firewalls_enforce_the_old_one_until_the_end(
    lab: Lab, client: NetworkManagementClient
) -> None:
    await make_policy(client)
    await make_firewall(lab, client)
    await put_group(client, "rcg", group(400, collection("old")))
    lab.azure.latencies.firewall_policy = 1e6
    await begin_group(client, "rcg", group(400, collection("new")), polling=False)
    shown = await get_group(client, "rcg")
    assert shown.provisioning_state == "Updating"
    assert shown.rule_collections[0].name == "new"
    policy_id = lab.id("firewallPolicies", POLICY)
    assert [item["ruleCollections"][0]["name"] for item in effective_groups(lab.azure, policy_id)] == ["old"]
    lab.azure.clock.advance(1e6)
    assert [item["ruleCollections"][0]["name"] for item in effective_groups(lab.azure, policy_id)] == ["new"]


async def test_update_takes_minutes_only_with_a_firewall_on_the_policy_or_below_it(
    lab: Lab, client: NetworkManagementClient
) -> None:
    lab.azure.latencies.firewall_policy = 200.0
    await make_policy(client)
    await make_policy(client, "child", basePolicy={"id": lab.id("firewallPolicies", POLICY)})

    async def seconds() -> float:
        started = lab.azure.clock.seconds()
        await put_group(client, "rcg", group())
        return lab.azure.clock.seconds() - started

    assert await seconds() < 200.0
    await make_firewall(lab, client, "child")
    assert await seconds() >= 200.0


async def test_failed_update_leaves_policy_and_group_failed_until_another_put(
    lab: Lab, client: NetworkManagementClient
) -> None:
    await make_policy(client)
    await put_group(client, "rcg", group(400, collection("old")))
    message = "Put on Firewall Policy policy Failed with 1 faulted referenced firewalls"
    fault = {"kind": "operation_failed", "path": "ruleCollectionGroups/rcg", "code": "FirewallPolicyUpdateFailed"}
    lab.azure.faults.add({**fault, "message": message})
    with pytest.raises(HttpResponseError) as failed:
        await put_group(client, "rcg", group(400, collection("new")))
    assert "FirewallPolicyUpdateFailed" in str(failed.value)

    async def states() -> tuple[Any, Any]:
        policy = await client.firewall_policies.get(GROUP, POLICY)
        return policy.provisioning_state, (await get_group(client, "rcg")).provisioning_state

    assert await states() == ("Failed", "Failed")
    enforced = effective_groups(lab.azure, lab.id("firewallPolicies", POLICY))
    assert enforced[0]["ruleCollections"][0]["name"] == "old"
    await put_group(client, "rcg", group(400, collection("new")))
    assert await states() == ("Succeeded", "Succeeded")


async def test_priority_of_a_group_is_unique_in_its_policy(client: NetworkManagementClient) -> None:
    await make_policy(client)
    await put_group(client, "one", group(400))
    with pytest.raises(HttpResponseError) as refused:
        await put_group(client, "two", group(400))
    assert code_of(refused) == "FirewallPolicyRuleCollectionGroupDuplicatePriority"


BAD_RULES: dict[str, dict[str, Any]] = {
    "FirewallPolicyRuleIpProtocolsMissing": {"ipProtocols": []},
    "FirewallPolicyRuleSourceMissing": {"sourceAddresses": []},
    "FirewallPolicyRuleDestinationMissing": {"destinationAddresses": []},
    "FirewallPolicyRuleInvalidIpAddressFormat": {"sourceAddresses": ["10.0.0.9-10.0.0.1"]},
    "FirewallPolicyRuleDestinationPortsMissing": {"destinationPorts": []},
    "FirewallPolicyRuleInvalidPort": {"destinationPorts": ["443-80"]},
    "FirewallPolicyRuleInvalidFqdnFormat": {"destinationFqdns": ["*.example.com"]},
    "InvalidRequestFormat": {"ipProtocols": ["GRE"]},
    "InvalidResourceReference": {"sourceIpGroups": ["/subscriptions/none"]},
}


@pytest.mark.parametrize("code", BAD_RULES)
async def test_senseless_rule_is_refused_and_changes_nothing(client: NetworkManagementClient, code: str) -> None:
    await make_policy(client)
    await put_group(client, "rcg", group())
    before = (await get_group(client, "rcg")).as_dict()
    with pytest.raises(HttpResponseError) as refused:
        await put_group(client, "rcg", group(400, collection(rules=[rule(**BAD_RULES[code])])))
    assert (refused.value.status_code, code_of(refused)) == (400, code)
    assert (await get_group(client, "rcg")).as_dict() == before


@pytest.mark.parametrize(
    ("collections", "code"),
    [
        ([collection("a", 100), collection("b", 100)], "FirewallPolicyRuleDuplicateRuleCollectionPriority"),
        ([collection("a", 100), collection("A", 200)], "FirewallPolicyRuleDuplicateRuleCollectionName"),
        ([collection("a" * 81, 100)], "FirewallPolicyRuleInvalidRuleCollectionName"),
        ([collection("a", 99)], "FirewallPolicyRuleInvalidPriority"),
        ([collection("a", 100, [rule("x"), rule("X")])], "FirewallPolicyRuleDuplicateRuleName"),
    ],
)
async def test_senseless_collections_are_refused(
    client: NetworkManagementClient, collections: list[dict[str, Any]], code: str
) -> None:
    await make_policy(client)
    with pytest.raises(HttpResponseError) as refused:
        await put_group(client, "rcg", group(400, *copy.deepcopy(collections)))
    assert (refused.value.status_code, code_of(refused)) == (400, code)


async def test_firewall_tells_its_address_and_its_policy_in_another_case(
    lab: Lab, client: NetworkManagementClient
) -> None:
    await make_policy(client)
    firewall = await make_firewall(lab, client)
    assert firewall.ip_configurations[0].private_ip_address == "10.0.1.4"
    policy_id = lab.id("firewallPolicies", POLICY)
    assert firewall.firewall_policy.id != policy_id
    assert firewall.firewall_policy.id.lower() == policy_id.lower()
    policy = await client.firewall_policies.get(GROUP, POLICY)
    assert [item.id for item in policy.firewalls or []] == [firewall.id]


async def test_if_match_counts_only_when_told(lab: Lab, client: NetworkManagementClient) -> None:
    await make_policy(client)
    await put_group(client, "rcg", group())
    stale = {"headers": {"If-Match": 'W/"stale"'}}
    await (await begin_group(client, "rcg", group(), **stale)).result()
    lab.azure.firewall_if_match = True
    with pytest.raises(HttpResponseError) as refused:
        await begin_group(client, "rcg", group(), **stale)
    assert refused.value.status_code == 412


async def test_parallel_ip_group_writes_of_one_policy_fail(lab: Lab, client: NetworkManagementClient) -> None:
    await make_policy(client)
    ids = []
    for name in ("one", "two"):
        body = {"location": "westeurope", "properties": {"ipAddresses": ["10.1.0.0/24"]}}
        ids.append((await (await client.ip_groups.begin_create_or_update(GROUP, name, body)).result()).id)
    await put_group(client, "rcg", group(400, collection(rules=[rule(sourceIpGroups=ids)])))
    lab.azure.latencies.ip_group = 400.0
    body = {"location": "westeurope", "properties": {"ipAddresses": ["10.2.0.0/24"]}}
    first = await client.ip_groups.begin_create_or_update(GROUP, "one", body)
    second = await client.ip_groups.begin_create_or_update(GROUP, "two", body)
    with pytest.raises(HttpResponseError) as failed:
        await second.result()
    assert "IpGroupsUpdateFailed" in str(failed.value)
    await first.result()
    assert effective_ip_group(lab.azure, ids[0]) == ["10.2.0.0/24"]
    assert effective_ip_group(lab.azure, ids[1]) == ["10.1.0.0/24"]
