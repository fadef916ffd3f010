"""One event on its way to one function, and the record of every try."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from local.azure.clock import Timer
from local.azure.event_grid.filters import EventSubscription


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One try, as the log shows it. `at` is in simulated seconds; `status` None when no answer came."""

    at: float
    function: str
    event_id: str
    operation_name: str
    subject: str
    number: int
    outcome: str
    status: int | None
    detail: str = ""


@dataclass(kw_only=True, eq=False)
class Delivery:
    """One event for one event subscription. `state` is pending, held, delivered or dropped."""

    event: dict[str, Any]
    to: EventSubscription
    published: float
    state: str = "pending"
    attempts: int = 0
    in_flight: int = 0
    last_outcome: str = ""
    reason: str = ""
    due: float | None = None
    timer: Timer | None = field(default=None, repr=False)

    def summary(self) -> dict[str, Any]:
        """What the control API shows of it."""
        return {
            "event": self.event["id"],
            "operationName": self.event["data"]["operationName"],
            "subject": self.event["subject"],
            "function": self.to.function,
            "state": self.state,
            "attempts": self.attempts,
            "lastDeliveryOutcome": self.last_outcome,
            "reason": self.reason,
            "due": self.due,
        }


@dataclass(kw_only=True)
class EndpointHealth:
    """How a function has answered lately. Until `delayed_until` (simulated seconds) it is left alone."""

    failures: int = 0
    delayed_until: float = 0.0
