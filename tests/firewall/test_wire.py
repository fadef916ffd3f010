"""Policies as Resource Manager returns them."""

import pytest

from shared.firewall.evaluate import evaluate
from shared.firewall.policy import ApplicationRule, NatRule, NetworkRule, UnknownRule
from shared.firewall.wire import parse_ip_group, parse_policy, parse_rule_collection_group

from .builders import flow

HUB = "/subscriptions/hub/resourceGroups/net/providers/Microsoft.Network/firewallPolicies/hub"
PARENT = HUB.replace("policies/hub", "policies/parent").replace("Policies/hub", "Policies/parent")
NETWORK = {
    "ruleType": "NetworkRule",
    "name": "aks-1",
    "ipProtocols": ["TCP"],
    "sourceAddresses": ["10.50.0.0/24"],
    "sourceIpGroups": [],
    "destinationAddresses": ["10.20.1.4"],
    "destinationIpGroups": [],
    "destinationFqdns": [],
    "destinationPorts": ["443"],
}


def rcg(*rules, action="Allow", name="ours", **collection):
    body = {
        "ruleCollectionType": "FirewallPolicyFilterRuleCollection",
        "name": "allow-aks-api",
        "priority": 1000,
        "action": {"type": action},
        "rules": list(rules),
    }
    return {
        "id": f"{HUB}/ruleCollectionGroups/{name}",
        "name": name,
        "properties": {"priority": 400, "ruleCollections": [body | collection]},
    }


def hub(groups=(), **properties):
    return {"id": HUB, "name": "hub", "properties": {"threatIntelMode": "Alert", **properties}}


def rules_of(body):
    return parse_rule_collection_group(body).collections[0].rules


def test_a_policy_is_read_with_its_groups_and_dns():
    body = hub(
        dnsSettings={"servers": ["10.0.0.10"], "enableProxy": True},
        ruleCollectionGroups=[{"id": f"{HUB}/ruleCollectionGroups/ours".upper()}],
    )
    policy = parse_policy(body, [rcg(NETWORK)])
    assert (policy.id, policy.base, policy.threat_intel_mode) == (HUB, None, "Alert")
    assert (policy.dns_proxy_enabled, policy.dns_servers) == (True, ("10.0.0.10",))
    (group,) = policy.groups
    assert (group.name, group.priority) == ("ours", 400)
    assert (group.collections[0].priority, group.collections[0].action) == (1000, "Allow")
    assert evaluate(policy, flow(), {}).verdict == "allowed"


def test_a_network_rule_is_read_whole():
    assert rules_of(rcg(NETWORK)) == (
        NetworkRule(
            name="aks-1",
            protocols=("TCP",),
            source_addresses=("10.50.0.0/24",),
            destination_addresses=("10.20.1.4",),
            destination_ports=("443",),
        ),
    )


def test_an_application_rule_is_read_whole():
    (rule,) = rules_of(
        rcg(
            {
                "ruleType": "ApplicationRule",
                "name": "web",
                "protocols": [{"protocolType": "Https", "port": 443}],
                "targetFqdns": ["*.example"],
                "fqdnTags": ["AzureKubernetesService"],
                "terminateTLS": False,
                "sourceAddresses": ["*"],
            }
        )
    )
    assert isinstance(rule, ApplicationRule)
    assert (rule.protocols[0].type, rule.protocols[0].port) == ("Https", 443)
    assert (rule.target_fqdns, rule.fqdn_tags) == (("*.example",), ("AzureKubernetesService",))
    assert rule.unknown_fields == ()


def test_a_nat_rule_is_read_whole():
    fields = {"translatedAddress": "10.20.1.4", "translatedPort": "443"}
    (rule,) = rules_of(rcg(NETWORK | {"ruleType": "NatRule"} | fields, action="DNAT"))
    assert isinstance(rule, NatRule)
    assert (rule.translated_address, rule.translated_port) == ("10.20.1.4", "443")


