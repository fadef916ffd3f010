"""What became of an action, as data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.plan.action import Action
from shared.plan.finding import Code, Finding, Severity


class Result(StrEnum):
    """How an action ended."""

    DONE = "done"
    ALREADY = "already"
    GONE = "gone"
    LATER = "later"
    REFUSED = "refused"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one action ended and how long it took, in seconds.

    ALREADY: a fresh read showed that nothing was left to do. GONE: the resource was deleted meanwhile.
    LATER: Azure stayed busy for the whole time box. REFUSED: for good, see `finding`. SKIPPED: what it builds on could
    not be made, see there.
    """

    action: Action
    result: Result
    seconds: float
    message: str = ""
    finding: Finding | None = None

    def as_data(self) -> dict[str, Any]:
        """The outcome as JSON data."""
        return {
            "action": self.action.as_data(),
            "result": str(self.result),
            "seconds": round(self.seconds, 3),
            "message": self.message,
            "code": str(self.finding.code) if self.finding else None,
        }


def refusal(action: Action, *, code: str, message: str, fix: str) -> Finding:
    """The finding for an action that Azure refused for good."""
    return Finding(
        code=Code(code),
        severity=Severity.ERROR,
        resource=action.resource,
        cluster=action.cluster,
        message=message,
        fix=fix,
    )
