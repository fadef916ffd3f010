"""Everything the host is doing right now, so that it can stop without cutting work off."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class RunningWork:
    """The set of running tasks. A task started here survives its starter: a closed connection cancels nothing."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run a coroutine as a tracked task and return the task."""
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine as a tracked task and wait for it; being cancelled here does not cancel it."""
        return await asyncio.shield(self.start(coroutine))

    async def drain(self, grace: float) -> bool:
        """Wait up to ``grace`` seconds for all work to end, then cancel the rest.

        Returns:
            True if nothing had to be cancelled.
        """
        if not self._tasks:
            return True
        _, unfinished = await asyncio.wait(self._tasks, timeout=grace)
        for task in unfinished:
            task.cancel()
        if unfinished:
            await asyncio.wait(unfinished, timeout=1)
        return not unfinished
