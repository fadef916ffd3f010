"""Trying again: back-off on an injected clock, Azure's Retry-After, a time box, and nothing that is for good."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from shared.errors import LeaseLost, NotReady, PermanentError, ResourceGone, TemporaryError
from shared.retry import LONGEST_WAIT_SECONDS, TIME_BOX_SECONDS, try_again
from tests.builders import NOW


class PatientClock:
    """A clock that moves only when somebody sleeps. It runs `scale` times faster than time."""

    def __init__(self, scale: float = 1.0) -> None:
        self._scale = scale
        self.slept: list[float] = []
        self.moved = timedelta()

    def now(self) -> datetime:
        return NOW + self.moved

    async def sleep(self, seconds: float) -> None:
        self.slept.append(self.scaled(seconds))
        self.moved += timedelta(seconds=self.scaled(seconds))

    def scaled(self, seconds: float) -> float:
        return seconds / self._scale


class Step:
    """Fails with the given errors, one a try, then succeeds; the last error stays when `forever`."""

    def __init__(self, *errors: Exception, forever: bool = False, clock: PatientClock | None = None, takes: float = 0):
        self._errors = list(errors)
        self._forever = forever
        self._clock = clock
        self._takes = takes
        self.tries = 0

    async def __call__(self) -> str:
        self.tries += 1
        if self._clock:
            self._clock.moved += timedelta(seconds=self._takes)
        if self._errors:
            raise self._errors[0] if self._forever else self._errors.pop(0)
        return "done"


async def test_success_needs_one_try_and_no_sleep():
    clock, step = PatientClock(), Step()

    assert await try_again(step, clock=clock) == "done"
    assert (step.tries, clock.slept) == (1, [])


async def test_waits_grow_up_to_a_limit():
    clock, step = PatientClock(), Step(*[TemporaryError("busy")] * 9)

    assert await try_again(step, clock=clock) == "done"
    assert step.tries == 10
    for wait, least in zip(clock.slept, (2, 4, 8, 16, 32, 60, 60, 60, 60), strict=True):
        assert least <= wait <= min(least + 1, LONGEST_WAIT_SECONDS)


async def test_retry_after_of_azure_is_respected():
    clock = PatientClock()
    step = Step(TemporaryError("busy", retry_after=17), TemporaryError("busy", retry_after=0), TemporaryError("busy"))

    assert await try_again(step, clock=clock) == "done"
    assert clock.slept[:2] == [17, 0]
    assert clock.slept[2] >= 8


async def test_time_box_ends_the_tries_with_the_last_error():
    clock, step = PatientClock(), Step(TemporaryError("still busy"), forever=True)

    with pytest.raises(TemporaryError, match="still busy"):
        await try_again(step, clock=clock, seconds=100)

    assert 30 <= sum(clock.slept) < 100
    assert step.tries == len(clock.slept) + 1


async def test_time_that_the_step_itself_takes_counts():
    clock = PatientClock()
    step = Step(TemporaryError("busy"), forever=True, clock=clock, takes=60)

    with pytest.raises(TemporaryError):
        await try_again(step, clock=clock, seconds=100)

    assert step.tries == 2


async def test_retry_after_beyond_the_time_box_is_not_slept():
    """The queue waits for longer than a function may run."""
    clock, step = PatientClock(), Step(TemporaryError("busy", retry_after=TIME_BOX_SECONDS), forever=True)

    with pytest.raises(TemporaryError):
        await try_again(step, clock=clock)

    assert (step.tries, clock.slept) == (1, [])


async def test_usual_time_box_is_a_quarter_of_an_hour():
    clock, step = PatientClock(), Step(TemporaryError("busy"), forever=True)

    with pytest.raises(TemporaryError):
        await try_again(step, clock=clock)

    assert 800 < sum(clock.slept) < TIME_BOX_SECONDS == 900


async def test_fast_clock_shortens_the_back_off_but_not_azures_own_retry_after():
    """Azure's Retry-After is real time already."""
    clock = PatientClock(scale=100)
    step = Step(TemporaryError("busy"), TemporaryError("busy", retry_after=3))

    assert await try_again(step, clock=clock) == "done"
    assert clock.slept[0] <= 0.03
    assert clock.slept[1] == pytest.approx(3)


async def test_tries_end_even_if_no_time_passes():
    clock, step = PatientClock(), Step(TemporaryError("busy", retry_after=0), forever=True)

    with pytest.raises(TemporaryError):
        await try_again(step, clock=clock)

    assert step.tries == 200


@pytest.mark.parametrize(
    "error",
    [
        PermanentError("no", code="CHANGE_FAILED"),
        ResourceGone("gone"),
        NotReady("not yet"),
        LeaseLost("somebody else may write now"),
        ZeroDivisionError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_is_for_good_is_raised_at_once(error):
    clock, step = PatientClock(), Step(error, forever=True)

    with pytest.raises(type(error)):
        await try_again(step, clock=clock)

    assert (step.tries, clock.slept) == (1, [])


async def test_every_new_try_is_told(caplog):
    caplog.set_level("INFO", logger="shared.retry")

    await try_again(Step(TemporaryError("busy"), TemporaryError("busy")), clock=PatientClock())

    assert [record.fields["attempt"] for record in caplog.records] == [1, 2]
    assert all(record.fields["cause"] == "busy" for record in caplog.records)
