"""Plans: ordered, without doubles, with a digest that knows what changes and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.apply.executor import lanes_of
from shared.plan.action import DELETIONS, RULE_OF, Action, ActionKind, Plan, Waiting, make_plan
from shared.plan.finding import Code, Finding, Severity
from shared.plan.names import route_table_name, rule_name, short_hash, slug
from shared.plan.planner import collect
from shared.settings import Rule
from tests.builders import (
    CLUSTER_ID,
    HUB_ID,
    MONITORING_ID,
    NODES_ID,
    OUR_TABLE_ID,
    PODS_ID,
    SPOKE_SUBSCRIPTION,
    STRANGE_SUBSCRIPTION,
    ZONE_ID,
    actions,
    group,
    link,
    observed,
    planned,
    subnet,
    world,
    zone,
)

LINK = Action(
    kind=ActionKind.PUT_LINK,
    resource=link(HUB_ID).id,
    before=None,
    after={"virtualNetwork": str(HUB_ID), "registrationEnabled": False},
    reason="not linked",
    cluster=CLUSTER_ID,
)
MEND = replace(LINK, before={"provisioningState": "Failed"}, reason="broken")
UNLINK = replace(LINK, kind=ActionKind.DELETE_LINK, before={"virtualNetwork": str(HUB_ID)}, after=None, reason="unused")
TABLE = Action(
    kind=ActionKind.PUT_ROUTE_TABLE, resource=OUR_TABLE_ID, before=None, after={"location": "x"}, reason="new"
)
ATTACH = Action(kind=ActionKind.ATTACH_ROUTE_TABLE, resource=NODES_ID, before=None, after={}, reason="bare")
FINDING = Finding(code=Code.VNET_NOT_PEERED, severity=Severity.ERROR, resource=HUB_ID, message="b")
WAITING = Waiting(resource=CLUSTER_ID, message="not yet")


def upper(resource):
    return type(resource).parse(str(resource).upper())


def test_empty_plan_says_so():
    assert Plan().empty
    assert str(Plan()) == "No changes. Everything is as it should be."
    assert Plan().digest == make_plan([]).digest


def test_plan_reads_like_a_list_of_changes():
    assert str(make_plan([UNLINK, MEND])) == "\n".join(
        [f"~ put_link {LINK.resource}: broken", f"- delete_link {LINK.resource}: unused"]
    )
    assert str(LINK) == f"+ put_link {LINK.resource}: not linked"


def test_actions_come_in_the_order_they_can_be_done_in():
    made = planned(
        world(cluster=observed(zone=zone(links=()), registered=None), subnets=(subnet(route_table=None),), tables=())
    )

    assert [action.kind for action in made.actions] == [
        ActionKind.PUT_LINK,
        ActionKind.PUT_LINK,
        ActionKind.PUT_ROUTE_TABLE,
        ActionKind.ATTACH_ROUTE_TABLE,
        ActionKind.REGISTER_API_SERVER,
    ]
    assert made.actions[0].resource < made.actions[1].resource


def test_nothing_is_in_a_plan_twice():
    again = replace(LINK, resource=upper(LINK.resource))
    made = make_plan([LINK, again, MEND], [FINDING, FINDING], [WAITING, WAITING])

    assert len(made.actions) == len(made.findings) == len(made.waiting) == 1


def test_findings_and_waiting_come_in_a_fixed_order():
    other = replace(FINDING, message="a")
    of_a_cluster = replace(FINDING, cluster=CLUSTER_ID)
    waiting = replace(WAITING, message="even less")

    made = make_plan([], [of_a_cluster, FINDING, other], [WAITING, waiting])

    assert made == make_plan([], [other, FINDING, of_a_cluster], [waiting, WAITING])
    assert [finding.message for finding in made.findings] == ["a", "b", "b"]
    assert made.waiting == (waiting, WAITING)


def test_collect_sorts_what_the_rules_say():
    made = collect([WAITING, LINK, FINDING])

    assert (made.actions, made.findings, made.waiting) == ((LINK,), (FINDING,), (WAITING,))


def test_digest_does_not_depend_on_order_wording_findings_or_the_cluster():
    digest = make_plan([LINK, TABLE]).digest

    assert make_plan([TABLE, LINK]).digest == digest
    assert make_plan([replace(LINK, reason="better words"), TABLE]).digest == digest
    assert make_plan([replace(LINK, cluster=None), TABLE]).digest == digest
    assert make_plan([LINK, TABLE], [FINDING], [WAITING]).digest == digest
    assert len(digest) == 64


def test_digest_does_not_depend_on_the_casing_of_ids_or_the_order_of_members():
    shouted = replace(
        LINK,
        resource=upper(LINK.resource),
        after={"registrationEnabled": False, "virtualNetwork": str(HUB_ID).upper()},
    )

    assert make_plan([shouted]).digest == make_plan([LINK]).digest
    assert shouted.facts == LINK.facts


def test_digest_does_not_depend_on_the_casing_of_letters_beyond_ascii():
    umlaut = group("rg-Zürich").resource(HUB_ID.type, "vnet")
    one, two = (replace(LINK, after={"virtualNetwork": text}) for text in (str(umlaut), str(umlaut).upper()))

    assert make_plan([one]).digest == make_plan([two]).digest


@pytest.mark.parametrize(
    "change",
    [
        {"kind": ActionKind.DELETE_LINK},
        {"resource": link(MONITORING_ID).id},
        {"before": {}},
        {"before": {"provisioningState": "Failed"}},
        {"after": None},
        {"after": {"virtualNetwork": str(MONITORING_ID), "registrationEnabled": False}},
        {"after": {"virtualNetwork": str(HUB_ID), "registrationEnabled": True}},
    ],
    ids=str,
)
def test_digest_depends_on_what_is_changed_from_what_to_what(change):
    assert make_plan([replace(LINK, **change)]).digest != make_plan([LINK]).digest


def test_digest_of_more_actions_is_another():
    assert len({make_plan(items).digest for items in ([], [LINK], [TABLE], [LINK, TABLE])}) == 4


def test_every_kind_of_action_belongs_to_a_rule():
    assert set(RULE_OF) == set(ActionKind)
    assert set(RULE_OF.values()) == set(Rule)
    assert {ActionKind.DELETE_LINK, ActionKind.FORGET_API_SERVER} == DELETIONS
    assert make_plan([LINK, UNLINK]).deletions == (UNLINK,)


def test_action_as_data_says_everything():
    assert LINK.as_data() == {
        "kind": "put_link",
        "rule": "zone_links",
        "resource": str(LINK.resource),
        "cluster": str(CLUSTER_ID),
        "before": None,
        "after": {"virtualNetwork": str(HUB_ID), "registrationEnabled": False},
        "reason": "not linked",
    }
    assert TABLE.as_data()["cluster"] is None


def test_lanes_keep_what_builds_on_each_other_together():
    elsewhere = group("rg", STRANGE_SUBSCRIPTION).resource(HUB_ID.type, "vnet").child("subnets", "nodes")
    other = replace(ATTACH, resource=elsewhere)
    second_link = replace(LINK, resource=link(MONITORING_ID).id)

    lanes = lanes_of([ATTACH, other, second_link, LINK, replace(ATTACH, resource=upper(PODS_ID)), TABLE])

    assert sorted(len(lane) for lane in lanes) == [1, 1, 1, 3]
    longest = max(lanes, key=len)
    assert [action.kind for action in longest] == [ActionKind.PUT_ROUTE_TABLE, *[ActionKind.ATTACH_ROUTE_TABLE] * 2]
    assert lanes_of([]) == []


def test_names_are_readable_and_never_the_same_for_two_things():
    twin = group("rg-other").resource(CLUSTER_ID.type, CLUSTER_ID.name)

    assert rule_name(CLUSTER_ID).startswith("aks-aks-1-")
    assert rule_name(CLUSTER_ID) == rule_name(upper(CLUSTER_ID))
    assert rule_name(CLUSTER_ID) != rule_name(twin)
    assert len(rule_name(group("rg").resource(CLUSTER_ID.type, "x" * 200))) <= 80
    assert route_table_name(SPOKE_SUBSCRIPTION, "West Europe") == "rt-aks-hublink-west-europe-22222222"
    assert short_hash(ZONE_ID, 40) == short_hash(upper(ZONE_ID), 40)
    assert len(short_hash(ZONE_ID, 40)) == 40


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [("VNet_Hub.1", 80, "vnet-hub-1"), ("--a--b--", 80, "a-b"), ("abc-def", 4, "abc"), ("äöü", 80, ""), ("a", 1, "a")],
)
def test_slug(text, limit, expected):
    assert slug(text, limit) == expected


def test_world_with_everything_wrong_still_has_one_plan():
    place = world(cluster=observed(zone=zone(links=()), registered=None), subnets=(subnet(route_table=None),))

    assert planned(place).digest == planned(place).digest
    assert actions(planned(place), ActionKind.ATTACH_ROUTE_TABLE)
