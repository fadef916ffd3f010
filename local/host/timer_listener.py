"""Runs a timer trigger: never two runs at once, the next tick armed after a run ends."""

import json
from datetime import datetime, timedelta
from typing import Any

from azure.functions.meta import Datum

from local.host.clock import SimulatedClock
from local.host.invoker import Invoker
from local.host.loader import LoadedFunction
from local.host.ncrontab import Ncrontab
from local.host.work import RunningWork

_LATE = timedelta(seconds=1)


def timer_payload(*, past_due: bool = False, status: dict[str, str] | None = None) -> Datum:
    """The TimerInfo that the real host sends to the worker; a run by hand has no status."""
    info: dict[str, Any] = {"Schedule": {"AdjustForDST": True}, "IsPastDue": past_due}
    info["ScheduleStatus"] = status or {}
    return Datum(json.dumps(info), "json")


class TimerListener:
    """One timer trigger.

    The real host keeps the schedule's status in a blob; here it is kept in memory, so nothing is past due after a
    restart. A run is past due when the one before it lasted beyond its tick.

    Args:
        function: The timer function.
        schedule: When it runs, in the clock's time.
        clock: Simulated time.
        invoker: Runs it.
        work: Where running invocations are tracked.
    """

    def __init__(
        self,
        *,
        function: LoadedFunction,
        schedule: Ncrontab,
        clock: SimulatedClock,
        invoker: Invoker,
        work: RunningWork,
    ) -> None:
        self._function = function
        self._schedule = schedule
        self._clock = clock
        self._invoker = invoker
        self._work = work
        self._last: datetime | None = None

    async def run(self) -> None:
        """Tick until cancelled. A run in progress is tracked as work and not cancelled with the ticking."""
        due = self._schedule.next_after(self._clock.now())
        if self._function.trigger.get("runOnStartup"):
            due = await self._tick(self._clock.now(), reason="Timer fired at startup")
        while True:
            await self._clock.sleep_until(due)
            due = await self._tick(due, reason="Timer fired")

    async def _tick(self, due: datetime, *, reason: str) -> datetime:
        now = max(self._clock.now(), due)
        following = self._schedule.next_after(now)
        late = now - due > _LATE * self._clock.speed
        payload = timer_payload(past_due=late, status=self._status(following))
        self._last = now
        await self._work.run(self._invoker.invoke(self._function, payload, reason=reason))
        return following

    def _status(self, following: datetime) -> dict[str, str]:
        last = self._last or datetime.min.replace(tzinfo=following.tzinfo)
        return {
            "Last": last.isoformat(),
            "Next": following.isoformat(),
            "LastUpdated": last.isoformat(),
        }