@pytest.mark.parametrize(
    ("action", "read"), [("allow", "Allow"), ("DENY", "Deny"), ("DNAT", "Dnat"), ("Audit", "Unknown")]
)
def test_actions_are_read_without_case(action, read):
    assert parse_rule_collection_group(rcg(action=action)).collections[0].action == read


@pytest.mark.parametrize("body", [{"name": "x", "ruleType": "GeoRule"}, {"name": "x"}, {}, "nonsense", None])
def test_a_rule_that_is_not_understood_is_kept_as_unknown(body):
    (rule,) = rules_of(rcg(body))
    assert isinstance(rule, UnknownRule)


def test_a_field_that_is_not_understood_is_kept_if_it_says_something():
    (rule,) = rules_of(rcg(NETWORK | {"sourceGeoLocations": ["NL"], "sourceKubeSelectorGroups": []}))
    assert rule.unknown_fields == ("sourceGeoLocations",)


def test_a_missing_side_makes_the_answer_ambiguous():
    body = {key: value for key, value in NETWORK.items() if not key.startswith("source")}
    policy = parse_policy(hub(), [rcg(body)])
    assert evaluate(policy, flow(), {}).verdict == "ambiguous"


@pytest.mark.parametrize(
    "body",
    [
        rcg(rules=None),
        rcg(NETWORK, priority=None),
        {"name": "ours", "id": "x", "properties": {"priority": 400}},
        {"name": "ours", "id": "x"},
    ],
    ids=["no rules", "no priority", "no collections", "no properties"],
)
def test_a_group_with_missing_pieces_is_kept_as_unknown(body):
    decision = evaluate(parse_policy(hub(), [body]), flow(), {})
    assert decision.verdict == "ambiguous"
    assert len(decision.unknowns) == 1


def test_a_group_that_the_policy_names_but_was_not_read_is_kept_as_unknown():
    body = hub(ruleCollectionGroups=[{"id": f"{HUB}/ruleCollectionGroups/security"}])
    policy = parse_policy(body, [rcg(NETWORK)])
    assert [each.name for each in policy.groups] == ["ours", "security"]
    assert evaluate(policy, flow(), {}).verdict == "ambiguous"


def test_groups_that_could_not_be_read_make_every_answer_ambiguous():
    assert evaluate(parse_policy(hub(), None), flow(), {}).verdict == "ambiguous"


def test_a_parent_that_was_not_read_makes_the_answer_ambiguous():
    policy = parse_policy(hub(basePolicy={"id": PARENT}), [rcg(NETWORK)])
    decision = evaluate(policy, flow(), {})
    assert decision.verdict == "ambiguous"
    assert "the parent policy was not read" in decision.reason
    assert decision.unknowns[0].policy_id == PARENT


def test_a_parent_that_was_read_is_used():
    parent = parse_policy({"id": PARENT.upper(), "properties": {}}, [rcg(NETWORK, action="Deny")])
    policy = parse_policy(hub(basePolicy={"id": PARENT}), [rcg(NETWORK)], base=parent)
    assert evaluate(policy, flow(), {}).verdict == "denied"


def test_a_parent_that_the_policy_does_not_name_is_refused():
    stranger = parse_policy({"id": "/other", "properties": {}}, [])
    with pytest.raises(ValueError, match="inherits from"):
        parse_policy(hub(basePolicy={"id": PARENT}), [], base=stranger)


def test_ip_groups_are_read_and_a_missing_list_is_not_an_empty_one():
    body = {"id": "/g", "properties": {"ipAddresses": ["10.0.0.1", "10.1.0.0/16"]}}
    assert parse_ip_group(body).addresses == ("10.0.0.1", "10.1.0.0/16")
    assert parse_ip_group({"id": "/g", "properties": {"ipAddresses": []}}).addresses == ()
    assert parse_ip_group({"id": "/g"}).addresses is None
