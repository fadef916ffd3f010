"""What `POST /api/backfill` and `GET /api/runs/{run_id}` do."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.backfill.preview import FirewallPreview
from shared.backfill.request import BackfillRequest, read_request
from shared.backfill.status import RunFacts, Status
from shared.errors import UnsafePlan
from shared.plan.combined import CombinedPlan, combine, compare, finding_data
from shared.plan.guard import check_size
from shared.problem import Problem, ProblemError
from shared.runtime import Runtime
from shared.settings import Settings
from shared.storage.runs import Run
from shared.storage.work import RunMessage
from shared.survey import Places
from shared.telling import tell, working_for

log = logging.getLogger(__name__)

PLACES_WITHIN_A_REQUEST = 100
"""More are planned by a worker: private DNS takes 500 reads in 5 minutes, and each place costs about four."""
SECONDS_WITHIN_A_REQUEST = 150.0
"""Azure's front end ends a request after 230 seconds."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


class Backfill:
    """Plans and starts runs, and tells how far they are."""

    def __init__(self, runtime: Runtime) -> None:
        self._app = runtime

    async def start(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Serve a POST.

        Raises:
            ProblemError: the request is wrong, contradicts an earlier one, or approves a plan that holds no more.
            TemporaryError, NotReady, PermanentError: Azure cannot be read.
        """
        request = read_request(body, headers, self._app.settings)
        run_id = request.run_id
        with working_for(function="backfill", asked_by="backfill", correlation=run_id):
            earlier = await self._app.runs.get(run_id)
            if earlier:
                return await self._again(earlier, request)
            places = await self._app.surveyor.places(request.selection)
            plan = await self._plan_in_time(places)
            if plan is None:
                return await self._accept(run_id, request)
            if request.dry_run:
                await self._app.runs.keep_plan(plan.digest, plan_to_keep(plan))
                return Answer(status=200, body=plan.as_data())
            await check_plan(self._app, request.as_data(), plan)
            return await self._accept(run_id, request, plan)

    async def _plan_in_time(self, places: Places) -> CombinedPlan | None:
        """The plan, or None when it has to be left to a worker."""
        if len(places.scopes) > PLACES_WITHIN_A_REQUEST:
            return None
        try:
            async with asyncio.timeout(SECONDS_WITHIN_A_REQUEST):
                return await make_combined_plan(self._app, places)
        except TimeoutError:
            tell(log, "planning takes longer than a request may", level=logging.WARNING, places=len(places.scopes))
            return None

    async def _again(self, run: Run, request: BackfillRequest) -> Answer:
        if run.request.get("fingerprint") != request.fingerprint:
            detail = "A run with this request id was started with another request."
            problem = Problem(status=409, code="request-id-taken", detail=detail, more={"run": location(run.run_id)})
            raise ProblemError(problem)
        # The first sender may have died between remembering the run and starting it.
        if run.ended_at is None and is_unattended(self._app, run):
            await self._app.queues.run(RunMessage(run_id=run.run_id))
        return await self._accepted(run)

    async def _accept(self, run_id: str, request: BackfillRequest, plan: CombinedPlan | None = None) -> Answer:
        run = Run(
            run_id=run_id,
            request={**request.as_data(), "fingerprint": request.fingerprint},
            created_at=self._app.clock.now(),
            digest=plan.digest if plan else "",
            approved=request.plan_digest is not None,
            summary=plan.summary() if plan else {},
        )
        if plan:
            await self._app.runs.keep_plan(run_id, plan_to_keep(plan))
        if not await self._app.runs.create(run):
            # The same request at the same moment: the other one remembered its run first.
            return await self._again((await self._app.runs.get(run_id)) or run, request)
        await self._app.queues.run(RunMessage(run_id=run_id))
        tell(log, "run accepted", run=run_id, digest=run.digest[:12])
        return await self._accepted(run)

    async def _accepted(self, run: Run) -> Answer:
        facts = await facts_of(self._app, run)
        headers = {"Location": location(run.run_id), "Retry-After": "5"}
        return Answer(status=202, body=facts.as_data(), headers=headers)

    async def status(self, run_id: str) -> Answer:
        """Serve a GET.

        Raises:
            ProblemError: 404 for a run that nobody knows.
        """
        run = await self._app.runs.get(_canonical(run_id))
        if run is None:
            detail = "There is no run with this id."
            raise ProblemError(Problem(status=404, code="unknown-run", detail=detail))
        facts = await facts_of(self._app, run)
        body = facts.as_data()
        if facts.status is Status.PLANNED:
            body["plan"] = ((await self._app.runs.plan(run.run_id)) or {}).get("plan")
        ended = facts.status not in (Status.ACCEPTED, Status.PLANNING, Status.RUNNING)
        if not ended and is_unattended(self._app, run):
            await self._app.queues.run(RunMessage(run_id=run.run_id))
        return Answer(status=200, body=body, headers={} if ended else {"Retry-After": "5"})


def is_unattended(app: Runtime, run: Run) -> bool:
    """Whether no worker has seen to a run for some time: its message may have died with a host."""
    from shared.backfill.steps import tick_seconds  # noqa: PLC0415  # the two halves of one thing

    last = run.seen_at or run.created_at
    return (app.clock.now() - last).total_seconds() > 3 * tick_seconds(app.clock)


def location(run_id: str) -> str:
    """Where a run is looked up."""
    return f"/api/runs/{run_id}"


def plan_to_keep(plan: CombinedPlan) -> dict[str, Any]:
    """A plan as it is kept: as it was answered, with what is needed to work on it."""
    return {
        "plan": plan.as_data(),
        "facts": [list(action.facts) for action in plan.plan.actions],
        "places": [
            {
                "kind": str(place.scope.kind),
                "resource": str(place.scope.resource),
                "told": {"findings": [finding_data(place.refused)]} if place.refused else None,
            }
            for place in plan.places
            if place.wants_work or place.refused
        ],
    }


async def make_combined_plan(app: Runtime, places: Places) -> CombinedPlan:
    """Look at all places and say what would be done, in the firewall too."""
    found = await app.surveyor.survey(places.scopes)
    preview = FirewallPreview(
        reader=app.reader, observer=app.observer, registry=app.registry, settings=app.settings, clock=app.clock
    )
    return await preview.complete(combine(found, gaps=places.gaps))


async def check_plan(app: Runtime, request: Mapping[str, Any], plan: CombinedPlan) -> None:
    """Check a fresh plan against the approval and the caps.

    Raises:
        ProblemError: 409, with the difference or the numbers.
    """
    approved = request.get("planDigest")
    if approved and approved != plan.digest:
        known = await app.runs.plan(str(approved))
        fresh = plan.as_data()
        more = {
            "approvedDigest": approved,
            "freshDigest": plan.digest,
            "difference": compare(known["plan"]["actions"], fresh["actions"]) if known else None,
            "fresh": fresh,
        }
        if known is None:
            await app.runs.keep_plan(plan.digest, plan_to_keep(plan))
        detail = "The world has changed: the fresh plan is not the approved one. Nothing was applied."
        raise ProblemError(Problem(status=409, code="plan-changed", detail=detail, more=more))
    settings = app.settings if not approved else _without_caps(app.settings)
    if request.get("maxChanges"):
        settings = settings.model_copy(update={"max_changes_per_run": request["maxChanges"]})
    try:
        check_size(plan.plan, settings)
    except UnsafePlan as error:
        more = {"digest": plan.digest, "summary": plan.summary(), "fix": error.fix}
        raise ProblemError(Problem(status=409, code="plan-too-large", detail=error.message, more=more)) from error


def _without_caps(settings: Settings) -> Settings:
    return settings.model_copy(update={"max_changes_per_run": 10**6, "max_deletions_per_run": 10**6})


async def facts_of(app: Runtime, run: Run) -> RunFacts:
    """Everything that is known of a run."""
    places, served, last, kept = await asyncio.gather(
        app.runs.places(run.run_id),
        app.runs.firewall(run.run_id),
        app.firewall_state.last_sync(app.settings.firewall_policy_id),
        app.runs.plan(run.run_id),
    )
    planned = kept["plan"]["actions"] if kept and not run.request.get("dryRun") else ()
    return RunFacts(run=run, places=places, served=served, synced_up_to=last.read_at if last else None, planned=planned)


def _canonical(run_id: str) -> str:
    try:
        return str(uuid.UUID(run_id))
    except ValueError:
        return "-"
