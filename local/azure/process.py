"""The local Azure as a process of its own, for the demo and for tests of the whole app."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.azure.control_client import ControlClient
from local.azure.environment import READY_FILE, app_environment, read_ready

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 10.0


class NotReadyError(Exception):
    """The process ended, or did not come up in time; the message holds what it printed."""


@dataclass(frozen=True, kw_only=True)
class LocalAzure:
    """A running local Azure. `seed` is what the seed answered."""

    base_url: str
    ca: Path
    pid: int
    seed: dict[str, Any]

    def environment(self) -> dict[str, str]:
        """Variables that make the app talk to it."""
        return app_environment(self.base_url, self.ca)

    def control(self) -> ControlClient:
        """A client of its control API."""
        return ControlClient(self.base_url, self.ca)


@contextlib.asynccontextmanager
async def start(
    *,
    folder: Path,
    port: int = 0,
    speed: float = 60.0,
    seed: str | None = None,
    host_endpoint: str | None = None,
    timeout: float = 30.0,  # noqa: ASYNC109  # how long to wait for a process, in real seconds
) -> AsyncIterator[LocalAzure]:
    """Run `python -m local.azure` until the context ends. It also ends when this process dies.

    Raises:
        NotReadyError: It did not come up.
    """
    log = _prepare(folder)
    arguments = ["--port", str(port), "--speed", str(speed), "--folder", str(log.parent), "--exit-with-stdin"]
    arguments += ["--seed", seed] if seed else []
    arguments += ["--host-endpoint", host_endpoint] if host_endpoint else []
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "local.azure",
            *arguments,
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
        )
    try:
        yield await _ready(process, folder, log, timeout)
    finally:
        await _stop(process)


def _prepare(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / READY_FILE).unlink(missing_ok=True)
    return folder.resolve() / "azure.log"


async def _ready(process: asyncio.subprocess.Process, folder: Path, log: Path, seconds: float) -> LocalAzure:
    deadline = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < deadline:
        listening = read_ready(folder)
        if listening is not None:
            return LocalAzure(
                base_url=listening.base_url, ca=Path(listening.ca), pid=listening.pid, seed=listening.seed
            )
        if process.returncode is not None:
            break
        await asyncio.sleep(0.05)
    raise NotReadyError(f"the local Azure did not come up:\n{_printed(log)}")


def _printed(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
