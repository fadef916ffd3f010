"""Undo for the firewall: look at earlier bodies, put one back, hold it there, and let go again.

Putting back is not done here: the hold names the body, and the one writer writes it, under its lock and with all its
care. As long as the hold stands, syncs report what they would change and change nothing.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.errors import UnsafePlan
from shared.firewall.desired import require_dedicated
from shared.firewall.group_body import same_body, without_read_only
from shared.firewall.hold import Hold
from shared.model.resource_id import ResourceId
from shared.problem import Problem, ProblemError
from shared.runtime import Runtime
from shared.storage.work import SyncRequest

PAGE = 20
LARGEST_PAGE = 100
LARGEST_BODY = 16 * 1024
LONGEST_TEXT = 200
ADVICE = (
    "Set MODE_API_RULES=report and correct what led to the rules you did not want. Then POST /api/firewall/release "
    "ends the hold; the sync that follows writes again, or only reports if the mode says so."
)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MEMBERS = {"digest", "reason", "by"}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP answer: JSON and a status."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RestoreRequest:
    """What is to be put back, why, and who asks, as far as they say."""

    digest: str
    reason: str = ""
    by: str = ""


class Undo:
    """What the HTTP functions of the firewall do."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        settings = runtime.settings
        self._policy = settings.firewall_policy_id
        self._group: ResourceId = self._policy.child("ruleCollectionGroups", settings.firewall_rule_collection_group)

    async def history(self, query: Mapping[str, str]) -> Answer:
        """The kept bodies, newest first, a page at a time; `before` continues where `next` ended.

        Raises:
            ProblemError: 400 for a wrong limit.
        """
        limit = _limit(query.get("limit", str(PAGE)))
        entries = await self._runtime.firewall_history.list(
            self._group, limit=limit + 1, before=query.get("before", "")
        )
        hold = await self._runtime.firewall_state.hold(self._policy)
        body: dict[str, Any] = {
            "group": str(self._group),
            "hold": hold.as_data() if hold else None,
            "entries": [entry.as_data() for entry in entries[:limit]],
            "next": entries[limit - 1].name if len(entries) > limit else None,
        }
        return Answer(body=body)

    async def body(self, digest: str) -> Answer:
        """One kept body, as it was.

        Raises:
            ProblemError: 400 for something that is no digest, 404 for one that nobody knows.
        """
        return Answer(body=await self._kept(_digest(digest)))

    async def restore(self, raw: bytes) -> Answer:
        """Hold the firewall at an earlier body and have it written: 202, or 200 when the firewall holds it already.

        Raises:
            ProblemError: the request is wrong, the digest unknown, or the group somebody else's.
        """
        wanted = read_restore(raw)
        kept = await self._kept(wanted.digest)
        live = await self._runtime.reader.rule_collection_group(self._group)
        try:
            require_dedicated(live, self._group)
        except UnsafePlan as error:
            problem = Problem(status=409, code="group-foreign", detail=error.message, more={"fix": error.fix})
            raise ProblemError(problem) from error
        already = same_body(live, without_read_only(kept))
        hold = Hold(
            digest=wanted.digest,
            since=self._runtime.clock.now(),
            by=wanted.by,
            reason=wanted.reason,
            applied=already,
        )
        await self._runtime.firewall_state.set_hold(self._policy, hold)
        if not already:
            await self._ask_for_sync("firewall_restore")
        did = "The firewall holds this body already." if already else "The firewall is being written; it takes minutes."
        body = {"did": did, "hold": hold.as_data(), "advice": ADVICE}
        return Answer(body=body, status=200 if already else 202, headers={"Location": "/api/firewall/history"})

    async def release(self) -> Answer:
        """End the hold and ask for a sync.

        Raises:
            ProblemError: 404 when nothing is held.
        """
        hold = await self._runtime.firewall_state.hold(self._policy)
        if hold is None:
            raise ProblemError(Problem(status=404, code="no-hold", detail="The firewall is not held."))
        await self._runtime.firewall_state.release(self._policy)
        await self._ask_for_sync("firewall_release")
        return Answer(body={"did": "The hold is ended; a sync was asked for.", "held": hold.as_data()})

    async def _kept(self, digest: str) -> dict[str, Any]:
        kept = await self._runtime.firewall_history.body(self._group, digest)
        if kept is None:
            detail = "No body of our own rule collection group was kept with this digest."
            raise ProblemError(Problem(status=404, code="unknown-digest", detail=detail))
        return kept

    async def _ask_for_sync(self, asked_by: str) -> None:
        await self._runtime.queues.sync_firewall(
            SyncRequest(
                policy=self._policy,
                requested_at=self._runtime.clock.now(),
                asked_by=asked_by,
                correlation_id=str(uuid.uuid4()),
            )
        )


def read_restore(raw: bytes) -> RestoreRequest:
    """Read and check the body of a restore.

    Raises:
        ProblemError: 400 with every mistake, 413 for a body that is too large.
    """
    if len(raw) > LARGEST_BODY:
        raise ProblemError(Problem(status=413, code="too-large", detail=f"At most {LARGEST_BODY} bytes are allowed."))
    try:
        wire = json.loads(raw)
    except ValueError:
        wire = None
    if not isinstance(wire, dict):
        raise ProblemError(Problem(status=400, code="not-json", detail="The body must be a JSON object."))
    mistakes = [f"{name} is not known" for name in sorted(set(wire) - _MEMBERS)]
    digest = wire.get("digest")
    if not (isinstance(digest, str) and _DIGEST.fullmatch(digest)):
        mistakes.append("digest must be 64 hex digits, as GET /api/firewall/history answers them")
    mistakes += [
        f"{name} must be text of at most {LONGEST_TEXT} characters" for name in ("reason", "by") if _wrong(wire, name)
    ]
    if mistakes:
        raise ProblemError(Problem(status=400, code="bad-request", detail="The request is wrong.", mistakes=mistakes))
    return RestoreRequest(digest=str(digest), reason=wire.get("reason", ""), by=wire.get("by", ""))


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
