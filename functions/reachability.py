"""HTTP: can the monitoring subnets reach a cluster, and if not, why not?"""

from __future__ import annotations

import json

import azure.functions as func

from shared.problem import MEDIA_TYPE, ProblemError
from shared.reach_service import check_reachability

blueprint = func.Blueprint()


@blueprint.function_name("reachability")
@blueprint.route(route="reachability", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def reachability(req: func.HttpRequest) -> func.HttpResponse:
    """Verdict, steps and assumptions for `?cluster=<id>`, from every monitoring subnet or from `&from=<subnet id>`."""
    try:
        answer = json.dumps(await check_reachability(req.params))
        status, kind = 200, "application/json"
    except ProblemError as error:
        answer, status, kind = error.problem.as_json(), error.problem.status, MEDIA_TYPE
    return func.HttpResponse(answer, status_code=status, mimetype=kind, headers={"Cache-Control": "no-store"})
