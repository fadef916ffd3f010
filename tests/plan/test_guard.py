"""The guard: honest plans pass, the caps hold, and what only reports is held back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.errors import UnsafePlan
from shared.plan.action import ActionKind, Plan, make_plan
from shared.plan.finding import Code
from shared.plan.guard import guard
from shared.settings import Mode, Rule
from tests.builders import (
    CLUSTER_ID,
    api_server,
    observed,
    planned,
    settings,
    world,
    zone,
)
from tests.plan.guarding import (
    BARE,
    LOST_ROUTE,
    RETIRED,
    STRANGER,
    TRUST,
    UNLINKED,
    UNREGISTERED,
    UNROUTED,
    changed,
    first,
)


@pytest.mark.parametrize(
    ("place", "values"),
    [(UNLINKED, {}), (UNROUTED, {}), (UNREGISTERED, {}), (LOST_ROUTE, {}), (RETIRED, TRUST)],
    ids=["links", "route tables", "registry", "route", "retired"],
)
def test_honest_plan_passes_unchanged(place, values):
    made = planned(place, **values)

    assert made.actions
    assert guard(made, place, settings(**values)) == made


# Caps


def test_plan_with_more_changes_than_the_cap_is_refused_with_the_numbers():
    made = planned(UNLINKED)

    assert guard(made, UNLINKED, settings(max_changes_per_run=2)) == made
    with pytest.raises(UnsafePlan, match="2 changes, MAX_CHANGES_PER_RUN allows 1; nothing was applied") as refused:
        guard(made, UNLINKED, settings(max_changes_per_run=1))
    assert refused.value.code == Code.PLAN_TOO_LARGE


def test_plan_with_more_deletions_than_the_cap_is_refused_with_the_numbers():
    made = planned(RETIRED, **TRUST)

    assert len(made.deletions) == 3
    assert guard(made, RETIRED, settings(max_deletions_per_run=3, **TRUST)) == made
    with pytest.raises(UnsafePlan, match="3 deletions, MAX_DELETIONS_PER_RUN allows 2") as refused:
        guard(made, RETIRED, settings(max_deletions_per_run=2, **TRUST))
    assert refused.value.code == Code.PLAN_TOO_LARGE


def test_cap_of_no_deletions_still_lets_changes_pass():
    assert guard(planned(UNLINKED), UNLINKED, settings(max_deletions_per_run=0)).actions


def test_empty_plan_passes_every_cap():
    assert guard(Plan(), world(), settings(max_changes_per_run=1, max_deletions_per_run=0)) == Plan()


# Report mode

EVERYTHING = replace(
    world(cluster=observed(zone=zone(links=()), registered=None), subnets=(BARE,), tables=()),
    retired=(api_server(cluster=CLUSTER_ID.parent.resource(CLUSTER_ID.type, "aks-gone")),),
)


@pytest.mark.parametrize("rule", list(Rule))
def test_rule_that_only_reports_is_held_back_and_the_others_go_on(rule):
    made = planned(EVERYTHING)
    guarded = guard(made, EVERYTHING, settings(**{f"mode_{rule}": Mode.REPORT}))

    assert {action.rule for action in guarded.held_back} == {rule}
    assert {action.rule for action in guarded.actions} == set(Rule) - {rule}
    assert sorted([*guarded.actions, *guarded.held_back], key=lambda action: action.sort_key) == list(made.actions)
    assert (guarded.findings, guarded.waiting) == (made.findings, made.waiting)


def test_report_mode_holds_everything_back():
    made = planned(EVERYTHING)
    guarded = guard(made, EVERYTHING, settings(mode=Mode.REPORT))

    assert guarded.empty
    assert guarded.held_back == made.actions


def test_held_back_actions_do_not_count_for_the_caps_and_are_not_judged():
    unsafe = changed(first(UNLINKED, ActionKind.PUT_LINK), virtualNetwork=str(STRANGER))
    made = make_plan([unsafe])

    assert guard(made, UNLINKED, settings(mode_zone_links=Mode.REPORT)).held_back == (unsafe,)
    guarded = guard(planned(EVERYTHING), EVERYTHING, settings(mode_zone_links=Mode.REPORT, max_changes_per_run=4))
    assert len(guarded.actions) == 4
