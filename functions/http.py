"""HTTP answers: JSON, and problem details (RFC 9457) for everything that goes wrong."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import azure.functions as func

from shared.errors import HublinkError, SettingsError
from shared.problem import MEDIA_TYPE, Problem, ProblemError
from shared.telling import tell

log = logging.getLogger(__name__)
RETRY_SECONDS = "30"


def json_answer(body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    """An answer with a JSON body that nobody may keep."""
    return func.HttpResponse(
        json.dumps(body, default=str),
        status_code=status,
        mimetype="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def problem_answer(problem: Problem) -> func.HttpResponse:
    """An answer that says what is wrong. A 503 asks to come again."""
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": RETRY_SECONDS} if problem.status == 503 else {})
    return func.HttpResponse(problem.as_json(), status_code=problem.status, mimetype=MEDIA_TYPE, headers=headers)


async def answer_or_problem(work: Callable[[], Awaitable[func.HttpResponse]]) -> func.HttpResponse:
    """Run the work of an HTTP function; every error becomes problem details."""
    from azure.core.exceptions import AzureError  # cold start

    try:
        return await work()
    except ProblemError as error:
        return problem_answer(error.problem)
    except SettingsError as error:
        detail = "The app settings are wrong."
        return problem_answer(Problem(status=503, code="settings", detail=detail, mistakes=error.mistakes))
    except HublinkError as error:
        more = {"resource": error.resource, "fix": error.fix}
        return problem_answer(Problem(status=503, code="azure-unreadable", detail=error.message, more=more))
    except AzureError as error:
        tell(log, "storage does not answer", level=logging.ERROR, error=type(error).__name__)
        detail = f"The storage does not answer ({type(error).__name__})."
        return problem_answer(Problem(status=503, code="storage", detail=detail))
    except Exception:
        log.exception("request failed")
        detail = "A mistake in the app; its log has the details."
        return problem_answer(Problem(status=500, code="internal", detail=detail))
