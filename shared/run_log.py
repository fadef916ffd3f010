"""What the loop and the firewall writer tell about the run that their work is a part of."""

from __future__ import annotations

from shared.clock import Clock
from shared.firewall.writer import Sync, SyncResult
from shared.loop import Report
from shared.plan.combined import finding_data
from shared.storage.runs import Place, PlaceState, Runs, touched
from shared.storage.work import SyncRequest

_KEPT_APPROVALS = 8
_NOT_SERVED = frozenset({SyncResult.BUSY, SyncResult.COVERED})
Facts = frozenset[tuple[str, ...]]


class RunReporter:
    """Writes to the storage of runs what becomes of their work."""

    def __init__(self, runs: Runs, clock: Clock) -> None:
        self._runs = runs
        self._clock = clock
        self._approved: dict[str, Facts | None] = {}

    async def approved(self, run_id: str) -> Facts | None:
        """The actions that somebody approved by the plan's digest; None: no plan was approved."""
        if run_id not in self._approved:
            run = await self._runs.get(run_id)
            facts: Facts | None = None
            if run and run.approved:
                kept = await self._runs.plan(run_id) or {}
                facts = frozenset(tuple(fact) for fact in kept.get("facts", []))
            while len(self._approved) >= _KEPT_APPROVALS:
                self._approved.pop(next(iter(self._approved)))
            self._approved[run_id] = facts
        return self._approved[run_id]

    async def report(self, report: Report) -> None:
        """Remember how an item of a run ended, or that it is looked at again. What was done before stays told."""
        now = self._clock.now()
        state = PlaceState.ENDED if report.looks_again_in is None else PlaceState.WAITING
        fresh = report.as_data()
        if report.sync_requested_at:
            fresh["syncRequestedAt"] = report.sync_requested_at.isoformat()

        def change(place: Place) -> Place:
            if place.state is PlaceState.ENDED and not fresh["actions"]:
                return place  # a message that was delivered twice finds nothing left to do
            before = place.told
            told = {**fresh, "actions": [*before.get("actions", []), *fresh["actions"]]}
            if "syncRequestedAt" in before:
                told.setdefault("syncRequestedAt", before["syncRequestedAt"])
            return touched(place, state, now, told=told)

        await self._runs.change_place(report.item.run_id or "", report.item.scope, change)

    async def firewall_served(self, request: SyncRequest, sync: Sync) -> None:
        """Remember that the firewall was looked at for a run, and what is wrong with it."""
        if request.run_id is None or sync.result in _NOT_SERVED:
            return
        errors = [finding_data(finding) for finding in sync.findings if finding.severity == "error"]
        problem = errors[0] if errors and sync.result is SyncResult.REFUSED else None
        await self._runs.firewall_served(
            request.run_id, up_to=request.requested_at, result=str(sync.result), problem=problem
        )
