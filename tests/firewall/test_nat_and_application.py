"""DNAT rules apply to the firewall's own addresses; application rules to names."""

from ipaddress import ip_address

import pytest

from shared.firewall.evaluate import compile_policy, evaluate
from shared.firewall.policy import ApplicationProtocol

from .builders import API, FIREWALL, application, collection, flow, group, nat, network, policy

OWN = [ip_address(FIREWALL)]


def verdict(of, asked, own=OWN):
    decision = compile_policy(of, {}, firewall_addresses=own).evaluate(asked)
    return decision.verdict, decision.rule and decision.rule.rule


def dnat(*rules):
    return collection(*rules, action="Dnat", priority=100, name="dnat")


def test_a_dnat_rule_allows_a_flow_to_the_firewall():
    assert verdict(policy(group(dnat(nat()))), flow(to=FIREWALL)) == ("allowed", "nat")


@pytest.mark.parametrize("own", [OWN, None])
def test_a_dnat_rule_does_not_touch_a_flow_to_another_address(own):
    assert verdict(policy(group(dnat(nat()))), flow(), own) == ("denied", None)


def test_a_dnat_rule_for_every_destination_touches_only_the_firewalls_addresses():
    of = policy(group(dnat(nat(to="*")), collection(network())))
    assert verdict(of, flow()) == ("allowed", "allow-api")
    assert verdict(of, flow(to=FIREWALL)) == ("allowed", "nat")


def test_a_dnat_rule_for_every_destination_is_unknown_without_the_firewalls_addresses():
    of = policy(group(dnat(nat(to="*")), collection(network())))
    assert verdict(of, flow(), None) == ("ambiguous", "allow-api")


def test_without_the_firewalls_addresses_a_single_one_is_assumed_to_be_its_own():
    decision = evaluate(policy(group(dnat(nat()))), flow(to=FIREWALL), {})
    assert decision.verdict == "allowed"
    assert any("is an address of the firewall" in each for each in decision.assumptions)


def test_a_deny_network_rule_stops_the_translated_flow():
    deny = collection(network("deny-translated"), action="Deny")
    assert verdict(policy(group(dnat(nat()), deny)), flow(to=FIREWALL)) == ("denied", "deny-translated")


def test_a_deny_for_some_sources_stops_the_translated_flow_in_part():
    deny = collection(network("some", source="10.50.0.0/25"), action="Deny")
    assert verdict(policy(group(dnat(nat()), deny)), flow(to=FIREWALL)) == ("partly", "some")


@pytest.mark.parametrize(("action", "expected"), [("Deny", "ambiguous"), ("Allow", "allowed")])
def test_an_unknown_network_rule_matters_to_the_translated_flow_only_if_it_denies(action, expected):
    unknown = collection(network("tagged", source="AzureCloud"), action=action)
    assert verdict(policy(group(dnat(nat()), unknown)), flow(to=FIREWALL)) == (expected, "nat")


def test_application_rules_are_not_applied_after_dnat():
    deny = collection(application(fqdns=["*"]), action="Deny")
    assert verdict(policy(group(dnat(nat()), deny)), flow(to=FIREWALL, fqdn="x.example")) == ("allowed", "nat")


@pytest.mark.parametrize(
    "fields", [{"translated_address": None, "translated_fqdn": "x.example"}, {"translated_port": "https"}]
)
def test_a_translation_that_is_not_a_number_is_ambiguous(fields):
    assert verdict(policy(group(dnat(nat(**fields)))), flow(to=FIREWALL)) == ("ambiguous", "nat")


def test_a_nat_rule_in_an_allow_collection_is_ambiguous():
    assert verdict(policy(group(collection(nat()))), flow(to=FIREWALL)) == ("ambiguous", "nat")


def app_verdict(rule, action="Allow", **asked):
    return verdict(policy(group(collection(rule, action=action))), flow(**asked))


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("api.example", "api.example", "allowed"),
        ("API.Example", "api.example.", "allowed"),
        ("*.example", "a.b.example", "allowed"),
        ("*.example", "example", "denied"),
        ("*.example", "notexample", "denied"),
        ("*", "anything.example", "allowed"),
        ("api.example", "other.example", "denied"),
        ("api*.example", "api1.example", "ambiguous"),
    ],
)
def test_an_application_rule_matches_names_and_wildcards(pattern, name, expected):
    assert app_verdict(application(fqdns=[pattern]), fqdn=name)[0] == expected


def test_without_a_server_name_an_application_rule_might_match():
    assert app_verdict(application(fqdns=["api.example"]))[0] == "ambiguous"


def test_an_application_deny_that_might_match_does_not_change_the_default_deny():
    assert app_verdict(application(fqdns=["api.example"]), action="Deny")[0] == "denied"


@pytest.mark.parametrize(
    "targets",
    [
        {"fqdn_tags": ("AzureKubernetesService",)},
        {"web_categories": ("Business",)},
        {"target_urls": ("api.example/x",)},
        {},
    ],
    ids=str,
)
def test_tags_categories_and_urls_are_unknown(targets):
    assert app_verdict(application(**targets), fqdn="api.example")[0] == "ambiguous"


@pytest.mark.parametrize(
    ("kind", "port", "expected"),
    [("https", 443, "allowed"), ("Http", 443, "ambiguous"), ("Https", 8443, "denied"), ("Https", None, "ambiguous")],
)
def test_only_https_on_the_flows_port_surely_matches(kind, port, expected):
    rule = application(fqdns=["*"], protocols=(ApplicationProtocol(type=kind, port=port),))
    assert app_verdict(rule, fqdn="api.example")[0] == expected


def test_an_application_rule_without_protocols_might_match():
    assert app_verdict(application(fqdns=["*"], protocols=()), fqdn="api.example")[0] == "ambiguous"


def test_an_application_rule_never_matches_udp():
    assert app_verdict(application(fqdns=["*"]), fqdn="api.example", protocol="UDP") == ("denied", None)


@pytest.mark.parametrize(("address", "expected"), [(API, "ambiguous"), ("192.0.2.1", "denied")])
def test_destination_addresses_of_an_application_rule_narrow_it(address, expected):
    rule = application(fqdns=["*"], destination_addresses=(address,))
    assert app_verdict(rule, fqdn="api.example")[0] == expected


def test_an_application_decision_says_what_it_rests_on():
    of = policy(group(collection(application(fqdns=["*"]))))
    decision = evaluate(of, flow(fqdn="api.example"), {})
    assert any("by the server name" in each for each in decision.assumptions)
