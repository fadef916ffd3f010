"""Applying an approved plan in this process: the app's loop without its queues, then the firewall."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shared.apply.executor import Executor
from shared.apply.writer import NetworkWriter
from shared.errors import TemporaryError
from shared.firewall.writer import FirewallWriter, Sync, SyncResult
from shared.loop import Reconciler, Report
from shared.plan.combined import CombinedPlan
from shared.runtime import Runtime
from shared.storage.work import SyncRequest, WorkItem, WorkQueues
from shared.survey import SIDE_BY_SIDE

BUSY_SECONDS = 15.0
_ELSEWHERE = frozenset({SyncResult.BUSY, SyncResult.COVERED})


class _Later(WorkQueues):
    """What the loop leaves for later, kept in this process."""

    def __init__(self) -> None:
        self.items: list[tuple[WorkItem, float]] = []

    async def reconcile(self, item: WorkItem, *, delay: float = 0.0) -> None:
        self.items.append((item, delay))

    async def sync_firewall(self, request: SyncRequest, *, delay: float = 0.0) -> None:
        """Nothing to keep: the firewall is brought in line at the end, by this process."""


@dataclass(kw_only=True)
class _Approved:
    """The run as the loop sees it: the approved actions, and a place for reports."""

    facts: frozenset[tuple[str, ...]]
    reports: list[Report] = field(default_factory=list)

    async def approved(self, run_id: str) -> frozenset[tuple[str, ...]]:  # noqa: ARG002  # there is one run only
        """The approved actions."""
        return self.facts

    async def report(self, report: Report) -> None:
        """Keep a report."""
        self.reports.append(report)


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What came of a plan."""

    reports: tuple[Report, ...]
    sync: Sync

    @property
    def done(self) -> bool:
        """Whether everything was done and the firewall is in line."""
        errors = any(finding.severity == "error" for report in self.reports for finding in report.findings)
        left = any(report.not_approved for report in self.reports)
        in_line = self.sync.result in (SyncResult.SATISFIED, SyncResult.UNCHANGED, SyncResult.WRITTEN)
        return not errors and not left and in_line

    def as_data(self) -> dict[str, Any]:
        """What came of it, as JSON data."""
        data = [report.as_data() for report in self.reports]
        return {
            "done": self.done,
            "actions": [outcome for report in data for outcome in report["actions"]],
            "findings": [finding for report in data for finding in report["findings"]],
            "notApproved": [action for report in data for action in report["notApproved"]],
            "firewall": {"result": str(self.sync.result), "writes": self.sync.writes},
        }


async def apply_plan(app: Runtime, plan: CombinedPlan, progress: Callable[[], None]) -> Applied:
    """Work on every place of an approved plan, then bring the firewall in line."""
    later, run = _Later(), _Approved(facts=frozenset(action.facts for action in plan.plan.actions))
    run_id = str(uuid.uuid4())
    loop = Reconciler(
        observer=app.observer,
        executor=Executor(NetworkWriter(app.clients), app.registry, app.locks, app.clock),
        registry=app.registry,
        firewall_state=app.firewall_state,
        queues=later,
        settings=app.settings,
        clock=app.clock,
        runs=run,
    )
    free = asyncio.Semaphore(SIDE_BY_SIDE)

    async def work_on(item: WorkItem, delay: float = 0.0) -> None:
        if delay:
            await app.clock.sleep(delay)
        async with free:
            await loop.run(item)

    now = app.clock.now()
    wanted = [place.scope for place in plan.places if place.wants_work]
    items = [
        WorkItem(scope=scope, asked_by="cli", correlation_id=run_id, first_asked=now, run_id=run_id) for scope in wanted
    ]

    async def to_the_end(item: WorkItem) -> None:
        await work_on(item)
        while mine := [entry for entry in later.items if entry[0].scope == item.scope]:
            for entry in mine:
                later.items.remove(entry)
                await work_on(*entry)
        progress()

    await asyncio.gather(*(to_the_end(item) for item in items))
    sync = await _bring_firewall_in_line(app, later, run_id)
    return Applied(reports=tuple(_last_word(run.reports)), sync=sync)


async def _bring_firewall_in_line(app: Runtime, later: _Later, run_id: str) -> Sync:
    writer = FirewallWriter(
        clients=app.clients,
        reader=app.reader,
        observer=app.observer,
        registry=app.registry,
        state=app.firewall_state,
        history=app.firewall_history,
        queues=later,
        locks=app.locks,
        settings=app.settings,
        clock=app.clock,
    )
    asked: datetime = app.clock.now()
    request = SyncRequest(
        policy=app.settings.firewall_policy_id, requested_at=asked, asked_by="cli", correlation_id=run_id
    )
    writes = 0
    while True:
        try:
            sync = await writer.sync(request)
        except TemporaryError:
            sync = Sync(result=SyncResult.BUSY)
        writes += sync.writes
        if sync.result not in _ELSEWHERE:
            return replace(sync, writes=writes)
        # The deployed app writes right now; what it writes counts for us once it has read late enough.
        await app.clock.sleep(BUSY_SECONDS)


def _last_word(reports: list[Report]) -> list[Report]:
    """One report for each place: its last, with the outcomes of all."""
    merged: dict[str, Report] = {}
    for report in reports:
        key = str(report.item.scope)
        before = merged[key].outcomes if key in merged else ()
        merged[key] = replace(report, outcomes=(*before, *report.outcomes))
    return list(merged.values())
