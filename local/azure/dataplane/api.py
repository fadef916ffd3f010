"""The oracle on the control API: `POST /_sim/connect` and `POST /_sim/resolve`."""

from __future__ import annotations

from dataclasses import asdict

from aiohttp import web

from local.azure.dataplane.dns import resolve
from local.azure.dataplane.packets import connect
from local.azure.server import AZURE


def install(app: web.Application) -> None:
    """Add the routes."""
    app.router.add_post("/_sim/connect", _connect)
    app.router.add_post("/_sim/resolve", _resolve)


async def _connect(request: web.Request) -> web.Response:
    """What becomes of a connection: `{"subnet", "host", "port"}` (port 443 unless told)."""
    azure, order = request.app[AZURE], await request.json()
    try:
        outcome = connect(azure, order["subnet"], order["host"], int(order.get("port", 443)))
    except (KeyError, ValueError) as error:
        return web.json_response({"error": str(error)}, status=400)
    return web.json_response(asdict(outcome))


async def _resolve(request: web.Request) -> web.Response:
    """What a machine in a VNet gets for a name: `{"vnet", "host"}`."""
    azure, order = request.app[AZURE], await request.json()
    try:
        return web.json_response(asdict(resolve(azure, order["vnet"], order["host"])))
    except KeyError as error:
        return web.json_response({"error": f"missing {error}"}, status=400)
