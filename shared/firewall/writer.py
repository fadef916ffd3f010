"""The one writer of the firewall policy.

A policy takes one update at a time, an update takes minutes, a busy policy answers 400, and a PUT replaces the whole
rule collection group. So: one holder of a blob lease, a dedicated group, and as few writes as possible.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from shared.azure_clients import AzureClients
from shared.clock import Clock
from shared.errors import LeaseLost, PermanentError, ResourceGone, TemporaryError, UnsafePlan
from shared.firewall.coalescing import WAIT_SECONDS, Coalescer
from shared.firewall.findings import edited_by_hand, fields_added, held, refused, too_many_removals
from shared.firewall.group_body import (
    Difference,
    body_digest,
    difference,
    has_unknown_fields,
    keeping_removed,
    provisioning_state,
    without_read_only,
)
from shared.firewall.group_writer import GroupWriter, Run, Target
from shared.firewall.hold import Hold
from shared.firewall.inspection import Inspector
from shared.firewall.setbacks import Setbacks
from shared.firewall.targets import Snapshot, Targets
from shared.observe.observer import Observer
from shared.observe.reader import Reader
from shared.plan.finding import Code, Finding
from shared.plan.names import short_hash
from shared.retry import try_again
from shared.settings import Mode, Rule, Settings
from shared.storage.firewall_history import FirewallHistory
from shared.storage.firewall_state import FirewallState, SyncState
from shared.storage.locks import Lock, Locks
from shared.storage.registry import Registry
from shared.storage.work import SyncRequest, WorkQueues
from shared.telling import tell

log = logging.getLogger(__name__)

TIME_BOX_SECONDS = 1500.0
"""A firewall update takes minutes and may have to wait for somebody else's; a queue function may run half an hour."""
LAST_START_SECONDS = 900.0
"""No further round is started after this; the rest is for the next message."""


class SyncResult(StrEnum):
    """How a sync ended.

    SATISFIED: a completed sync read the registry late enough. COVERED: another instance writes, and the request that
    waits for it stands for this one too. BUSY: another instance writes, and this request is the one that waits.
    """

    SATISFIED = "satisfied"
    COVERED = "covered"
    BUSY = "busy"
    UNCHANGED = "unchanged"
    WRITTEN = "written"
    REPORTED = "reported"
    HELD = "held"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Sync:
    """What a sync did: how it ended, the writes that Azure accepted, the last difference it found, its findings."""

    result: SyncResult
    writes: int = 0
    difference: Difference | None = None
    findings: tuple[Finding, ...] = ()


class Postponed(TemporaryError):
    """A sync that did not get through; `sync` says what it did and found until then.

    Ask again after `retry_after` seconds of real time, unless `is_queued`: then a message on the queue does.
    """

    def __init__(self, message: str, *, sync: Sync, retry_after: float, is_queued: bool, resource: str = "") -> None:
        super().__init__(message, resource=resource, retry_after=retry_after)
        self.sync = sync
        self.is_queued = is_queued


