"""Long-running operations and the three ways Azure's services report them."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from local.azure.clock import SimulatedClock, Timer
from local.azure.errors import ArmError

SIGNATURE = "&c=c&h=h&s=s&t=t"


class Style(StrEnum):
    """Which service's manner an operation follows."""

    NETWORK = "network"
    FIREWALL = "firewall"
    PRIVATE_DNS = "private_dns"
    AKS = "aks"
    RESOURCE_GROUP = "resource_group"


@dataclass
class Operation:
    """A long-running operation. `ended` and `error` are set when it is over."""

    target: str
    style: Style
    location: str
    started: datetime
    api_version: str
    name: str
    operation_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "InProgress"
    error: dict[str, Any] | None = None
    ended: datetime | None = None
    then: list[Callable[[Operation], None]] = field(default_factory=list)
    timer: Timer | None = None

    @property
    def over(self) -> bool:
        """Whether the operation has ended, well or badly."""
        return self.ended is not None

    @property
    def subscription(self) -> str:
        """The subscription of the target."""
        return self.target.split("/")[2]

    def status_body(self) -> dict[str, Any]:
        """What the status URL answers, always under HTTP 200."""
        if self.style is Style.AKS:
            body: dict[str, Any] = {
                "name": self.operation_id,
                "status": self.status,
                "startTime": self.started.isoformat(),
            }
            if self.ended:
                body["endTime"] = self.ended.isoformat()
        else:
            body = {"status": self.status}
        if self.error:
            body["error"] = self.error
        return body


class Operations:
    """Starts operations on the simulated clock and remembers them for the status URLs."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self._by_id: dict[str, Operation] = {}
        self.failures: list[Callable[[Operation], ArmError | None]] = []
        self.on_end: list[Callable[[Operation], None]] = []

    def begin(
        self,
        *,
        target: str,
        name: str,
        style: Style,
        duration: float,
        finish: Callable[[], None],
        location: str = "global",
        api_version: str = "2025-05-01",
        fail: Callable[[ArmError], None] | None = None,
    ) -> Operation:
        """Start an operation of `duration` simulated seconds.

        `finish` makes the change real at the end; when it raises `ArmError`, or a fault was ordered for it, the
        operation fails with that error in its status body and `fail` cleans up.
        """
        operation = Operation(
            target=target,
            name=name,
            style=style,
            location=location,
            started=self._clock.now(),
            api_version=api_version,
        )
        self._by_id[operation.operation_id] = operation
        operation.timer = self._clock.call_later(duration, lambda: self._end(operation, finish, fail))
        return operation

    def _end(self, operation: Operation, finish: Callable[[], None], fail: Callable[[ArmError], None] | None) -> None:
        try:
            for ordered in self.failures:
                error = ordered(operation)
                if error:
                    raise error
            finish()
        except ArmError as error:
            if fail:
                fail(error)
            operation.error = error.error()
            self._close(operation, "Canceled" if error.code == "Canceled" else "Failed")
        else:
            self._close(operation, "Succeeded")

    def _close(self, operation: Operation, status: str) -> None:
        operation.status = status
        operation.ended = self._clock.now()
        for callback in (*operation.then, *self.on_end):
            callback(operation)

    def cancel(self, operation: Operation, error: ArmError) -> None:
        """End a running operation early, as Azure does when a newer one supersedes it."""
        if operation.over:
            return
        if operation.timer:
            operation.timer.cancel()
        operation.error = error.error()
        self._close(operation, "Canceled")

    def get(self, operation_id: str) -> Operation | None:
        """The operation with this id."""
        return self._by_id.get(operation_id)

    def running(self, target: str) -> list[Operation]:
        """Operations on exactly this resource that have not ended."""
        key = target.lower()
        return [item for item in self._by_id.values() if not item.over and item.target.lower() == key]

    def clear(self) -> None:
        """Forget every operation."""
        self._by_id.clear()


def status_path(operation: Operation) -> str:
    """Path and query of the status URL, in the manner of the operation's service."""
    sub, version = operation.subscription, operation.api_version
    if operation.style is Style.PRIVATE_DNS:
        return _dns_path(operation, "privateDnsOperationStatuses")
    if operation.style is Style.AKS:
        return (
            f"/subscriptions/{sub}/providers/Microsoft.ContainerService/locations/{operation.location}"
            f"/operations/{operation.operation_id}?api-version=2017-08-31{SIGNATURE}"
        )
    # IP groups answer with nfvOperations (recorded); firewalls and their policies come from the same service.
    segment = "nfvOperations" if operation.style is Style.FIREWALL else "operations"
    return (
        f"/subscriptions/{sub}/providers/Microsoft.Network/locations/{operation.location}"
        f"/{segment}/{operation.operation_id}?api-version={version}{SIGNATURE}"
    )


def result_path(operation: Operation) -> str:
    """Path and query of the `Location` URL."""
    sub, version = operation.subscription, operation.api_version
    if operation.style is Style.PRIVATE_DNS:
        return _dns_path(operation, "privateDnsOperationResults")
    if operation.style is Style.RESOURCE_GROUP:
        return f"/subscriptions/{sub}/operationresults/{operation.operation_id}?api-version={version}{SIGNATURE}"
    if operation.style is Style.AKS:
        return (
            f"/subscriptions/{sub}/providers/Microsoft.ContainerService/locations/{operation.location}"
            f"/operationresults/{operation.operation_id}?api-version=2017-08-31{SIGNATURE}"
        )
    segment = "nfvOperationResults" if operation.style is Style.FIREWALL else "operationResults"
    return (
        f"/subscriptions/{sub}/providers/Microsoft.Network/locations/{operation.location}"
        f"/{segment}/{operation.operation_id}?api-version={version}{SIGNATURE}"
    )


def _dns_path(operation: Operation, segment: str) -> str:
    # Private DNS lower-cases the resource group in its status URLs and hides the operation in base64.
    group = operation.target.split("/")[4].lower()
    token = encode_token(f"FrontEndAsyncOperation;{operation.name};{operation.operation_id}_global")
    return (
        f"/subscriptions/{operation.subscription}/resourceGroups/{group}/providers/Microsoft.Network"
        f"/{segment}/{token}?api-version={operation.api_version}{SIGNATURE}"
    )


def encode_token(text: str) -> str:
    """Base64 without padding, as private DNS writes its operation tokens."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_token(token: str) -> str:
    """The operation id inside a private DNS token; empty when it is none of ours."""
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except (ValueError, UnicodeDecodeError):
        return ""
    return text.rsplit(";", 1)[-1].removesuffix("_global")
