"""The one loop: observe, plan, guard, apply, report. Every trigger runs it on a scope of its own."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from shared.apply.executor import Executor
from shared.apply.outcome import Outcome, Result
from shared.clock import Clock
from shared.errors import NotReady, PermanentError, ResourceGone, TemporaryError, UnsafePlan
from shared.events import is_looked_after
from shared.model.resource_id import ResourceId
from shared.model.scope import Scope, ScopeKind
from shared.model.world import World
from shared.observe.observer import Observer
from shared.plan.action import Action, ActionKind, Plan, Waiting
from shared.plan.combined import finding_data, keep_approved, waiting_data
from shared.plan.finding import Code, Finding, Severity
from shared.plan.guard import guard
from shared.plan.planner import plan
from shared.reporter import Reporter
from shared.settings import Settings
from shared.storage.firewall_state import FirewallState
from shared.storage.registry import Registry
from shared.storage.work import SyncRequest, WorkItem
from shared.telemetry import telemetry
from shared.telling import tell, tell_finding, working_for

log = logging.getLogger(__name__)

_REGISTRY_ACTIONS = frozenset({ActionKind.REGISTER_API_SERVER, ActionKind.FORGET_API_SERVER})


@dataclass(frozen=True, kw_only=True)
class Report:
    """What one run of the loop found, did and left.

    `looks_again_in` is in seconds; None when it is finished. `sync_requested_at` is the moment that the firewall was
    asked to be brought in line with; `not_approved` is what would have been done, had it been in the approved plan.
    """

    item: WorkItem
    plan: Plan = field(default_factory=Plan)
    outcomes: tuple[Outcome, ...] = ()
    findings: tuple[Finding, ...] = ()
    looks_again_in: float | None = None
    sync_requested_at: datetime | None = None
    not_approved: tuple[Action, ...] = ()

    @property
    def asked_for_sync(self) -> bool:
        """Whether the firewall writer was asked."""
        return self.sync_requested_at is not None

    def as_data(self) -> dict[str, Any]:
        """The report as JSON data."""
        return {
            "actions": [outcome.as_data() for outcome in self.outcomes],
            "findings": [finding_data(finding) for finding in self.findings],
            "waiting": [waiting_data(waiting) for waiting in self.plan.waiting],
            "heldBack": [action.as_data() for action in self.plan.held_back],
            "notApproved": [action.as_data() for action in self.not_approved],
            "looksAgainIn": self.looks_again_in,
        }


class Queues(Protocol):
    """Where the loop leaves work for later; the storage's queues, or a list in a process that does it all itself."""

    async def reconcile(self, item: WorkItem, *, delay: float = 0.0) -> None:
        """Ask for a look after `delay` seconds."""

    async def sync_firewall(self, request: SyncRequest, *, delay: float = 0.0) -> None:
        """Ask for a sync of the firewall."""


class RunLog(Protocol):
    """What the loop asks and tells about the run that an item is a part of."""

    async def approved(self, run_id: str) -> frozenset[tuple[str, ...]] | None:
        """The actions (`Action.facts`) that somebody approved by the plan's digest; None: no plan was approved."""

    async def report(self, report: Report) -> None:
        """Remember how an item of a run ended, or that it is looked at again."""


