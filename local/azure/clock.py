"""The simulated clock: every provider's latency runs on it, faster than real time if asked to."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


@dataclass(order=True)
class Timer:
    """A callback that runs at a simulated moment unless cancelled. `due` is in simulated seconds since the epoch."""

    due: float
    sequence: int
    callback: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        """Keep the callback from running."""
        self.cancelled = True


class SimulatedClock:
    """A clock that runs `speed` times as fast as the wall clock and can be moved forward by hand.

    Callbacks run in the order of their due times, and see their own due time as now, however late the event
    loop gets to them. With `speed=0` time moves only through `advance`.
    """

    def __init__(self, *, speed: float = 1.0, start: datetime = EPOCH) -> None:
        self._start = start
        self._speed = speed
        self._base = 0.0
        self._anchor = time.monotonic()
        self._frozen: float | None = None
        self._timers: list[Timer] = []
        self._sequence = itertools.count()
        self._wake: asyncio.Event | None = None

    @property
    def speed(self) -> float:
        """How many simulated seconds pass in one real second."""
        return self._speed

    def set_speed(self, speed: float) -> None:
        """Change the speed from now on."""
        self._base, self._anchor, self._speed = self.seconds(), time.monotonic(), speed
        self._notify()

    def seconds(self) -> float:
        """Simulated seconds since the simulation's epoch."""
        if self._frozen is not None:
            return self._frozen
        return self._base + (time.monotonic() - self._anchor) * self._speed

    def now(self) -> datetime:
        """The simulated time of day, in UTC."""
        return self._start + timedelta(seconds=self.seconds())

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Run `callback` after `delay` simulated seconds."""
        timer = Timer(due=self.seconds() + max(delay, 0.0), sequence=next(self._sequence), callback=callback)
        heapq.heappush(self._timers, timer)
        self._notify()
        return timer

    def run_due(self) -> None:
        """Run every callback that is due, in order."""
        limit = self.seconds()
        while self._timers and self._timers[0].due <= limit:
            timer = heapq.heappop(self._timers)
            if timer.cancelled:
                continue
            self._frozen = timer.due
            try:
                timer.callback()
            finally:
                self._frozen = None

    def advance(self, seconds: float) -> None:
        """Move time forward and run what became due on the way."""
        self._base += seconds
        self.run_due()
        self._notify()

    def clear(self) -> None:
        """Forget all pending callbacks."""
        self._timers.clear()

    async def run(self) -> None:
        """Run callbacks as they become due, until cancelled."""
        self._wake = asyncio.Event()
        while True:
            self._wake.clear()
            self.run_due()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), timeout=self._real_seconds_to_next())

    def _real_seconds_to_next(self) -> float | None:
        if not self._timers or self._speed <= 0:
            return None
        return max((self._timers[0].due - self.seconds()) / self._speed, 0.0)

    def _notify(self) -> None:
        if self._wake is not None:
            self._wake.set()
