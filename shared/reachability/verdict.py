"""The answer of an analysis: a verdict, its steps and its assumptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Address
from typing import Any

from shared.model.resource_id import ResourceId
from shared.reachability.codes import EXPLANATIONS, Outcome, ReachCode, Stage

VERSION = 1
"""Of the JSON form; grows when a member changes its meaning or goes away."""


class Answer(StrEnum):
    """The three answers."""

    REACHABLE = "reachable"
    UNREACHABLE = "unreachable"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one step found. `resource` decided it, `rule` is the firewall's or security group's rule, if one did."""

    stage: Stage
    code: ReachCode
    outcome: Outcome
    message: str
    resource: ResourceId | None = None
    rule: str = ""
    fix: str = ""
    assumptions: tuple[str, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """The step as JSON data."""
        return {
            "stage": str(self.stage),
            "code": str(self.code),
            "outcome": str(self.outcome),
            "message": self.message,
            "resource": str(self.resource) if self.resource else None,
            "rule": self.rule or None,
            "fix": self.fix or None,
            "assumptions": list(self.assumptions),
        }


def ok(code: ReachCode, message: str, resource: ResourceId | None = None, *assumptions: str, rule: str = "") -> Step:
    """A step that lets the connection pass; what has to hold for that is among the assumptions."""
    return _step(Outcome.OK, code, message, resource, assumptions, rule)


def blocked(code: ReachCode, message: str, resource: ResourceId | None = None, *, rule: str = "") -> Step:
    """A step that stops the connection."""
    return _step(Outcome.BLOCKED, code, message, resource, (), rule)


def unknown(code: ReachCode, message: str, resource: ResourceId | None, assumption: str, *, rule: str = "") -> Step:
    """A step that cannot be judged; it passes if the assumption holds."""
    return _step(Outcome.UNKNOWN, code, message, resource, (assumption,), rule)


def noted(step: Step, *assumptions: str) -> Step:
    """The step with more assumptions."""
    return replace(step, assumptions=(*step.assumptions, *assumptions))


def doubted(step: Step, assumption: str) -> Step:
    """The step as one that cannot be judged, unless the assumption holds."""
    return replace(noted(step, assumption), outcome=Outcome.UNKNOWN)


def worst(steps: Sequence[Step]) -> Step:
    """The first step that stops the connection, or else the first that cannot be judged, or else the first."""
    order = (Outcome.BLOCKED, Outcome.UNKNOWN, Outcome.OK)
    return min(steps, key=lambda step: order.index(step.outcome))


def _step(
    outcome: Outcome,
    code: ReachCode,
    message: str,
    resource: ResourceId | None,
    assumptions: tuple[str, ...],
    rule: str,
) -> Step:
    explanation = EXPLANATIONS[code]
    return Step(
        stage=explanation.stage,
        code=code,
        outcome=outcome,
        message=message,
        resource=resource,
        rule=rule,
        fix=explanation.fix,
        assumptions=assumptions,
    )


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether a subnet reaches a cluster's API server on TCP 443, and every step of the way.

    `host` is the name the analysis is about: the private one, as kubeconfig has it by default; the public one for
    clusters without a zone. `by_public_name` is the answer for the public name where there are both.
    """

    cluster: ResourceId
    source: ResourceId
    answer: Answer
    steps: tuple[Step, ...]
    host: str | None = None
    address: IPv4Address | None = None
    by_public_name: Answer | None = None

    @property
    def decided_by(self) -> Step | None:
        """The first step that stops the connection, or else the first that cannot be judged; None if all pass."""
        return next((step for wanted in _WORST_FIRST for step in self.steps if step.outcome is wanted), None)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What has to hold for the answer, in words, each once."""
        return tuple(dict.fromkeys(text for step in self.steps for text in step.assumptions))

    @property
    def codes(self) -> tuple[ReachCode, ...]:
        """The codes of the steps, in order."""
        return tuple(step.code for step in self.steps)

    def as_data(self) -> dict[str, Any]:
        """The verdict as JSON data."""
        decided = self.decided_by
        return {
            "cluster": str(self.cluster),
            "from": str(self.source),
            "verdict": str(self.answer),
            "code": str(decided.code) if decided else None,
            "host": self.host,
            "address": str(self.address) if self.address else None,
            "byPublicName": str(self.by_public_name) if self.by_public_name else None,
            "steps": [step.as_data() for step in self.steps],
            "assumptions": list(self.assumptions),
        }


_WORST_FIRST = (Outcome.BLOCKED, Outcome.UNKNOWN)


def answer_of(steps: tuple[Step, ...]) -> Answer:
    """Unreachable if any step stops the connection, ambiguous if any cannot be judged, else reachable."""
    outcomes = {step.outcome for step in steps}
    if Outcome.BLOCKED in outcomes:
        return Answer.UNREACHABLE
    return Answer.AMBIGUOUS if Outcome.UNKNOWN in outcomes else Answer.REACHABLE