class Reconciler:
    """Runs the loop for work items from the queue."""

    def __init__(
        self,
        *,
        observer: Observer,
        executor: Executor,
        registry: Registry,
        firewall_state: FirewallState,
        queues: Queues,
        settings: Settings,
        clock: Clock,
        runs: RunLog | None = None,
        reporter: Reporter | None = None,
    ) -> None:
        self._observer = observer
        self._executor = executor
        self._registry = registry
        self._firewall_state = firewall_state
        self._queues = queues
        self._runs = runs
        self._reporter = reporter
        self._settings = settings
        self._clock = clock

    async def run(self, item: WorkItem) -> Report:
        """Look at one scope and put right what is wrong.

        What is not ready yet goes back on the queue with a growing delay and is given up, with a finding, after
        GIVE_UP_MINUTES. Only a failing storage account raises; then the host delivers the message again.
        """
        if not (is_looked_after(item.scope, self._settings) or await self._is_registered(item.scope)):
            tell(log, "scope not looked after", scope=str(item.scope))
            report = Report(item=item)
        else:
            if item.event_time and not item.attempt:
                telemetry().event_started((self._clock.now() - item.event_time).total_seconds(), function=item.asked_by)
            with working_for(function="reconcile", asked_by=item.asked_by, correlation=item.correlation_id):
                report = await self._run(item)
        if item.run_id and self._runs:
            await self._runs.report(report)
        return report

    async def _is_registered(self, scope: Scope) -> bool:
        """Whether a cluster has a rule although its subscription was taken out of care: the rule must go with it."""
        return scope.kind is ScopeKind.CLUSTER and await self._registry.get(scope.resource) is not None

    async def _run(self, item: WorkItem) -> Report:
        not_before = 0.0
        try:
            report = await self._look_and_mend(item)
        except (NotReady, TemporaryError) as error:
            not_before = self._asked_wait(error)
            report = Report(item=item, plan=Plan(waiting=(_waiting(item, error),)))
        except ResourceGone:
            report = Report(item=item)
        except PermanentError as error:
            report = Report(item=item, findings=(_finding(item, error.code, error.message, error.fix),))
        report = await self._look_again_if_needed(report, not_before)
        _tell(report)
        self._measure(report)
        if self._reporter:
            await self._reporter.reconciled(report.outcomes, report.findings)
        return report

    async def _look_and_mend(self, item: WorkItem) -> Report:
        world = await self._observer.observe(item.scope)
        wanted, others, settings = await self._approved(item, plan(world, self._settings))
        try:
            safe = guard(wanted, world, settings)
        except UnsafePlan as error:
            unsafe = _finding(item, error.code, error.message, error.fix)
            return Report(item=item, plan=wanted, findings=(*wanted.findings, unsafe))
        outcomes = await self._executor.apply(safe)
        refused = tuple(outcome.finding for outcome in outcomes if outcome.finding)
        asked = await self._ask_for_sync(item, world, outcomes)
        return Report(
            item=item,
            plan=safe,
            outcomes=outcomes,
            findings=(*safe.findings, *refused),
            sync_requested_at=asked,
            not_approved=others,
        )

    async def _approved(self, item: WorkItem, wanted: Plan) -> tuple[Plan, tuple[Action, ...], Settings]:
        """The approved part of a plan, the rest, and the settings to guard it by: an approval lifts the caps."""
        approved = await self._runs.approved(item.run_id) if item.run_id and self._runs else None
        if approved is None:
            return wanted, (), self._settings
        kept, others = keep_approved(wanted, approved)
        size = max(len(kept.actions), 1)
        caps = {"max_changes_per_run": size, "max_deletions_per_run": size}
        return kept, others, self._settings.model_copy(update=caps)

    async def _ask_for_sync(self, item: WorkItem, world: World, outcomes: tuple[Outcome, ...]) -> datetime | None:
        """Ask the firewall writer, when the registry says something that the firewall has not been told."""
        changed = any(
            outcome.action.kind in _REGISTRY_ACTIONS and outcome.result is Result.DONE for outcome in outcomes
        )
        # Somebody wrote the policy, maybe we ourselves: the writer looks, and writes only what differs.
        changed = changed or item.scope.kind is ScopeKind.FIREWALL_POLICY
        clusters = [observed.cluster.id for observed in world.clusters]
        # Of a cluster that is gone no row may be left to tell whether the firewall still has its rule.
        if not changed and not world.gone and not await self._is_ahead_of_firewall(clusters):
            return None
        requested_at = self._clock.now()
        await self._queues.sync_firewall(
            SyncRequest(
                policy=self._settings.firewall_policy_id,
                requested_at=requested_at,
                asked_by=item.asked_by,
                correlation_id=item.correlation_id,
                run_id=item.run_id,
            )
        )
        return requested_at

    async def _is_ahead_of_firewall(self, clusters: list[ResourceId]) -> bool:
        # A worker that died between registering and asking leaves such rows behind.
        rows = [row for row in [await self._registry.get(cluster) for cluster in clusters] if row]
        if not rows:
            return False
        last = await self._firewall_state.last_sync(self._settings.firewall_policy_id)
        return last is None or any(row.changed_at >= last.read_at for row in rows)

    def _measure(self, report: Report) -> None:
        """In real seconds also where the clock is scaled: what Application Insights shows is no simulation."""
        item, now = report.item, self._clock.now()
        progressed = item.attempt > 0 or any(outcome.result is Result.DONE for outcome in report.outcomes)
        if report.looks_again_in is None and progressed and not report.findings:
            telemetry().converged((now - item.first_asked).total_seconds(), asked_by=item.asked_by)

    def _asked_wait(self, error: NotReady | TemporaryError) -> float:
        # Azure's Retry-After is real time already; delays of messages are scaled by the clock.
        asked = error.retry_after if isinstance(error, TemporaryError) else None
        return (asked or 0.0) / self._clock.scaled(1.0)

    async def _look_again_if_needed(self, report: Report, not_before: float) -> Report:
        waiting = [*report.plan.waiting]
        waiting += [
            Waiting(resource=outcome.action.resource, message=outcome.message)
            for outcome in report.outcomes
            if outcome.result is Result.LATER
        ]
        if not waiting:
            return report
        item = report.item
        if self._clock.now() - item.first_asked >= self._patience():
            given_up = tuple(_given_up(entry, item.first_asked) for entry in waiting)
            return replace(report, findings=(*report.findings, *given_up))
        # Something was done: the next look is the first of a new situation and may come soon.
        progressed = any(outcome.result is Result.DONE for outcome in report.outcomes)
        delay = max(replace(item, attempt=0).delay if progressed else item.delay, not_before)
        await self._queues.reconcile(item.next_attempt(), delay=delay)
        return replace(report, looks_again_in=delay)

    def _patience(self) -> timedelta:
        return timedelta(seconds=self._clock.scaled(self._settings.give_up_minutes * 60))


def _waiting(item: WorkItem, error: NotReady | TemporaryError) -> Waiting:
    return Waiting(resource=item.scope.resource, message=error.message, fix=error.fix)


def _finding(item: WorkItem, code: str, message: str, fix: str) -> Finding:
    return Finding(code=Code(code), severity=Severity.ERROR, resource=item.scope.resource, message=message, fix=fix)


def _given_up(waiting: Waiting, since: datetime) -> Finding:
    return Finding(
        code=waiting.code,
        severity=Severity.ERROR,
        resource=waiting.resource,
        message=f"Given up after waiting since {since:%Y-%m-%d %H:%M} UTC: {waiting.message}",
        fix=waiting.fix or "Look at the cluster's own state; the next event or drift run looks again.",
    )


def _tell(report: Report) -> None:
    for finding in report.findings:
        tell_finding(log, finding)
    tell(
        log,
        "scope reconciled",
        scope=str(report.item.scope),
        actions=len(report.plan.actions),
        held_back=len(report.plan.held_back),
        digest=report.plan.digest[:12],
        waiting=[waiting.message for waiting in report.plan.waiting],
        looks_again_in=report.looks_again_in,
        asked_for_sync=report.asked_for_sync,
    )
