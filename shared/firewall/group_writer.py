"""One write of one rule collection group, as safe as Azure lets it be.

If-Match is not documented for rule collection groups: it is sent and never relied on. What protects the write is the
lease, confirmed right before it, and a fresh read that must still show what the decision was based on.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.azure_clients import AzureClients
from shared.azure_errors import azure_errors
from shared.clock import Clock
from shared.errors import PermanentError, TemporaryError
from shared.firewall.group_body import Difference, Wire, as_meant, body_digest, same_body, without_rules
from shared.firewall.hold import OwnGroup
from shared.model.resource_id import ResourceId
from shared.observe.reader import Reader
from shared.plan.finding import Code, Finding
from shared.storage.firewall_history import FirewallHistory
from shared.storage.locks import Lock
from shared.telling import tell

log = logging.getLogger(__name__)

_SAFE_TO_REPEAT = frozenset({"GET", "HEAD"})
_SAME_PRIORITY = re.compile(r"DuplicatePriority|same priority", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Target:
    """A group as it is, as it should be, and how the two differ. `reason` is that of a restore, for the history."""

    kind: OwnGroup
    group: ResourceId
    live: Wire | None
    body: Wire
    difference: Difference
    reason: str = ""


@dataclass(kw_only=True)
class Run:
    """What one sync has done so far: writes that Azure accepted, writes nobody answered, findings.

    `unanswered` has the digest of each such write, and the entry that the history keeps for it. `watched`: a message
    waits on the queue that stands for this sync. `held` and `refused`: something was not written, by a human's wish or
    for its own size.
    """

    started: datetime
    deadline: datetime
    writes: int = 0
    unanswered: dict[ResourceId, tuple[str, str]] = field(default_factory=dict)
    findings: dict[tuple[str, ...], Finding] = field(default_factory=dict)
    difference: Difference | None = None
    watched: bool = False
    held: bool = False
    refused: bool = False

    def find(self, finding: Finding) -> None:
        """Add a finding, once."""
        self.findings.setdefault(finding.sort_key, finding)

    def recognise(self, group: ResourceId, live: Wire | None) -> str:
        """Count the write whose answer was lost, once its body shows. Answers its entry in the history, if any."""
        digest, entry = self.unanswered.get(group, ("", ""))
        if live is None or digest != body_digest(live):
            return ""
        del self.unanswered[group]
        self.writes += 1
        tell(log, "a lost answer was a write", resource=str(group))
        return entry


class GroupWriter:
    """Writes groups; the caller holds the lock."""

    def __init__(self, clients: AzureClients, reader: Reader, history: FirewallHistory, clock: Clock) -> None:
        self._clients = clients
        self._reader = reader
        self._history = history
        self._clock = clock

    async def write(self, target: Target, lock: Lock, run: Run) -> None:
        """Keep the present body, check once more, write, and wait for the end.

        Raises:
            TemporaryError: busy, changed meanwhile, failed or unanswered; read again and decide anew.
            LeaseLost: somebody else may be writing.
            PermanentError: Azure refuses the body.
        """
        reason = target.reason or str(target.difference)
        entry = await self._keep(target, reason)
        meant = await self._meant(target)
        await self._history.intend(target.group, before=target.live, after=meant)
        await self._check_again(target)
        await lock.confirm()
        tell(log, "writing the firewall", resource=str(target.group), difference=reason)
        async with self._within(run, target.group):
            await self._put(target, entry, run)
        await self._history.intend(target.group, before=meant, after=meant)

    async def recognise(self, target: Target, run: Run) -> None:
        """Count a write whose answer was lost once its body shows."""
        await self._note_replaced(run.recognise(target.group, target.live))

    async def _keep(self, target: Target, reason: str) -> str:
        """Keep what the write replaces; answers the entry's name, "" when it replaces nothing."""
        summary = target.reason or target.difference.counts
        before = target.live
        if before is None:
            # A group is never deleted: undoing the write that makes it means to empty it.
            before, absent = without_rules(target.body), "there was no such group"
            reason, summary = f"{absent}: {reason}", f"{absent}: {summary}"
        if same_body(before, target.body):
            return ""
        return await self._history.keep(target.group, before, at=self._clock.now(), reason=reason, summary=summary)

    async def _meant(self, target: Target) -> Wire:
        """The body as we answer for it: a restored one as it is, another without what somebody put into its rules."""
        intended = None if target.reason else await self._history.intended(target.group)
        return as_meant(target.body, intended[1] if intended else None)

    async def _note_replaced(self, entry: str) -> None:
        from azure.core.exceptions import AzureError  # noqa: PLC0415  # cold start

        try:
            if entry:
                await self._history.replaced(entry)
        except AzureError as error:
            # The write stands, whatever the history says of it.
            tell(log, "history does not answer", level=logging.WARNING, entry=entry, error=type(error).__name__)

    async def _check_again(self, target: Target) -> None:
        live = await self._reader.rule_collection_group(target.group)
        if not same_body(live, target.live):
            why = "The rule collection group changed while it was being compared."
            raise TemporaryError(why, resource=str(target.group))

    @asynccontextmanager
    async def _within(self, run: Run, group: ResourceId) -> AsyncIterator[None]:
        left = (run.deadline - self._clock.now()).total_seconds()
        try:
            async with asyncio.timeout(max(left, 1.0)):
                yield
        except TimeoutError as error:
            raise TemporaryError("The firewall update goes on beyond the time box.", resource=str(group)) from error

    async def _put(self, target: Target, entry: str, run: Run) -> None:
        group = target.group
        operations = self._clients.network(group.subscription_id).firewall_policy_rule_collection_groups
        etag = (target.live or {}).get("etag")
        headers = {"If-Match": str(etag)} if etag else {}
        body: Any = target.body
        run.unanswered[group] = (body_digest(target.body), entry)
        with azure_errors(group), _priority_taken(group):
            poller = await operations.begin_create_or_update(
                group.resource_group,
                group.names[0],
                group.name,
                body,
                headers=headers,
                # The SDK would repeat a PUT that got no answer; we look first. (aiohttp repeats it once all the same,
                # so that even a refusal as busy may be the answer to a repetition of our own.)
                retry_on_methods=_SAFE_TO_REPEAT,
            )
            del run.unanswered[group]
            run.writes += 1
            await self._note_replaced(entry)
            await poller.result()


@contextmanager
def _priority_taken(group: ResourceId) -> Iterator[None]:
    """Name the setting to change when another group has our priority."""
    from azure.core.exceptions import HttpResponseError  # noqa: PLC0415  # cold start

    try:
        yield
    except HttpResponseError as error:
        if not _SAME_PRIORITY.search(str(error)):
            raise
        raise PermanentError(
            "Another rule collection group of the policy has the same priority.",
            code=Code.FIREWALL_PRIORITY_TAKEN,
            resource=str(group),
            fix="Set FIREWALL_RULE_COLLECTION_GROUP_PRIORITY (or FIREWALL_EGRESS_GROUP_PRIORITY) to a free number.",
        ) from error
