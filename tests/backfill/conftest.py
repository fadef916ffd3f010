"""A functions host, the local Azure and Azurite, each in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from local.azure.control_client import ControlClient
from local.azure.process import start
from local.azurite import Azurite
from local.host.process import HostProcess

SPEED = 120.0
TIME_SCALE = 30.0
"""The app waits a little longer than the local Azure is fast: then it polls less and remembers the hub for a while."""
DIGEST = "0" * 64


@dataclass(kw_only=True)
class World:
    """Everything that runs, and short ways to what tests ask for."""

    control: ControlClient
    seed: dict[str, Any]
    environment: dict[str, str]
    http: aiohttp.ClientSession
    hosts: list[HostProcess] = field(default_factory=list)

    @property
    def host(self) -> HostProcess:
        return self.hosts[-1]

    async def start_host(self, **settings: str) -> HostProcess:
        """A host; the drift timer is off, as it would mend what these tests want to see mended by others."""
        environment = {**self.environment, "AzureWebJobs.detect_drift.Disabled": "true", **settings}
        host = await HostProcess(env=environment, speed=SPEED, ready_within=90).astart()
        self.hosts.append(host)
        return host

    async def post(self, body: Any = None, *, data: bytes | None = None, **headers: str) -> tuple[int, Any, Any]:
        """POST /api/backfill: status, body, headers."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        arguments: dict[str, Any] = {"data": data} if data is not None else {"json": body or {}}
        url = f"{self.host.base_url}/api/backfill"
        async with self.http.post(url, headers=names, **arguments) as answer:
            return answer.status, await answer.json(content_type=None), answer.headers

    async def get(self, path: str) -> tuple[int, Any, Any]:
        async with self.http.get(f"{self.host.base_url}{path}") as answer:
            return answer.status, await answer.json(content_type=None), answer.headers

    async def run_until(self, path: str, ready: Any, *, seconds: float = 300.0) -> dict[str, Any]:
        """Ask for a run until `ready` likes what it says."""
        run: dict[str, Any] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    _, run, _ = await self.get(path)
                    if ready(run):
                        return run
                    await asyncio.sleep(0.5)
        raise AssertionError({name: run.get(name) for name in ("status", "progress", "firewall", "refused", "waiting")})

    async def ended(self, path: str, *, seconds: float = 300.0) -> dict[str, Any]:
        return await self.run_until(path, lambda run: run["status"] in ENDS, seconds=seconds)

    async def reached(self) -> int:
        """How many clusters the VM in the monitoring spoke gets to, as the data plane has it."""
        state = await self.control.state(resource_type="Microsoft.ContainerService/managedClusters")
        names = [body["properties"]["privateFQDN"] for body in state.values()]
        return sum([(await self.control.connect(self.seed["vm_subnet"], name))["reached"] for name in names])

    async def writes(self) -> int:
        """How many writes the app has sent."""
        requests = await self.control.requests(principal="aks-hublink")
        return sum(item["method"] in ("PUT", "DELETE", "PATCH") for item in requests)

    async def cli(self, *arguments: str, storage: bool = True) -> tuple[int, str, str]:
        """`python -m cli` in a process of its own: exit code, standard output, standard error."""
        # Waiting is cheap here; reading the hub again and again is not.
        environment = {**os.environ, **self.environment, "TIME_SCALE": "6"}
        if not storage:
            environment.pop("AzureWebJobsStorage")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli", *arguments), env=environment, stdout=-1, stderr=-1
        )
        output, errors = await process.communicate()
        assert process.returncode is not None
        return process.returncode, output.decode(), errors.decode()


ENDS = ("planned", "succeeded", "incomplete", "refused")


@contextlib.asynccontextmanager
async def running(folder: Path, azurite: Azurite, seed: str = "fleet", **options: Any) -> AsyncIterator[World]:
    """A local Azure with a seed, and no host yet."""
    async with contextlib.AsyncExitStack() as stack:
        azure = await stack.enter_async_context(start(folder=folder, speed=SPEED))
        control = await stack.enter_async_context(azure.control())
        seeded = await control.seed(seed, **options)
        environment = {
            **azure.environment(),
            **seeded["settings"],
            "AzureWebJobsStorage": azurite.connection_string,
            "TIME_SCALE": str(TIME_SCALE),
            # Compiling the SDKs anew in every process would take longer than all the rest.
            "PYTHONDONTWRITEBYTECODE": "",
        }
        http = await stack.enter_async_context(aiohttp.ClientSession(trust_env=False))
        world = World(control=control, seed=seeded, environment=environment, http=http)
        try:
            yield world
        finally:
            for host in world.hosts:
                await host.akill()
