"""Bodies of our rule collection groups: when they are the same, and what holds for every one of them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.firewall.desired import (
    COLLECTION_NAME,
    COLLECTION_PRIORITY,
    api_server_rules,
    difference,
    rules_of,
    wanted_group,
)
from shared.firewall.group_body import (
    Collection,
    as_meant,
    body_digest,
    build_group,
    has_unknown_fields,
    keeping_removed,
    provisioning_state,
    same_body,
    unknown_changes,
    without_rules,
    without_unknown_fields,
)
from tests.builders import CLUSTER_ID, POLICY_ID, api_server

SOURCES = (IPv4Network("10.50.0.0/24"), IPv4Network("10.51.0.0/24"))
GROUP_ID = POLICY_ID.child("ruleCollectionGroups", "rcg-aks-api-servers")
OTHER = CLUSTER_ID.parent.resource(CLUSTER_ID.type, "aks-2")
RULES = api_server_rules([api_server(), api_server(cluster=OTHER, address=IPv4Address("10.21.1.4"))], SOURCES)
NAMES = [rule["name"] for rule in RULES]


def live_group(**properties: Any) -> dict[str, Any]:
    """The group as Azure answers it after our own PUT: read-only members, and empty ones filled in."""
    body = wanted_group(None, RULES, priority=400)
    for rule in body["properties"]["ruleCollections"][0]["rules"]:
        rule |= {"sourceIpGroups": [], "destinationIpGroups": [], "destinationFqdns": []}
    body["properties"] |= {"provisioningState": "Succeeded", "size": "0.1 MB", **properties}
    return {"id": str(GROUP_ID), "name": GROUP_ID.name, "etag": "1", **body}


def ours(body: dict[str, Any]) -> dict[str, Any]:
    [found] = [item for item in body["properties"]["ruleCollections"] if item["name"] == COLLECTION_NAME]
    return found


def spoilt(change: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A live group with a change, and the body that puts it right."""
    live = live_group()
    change(live)
    return live, wanted_group(live, RULES, priority=400)


def test_state_of_a_group_that_says_nothing_is_succeeded():
    assert provisioning_state(None) == "succeeded"
    assert provisioning_state({}) == "succeeded"
    assert provisioning_state(live_group(provisioningState="Updating")) == "updating"


def test_bodies_are_the_same_or_not():
    live = live_group()

    assert same_body(None, None)
    assert not same_body(None, live)
    assert not same_body(live, None)
    assert not same_body(live, live_group(priority=401))
    assert body_digest(live) == body_digest(wanted_group(None, RULES, priority=400))
    assert body_digest({}) != body_digest(live)


def test_members_that_say_nothing_are_no_difference_and_no_unknown_fields():
    live = live_group()
    ours(live)["rules"][0] |= {"terminateTLS": False, "httpHeadersToInsert": [], "sourceGeoLocations": None}

    assert same_body(live, live_group())
    assert not has_unknown_fields(live)


def test_unknown_field_of_a_live_rule_is_carried_on_and_not_meant():
    live, body = spoilt(lambda group: ours(group)["rules"][0].update(sourceGeoLocations=["NL"]))
    meant = as_meant(body, live_group())

    assert ours(body)["rules"][0]["sourceGeoLocations"] == ["NL"]
    assert has_unknown_fields(live)
    assert same_body(meant, live_group())
    assert list(unknown_changes(meant, live)) == [f"{NAMES[0]} (sourceGeoLocations none → NL)"]
    assert list(unknown_changes(live, meant)) == [f"{NAMES[0]} (sourceGeoLocations NL → none)"]
    assert as_meant(body, None) == body
    assert same_body(as_meant(body, live), body)


def test_two_collections_of_ours_live_side_by_side():
    other = Collection(name="allow-egress", priority=900, rules=[{"name": "r", "fqdnTags": ["AzureKubernetesService"]}])
    both = [Collection(name=COLLECTION_NAME, priority=COLLECTION_PRIORITY, rules=RULES), other]
    body = build_group(None, both, priority=410)

    assert difference(body, build_group(body, both, priority=410)).empty
    assert difference(body, build_group(body, [other], priority=410)).settings == (
        f"collection {COLLECTION_NAME} gone",
    )


