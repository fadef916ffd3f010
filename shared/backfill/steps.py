"""The steps of a run, each started by a message: plan it, hand out its work, and see to it until it has ended.

Every step starts from what is stored and may be repeated: after a host was killed the queue delivers its message once
more. A message that died with its host stays hidden for ten minutes, so a run looks after its places itself.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

from shared.backfill.service import check_plan, facts_of, make_combined_plan, plan_to_keep
from shared.backfill.status import FirewallState, RunFacts, Status
from shared.clock import Clock
from shared.errors import HublinkError, NotReady, PermanentError, TemporaryError
from shared.model.resource_id import ResourceId
from shared.model.scope import Scope, ScopeKind
from shared.plan.combined import CombinedPlan
from shared.problem import Problem, ProblemError
from shared.runtime import Runtime
from shared.storage.runs import Phase, Place, PlaceState, Run, touched
from shared.storage.work import RunMessage, SyncRequest, WorkItem
from shared.survey import Selection
from shared.telling import tell, working_for

log = logging.getLogger(__name__)

TICK_SECONDS = 60.0
"""How often a run looks after its places."""
SEND_AGAIN_SECONDS = 300.0
"""How long nobody may say anything about a place before its message is sent once more."""
SHORTEST_TICK, SHORTEST_WAIT = 3.0, 10.0
"""Real seconds: however fast a local Azure runs, workers take their time."""
MOST_SENDS = 5


def tick_seconds(clock: Clock) -> float:
    """Real seconds between two looks at a run."""
    return max(SHORTEST_TICK, clock.scaled(TICK_SECONDS))


class Steps:
    """Carries runs on."""

    def __init__(self, runtime: Runtime) -> None:
        self._app = runtime

    async def next(self, message: RunMessage) -> Status | None:
        """Do what comes next for a run, and say how far it is; None when nobody knows it or somebody else is at it."""
        async with self._app.locks.hold(f"run-{message.run_id}") as lock:
            return await self._next(message) if lock else None

    async def _next(self, message: RunMessage) -> Status | None:
        run = await self._app.runs.get(message.run_id)
        if run is None:
            tell(log, "message for an unknown run", level=logging.WARNING, run=message.run_id)
            return None
        with working_for(function="run_backfill", asked_by="backfill", correlation=run.run_id):
            if run.phase in (Phase.ACCEPTED, Phase.PLANNING):
                run = await self._begin(run)
            if run.phase is Phase.WORKING and run.ended_at is None:
                return await self._see_to(run)
        return None

    async def _begin(self, run: Run) -> Run:
        kept = await self._app.runs.plan(run.run_id)
        if kept is None:
            planned = await self._plan(run)
            if planned.phase is not Phase.PLANNING:
                return planned
            run, kept = planned, await self._app.runs.plan(run.run_id) or {}
        now = self._app.clock.now()
        places = [_place(entry, self._app.clock) for entry in kept.get("places", [])]
        await self._app.runs.add_places(run.run_id, places)
        for place in places:
            if place.state is PlaceState.QUEUED:
                await self._send(run, place.scope)
        # Whatever the registry says already must be in the firewall, too, when the run has ended.
        run = replace(run, phase=Phase.WORKING, sync_requested_at=now, seen_at=now)
        await self._app.runs.put(run)
        await self._ask_for_sync(run)
        return run

    async def _plan(self, run: Run) -> Run:
        run = replace(run, phase=Phase.PLANNING, seen_at=self._app.clock.now())
        await self._app.runs.put(run)
        selection = Selection(
            subscriptions=frozenset(run.request["subscriptions"]),
            clusters=tuple(ResourceId.parse(cluster) for cluster in run.request["clusters"]),
        )
        try:
            plan = await make_combined_plan(self._app, await self._app.surveyor.places(selection))
            if not run.request["dryRun"]:
                await check_plan(self._app, run.request, plan)
        except ProblemError as error:
            return await self._refuse(run, error.problem)
        except (NotReady, PermanentError, TemporaryError) as error:
            return await self._refuse(run, unreadable(error))
        return await self._planned(run, plan)

    async def _planned(self, run: Run, plan: CombinedPlan) -> Run:
        await self._app.runs.keep_plan(run.run_id, plan_to_keep(plan))
        run = replace(run, digest=plan.digest, summary=plan.summary())
        if run.request["dryRun"]:
            await self._app.runs.keep_plan(plan.digest, plan_to_keep(plan))
            run = replace(run, phase=Phase.PLANNED, ended_at=self._app.clock.now())
        await self._app.runs.put(run)
        return run

    async def _refuse(self, run: Run, problem: Problem) -> Run:
        run = replace(run, phase=Phase.REFUSED, problem=problem.as_data(), ended_at=self._app.clock.now())
        await self._app.runs.put(run)
        tell(log, "run refused", level=logging.WARNING, run=run.run_id, problem=problem.code)
        return run

    async def _see_to(self, run: Run) -> Status:
        """Send again what nobody told about, ask again for the firewall, and note the end."""
        facts = await facts_of(self._app, run)
        if self._is_silent(facts):
            for place in facts.places:
                await self._send_again(run, place)
        if facts.firewall is FirewallState.PENDING and facts.places_ended and self._is_overdue(facts):
            await self._ask_for_sync(replace(run, sync_requested_at=facts.wanted_sync))
        now = self._app.clock.now()
        if facts.status is Status.RUNNING:
            await self._app.runs.put(replace(run, seen_at=now))
            delay = tick_seconds(self._app.clock) / self._app.clock.scaled(1.0)
            await self._app.queues.run(RunMessage(run_id=run.run_id), delay=delay)
        else:
            await self._app.runs.put(replace(run, seen_at=now, ended_at=now))
            tell(log, "run ended", run=run.run_id, status=str(facts.status))
        return facts.status

    def _is_silent(self, facts: RunFacts) -> bool:
        """Whether no place has told anything for long: as long as some do, the others are only waiting their turn."""
        last = max((place.updated_at for place in facts.places), default=self._app.clock.now())
        return self._app.clock.now() - last >= self._patience()

    async def _send_again(self, run: Run, place: Place) -> None:
        if place.state is not PlaceState.QUEUED:
            return
        lost = place.sent >= MOST_SENDS
        tell(log, "place of a run sent again", run=run.run_id, scope=str(place.scope), given_up=lost)

        def change(latest: Place) -> Place:
            if latest.state is not PlaceState.QUEUED:
                return latest
            state = PlaceState.LOST if lost else PlaceState.QUEUED
            return touched(latest, state, self._app.clock.now(), sent=latest.sent + 1)

        await self._app.runs.change_place(run.run_id, place.scope, change)
        if not lost:
            await self._send(run, place.scope)

    def _is_overdue(self, facts: RunFacts) -> bool:
        wanted = facts.wanted_sync
        return wanted is not None and self._app.clock.now() - wanted >= self._patience()

    def _patience(self) -> timedelta:
        return timedelta(seconds=max(SHORTEST_WAIT, self._app.clock.scaled(SEND_AGAIN_SECONDS)))

    async def _send(self, run: Run, scope: Scope) -> None:
        item = WorkItem(
            scope=scope,
            asked_by="backfill",
            correlation_id=run.run_id,
            first_asked=self._app.clock.now(),
            run_id=run.run_id,
        )
        await self._app.queues.reconcile(item)

    async def _ask_for_sync(self, run: Run) -> None:
        request = SyncRequest(
            policy=self._app.settings.firewall_policy_id,
            requested_at=run.sync_requested_at or self._app.clock.now(),
            asked_by="backfill",
            correlation_id=run.run_id,
            run_id=run.run_id,
        )
        await self._app.queues.sync_firewall(request)


def unreadable(error: HublinkError) -> Problem:
    """The problem of an Azure that cannot be read now."""
    more = {"resource": error.resource, "fix": error.fix}
    return Problem(status=503, code="azure-unreadable", detail=error.message, more=more)


def _place(entry: dict[str, object], clock: Clock) -> Place:
    scope = Scope(kind=ScopeKind(str(entry["kind"])), resource=ResourceId.parse(entry["resource"]))
    refused = entry.get("told")
    if isinstance(refused, dict):
        return Place(scope=scope, state=PlaceState.ENDED, updated_at=clock.now(), told=refused)
    return Place(scope=scope, state=PlaceState.QUEUED, updated_at=clock.now(), sent=1)
