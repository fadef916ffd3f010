"""What tests of the host share: the sample app's settings, and a client for a running host."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from local.host.process import HostProcess
from local.host.server import FunctionsHost

SAMPLE_APP = Path(__file__).parent / "sample_app"
OFF = ("on_work", "on_poison", "tick", "at_start")


async def eventually(condition: Callable[[], Awaitable[Any]], *, within: float = 10) -> Any:
    """Ask until the answer is true, and return it."""
    async with asyncio.timeout(within):
        while not (answer := await condition()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return answer


class Running:
    """A host together with a client for it."""

    def __init__(self, host: FunctionsHost | HostProcess, session: aiohttp.ClientSession) -> None:
        self.host = host
        self.http = session

    async def call(self, method: str, path: str, **kwargs: Any) -> tuple[int, bytes, aiohttp.ClientResponse]:
        async with self.http.request(method, path, **kwargs) as response:
            return response.status, await response.read(), response

    async def json(self, path: str) -> Any:
        async with self.http.get(path) as response:
            assert response.status == 200
            return await response.json()

    async def seen(self, function: str) -> list[dict[str, Any]]:
        return [entry for entry in await self.json("/api/seen") if entry["function"] == function]

    async def seen_at_least(self, function: str, count: int = 1) -> list[dict[str, Any]]:
        async def enough() -> list[dict[str, Any]]:
            entries = await self.seen(function)
            return entries if len(entries) >= count else []

        return list(await eventually(enough))


def settings(*, on: tuple[str, ...] = (), **more: str) -> dict[str, str]:
    """Settings of the sample app with all timers and queues off but those named."""
    values = {"WORK_QUEUE": f"work-{uuid.uuid4().hex}", "DONE_QUEUE": f"done-{uuid.uuid4().hex}", "TICK": "* * * * * *"}
    values |= {f"AzureWebJobs.{name}.Disabled": "true" for name in OFF if name not in on}
    return (
        values | {"AzureWebJobs.dormant.Disabled": "true", "AzureWebJobsStorage": "UseDevelopmentStorage=true"} | more
    )


StartHost = Callable[..., Awaitable[Running]]
