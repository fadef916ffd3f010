"""From a drift report to the page. What the report holds was written by many hands: everything is escaped."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.report_page.layout import Drawing, draw

if TYPE_CHECKING:
    from jinja2 import Environment

_PARTS = Path(__file__).parent / "parts"
_SEVERITIES = ("error", "warning", "info")
_WORST_FIRST = {"unreachable": 0, "ambiguous": 1, "reachable": 2}
MOST_TOLD = 5
"""Clusters that are not reachable and told with message and fix; of the others only name and code are."""
_SHAPES = {"reachable": "✓", "unreachable": "✕", "ambiguous": "?"}
_KINDS = {
    "put_link": "link the zone",
    "delete_link": "delete the link",
    "put_route_table": "make the route table",
    "put_route": "set the default route",
    "attach_route_table": "attach the route table",
    "register_api_server": "register the API server",
    "forget_api_server": "forget the API server",
    "put_rule_collection_group": "write the firewall rules",
}
Data = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Page:
    """A document and the Content-Security-Policy to send with it."""

    html: str
    policy: str


def render(report: Data, *, history: Sequence[Data] = (), changes: Sequence[Data] = (), now: datetime) -> Page:
    """The page for a drift report.

    Args:
        report: the report's JSON data, see docs/drift-report.md.
        history: the latest sweeps in numbers, the newest first, see `shared.storage.drift_reports`.
        changes: what the app changed, the newest first, see `shared.storage.changes`.
        now: when the page is made.
    """
    network = report["network"]
    by_index = [_cluster(cluster, index) for index, cluster in enumerate(network["clusters"])]
    clusters = sorted(by_index, key=lambda cluster: (_WORST_FIRST[cluster["verdict"]], cluster["name"].lower()))
    trouble = [cluster for cluster in clusters if cluster["verdict"] != "reachable"]
    drawing = draw(network)
    return _page(
        "report.html",
        report=report,
        network=network,
        clusters=clusters,
        by_index=by_index,
        trouble=trouble,
        codes=Counter(cluster["code"] for cluster in trouble[MOST_TOLD:] if cluster["code"]).most_common(4),
        findings=sorted(report["findings"], key=lambda finding: _SEVERITIES.index(finding["severity"])),
        drawing=drawing,
        lines=_lines(drawing, network),
        history=history,
        changes=changes,
        now=now,
    )


def render_empty(*, schedule: str, now: datetime) -> Page:
    """The page before the first sweep has ended."""
    return _page("empty.html", schedule=schedule, now=now)


def _page(template: str, **values: Any) -> Page:
    style, script = _part("style.css"), _part("script.js")
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src 'sha256-{_digest(style)}'",
            f"script-src 'sha256-{_digest(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    html = _environment().get_template(template).render(style=style, script=script, policy=policy, **values)
    # A document cannot say by itself who may frame it: that takes the header.
    return Page(html=html, policy=f"{policy}; frame-ancestors 'none'")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415  # cold start

    environment = Environment(
        loader=FileSystemLoader(_PARTS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"short": short_name, "moment": _moment, "words": _words}
    environment.globals |= {"shapes": _SHAPES, "most_told": MOST_TOLD, "rank": _WORST_FIRST}
    return environment


@cache
def _part(name: str) -> str:
    return (_PARTS / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def short_name(resource: object) -> str:
    """The end of a resource id that people know it by: `vnet-hub`, `vnet-spoke-1/aks-nodes`."""
    parts = str(resource or "").split("/")
    if len(parts) > 10 and parts[-2].lower() in ("subnets", "routes", "rulecollectiongroups"):
        return f"{parts[-3]}/{parts[-1]}"
    if len(parts) > 10 and parts[-2].lower() == "virtualnetworklinks":
        return f"{_shortened(parts[-3])}/{parts[-1]}"
    return _shortened(parts[-1])


def _shortened(name: str) -> str:
    # The zones of AKS begin with a UUID that nobody reads.
    first, dot, rest = name.partition(".")
    return f"{first[:8]}….{rest}" if dot and len(first) == 36 else name


def _words(kind: str) -> str:
    return _KINDS.get(kind, kind)


def _moment(text: object) -> str:
    return str(text)[:16].replace("T", " ")


def _cluster(cluster: Data, index: int) -> dict[str, Any]:
    parts = str(cluster["id"]).split("/")
    sources = (asked["subnet"] for asked in cluster["from"] if asked["verdict"] == cluster["verdict"])
    return {
        **cluster,
        "index": index,
        "name": parts[-1],
        "subscription": parts[2] if len(parts) > 2 else "",
        "worst_source": next(sources, "the monitoring VNets"),
    }


def _lines(drawing: Drawing, network: Data) -> list[dict[str, Any]]:
    """From the hub to every VNet, with the state of the peering."""
    x, y = drawing.hub.centre
    lines = []
    for box in drawing.boxes:
        if box.index is None:
            continue
        to_x, to_y = box.centre
        vnet = network["vnets"][box.index]
        path = f"M{x:.0f} {y:.0f} C{x:.0f} {(y + to_y) / 2:.0f} {to_x:.0f} {(y + to_y) / 2:.0f} {to_x:.0f} {to_y:.0f}"
        lines.append({"path": path, "connected": vnet["peering"] == "connected", "vnet": vnet})
    return lines