# Properties

addresses = st.lists(st.sampled_from(["*", "10.0.0.1", "10.50.0.0/24"]), max_size=3)
live_rules = st.fixed_dictionaries(
    {"name": st.sampled_from([*NAMES, NAMES[0].upper(), "by-hand"])},
    optional={
        "sourceAddresses": st.none() | addresses,
        "destinationAddresses": addresses,
        "sourceIpGroups": st.lists(st.just("/ipGroups/x"), max_size=1),
        "destinationFqdns": st.lists(st.just("x.example"), max_size=1),
        "ruleType": st.sampled_from(["NetworkRule", "ApplicationRule"]),
        "unknown": st.integers(),
    },
)
live_collections = st.fixed_dictionaries(
    {
        "name": st.sampled_from([COLLECTION_NAME, "theirs"]),
        "rules": st.lists(live_rules, max_size=3, unique_by=lambda rule: rule["name"].lower()),
    },
    optional={
        "priority": st.sampled_from([100, COLLECTION_PRIORITY]),
        "action": st.sampled_from([None, {"type": "Deny"}, {"type": "Allow"}]),
        "unknown": st.integers(),
    },
)
live_groups = st.none() | st.fixed_dictionaries(
    {
        "properties": st.fixed_dictionaries(
            {"ruleCollections": st.lists(live_collections, max_size=2, unique_by=lambda item: item["name"])},
            optional={"priority": st.sampled_from([100, 400]), "unknown": st.integers(), "size": st.just("1 MB")},
        )
    }
)
wanted_rules = st.sampled_from([[], RULES[:1], RULES])


@given(live_groups, wanted_rules)
def test_wanted_body_is_a_fixpoint(live, rules):
    wanted = wanted_group(live, rules, priority=400)

    assert wanted_group(wanted, rules, priority=400) == wanted
    assert difference(wanted, wanted_group(wanted, rules, priority=400)).empty


@given(live_groups, wanted_rules)
def test_wanted_body_allows_exactly_what_is_wanted_whatever_was_live(live, rules):
    made = rules_of(wanted_group(live, rules, priority=400))

    assert [rule["name"] for rule in made] == [rule["name"] for rule in rules]
    for rule, wish in zip(made, rules, strict=True):
        assert sorted(rule["sourceAddresses"]) == sorted(wish["sourceAddresses"])
        assert rule["destinationAddresses"] == wish["destinationAddresses"]
        assert not rule.get("sourceIpGroups")
        assert not rule.get("destinationFqdns")


@given(live_groups, wanted_rules)
def test_no_difference_means_that_a_write_would_change_no_rule(live, rules):
    wanted = wanted_group(live, rules, priority=400)

    if live is not None and difference(live, wanted).empty:
        assert same_body(live, wanted)


@given(live_groups, wanted_rules)
def test_body_that_keeps_what_would_go_takes_nothing_away_and_adds_and_changes_the_same(live, rules):
    wanted = wanted_group(live, rules, priority=400)
    kept = keeping_removed(live, wanted)
    before, after = difference(live, wanted), difference(live, kept, own=wanted)

    assert wanted == wanted_group(live, rules, priority=400)
    assert not after.removed or {name.lower() for name in after.removed} <= {name.lower() for name in after.added}
    assert (after.added, after.changed) == (before.added, before.changed)
    assert not any("gone" in setting for setting in after.settings)
    assert wanted_group(kept, rules, priority=400) == wanted


@given(live_groups, wanted_rules)
def test_emptied_body_has_our_collections_and_no_rule(live, rules):
    emptied = without_rules(wanted_group(live, rules, priority=400))

    assert rules_of(emptied) == []
    assert same_body(emptied, without_rules(wanted_group(None, [], priority=400)))


@given(live_groups, live_groups, wanted_rules)
def test_what_is_meant_differs_from_the_body_in_unknown_fields_only(live, before, rules):
    body = wanted_group(live, rules, priority=400)
    meant = as_meant(body, before)

    assert without_unknown_fields(meant) == without_unknown_fields(body)
    assert as_meant(meant, before) == meant
