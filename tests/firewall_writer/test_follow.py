"""The rule follows the address: one write, old out and new in, never absent while the cluster is up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from local.azure.seed.bodies import pool_body, subnet_body
from tests.app.conftest import Contoso
from tests.firewall_writer.helpers import firewall_writes, register

Change = Callable[[Contoso, str], None]


def restart(contoso: Contoso, cluster: str) -> None:
    contoso.post(cluster, "stop")
    contoso.create_cluster("aks-other")  # takes the address that became free
    contoso.post(cluster, "start")


def change_first_pool_and_restart(contoso: Contoso, cluster: str) -> None:
    """AKS puts the endpoint into the subnet of the first node pool when it makes it again."""
    other = f"{contoso.spoke['vnet']}/subnets/aks-more"
    contoso.put(
        other,
        subnet_body(
            "10.1.12.0/24", route_table=contoso.get(contoso.spoke["node_subnet"])["properties"]["routeTable"]["id"]
        ),
    )
    body = contoso.get(cluster)
    body["properties"]["agentPoolProfiles"].insert(0, pool_body("first", other))
    contoso.put(cluster, body, wait=200)
    contoso.post(cluster, "stop")
    contoso.post(cluster, "start")


def convert_to_vnet_integration(contoso: Contoso, cluster: str) -> None:
    api = f"{contoso.spoke['vnet']}/subnets/api"
    contoso.put(api, subnet_body("10.1.8.0/28", delegated=True))
    body = contoso.get(cluster)
    body["properties"]["apiServerAccessProfile"] |= {"enableVnetIntegration": True, "subnetId": api}
    contoso.put(cluster, body, wait=200)


@contextlib.asynccontextmanager
async def sampled(contoso: Contoso, name: str) -> AsyncIterator[list[tuple[str, ...]]]:
    """What the firewall enforces for a cluster, looked at every few milliseconds."""
    seen: list[tuple[str, ...]] = []

    async def watch() -> None:
        while True:
            seen.append(tuple(contoso.rules().get(name, ())))
            await asyncio.sleep(0.005)

    watching = asyncio.create_task(watch())
    try:
        yield seen
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        seen[:] = list(dict.fromkeys(seen))


@pytest.mark.parametrize("change", [restart, change_first_pool_and_restart, convert_to_vnet_integration])
async def test_rule_moves_in_one_write_and_is_never_absent(contoso: Contoso, change: Change) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    await contoso.settle(cluster)
    contoso.azure.clock.advance(300)
    before, writes = tuple(contoso.rules()["aks-1"]), firewall_writes(contoso)
    async with sampled(contoso, "aks-1") as seen:
        change(contoso, cluster)
        await contoso.settle(cluster)
        contoso.azure.clock.advance(300)
        after = tuple(contoso.rules()["aks-1"])
    assert len(after) == 1
    assert after != before
    assert seen[0] == before
    assert seen[-1] == after or len(seen) == 1
    assert set(seen) <= {before, after}
    assert firewall_writes(contoso) == writes + 1
    assert contoso.reach(cluster).reached


async def test_rule_follows_in_a_zone_of_one_s_own(contoso: Contoso) -> None:
    from tests.app.test_zone_links import identity, shared_zone, trusting

    await contoso.prepare()
    zone = shared_zone(contoso)
    trusting(contoso, zone)
    cluster = contoso.create_cluster(zone=zone, identity=identity(contoso))
    await contoso.settle(cluster)
    contoso.azure.clock.advance(300)
    before, writes = contoso.rules()["aks-1"], firewall_writes(contoso)
    contoso.post(cluster, "stop")
    contoso.create_cluster("aks-other")
    contoso.post(cluster, "start")
    async with sampled(contoso, "aks-1") as seen:
        await contoso.settle(cluster)
        contoso.azure.clock.advance(300)
    assert contoso.rules()["aks-1"] != before
    assert () not in seen
    assert firewall_writes(contoso) == writes + 1
    assert contoso.reach(cluster).reached


async def test_rule_follows_the_endpoint_where_there_is_no_zone(contoso: Contoso) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster(zone="none", public_fqdn=True)
    await contoso.settle(cluster)
    contoso.azure.clock.advance(300)
    before, writes = tuple(contoso.rules()["aks-1"]), firewall_writes(contoso)
    assert contoso.reach(cluster).reached
    async with sampled(contoso, "aks-1") as seen:
        restart(contoso, cluster)
        await contoso.settle(cluster)
        contoso.azure.clock.advance(300)
    after = tuple(contoso.rules()["aks-1"])
    assert after != before
    assert set(seen) <= {before, after}
    assert firewall_writes(contoso) == writes + 1
    assert contoso.reach(cluster).reached


async def test_conversion_to_no_zone_keeps_the_rule_without_a_write(contoso: Contoso) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster(public_fqdn=True)
    await contoso.settle(cluster)
    contoso.azure.clock.advance(300)
    before, writes = contoso.rules(), firewall_writes(contoso)
    body = contoso.get(cluster)
    body["properties"]["apiServerAccessProfile"]["privateDNSZone"] = "none"
    contoso.put(cluster, body, wait=200)
    await contoso.settle(cluster)
    assert contoso.rules() == before
    assert firewall_writes(contoso) == writes
    assert contoso.reach(cluster).reached


async def test_stopped_cluster_keeps_its_rule_for_as_long_as_the_settings_say(contoso: Contoso) -> None:
    from datetime import UTC, datetime, timedelta

    stopped = datetime.now(UTC) - timedelta(hours=5)
    await register(contoso, [1])
    await register(contoso, [2], stopped_at=stopped)
    assert contoso.app.settings.stopped_rule_retention_hours == 0
    await contoso.sync()
    assert len(contoso.rules()) == 2
    for hours, kept in ((6.0, 2), (4.0, 1)):
        contoso.app = contoso.app_with(stopped_rule_retention_hours=hours)
        await contoso.sync()
        contoso.azure.clock.advance(300)
        assert len(contoso.rules()) == kept


async def test_stale_or_missing_answers_of_resource_manager_take_no_rule(contoso: Contoso) -> None:
    """A rule whose row is gone stays while any call says, or cannot say, that its cluster lives."""
    await contoso.prepare()
    cluster = contoso.create_cluster()
    await contoso.settle(cluster)
    contoso.azure.clock.advance(300)
    await contoso.unregister()
    for fault in (
        {"status": 404, "code": "ResourceNotFound", "path": "managedClusters/aks-1$"},
        {"status": 403, "code": "AuthorizationFailed", "path": "managedClusters"},
    ):
        contoso.azure.faults.add({"kind": "status", "method": "GET", "count": 1, **fault})
        await contoso.sync()
        contoso.azure.clock.advance(300)
        assert list(contoso.rules()) == ["aks-1"]
    contoso.delete(cluster)
    await contoso.sync()
    contoso.azure.clock.advance(300)
    assert contoso.rules() == {}
