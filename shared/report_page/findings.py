"""Findings as the page tells them: each with the repair it gets, and nothing said twice. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.report_page.clusters import UNREACHED
from shared.report_page.names import short_name

Data = Mapping[str, Any]
INCOMPLETE = "SWEEP_INCOMPLETE"
"""The code of the finding that says of the sweep what its gaps say."""
SEVERITIES = ("error", "warning", "info")
WORDS = {
    "put_link": "link the zone",
    "delete_link": "delete the link",
    "put_route_table": "make the route table",
    "put_route": "set the default route",
    "attach_route_table": "attach the route table",
    "register_api_server": "register the API server",
    "forget_api_server": "forget the API server",
    "put_rule_collection_group": "write the firewall rules",
}
"""What the app does, by the kind of an action or of a journal's entry."""
KIND_OF = {
    "LINK_MISSING": "put_link",
    "LINK_BROKEN": "put_link",
    "LINK_LEFT_OVER": "delete_link",
    "ROUTE_TABLE_CHANGED": "put_route_table",
    "ROUTE_TABLE_MISSING": "put_route_table",
    "ROUTE_MISSING": "put_route",
    "ROUTE_WRONG": "put_route",
    "SUBNET_NOT_ROUTED": "attach_route_table",
    "API_SERVER_NOT_REGISTERED": "register_api_server",
    "API_SERVER_CHANGED": "register_api_server",
    "API_SERVER_LEFT_OVER": "forget_api_server",
    "FIREWALL_RULES_DIFFER": "put_rule_collection_group",
    "FIREWALL_GROUP_EDITED": "put_rule_collection_group",
}
"""The repair of each finding that the app repairs; those of shared/plan/drift.py stand for an action of the report."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What is told. `told_above` are findings that only repeat a cluster's verdict, `incomplete` the one of the gaps.

    `repairs` and `held` count, by what is done, what the app repairs and what its mode holds back; `more` are actions
    that no finding tells.
    """

    items: tuple[Data, ...]
    told_above: int
    incomplete: Data | None
    repairs: Mapping[str, int]
    held: Mapping[str, int]
    more: tuple[Data, ...]

    @property
    def repaired(self) -> int:
        """Findings that the app repairs."""
        return sum(1 for item in self.items if item["repaired"])

    @property
    def worst(self) -> str:
        """The gravest severity of what the app does not repair; empty when there is nothing."""
        left = {item["severity"] for item in self.items if not item["repaired"]}
        return next((severity for severity in SEVERITIES if severity in left), "")


def told_findings(report: Data) -> Findings:
    """Findings by severity and code; actions and verdicts that are findings as well are told once."""
    drawn = _not_reached(report["network"]["clusters"])
    incomplete = next((item for item in report["findings"] if item["code"] == INCOMPLETE and report["gaps"]), None)
    others = [finding for finding in report["findings"] if finding is not incomplete]
    found = [_told(finding) for finding in others if not _repeats(finding, drawn)]
    found.sort(key=_what_needs_you_first)
    told = {_place(item) for item in found}
    more = [action for action in report["actions"] if told.isdisjoint(_places(action))]
    repairs = Counter(item["repair"] for item in found if item["repair"])
    repairs.update(in_words(action["kind"]) for action in more)
    return Findings(
        items=tuple(found),
        told_above=len(others) - len(found),
        incomplete=incomplete,
        repairs=dict(repairs.most_common()),
        held=dict(Counter(in_words(action["kind"]) for action in report["heldBack"]).most_common()),
        more=tuple(more),
    )


def _place(finding: Data) -> tuple[str, str]:
    """What a finding is about: a change and its resource, or a resource alone; a cluster has findings of many kinds."""
    kind = KIND_OF.get(finding["code"], "")
    resource = str(finding["resource"]).lower()
    return kind, resource if kind or resource != str(finding["cluster"] or "").lower() else ""


def _places(action: Data) -> tuple[tuple[str, str], ...]:
    # A change that Azure refuses has a finding that says so, with a code of its own.
    resource = str(action["resource"]).lower()
    return (action["kind"], resource), ("", resource)


def _what_needs_you_first(item: Data) -> tuple[int, bool, str, str]:
    return SEVERITIES.index(item["severity"]), item["repaired"], item["code"], short_name(item["resource"])


def in_words(kind: str) -> str:
    """What an action does."""
    return WORDS.get(kind, kind)


def _not_reached(clusters: Sequence[Data]) -> frozenset[str]:
    return frozenset(str(cluster["id"]).lower() for cluster in clusters if cluster["verdict"] != "reachable")


def _repeats(finding: Data, not_reached: Collection[str]) -> bool:
    return finding["code"] == UNREACHED and str(finding["resource"]).lower() in not_reached


def _told(finding: Data) -> dict[str, Any]:
    kind = KIND_OF.get(finding["code"], "")
    return {
        **finding,
        "repair": in_words(kind) if finding["repaired"] and kind else "",
        "fix": "" if finding["repaired"] and kind and finding["fix"].startswith("Nothing to do") else finding["fix"],
    }
