"""Actions and plans: what is to change, from what to what, and why."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shared.model.resource_id import ResourceId
from shared.plan.finding import Code, Finding
from shared.settings import Rule

State = Mapping[str, Any]
"""A JSON-like description of a resource, reduced to what the action changes."""


class ActionKind(StrEnum):
    """Everything the app can do; there is nothing else in it that writes."""

    PUT_LINK = "put_link"
    DELETE_LINK = "delete_link"
    PUT_ROUTE_TABLE = "put_route_table"
    PUT_ROUTE = "put_route"
    ATTACH_ROUTE_TABLE = "attach_route_table"
    REGISTER_API_SERVER = "register_api_server"
    FORGET_API_SERVER = "forget_api_server"


DELETIONS = frozenset({ActionKind.DELETE_LINK, ActionKind.FORGET_API_SERVER})
RULE_OF = {
    ActionKind.PUT_LINK: Rule.ZONE_LINKS,
    ActionKind.DELETE_LINK: Rule.ZONE_LINKS,
    ActionKind.PUT_ROUTE_TABLE: Rule.ROUTE_TABLES,
    ActionKind.PUT_ROUTE: Rule.ROUTE_TABLES,
    ActionKind.ATTACH_ROUTE_TABLE: Rule.ROUTE_TABLES,
    ActionKind.REGISTER_API_SERVER: Rule.API_RULES,
    ActionKind.FORGET_API_SERVER: Rule.API_RULES,
}
_ORDER = {kind: position for position, kind in enumerate(ActionKind)}


@dataclass(frozen=True, kw_only=True)
class Action:
    """One change to one resource.

    `before` is None for something new, `after` is None for a deletion. `cluster` is the cluster it is done for.
    """

    kind: ActionKind
    resource: ResourceId
    before: State | None
    after: State | None
    reason: str
    cluster: ResourceId | None = None

    @property
    def rule(self) -> Rule:
        """The rule that wants it."""
        return RULE_OF[self.kind]

    @property
    def is_deletion(self) -> bool:
        """Whether it takes something away."""
        return self.kind in DELETIONS

    @property
    def sort_key(self) -> tuple[int, str]:
        """Links first, then route tables before what refers to them, then the registry."""
        return (_ORDER[self.kind], self.resource.key)

    @property
    def facts(self) -> tuple[str, ...]:
        """What it changes, in canonical form: equal for the same change, whatever the wording of its reason."""
        return (str(self.kind), self.resource.key, _canonical(self.before), _canonical(self.after))

    def as_data(self) -> dict[str, Any]:
        """The action as JSON data."""
        return {
            "kind": str(self.kind),
            "rule": str(self.rule),
            "resource": str(self.resource),
            "cluster": str(self.cluster) if self.cluster else None,
            "before": self.before,
            "after": self.after,
            "reason": self.reason,
        }

    def __str__(self) -> str:
        sign = "-" if self.is_deletion else ("~" if self.before else "+")
        return f"{sign} {self.kind} {self.resource}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Something that Azure has not finished yet, so that this scope must be looked at again.

    `code` is the code of the finding it becomes when it takes too long.
    """

    resource: ResourceId
    message: str
    fix: str = ""
    code: Code = Code.CLUSTER_NOT_READY


@dataclass(frozen=True, kw_only=True)
class Plan:
    """An ordered, deterministic list of actions, with findings and what to wait for. Empty: all is well."""

    actions: tuple[Action, ...] = ()
    findings: tuple[Finding, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    held_back: tuple[Action, ...] = field(default=())

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.actions

    @property
    def deletions(self) -> tuple[Action, ...]:
        """The actions that take something away."""
        return tuple(action for action in self.actions if action.is_deletion)

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical JSON of the actions: the same changes give the same digest.

        Reasons and findings are left out, so that better wording does not invalidate an approved plan.
        """
        facts = [action.facts for action in self.actions]
        text = json.dumps(facts, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def __str__(self) -> str:
        if self.empty:
            return "No changes. Everything is as it should be."
        return "\n".join(str(action) for action in self.actions)


def make_plan(
    actions: list[Action], findings: list[Finding] | None = None, waiting: list[Waiting] | None = None
) -> Plan:
    """A plan with everything in its fixed order and nothing twice."""
    unique = {(action.kind, action.resource.key): action for action in actions}
    return Plan(
        actions=tuple(sorted(unique.values(), key=lambda action: action.sort_key)),
        findings=tuple(sorted(dict.fromkeys(findings or []), key=lambda finding: finding.sort_key)),
        waiting=tuple(sorted(dict.fromkeys(waiting or []), key=lambda item: (item.resource.key, item.message))),
    )


def _canonical(state: State | None) -> str:
    # Ids come back from Azure in changing case; a digest must not depend on that.
    return json.dumps(state, sort_keys=True, separators=(",", ":"), default=str, ensure_ascii=False).lower()
