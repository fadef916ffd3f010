"""Undo for the firewall: look at earlier bodies, put one back, hold it there, and let go again.

Putting back is not done here: the hold names the body, and the one writer writes it, under its lock and with all its
care. As long as the hold stands, syncs report what they would change in that group and change nothing in it.
"""

from __future__ import annotations

import json
import logging
import re
import uuid
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.apply.outcome import Result
from shared.errors import UnsafePlan
from shared.firewall.desired import COLLECTION_NAME, cluster_of_rule, rules_of
from shared.firewall.egress import COLLECTION_NAMES
from shared.firewall.group_body import Wire, difference, provisioning_state, require_dedicated, without_read_only
from shared.firewall.hold import Hold, OwnGroup
from shared.model.resource_id import ResourceId
from shared.problem import Problem, ProblemError
from shared.runtime import Runtime
from shared.storage.changes import Change
from shared.storage.work import SyncRequest
from shared.telling import tell

log = logging.getLogger(__name__)

PAGE = 20
LARGEST_PAGE = 100
LARGEST_BODY = 16 * 1024
LONGEST_TEXT = 200
ADVICE = (
    "Set MODE_API_RULES=report and correct what led to the rules you did not want. Then POST /api/firewall/release "
    "ends the hold; the sync that follows writes again, or only reports if the mode says so."
)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_OWN_COLLECTIONS = {OwnGroup.API: (COLLECTION_NAME,), OwnGroup.EGRESS: COLLECTION_NAMES}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP answer: JSON and a status."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Order:
    """What somebody wants of a hold: on which group, why, and who asks, as far as they say. No digest: to let go."""

    group: str = OwnGroup.API
    digest: str = ""
    reason: str = ""
    by: str = ""


