"""The app's own events on a strict topic, the journal, and what happens when neither answers."""

from __future__ import annotations

import base64
import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError
from jsonschema import Draft202012Validator, FormatChecker

from shared.model.resource_id import ResourceId
from shared.plan.names import link_name
from shared.runtime import Runtime
from shared.storage import names
from shared.storage.changes import KEPT_DAYS, Change
from shared.storage.work import SyncRequest
from shared.workers import serve_sync
from tests.app.conftest import Contoso
from tests.drift.test_sweep import reachable_cluster, sweep, work_off

SCHEMAS = json.loads(Path("docs/schemas/own-events.json").read_text(encoding="utf-8"))["$defs"]


@pytest.fixture
def contoso(contoso: Contoso) -> Contoso:
    """The app with a topic for its own events."""
    contoso.app = contoso.app_with(drift_topic_endpoint=f"{contoso.azure.base_url}/api/events")
    return contoso


def events(contoso: Contoso) -> list[dict[str, Any]]:
    """What arrived since the last time this was asked; every event is held to its schema."""
    found = list(contoso.simulation.topic.events)
    contoso.simulation.topic.events.clear()
    for event in found:
        Draft202012Validator(SCHEMAS[event["type"]], format_checker=FormatChecker()).validate(event["data"])
        assert event["source"] == str(contoso.app.settings.firewall_policy_id)
    return found


def told(found: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Types with the last parts of their subjects."""
    types: dict[str, list[str]] = {}
    for event in found:
        types.setdefault(event["type"].removeprefix("AksHublink."), []).append(event["subject"].rsplit("/", 1)[-1])
    return {name: sorted(subjects) for name, subjects in types.items()}


def take_links(contoso: Contoso, cluster: str) -> None:
    zone = contoso.zone_of(cluster)
    for vnet in (contoso.seed["hub_vnet"], contoso.seed["monitoring_vnet"]):
        contoso.delete(f"{zone}/virtualNetworkLinks/{link_name(ResourceId.parse(vnet))}", wait=120)


async def test_drift_is_told_when_found_when_repaired_and_when_the_cluster_is_back(contoso: Contoso) -> None:
    cluster = await reachable_cluster(contoso)
    await sweep(contoso)
    assert told(events(contoso)) == {"ClusterReachable": ["aks-1"]}
    await sweep(contoso)
    assert events(contoso) == []

    take_links(contoso, cluster)
    await sweep(contoso)
    links = sorted(link_name(ResourceId.parse(contoso.seed[name])) for name in ("hub_vnet", "monitoring_vnet"))
    found = events(contoso)
    assert told(found) == {"DriftFound": sorted([*links, "aks-1"]), "ClusterUnreachable": ["aks-1"]}
    assert len({event["id"] for event in found}) == len(found)

    await sweep(contoso)
    assert events(contoso) == []  # the same drift is not told again

    await work_off(contoso)
    assert told(events(contoso)) == {"DriftRepaired": links}
    await sweep(contoso)
    assert told(events(contoso)) == {"ClusterReachable": ["aks-1"]}


async def test_work_that_no_sweep_asked_for_is_journal_only(contoso: Contoso) -> None:
    cluster = await reachable_cluster(contoso)
    assert events(contoso) == []
    kept = await contoso.app.changes.latest(50)
    kinds = [entry["kind"] for entry in kept]
    assert {"put_link", "register_api_server", "attach_route_table"} <= set(kinds)
    assert all(entry["result"] == "done" for entry in kept)
    assert kept == sorted(kept, key=lambda entry: entry["at"], reverse=True)
    assert contoso.reach(cluster).reached


async def test_refused_change_is_told(contoso: Contoso) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    contoso.app = contoso.app_with(
        drift_topic_endpoint=contoso.app.settings.drift_topic_endpoint, max_changes_per_run=1
    )

    report = await contoso.look_at(cluster)

    assert report.outcomes == ()
    (event,) = events(contoso)
    assert event["type"] == "AksHublink.ChangeRefused"
    assert event["data"]["code"] == "PLAN_TOO_LARGE"


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 403, "code": "Forbidden"},
        {"status": 503, "code": "ServiceUnavailable"},
        {"status": 413, "code": "PayloadTooLarge"},
    ],
    ids=["no role", "down", "too large"],
)
async def test_topic_that_refuses_stops_no_repair(
    contoso: Contoso, caplog: pytest.LogCaptureFixture, fault: dict[str, Any]
) -> None:
    cluster = await reachable_cluster(contoso)
    take_links(contoso, cluster)
    contoso.azure.faults.add({"kind": "status", "path": "^/api/events", "count": 1000, **fault})

    with caplog.at_level(logging.WARNING):
        await sweep(contoso)
        await work_off(contoso)

    assert contoso.reach(cluster).reached
    assert events(contoso) == []
    assert any(record.getMessage().startswith("own events lost") for record in caplog.records)


async def test_topic_that_is_not_there_stops_no_repair(contoso: Contoso, caplog: pytest.LogCaptureFixture) -> None:
    cluster = await reachable_cluster(contoso)
    take_links(contoso, cluster)
    app = contoso.app = contoso.app_with(drift_topic_endpoint="https://127.0.0.1:9/api/events")

    with caplog.at_level(logging.WARNING):
        await sweep(contoso, app)
        await work_off(contoso)

    assert contoso.reach(cluster).reached
    assert any(record.getMessage().startswith("own events lost") for record in caplog.records)


async def test_journal_that_does_not_answer_stops_no_repair(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()

    async def down(_: object) -> None:
        raise ServiceRequestError("the storage is down")

    monkeypatch.setattr(contoso.app.changes, "record", down)
    with caplog.at_level(logging.WARNING):
        await contoso.look_at(cluster)
        await contoso.sync()

    assert len(contoso.links(contoso.zone_of(cluster))) == 3
    assert any(record.getMessage().startswith("journal does not answer") for record in caplog.records)


async def test_journal_forgets_what_is_old_and_keeps_long_texts_short(contoso: Contoso) -> None:
    now = contoso.app.clock.now()
    old, young = (_change(now - timedelta(days=days)) for days in (KEPT_DAYS + 1, KEPT_DAYS - 1))
    await contoso.app.changes.record([old] * 150 + [young])

    assert await contoso.app.changes.forget_old(now) == 150
    (kept,) = await contoso.app.changes.latest(10)
    assert kept["at"] == young.at.isoformat()
    assert len(kept["message"]) == 2000


def _change(at: Any) -> Change:
    return Change(
        at=at,
        kind="put_link",
        resource="/subscriptions/s",
        reason="a test",
        result="done",
        asked_by="test",
        correlation="c",
        message="x" * 9000,
    )


async def test_firewall_write_of_a_sweep_is_repaired_drift_and_in_the_journal(contoso: Contoso) -> None:
    cluster = await reachable_cluster(contoso)
    contoso.delete(f"{contoso.our_group}", wait=400)
    await sweep(contoso)
    events(contoso)
    await _sync_as_the_queue_does(contoso.app)

    assert told(events(contoso)) == {"DriftRepaired": ["rcg-aks-api-servers"]}
    newest = (await contoso.app.changes.latest(1))[0]
    assert (newest["kind"], newest["askedBy"]) == ("put_rule_collection_group", "detect_drift")
    assert contoso.reach(cluster).reached


async def _sync_as_the_queue_does(app: Runtime) -> None:
    client = await app.storage.queue(names.SYNC_FIREWALL_QUEUE)
    async for message in client.receive_messages(visibility_timeout=60):
        await serve_sync(app, SyncRequest.decode(base64.b64decode(message.content)))
        await client.delete_message(message)
