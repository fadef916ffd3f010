"""The act of the colleague: three changes by hand, of which the app hears nothing, and the timer that finds them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from rich.markup import escape

from local.demo.show import Show
from local.demo.stage import Stage
from local.demo.watch import PATIENCE, cluster_id

GRAPH_LAG = 40.0
"""Simulated seconds that Resource Graph takes to catch up, and some."""
LOOK_EVERY = 8.0
FOLDER = Path(".local/report")
UNDONE = frozenset({"LINK_MISSING", "ROUTE_WRONG", "FIREWALL_GROUP_EDITED"})
_AKS_NAME = re.compile(r"([\w-]*?[0-9a-f]{8})-?[\w-]*\.privatelink\.[\w.-]*\w")
WRONG_ADDRESS = "10.3.4.200"
WRONG_HOP = "10.0.1.99"


@dataclass(frozen=True, kw_only=True)
class DriftStory:
    """What the sweeps found: before the repair and after it. The pages are the reports as files."""

    found: Mapping[str, Any]
    after: Mapping[str, Any]
    pages: tuple[Path, ...]

    @property
    def well(self) -> bool:
        """Whether all three changes were found, and nothing is left of them."""
        seen = {str(finding["code"]) for finding in self.found["findings"]}
        everything_left = self.after["findings"] or self.after["actions"] or self.after["verdicts"]["unreachable"]
        return seen >= UNDONE and not everything_left


async def play_drift(stage: Stage, show: Show) -> DriftStory:
    """A colleague undoes three things, Event Grid loses the events, and the timer has all of it repaired."""
    async with _Api(stage.host_url) as api:
        # A sync that still waits in the queue would find the edited rule before the timer does.
        await _wait_for_quiet(stage, api, show)
        started = await stage.now()
        await stage.control.fault("event", effect="drop", count=10_000)
        await _mischief(stage, show, started)
        await asyncio.sleep(GRAPH_LAG / stage.speed)
        found = await api.sweep(show, "detect_drift sweeps the fleet")
        pages = [await api.save_page("drift.html")]
        await stage.control.clear_faults()
        _tell(show, await stage.now() - started, found)
        await _wait_for_repair(stage, show, started)
        await _wait_for_quiet(stage, api, show)
        await asyncio.sleep(GRAPH_LAG / stage.speed)
        after = await api.sweep(show, "the next sweep")
        _tell(show, await stage.now() - started, after)
        pages.append(await api.save_page("repaired.html"))
    return DriftStory(found=found, after=after, pages=tuple(pages))


async def _wait_for_quiet(stage: Stage, api: _Api, show: Show) -> None:
    """Wait until the app has nothing left to do: no event is on its way, and no message waits, seen twice in a row."""
    begun, quiet = await stage.now(), 0
    with show.busy("the app finishes what it has begun") as status:
        while quiet < 2 and (now := await stage.now()) - begun < PATIENCE:
            events = (await stage.control.eventgrid())["pending"]
            quiet = 0 if events or await api.messages() else quiet + 1
            status.update(now - begun, "the app finishes what it has begun")
            await asyncio.sleep(LOOK_EVERY / stage.speed)


async def _mischief(stage: Stage, show: Show, started: float) -> None:
    """Delete a link, change a route, edit a rule."""
    link = await _link_of(stage, "vnet-spoke-1", "aks-1")
    await stage.operator.delete(link)
    show.line(await stage.now() - started, "somebody deletes the link of aks-1's zone to the monitoring VNet")

    table = await _table_of(stage, "vnet-spoke-3")
    route = {"addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance", "nextHopIpAddress": WRONG_HOP}
    await stage.operator.put(f"{table}/routes/aks-hublink-default", {"properties": route})
    show.line(await stage.now() - started, f"somebody points spoke 3's default route at {WRONG_HOP}")

    group = f"{stage.seed['settings']['FIREWALL_POLICY_ID']}/ruleCollectionGroups/rcg-aks-api-servers"
    facts = (await stage.operator.get(group))["properties"]
    rules = [rule for collection in facts["ruleCollections"] for rule in collection["rules"]]
    edited = next(rule for rule in rules if rule["name"].startswith("aks-aks-3-"))
    edited["destinationAddresses"] = [WRONG_ADDRESS]
    with show.busy("the firewall takes the edited rule"):
        wanted = {name: facts[name] for name in ("priority", "ruleCollections")}
        await stage.operator.put(group, {"properties": wanted})
    show.line(await stage.now() - started, f"somebody edits the firewall rule of aks-3: now for {WRONG_ADDRESS}")


async def _link_of(stage: Stage, spoke: str, name: str) -> str:
    cluster = (await stage.operator.get(cluster_id(stage, spoke, name)))["properties"]
    zone = cluster["privateFQDN"].split(".", 1)[1]
    subscription = "/".join(cluster_id(stage, spoke, name).split("/")[:3])
    group = f"{subscription}/resourceGroups/{cluster['nodeResourceGroup']}"
    links = await stage.operator.get(f"{group}/providers/Microsoft.Network/privateDnsZones/{zone}/virtualNetworkLinks")
    monitoring = stage.seed["monitoring_vnet"].lower()
    found = (link for link in links["value"] if link["properties"]["virtualNetwork"]["id"].lower() == monitoring)
    return str(next(found)["id"])


async def _table_of(stage: Stage, spoke: str) -> str:
    subnet = await stage.operator.get(stage.seed["spokes"][spoke]["node_subnet"])
    return str(subnet["properties"]["routeTable"]["id"])


def _tell(show: Show, at: float, report: Mapping[str, Any]) -> None:
    verdicts = report["verdicts"]
    good = verdicts["unreachable"] == 0
    counts = ", ".join(f"{count} {name}" for name, count in verdicts.items() if count)
    show.line(at, f"{report['clusters']} clusters: {counts}; {report['queries']} Resource Graph queries", good=good)
    for cluster in report["network"]["clusters"]:
        if cluster["verdict"] != "reachable":
            name = cluster["id"].rsplit("/", 1)[-1]
            show.line(None, f"{name}: [bold]{cluster['code']}[/bold] {_short(cluster['message'])}")
    for finding in report["findings"]:
        if finding["code"] in UNDONE:
            show.line(None, f"[bold]{finding['code']}[/bold] {_short(finding['message'])}")


def _short(message: object) -> str:
    """A message without the long names of AKS's zones and what is in them."""
    return escape(_AKS_NAME.sub(lambda name: f"{name[1]}…", str(message)))


