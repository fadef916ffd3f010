"""Many plans as one: of a whole fleet, with one digest, in an order that never depends on who was looked at first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from shared.model.scope import Scope
from shared.plan.action import Action, Plan, Waiting, make_plan
from shared.plan.finding import Finding

Data = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ScopePlan:
    """What one place needs. `refused` is why the guard let nothing of it pass."""

    scope: Scope
    plan: Plan = field(default_factory=Plan)
    refused: Finding | None = None

    @property
    def wants_work(self) -> bool:
        """Whether somebody has to go there: to change something, or because Azure is still at work."""
        return bool(self.plan.actions or self.plan.waiting)


@dataclass(frozen=True, kw_only=True)
class FirewallChange:
    """How our rules in the firewall would change, by rule name."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether the firewall is as it should be."""
        return not (self.added or self.removed or self.changed or self.settings)

    def as_data(self) -> Data:
        """The change as JSON data."""
        return {
            "added": list(self.added),
            "removed": list(self.removed),
            "changed": list(self.changed),
            "settings": list(self.settings),
        }


@dataclass(frozen=True, kw_only=True)
class CombinedPlan:
    """The plan for many places. `gaps` says what the search for places may have missed."""

    places: tuple[ScopePlan, ...] = ()
    plan: Plan = field(default_factory=Plan)
    refused: tuple[Finding, ...] = ()
    firewall: FirewallChange = FirewallChange()
    gaps: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The digest of all actions together; see `Plan.digest`."""
        return self.plan.digest

    @property
    def empty(self) -> bool:
        """Whether nothing would be changed, neither by actions nor in the firewall."""
        return self.plan.empty and self.firewall.empty

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the rules found and what the guard refused."""
        found = dict.fromkeys((*self.plan.findings, *self.refused))
        return tuple(sorted(found, key=lambda finding: finding.sort_key))

    def as_data(self) -> Data:
        """The plan as JSON data."""
        return {
            "digest": self.digest,
            "empty": self.empty,
            "summary": self.summary(),
            "actions": [action.as_data() for action in self.plan.actions],
            "heldBack": [action.as_data() for action in self.plan.held_back],
            "findings": [finding_data(finding) for finding in self.findings],
            "waiting": [waiting_data(waiting) for waiting in self.plan.waiting],
            "firewall": self.firewall.as_data(),
            "gaps": list(self.gaps),
        }

    def summary(self) -> dict[str, int]:
        """The plan in numbers."""
        deletions = len(self.plan.deletions)
        changes = sum(1 for action in self.plan.actions if action.before is not None and not action.is_deletion)
        return {
            "places": len(self.places),
            "add": len(self.plan.actions) - deletions - changes,
            "change": changes,
            "delete": deletions,
            "heldBack": len(self.plan.held_back),
            "findings": len(self.findings),
            "waiting": len(self.plan.waiting),
        }


def combine(
    places: Iterable[ScopePlan], *, gaps: Sequence[str] = (), firewall: FirewallChange | None = None
) -> CombinedPlan:
    """One plan from many; what several places ask for is in it once."""
    ordered = sorted(places, key=lambda place: (place.scope.kind, place.scope.resource.key))
    # The last of equal actions wins in make_plan; the first place is to keep them.
    actions = [action for place in reversed(ordered) for action in place.plan.actions]
    findings = [finding for place in ordered for finding in place.plan.findings]
    waiting = [entry for place in ordered for entry in place.plan.waiting]
    held_back = make_plan([action for place in reversed(ordered) for action in place.plan.held_back]).actions
    return CombinedPlan(
        places=tuple(ordered),
        plan=replace(make_plan(actions, findings, waiting), held_back=held_back),
        refused=tuple(place.refused for place in ordered if place.refused),
        firewall=firewall or FirewallChange(),
        gaps=tuple(gaps),
    )


def keep_approved(plan: Plan, approved: frozenset[tuple[str, ...]]) -> tuple[Plan, tuple[Action, ...]]:
    """The part of a plan that was approved (by `Action.facts`), and the actions that were not."""
    kept = tuple(action for action in plan.actions if action.facts in approved)
    others = tuple(action for action in plan.actions if action.facts not in approved)
    return replace(plan, actions=kept), others


def compare(approved: Sequence[Mapping[str, Any]], fresh: Sequence[Mapping[str, Any]]) -> Data:
    """How two lists of action data differ: what came, what went, and what is done differently now."""
    old, new = _by_place(approved), _by_place(fresh)
    return {
        "added": [new[key] for key in new if key not in old],
        "removed": [old[key] for key in old if key not in new],
        "changed": [
            {"approved": old[key], "fresh": new[key]}
            for key in new
            if key in old and _facts(old[key]) != _facts(new[key])
        ],
    }


def _by_place(actions: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Mapping[str, Any]]:
    return {(str(action["kind"]), str(action["resource"]).lower()): action for action in actions}


def _facts(action: Mapping[str, Any]) -> str:
    return str((action.get("before"), action.get("after"))).lower()


def finding_data(finding: Finding) -> Data:
    """A finding as JSON data."""
    return {
        "code": str(finding.code),
        "severity": str(finding.severity),
        "resource": str(finding.resource),
        "cluster": str(finding.cluster) if finding.cluster else None,
        "message": finding.message,
        "fix": finding.fix,
        "repaired": finding.repaired,
    }


def waiting_data(waiting: Waiting) -> Data:
    """What Azure has not finished yet, as JSON data."""
    return {"resource": str(waiting.resource), "message": waiting.message, "fix": waiting.fix}
