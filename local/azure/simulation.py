"""The whole simulation in one object: providers, gateway, control API, server."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from local.azure.azure import Azure
from local.azure.clock import SimulatedClock
from local.azure.control import Control, Seed
from local.azure.gateway import Gateway
from local.azure.http import Route
from local.azure.private_dns import urls as private_dns_urls
from local.azure.resource_groups import urls as resource_group_urls
from local.azure.server import build_app, serve
from local.azure.tls import Certificates

SEEDS: dict[str, Seed] = {}


def routes() -> list[Route]:
    """Every call the simulation knows."""
    return [*resource_group_urls.ROUTES, *private_dns_urls.ROUTES]


@contextlib.asynccontextmanager
async def run(*, folder: Path, port: int = 0, speed: float = 1.0) -> AsyncIterator[tuple[Azure, Certificates]]:
    """Serve a fresh simulated tenant until the context ends."""
    azure = Azure(clock=SimulatedClock(speed=speed))
    app = build_app(azure, Gateway(azure, routes()), Control(SEEDS).install)
    async with serve(azure, app, folder=folder, port=port) as certificates:
        yield azure, certificates
