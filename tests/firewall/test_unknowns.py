"""What cannot be known from a policy: it makes an answer ambiguous only where it could change it."""

from ipaddress import ip_address

import pytest

from shared.firewall.evaluate import compile_policy, evaluate
from shared.firewall.policy import RuleCollection, UnknownRule, unread_group

from .builders import API, MONITORING, collection, flow, group, network, policy

ALLOW = collection(network())
TAG = network("tagged", to="AzureCloud")


def before(rule, action):
    return policy(group(collection(rule, action=action, priority=100), ALLOW))


def test_an_unknown_deny_before_the_deciding_allow_is_ambiguous():
    decision = evaluate(before(TAG, "Deny"), flow(), {})
    assert decision.verdict == "ambiguous"
    assert decision.rule.rule == "allow-api"
    assert [each.rule for each in decision.unknowns] == ["tagged"]
    assert "tagged (Deny) might match before" in decision.reason
    assert "AzureCloud is a service tag" in decision.reason
    assert decision.denied_sources == ()


def test_an_unknown_rule_with_the_same_action_leaves_the_verdict_and_a_note():
    decision = evaluate(before(TAG, "Allow"), flow(), {})
    assert (decision.verdict, decision.rule.rule) == ("allowed", "allow-api")
    assert [each.rule for each in decision.unknowns] == ["tagged"]
    assert any("tagged (Allow) might match first, to the same effect" in each for each in decision.assumptions)


def test_an_unknown_rule_after_the_deciding_rule_is_not_mentioned():
    of = policy(group(ALLOW, collection(TAG, action="Deny", priority=2000)))
    decision = evaluate(of, flow(), {})
    assert (decision.verdict, decision.unknowns, decision.assumptions) == ("allowed", (), ())


def test_an_unknown_deny_does_not_change_the_default_deny():
    of = policy(group(collection(TAG, action="Deny")))
    assert evaluate(of, flow(), {}).verdict == "denied"


def test_an_unknown_allow_before_the_default_deny_is_ambiguous():
    assert evaluate(policy(group(collection(TAG))), flow(), {}).verdict == "ambiguous"


def test_an_unknown_rule_for_another_port_cannot_match():
    rule = network("tagged", to="AzureCloud", destination_ports=("80",))
    assert evaluate(before(rule, "Deny"), flow(), {}).verdict == "allowed"


def test_an_unknown_that_touches_a_part_of_the_source_leaves_the_rest_decided():
    rule = network("tagged", source="10.50.0.0/25", to="AzureCloud")
    decision = evaluate(before(rule, "Deny"), flow(), {})
    assert decision.verdict == "ambiguous"
    assert {part.verdict: [str(each) for each in part.sources] for part in decision.parts} == {
        "allowed": ["10.50.0.128/25"],
        "ambiguous": ["10.50.0.0/25"],
    }


def test_an_unknown_term_beside_one_that_surely_matches_does_not_matter():
    rule = network("both", source_addresses=(MONITORING, "AzureCloud"))
    decision = evaluate(policy(group(collection(rule))), flow(), {})
    assert (decision.verdict, decision.unknowns) == ("allowed", ())


@pytest.mark.parametrize(
    "fields",
    [
        {"destination_ports": ("https",)},
        {"destination_ports": ()},
        {"destination_ports": ("9-1",)},
        {"protocols": ("SCTP",)},
        {"protocols": ()},
        {"source_addresses": ()},
        {"destination_addresses": ()},
        {"unknown_fields": ("somethingNew",)},
        {"source_addresses": ("192.0.2.1",), "unknown_fields": ("sourceGeoLocations",)},
        {"destination_addresses": ("192.0.2.1",), "unknown_fields": ("destinationGeoLocations",)},
    ],
    ids=str,
)
def test_what_is_missing_or_not_understood_might_match(fields):
    assert evaluate(before(network("odd", **fields), "Deny"), flow(), {}).verdict == "ambiguous"


@pytest.mark.parametrize("action", ["Allow", "Deny", "Unknown", "Dnat"])
def test_a_rule_of_unknown_type_might_match_anything(action):
    of = before(UnknownRule(name="new", why="rule type X is not known"), action)
    expected = "allowed" if action == "Allow" else "ambiguous"
    assert evaluate(of, flow(), {}).verdict == expected


def test_a_rule_whose_action_is_not_known_decides_nothing():
    decision = evaluate(policy(group(collection(network(), action="Unknown"))), flow(), {})
    assert decision.verdict == "ambiguous"
    assert "what it does is not known" in decision.reason


def test_a_collection_without_a_priority_might_come_first():
    deny = RuleCollection(name="deny", priority=None, action="Deny", rules=(network("deny"),))
    decision = evaluate(policy(group(ALLOW, deny)), flow(), {})
    assert decision.verdict == "ambiguous"
    assert "the priority of deny is not known" in decision.reason


def test_a_group_that_was_not_read_makes_later_answers_ambiguous():
    unread = unread_group(name="security", group_id="/groups/security", why="the group was not read")
    decision = evaluate(policy(group(ALLOW), unread), flow(), {})
    assert decision.verdict == "ambiguous"
    assert "the group was not read" in decision.reason


def test_an_fqdn_in_a_network_rule_is_unknown_without_a_resolver():
    rule = network("name", destination_addresses=(), destination_fqdns=("api.example",))
    assert evaluate(before(rule, "Deny"), flow(), {}).verdict == "ambiguous"


def test_an_fqdn_matches_its_addresses_when_they_are_given_and_dns_proxy_is_on():
    rule = network("name", destination_addresses=(), destination_fqdns=("API.example.",))
    of = policy(group(collection(rule)), dns_proxy_enabled=True)
    compiled = compile_policy(of, {}, fqdns={"api.example": [ip_address(API)]})
    decision = compiled.evaluate(flow())
    assert (decision.verdict, decision.rule.rule) == ("allowed", "name")
    assert any("resolves" in each for each in decision.assumptions)
    assert compiled.evaluate(flow(to="10.20.1.5")).verdict == "denied"


def test_without_dns_proxy_a_given_address_of_an_fqdn_is_not_trusted():
    rule = network("name", destination_addresses=(), destination_fqdns=("api.example",))
    compiled = compile_policy(policy(group(collection(rule))), {}, fqdns={"api.example": [ip_address(API)]})
    assert compiled.evaluate(flow()).verdict == "ambiguous"


@pytest.mark.parametrize(
    ("mode", "said"), [("Deny", "mode Deny"), (None, "not known"), ("New", "not known"), ("Alert", ""), ("off", "")]
)
def test_threat_intelligence_is_an_assumption(mode, said):
    notes = evaluate(policy(group(ALLOW), mode=mode), flow(), {}).assumptions
    assert any(said in note for note in notes) if said else notes == ()


def test_a_parents_threat_intelligence_mode_holds_in_the_child():
    of = policy(group(ALLOW), base=policy(name="parent", mode="Deny"), mode="Alert")
    assert "mode Deny" in evaluate(of, flow(), {}).assumptions[0]
