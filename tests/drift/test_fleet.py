"""A whole fleet is swept in few queries, and only suspects are read one by one: 2,000 clusters in 100 subscriptions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from local.azure.seed.contoso import HUB_VNET
from shared.drift.fleet import fleet_world
from shared.model.resource_id import ResourceId
from shared.model.world import ApiServer, ObservedCluster
from shared.plan.action import ActionKind
from shared.plan.names import link_name
from shared.runtime import Runtime
from tests.app.conftest import Contoso
from tests.drift.test_sweep import LAG

SIDE_BY_SIDE = 100


async def register_fleet(app: Runtime) -> None:
    """Write the registry rows of a fleet that the app has looked after for long."""
    rows, _ = await app.drift_detector.search()
    clusters = fleet_world(rows, await app.observer.hub(), [], app.settings).clusters
    for batch in _batches(clusters):
        await asyncio.gather(*(app.registry.put(_row(observed), over=None) for observed in batch))


def _batches(clusters: tuple[ObservedCluster, ...]) -> Iterator[tuple[ObservedCluster, ...]]:
    for start in range(0, len(clusters), SIDE_BY_SIDE):
        yield clusters[start : start + SIDE_BY_SIDE]


def _row(observed: ObservedCluster) -> ApiServer:
    assert observed.endpoint is not None
    return ApiServer(
        cluster=observed.cluster.id,
        address=observed.endpoint.address,
        zone=observed.zone.id if observed.zone else None,
        subnets=observed.cluster.subnets,
        outbound_type=observed.cluster.outbound_type,
    )


def take_hub_link_from_one(contoso: Contoso) -> None:
    """Somebody deletes the hub's link of one cluster's zone."""
    links = contoso.azure.store.of_type("Microsoft.Network/privateDnsZones/virtualNetworkLinks")
    to_hub = [link for link in links if link.properties["virtualNetwork"]["id"] == HUB_VNET]
    contoso.azure.store.remove(to_hub[7].id)


@pytest.mark.parametrize(("spokes", "each", "most_queries"), [(25, 16, 15), (100, 20, 25)])
async def test_fleet_is_swept_in_few_queries_and_only_suspects_are_read(
    contoso: Contoso, capsys: pytest.CaptureFixture[str], spokes: int, each: int, most_queries: int
) -> None:
    seed = contoso.simulation.seed("fleet", spokes=spokes, clusters_per_spoke=each, compliant=True)
    app = contoso.app_with(**{name.lower(): value for name, value in seed["settings"].items()})
    contoso.azure.clock.advance(LAG)
    await register_fleet(app)
    take_hub_link_from_one(contoso)
    contoso.azure.clock.advance(LAG)
    before, started, asked = contoso.reads(), time.monotonic(), app.resource_graph.queries

    report = await app.drift_detector.run()
    await app.close()

    assert report is not None
    queries, reads = app.resource_graph.queries - asked, contoso.reads() - before
    with capsys.disabled():
        print(
            f"\n  swept {report.clusters} clusters in {spokes} subscriptions (simulated): {queries} queries, "
            f"{reads} reads, {len(report.suspects)} suspects, {time.monotonic() - started:.1f} s"
        )
    wanted = [action for action in report.plan.plan.actions if action.kind is ActionKind.PUT_LINK]
    assert [action.resource.name for action in wanted] == [link_name(ResourceId.parse(HUB_VNET))]
    assert {str(finding.code) for finding in report.findings} - {"LIMIT_NEAR"} == {
        "LINK_MISSING",
        "FIREWALL_RULES_DIFFER",
    }
    assert report.clusters == spokes * each
    assert report.verdicts == {"reachable": spokes * each, "unreachable": 0, "ambiguous": 0}
    assert not any(entry["confirmed"] for entry in report.network["clusters"])
    assert queries <= most_queries
    assert reads < 60
