"""The three kinds of queue messages, and sending them."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.clock import Clock
from shared.errors import HublinkError
from shared.model.resource_id import ResourceId
from shared.model.scope import Scope, ScopeKind
from shared.storage import names
from shared.storage.account import StorageAccount

KEEP_FOREVER = -1
NOT_READY_DELAYS = (5, 10, 15, 30, 60, 120, 300)
"""Seconds between looks at something that is not ready: quick at first, as AKS makes zone, endpoint and record
within a minute or two, then ever slower."""


class MalformedMessage(HublinkError, ValueError):
    """A queue message that is none of ours."""


@dataclass(frozen=True, kw_only=True)
class WorkItem:
    """One scope to reconcile.

    `asked_by` is the function that asked. `first_asked` is when, in UTC; `attempt` counts the looks that found
    something not ready. `run_id` is the run that it is a part of, if any. None of the member names is one that the
    host's queue trigger binds itself.
    """

    scope: Scope
    asked_by: str
    correlation_id: str
    first_asked: datetime
    event_time: datetime | None = None
    attempt: int = 0
    run_id: str | None = None

    def encode(self) -> str:
        """The message text."""
        return json.dumps(
            {
                "version": 1,
                "scopeKind": str(self.scope.kind),
                "resource": str(self.scope.resource),
                "askedBy": self.asked_by,
                "correlation": self.correlation_id,
                "firstAsked": self.first_asked.isoformat(),
                "eventTime": self.event_time.isoformat() if self.event_time else None,
                "attempt": self.attempt,
                **_optional("runId", self.run_id),
            }
        )

    @classmethod
    def decode(cls, body: bytes) -> WorkItem:
        """Read a message. Raises MalformedMessage."""
        wire = _read(body)
        try:
            event_time = wire.get("eventTime")
            return cls(
                scope=Scope(kind=ScopeKind(wire["scopeKind"]), resource=ResourceId.parse(wire["resource"])),
                asked_by=str(wire["askedBy"]),
                correlation_id=str(wire["correlation"]),
                first_asked=_moment(wire["firstAsked"]),
                event_time=_moment(event_time) if event_time else None,
                attempt=int(wire["attempt"]),
                run_id=str(wire["runId"]) if wire.get("runId") else None,
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise MalformedMessage(f"a reconcile message with a wrong member: {error}") from error

    def next_attempt(self) -> WorkItem:
        """The same item, one look later."""
        return replace(self, attempt=self.attempt + 1)

    @property
    def delay(self) -> float:
        """Seconds until the next look; grows with the attempts."""
        return float(NOT_READY_DELAYS[min(self.attempt, len(NOT_READY_DELAYS) - 1)])


@dataclass(frozen=True, kw_only=True)
class SyncRequest:
    """A request to bring the firewall's rules in line with the registry as it is at `requested_at` or later.

    `run_id` is the run that is told how it ended, if any.
    """

    policy: ResourceId
    requested_at: datetime
    asked_by: str
    correlation_id: str
    attempt: int = 0
    run_id: str | None = None

    def encode(self) -> str:
        """The message text."""
        return json.dumps(
            {
                "version": 1,
                "policy": str(self.policy),
                "requestedAt": self.requested_at.isoformat(),
                "askedBy": self.asked_by,
                "correlation": self.correlation_id,
                "attempt": self.attempt,
                **_optional("runId", self.run_id),
            }
        )

    @classmethod
    def decode(cls, body: bytes) -> SyncRequest:
        """Read a message. Raises MalformedMessage."""
        wire = _read(body)
        try:
            return cls(
                policy=ResourceId.parse(wire["policy"]),
                requested_at=_moment(wire["requestedAt"]),
                asked_by=str(wire["askedBy"]),
                correlation_id=str(wire["correlation"]),
                attempt=int(wire.get("attempt", 0)),
                run_id=str(wire["runId"]) if wire.get("runId") else None,
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise MalformedMessage(f"a sync message with a wrong member: {error}") from error


@dataclass(frozen=True, kw_only=True)
class RunMessage:
    """A call to plan a run, to hand out its work, or to see how far it is: whatever comes next."""

    run_id: str

    def encode(self) -> str:
        """The message text."""
        return json.dumps({"version": 1, "runId": self.run_id})

    @classmethod
    def decode(cls, body: bytes) -> RunMessage:
        """Read a message. Raises MalformedMessage."""
        run_id = _read(body).get("runId")
        if not isinstance(run_id, str):
            raise MalformedMessage("a run message without its runId")
        return cls(run_id=run_id)


def _optional(name: str, value: str | None) -> dict[str, str]:
    # Left out when there is none: messages stay as they were for every reader that knows no runs.
    return {name: value} if value else {}


def _read(body: bytes) -> dict[str, Any]:
    try:
        wire = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage("a message that is not JSON") from error
    if not isinstance(wire, dict) or wire.get("version") != 1:
        raise MalformedMessage("a message of an unknown version")
    return wire


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment


class WorkQueues:
    """Sends work. Messages stay until they are done, however long the app is down or wrongly set."""

    def __init__(self, account: StorageAccount, clock: Clock) -> None:
        self._account = account
        self._clock = clock

    async def reconcile(self, item: WorkItem, *, delay: float = 0.0) -> None:
        """Ask for a reconcile, now or after `delay` seconds."""
        await self._send(names.RECONCILE_QUEUE, item.encode(), delay)

    async def sync_firewall(self, request: SyncRequest, *, delay: float = 0.0) -> None:
        """Ask for a sync of the firewall, now or after `delay` seconds."""
        await self._send(names.SYNC_FIREWALL_QUEUE, request.encode(), delay)

    async def run(self, message: RunMessage, *, delay: float = 0.0) -> None:
        """Ask for the next step of a run, now or after `delay` seconds."""
        await self._send(names.BACKFILL_QUEUE, message.encode(), delay)

    async def keep(self, queue: str, body: bytes, *, delay: float) -> None:
        """Put a message back as it is."""
        await self._send(queue, body.decode(), delay)

    async def _send(self, queue: str, text: str, delay: float) -> None:
        client = await self._account.queue(queue)
        # The host decodes base64 (host.json, messageEncoding), as Event Grid itself writes it.
        message = base64.b64encode(text.encode()).decode()
        hidden = round(self._clock.scaled(delay))
        if queue == names.SYNC_FIREWALL_QUEUE and delay:
            hidden = max(hidden, 1)  # also on a fast clock a request that waits must not spin
        await client.send_message(message, visibility_timeout=hidden, time_to_live=KEEP_FOREVER)
