"""docs/local-azure.md says what the local Azure does: every operation, fault, latency and control call is in it."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aiohttp import web

from local.azure.azure import Azure
from local.azure.clock import SimulatedClock
from local.azure.control import Control
from local.azure.dataplane import api as dataplane_api
from local.azure.event_grid.api import EventGridApi
from local.azure.event_grid.delivery import EventGrid
from local.azure.event_grid.topic import PATH as TOPIC
from local.azure.event_grid.topic import Topic
from local.azure.faults import KINDS
from local.azure.http import Route
from local.azure.latencies import Latencies
from local.azure.resource_graph import urls as resource_graph_urls
from local.azure.resource_graph.responses import ResourceGraph
from local.azure.simulation import routes

PAGE = (Path(__file__).parents[2] / "docs" / "local-azure.md").read_text(encoding="utf-8")
OPERATION_STATUS = re.compile(r"/(locations/|privateDnsOperation|operationresults/)", re.IGNORECASE)


def rows(heading: str) -> list[list[str]]:
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def operation(route: Route) -> tuple[str, str]:
    path = re.sub(r"^/subscriptions/\{sub\}", "", route.template)
    path = re.sub(
        r"^/resourcegroups(/\{rg\})?$", "/providers/Microsoft.Resources/resourceGroups\\1", path, flags=re.IGNORECASE
    )
    parts = path.split("/providers/")[-1].split("/")
    names = [part for part in parts if not part.startswith("{")]
    is_list = route.method == "GET" and not parts[-1].startswith("{")
    word = "list" if is_list else route.method
    if route.method == "POST" and route.action:
        word = names.pop()
    return "/".join(names), word


async def test_coverage_table_is_exactly_what_is_simulated() -> None:
    graph = ResourceGraph(Azure(clock=SimulatedClock(speed=0.0)))
    known = [*routes(), *resource_graph_urls.routes(graph)]
    simulated = {operation(route) for route in known if not OPERATION_STATUS.search(route.template)}

    documented = {(row[0].strip("`"), word) for row in rows("What it covers") for word in row[1].split(", ")}

    assert documented == simulated


def test_recorded_types_are_those_with_a_table() -> None:
    tables = {path.stem for path in (Path(__file__).parent / "wire_shapes").glob("*.json")}
    short = {"interface": "networkinterface", "privatezone": "privatednszone"}

    recorded = [row[0].strip("`").split("/")[-1].lower() for row in rows("What it covers") if "recorded" in row[2]]

    assert sorted(recorded) == sorted(short.get(table, table) + "s" for table in tables)


def test_latencies_are_those_of_the_code() -> None:
    assert {row[0].strip("`"): float(row[1]) for row in rows("Latencies")} == asdict(Latencies())


def test_every_kind_of_fault_is_explained() -> None:
    assert [row[0].strip("`") for row in rows("Faults")] == list(KINDS)


async def test_every_control_call_is_listed() -> None:
    azure, app = Azure(clock=SimulatedClock(speed=0.0)), web.Application()
    Control({}).install(app)
    EventGridApi(azure, EventGrid(azure)).install(app)
    Topic(azure).install(app)
    dataplane_api.install(app)
    served = {f"{route.method} {_template(route)}" for route in app.router.routes() if route.method != "HEAD"}
    served.remove(f"POST {TOPIC}")  # the topic itself, no control

    documented = {call for row in rows("The control API") for call in re.findall(r"`([A-Z]+ /_sim[^`]*)`", row[0])}

    assert documented == served


def _template(route: Any) -> str:
    return str(route.resource.canonical)
