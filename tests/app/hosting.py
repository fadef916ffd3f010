"""This repository's function app in a functions host, in the test's own event loop."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from local.azure.azure import Activity
from local.azure.event_grid.payloads import event_for
from local.azure.rbac import OPERATOR
from local.host.server import FunctionsHost
from shared import process, runtime, settings
from tests.app.conftest import Contoso

APP = Path(__file__).parents[2]
QUEUE_FUNCTIONS = ("reconcile", "sync_firewall", "run_backfill")


class _Recorder(logging.Handler):
    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__()
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)


@dataclass(frozen=True, kw_only=True)
class Hosted:
    """A running host, and ways to call it."""

    host: FunctionsHost
    http: aiohttp.ClientSession
    records: list[logging.LogRecord]

    async def deliver(self, function: str, event: Any) -> tuple[int, float]:
        """Post an event as Event Grid does; answers the status and how many seconds it took."""
        started = time.perf_counter()
        async with self.http.post(
            f"/runtime/webhooks/EventGrid?functionName={function}",
            data=BytesIO(event if isinstance(event, bytes) else json.dumps([event]).encode()),
            headers={"aeg-event-type": "Notification", "Content-Type": "application/json"},
        ) as answer:
            await answer.read()
            return answer.status, time.perf_counter() - started

    def done(self, function: str) -> int:
        """How many invocations of a function have ended."""
        return sum(record.getMessage().startswith(f"Executed 'Functions.{function}'") for record in self.records)

    async def get(self, path: str) -> tuple[int, Any]:
        """GET something that answers JSON."""
        async with self.http.get(path) as answer:
            return answer.status, await answer.json()


def environment_of(contoso: Contoso, **more: str) -> dict[str, str]:
    """The app settings that go with a world."""
    return {
        **contoso.seed["settings"],
        "ARM_ENDPOINT": contoso.azure.base_url,
        "AzureWebJobsStorage": contoso.connection_string,
        "TIME_SCALE": str(contoso.azure.clock.speed or 1),
        **more,
    }


@asynccontextmanager
async def hosting(
    monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str], *, queues: bool = True, speed: float = 1.0
) -> AsyncIterator[Hosted]:
    """Run the app with these settings; without `queues` messages stay where they are."""
    disabled = ("detect_drift", *(() if queues else QUEUE_FUNCTIONS))
    values = {**environment, **{f"AzureWebJobs.{name}.Disabled": "true" for name in disabled}}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    settings.settings_from_environment.cache_clear()
    records: list[logging.LogRecord] = []
    listening = _Recorder(records)
    log = logging.getLogger("local.host.invoker")
    log.addHandler(listening)
    log.setLevel(logging.INFO)
    host = FunctionsHost(app_dir=APP, environment=values, port=0, speed=speed)
    await host.start()
    try:
        async with aiohttp.ClientSession(host.base_url) as http:
            yield Hosted(host=host, http=http, records=records)
    finally:
        await host.stop(5.0)
        log.removeHandler(listening)
        await _forget_runtimes()
        settings.settings_from_environment.cache_clear()
        for name in values:
            monkeypatch.delenv(name, raising=False)


async def _forget_runtimes() -> None:
    for found in runtime._runtimes.values():
        await found.close()
    for queues in process._queues.values():
        await queues._account.close()
    runtime._runtimes.clear()
    process._queues.clear()


def event_of(contoso: Contoso, resource_id: str, operation: str, *, kind: str = "Write", **more: Any) -> dict[str, Any]:
    """The event of something the operator did, claims and all."""
    activity = Activity(
        kind=kind,
        outcome="Success",
        resource_id=resource_id,
        operation_name=operation,
        principal=OPERATOR,
        correlation_id="c0ffee00-0000-4000-8000-000000000001",
        at=contoso.azure.clock.now(),
        http={"method": "PUT", "url": f"https://management.azure.com{resource_id}"},
    )
    return {**event_for(activity, seed=1), **more}


async def until(condition: Any, *, within: float = 20.0) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
