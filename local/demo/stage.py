"""Everything the story needs, running: Azurite, the local Azure with Contoso's network, the functions host."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.azure.control_client import ControlClient
from local.azure.process import start
from local.azurite import Azurite
from local.demo.operator import Operator
from local.host.process import HostProcess

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What runs, and the ways to it. `seed` holds the ids of Contoso's resources."""

    control: ControlClient
    operator: Operator
    seed: dict[str, Any]
    host: HostProcess
    speed: float

    async def now(self) -> float:
        """The simulated time in seconds since the local Azure started."""
        return float((await self.control.clock())["seconds"])


@contextlib.asynccontextmanager
async def set_up(*, speed: float, progress: Progress) -> AsyncIterator[Stage]:
    """Start everything, and leave nothing running when the context ends."""
    with tempfile.TemporaryDirectory(prefix="aks-hublink-") as folder:
        async with contextlib.AsyncExitStack() as stack:
            progress("Starting Azurite (queues, tables and blobs)")
            azurite = await stack.enter_async_context(Azurite())
            progress("Starting the local Azure with Contoso's network")
            azure = await stack.enter_async_context(start(folder=Path(folder), speed=speed, seed="contoso"))
            environment = {
                **azure.environment(),
                **azure.seed["settings"],
                "AzureWebJobsStorage": azurite.connection_string,
                "TIME_SCALE": str(speed),
            }
            progress("Starting the functions host")
            host = await stack.enter_async_context(HostProcess(env=environment, speed=speed))
            control = await stack.enter_async_context(azure.control())
            token = await control.token("operator")
            operator = await stack.enter_async_context(Operator(azure.base_url, azure.ca, token, speed=speed))
            await control.register_events(host.base_url)
            yield Stage(control=control, operator=operator, seed=azure.seed, host=host, speed=speed)
