"""Syncs that do not get through: why, since when, and until when Azure is left alone.

What is remembered serves two: the next sync, which waits as long as Azure has asked, and the sweep, which must not
promise a repair that is refused every time.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.clock import Clock
from shared.errors import TemporaryError
from shared.firewall.coalescing import WAIT_SECONDS
from shared.firewall.findings import not_taken
from shared.model.resource_id import ResourceId
from shared.plan.finding import Finding
from shared.storage.firewall_state import FirewallState, Setback

PATIENCE_SECONDS = 3600.0
"""Azure may be busy for this long, more than two time boxes; then somebody should look, and syncs become fewer."""
LONG_WAIT_SECONDS = 300.0
LONGEST_WAIT_SECONDS = 6 * 3600.0
"""A Retry-After beyond this is not believed."""


class Setbacks:
    """The setback of one policy. Waits are in seconds of real time."""

    def __init__(self, state: FirewallState, policy: ResourceId, clock: Clock) -> None:
        self._state = state
        self._policy = policy
        self._clock = clock

    async def quiet_for(self) -> tuple[float, str]:
        """How long Azure is to be left alone, and why; 0 when anybody may try."""
        setback = await self._state.setback(self._policy)
        if setback is None:
            return 0.0, ""
        return max(0.0, (setback.until - self._clock.now()).total_seconds()), setback.message

    async def refused(self, finding: Finding, *, started: datetime) -> None:
        """A sync ended with an error that trying again will not mend."""
        known, now = await self._state.setback(self._policy), self._clock.now()
        await self._remember(finding, finding.message, known.since if known else started, until=now, lasting=True)

    async def busy(
        self, error: TemporaryError, group: ResourceId, *, started: datetime
    ) -> tuple[float, Finding | None]:
        """Azure stayed busy to the end of a sync: how long to wait, and a finding once that goes on for too long."""
        known, now = await self._state.setback(self._policy), self._clock.now()
        since = known.since if known else started
        lasting = now - since >= timedelta(seconds=self._clock.scaled(PATIENCE_SECONDS))
        wait = self.wait_after(error, lasting=lasting)
        finding = not_taken(group, since, error.message)
        await self._remember(finding, error.message, since, until=now + timedelta(seconds=wait), lasting=lasting)
        return wait, finding if lasting else None

    def wait_after(self, error: TemporaryError, *, lasting: bool = False) -> float:
        """Our own wait or, when the policy itself is throttled, Azure's Retry-After, whichever is longer.

        Retry-After is real time already. That of another resource would hold up writes that do not need it.
        """
        usual = self._clock.scaled(LONG_WAIT_SECONDS if lasting else WAIT_SECONDS)
        asked = error.retry_after if error.resource.lower().startswith(self._policy.key) else None
        return max(usual, min(asked or 0.0, LONGEST_WAIT_SECONDS))

    async def _remember(
        self, finding: Finding, message: str, since: datetime, *, until: datetime, lasting: bool
    ) -> None:
        setback = Setback(
            code=str(finding.code),
            message=message,
            fix=finding.fix,
            since=since,
            at=self._clock.now(),
            until=until,
            lasting=lasting,
        )
        await self._state.failed(self._policy, setback)

    async def over(self) -> None:
        """A sync got through."""
        await self._state.got_through(self._policy)
