"""The order in which the firewall tries rules, and what a network rule matches."""

import pytest

from shared.firewall.evaluate import compile_policy, evaluate, hiding_rule
from shared.firewall.policy import IpGroup

from .builders import FIREWALL, MONITORING, application, collection, flow, group, nat, network, policy

ALLOW = collection(network())
DENY = collection(network("deny-api"), action="Deny")


def rule_of(of, asked=None, ip_groups=None):
    decision = evaluate(of, asked or flow(), ip_groups or {})
    return decision.verdict, decision.rule and decision.rule.rule


def test_nothing_matches_so_the_default_denies():
    decision = evaluate(policy(), flow(), {})
    assert (decision.verdict, decision.rule) == ("denied", None)
    assert [str(each) for each in decision.denied_sources] == [MONITORING]
    assert "by default" in decision.reason


def test_an_allow_rule_allows_and_is_named():
    decision = evaluate(policy(group(ALLOW)), flow(), {})
    assert (decision.verdict, decision.denied_sources, decision.unknowns) == ("allowed", (), ())
    assert str(decision.rule) == "hub/ours/Allow-1000/allow-api (Allow)"


def test_the_parents_groups_come_first_whatever_their_priority():
    parent = policy(group(DENY, priority=65000), name="parent")
    child = policy(group(ALLOW, priority=100), base=parent)
    decision = evaluate(child, flow(), {})
    assert (decision.verdict, decision.rule.policy_id) == ("denied", parent.id)


def test_the_grandparents_groups_come_before_the_parents():
    oldest = policy(group(ALLOW), name="oldest")
    parent = policy(group(DENY, priority=100), name="parent", base=oldest)
    assert rule_of(policy(base=parent)) == ("allowed", "allow-api")


def test_the_group_with_the_lower_number_comes_first():
    assert rule_of(policy(group(ALLOW, priority=400), group(DENY, priority=300))) == ("denied", "deny-api")


def test_group_priority_beats_collection_priority():
    first = group(collection(network("deny-api"), action="Deny", priority=65000), priority=300)
    second = group(collection(network(), priority=100), priority=400)
    assert rule_of(policy(second, first)) == ("denied", "deny-api")


def test_the_collection_with_the_lower_number_comes_first():
    early = collection(network("deny-api"), action="Deny", priority=200)
    assert rule_of(policy(group(collection(network(), priority=300), early))) == ("denied", "deny-api")


def test_the_first_rule_in_a_collection_decides():
    assert rule_of(policy(group(collection(network("one"), network("two"))))) == ("allowed", "one")


def test_network_rules_come_before_application_rules_of_a_parent():
    parent = policy(group(collection(application(fqdns=["*"]), action="Deny", priority=100), priority=100))
    child = policy(group(ALLOW, priority=65000), base=parent)
    assert rule_of(child, flow(fqdn="x.example")) == ("allowed", "allow-api")


def test_an_application_rule_does_not_help_what_a_network_rule_denied():
    both = group(collection(application(fqdns=["*"]), priority=100), DENY)
    assert rule_of(policy(both), flow(fqdn="x.example")) == ("denied", "deny-api")


def test_dnat_rules_come_before_network_rules():
    early = group(collection(network("deny", to=FIREWALL), action="Deny"), priority=100)
    late = group(collection(nat(), action="Dnat"), priority=65000)
    assert rule_of(policy(early, late), flow(to=FIREWALL)) == ("allowed", "nat")


def test_equal_priorities_are_named_as_an_assumption():
    decision = evaluate(policy(group(ALLOW, name="a"), group(DENY, name="b")), flow(), {})
    assert decision.verdict == "allowed"
    assert "a and b have the same priority; the listed order is assumed" in decision.assumptions


@pytest.mark.parametrize(("ports", "hit"), [("*", True), ("443", True), ("400-500", True), ("444", False)])
def test_ports_are_a_wildcard_a_number_or_a_range(ports, hit):
    of = policy(group(collection(network(destination_ports=(ports,)))))
    assert rule_of(of)[0] == ("allowed" if hit else "denied")


@pytest.mark.parametrize(
    ("name", "hit"), [("tcp", True), ("TCP", True), ("any", True), ("UDP", False), ("ICMP", False)]
)
def test_protocols_are_compared_without_case(name, hit):
    of = policy(group(collection(network(protocols=(name,)))))
    assert rule_of(of)[0] == ("allowed" if hit else "denied")


def test_icmp_has_no_port():
    of = policy(group(collection(network(protocols=("ICMP",), destination_ports=("8",)))))
    assert rule_of(of, flow(protocol="ICMP")) == ("allowed", "allow-api")


@pytest.mark.parametrize("source", ["*", "10.50.0.0/16", "10.50.0.0-10.50.0.255", MONITORING])
def test_a_source_is_a_wildcard_a_network_or_a_range(source):
    assert rule_of(policy(group(collection(network(source=source))))) == ("allowed", "allow-api")


def test_a_source_that_is_matched_in_part_is_reported_with_the_rest():
    halves = group(collection(network("half", source="10.50.0.0/25")))
    decision = evaluate(policy(halves), flow(), {})
    assert (decision.verdict, decision.rule) == ("partly", None)
    assert [str(each) for each in decision.denied_sources] == ["10.50.0.128/25"]
    assert [(part.verdict, part.rule and part.rule.rule) for part in decision.parts] == [
        ("allowed", "half"),
        ("denied", None),
    ]


