"""Event Grid's delivery rules for an Azure function as endpoint: what an answer means and when the next try is.

Figures are those of Event Grid's delivery-and-retry article: back-off steps, the shortest wait per outcome, 30
attempts, 24 hours to live. How long delayed delivery holds an endpoint back is not documented beyond "sometimes for
hours"; the steps here are this project's assumption. Event Grid jitters its back-off, this one does not.
"""

from __future__ import annotations

from dataclasses import dataclass

SCHEDULE = (10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0, 10_800.0, 21_600.0, 43_200.0)
MAX_ATTEMPTS = 30
TIME_TO_LIVE = 24 * 3600.0
RESPONSE_TIMEOUT = 30.0
LATE_ANSWER = 180.0
FAILURES_BEFORE_DELAY = 10
_DELAYED = (300.0, 600.0, 1800.0, 3600.0, 10_800.0)
_FINAL = {400: "BadRequest", 403: "Forbidden", 413: "PayloadTooLarge"}
_WAITS = {
    401: ("Unauthorized", 300.0),
    404: ("NotFound", 300.0),
    408: ("TimedOut", 120.0),
    503: ("Busy", 30.0),
}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What an attempt came to. `wait` is the shortest time to the next try, in seconds; None means never again."""

    outcome: str
    delivered: bool = False
    wait: float | None = None


DELIVERED = Verdict(outcome="Delivered", delivered=True)
TIMED_OUT = Verdict(outcome="TimedOut", wait=10.0)
SOCKET_ERROR = Verdict(outcome="SocketError", wait=30.0)


def verdict_on(status: int) -> Verdict:
    """What this HTTP status means to Event Grid."""
    if 200 <= status <= 204:
        return DELIVERED
    if status in _FINAL:
        return Verdict(outcome=_FINAL[status])
    outcome, wait = _WAITS.get(status, ("Busy", 10.0))
    return Verdict(outcome=outcome, wait=wait)


def wait_after(attempts: int, verdict: Verdict) -> float:
    """Seconds from a failed attempt to the next; `attempts` counts those made."""
    step = SCHEDULE[min(attempts, len(SCHEDULE)) - 1]
    return max(step, verdict.wait or 0.0)


def penalty(failures: int) -> float:
    """Seconds that an endpoint with so many straight failures is left alone."""
    over = failures - FAILURES_BEFORE_DELAY
    return 0.0 if over < 0 else _DELAYED[min(over, len(_DELAYED) - 1)]
