"""HTTP: the description of the HTTP functions."""

from __future__ import annotations

from pathlib import Path

import azure.functions as func

blueprint = func.Blueprint()
DOCUMENT = Path(__file__).parents[1] / "shared" / "openapi.json"


@blueprint.function_name("openapi")
@blueprint.route(route="openapi.json", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def openapi(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001  # the trigger's argument
    """The OpenAPI document; it holds no secret, so it needs no key."""
    return func.HttpResponse(DOCUMENT.read_bytes(), mimetype="application/json")
