"""The guard: refuses what is unsafe, whatever the rules think of it.

It checks every action against the world once more by other means than the rule that asked for it (`checks.py`), so
that a mistake in one of the two writes nothing.
"""

from __future__ import annotations

from dataclasses import replace

from shared.errors import UnsafePlan
from shared.model.world import World
from shared.plan.action import ActionKind, Plan
from shared.plan.checks import CHECKS, Case
from shared.plan.finding import Code
from shared.settings import Mode, Settings


def guard(plan: Plan, world: World, settings: Settings) -> Plan:
    """The plan as it may be applied: actions of rules that only report are held back.

    Raises:
        UnsafePlan: more changes or deletions than the caps, or an action outside of what the app may touch.
            Nothing of the plan may be applied then.
    """
    allowed = tuple(action for action in plan.actions if settings.mode_of(action.rule) is Mode.ENFORCE)
    held_back = tuple(action for action in plan.actions if settings.mode_of(action.rule) is not Mode.ENFORCE)
    guarded = replace(plan, actions=allowed, held_back=held_back)
    check_size(guarded, settings)
    tables = frozenset(action.resource for action in allowed if action.kind is ActionKind.PUT_ROUTE_TABLE)
    for action in allowed:
        CHECKS[action.kind](Case(action=action, world=world, settings=settings, new_tables=tables))
    return guarded


def check_size(plan: Plan, settings: Settings) -> None:
    """Refuse a plan with more changes or deletions than the caps. Raises UnsafePlan."""
    checks = (
        (len(plan.actions), settings.max_changes_per_run, "changes", "MAX_CHANGES_PER_RUN"),
        (len(plan.deletions), settings.max_deletions_per_run, "deletions", "MAX_DELETIONS_PER_RUN"),
    )
    for wanted, cap, what, setting in checks:
        if wanted > cap:
            raise UnsafePlan(
                f"The plan has {wanted} {what}, {setting} allows {cap}; nothing was applied.",
                code=Code.PLAN_TOO_LARGE,
                fix=f"Look at the plan; if it is right, raise {setting} or approve the plan by its digest.",
            )
