"""Through the life of a cluster Resource Graph shows what GET answers, and Event Grid tells of it in time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from local.azure.control import plant
from local.azure.rbac import OPERATOR
from local.azure.seed.contoso import contoso, subscription
from local.azure.simulation import Simulation, simulate
from tests.local_azure.aks_helpers import World
from tests.local_azure.functions_endpoint import endpoint

TABLES = {
    "resources": [
        "microsoft.network/privatednszones",
        "microsoft.network/privatednszones/virtualnetworklinks",
        "microsoft.network/virtualnetworks",
        "microsoft.network/routetables",
        "microsoft.network/networkinterfaces",
        "microsoft.network/privateendpoints",
        "microsoft.network/loadbalancers",
        "microsoft.network/firewallpolicies",
        "microsoft.network/azurefirewalls",
        "microsoft.containerservice/managedclusters",
    ],
    "dnsresources": ["microsoft.network/privatednszones/a"],
    "networkresources": ["microsoft.network/firewallpolicies/rulecollectiongroups"],
}


@pytest.fixture
async def simulation(tmp_path: Path) -> AsyncIterator[Simulation]:
    async with simulate(folder=tmp_path, speed=0.0) as simulation:
        yield simulation


@pytest.fixture
def world(simulation: Simulation) -> World:
    facts = plant(contoso, simulation.azure, {"with_subnets": True})
    simulation.azure.latencies.resource_graph_lag = 0.0
    return World(azure=simulation.azure, certificates=simulation.certificates, facts=facts)


def rows(simulation: Simulation) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for table, types in TABLES.items():
        wanted = ", ".join(f"'{name}'" for name in types)
        query = f"{table} | where type in~ ({wanted}) | project id, properties | order by id asc"
        answer = simulation.gateway.handle(
            method="POST",
            path="/providers/Microsoft.ResourceGraph/resources",
            query={"api-version": "2021-03-01"},
            headers={},
            body={"query": query},
            principal=OPERATOR,
        )
        found |= {row["id"].lower(): row["properties"] for row in answer.body["data"]}
    return found


def assert_rows_agree_with_get(simulation: Simulation, world: World) -> None:
    shown = rows(simulation)
    types = {name for names in TABLES.values() for name in names}
    there = {resource.key for resource in simulation.azure.store if resource.type.lower() in types}
    assert set(shown) == there
    for key, properties in shown.items():
        assert properties == world.call.get(key)["properties"], key


async def test_rows_agree_with_get_at_every_moment_of_a_cluster(simulation: Simulation, world: World) -> None:
    def watch(seconds: int) -> None:
        for _ in range(seconds // 10):
            world.azure.clock.advance(10)
            assert_rows_agree_with_get(simulation, world)

    world.route_nodes()
    cluster = world.make(outbound="userDefinedRouting", wait=0)
    watch(400)
    for action in ("stop", "start"):
        world.call.post(f"{cluster.id}/{action}")
        watch(200)
    world.call.delete(cluster.id)
    watch(300)
    assert cluster.key not in rows(simulation)


async def test_zone_is_announced_long_before_its_cluster(simulation: Simulation, world: World) -> None:
    async with endpoint() as host:
        simulation.event_grid.register(host.url, [subscription(1)])
        world.make(wait=0)
        world.azure.clock.advance(60)
        await simulation.event_grid.idle()
        assert host.operations("link_dns_zone") == ["microsoft.network/privatednszones/write"]
        assert host.operations("allow_api_server") == []
        for _ in range(60):
            world.azure.clock.advance(10)
        await simulation.event_grid.idle()
        assert sorted(host.operations("allow_api_server")) == [
            "microsoft.containerservice/managedclusters/write",
            "microsoft.network/privatednszones/a/write",
        ]
        zone = next(event for function, event in host.received if function == "link_dns_zone")
        assert "/resourcegroups/mc_" in zone["subject"].lower()
