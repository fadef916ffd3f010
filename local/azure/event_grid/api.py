"""The control API of Event Grid: `/_sim/eventgrid`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from local.azure.azure import Azure
from local.azure.event_grid.delivery import EventGrid

LAST = 50


class EventGridApi:
    """Handlers of `/_sim/eventgrid`."""

    def __init__(self, azure: Azure, grid: EventGrid) -> None:
        self._azure = azure
        self._grid = grid

    def install(self, app: web.Application) -> None:
        """Add the routes."""
        routes: dict[tuple[str, str], Callable[[web.Request], Awaitable[web.Response]]] = {
            ("GET", "/_sim/eventgrid"): self.show,
            ("POST", "/_sim/eventgrid"): self.register,
            ("DELETE", "/_sim/eventgrid"): self.remove,
            ("POST", "/_sim/eventgrid/release"): self.release,
            ("GET", "/_sim/eventgrid/log"): self.log,
        }
        for (method, path), handler in routes.items():
            app.router.add_route(method, path, handler)

    async def register(self, request: web.Request) -> web.Response:
        """Send the events of `subscriptions` (default: all) to the functions host at `endpoint`."""
        order = await request.json()
        endpoint = order.get("endpoint")
        if not isinstance(endpoint, str) or not endpoint.startswith("http://127.0.0.1"):
            return web.json_response({"error": "endpoint must be an http://127.0.0.1 address"}, status=400)
        subscriptions = order.get("subscriptions") or sorted(self._azure.subscriptions)
        self._grid.register(endpoint, subscriptions, echo_filter_app_id=order.get("echoFilterAppId"))
        return await self.show(request)

    async def remove(self, _request: web.Request) -> web.Response:
        """Delete all event subscriptions; what is under way still arrives."""
        self._grid.subscriptions.clear()
        return web.json_response({})

    async def show(self, _request: web.Request) -> web.Response:
        """Event subscriptions, counts, the last outcomes, what is pending and what was dropped."""
        return web.json_response(overview(self._grid))

    async def release(self, request: web.Request) -> web.Response:
        """Let held events go; `{"shuffle": true}` in another order."""
        order = await request.json() if request.can_read_body else {}
        released = self._grid.release(shuffle=bool(order.get("shuffle", False)))
        return web.json_response({"released": [delivery.summary() for delivery in released]})

    async def log(self, _request: web.Request) -> web.Response:
        """Every attempt."""
        return web.json_response([asdict(attempt) for attempt in self._grid.log])


def overview(grid: EventGrid) -> dict[str, Any]:
    """The state of Event Grid as the control API shows it."""
    pending, settled = list(grid.open), list(grid.settled)
    dropped = [delivery.summary() for delivery in settled if delivery.state == "dropped"]
    return {
        "subscriptions": [
            {"name": item.name, "url": item.url, "echoFilterAppId": item.echo_filter_app_id}
            for item in grid.subscriptions
        ],
        "published": grid.counts["published"],
        "filtered": grid.counts["filtered"],
        "delivered": grid.counts["delivered"],
        "pending": len(pending),
        "held": sum(delivery.state == "held" for delivery in pending),
        "dropped": grid.counts["dropped"],
        "waiting": [delivery.summary() for delivery in pending[:LAST]],
        "droppedEvents": dropped[-LAST:],
        "lastOutcomes": [delivery.summary() for delivery in settled[-LAST:]],
    }
