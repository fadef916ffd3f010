"""The app in its host, with Event Grid delivering as it does: duplicated, reordered, late, and in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from local.azure.virtual_networks.models import busy
from tests.app.conftest import Contoso
from tests.app.hosting import Hosted, environment_of, hosting

SPEED = 120.0
"""Slower than elsewhere: host, Azure and app share one event loop here, and node pools wait only so long."""


@asynccontextmanager
async def listening(contoso: Contoso, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hosted]:
    """The host, subscribed to all events of all subscriptions."""
    contoso.azure.clock.set_speed(SPEED)
    contoso.azure.latencies.firewall_policy = 60
    contoso.azure.latencies.cluster_create = 240
    async with hosting(monkeypatch, environment_of(contoso), speed=SPEED) as hosted:
        contoso.simulation.event_grid.register(hosted.host.base_url, sorted(contoso.azure.subscriptions))
        yield hosted
        contoso.simulation.event_grid.subscriptions.clear()
        await contoso.simulation.event_grid.idle()


async def until(condition: Callable[[], Any], *, within: float = 60.0) -> None:
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def state(contoso: Contoso, cluster: str) -> dict[str, Any]:
    return {
        "reached": contoso.reach(cluster).reached,
        "links": contoso.links(contoso.zone_of(cluster)),
        "rules": contoso.rules(),
        "tables": [contoso.table_on(contoso.spoke["node_subnet"]), contoso.table_on(contoso.seed["vm_subnet"])],
    }


TABLE = "rt-aks-hublink-westeurope-c0170500"
GOAL = {
    "reached": True,
    "links": {"vnet-hub": "aks-hublink", "vnet-monitoring": "aks-hublink", "vnet-spoke-1": "theirs"},
    "rules": {"aks-1": ["10.1.4.4"]},
    "tables": [TABLE, TABLE],
}


def routed(contoso: Contoso) -> bool:
    """Whether the node subnet has its table and Azure is done with it: before that AKS refuses to start."""
    return bool(contoso.table_on(contoso.spoke["node_subnet"])) and not busy(contoso.azure, contoso.spoke["vnet"])


def touch_the_monitoring_vnet(contoso: Contoso) -> None:
    """Somebody writes the VM's subnet as it is, so that an event tells of it."""
    contoso.operator("PUT", contoso.seed["vm_subnet"], {"properties": {"addressPrefix": "10.2.0.0/24"}})


@pytest.mark.parametrize("effect", ["none", "duplicate", "reorder", "delay"])
async def test_events_in_whatever_order_end_in_the_same_state(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch, effect: str
) -> None:
    if effect != "none":
        contoso.azure.faults.add({"kind": "event", "effect": effect, "count": 1000, "seconds": 120})
    grid = contoso.simulation.event_grid
    async with listening(contoso, monkeypatch):
        touch_the_monitoring_vnet(contoso)
        contoso.make_node_subnet()
        if effect == "reorder":
            grid.release()
        await until(lambda: routed(contoso))
        cluster = contoso.create_cluster(wait=0)
        await until(lambda: contoso.get(cluster)["properties"]["provisioningState"] == "Succeeded")
        if effect == "reorder":
            grid.release()
        await until(lambda: state(contoso, cluster) == GOAL)
        await asyncio.sleep(0.5)
        grid.release()
        await asyncio.sleep(0.5)

    assert state(contoso, cluster) == GOAL
    assert await contoso.rows() == {"aks-1": "10.1.4.4"}


async def test_events_alone_keep_a_cluster_reachable_from_birth_to_death(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With custom DNS the creation itself succeeds only because the hub's link comes in time."""
    contoso.seed = contoso.simulation.seed("contoso", dns="firewall")
    contoso.app = contoso.app_with()
    async with listening(contoso, monkeypatch):
        touch_the_monitoring_vnet(contoso)
        contoso.make_node_subnet()
        await until(lambda: routed(contoso))
        started = contoso.azure.clock.seconds()
        cluster = contoso.create_cluster(wait=0)
        await until(lambda: contoso.azure.store.get(cluster).hidden.get("own_link"))
        zone = contoso.zone_of(cluster)
        await until(lambda: contoso.links(zone).get("vnet-hub"))
        linked = contoso.azure.clock.seconds() - started
        await until(lambda: contoso.get(cluster)["properties"]["provisioningState"] != "Creating")
        assert contoso.get(cluster)["properties"]["provisioningState"] == "Succeeded"
        await until(lambda: contoso.reach(cluster).reached)
        reachable = contoso.azure.clock.seconds() - started
        print(f"\nsimulated seconds after the request: hub linked {linked:.0f}, reachable {reachable:.0f}")
        assert linked < 300
        address = contoso.rules()["aks-1"]

        contoso.post(cluster, "stop", wait=150)
        contoso.create_cluster("aks-2", wait=200)
        contoso.post(cluster, "start", wait=0)
        await until(lambda: contoso.reach(cluster).reached and contoso.rules()["aks-1"] != address)

        contoso.delete(cluster, wait=0)
        await until(lambda: list(contoso.rules()) == ["aks-2"])
    assert list(await contoso.rows()) == ["aks-2"]


async def test_our_own_echoes_die_out(contoso: Contoso, monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(contoso, monkeypatch) as hosted:
        touch_the_monitoring_vnet(contoso)
        contoso.make_node_subnet()
        await until(lambda: routed(contoso))
        cluster = contoso.create_cluster(wait=400)
        await until(lambda: contoso.reach(cluster).reached)
        await asyncio.sleep(2.5)
        writes, looks = len(contoso.writes()), hosted.done("reconcile")
        await asyncio.sleep(2.5)

        assert (len(contoso.writes()), hosted.done("reconcile")) == (writes, looks)
        assert contoso.refusals() <= {412}, "an instance that came second to a new link may be told so; nothing else"
        print(f"\none cluster by events: {writes} writes, {contoso.reads()} reads in {looks} looks")
        assert writes == 8, "2 links, 2 route tables, 3 subnets and a rule collection group: each once"
        assert looks <= 40
