"""What is not as it should be and the app may mend, as findings: for the sweep, where a change that is needed is drift.

A look at one place asks for the same changes, but there they are what the app does for a new cluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.model.resource_id import ResourceId
from shared.plan.action import Action, ActionKind, Plan, State
from shared.plan.finding import Code, Finding, Severity

_NEW: Mapping[ActionKind, Code] = {
    ActionKind.PUT_LINK: Code.LINK_MISSING,
    ActionKind.PUT_ROUTE_TABLE: Code.ROUTE_TABLE_MISSING,
    ActionKind.PUT_ROUTE: Code.ROUTE_MISSING,
    ActionKind.ATTACH_ROUTE_TABLE: Code.SUBNET_NOT_ROUTED,
    ActionKind.REGISTER_API_SERVER: Code.API_SERVER_NOT_REGISTERED,
}
_CHANGED: Mapping[ActionKind, Code] = {
    **_NEW,
    ActionKind.PUT_LINK: Code.LINK_BROKEN,
    ActionKind.DELETE_LINK: Code.LINK_LEFT_OVER,
    ActionKind.PUT_ROUTE_TABLE: Code.ROUTE_TABLE_CHANGED,
    ActionKind.PUT_ROUTE: Code.ROUTE_WRONG,
    ActionKind.REGISTER_API_SERVER: Code.API_SERVER_CHANGED,
    ActionKind.FORGET_API_SERVER: Code.API_SERVER_LEFT_OVER,
}
CODES = frozenset({*_NEW.values(), *_CHANGED.values()})
"""The codes of findings that stand for an action of the same report."""


Place = tuple[str, str]
"""The kind of a change and the resource it is for."""


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """Why a change that is needed will not be made: Azure refused the last try, or is known to refuse it."""

    code: Code
    message: str
    fix: str


def place_of(kind: str, resource: ResourceId) -> Place:
    """What a change is for; the same for ids that differ in case."""
    return str(kind), resource.key


def drift_findings(plan: Plan, obstacles: Mapping[Place, Obstacle]) -> Iterator[Finding]:
    """A finding for every change that is needed; not repaired is what the mode holds back or Azure refuses."""
    for action in plan.actions:
        obstacle = obstacles.get(place_of(action.kind, action.resource))
        yield _refused(action, obstacle) if obstacle else _finding(action, repaired=True)
    for action in plan.held_back:
        yield _finding(action, repaired=False)


def _refused(action: Action, obstacle: Obstacle) -> Finding:
    return Finding(
        code=obstacle.code,
        severity=Severity.ERROR,
        resource=action.resource,
        cluster=action.cluster,
        message=f"{_sentence(action.reason)}, and the app cannot mend it. {obstacle.message}",
        fix=obstacle.fix,
    )


def _finding(action: Action, *, repaired: bool) -> Finding:
    codes = _NEW if action.before is None else _CHANGED
    found, expected = _differing(action.before, action.after)
    by_hand = f"Set MODE_{action.rule.upper()} (or MODE) to enforce and the app does it."
    return Finding(
        code=codes[action.kind],
        severity=Severity.WARNING,
        resource=action.resource,
        cluster=action.cluster,
        message=f"{_sentence(action.reason)}. Expected {expected}; found {found}.",
        fix="Nothing to do: the app repairs it." if repaired else by_hand,
        repaired=repaired,
    )


def _sentence(reason: str) -> str:
    # A reason may begin with a resource's name, which stays as it is.
    return reason[:1].upper() + reason[1:] if reason.split(" ", 1)[0].isalpha() else reason


def _differing(before: State | None, after: State | None) -> tuple[str, str]:
    """What was found and what is expected, reduced to what differs."""
    old, new = before or {}, after or {}
    names = [name for name in (*new, *old) if old.get(name) != new.get(name)]
    return _in_words(before, names), _in_words(after, names)


def _in_words(state: State | None, names: list[str]) -> str:
    if state is None:
        return "none"
    told = (f"{name} {_short(state[name])}" for name in dict.fromkeys(names) if state.get(name) not in (None, ""))
    return ", ".join(told) or "none"


def _short(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return " and ".join(_short(item) for item in value) or "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return ResourceId.parse(text).name if text.startswith("/subscriptions/") else text
