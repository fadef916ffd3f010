"""What the queue functions do with a message: nothing is eaten.

A message that cannot be worked on now goes back with a delay; one that is malformed raises, so that the host moves it
to the poison queue, where the alert sees it.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime

from shared.drift.report import DriftReport
from shared.errors import NotReady, PermanentError, SettingsError, TemporaryError
from shared.firewall.coalescing import WAIT_SECONDS
from shared.firewall.writer import Postponed, Sync, SyncResult
from shared.loop import Report
from shared.process import current_queues
from shared.runtime import Runtime, current_runtime
from shared.storage import names
from shared.storage.work import SyncRequest, WorkItem
from shared.telemetry import telemetry
from shared.telling import tell, tell_finding, working_for

log = logging.getLogger(__name__)

SETTINGS_RETRY_SECONDS = 300.0
"""How long a message waits while the settings are wrong."""


async def work_on_reconcile(body: bytes, inserted: datetime | None = None) -> Report | None:
    """Reconcile the scope in a message; None when the message was put back because the settings are wrong.

    `inserted` is when the message was put on the queue.

    Raises:
        MalformedMessage: the host moves the message to the poison queue after its retries.
    """
    runtime = await _runtime_or_keep(names.RECONCILE_QUEUE, body)
    if runtime is None:
        return None
    _measure(names.RECONCILE_QUEUE, inserted)
    return await runtime.reconciler.run(WorkItem.decode(body))


async def work_on_sync(body: bytes, inserted: datetime | None = None) -> Sync | None:
    """Serve a sync request; None when it was put back. `inserted` is when the message was put on the queue.

    Raises:
        MalformedMessage: the host moves the message to the poison queue after its retries.
    """
    runtime = await _runtime_or_keep(names.SYNC_FIREWALL_QUEUE, body)
    if runtime is None:
        return None
    _measure(names.SYNC_FIREWALL_QUEUE, inserted)
    return await serve_sync(runtime, SyncRequest.decode(body))


def _measure(queue: str, inserted: datetime | None) -> None:
    if inserted is not None:
        telemetry().message_started((datetime.now(UTC) - inserted).total_seconds(), queue=queue)


async def serve_sync(runtime: Runtime, request: SyncRequest) -> Sync | None:
    """Serve a sync request and tell what became of it; None when it goes back on the queue."""
    with working_for(function="sync_firewall", asked_by=request.asked_by, correlation=request.correlation_id):
        return await _sync(runtime, request)


async def _sync(runtime: Runtime, request: SyncRequest) -> Sync | None:
    try:
        sync = await runtime.firewall_writer.sync(request)
    except Postponed as error:
        tell(log, "firewall busy, asking again later", level=logging.WARNING, cause=str(error), wait=error.retry_after)
        if error.sync.writes or error.sync.findings:
            await _tell_sync(runtime, request, error.sync)
        if not error.is_queued:
            await _ask_again(runtime, request, wait=error.retry_after)
        return None
    except (TemporaryError, NotReady) as error:
        tell(log, "firewall busy, asking again later", level=logging.WARNING, cause=str(error))
        await _ask_again(runtime, request)
        return None
    await _tell_sync(runtime, request, sync)
    if sync.result is SyncResult.BUSY:
        await _ask_again(runtime, request)
        return None
    return sync


async def _tell_sync(runtime: Runtime, request: SyncRequest, sync: Sync) -> None:
    for finding in sync.findings:
        tell_finding(log, finding)
    tell(log, "firewall synced", result=str(sync.result), writes=sync.writes)
    telemetry().firewall_written(sync.writes, asked_by=request.asked_by)
    settings = runtime.settings
    group = settings.firewall_policy_id.child("ruleCollectionGroups", settings.firewall_rule_collection_group)
    await runtime.reporter.firewall_written(
        str(group),
        writes=sync.writes,
        reason=str(sync.difference) if sync.difference else None,
        findings=sync.findings,
    )
    await runtime.run_log.firewall_served(request, sync)


async def _ask_again(runtime: Runtime, request: SyncRequest, *, wait: float | None = None) -> None:
    """Put the request back; `wait` is in seconds of real time, as Azure's own Retry-After."""
    again = replace(request, attempt=request.attempt + 1)
    delay = WAIT_SECONDS if wait is None else wait / runtime.clock.scaled(1.0)
    await runtime.queues.sync_firewall(again, delay=delay)


async def _runtime_or_keep(queue: str, body: bytes) -> Runtime | None:
    try:
        return current_runtime()
    except SettingsError as error:
        tell(log, "settings are wrong, message kept", level=logging.WARNING, mistakes=list(error.mistakes))
        await current_queues().keep(queue, body, delay=SETTINGS_RETRY_SECONDS)
        return None


async def work_on_drift() -> DriftReport | None:
    """Run one sweep; None when there was none: wrong settings, another sweep at work, or Azure out of reach.

    The next tick tries again, so nothing is lost; the reason is in the log.
    """
    try:
        return await current_runtime().drift_detector.run()
    except SettingsError as error:
        tell(log, "settings are wrong, no sweep", level=logging.ERROR, mistakes=list(error.mistakes))
    except (NotReady, PermanentError, TemporaryError) as error:
        tell(log, "sweep failed", level=logging.ERROR, resource=error.resource, cause=error.message, fix=error.fix)
    return None
