"""Faults on demand: what goes wrong, where, and how often."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from local.azure.errors import ArmError
from local.azure.operations import Operation

KINDS = ("status", "lost_response", "operation_failed", "superseded", "stale", "event")


@dataclass
class Fault:
    """One ordered fault.

    `kind`:
      status            answer `status` with `code`, `message` and `headers` instead of doing the work
      lost_response     do the work, then close the connection without an answer
      operation_failed  the long-running operation ends with `code` and `message` in its status body
      superseded        the operation ends Canceled with CanceledAndSupersededDueToAnotherOperation
      stale             Resource Graph answers with the world as it was when the fault was ordered
      event             `effect` (drop, duplicate, delay, hold, reorder) for events whose operation name or subject
                        matches

    `method` and `path` (a regular expression, any case) choose the calls; the first `skip` of them pass, the next
    `count` fail. `seconds` are simulated.
    """

    kind: str
    method: str = ""
    path: str = ""
    count: int = 1
    skip: int = 0
    status: int = 500
    code: str = "InternalServerError"
    message: str = "A fault ordered by the test."
    headers: dict[str, str] = field(default_factory=dict)
    effect: str = "drop"
    seconds: float = 0.0
    fault_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    hits: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault kind {self.kind!r}: one of {', '.join(KINDS)}")

    def strikes(self, method: str, path: str) -> bool:
        """Whether this call is one that fails. Counts it."""
        if self.count <= 0 or (self.method and self.method.upper() != method.upper()):
            return False
        if not re.search(self.path, path, re.IGNORECASE):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.count -= 1
        self.hits += 1
        return True

    def error(self) -> ArmError:
        """The error a `status` or `operation_failed` fault answers with."""
        return ArmError(self.status, self.code, self.message, headers=dict(self.headers))


class Faults:
    """The faults that stand."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self.on_add: list[Callable[[Fault], None]] = []

    def add(self, order: dict[str, Any]) -> Fault:
        """Order a fault. Raises TypeError or ValueError for an order that makes no sense."""
        fault = Fault(**order)
        self._faults.append(fault)
        for callback in self.on_add:
            callback(fault)
        return fault

    def take(self, kind: str, method: str, path: str) -> Fault | None:
        """The first standing fault of this kind that strikes the call."""
        return next((fault for fault in self._faults if fault.kind == kind and fault.strikes(method, path)), None)

    def for_operation(self, operation: Operation) -> ArmError | None:
        """The error that a finished operation was ordered to end with."""
        failed = self.take("operation_failed", "", operation.target)
        if failed:
            return failed.error()
        if self.take("superseded", "", operation.target):
            return superseded(operation)
        return None

    def standing(self) -> list[dict[str, Any]]:
        """All faults with their counts, for the control API."""
        return [asdict(fault) for fault in self._faults]

    def clear(self) -> None:
        """Forget all faults."""
        self._faults.clear()


def superseded(operation: Operation) -> ArmError:
    """The error of an operation that a newer one replaced."""
    detail = (
        f"Operation {operation.name} ({operation.operation_id}) was canceled and superseded by operation "
        f"{operation.name} ({uuid.uuid4()})."
    )
    return ArmError(
        409,
        "Canceled",
        "Operation was canceled.",
        details=[{"code": "CanceledAndSupersededDueToAnotherOperation", "message": detail}],
    )
