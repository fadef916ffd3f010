"""Time, injected: so that tests decide what time it is and nothing in the app sleeps on its own."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the app needs of time."""

    def now(self) -> datetime:
        """The time, in UTC."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    def scaled(self, seconds: float) -> float:
        """How long a wait of so many seconds really takes."""


class SystemClock:
    """The machine's clock. `time_scale` divides every wait, for a local Azure that runs faster than time."""

    def __init__(self, time_scale: float = 1.0) -> None:
        self._time_scale = time_scale

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(self.scaled(seconds))

    def scaled(self, seconds: float) -> float:
        """How long a wait of so many seconds really takes."""
        return seconds / self._time_scale
