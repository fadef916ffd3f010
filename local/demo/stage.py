"""Everything the story needs, running: Azurite, the local Azure with Contoso's network, the functions host."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.azure.control_client import ControlClient
from local.azure.environment import read_ready
from local.azure.process import NotReadyError, start
from local.azurite import Azurite
from local.demo.operator import Operator
from local.host.process import HostProcess

Progress = Callable[[str], None]
ONCE_A_YEAR = "0 0 0 1 1 *"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What runs, and the ways to it. `seed` holds the ids of Contoso's resources, `host_url` is the functions host."""

    control: ControlClient
    operator: Operator
    seed: dict[str, Any]
    speed: float
    host_url: str
    host_log: Callable[[], list[str]]

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
                # The story starts the sweeps itself; one by the clock in the middle of it would find the half.
                "DRIFT_SCHEDULE": ONCE_A_YEAR,
            }
            progress("Starting the functions host")
            host = await stack.enter_async_context(HostProcess(env=environment, speed=speed))
            control = await stack.enter_async_context(azure.control())
            await control.register_events(host.base_url)
            operator = await _operator(stack, control, azure.ca, speed)
            yield Stage(
                control=control,
                operator=operator,
                seed=azure.seed,
                speed=speed,
                host_url=host.base_url,
                host_log=lambda: host.output,
            )


@contextlib.asynccontextmanager
async def attach(folder: Path) -> AsyncIterator[Stage]:
    """Use a local Azure that runs already, with whatever functions host its events go to.

    Raises:
        NotReadyError: there is none in the folder.
    """
    running = read_ready(folder)
    if running is None:
        raise NotReadyError(f"No local Azure runs in {folder}: start `python -m local.azure --seed contoso` first.")
    async with contextlib.AsyncExitStack() as stack:
        control = await stack.enter_async_context(ControlClient(running.base_url, Path(running.ca)))
        speed = float((await control.clock())["speed"])
        operator = await _operator(stack, control, Path(running.ca), speed)
        subscriptions = (await control.eventgrid())["subscriptions"]
        if not subscriptions:
            raise NotReadyError("The local Azure sends its events to nobody: POST /_sim/eventgrid first.")
        yield Stage(
            control=control,
            operator=operator,
            seed=running.seed,
            speed=speed,
            host_url=subscriptions[0]["url"].split("/runtime/", 1)[0],
            host_log=list,
        )


async def _operator(stack: contextlib.AsyncExitStack, control: ControlClient, ca: Path, speed: float) -> Operator:
    token = await control.token("operator")
    return await stack.enter_async_context(Operator(control.base_url, ca, token, speed=speed))
