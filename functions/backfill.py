"""HTTP and queue: bring existing clusters in line, and see how far that is."""

from __future__ import annotations

import azure.functions as func

from functions.http import answer_or_problem, json_answer
from shared.backfill.service import Backfill
from shared.backfill.worker import work_on_run
from shared.runtime import current_runtime
from shared.storage import names

blueprint = func.Blueprint()


@blueprint.function_name("backfill")
@blueprint.route(route="backfill", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
async def backfill(req: func.HttpRequest) -> func.HttpResponse:
    """Answer the plan (200), or start a run (202)."""

    async def work() -> func.HttpResponse:
        answer = await Backfill(current_runtime()).start(req.get_body(), req.headers)
        return json_answer(answer.body, status=answer.status, headers=answer.headers)

    return await answer_or_problem(work)


@blueprint.function_name("run_status")
@blueprint.route(route="runs/{run_id}", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def run_status(req: func.HttpRequest) -> func.HttpResponse:
    """How far a run is, what was done, and what was refused and why."""

    async def work() -> func.HttpResponse:
        answer = await Backfill(current_runtime()).status(req.route_params.get("run_id", ""))
        return json_answer(answer.body, status=answer.status, headers=answer.headers)

    return await answer_or_problem(work)


@blueprint.function_name("run_backfill")
@blueprint.queue_trigger(arg_name="message", queue_name=names.BACKFILL_QUEUE, connection=names.CONNECTION)
async def run_backfill(message: func.QueueMessage) -> None:
    """Carry a run on: plan it, hand out its work, see to it until it has ended."""
    await work_on_run(message.get_body())
