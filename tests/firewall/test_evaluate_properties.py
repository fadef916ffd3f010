"""The evaluator against a slow reference, and laws that hold for every policy."""

from dataclasses import replace
from ipaddress import IPv4Network, collapse_addresses

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.firewall.evaluate import compile_policy, hiding_rule
from shared.firewall.policy import NetworkRule, RuleCollection, RuleCollectionGroup

from .reference import address_verdict
from .strategies import (
    FIREWALL,
    collections,
    each_source,
    filter_collections,
    flows,
    ip_groups,
    known_collections,
    policies,
)

OWN = {FIREWALL}
law = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
thorough = settings(law, max_examples=150)


def combined(verdicts):
    verdicts = set(verdicts)
    if "ambiguous" in verdicts:
        return "ambiguous"
    return verdicts.pop() if len(verdicts) == 1 else "partly"


def networks(addresses):
    return tuple(collapse_addresses(IPv4Network(each) for each in addresses))


def named(place):
    if place is None:
        return None
    policy_id, group, collection, rule = place
    return policy_id, group.name, collection.name, rule.name


def decided(decision, address):
    """Verdict and rule for one address; each address is in exactly one part."""
    (part,) = [part for part in decision.parts if any(address in each for each in part.sources)]
    ref = part.rule
    return part.verdict, ref and (ref.policy_id, ref.group, ref.collection, ref.rule)


def check_against_reference(policy, groups, flow):
    decision = compile_policy(policy, groups, firewall_addresses=OWN).evaluate(flow)
    expected = {each: address_verdict(policy, flow, each, groups, OWN) for each in each_source(flow)}
    for each, (verdict, place) in expected.items():
        assert decided(decision, each) == (verdict, named(place))
    assert decision.verdict == combined(verdict for verdict, _ in expected.values())
    denied = [each for each, (verdict, _) in expected.items() if verdict == "denied"]
    assert decision.denied_sources == networks(denied)


@thorough
@given(policies(), ip_groups, flows)
def test_every_address_is_decided_by_the_rule_that_a_slow_firewall_finds(policy, groups, flow):
    check_against_reference(policy, groups, flow)


@law
@given(policies(known_collections), ip_groups, flows)
def test_without_unknowns_the_slow_firewall_agrees_and_nothing_is_ambiguous(policy, groups, flow):
    check_against_reference(policy, groups, flow)
    assert compile_policy(policy, groups).evaluate(flow).verdict != "ambiguous"


@law
@given(policies(), ip_groups, flows)
def test_the_verdict_of_a_network_is_the_combination_of_its_addresses(policy, groups, flow):
    compiled = compile_policy(policy, groups, firewall_addresses=OWN)
    whole = compiled.evaluate(flow)
    single = {each: compiled.evaluate(replace(flow, source=each)) for each in each_source(flow)}
    assert whole.verdict == combined(each.verdict for each in single.values())
    assert whole.denied_sources == networks(each for each, got in single.items() if got.verdict == "denied")


@law
@given(policies(), ip_groups, flows, collections())
def test_a_collection_added_last_never_changes_what_a_network_rule_decided(policy, groups, flow, extra):
    before = compile_policy(policy, groups, firewall_addresses=OWN).evaluate(flow)
    last = RuleCollectionGroup(name="last", id="last", priority=65000, collections=(replace(extra, priority=65000),))
    after = compile_policy(replace(policy, groups=(last, *policy.groups)), groups, firewall_addresses=OWN).evaluate(
        flow
    )
    by_network = {
        (place[0], group.name, collection.name, rule.name)
        for place in [(each.id, each) for each in policy.lineage()]
        for group in place[1].groups
        for collection in group.collections
        for rule in collection.rules
        if isinstance(rule, NetworkRule)
    }
    for address in each_source(flow):
        verdict, rule = decided(before, address)
        if rule in by_network:
            assert decided(after, address) == (verdict, rule)


@law
@given(policies(filter_collections), ip_groups, flows, st.randoms(use_true_random=False))
def test_the_order_in_which_azure_lists_things_does_not_matter(policy, groups, flow, random):
    def shuffled(items):
        return tuple(random.sample(items, len(items)))

    mixed = replace(
        policy, groups=shuffled([replace(each, collections=shuffled(each.collections)) for each in policy.groups])
    )
    assert compile_policy(mixed, groups).evaluate(flow) == compile_policy(policy, groups).evaluate(flow)


@law
@given(policies(known_collections), ip_groups, flows)
def test_a_hiding_rule_is_there_exactly_when_lifting_the_denials_would_let_ours_work(policy, groups, flow):
    ours = NetworkRule(
        name="ours",
        protocols=("Any",),
        source_addresses=("*",),
        destination_addresses=(str(flow.destination),),
        destination_ports=("*",),
    )
    collection = RuleCollection(name="ours", priority=100, action="Allow", rules=(ours,))
    own = RuleCollectionGroup(name="ours", id="ours", priority=65000, collections=(collection,))
    policy = replace(policy, groups=(*policy.groups, own))
    decision = compile_policy(policy, groups).evaluate(flow)
    hiding = hiding_rule(policy, flow, "OURS", groups)
    assert (hiding is None) == (decision.verdict == "allowed")
    if hiding:
        assert hiding == next(part.rule for part in decision.parts if part.verdict == "denied")
