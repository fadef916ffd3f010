"""Resource Graph: how places are found, over many subscriptions and pages, without running into the quota."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from local.azure.server import IDENTITY_HEADER
from local.azure.simulation import Simulation, simulate
from shared.azure_clients import AzureClients
from shared.clock import SystemClock
from shared.observe import resource_graph
from shared.observe.resource_graph import ResourceGraph, batches, query_for, quota_wait
from shared.settings import load_settings
from tests.conftest import CERTIFICATES

SPEED = 300.0


@pytest.fixture
async def simulation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Simulation]:
    async with simulate(folder=tmp_path, speed=SPEED, certificates=CERTIFICATES) as running:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{running.azure.base_url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", IDENTITY_HEADER)
        yield running


@pytest.fixture
async def graph(simulation: Simulation) -> AsyncIterator[ResourceGraph]:
    seed = simulation.seed("fleet", spokes=3, clusters_per_spoke=3)
    values = {name.lower(): value for name, value in seed["settings"].items()}
    settings = load_settings(
        **values, arm_endpoint=simulation.azure.base_url, time_scale=SPEED, storage_account_name="unused"
    )
    clients = AzureClients(settings)
    yield ResourceGraph(clients, SystemClock(SPEED))
    await clients.close()


def queries(simulation: Simulation) -> list[int]:
    """The status of every query sent."""
    return [item.status for item in simulation.azure.requests if "ResourceGraph" in item.path]


async def test_tenant_is_searched_for_all_and_subscriptions_for_some(
    simulation: Simulation, graph: ResourceGraph
) -> None:
    everywhere = await graph.clusters({"*"})
    assert (len(everywhere.items), everywhere.gaps) == (9, ())
    one = everywhere.items[0].id.subscription_id
    assert len((await graph.clusters({one.upper()})).items) == 3
    assert len((await graph.route_tables({"*"})).items) == 3
    assert len((await graph.zones({"*"})).items) == len((await graph.links({"*"})).items) == 9
    assert len(queries(simulation)) == 5


async def test_pages_are_followed_to_the_end(
    simulation: Simulation, graph: ResourceGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource_graph, "PAGE_ROWS", 4)
    found = await graph.clusters({"*"})
    ids = [cluster.id.key for cluster in found.items]
    assert len(set(ids)) == 9
    assert queries(simulation) == [200, 200, 200]


async def test_quota_is_waited_for_before_a_query_is_refused(simulation: Simulation, graph: ResourceGraph) -> None:
    for _ in range(40):
        await graph.zones({"*"})
    assert queries(simulation) == [200] * 40


async def test_row_that_cannot_be_read_is_a_gap_and_hides_no_other(
    simulation: Simulation, graph: ResourceGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, broken = resource_graph.parse.cluster, []

    def moody(row: dict[str, object]) -> object:
        if not broken:
            broken.append(row["id"])
            raise KeyError("properties")
        return read(row)

    monkeypatch.setattr(resource_graph.parse, "cluster", moody)
    found = await graph.clusters({"*"})
    assert len(found.items) == 8
    assert str(broken[0]) in found.gaps[0]


async def test_batch_that_may_not_be_searched_is_a_gap(simulation: Simulation, graph: ResourceGraph) -> None:
    order = {"kind": "status", "path": "ResourceGraph", "status": 403, "code": "AuthorizationFailed", "count": 1}
    simulation.azure.faults.add(order)
    found = await graph.clusters({"*"})
    assert found.items == ()
    assert "could not be searched" in found.gaps[0]


def test_subscriptions_are_searched_in_sorted_batches_of_three_hundred() -> None:
    many = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(650)]
    found = list(batches(reversed(many)))
    assert [len(batch or ()) for batch in found] == [300, 300, 50]
    assert [item for batch in found for item in batch or ()] == many
    assert list(batches({"*"})) == [None]


@pytest.mark.parametrize(
    ("remaining", "resets_after", "seconds"),
    [("0", "00:00:03", 3.0), ("0", "01:01:01", 3661.0), ("1", "00:00:03", 0.0), ("", "", 0.0), ("0", "soon", 0.0)],
)
def test_wait_is_what_the_headers_say_once_the_quota_is_spent(
    remaining: str, resets_after: str, seconds: float
) -> None:
    headers = {"x-ms-user-quota-remaining": remaining, "x-ms-user-quota-resets-after": resets_after}
    assert quota_wait(headers) == seconds


def test_queries_have_one_shape() -> None:
    assert query_for("Microsoft.Network/virtualNetworks") == (
        "resources | where type =~ 'microsoft.network/virtualnetworks' "
        "| project id, name, type, location, resourceGroup, subscriptionId, identity, tags, properties "
        "| order by id asc"
    )
