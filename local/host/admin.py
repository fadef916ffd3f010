"""The parts of the host's admin API that people use locally: run a function by hand, list functions, show state."""

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web
from azure.functions.meta import Datum

from local.host.http_functions import http_payload
from local.host.invoker import Invoker
from local.host.loader import LoadedFunction
from local.host.queue_messages import handmade_binding_data
from local.host.timer_listener import timer_payload
from local.host.work import RunningWork

_REASON = "This function was programmatically called via the host APIs."


class AdminApi:
    """``/admin/functions`` and ``/admin/host``.

    Args:
        functions: All functions of the app, disabled ones too: by hand they can be run.
        invoker: Runs them.
        work: Where running invocations are tracked.
    """

    def __init__(self, functions: Sequence[LoadedFunction], invoker: Invoker, work: RunningWork) -> None:
        self._functions = {function.name.lower(): function for function in functions}
        self._invoker = invoker
        self._work = work
        self._started = time.monotonic()

    async def handle(self, request: web.Request, path: str) -> web.Response:
        """Answer a request for what follows ``/admin/``."""
        parts = [part for part in path.split("/") if part]
        match (request.method, *parts):
            case ("GET", "host", "status"):
                return web.json_response(self._status())
            case ("GET" | "POST", "host", "ping"):
                return web.Response()
            case ("GET", "functions"):
                described = [self._describe(request, function) for function in self._functions.values()]
                return web.json_response(described)
            case ("GET", "functions", name) if function := self._functions.get(name.lower()):
                return web.json_response(self._describe(request, function))
            case ("POST", "functions", name):
                return await self._run_by_hand(request, self._functions.get(name.lower()))
            case _:
                return web.Response(status=404)

    def _status(self) -> Mapping[str, Any]:
        uptime = int((time.monotonic() - self._started) * 1000)
        return {"id": "local-host", "state": "Running", "processUptime": uptime, "errors": []}

    @staticmethod
    def _describe(request: web.Request, function: LoadedFunction) -> Mapping[str, Any]:
        return {
            "name": function.name,
            "href": f"{request.url.origin()}/admin/functions/{function.name}",
            "language": "python",
            "isDisabled": function.disabled,
            "config": {"name": function.name, "bindings": list(function.bindings)},
        }

    async def _run_by_hand(self, request: web.Request, function: LoadedFunction | None) -> web.Response:
        """202 and no result: how the run ended is in the log only, as in the real host."""
        given = _given_input(await request.read())
        if given is None:
            return web.Response(status=400)
        if function is None:
            return web.Response(status=404)
        data, metadata = _payload(function, given)
        self._work.start(self._invoker.invoke(function, data, metadata, reason=_REASON))
        return web.Response(status=202)


def _given_input(body: bytes) -> str | None:
    """The ``input`` of a body such as ``{"input": "text"}``; empty if it has none, None if the body is invalid."""
    try:
        document = json.loads(body)
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    given = document.get("input")
    if given is None:
        return ""
    return given if isinstance(given, str) else None


def _payload(function: LoadedFunction, given: str) -> tuple[Datum, Mapping[str, Datum]]:
    match function.trigger_type:
        case "timerTrigger":
            return timer_payload(), {}
        case "eventGridTrigger":
            return Datum(given, "json"), {}
        case "queueTrigger":
            body = Datum(given, "string")
            return body, handmade_binding_data(body, str(uuid.uuid4()))
        case _:
            url = f"http://localhost/admin/functions/{function.name}"
            return http_payload(method="POST", url=url, body=given.encode()), {}
