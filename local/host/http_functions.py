"""HTTP functions: finds the function for a request, gives it the request, maps its response."""

import logging
from collections.abc import Iterable, Mapping
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

from aiohttp import web
from azure.functions.meta import Datum
from multidict import CIMultiDict, MultiMapping

from local.host.auth import KeyCheck
from local.host.invoker import Invoker, Outcome
from local.host.loader import LoadedFunction
from local.host.route_templates import RouteTemplate
from local.host.work import RunningWork

_LOG = logging.getLogger("local.host.http")


class HttpFunctions:
    """Routes requests to HTTP functions.

    Args:
        functions: All functions of the app; those without an enabled HTTP trigger have no route.
        route_prefix: host.json's ``routePrefix``.
        keys: Decides who may call functions that are not anonymous.
        invoker: Runs them.
        work: Where running invocations are tracked.
    """

    def __init__(
        self,
        functions: Iterable[LoadedFunction],
        *,
        route_prefix: str,
        keys: KeyCheck,
        invoker: Invoker,
        work: RunningWork,
    ) -> None:
        routes = [
            (RouteTemplate(f"{route_prefix}/{function.trigger['route'].strip('/')}"), function)
            for function in functions
            if function.trigger_type == "httpTrigger" and not function.disabled
        ]
        self._routes = sorted(routes, key=lambda route: route[0].precedence)
        self._keys = keys
        self._invoker = invoker
        self._work = work

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a request. A wrong method is a wrong address, 404, as in the real host."""
        for template, function in self._routes:
            if not _allows_method(function, request.method):
                continue
            route_values = template.match(urlsplit(request.raw_path).path)
            if route_values is not None:
                return await self._call(function, request, route_values)
        return web.Response(status=404)

    async def _call(
        self, function: LoadedFunction, request: web.Request, route_values: Mapping[str, str]
    ) -> web.Response:
        if str(function.trigger.get("authLevel")).lower() != "anonymous" and not self._keys.allows(request):
            return web.Response(status=401)
        payload = http_payload(
            method=request.method,
            url=str(request.url),
            headers=_joined(request.headers, ", "),
            query={name: value for name, value in _joined(request.query, ",").items() if value},
            route_values=route_values,
            body=await _body(request),
        )
        reason = "This function was programmatically called via the host APIs."
        return _response(await self._work.run(self._invoker.invoke(function, payload, reason=reason)))


def http_payload(
    *,
    method: str,
    url: str,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    route_values: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Datum:
    """A request in the form in which the worker receives it."""
    parts: dict[str, object] = {
        "method": Datum(method, "string"),
        "url": Datum(url, "string"),
        "headers": _strings(headers),
        "query": _strings(query),
        "params": _strings(route_values),
        "body": Datum(body, "bytes"),
    }
    return Datum(parts, "http")


def _strings(values: Mapping[str, str] | None) -> dict[str, Datum]:
    return {name: Datum(value, "string") for name, value in (values or {}).items()}


def _allows_method(function: LoadedFunction, method: str) -> bool:
    methods = function.trigger.get("methods")
    return not methods or method.upper() in {str(allowed).upper() for allowed in methods}


def _joined(values: MultiMapping[str], separator: str) -> dict[str, str]:
    """One value per name, several joined, as .NET's StringValues does when written as a string."""
    return {name: separator.join(values.getall(name)) for name in values}


async def _body(request: web.Request) -> bytes:
    """The body, unless it comes without a length: the real host gives the worker an empty one then."""
    body = await request.read()
    if body and request.content_length is None:
        _LOG.warning("The body of %s %s is chunked: functions see it empty, as in Azure", request.method, request.path)
        return b""
    return body


def _response(outcome: Outcome) -> web.Response:
    if outcome.error is not None or outcome.response is None:
        return web.Response(status=500)
    if outcome.response.type == "string":
        return web.Response(text=outcome.response.value)
    value = outcome.response.value
    headers: CIMultiDict[str] = CIMultiDict()
    for name, datum in value["headers"].items():
        if name.lower() not in {"content-length", "transfer-encoding"}:
            headers[name] = datum.value
    for cookie in value["cookies"] or ():
        _add_cookies(headers, cookie)
    return web.Response(status=int(value["status_code"].value), headers=headers, body=value["body"].value)


def _add_cookies(headers: CIMultiDict[str], cookie: SimpleCookie) -> None:
    for morsel in cookie.values():
        headers.add("Set-Cookie", morsel.OutputString())
