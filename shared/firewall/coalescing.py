"""Many requests, few syncs: who is served already, who waits, and who may go home.

While one instance writes, one request waits (its message stays on the queue); every other request notes in the
waiting row how late the next read of the registry must be, and is acknowledged. Nothing is lost by that: the writer
reads again until the note is satisfied, and should it die, the request that waits takes over.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.model.resource_id import ResourceId
from shared.storage.firewall_state import FirewallState, Waiting
from shared.storage.work import SyncRequest

CLOCK_SKEW_SECONDS = 2.0
"""How far the clocks of two instances may be apart before a request counts as served too early."""
WAIT_SECONDS = 15.0
"""How often the one request that waits looks whether the writer is done."""
_MISSED_LOOKS = 4
_TRIES = 8


class Coalescer:
    """The waiting row of one policy."""

    def __init__(self, state: FirewallState, policy: ResourceId, clock: Clock) -> None:
        self._state = state
        self._policy = policy
        self._clock = clock

    async def is_served(self, request: SyncRequest) -> bool:
        """Whether a completed sync has read the registry late enough for the request and all that count on it."""
        last = await self._state.last_sync(self._policy)
        if last is None or request.requested_at + self._skew > last.read_at:
            return False
        waiting = await self._state.waiting(self._policy)
        if waiting is None or waiting.token != token_of(request):
            return True
        if waiting.wanted_after + self._skew > last.read_at:
            return False
        return await self._state.leave(self._policy, waiting)

    async def join(self, request: SyncRequest) -> bool:
        """Count on the request that waits, or become it; answers whether this request has to wait."""
        for _ in range(_TRIES):
            waiting = await self._state.waiting(self._policy)
            now = self._clock.now()
            if waiting is None or waiting.token == token_of(request) or self._is_stale(waiting):
                wanted = max(request.requested_at, waiting.wanted_after if waiting else request.requested_at)
                etag = waiting.etag if waiting else ""
                row = Waiting(token=token_of(request), seen_at=now, wanted_after=wanted, etag=etag)
                if await self._state.wait(self._policy, row):
                    return True
                continue
            noted = waiting.wanted_after >= request.requested_at
            if noted or await self._state.wait(self._policy, replace(waiting, wanted_after=now)):
                return False
        return True

    def _is_stale(self, waiting: Waiting) -> bool:
        patience = timedelta(seconds=self._clock.scaled(WAIT_SECONDS) * _MISSED_LOOKS + _MISSED_LOOKS)
        return self._clock.now() - waiting.seen_at > patience

    async def take_over(self, request: SyncRequest) -> None:
        """The request that waited writes now: the next one that comes waits in its place."""
        waiting = await self._state.waiting(self._policy)
        while waiting and waiting.token == token_of(request):
            if await self._state.leave(self._policy, waiting):
                return
            waiting = await self._state.waiting(self._policy)

    async def is_owed(self, read_at: datetime) -> bool:
        """Whether somebody who was acknowledged counts on a read later than this one."""
        waiting = await self._state.waiting(self._policy)
        return waiting is not None and waiting.wanted_after + self._skew > read_at

    @property
    def _skew(self) -> timedelta:
        return timedelta(seconds=self._clock.scaled(CLOCK_SKEW_SECONDS))


def token_of(request: SyncRequest) -> str:
    """What stays the same when a request goes back to the queue."""
    return f"{request.correlation_id} {request.requested_at.isoformat()}"
