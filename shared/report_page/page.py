"""From a drift report to the page. What the report holds was written by many hands: everything is escaped."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.report_page.clusters import WORST_FIRST, reasons, shared_names, told_clusters, worst_first
from shared.report_page.findings import in_words, told_findings
from shared.report_page.headline import make_headline
from shared.report_page.names import counted, moment, short_ids, short_name
from shared.report_page.networks import told_networks
from shared.report_page.picture import GLYPHS, make_picture

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_COMMAND = re.compile(r"`([^`]+)`")
_PARTS = Path(__file__).parent / "parts"
_STYLE = ("page.css", "map.css", "tables.css", "print.css")
_SCRIPT = ("tables.js", "map.js", "print.js")
MANY_CLUSTERS = 50
"""Fleets above this size are listed without the clusters that are reachable, unless all are asked for."""
FIRST_ROWS = 50
"""Rows of a table before the rest has to be asked for."""
FIRST_CHANGES = 15
"""Changes, the newest, before the rest has to be asked for."""
MOST_TOLD = 5
"""Reasons that are told at once, and names of clusters that are told for each."""
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
    told = told_clusters(network)
    clusters = worst_first(told)
    trouble = [cluster for cluster in clusters if cluster["verdict"] != "reachable"]
    findings = told_findings(report)
    many = len(clusters) > MANY_CLUSTERS
    return _page(
        "report.html",
        report=report,
        headline=make_headline(report, trouble, findings),
        clusters=clusters,
        trouble=trouble,
        many=many,
        first_clusters=min(len(trouble), FIRST_ROWS) if many else len(clusters),
        reasons=reasons(clusters, report["findings"]),
        findings=findings,
        picture=make_picture(network, told),
        networks=told_networks(network, told, report["findings"]),
        firewall=network["hub"]["firewall"],
        history=history,
        changes=changes,
        now=now,
    )


def render_empty(*, schedule: str, now: datetime) -> Page:
    """The page before the first sweep has ended."""
    return _page("empty.html", schedule=schedule, now=now)


def _page(template: str, **values: Any) -> Page:
    style, script = _parts(_STYLE), _parts(_SCRIPT)
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
    environment.filters |= {
        "short": short_name,
        "brief": short_ids,
        "moment": moment,
        "words": in_words,
        "breaks": _breaks,
        "prose": _prose,
    }
    environment.globals |= {
        "glyphs": GLYPHS,
        "most_told": MOST_TOLD,
        "first_rows": FIRST_ROWS,
        "first_changes": FIRST_CHANGES,
        "rank": WORST_FIRST,
        "counted": counted,
        "shared_names": shared_names,
    }
    return environment


def _breaks(text: object) -> Markup:
    """A name or a host, escaped, that may be broken after its dots and slashes."""
    from markupsafe import Markup, escape  # noqa: PLC0415  # cold start

    plain = str(escape(text))
    return Markup(plain.replace(".", ".<wbr>").replace("/", "/<wbr>"))  # noqa: S704  # escaped above


def _prose(text: object) -> Markup:
    """A way out, escaped, with the commands in it set as such: they stand between backticks."""
    from markupsafe import Markup, escape  # noqa: PLC0415  # cold start

    return Markup(_COMMAND.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  # escaped above


@cache
def _parts(names: tuple[str, ...]) -> str:
    return "".join((_PARTS / name).read_text(encoding="utf-8") for name in names)


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
