"""The control API under `/_sim`: what tests, the demo and the curious use to steer the simulation."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, fields
from typing import Any

from aiohttp import web

from local.azure.azure import Azure
from local.azure.rbac import PRINCIPALS
from local.azure.server import AZURE, token_reply

Seed = Callable[[Azure, dict[str, Any]], dict[str, Any]]


class Control:
    """Handlers of `/_sim`. `seeds` maps a name to a function that fills the tenant."""

    def __init__(self, seeds: dict[str, Seed]) -> None:
        self._seeds = seeds

    def install(self, app: web.Application) -> None:
        """Add the routes."""
        routes: dict[tuple[str, str], Callable[[web.Request], Awaitable[web.Response]]] = {
            ("GET", "/_sim/token"): self.token,
            ("POST", "/_sim/reset"): self.reset,
            ("POST", "/_sim/seed/{name}"): self.seed,
            ("GET", "/_sim/clock"): self.clock,
            ("POST", "/_sim/clock"): self.set_clock,
            ("GET", "/_sim/latencies"): self.latencies,
            ("POST", "/_sim/latencies"): self.set_latencies,
            ("GET", "/_sim/faults"): self.faults,
            ("POST", "/_sim/faults"): self.add_fault,
            ("DELETE", "/_sim/faults"): self.clear_faults,
            ("GET", "/_sim/events"): self.events,
            ("GET", "/_sim/state"): self.state,
            ("GET", "/_sim/requests"): self.requests,
        }
        for (method, path), handler in routes.items():
            app.router.add_route(method, path, handler)

    async def token(self, request: web.Request) -> web.Response:
        """A token for `?principal=operator|aks-hublink|aks-resource-provider`."""
        principal = PRINCIPALS.get(request.query.get("principal", "operator"))
        if principal is None:
            return _refused(f"unknown principal; one of {', '.join(PRINCIPALS)}")
        return web.json_response(token_reply(principal, "https://management.azure.com/"))

    async def reset(self, request: web.Request) -> web.Response:
        """Empty the tenant."""
        request.app[AZURE].reset()
        return web.json_response({})

    async def seed(self, request: web.Request) -> web.Response:
        """Fill the tenant with a named world; the body holds the seed's options."""
        seed = self._seeds.get(request.match_info["name"])
        if seed is None:
            return _refused(f"unknown seed; one of {', '.join(self._seeds)}")
        options = await request.json() if request.can_read_body else {}
        return web.json_response(plant(seed, request.app[AZURE], options))

    async def clock(self, request: web.Request) -> web.Response:
        """The simulated time."""
        clock = request.app[AZURE].clock
        return web.json_response({"now": clock.now().isoformat(), "seconds": clock.seconds(), "speed": clock.speed})

    async def set_clock(self, request: web.Request) -> web.Response:
        """Change the `speed`, or `advance` by so many simulated seconds."""
        clock, order = request.app[AZURE].clock, await request.json()
        if "speed" in order:
            clock.set_speed(float(order["speed"]))
        if "advance" in order:
            clock.advance(float(order["advance"]))
        return await self.clock(request)

    async def latencies(self, request: web.Request) -> web.Response:
        """All latencies in simulated seconds."""
        return web.json_response(asdict(request.app[AZURE].latencies))

    async def set_latencies(self, request: web.Request) -> web.Response:
        """Change some latencies."""
        latencies, order = request.app[AZURE].latencies, await request.json()
        unknown = set(order) - {item.name for item in fields(latencies)}
        if unknown:
            return _refused(f"unknown latencies: {', '.join(sorted(unknown))}")
        for name, seconds in order.items():
            setattr(latencies, name, float(seconds))
        return await self.latencies(request)

    async def faults(self, request: web.Request) -> web.Response:
        """The standing faults."""
        return web.json_response(request.app[AZURE].faults.standing())

    async def add_fault(self, request: web.Request) -> web.Response:
        """Order a fault (see `faults.Fault`)."""
        try:
            fault = request.app[AZURE].faults.add(await request.json())
        except (TypeError, ValueError) as error:
            return _refused(str(error))
        return web.json_response(asdict(fault))

    async def clear_faults(self, request: web.Request) -> web.Response:
        """Forget all faults."""
        request.app[AZURE].faults.clear()
        return web.json_response({})

    async def events(self, request: web.Request) -> web.Response:
        """Everything that was done, as the activity log has it."""
        return web.json_response(
            [json.loads(json.dumps(asdict(activity), default=str)) for activity in request.app[AZURE].activities]
        )

    async def state(self, request: web.Request) -> web.Response:
        """Every resource body by id; `?type=` and `?below=` narrow it."""
        store = request.app[AZURE].store
        wanted, below = request.query.get("type", "").lower(), request.query.get("below", "").lower()
        found = {
            resource.id: resource.body
            for resource in store
            if resource.type.lower().startswith(wanted) and resource.key.startswith(below)
        }
        return web.json_response(found)

    async def requests(self, request: web.Request) -> web.Response:
        """The request log; `?principal=`, `?method=` and `?since=` (simulated seconds) narrow it."""
        query = request.query
        found = [
            asdict(item)
            for item in request.app[AZURE].requests
            if query.get("principal", item.principal) == item.principal
            and query.get("method", item.method) == item.method
            and item.at >= float(query.get("since", 0))
        ]
        return web.json_response(found)


def plant(seed: Seed, azure: Azure, options: dict[str, Any]) -> dict[str, Any]:
    """Fill the tenant, and tell those who keep a picture of it that this is how the world has always been."""
    answer = seed(azure, options)
    for callback in azure.on_seeded:
        callback()
    return answer


def _refused(message: str) -> web.Response:
    return web.json_response({"error": message}, status=400)
