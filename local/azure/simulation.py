"""The whole simulation in one object: providers, gateway, control API, server."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from local.azure.authorization import urls as authorization_urls
from local.azure.azure import Azure
from local.azure.clock import SimulatedClock
from local.azure.control import Control, Seed, plant
from local.azure.dataplane import api as dataplane_api
from local.azure.event_grid.api import EventGridApi
from local.azure.event_grid.delivery import EventGrid
from local.azure.event_grid.topic import Topic
from local.azure.firewall import urls as firewall_urls
from local.azure.gateway import Gateway
from local.azure.http import Route
from local.azure.load_balancers import urls as load_balancer_urls
from local.azure.managed_clusters import urls as managed_cluster_urls
from local.azure.network_interfaces import urls as network_interface_urls
from local.azure.network_security_groups import urls as network_security_group_urls
from local.azure.private_dns import urls as private_dns_urls
from local.azure.private_endpoints import urls as private_endpoint_urls
from local.azure.resource_graph import urls as resource_graph_urls
from local.azure.resource_graph.responses import ResourceGraph
from local.azure.resource_groups import urls as resource_group_urls
from local.azure.route_tables import urls as route_table_urls
from local.azure.seed.contoso import contoso
from local.azure.seed.fleet import fleet
from local.azure.server import build_app, serve
from local.azure.tls import Certificates
from local.azure.virtual_networks import urls as virtual_network_urls

SEEDS: dict[str, Seed] = {"contoso": contoso, "fleet": fleet}


def routes() -> list[Route]:
    """Every call the simulation knows."""
    return [
        # First: an assignment's path holds that of the resource it is for.
        *authorization_urls.ROUTES,
        *resource_group_urls.ROUTES,
        *private_dns_urls.ROUTES,
        *virtual_network_urls.ROUTES,
        *route_table_urls.ROUTES,
        *network_interface_urls.ROUTES,
        *network_security_group_urls.ROUTES,
        *load_balancer_urls.ROUTES,
        *private_endpoint_urls.ROUTES,
        *firewall_urls.ROUTES,
        *managed_cluster_urls.ROUTES,
    ]


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """A running simulation and its parts."""

    azure: Azure
    certificates: Certificates
    event_grid: EventGrid
    gateway: Gateway
    resource_graph: ResourceGraph
    topic: Topic

    def seed(self, name: str, **options: Any) -> dict[str, Any]:
        """Fill the tenant with a named world and answer what the seed says about it.

        Raises:
            ValueError: There is no such seed.
        """
        if name not in SEEDS:
            raise ValueError(f"unknown seed {name!r}: one of {', '.join(SEEDS) or '(none)'}")
        return plant(SEEDS[name], self.azure, options)


@contextlib.asynccontextmanager
async def simulate(
    *, folder: Path, port: int = 0, speed: float = 1.0, certificates: Certificates | None = None
) -> AsyncIterator[Simulation]:
    """Serve a fresh simulated tenant until the context ends, with fresh certificates unless some are given."""
    azure = Azure(clock=SimulatedClock(speed=speed))
    event_grid, resource_graph, topic = EventGrid(azure), ResourceGraph(azure), Topic(azure)
    gateway = Gateway(azure, [*routes(), *resource_graph_urls.routes(resource_graph)])
    controls = [Control(SEEDS).install, EventGridApi(azure, event_grid).install, topic.install, dataplane_api.install]

    def install(app: web.Application) -> None:
        for add_routes in controls:
            add_routes(app)

    app = build_app(azure, gateway, install)
    async with serve(azure, app, folder=folder, port=port, certificates=certificates) as used:
        try:
            yield Simulation(
                azure=azure,
                certificates=used,
                event_grid=event_grid,
                gateway=gateway,
                resource_graph=resource_graph,
                topic=topic,
            )
        finally:
            await event_grid.close()


@contextlib.asynccontextmanager
async def run(*, folder: Path, port: int = 0, speed: float = 1.0) -> AsyncIterator[tuple[Azure, Certificates]]:
    """Serve a fresh simulated tenant until the context ends."""
    async with simulate(folder=folder, port=port, speed=speed) as simulation:
        yield simulation.azure, simulation.certificates
