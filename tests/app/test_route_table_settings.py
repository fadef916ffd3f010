"""A table of ours that somebody changed is written again, and keeps what else it has."""

from __future__ import annotations

from typing import Any

import pytest

from shared.apply.writer import NetworkWriter
from shared.model.resource_id import ResourceId
from tests.app.conftest import Contoso
from tests.drift.test_sweep import reachable_cluster, sweep, work_off


def _let_gateway_routes_in(contoso: Contoso, table: str) -> dict[str, Any]:
    body = contoso.get(table)
    body["tags"]["costCenter"] = "42"
    body["properties"]["disableBgpRoutePropagation"] = False
    extra = {"addressPrefix": "192.168.0.0/16", "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.0.1.4"}
    body["properties"]["routes"].append({"name": "to-onprem", "properties": extra})
    contoso.put(table, {key: body[key] for key in ("location", "tags", "properties")})
    return dict(contoso.get(table))


def _facts(body: dict[str, Any]) -> Any:
    routes = [
        {key: route["properties"].get(key) for key in ("addressPrefix", "nextHopType", "nextHopIpAddress")}
        for route in body["properties"]["routes"]
    ]
    return [route["name"] for route in body["properties"]["routes"]], routes, body["tags"], body["location"]


async def test_gateway_routes_are_kept_out_again_and_routes_and_tags_stay(contoso: Contoso) -> None:
    await reachable_cluster(contoso)
    table = str(contoso.table_id_on(contoso.spoke["node_subnet"]))
    changed = _let_gateway_routes_in(contoso, table)

    report = await sweep(contoso)
    await work_off(contoso)

    assert [(str(action.kind), action.resource.name) for action in report.plan.plan.actions] == [
        ("put_route_table", table.rsplit("/", 1)[-1])
    ]
    assert [(str(item.code), item.repaired) for item in report.findings] == [("ROUTE_TABLE_CHANGED", True)]
    after = contoso.get(table)
    assert after["properties"]["disableBgpRoutePropagation"] is True
    assert _facts(after) == _facts(changed)
    assert (await sweep(contoso)).clean


async def test_route_that_somebody_adds_between_read_and_write_is_not_lost(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PUT replaces the whole table; If-Match refuses it when the table is another by then."""
    await reachable_cluster(contoso)
    table = str(contoso.table_id_on(contoso.spoke["node_subnet"]))
    _let_gateway_routes_in(contoso, table)
    read = NetworkWriter._live_table
    late = {"addressPrefix": "192.0.2.0/24", "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.0.1.4"}
    reads = 0

    async def read_and_be_overtaken(self: NetworkWriter, resource: ResourceId) -> Any:
        nonlocal reads
        body, reads = await read(self, resource), reads + 1
        if reads == 1:
            contoso.put(f"{table}/routes/late", {"properties": late})
        return body

    monkeypatch.setattr(NetworkWriter, "_live_table", read_and_be_overtaken)
    await sweep(contoso)
    await work_off(contoso)
    await contoso.look_at(table)

    after = contoso.get(table)
    assert reads > 1
    assert after["properties"]["disableBgpRoutePropagation"] is True
    assert {"late", "to-onprem", "aks-hublink-default"} == {route["name"] for route in after["properties"]["routes"]}