class Undo:
    """What the HTTP functions of the firewall do."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        settings = runtime.settings
        self._policy = settings.firewall_policy_id
        names = {
            OwnGroup.API: settings.firewall_rule_collection_group,
            OwnGroup.EGRESS: settings.firewall_egress_group,
        }
        self._groups: dict[OwnGroup, ResourceId] = {
            kind: self._policy.child("ruleCollectionGroups", name) for kind, name in names.items() if name
        }

    async def history(self, query: Mapping[str, str]) -> Answer:
        """The kept bodies, newest first, a page at a time; `before` continues where `next` ended.

        Raises:
            ProblemError: 400 for a wrong limit or group.
        """
        kind, group = self._group(query.get("group", OwnGroup.API))
        limit = _limit(query.get("limit", str(PAGE)))
        entries = await self._runtime.firewall_history.list(group, limit=limit + 1, before=query.get("before", ""))
        hold = await self._runtime.firewall_state.hold(self._policy, kind)
        body: dict[str, Any] = {
            "group": str(group),
            "hold": hold.as_data() if hold else None,
            "entries": [entry.as_data() for entry in entries[:limit]],
            "next": entries[limit - 1].name if len(entries) > limit else None,
        }
        return Answer(body=body)

    async def body(self, digest: str, query: Mapping[str, str]) -> Answer:
        """One kept body, as it was.

        Raises:
            ProblemError: 400 for something that is no digest or no group, 404 for a digest that nobody knows.
        """
        _, group = self._group(query.get("group", OwnGroup.API))
        return Answer(body=await self._kept(group, _digest(digest)))

    async def restore(self, raw: bytes) -> Answer:
        """Hold a group at an earlier body and have it written: 202, or 200 when the firewall holds it already.

        The writer is asked in either case: it alone says when the firewall holds the body.

        Raises:
            ProblemError: the request is wrong, the digest unknown, or the group somebody else's.
        """
        wanted = read_restore(raw)
        kind, group = self._group(wanted.group)
        kept = without_read_only(await self._kept(group, wanted.digest))
        live = await self._runtime.reader.rule_collection_group(group)
        try:
            require_dedicated(live, group, _OWN_COLLECTIONS[kind])
        except UnsafePlan as error:
            problem = Problem(status=409, code="group-foreign", detail=error.message, more={"fix": error.fix})
            raise ProblemError(problem) from error
        hold = Hold(digest=wanted.digest, since=self._runtime.clock.now(), by=wanted.by, reason=wanted.reason)
        loses, changes = await self._affected(live, kept)
        await self._runtime.firewall_state.set_hold(self._policy, hold, kind)
        await self._ask_for_sync("firewall_restore", group, wanted)
        already = difference(live, kept).empty and provisioning_state(live) == "succeeded"
        did = "The firewall holds this body already." if already else "The firewall is being written; it takes minutes."
        body = {"did": did, "hold": hold.as_data(), "loses": loses, "changes": changes, "advice": ADVICE}
        return Answer(body=body, status=200 if already else 202, headers={"Location": _history_of(kind)})

    async def release(self, raw: bytes) -> Answer:
        """End the hold and ask for a sync.

        Raises:
            ProblemError: 400 for a wrong request, 404 when nothing is held, 409 when another body is held by now.
        """
        order = read_release(raw)
        kind, group = self._group(order.group)
        first = hold = await self._runtime.firewall_state.hold(self._policy, kind)
        while hold and not await self._runtime.firewall_state.release(self._policy, hold, kind):
            hold = await self._runtime.firewall_state.hold(self._policy, kind)  # the writer has put it back meanwhile
            if first and hold and (hold.digest, hold.since) != (first.digest, first.since):
                detail = "Somebody has put another body back meanwhile. Look at the history, then decide again."
                raise ProblemError(Problem(status=409, code="hold-changed", detail=detail))
        if hold is None:
            raise ProblemError(Problem(status=404, code="no-hold", detail="This group is not held."))
        await self._ask_for_sync("firewall_release", group, order)
        return Answer(body={"did": "The hold is ended; a sync was asked for.", "held": hold.as_data()})

    def _group(self, name: str) -> tuple[OwnGroup, ResourceId]:
        if name not in set(OwnGroup):
            raise ProblemError(Problem(status=400, code="bad-group", detail="group must be api or egress."))
        kind = OwnGroup(name)
        if kind not in self._groups:
            detail = "FIREWALL_EGRESS_GROUP is not set: the app has no egress group."
            raise ProblemError(Problem(status=400, code="no-egress-group", detail=detail))
        return kind, self._groups[kind]

    async def _affected(self, live: Wire | None, body: Wire) -> tuple[list[str], list[str]]:
        """The registered clusters that lose their rule, and those whose rule changes."""
        registered = {row.api_server.cluster for row in await self._runtime.registry.all()}
        clusters = {str(rule.get("name")): cluster_of_rule(rule) for rule in rules_of(live)}
        found = difference(live, body)
        loses, changes = ([clusters.get(name) for name in names] for names in (found.removed, found.changed))
        return _named(loses, registered), _named(changes, registered)

    async def _kept(self, group: ResourceId, digest: str) -> dict[str, Any]:
        kept = await self._runtime.firewall_history.body(group, digest)
        if kept is None:
            detail = "No body of our own rule collection group was kept with this digest."
            raise ProblemError(Problem(status=404, code="unknown-digest", detail=detail))
        return kept

    async def _ask_for_sync(self, asked_by: str, group: ResourceId, order: Order) -> None:
        correlation, now = str(uuid.uuid4()), self._runtime.clock.now()
        await self._runtime.queues.sync_firewall(
            SyncRequest(policy=self._policy, requested_at=now, asked_by=asked_by, correlation_id=correlation)
        )
        await self._record(
            Change(
                at=now,
                kind=asked_by,
                resource=str(group),
                reason=order.reason or "no reason given",
                result=str(Result.DONE),
                message=f"Asked for by {order.by or 'somebody'}."
                + (f" Digest {order.digest}." if order.digest else ""),
                asked_by=asked_by,
                correlation=correlation,
            )
        )

    async def _record(self, change: Change) -> None:
        """Write who did it and why into the log and the journal; a journal that does not answer stops nobody."""
        from azure.core.exceptions import AzureError  # noqa: PLC0415  # cold start

        tell(
            log,
            "somebody steers the firewall",
            asked_by=change.asked_by,
            resource=change.resource,
            correlation=change.correlation,
            reason=change.reason,
            who=change.message,
        )
        try:
            await self._runtime.changes.record([change])
        except AzureError as error:
            tell(log, "journal does not answer", level=logging.WARNING, error=type(error).__name__)


def read_restore(raw: bytes) -> Order:
    """Read and check the body of a restore.

    Raises:
        ProblemError: 400 with every mistake, 413 for a body that is too large.
    """
    return _read(raw, digest=True)


def read_release(raw: bytes) -> Order:
    """Read and check the body of a release; it may be empty.

    Raises:
        ProblemError: 400 with every mistake, 413 for a body that is too large.
    """
    return _read(raw, digest=False) if raw.strip() else Order()


def _read(raw: bytes, *, digest: bool) -> Order:
    if len(raw) > LARGEST_BODY:
        raise ProblemError(Problem(status=413, code="too-large", detail=f"At most {LARGEST_BODY} bytes are allowed."))
    try:
        wire = json.loads(raw)
    except (ValueError, RecursionError):
        wire = None
    if not isinstance(wire, dict):
        raise ProblemError(Problem(status=400, code="not-json", detail="The body must be a JSON object."))
    known = {"group", "reason", "by"} | ({"digest"} if digest else set())
    mistakes = [f"{name} is not known" for name in sorted(set(wire) - known)]
    if digest and not (isinstance(wire.get("digest"), str) and _DIGEST.fullmatch(wire["digest"])):
        mistakes.append("digest must be 64 hex digits, as GET /api/firewall/history answers them")
    if wire.get("group", OwnGroup.API) not in list(OwnGroup):
        mistakes.append("group must be api or egress")
    mistakes += [
        f"{name} must be text of at most {LONGEST_TEXT} characters" for name in ("reason", "by") if _wrong(wire, name)
    ]
    if mistakes:
        raise ProblemError(Problem(status=400, code="bad-request", detail="The request is wrong.", mistakes=mistakes))
    return Order(**wire)


def _named(clusters: Iterable[ResourceId | None], registered: Container[ResourceId]) -> list[str]:
    return sorted(cluster.name for cluster in clusters if cluster and cluster in registered)


def _history_of(kind: OwnGroup) -> str:
    return "/api/firewall/history" + ("" if kind is OwnGroup.API else f"?group={kind}")


def _wrong(wire: Mapping[str, Any], name: str) -> bool:
    value = wire.get(name, "")
    return not isinstance(value, str) or len(value) > LONGEST_TEXT or not value.isprintable()


def _digest(text: str) -> str:
    if not _DIGEST.fullmatch(text):
        detail = "A digest has 64 hex digits, as GET /api/firewall/history answers them."
        raise ProblemError(Problem(status=400, code="bad-digest", detail=detail))
    return text


def _limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= LARGEST_PAGE:
        raise ProblemError(Problem(status=400, code="bad-limit", detail=f"limit must be 1 to {LARGEST_PAGE}."))
    return int(text)
