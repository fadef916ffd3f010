"""HTTP: what the app knows and how it is."""

from __future__ import annotations

import json

import azure.functions as func

from functions.http import answer_or_problem
from shared.problem import MEDIA_TYPE, Problem

blueprint = func.Blueprint()

_NO_STORE = {"Cache-Control": "no-store"}


@blueprint.function_name("health")
@blueprint.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def health(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001  # the trigger's argument
    """200 when the settings are right and the storage answers, 503 with what is wrong otherwise."""
    from shared.health import check_health

    found = await check_health()
    return func.HttpResponse(
        json.dumps(found.as_data()),
        status_code=200 if found.healthy else 503,
        mimetype="application/json",
        headers=_NO_STORE,
    )


@blueprint.function_name("drift")
@blueprint.route(route="drift", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def drift(req: func.HttpRequest) -> func.HttpResponse:
    """The newest drift report as JSON, or as Markdown with `?format=md`; 404 before the first sweep."""
    return await answer_or_problem(lambda: _drift(as_text=req.params.get("format") == "md"))


async def _drift(*, as_text: bool) -> func.HttpResponse:
    from shared.drift.report import as_markdown
    from shared.runtime import current_runtime

    report = await current_runtime().drift_reports.latest()
    if report is None:
        return _problem(Problem(status=404, code="no-report", detail="No sweep has ended yet."))
    if as_text:
        return func.HttpResponse(as_markdown(report), mimetype="text/markdown", headers=_NO_STORE)
    return func.HttpResponse(json.dumps(report), mimetype="application/json", headers=_NO_STORE)


@blueprint.function_name("report")
@blueprint.route(route="report", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def report(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001  # the trigger's argument
    """The newest drift report as a page for people; 404 with a page that says so before the first sweep."""
    return await answer_or_problem(_report_page)


async def _report_page() -> func.HttpResponse:
    from shared.report_service import make_page

    page, found = await make_page()
    headers = {
        **_NO_STORE,
        "Content-Security-Policy": page.policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return func.HttpResponse(page.html, status_code=200 if found else 404, mimetype="text/html", headers=headers)


def _problem(problem: Problem) -> func.HttpResponse:
    return func.HttpResponse(problem.as_json(), status_code=problem.status, mimetype=MEDIA_TYPE, headers=_NO_STORE)
