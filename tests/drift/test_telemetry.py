"""The app's metrics: measured in a real run, and really sent to an ingestion endpoint."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from shared import telemetry as module
from shared.model.resource_id import ResourceId
from shared.model.scope import Scope, ScopeKind
from shared.storage.work import SyncRequest, WorkItem
from shared.telemetry import Telemetry, resource_type
from shared.workers import serve_sync
from tests.app.conftest import Contoso
from tests.drift.test_sweep import sweep

ROOT = Path(__file__).parents[2]
GROUP = "https://a/subscriptions/s/resourceGroups/g"


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemoryMetricReader]:
    """Instruments of their own for one test."""
    found = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[found])
    monkeypatch.setattr(metrics, "get_meter", provider.get_meter)
    measuring = Telemetry()
    for name in ("azure_clients", "telling", "loop", "workers", "drift.detector"):
        monkeypatch.setattr(f"shared.{name}.telemetry", lambda: measuring)
    yield found
    provider.shutdown()


def points(reader: InMemoryMetricReader) -> dict[str, list[tuple[dict[str, Any], Any]]]:
    """Attributes and value (sum for histograms) of every point, by metric."""
    data = reader.get_metrics_data()
    assert data is not None
    found: dict[str, list[tuple[dict[str, Any], Any]]] = {}
    for metric in data.resource_metrics[0].scope_metrics[0].metrics:
        values = [(dict(point.attributes), getattr(point, "value", None)) for point in metric.data.data_points]
        found[metric.name] = values
    return found


async def test_metrics_of_a_cluster_that_becomes_reachable(contoso: Contoso, reader: InMemoryMetricReader) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    now = datetime.now(UTC)
    item = WorkItem(
        scope=Scope(kind=ScopeKind.CLUSTER, resource=ResourceId.parse(cluster)),
        asked_by="link_dns_zone",
        correlation_id="c",
        first_asked=now,
        event_time=now - timedelta(seconds=3),
    )
    await contoso.app.reconciler.run(item)
    policy = contoso.app.settings.firewall_policy_id
    await serve_sync(
        contoso.app, SyncRequest(policy=policy, requested_at=now, asked_by="link_dns_zone", correlation_id="c")
    )
    await contoso.look_at(contoso.seed["monitoring_vnet"])
    await sweep(contoso)

    found = points(reader)

    assert [attributes for attributes, _ in found["hublink.event.age"]] == [{"function": "link_dns_zone"}]
    assert ({"asked_by": "link_dns_zone"}, None) in found["hublink.converged"]
    assert found["hublink.firewall.writes"] == [({"asked_by": "link_dns_zone"}, 1)]
    assert ({"verdict": "reachable"}, 1) in found["hublink.clusters"]
    writes = {
        attributes["type"]: count
        for attributes, count in found["hublink.arm.calls"]
        if attributes["method"] == "PUT" and attributes["status"] == "2xx"
    }
    assert writes["microsoft.network/privatednszones/virtualnetworklinks"] == 2
    assert writes["microsoft.network/firewallpolicies/rulecollectiongroups"] == 1
    assert "hublink.findings" not in found


async def test_findings_and_throttled_calls_are_counted(contoso: Contoso, reader: InMemoryMetricReader) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster("aks-locked", locked=True)
    contoso.azure.faults.add({"kind": "status", "method": "GET", "path": "managedClusters/aks-locked$", "status": 429})
    await contoso.look_at(cluster)

    found = points(reader)

    assert found["hublink.findings"] == [({"code": "NODE_GROUP_LOCKED", "severity": "error"}, 1)]
    throttled = [attributes for attributes, _ in found["hublink.arm.calls"] if attributes["throttled"]]
    assert [item["type"] for item in throttled] == ["microsoft.containerservice/managedclusters"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"{GROUP}/providers/Microsoft.Network/routeTables/t/routes/r?a=1", "microsoft.network/routetables/routes"),
        ("https://a/providers/Microsoft.ResourceGraph/resources", "microsoft.resourcegraph/resources"),
        (GROUP, "other"),
        ("https://a/", "other"),
        (f"https://a/providers/X.Y/{'t/n/' * 60}", "other"),
    ],
)  # fmt: skip
def test_resource_types_are_few(url: str, expected: str) -> None:
    assert resource_type(url) == expected


async def test_metrics_are_really_sent_to_the_ingestion_endpoint() -> None:
    sent: list[dict[str, Any]] = []

    async def track(request: web.Request) -> web.Response:
        raw = await request.read()
        text = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
        items = json.loads(text)
        sent.extend(items)
        return web.json_response({"itemsReceived": len(items), "itemsAccepted": len(items), "errors": []})

    app = web.Application()
    app.router.add_post("/{path:.*track}", track)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    code = (
        "from shared.telemetry import telemetry; from opentelemetry import metrics;"
        "telemetry().firewall_written(2, asked_by='detect_drift'); telemetry().found('LIMIT_NEAR', 'warning');"
        "metrics.get_meter_provider().force_flush()"
    )
    key = "00000000-0000-0000-0000-000000000000"
    environment = {
        **os.environ,
        module.CONNECTION_STRING: f"InstrumentationKey={key};IngestionEndpoint=http://127.0.0.1:{port}/",
    }
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    await runner.cleanup()

    assert done.returncode == 0, done.stderr
    names = {metric["name"]: metric["value"] for item in sent for metric in item["data"]["baseData"].get("metrics", [])}
    assert names["hublink.firewall.writes"] == 2
    assert names["hublink.findings"] == 1
    assert names.keys() == {"hublink.firewall.writes", "hublink.findings"}


def test_without_a_connection_string_nothing_of_the_exporter_is_loaded() -> None:
    code = (
        "import sys, function_app; from shared.telemetry import telemetry; telemetry().found('X', 'info');"
        "print(*[name for name in sys.modules if name.startswith(('azure.monitor', 'opentelemetry.sdk'))])"
    )
    environment = {name: value for name, value in os.environ.items() if name != module.CONNECTION_STRING}
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


def test_page_and_workbook_name_the_metrics_that_there_are() -> None:
    known = set(re.findall(r'"(hublink\.[a-z.]+)"', (ROOT / "shared/telemetry.py").read_text(encoding="utf-8")))
    page = set(
        re.findall(r"^\| `(hublink\.[a-z.]+)`", (ROOT / "docs/telemetry.md").read_text(encoding="utf-8"), re.MULTILINE)
    )
    workbook = set(re.findall(r"hublink\.[a-z.]+", (ROOT / "infra/workbook.json").read_text(encoding="utf-8")))

    assert page == workbook | {"hublink.findings"} == known
