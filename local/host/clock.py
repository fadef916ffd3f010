"""Simulated time: as fast as the real one, or N times as fast."""

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SimulatedClock:
    """A UTC clock that starts at the real time and runs ``speed`` times as fast.

    Args:
        speed: How many simulated seconds pass in a real one; above zero.
        real_now: The real clock.
    """

    def __init__(self, speed: float = 1.0, real_now: Callable[[], datetime] = _utc_now) -> None:
        self.speed = speed
        self._real_now = real_now
        self._start = real_now()

    def now(self) -> datetime:
        """The simulated time, in UTC."""
        return self._start + (self._real_now() - self._start) * self.speed

    async def sleep_until(self, moment: datetime) -> None:
        """Wait until the simulated time has reached ``moment``."""
        left = moment - self.now()
        await asyncio.sleep(max(left.total_seconds(), 0) / self.speed)

    def whole_real_seconds(self, simulated: timedelta) -> int:
        """The real duration of a simulated one in whole seconds, rounded up: queues know no fractions."""
        return math.ceil(simulated.total_seconds() / self.speed)
