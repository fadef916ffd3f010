"""HTTP and queue: bring existing clusters in line, and see how far that is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import azure.functions as func

from functions.http import answer_or_problem, json_answer
from shared.storage import names

if TYPE_CHECKING:
    from shared.backfill.service import Answer, Backfill

blueprint = func.Blueprint()


async def _answer(work: Callable[[Backfill], Awaitable[Answer]]) -> func.HttpResponse:
    async def answer() -> func.HttpResponse:
        from shared.backfill.service import Backfill
        from shared.runtime import current_runtime

        found = await work(Backfill(current_runtime()))
        return json_answer(found.body, status=found.status, headers=found.headers)

    return await answer_or_problem(answer)


@blueprint.function_name("backfill")
@blueprint.route(route="backfill", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
async def backfill(req: func.HttpRequest) -> func.HttpResponse:
    """Answer the plan (200), or start a run (202)."""
    return await _answer(lambda backfill: backfill.start(req.get_body(), req.headers))


@blueprint.function_name("run_status")
@blueprint.route(route="runs/{run_id}", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def run_status(req: func.HttpRequest) -> func.HttpResponse:
    """How far a run is, what was done, and what was refused and why."""
    return await _answer(lambda backfill: backfill.status(req.route_params.get("run_id", "")))


@blueprint.function_name("run_backfill")
@blueprint.queue_trigger(arg_name="message", queue_name=names.BACKFILL_QUEUE, connection=names.CONNECTION)
async def run_backfill(message: func.QueueMessage) -> None:
    """Carry a run on: plan it, hand out its work, see to it until it has ended."""
    from shared.backfill.worker import work_on_run

    await work_on_run(message.get_body())
