"""HTTP: what the app knows and how it is."""

from __future__ import annotations

import json

import azure.functions as func

from shared.health import check_health

blueprint = func.Blueprint()


@blueprint.function_name("health")
@blueprint.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def health(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001  # the trigger's argument
    """200 when the settings are right and the storage answers, 503 with what is wrong otherwise."""
    found = await check_health()
    return func.HttpResponse(
        json.dumps(found.as_data()),
        status_code=200 if found.healthy else 503,
        mimetype="application/json",
        headers={"Cache-Control": "no-store"},
    )
