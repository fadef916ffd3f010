"""Structured log lines, and which work they belong to.

A line is a constant message followed by its fields as JSON, so that it reads well in a terminal and parses well in
Log Analytics. The correlation id of the event goes on every line and, as a header, on every call to Azure: the
activity log then shows the same id as the event that caused a write.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.telemetry import telemetry

if TYPE_CHECKING:
    from shared.plan.finding import Finding

USER_AGENT = "aks-hublink"


@dataclass(frozen=True, kw_only=True)
class Work:
    """The piece of work that runs now: the function that does it, the one that asked for it, and its correlation id."""

    function: str
    asked_by: str
    correlation: str


_current: ContextVar[Work | None] = ContextVar("work", default=None)


@contextmanager
def working_for(*, function: str, asked_by: str, correlation: str) -> Iterator[None]:
    """Mark everything inside the block, and the tasks it starts, as belonging to one piece of work."""
    token = _current.set(Work(function=function, asked_by=asked_by, correlation=correlation))
    try:
        yield
    finally:
        _current.reset(token)


def current_work() -> Work | None:
    """The piece of work that runs now, if any."""
    return _current.get()


def tell(log: logging.Logger, message: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """Write one line: a constant message and its fields. Never pass claims, tokens or keys."""
    if not log.isEnabledFor(level):
        return
    work = current_work()
    if work:
        fields = {**fields, "asked_by": work.asked_by, "correlation": work.correlation}
    log.log(level, "%s %s", message, json.dumps(fields, default=str), extra={"fields": fields})


def tell_finding(log: logging.Logger, finding: Finding) -> None:
    """Write one line about a finding, with the fields that alerts and queries use."""
    telemetry().found(str(finding.code), str(finding.severity))
    tell(
        log,
        "finding",
        level=logging.WARNING,
        code=str(finding.code),
        severity=str(finding.severity),
        resource=str(finding.resource),
        finding=finding.message,
        fix=finding.fix,
    )
