"""The drift report: one JSON document, and the same as Markdown for chat tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.drift.suspects import Suspect
from shared.model.world import Hub
from shared.plan.action import Plan
from shared.plan.combined import CombinedPlan, finding_data, waiting_data
from shared.plan.drift import CODES, Obstacle, Place, drift_findings
from shared.plan.finding import Code, Finding, Severity

VERSION = 1
_MOST_LINES = 50
_MOST_GAPS = 5
_MARKS = {"error": "🔴", "warning": "🟡", "info": "🔵"}


@dataclass(frozen=True, kw_only=True)
class DriftReport:
    """What one sweep found.

    `clusters` were seen, `suspects` seemed wrong to Resource Graph, `plan` is what Resource Manager confirmed.
    `repairs` are the places that were put on the queue. `queries` counts Resource Graph queries. `verdicts` counts
    clusters by verdict, `network` is what `shared.drift.network` makes of the fleet. `gaps` are what the search may
    have missed. `obstacles` are to changes of the plan; `others` are findings about the hub, the firewall and the
    search itself, and about clusters that are not reached or whose identity lacks rights.
    """

    correlation: str
    started_at: datetime
    ended_at: datetime
    mode: str
    clusters: int
    suspects: tuple[Suspect, ...]
    plan: CombinedPlan
    repairs: tuple[str, ...] = ()
    queries: int = 0
    gaps: tuple[str, ...] = field(default=())
    verdicts: Mapping[str, int] = field(default_factory=dict)
    network: Mapping[str, Any] = field(default_factory=dict)
    obstacles: Mapping[Place, Obstacle] = field(default_factory=dict)
    others: tuple[Finding, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is to be changed, what the planner found and the guard refused, and what was found about clusters."""
        found = (*drift_findings(self.plan.plan, self.obstacles), *self.plan.findings, *self.others)
        return tuple(sorted(dict.fromkeys(found), key=lambda finding: finding.sort_key))

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong anywhere."""
        return self.plan.empty and not self.findings and not self.plan.plan.waiting and not self.gaps

    def as_data(self) -> dict[str, Any]:
        """The report as JSON data; docs/drift-report.md describes every member."""
        plan = self.plan
        return {
            "version": VERSION,
            "sweep": self.correlation,
            "startedAt": self.started_at.isoformat(),
            "endedAt": self.ended_at.isoformat(),
            "mode": self.mode,
            "clean": self.clean,
            "clusters": self.clusters,
            "queries": self.queries,
            "suspects": [
                {"kind": str(item.scope.kind), "resource": str(item.scope.resource), "reasons": list(item.reasons)}
                for item in self.suspects
            ],
            "findings": [finding_data(finding) for finding in self.findings],
            "actions": [action.as_data() for action in plan.plan.actions],
            "heldBack": [action.as_data() for action in plan.plan.held_back],
            "waiting": [waiting_data(waiting) for waiting in plan.plan.waiting],
            "repairs": list(self.repairs),
            "gaps": list(self.gaps),
            "verdicts": dict(self.verdicts),
            "network": dict(self.network),
        }


def of_the_hub(wanted: Plan, hub: Hub) -> tuple[Finding, ...]:
    """What the plan for the fleet finds about the hub VNet, which was read from Resource Manager and is no suspect."""
    return tuple(finding for finding in wanted.findings if finding.resource == hub.vnet.id)


def incomplete(blind: Sequence[str], unchecked: Sequence[str], hub: Hub) -> tuple[Finding, ...]:
    """A finding when the sweep may have missed something: a blind sweep must not look like a clean one.

    `blind` is what could not be searched or looked at, `unchecked` what matters less; both in words.
    """
    gaps = (*blind, *unchecked)
    if not gaps:
        return ()
    told = "; ".join(gaps[:_MOST_GAPS]) + (f"; and {len(gaps) - _MOST_GAPS} more" if len(gaps) > _MOST_GAPS else "")
    return (
        Finding(
            code=Code.SWEEP_INCOMPLETE,
            severity=Severity.ERROR if blind else Severity.WARNING,
            resource=hub.vnet.id,
            message=f"The sweep may have missed something: {told}.",
            fix="Give the app's identity its role in every spoke subscription, then wait for the next sweep; what is "
            "throttled or unavailable passes by itself.",
        ),
    )


def as_markdown(report: dict[str, Any]) -> str:
    """A report's JSON data as Markdown, short enough for a chat message."""
    reach = ", ".join(f"{count} {verdict}" for verdict, count in report["verdicts"].items() if count)
    clusters = f"{report['clusters']} cluster{'' if report['clusters'] == 1 else 's'}" + (
        f" ({reach})" if reach else ""
    )
    if report["clean"]:
        return f"**aks-hublink** ✅ {clusters}, nothing to do ({report['endedAt'][:16]} UTC)\n"
    headline = (
        f"**aks-hublink** {clusters}, {len(report['findings'])} findings, "
        f"{len(report['actions'])} changes needed, {len(report['repairs'])} places being repaired "
        f"({report['endedAt'][:16]} UTC, mode {report['mode']})"
    )
    lines = [headline, ""]
    lines += [f"- ~ `{_cell(action['resource'])}`: {_cell(action['reason'])}" for action in report["actions"]]
    lines += [
        f"- ~ (only reported) `{_cell(action['resource'])}`: {_cell(action['reason'])}" for action in report["heldBack"]
    ]
    lines += [
        f"- {_MARKS.get(item['severity'], '·')} {item['code']} `{_cell(item['resource'])}`: {_cell(item['message'])}"
        for item in report["findings"]
        if item["code"] not in CODES  # the actions above
    ]
    lines += [f"- … `{_cell(item['resource'])}`: {_cell(item['message'])}" for item in report["waiting"]]
    if len(lines) > _MOST_LINES:
        lines = [*lines[:_MOST_LINES], f"- … and {len(lines) - _MOST_LINES} more lines"]
    return "\n".join(lines) + "\n"


def _cell(text: object) -> str:
    # Names and messages may hold what somebody else wrote: no markup, no line breaks, no mentions.
    plain = " ".join(str(text).split())
    return "".join("'" if letter in "`<>|*_[]@" and letter != "_" else letter for letter in plain)
