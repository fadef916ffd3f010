"""Clusters that stop, start, move and go: the rule follows, and is never absent while the cluster lives."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import pytest

from shared.loop import Report
from shared.model.resource_id import ResourceId
from shared.model.scope import Scope, ScopeKind
from shared.storage.work import WorkItem
from tests.app.conftest import SPEED, Contoso, codes
from tests.app.hosting import until


async def reachable(contoso: Contoso, name: str = "aks-1") -> str:
    await contoso.prepare()
    cluster = contoso.create_cluster(name)
    await contoso.settle(cluster)
    assert contoso.reach(cluster).reached
    return cluster


async def test_rule_follows_the_address_in_one_write_and_is_never_absent(contoso: Contoso) -> None:
    cluster = await reachable(contoso)
    before, writes = contoso.rules(), len(contoso.writes())
    contoso.post(cluster, "stop")
    await contoso.settle(cluster)
    assert contoso.rules() == before
    assert contoso.writes()[writes:] == []
    # Somebody else takes the address that was free.
    contoso.create_cluster("aks-2")
    contoso.post(cluster, "start")
    assert not contoso.reach(cluster).reached
    seen = []

    async def watch() -> None:
        while True:
            seen.append(tuple(contoso.rules().get("aks-1", ())))
            await asyncio.sleep(0.01)

    watching = asyncio.create_task(watch())
    await contoso.settle(cluster)
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching

    assert contoso.reach(cluster).reached
    assert contoso.rules()["aks-1"] != before["aks-1"]
    assert list(dict.fromkeys(seen)) == [tuple(before["aks-1"]), tuple(contoso.rules()["aks-1"])]
    assert [write for write in contoso.writes()[writes:] if "ruleCollectionGroups" in write] == [
        f"PUT {contoso.our_group}"
    ]


async def test_cluster_that_is_stopping_or_starting_loses_nothing(contoso: Contoso) -> None:
    cluster = await reachable(contoso)
    before = contoso.rules(), await contoso.rows(), contoso.links(contoso.zone_of(cluster))
    contoso.azure.clock.set_speed(10)
    zone = contoso.zone_of(cluster)

    for action, wait in (("stop", 1), ("", 70), ("", 80), ("start", 1), ("", 50)):
        if action:
            contoso.operator("POST", cluster, action=f"/{action}")
        contoso.azure.clock.advance(wait)
        report = await contoso.look_at(cluster)
        assert codes(report) == set()
        assert codes(await contoso.look_at(zone)) == set()
        assert (contoso.rules(), await contoso.rows(), contoso.links(zone)) == before

    contoso.azure.clock.set_speed(SPEED)
    contoso.azure.clock.advance(300)
    await contoso.settle(cluster)
    assert contoso.reach(cluster).reached


async def test_rule_and_row_of_a_deleted_cluster_go(contoso: Contoso) -> None:
    cluster = await reachable(contoso)
    contoso.delete(cluster)

    await contoso.settle(cluster)

    assert await contoso.rows() == {}
    assert contoso.rules() == {}


async def test_late_events_of_a_deleted_cluster_change_nothing(contoso: Contoso) -> None:
    cluster = await reachable(contoso)
    zone = contoso.zone_of(cluster)
    contoso.delete(cluster)
    await contoso.settle(cluster)
    before = contoso.writes()

    reports = await contoso.settle(zone, cluster, cluster, zone)

    assert [codes(report) for report in reports] == [set()] * 4
    assert contoso.writes() == before
    assert await contoso.rows() == {}


async def test_one_404_alone_removes_nothing(contoso: Contoso) -> None:
    cluster = await reachable(contoso)
    missing = {"status": 404, "code": "ResourceNotFound", "message": "The Resource was not found."}
    contoso.azure.faults.add({"kind": "status", "method": "GET", "path": "managedClusters/aks-1$", **missing})

    report = await contoso.look_at(cluster)
    await contoso.sync()

    assert report.looks_again_in == 5.0
    assert list(await contoso.rows()) == ["aks-1"]
    assert contoso.reach(cluster).reached


async def test_new_cluster_is_not_lost_to_one_404(contoso: Contoso) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster(wait=25)
    zone = contoso.zone_of(cluster)
    missing = {"status": 404, "code": "ResourceNotFound", "message": "The Resource was not found."}
    contoso.azure.faults.add({"kind": "status", "method": "GET", "path": "managedClusters/aks-1$", **missing})

    report = await contoso.look_at(zone)

    assert report.findings == ()
    assert report.looks_again_in == 5.0
    assert len(await contoso.messages()) == 1


@pytest.mark.parametrize("moment", [3, 25, 50, 62, 70, 200, 390])
async def test_cluster_that_is_deleted_half_way_leaves_nothing(contoso: Contoso, moment: int) -> None:
    await contoso.prepare()
    before = {key: body for key, body in contoso.foreign().items() if "/roleassignments/" not in key}
    cluster = contoso.create_cluster(wait=moment)
    zone = contoso.zone_of(cluster)
    contoso.operator("DELETE", cluster)
    first = await contoso.look_at(zone), await contoso.look_at(cluster)
    contoso.azure.clock.advance(400)

    reports = [*first, *(await contoso.settle(zone, cluster))]

    assert [codes(report) - {"ZONE_NOT_AKS"} for report in reports] == [set()] * 4
    assert reports[-1].looks_again_in is None
    assert await contoso.rows() == {}
    assert contoso.rules() == {}
    # Azure keeps role assignments of identities that are gone.
    assert {key: body for key, body in contoso.foreign().items() if "/roleassignments/" not in key} == before


async def test_cluster_that_goes_while_it_is_being_linked_is_no_error(contoso: Contoso) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    contoso.azure.latencies.cluster_delete = 10
    contoso.azure.clock.set_speed(60)
    looking = asyncio.create_task(contoso.look_at(cluster))
    await until(lambda: any("virtualNetworkLinks" in write for write in contoso.writes()))
    contoso.delete(cluster, wait=15)

    report = await looking
    await contoso.settle(cluster)

    assert codes(report) == set()
    assert await contoso.rows() == {}
    assert contoso.rules() == {}


async def test_stopped_cluster_loses_its_rule_after_the_configured_age(contoso: Contoso) -> None:
    cluster = await reachable(contoso)
    contoso.post(cluster, "stop")
    contoso.app = contoso.app_with(stopped_rule_retention_hours=0.5 / 3600)
    await contoso.settle(cluster)
    await asyncio.sleep(0.5)

    await contoso.sync()

    assert contoso.rules() == {}
    assert list(await contoso.rows()) == ["aks-1"]


@pytest.mark.parametrize(("hours", "attempt", "delay"), [(0, 0, 5.0), (1, 5, 120.0)])
async def test_cluster_that_is_not_ready_is_looked_at_ever_later(
    contoso: Contoso, hours: float, attempt: int, delay: float
) -> None:
    report = await look_at_unready(contoso, waited=timedelta(hours=hours) / SPEED, attempt=attempt)

    assert (codes(report), report.looks_again_in) == (set(), delay)


async def test_cluster_that_is_never_ready_is_given_up_with_a_finding(contoso: Contoso) -> None:
    report = await look_at_unready(contoso, waited=timedelta(hours=4) / SPEED, attempt=20)

    assert (codes(report), report.looks_again_in) == ({"CLUSTER_NOT_READY"}, None)
    assert await contoso.messages() == []


async def look_at_unready(contoso: Contoso, *, waited: timedelta, attempt: int) -> Report:
    await contoso.prepare()
    contoso.azure.clock.set_speed(0)
    item = WorkItem(
        scope=Scope(kind=ScopeKind.CLUSTER, resource=ResourceId.parse(contoso.create_cluster(wait=10))),
        asked_by="test",
        correlation_id="",
        first_asked=datetime.now(UTC) - waited,
        attempt=attempt,
    )
    return await contoso.app.reconciler.run(item)
