"""Trying again: with back-off, for as long as the time box lasts, and only what may be tried again."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from shared.clock import Clock
from shared.errors import LeaseLost, TemporaryError
from shared.telling import tell

T = TypeVar("T")
log = logging.getLogger(__name__)

TIME_BOX_SECONDS = 900.0
"""How long one step tries; a queue function may run half an hour."""
LONGEST_WAIT_SECONDS = 60.0


async def try_again(step: Callable[[], Awaitable[T]], *, clock: Clock, seconds: float = TIME_BOX_SECONDS) -> T:
    """Run a step until it succeeds, fails for good, or the time box is over.

    The step must start from a fresh read: after a 412 or a lost answer the world is not what it was.

    Raises:
        TemporaryError: still busy at the end of the time box, or the next try would come after it.
        PermanentError, ResourceGone, LeaseLost: at once.
    """
    started = clock.now()
    backoff = wait_exponential_jitter(multiplier=2.0, max=LONGEST_WAIT_SECONDS, jitter=1.0)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, TemporaryError) else None
        # Azure's own Retry-After is real time already; our back-off is scaled by the clock's sleep.
        return asked / clock.scaled(1.0) if asked is not None else backoff(state)

    def time_is_up(state: RetryCallState) -> bool:
        elapsed = (clock.now() - started).total_seconds()
        return elapsed + clock.scaled(state.upcoming_sleep) >= clock.scaled(seconds)

    def tell_attempt(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        tell(log, "trying again", attempt=state.attempt_number, cause=str(error))

    retrying = AsyncRetrying(
        retry=retry_if_exception(_may_be_tried_again),
        stop=lambda state: time_is_up(state) or stop_after_attempt(200)(state),
        wait=wait,
        sleep=clock.sleep,
        before_sleep=tell_attempt,
        reraise=True,
    )

    async def attempt() -> T:
        return await step()

    result: T = await retrying(attempt)
    return result


def _may_be_tried_again(error: BaseException) -> bool:
    # A lost lock is not found again by waiting while somebody else may write.
    return isinstance(error, TemporaryError) and not isinstance(error, LeaseLost)
