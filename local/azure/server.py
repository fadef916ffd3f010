"""The HTTPS server: reads requests off the wire, writes answers as Azure writes them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from local.azure.azure import Azure
from local.azure.errors import ArmError
from local.azure.gateway import Gateway
from local.azure.http import ArmResponse
from local.azure.rbac import PRINCIPALS, Principal, issue_token, principal_of
from local.azure.tls import Certificates, write_certificates

IDENTITY_HEADER = "local-identity-header"
AZURE: web.AppKey[Azure] = web.AppKey("azure", Azure)
GATEWAY: web.AppKey[Gateway] = web.AppKey("gateway", Gateway)
_COMMON_HEADERS = {
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Expires": "-1",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Cache": "CONFIG_NOCACHE",
}


def build_app(azure: Azure, gateway: Gateway, control: Callable[[web.Application], None]) -> web.Application:
    """The web application: identity endpoint, control API, and Resource Manager for everything else."""
    app = web.Application(client_max_size=8 * 1024 * 1024)
    app[AZURE], app[GATEWAY] = azure, gateway
    app.router.add_get("/msi/token", _identity_token)
    control(app)
    app.router.add_route("*", "/{path:.*}", _resource_manager)
    return app


async def _identity_token(request: web.Request) -> web.Response:
    # The App Service managed-identity endpoint, 2019-08-01: expires_on is a string of Unix seconds.
    if request.headers.get("X-IDENTITY-HEADER") != IDENTITY_HEADER:
        return web.json_response({"statusCode": 401, "message": "wrong X-IDENTITY-HEADER"}, status=401)
    resource = request.query.get("resource", "")
    return web.json_response(token_reply(PRINCIPALS["aks-hublink"], resource))


def token_reply(principal: Principal, resource: str) -> dict[str, str]:
    """The body of the identity endpoint. Real time: the azure-identity in the app compares it with its own clock."""
    import time  # noqa: PLC0415  # the one place that needs the wall clock

    now = int(time.time())
    return {
        "access_token": issue_token(principal, audience=resource, issued=now),
        "client_id": principal.app_id,
        "expires_on": str(now + 86_400),
        "resource": resource,
        "token_type": "Bearer",
    }


async def _resource_manager(request: web.Request) -> web.StreamResponse:
    azure = request.app[AZURE]
    azure.clock.run_due()
    answer = await _answer(request)
    lost = azure.faults.take("lost_response", request.method, request.path)
    if lost:
        if request.transport:
            request.transport.abort()
        raise asyncio.CancelledError
    return _write(answer)


async def _answer(request: web.Request) -> ArmResponse:
    principal = principal_of(request.headers.get("Authorization", "").removeprefix("Bearer "))
    if principal is None:
        error = ArmError(401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        headers = {
            "WWW-Authenticate": 'Bearer authorization_uri="https://login.microsoftonline.com/", error="invalid_token"'
        }
        return ArmResponse(status=401, body=error.body(), headers=headers)
    try:
        body = await _read_json(request)
    except ArmError as error:
        return ArmResponse(status=error.status, body=error.body())
    return request.app[GATEWAY].handle(
        method=request.method,
        path=request.path,
        query=dict(request.query),
        headers=request.headers,
        body=body,
        principal=principal,
    )


async def _read_json(request: web.Request) -> Any:
    raw = await request.read()
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError as error:
        message = f"The request content was invalid and could not be deserialized: '{error}'."
        raise ArmError(400, "InvalidRequestContent", message) from error


def _write(answer: ArmResponse) -> web.Response:
    headers = {name: value for name, value in {**_COMMON_HEADERS, **answer.headers}.items() if value}
    if answer.body is None:
        return web.Response(status=answer.status, headers=headers)
    separators = None if answer.indent else (",", ":")
    text = json.dumps(answer.body, indent=answer.indent, separators=separators)
    if answer.escape_slashes:
        text = text.replace("/", "\\/")
    content_type = "application/json" if answer.indent else "application/json; charset=utf-8"
    return web.Response(status=answer.status, body=text.encode(), headers={**headers, "Content-Type": content_type})


@contextlib.asynccontextmanager
async def serve(
    azure: Azure, app: web.Application, *, folder: Path, port: int = 0, certificates: Certificates | None = None
) -> AsyncIterator[Certificates]:
    """Serve on https://localhost:<port>, `azure.base_url` says where; 0 takes a free port.

    Certificates are written to `folder`, unless given: a process that already trusts an authority must keep it.
    """
    certificates = certificates or write_certificates(folder)
    listener = socket.create_server(("127.0.0.1", port))
    azure.base_url = f"https://localhost:{listener.getsockname()[1]}"
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    await web.SockSite(runner, listener, ssl_context=certificates.server_context()).start()
    ticking = asyncio.create_task(azure.clock.run(), name="simulated-clock")
    try:
        yield certificates
    finally:
        ticking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticking
        await runner.cleanup()
