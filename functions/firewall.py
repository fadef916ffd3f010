"""HTTP: what the firewall held before, putting it back, and letting go again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import azure.functions as func

from functions.http import answer_or_problem, json_answer

if TYPE_CHECKING:
    from shared.firewall_undo import Answer, Undo

blueprint = func.Blueprint()


async def _answer(work: Callable[[Undo], Awaitable[Answer]]) -> func.HttpResponse:
    async def answer() -> func.HttpResponse:
        from shared.firewall_undo import Undo
        from shared.runtime import current_runtime

        found = await work(Undo(current_runtime()))
        return json_answer(found.body, status=found.status, headers=found.headers)

    return await answer_or_problem(answer)


@blueprint.function_name("firewall_history")
@blueprint.route(route="firewall/history", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def firewall_history(req: func.HttpRequest) -> func.HttpResponse:
    """What one of our rule collection groups held before, newest first."""
    return await _answer(lambda undo: undo.history(req.params))


@blueprint.function_name("firewall_body")
@blueprint.route(route="firewall/history/{digest}", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def firewall_body(req: func.HttpRequest) -> func.HttpResponse:
    """One kept body."""
    return await _answer(lambda undo: undo.body(req.route_params.get("digest", ""), req.params))


@blueprint.function_name("firewall_restore")
@blueprint.route(route="firewall/restore", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
async def firewall_restore(req: func.HttpRequest) -> func.HttpResponse:
    """Put a kept body back and hold it."""
    return await _answer(lambda undo: undo.restore(req.get_body()))


@blueprint.function_name("firewall_release")
@blueprint.route(route="firewall/release", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
async def firewall_release(req: func.HttpRequest) -> func.HttpResponse:
    """End the hold."""
    return await _answer(lambda undo: undo.release(req.get_body()))
