"""The last step of the loop: what was found and done goes into the journal and out as events.

Nothing in here stops a repair: a journal or topic that does not answer is told in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.apply.outcome import Outcome, Result
from shared.clock import Clock
from shared.model.resource_id import ResourceId
from shared.own_events import EventType, OwnEvent, Publisher
from shared.plan import drift
from shared.plan.combined import finding_data
from shared.plan.finding import Code, Finding
from shared.storage.changes import Change, Changes
from shared.storage.refusals import Refusals
from shared.telling import current_work, tell

log = logging.getLogger(__name__)

SWEEP = "detect_drift"
FIREWALL_WRITE = "put_rule_collection_group"
REFUSALS = frozenset(
    {
        Code.CHANGE_FAILED,
        Code.FIREWALL_GROUP_FOREIGN,
        Code.FIREWALL_PRIORITY_TAKEN,
        Code.NODE_GROUP_LOCKED,
        Code.PLAN_TOO_LARGE,
        Code.PLAN_UNSAFE,
        Code.RIGHTS_MISSING,
        Code.ZONE_OVERLAPPING,
    }
)
"""Findings that say that the guard or Azure refused a change for good."""
_QUIET = (Result.ALREADY, Result.GONE)
_SETTLED = (Result.DONE, Result.ALREADY, Result.GONE)
Data = Mapping[str, Any]


class Reporter:
    """Tells what the app found and did to those who were not there."""

    def __init__(self, changes: Changes, refusals: Refusals, publisher: Publisher, clock: Clock) -> None:
        self._changes = changes
        self._refusals = refusals
        self._publisher = publisher
        self._clock = clock

    async def reconciled(self, outcomes: Sequence[Outcome], findings: Sequence[Finding]) -> None:
        """A look at one place has ended."""
        now, (asked_by, correlation) = self._clock.now(), _asked()
        rows = [_change(outcome, now, asked_by, correlation) for outcome in outcomes if outcome.result not in _QUIET]
        await self._record(rows)
        stale = await self._remember(outcomes, now)
        news = [finding for finding in findings if finding.code in REFUSALS and finding not in stale]
        events = [_refused(finding, now, correlation) for finding in news]
        if asked_by == SWEEP:
            events += [_repaired(row) for row in rows if row.result == Result.DONE]
        await self._publisher.publish(events)

    async def firewall_written(
        self, group: str, *, writes: int, reason: str | None, findings: Sequence[Finding]
    ) -> None:
        """A sync of the firewall has ended, with so many writes; without a reason it has not looked at the firewall."""
        now, (asked_by, correlation) = self._clock.now(), _asked()
        row = Change(
            at=now,
            kind=FIREWALL_WRITE,
            resource=group,
            reason=reason or "",
            result=str(Result.DONE),
            asked_by=asked_by,
            correlation=correlation,
        )
        looked = bool(findings) or reason is not None
        news = await self._news_of_the_firewall(findings, now) if looked else []
        events = [_refused(finding, now, correlation) for finding in news]
        if writes:
            await self._record([row])
            events += [_repaired(row)] if asked_by == SWEEP else []
        await self._publisher.publish(events)

    async def _news_of_the_firewall(self, findings: Sequence[Finding], now: datetime) -> list[Finding]:
        """The refusals of a sync that the sync before did not meet; every sync says what stands in its way."""
        from azure.core.exceptions import AzureError  # noqa: PLC0415  # cold start

        refused = [finding for finding in findings if finding.code in REFUSALS]
        try:
            known = {place for place in await self._refusals.all() if place[0].startswith(FIREWALL_WRITE)}
            for kind, resource in known - {(_kind_of(finding), finding.resource.key) for finding in refused}:
                await self._refusals.forget(kind, ResourceId.parse(resource))
            return [
                finding
                for finding in refused
                if await self._refusals.remember(_kind_of(finding), finding, finding.resource, at=now)
            ]
        except AzureError as error:
            tell(log, "refusals not remembered", level=logging.WARNING, error=type(error).__name__)
            return refused

    async def swept(self, previous: Data | None, report: Data) -> None:
        """A sweep has ended; `previous` is the report before this one."""
        from azure.core.exceptions import AzureError  # noqa: PLC0415  # cold start

        await self._publisher.publish([*found_events(previous, report), *verdict_events(previous, report)])
        try:
            forgotten = await self._changes.forget_old(self._clock.now())
        except AzureError as error:
            tell(log, "journal does not answer", level=logging.WARNING, error=type(error).__name__)
        else:
            tell(log, "journal kept short", level=logging.DEBUG, forgotten=forgotten)

    async def _remember(self, outcomes: Sequence[Outcome], now: datetime) -> list[Finding]:
        """Remember what was refused, and forget what no longer is; answers the refusals that are no news."""
        from azure.core.exceptions import AzureError  # noqa: PLC0415  # cold start

        stale = []
        try:
            for outcome in outcomes:
                kind, resource = str(outcome.action.kind), outcome.action.resource
                if outcome.finding is None and outcome.result in _SETTLED:
                    await self._refusals.forget(kind, resource)
                elif outcome.finding and not await self._refusals.remember(kind, outcome.finding, resource, at=now):
                    stale.append(outcome.finding)
        except AzureError as error:
            tell(log, "refusals not remembered", level=logging.WARNING, error=type(error).__name__)
        return stale

    async def _record(self, rows: Sequence[Change]) -> None:
        from azure.core.exceptions import AzureError  # noqa: PLC0415  # cold start

        try:
            await self._changes.record(rows)
        except AzureError as error:
            kind = type(error).__name__
            tell(log, "journal does not answer", level=logging.WARNING, error=kind, changes=[str(row) for row in rows])


def _kind_of(finding: Finding) -> str:
    return f"{FIREWALL_WRITE}-{finding.code}"


def _asked() -> tuple[str, str]:
    work = current_work()
    return (work.asked_by, work.correlation) if work else ("", "")


def _change(outcome: Outcome, at: datetime, asked_by: str, correlation: str) -> Change:
    action = outcome.action
    return Change(
        at=at,
        kind=str(action.kind),
        resource=str(action.resource),
        cluster=str(action.cluster or ""),
        reason=action.reason,
        result=str(outcome.result),
        message=outcome.message,
        asked_by=asked_by,
        correlation=correlation,
    )


def _repaired(row: Change) -> OwnEvent:
    occasion = f"{row.correlation}|{row.kind}|{row.at.isoformat()}"
    data = row.as_data()
    return OwnEvent(type=EventType.DRIFT_REPAIRED, subject=row.resource, at=row.at, occasion=occasion, data=data)


def _refused(finding: Finding, at: datetime, correlation: str) -> OwnEvent:
    data = {**finding_data(finding), "correlation": correlation}
    occasion = f"{correlation}|{finding.code}|{finding.message}"
    return OwnEvent(type=EventType.CHANGE_REFUSED, subject=str(finding.resource), at=at, occasion=occasion, data=data)


def found_events(previous: Data | None, report: Data) -> Iterator[OwnEvent]:
    """What a sweep found and the one before did not: an event for every finding and every change needed. Pure."""
    sweep, at = str(report["sweep"]), datetime.fromisoformat(report["endedAt"])
    known = {_finding_key(item) for item in _of(previous, "findings")}
    for item in _of(report, "findings"):
        if _finding_key(item) not in known and item["code"] not in drift.CODES:  # those are told as actions, below
            what = f"{item['code']}|{item['message']}"
            yield _found(str(item["resource"]), {"sweep": sweep, "finding": item, "action": None}, at, what)
    asked = {_action_key(item) for name in ("actions", "heldBack") for item in _of(previous, name)}
    for name in ("actions", "heldBack"):
        for item in _of(report, name):
            if _action_key(item) not in asked:
                action = {
                    "kind": item["kind"],
                    "resource": item["resource"],
                    "reason": item["reason"],
                    "heldBack": name == "heldBack",
                }
                yield _found(
                    str(item["resource"]), {"sweep": sweep, "finding": None, "action": action}, at, str(item["kind"])
                )


def _of(report: Data | None, name: str) -> Iterable[Data]:
    return (report or {}).get(name) or ()


def _finding_key(item: Data) -> tuple[str, str, str]:
    return str(item["code"]), str(item["resource"]).lower(), str(item.get("cluster") or "").lower()


def _action_key(item: Data) -> tuple[str, str]:
    return str(item["kind"]), str(item["resource"]).lower()


def _found(subject: str, data: Data, at: datetime, what: str) -> OwnEvent:
    occasion = f"{data['sweep']}|{what}"
    return OwnEvent(type=EventType.DRIFT_FOUND, subject=subject, at=at, occasion=occasion, data=data)


def verdict_events(previous: Data | None, report: Data) -> Iterator[OwnEvent]:
    """Clusters whose verdict became reachable or unreachable since the sweep before; new ones count. Pure.

    An ambiguous verdict is no news, nor is an unreachable one that Resource Manager did not confirm: a cluster is told
    again when it is known for sure.
    """
    at = datetime.fromisoformat(report["endedAt"])
    before = {str(item["id"]).lower(): str(item["verdict"]) for item in _clusters(previous) if _is_sure(item)}
    types = {"reachable": EventType.CLUSTER_REACHABLE, "unreachable": EventType.CLUSTER_UNREACHABLE}
    for item in _clusters(report):
        verdict, was = str(item["verdict"]), before.get(str(item["id"]).lower())
        if verdict == was or verdict not in types or not _is_sure(item):
            continue
        data = {
            "sweep": report["sweep"],
            "cluster": item["id"],
            "before": was,
            "code": item["code"],
            "message": item["message"],
            "fix": item["fix"],
            "power": item["power"],
        }
        occasion = str(report["sweep"])
        yield OwnEvent(type=types[verdict], subject=str(item["id"]), at=at, occasion=occasion, data=data)


def _is_sure(cluster: Data) -> bool:
    """Resource Graph may only lag behind when it shows a cluster as unreachable."""
    return bool(cluster["verdict"] != "unreachable" or cluster["confirmed"])


def _clusters(report: Data | None) -> Iterable[Data]:
    return ((report or {}).get("network") or {}).get("clusters") or ()
