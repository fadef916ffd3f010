"""Calls to Resource Manager from inside the process: the same checks and answers as over the wire, no waiting."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from local.azure.azure import Azure
from local.azure.gateway import Gateway
from local.azure.http import ArmResponse
from local.azure.latencies import Latencies
from local.azure.rbac import OPERATOR, Principal

API_VERSIONS = {
    "microsoft.resources": "2021-04-01",
    "microsoft.network": "2025-05-01",
    "microsoft.network/privatednszones": "2024-06-01",
    "microsoft.containerservice": "2026-08-01",
    "microsoft.authorization": "2022-04-01",
}


class RefusedError(Exception):
    """A call that was refused or an operation that failed. `code` is Azure's error code."""

    def __init__(self, call: str, status: int, body: Any) -> None:
        self.status = status
        error = (body or {}).get("error", body or {})
        self.code = str(error.get("code", ""))
        super().__init__(f"{call} answered {status}: {error}")


class Caller:
    """Somebody who calls Resource Manager, by default the operator."""

    def __init__(self, azure: Azure, principal: Principal = OPERATOR) -> None:
        # The simulation registers the seeds, so it can only be imported when one of them runs.
        from local.azure.simulation import routes  # noqa: PLC0415

        self._azure = azure
        self._gateway = Gateway(azure, routes())
        self._principal = principal

    def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """PUT and, as far as no time has to pass for it, wait; answers the resource as GET has it afterwards.

        Raises:
            RefusedError: the call or its operation failed.
        """
        response = self.send("PUT", path, body)
        return self.get(path) if response.operation and response.operation.over else dict(response.body)

    def get(self, path: str) -> dict[str, Any]:
        """GET."""
        return dict(self.send("GET", path).body)

    def post(self, path: str) -> None:
        """POST without a body."""
        self.send("POST", path)

    def delete(self, path: str) -> None:
        """DELETE."""
        self.send("DELETE", path)

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> ArmResponse:
        """One call; what became due has happened when it answers."""
        self._azure.clock.run_due()
        response = self._gateway.handle(
            method=method,
            path=path,
            query={"api-version": api_version(path)},
            headers={},
            body=body,
            principal=self._principal,
        )
        call = f"{method} {path}"
        if response.status >= 400:
            raise RefusedError(call, response.status, response.body)
        self._azure.clock.run_due()
        if response.operation and response.operation.error:
            raise RefusedError(call, 200, {"error": response.operation.error})
        return response


def api_version(path: str) -> str:
    """The api-version that the clients of this project use for the path."""
    parts = path.lower().split("/providers/")
    if len(parts) == 1:
        return API_VERSIONS["microsoft.resources"]
    namespace, kind, *_ = parts[-1].split("/")
    return API_VERSIONS.get(f"{namespace}/{kind}") or API_VERSIONS[namespace]


@contextlib.contextmanager
def in_silence(azure: Azure) -> Iterator[None]:
    """Raise no events and leave no trace in the logs while the context lasts: the world has always been like this."""
    listeners, azure.listeners = azure.listeners, []
    activities, requests = len(azure.activities), len(azure.requests)
    try:
        yield
    finally:
        azure.listeners = listeners
        del azure.activities[activities:], azure.requests[requests:]


@contextlib.contextmanager
def no_waiting(azure: Azure) -> Iterator[None]:
    """Let every operation end at once while the context lasts."""
    before = azure.latencies
    azure.latencies = Latencies(**{item.name: 0.0 for item in fields(Latencies)})
    try:
        yield
    finally:
        azure.latencies = before
