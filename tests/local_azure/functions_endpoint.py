"""A functions host reduced to its Event Grid webhook: it remembers what came and answers as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Endpoint:
    """`answers` are used up one by one, then everything is 202. `open` holds answers back while clear."""

    url: str = ""
    answers: deque[int] = field(default_factory=deque)
    received: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        self.received += [(request.query["functionName"], event) for event in body]
        self.arrived.set()
        status = self.answers.popleft() if self.answers else 202
        await self.open.wait()
        return web.Response(status=status)

    def operations(self, function: str) -> list[str]:
        return [event["data"]["operationName"].lower() for name, event in self.received if name == function]


@contextlib.asynccontextmanager
async def endpoint() -> AsyncIterator[Endpoint]:
    host = Endpoint()
    host.open.set()
    app = web.Application()
    app.router.add_post("/runtime/webhooks/EventGrid", host.handle)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listener).start()
    host.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        yield host
    finally:
        host.open.set()
        await runner.cleanup()