async def _wait_for_repair(stage: Stage, show: Show, started: float) -> None:
    """Wait until the VM reaches both clusters again and the route leads to the firewall."""
    hosts = {}
    for spoke, name in (("vnet-spoke-1", "aks-1"), ("vnet-spoke-3", "aks-3")):
        cluster = await stage.operator.get(cluster_id(stage, spoke, name))
        hosts[name] = cluster["properties"]["privateFQDN"]
    table = await _table_of(stage, "vnet-spoke-3")
    waiting = [*hosts, "the route"]
    with show.busy("the app repairs") as status:
        while waiting and await stage.now() - started < 2 * PATIENCE:
            for what in list(waiting):
                if what in hosts:
                    outcome = await stage.control.connect(subnet=stage.seed["vm_subnet"], host=hosts[what])
                    mended, words = bool(outcome["reached"]), f"{what}: kubectl works again"
                else:
                    routes = (await stage.operator.get(table))["properties"]["routes"]
                    firewall = stage.seed["firewall_private_ip"]
                    mended = any(route["properties"].get("nextHopIpAddress") == firewall for route in routes)
                    words = "spoke 3's default route leads to the firewall again"
                if mended:
                    waiting.remove(what)
                    show.line(await stage.now() - started, words, good=True)
            status.update(await stage.now() - started, f"waiting for {', '.join(waiting)}")
            await asyncio.sleep(4.0 / stage.speed)


class _Api:
    """The app's own HTTP functions."""

    def __init__(self, host_url: str) -> None:
        self._host_url = host_url
        self._session = aiohttp.ClientSession(trust_env=False)

    async def __aenter__(self) -> _Api:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def sweep(self, show: Show, words: str) -> dict[str, Any]:
        """Run the timer function now and answer its report."""
        before = await self._report()
        async with self._session.post(f"{self._host_url}/admin/functions/detect_drift", json={}) as answer:
            answer.raise_for_status()
        with show.busy(words):
            async with asyncio.timeout(120):
                while True:
                    report = await self._report()
                    if report and (before is None or report["sweep"] != before["sweep"]):
                        return report
                    await asyncio.sleep(0.3)

    async def messages(self) -> int:
        """How many messages wait for the app or are being worked on."""
        async with self._session.get(f"{self._host_url}/api/health") as answer:
            answer.raise_for_status()
            return sum((await answer.json())["queues"].values())

    async def _report(self) -> dict[str, Any] | None:
        async with self._session.get(f"{self._host_url}/api/drift") as answer:
            if answer.status == 404:
                return None
            answer.raise_for_status()
            report: dict[str, Any] = await answer.json()
            return report

    async def save_page(self, name: str) -> Path:
        """Keep the report page as a file."""
        async with self._session.get(f"{self._host_url}/api/report") as answer:
            answer.raise_for_status()
            page = await answer.text()
        return await asyncio.to_thread(_write, name, page)


def _write(name: str, page: str) -> Path:
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / name
    path.write_text(page, encoding="utf-8")
    return path
