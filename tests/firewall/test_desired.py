"""Our rule collection group: one rule per API server, nothing lost that is not ours to lose, no write for nothing."""

from __future__ import annotations

import copy
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from shared.errors import UnsafePlan
from shared.firewall.desired import (
    COLLECTION_NAME,
    COLLECTION_PRIORITY,
    Difference,
    api_server_rules,
    cluster_of_rule,
    difference,
    keeps_rule,
    require_dedicated,
    rules_of,
    wanted_group,
)
from shared.firewall.group_body import (
    same_body,
    without_read_only,
)
from shared.plan.finding import Code
from shared.plan.names import rule_name
from tests.builders import CLUSTER_ID, NOW, POLICY_ID, api_server

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


# Rules


def test_rule_allows_tcp_443_from_the_sources_to_one_address():
    [rule] = api_server_rules([api_server()], SOURCES)

    assert rule == {
        "ruleType": "NetworkRule",
        "name": rule_name(CLUSTER_ID),
        "description": f"aks-hublink: API server of {CLUSTER_ID}",
        "ipProtocols": ["TCP"],
        "sourceAddresses": ["10.50.0.0/24", "10.51.0.0/24"],
        "destinationAddresses": ["10.20.1.4"],
        "destinationPorts": ["443"],
    }


def test_rules_come_in_the_order_of_their_names_and_only_with_an_address():
    rows = [api_server(), api_server(cluster=OTHER), api_server(cluster=POLICY_ID, address=None)]

    assert sorted(NAMES) == NAMES
    assert [rule["name"] for rule in api_server_rules(rows, SOURCES)] == NAMES
    assert api_server_rules(reversed(rows), SOURCES) == api_server_rules(rows, SOURCES)


def test_rule_knows_its_cluster():
    assert [cluster_of_rule(rule) for rule in RULES] == sorted([CLUSTER_ID, OTHER], key=rule_name)


@pytest.mark.parametrize("description", [None, "", "by hand", "aks-hublink: API server of nobody"])
def test_rule_without_our_description_belongs_to_no_cluster(description):
    assert cluster_of_rule({"description": description}) is None


@pytest.mark.parametrize(
    ("stopped_hours_ago", "retention_hours", "kept"),
    [(None, 0, True), (None, 1, True), (1000, 0, True), (0.9, 1, True), (1, 1, False), (2, 1, False)],
)
def test_stopped_cluster_keeps_its_rule_for_the_retention(stopped_hours_ago, retention_hours, kept):
    stopped_at = None if stopped_hours_ago is None else NOW - timedelta(hours=stopped_hours_ago)
    row = api_server(stopped_at=stopped_at)

    assert keeps_rule(row, now=NOW, retention=timedelta(hours=retention_hours)) is kept


def test_row_without_an_address_has_no_rule():
    assert not keeps_rule(api_server(address=None), now=NOW, retention=timedelta())


# Bodies


def test_first_body_is_our_collection_alone():
    body = wanted_group(None, RULES, priority=400)

    assert body == {
        "properties": {
            "priority": 400,
            "ruleCollections": [
                {
                    "ruleCollectionType": "FirewallPolicyFilterRuleCollection",
                    "name": COLLECTION_NAME,
                    "priority": COLLECTION_PRIORITY,
                    "action": {"type": "Allow"},
                    "rules": RULES,
                }
            ],
        }
    }


def test_group_as_we_left_it_needs_no_write():
    live = live_group()
    wanted = wanted_group(live, RULES, priority=400)

    assert difference(live, wanted).empty
    assert str(difference(live, wanted)) == "no difference"
    assert same_body(live, wanted)


def test_read_only_members_are_not_sent():
    wanted = wanted_group(live_group(), RULES, priority=400)

    assert set(wanted) == {"properties"}
    assert set(wanted["properties"]) == {"priority", "ruleCollections"}
    assert set(without_read_only(live_group())["properties"]) == {"priority", "ruleCollections"}


def test_unknown_properties_of_group_collection_and_rule_survive():
    def change(live: dict[str, Any]) -> None:
        live["properties"]["newGroupMember"] = {"a": 1}
        ours(live)["newCollectionMember"] = [1]
        ours(live)["rules"][0]["sourceGeoLocations"] = ["NL"]

    live, wanted = spoilt(change)

    assert difference(live, wanted).empty
    assert wanted["properties"]["newGroupMember"] == {"a": 1}
    assert ours(wanted)["newCollectionMember"] == [1]
    assert ours(wanted)["rules"][0]["sourceGeoLocations"] == ["NL"]


def test_live_body_is_not_changed():
    live = live_group()
    before = copy.deepcopy(live)
    wanted = wanted_group(live, RULES[:1], priority=500)
    ours(wanted)["rules"][0]["sourceAddresses"].append("x")

    assert live == before


def test_order_of_addresses_causes_no_write():
    def change(live: dict[str, Any]) -> None:
        ours(live)["rules"][0]["sourceAddresses"].reverse()

    live, wanted = spoilt(change)

    assert difference(live, wanted).empty
    assert ours(wanted)["rules"][0]["sourceAddresses"] == ["10.51.0.0/24", "10.50.0.0/24"]