def test_two_rules_that_cover_the_source_together_allow_it():
    halves = collection(network("low", source="10.50.0.0/25"), network("high", source="10.50.0.128/25"))
    decision = evaluate(policy(group(halves)), flow(), {})
    assert (decision.verdict, decision.rule.rule) == ("allowed", "low")
    assert "and 1 more" in decision.reason


def test_a_hole_in_the_source_is_denied_by_the_rule_that_makes_it():
    hole = collection(network("hole", source="10.50.0.7"), action="Deny", priority=100)
    decision = evaluate(policy(group(hole, ALLOW)), flow(), {})
    assert (decision.verdict, decision.rule.rule) == ("partly", "hole")
    assert [str(each) for each in decision.denied_sources] == ["10.50.0.7/32"]


GROUP_ID = "/subscriptions/s/resourceGroups/r/providers/Microsoft.Network/ipGroups/Monitoring"


@pytest.mark.parametrize(
    ("addresses", "verdict"),
    [((MONITORING,), "allowed"), (("10.50.0.0-10.50.0.127",), "partly"), ((), "denied"), (None, "ambiguous")],
)
def test_an_ip_group_stands_for_its_addresses_and_an_empty_one_never_matches(addresses, verdict):
    of = policy(group(collection(network(source_addresses=(), source_ip_groups=(GROUP_ID.upper(),)))))
    assert rule_of(of, ip_groups={GROUP_ID: IpGroup(id=GROUP_ID, addresses=addresses)})[0] == verdict


def test_an_ip_group_that_was_not_read_is_ambiguous():
    of = policy(group(collection(network(source_addresses=(), source_ip_groups=(GROUP_ID,)))))
    decision = evaluate(of, flow(), {})
    assert decision.verdict == "ambiguous"
    assert [each.rule for each in decision.unknowns] == ["allow-api"]
    assert "was not read" in decision.reason


def test_an_empty_ip_group_as_destination_never_matches():
    deny = network("deny", destination_addresses=(), destination_ip_groups=(GROUP_ID,))
    of = policy(group(collection(deny, action="Deny", priority=100), ALLOW))
    assert rule_of(of, ip_groups={GROUP_ID: IpGroup(id=GROUP_ID, addresses=())}) == ("allowed", "allow-api")


def test_an_empty_ip_group_beside_an_address_makes_the_rule_uncertain():
    deny = network("deny", source_ip_groups=(GROUP_ID,))
    of = policy(group(collection(deny, action="Deny", priority=100), ALLOW))
    assert rule_of(of, ip_groups={GROUP_ID: IpGroup(id=GROUP_ID, addresses=())})[0] == "ambiguous"


def test_a_deny_after_our_uncertain_rule_does_not_hide_it():
    ours = group(collection(network(source="AzureCloud")))
    later = group(DENY, name="later", priority=500)
    assert hiding_rule(policy(ours, later), flow(), "ours", {}) is None


def test_the_rule_that_hides_ours_is_named():
    of = policy(group(DENY, name="security", priority=200), group(ALLOW, name="AKS-API"))
    assert hiding_rule(of, flow(), "aks-api", {}).rule == "deny-api"


def test_a_parents_deny_hides_ours():
    of = policy(group(ALLOW), base=policy(group(DENY, priority=65000), name="parent"))
    assert hiding_rule(of, flow(), "ours", {}).policy_id.endswith("parent")


def test_a_deny_for_one_source_address_hides_a_part_of_ours():
    deny = collection(network("one", source="10.50.0.7"), action="Deny", priority=100)
    of = policy(group(deny, name="security", priority=200), group(ALLOW))
    assert hiding_rule(of, flow(), "ours", {}).rule == "one"


@pytest.mark.parametrize(
    "groups",
    [
        (group(ALLOW), group(DENY, name="later", priority=500)),
        (group(collection(network("deny", to="10.20.1.5"), action="Deny"), name="other", priority=200), group(ALLOW)),
        (group(DENY, name="security", priority=200),),
        (group(ALLOW, name="first", priority=100), group(DENY, name="s", priority=200), group(ALLOW)),
    ],
    ids=["denied later", "another address", "we have no rule", "somebody else allows first"],
)
def test_nothing_hides_ours_when(groups):
    assert hiding_rule(policy(*groups), flow(), "ours", {}) is None


def test_a_group_of_our_name_in_the_parent_is_not_ours():
    parent = policy(group(DENY, name="deny", priority=100), group(ALLOW), name="parent")
    assert hiding_rule(policy(base=parent), flow(), "ours", {}) is None


def test_many_flows_find_the_same_rules_through_the_index():
    rules = [network(f"rule-{at}", to=f"10.{at // 250}.{at % 250}.4") for at in range(500)]
    compiled = compile_policy(policy(group(collection(*rules))), {})
    found = [compiled.evaluate(flow(to=f"10.{at // 250}.{at % 250}.4")).rule.rule for at in range(500)]
    assert found == [rule.name for rule in rules]
    assert compiled.evaluate(flow(to="10.200.0.4")).verdict == "denied"
