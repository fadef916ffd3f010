"""The answer at the top: whether the monitoring VNets reach every cluster, or why that cannot be said. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.report_page.findings import Findings
from shared.report_page.names import counted

Data = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Headline:
    """One sentence. `tone` is `bad`, `doubt`, `good`, or `quiet` where nothing is judged; `stopped` counts clusters."""

    text: str
    tone: str
    stopped: int
    title: str


def make_headline(report: Data, trouble: Sequence[Data], findings: Findings) -> Headline:
    """What counts most; never that all is well when the search may have missed something."""
    stopped = sum(cluster["verdict"] == "unreachable" and cluster["power"] != "Running" for cluster in trouble)
    broken = report["verdicts"]["unreachable"] - stopped
    text = _broken(broken, report) if broken else _well(report, stopped)
    reached = f"{report['verdicts']['reachable']} of {counted(report['clusters'], 'cluster')} reachable"
    return Headline(
        text=text,
        tone=_tone(report, broken, findings),
        stopped=stopped,
        title=f"aks-hublink: {reached}{', the search has gaps' if report['gaps'] else ''}",
    )


def _broken(broken: int, report: Data) -> str:
    found = " that were found" if report["gaps"] else ""
    return f"{broken} of {counted(report['clusters'], 'cluster')}{found} cannot be reached from the monitoring VNets"


def _well(report: Data, stopped: int) -> str:
    count, doubtful, gaps = report["clusters"], report["verdicts"]["ambiguous"], report["gaps"]
    if not count:
        return "No private clusters were found" + (", but the search may have missed some" if gaps else "")
    if doubtful:
        return f"No cluster is known to be cut off; {doubtful} cannot be judged for sure"
    one = bool(stopped) or count == 1
    which = "Every running cluster" if stopped else "The one cluster" if one else f"All {count:,} clusters"
    if not gaps:
        return f"{which} {'is' if one else 'are'} reachable from the monitoring VNets"
    return f"{which} that {'was found is' if one else 'were found are'} reachable, but the search may have missed some"


def _tone(report: Data, broken: int, findings: Findings) -> str:
    if broken:
        return "bad"
    if report["verdicts"]["ambiguous"] or report["gaps"] or findings.worst == "error":
        return "doubt"
    return "good" if report["clusters"] else "quiet"