class FirewallWriter:
    """Brings our rule collection groups in line with the registry."""

    def __init__(
        self,
        *,
        clients: AzureClients,
        reader: Reader,
        observer: Observer,
        registry: Registry,
        state: FirewallState,
        history: FirewallHistory,
        queues: WorkQueues,
        locks: Locks,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._clients = clients
        self._registry = registry
        self._state = state
        self._history = history
        self._queues = queues
        self._locks = locks
        self._settings = settings
        self._clock = clock
        self._policy = settings.firewall_policy_id
        self._coalescer = Coalescer(state, self._policy, clock)
        self._setbacks = Setbacks(state, self._policy, clock)
        self._targets = Targets(reader=reader, observer=observer, registry=registry, settings=settings, clock=clock)
        self._writer = GroupWriter(clients, reader, history, clock)
        self._inspector = Inspector(reader, settings, clock)

    async def sync(self, request: SyncRequest) -> Sync:
        """Serve a request: at once when another sync serves it, else by a sync of our own.

        Raises:
            Postponed: Azure stayed busy for the whole time box or wants to be left alone, or the lock was lost.
            NotReady: the hub or a monitoring VNet does not exist.
        """
        if await self._coalescer.is_served(request):
            return Sync(result=SyncResult.SATISFIED)
        wait, cause = await self._setbacks.quiet_for()
        if wait:
            raise Postponed(cause, sync=Sync(result=SyncResult.BUSY), retry_after=wait, is_queued=False)
        # Loading the SDK keeps a cold instance busy for seconds, in which a lease could not be renewed.
        self._clients.network(self._policy.subscription_id)
        async with self._locks.hold(f"firewall-{short_hash(self._policy, 40)}") as lock:
            if lock is None:
                waits = await self._coalescer.join(request)
                return Sync(result=SyncResult.BUSY if waits else SyncResult.COVERED)
            await self._coalescer.take_over(request)
            started = self._clock.now()
            run = Run(started=started, deadline=started + self._scaled(TIME_BOX_SECONDS))
            try:
                snapshot = await self._sync_while_held(lock, run, request)
            except (PermanentError, ResourceGone, UnsafePlan) as error:
                finding = refused(error, self._targets.api_group)
                run.find(finding)
                await self._setbacks.refused(finding, started=run.started)
                return self._ended(run, SyncResult.REFUSED)
            except TemporaryError as error:
                raise await self._postponed(error, run) from error
        # Looking around takes reads only; the next writer need not wait for them.
        for finding in await self._look_around(snapshot, run):
            run.find(finding)
        return self._ended(run, self._result(run))

    async def _postponed(self, error: TemporaryError, run: Run) -> Postponed:
        if isinstance(error, LeaseLost):  # which is not Azure's doing
            wait = self._setbacks.wait_after(error)
        else:
            wait, finding = await self._setbacks.busy(error, self._targets.api_group, started=run.started)
            if finding:
                run.find(finding)
        done = self._ended(run, SyncResult.BUSY)
        return Postponed(error.message, sync=done, retry_after=wait, is_queued=run.watched, resource=error.resource)

    async def _look_around(self, snapshot: Snapshot, run: Run) -> tuple[Finding, ...]:
        try:
            return await self._inspector.inspect(snapshot, changed=run.writes > 0)
        except TemporaryError as error:
            # The sync is done; what it did and found must be told all the same.
            tell(log, "policy not inspected", level=logging.WARNING, cause=str(error))
            return self._inspector.last

    async def _sync_while_held(self, lock: Lock, run: Run, request: SyncRequest) -> Snapshot:
        """Write until nobody is owed a later read: what arrives meanwhile is one more write."""
        started = self._clock.now()
        snapshot = await self._round(lock, run, request)
        while await self._is_more_to_do(snapshot):
            if self._clock.now() - started > self._scaled(LAST_START_SECONDS):
                await self._queues.sync_firewall(replace(request, requested_at=self._clock.now()))
                break
            snapshot = await self._round(lock, run, request)
        return snapshot

    @staticmethod
    def _result(run: Run) -> SyncResult:
        if run.held:
            return SyncResult.HELD
        if run.writes:
            return SyncResult.WRITTEN
        if run.refused:
            return SyncResult.REFUSED
        pending = run.difference is not None and not run.difference.empty
        return SyncResult.REPORTED if pending else SyncResult.UNCHANGED

    @staticmethod
    def _ended(run: Run, result: SyncResult) -> Sync:
        findings = tuple(sorted(run.findings.values(), key=lambda finding: finding.sort_key))
        return Sync(result=result, writes=run.writes, difference=run.difference, findings=findings)

    async def _round(self, lock: Lock, run: Run, request: SyncRequest) -> Snapshot:
        left = (run.deadline - self._clock.now()) / self._scaled(1.0)
        snapshot = await try_again(lambda: self._bring_in_line(lock, run, request), clock=self._clock, seconds=left)
        await self._remember(snapshot)
        return snapshot

    async def _bring_in_line(self, lock: Lock, run: Run, request: SyncRequest) -> Snapshot:
        """One look, and the writes it asks for: one group after the other, as a policy takes one update at a time."""
        snapshot = await self._targets.read()
        run.held = run.refused = False
        for target in snapshot.targets:
            await self._bring_group_in_line(target, lock, run, request)
        return snapshot

    async def _bring_group_in_line(self, target: Target, lock: Lock, run: Run, request: SyncRequest) -> None:
        await self._writer.recognise(target, run)
        hold = await self._state.hold(self._policy, target.kind)
        wanted = await self._put_back(target, hold, run) if hold else await self._put_right(target, run)
        if wanted is None:
            return
        if not (wanted.difference.empty and provisioning_state(wanted.live) == "succeeded"):
            await self._watch(run, request)
            if await self._state.hold(self._policy, target.kind) != hold:
                raise _held_otherwise(target)
            await self._writer.write(wanted, lock, run)
        if hold and not await self._state.applied(self._policy, hold, target.kind):
            raise _held_otherwise(target)

    async def _put_back(self, target: Target, hold: Hold, run: Run) -> Target | None:
        """Under a hold: the body that was asked for, until the firewall has it, and nothing from then on."""
        run.difference = run.difference or target.difference
        run.find(held(target.group, hold, target.difference, target.kind))
        if hold.applied:
            run.held = True
            return None
        kept = await self._history.body(target.group, hold.digest)
        if kept is None:
            raise UnsafePlan(
                f"The body {hold.digest[:12]} that was to be put back is not in the history any more.",
                code=Code.FIREWALL_HOLD,
                resource=str(target.group),
                fix="POST /api/firewall/release, then restore another one.",
            )
        _require_quiet(target)
        body = without_read_only(kept)
        reason = f"restore of {hold.digest[:12]} by {hold.by or 'somebody'}: {hold.reason or 'no reason given'}"
        return replace(target, body=body, difference=difference(target.live, body), reason=reason)

    async def _put_right(self, target: Target, run: Run) -> Target | None:
        """What the registry asks for, as far as it may be written."""
        await self._tell_edits(target, run)
        if run.difference is None or not target.difference.empty:
            run.difference = target.difference
        _require_quiet(target)
        is_right = target.difference.empty and provisioning_state(target.live) == "succeeded"
        if not is_right and self._settings.mode_of(Rule.API_RULES) is Mode.REPORT:
            tell(log, "firewall differs, mode is report", difference=str(target.difference))
            return None
        capped = self._capped(target, run)
        if not capped.difference.empty:
            run.difference = capped.difference
        return capped

    async def _tell_edits(self, target: Target, run: Run) -> None:
        if target.difference.empty and not has_unknown_fields(target.live):
            return
        repaired = self._settings.mode_of(Rule.API_RULES) is Mode.ENFORCE
        intended = await self._history.intended(target.group)
        edited = edited_by_hand(target.group, target.live, intended, repaired=repaired)
        for finding in (edited, fields_added(target.group, target.live, intended)):
            if finding:
                run.find(finding)

    def _capped(self, target: Target, run: Run) -> Target:
        """The target itself, or, when too many rules would go, one from which none goes: additions need not wait."""
        removed, cap = len(target.difference.removed), self._settings.max_deletions_per_run
        if removed <= cap:
            return target
        run.refused = True
        run.find(too_many_removals(target.group, removed, cap))
        body = keeping_removed(target.live, target.body)
        return replace(target, body=body, difference=difference(target.live, body, own=target.body))

    async def _watch(self, run: Run, request: SyncRequest) -> None:
        """Leave a message behind before the first write: should this process die, it finishes the job.

        The message that is being worked on stays hidden for ten minutes after a crash.
        """
        if not run.watched:
            await self._queues.sync_firewall(request, delay=WAIT_SECONDS)
            run.watched = True

    async def _remember(self, snapshot: Snapshot) -> None:
        body = snapshot.api_target.body
        await self._state.completed(
            self._policy,
            SyncState(
                read_at=snapshot.read_at,
                completed_at=self._clock.now(),
                digest=body_digest(body),
                rules=sum(len(item["rules"]) for item in body["properties"]["ruleCollections"]),
            ),
        )
        await self._setbacks.over()

    async def _is_more_to_do(self, snapshot: Snapshot) -> bool:
        rows = await self._registry.all()
        if frozenset(row.api_server for row in rows) != snapshot.registered:
            return True
        return await self._coalescer.is_owed(snapshot.read_at)

    def _scaled(self, seconds: float) -> timedelta:
        return timedelta(seconds=self._clock.scaled(seconds))


def _require_quiet(target: Target) -> None:
    if provisioning_state(target.live) in ("updating", "deleting"):
        raise TemporaryError("The rule collection group is being updated.", resource=str(target.group))


def _held_otherwise(target: Target) -> TemporaryError:
    """Somebody asked for another body, or let go, while this one was being read or written: decide anew."""
    return TemporaryError("A hold was set or released meanwhile.", resource=str(target.group))