def test_order_of_rules_causes_no_write():
    live, wanted = spoilt(lambda live: ours(live)["rules"].reverse())

    assert difference(live, wanted).empty


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("sourceAddresses", ["*"]),
        ("sourceAddresses", ["10.50.0.0/24"]),
        ("sourceAddresses", None),
        ("destinationAddresses", ["10.20.1.4", "10.0.0.4"]),
        ("destinationPorts", ["*"]),
        ("ipProtocols", ["Any"]),
        ("ruleType", "ApplicationRule"),
        ("description", "by hand"),
        ("sourceIpGroups", ["/ipGroups/everybody"]),
        ("destinationIpGroups", ["/ipGroups/everything"]),
        ("destinationFqdns", ["*.example"]),
    ],
)
def test_edited_rule_is_put_right(member, value):
    live, wanted = spoilt(lambda live: ours(live)["rules"][0].update({member: value}))

    assert difference(live, wanted).changed == (NAMES[0],)
    assert ours(wanted)["rules"][0].get(member) == RULES[0].get(member, [])


def test_foreign_rule_in_our_collection_goes():
    stranger = {"name": "by-hand", "ruleType": "NetworkRule", "destinationAddresses": ["*"]}
    live, wanted = spoilt(lambda live: ours(live)["rules"].append(stranger))

    assert difference(live, wanted) == Difference(removed=("by-hand",))
    assert [rule["name"] for rule in rules_of(wanted)] == NAMES


def test_foreign_collection_beside_ours_goes_and_is_named_with_its_rules():
    stranger = {"name": "theirs", "priority": 200, "rules": [{"name": "wide-open"}]}
    live, wanted = spoilt(lambda live: live["properties"]["ruleCollections"].append(stranger))

    found = difference(live, wanted)
    assert found.removed == ("theirs/wide-open",)
    assert found.settings == ("collection theirs gone",)
    assert [item["name"] for item in wanted["properties"]["ruleCollections"]] == [COLLECTION_NAME]


def test_new_and_left_over_rules_are_named():
    live = live_group()
    newcomer = api_server_rules([api_server(cluster=POLICY_ID)], SOURCES)
    found = difference(live, wanted_group(live, [RULES[0], *newcomer], priority=400))

    assert found == Difference(added=(newcomer[0]["name"],), removed=(NAMES[1],))
    assert str(found) == f"added {newcomer[0]['name']}; removed {NAMES[1]}"
    assert found.counts == "1 added, 1 removed"


def test_rule_that_was_renamed_in_another_case_is_renamed_back():
    live, wanted = spoilt(lambda live: ours(live)["rules"][0].update(name=NAMES[0].upper()))

    assert rules_of(wanted)[0]["name"] == NAMES[0]
    assert not difference(live, wanted).empty


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda live: live["properties"].update(priority=100), "priority"),
        (lambda live: ours(live).update(priority=100), f"priority and action of collection {COLLECTION_NAME}"),
        (lambda live: ours(live)["action"].update(type="Deny"), f"priority and action of collection {COLLECTION_NAME}"),
        (lambda live: ours(live).pop("action"), f"priority and action of collection {COLLECTION_NAME}"),
    ],
)
def test_edited_priority_or_action_is_put_right(change, told):
    live, wanted = spoilt(change)
    found = difference(live, wanted)

    assert found == Difference(settings=(told,))
    assert str(found) == f"set {told}"
    assert wanted["properties"]["priority"] == 400
    assert (ours(wanted)["priority"], ours(wanted)["action"]) == (COLLECTION_PRIORITY, {"type": "Allow"})


def test_action_in_another_case_causes_no_write():
    live, wanted = spoilt(lambda live: ours(live)["action"].update(type="allow"))

    assert difference(live, wanted).empty


def test_first_group_of_nobody_is_no_difference():
    assert difference(None, wanted_group(None, [], priority=400)).empty


def test_lost_collection_is_made_again_even_without_rules():
    live = live_group(ruleCollections=[])

    assert difference(live, wanted_group(live, [], priority=400)).settings == (f"collection {COLLECTION_NAME}",)
    assert difference(live, wanted_group(live, RULES, priority=400)).added == tuple(sorted(NAMES))


# Whose group


@pytest.mark.parametrize(
    "live",
    [None, {}, {"properties": {}}, live_group(), live_group(ruleCollections=[]), live_group(ruleCollections=None)],
    ids=["missing", "empty", "no collections", "ours", "emptied", "null"],
)
def test_group_of_nobody_else_may_be_written(live):
    require_dedicated(live, GROUP_ID)


def test_collection_without_rules_does_not_make_a_group_foreign():
    require_dedicated(live_group(ruleCollections=[{"name": "theirs", "rules": []}]), GROUP_ID)


def test_group_with_our_collection_among_others_is_ours():
    live = live_group()
    live["properties"]["ruleCollections"].append({"name": "theirs", "rules": [{"name": "r"}]})

    require_dedicated(live, GROUP_ID)


def test_group_of_somebody_else_is_refused_and_named():
    foreign = live_group(ruleCollections=[{"name": "a", "rules": [{}]}, {"name": "b", "rules": [{}]}, {"name": "c"}])

    with pytest.raises(UnsafePlan, match=r"\(a, b\)") as refused:
        require_dedicated(foreign, GROUP_ID)
    assert refused.value.code == Code.FIREWALL_GROUP_FOREIGN
    assert refused.value.resource == str(GROUP_ID)
    assert "FIREWALL_RULE_COLLECTION_GROUP" in refused.value.fix
