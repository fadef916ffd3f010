"""HTTP: can the monitoring subnets reach a cluster, and if not, why not?"""

from __future__ import annotations

import azure.functions as func

from functions.http import answer_or_problem, json_answer

blueprint = func.Blueprint()


@blueprint.function_name("reachability")
@blueprint.route(route="reachability", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def reachability(req: func.HttpRequest) -> func.HttpResponse:
    """Verdict, steps and assumptions for `?cluster=<id>`, from every monitoring subnet or from `&from=<subnet id>`."""
    from shared.reach_service import check_reachability

    async def work() -> func.HttpResponse:
        return json_answer(await check_reachability(req.params))

    return await answer_or_problem(work)
