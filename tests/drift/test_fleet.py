"""A fleet of 2,000 clusters in 100 subscriptions is swept in few queries, and only suspects are read one by one."""

from __future__ import annotations

import asyncio
import time
from ipaddress import IPv4Address
from typing import Any

import pytest

from local.azure.seed.contoso import HUB_VNET
from shared.drift.fleet import fleet_world
from shared.model.resource_id import ResourceId
from shared.plan.names import link_name
from shared.settings import Settings
from tests.app.conftest import Contoso
from tests.drift.test_sweep import LAG

SPOKES, EACH = 100, 20
MOST_QUERIES = 25


async def register_fleet(contoso: Contoso, app: Any) -> None:
    """Write the registry rows that a fleet kept by the app has: what the planner itself wants registered."""
    rows, _ = await app.drift_detector._query()
    settings: Settings = app.settings
    world = fleet_world(rows, await app.observer.hub(), [], settings)

    async def one(observed: Any) -> None:
        from shared.model.world import ApiServer

        cluster = observed.cluster
        await app.registry.put(
            ApiServer(
                cluster=cluster.id,
                address=IPv4Address(str(observed.endpoint.address)),
                zone=observed.zone.id,
                subnets=cluster.subnets,
                outbound_type=cluster.outbound_type,
            )
        )

    for start in range(0, len(world.clusters), 100):
        await asyncio.gather(*(one(observed) for observed in world.clusters[start : start + 100]))


async def test_two_thousand_clusters_are_swept_in_few_queries(
    contoso: Contoso, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = contoso.simulation.seed("fleet", spokes=SPOKES, clusters_per_spoke=EACH, compliant=True, shared_zone=False)
    app = contoso.app_with(**{name.lower(): value for name, value in seed["settings"].items()})
    contoso.azure.clock.advance(LAG)
    await register_fleet(contoso, app)
    await app.reconciler._observer.hub(fresh=True)
    broken = contoso.azure.store.of_type("Microsoft.ContainerService/managedClusters")[7]
    zone = f"{broken.properties['nodeResourceGroup']}".lower()
    links = contoso.azure.store.of_type("Microsoft.Network/privateDnsZones/virtualNetworkLinks")
    gone = [link for link in links if f"/{zone}/" in link.key and link.properties["virtualNetwork"]["id"] == HUB_VNET]
    for link in gone:
        contoso.azure.store.remove(link.id)
    contoso.azure.clock.advance(LAG)
    before, started, asked = contoso.reads(), time.monotonic(), app.resource_graph.queries

    report = await app.drift_detector.run()

    assert report is not None
    queries, reads = app.resource_graph.queries - asked, contoso.reads() - before
    with capsys.disabled():
        print(
            f"\n  swept {report.clusters} clusters (simulated): {queries} queries, {reads} reads, "
            f"{len(report.suspects)} suspects, {time.monotonic() - started:.1f} s on this machine"
        )
    hub_link = link_name(ResourceId.parse(HUB_VNET))
    assert report.clusters == SPOKES * EACH
    assert queries <= MOST_QUERIES
    assert [
        action.resource.name
        for action in report.plan.plan.actions
        if action.resource.is_type("Microsoft.Network/privateDnsZones/virtualNetworkLinks")
    ] == [hub_link]
    assert reads < 60
    await app.close()
