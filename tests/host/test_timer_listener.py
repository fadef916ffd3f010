from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from local.host.errors import HostError
from local.host.ncrontab import Ncrontab
from tests.host.running import StartHost, settings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)  # a Sunday


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "following"),
    [
        ("* * * * * *", at(2026, 3, 1, 12, 0, 1)),
        ("*/15 * * * * *", at(2026, 3, 1, 12, 0, 15)),
        ("0 */5 * * * *", at(2026, 3, 1, 12, 5)),
        ("*/5 * * * *", at(2026, 3, 1, 12, 5)),
        ("30 0 12 * * *", at(2026, 3, 1, 12, 0, 30)),
        ("0 0 12 * * *", at(2026, 3, 2, 12)),
        ("0 30 9-17 * * mon-fri", at(2026, 3, 2, 9, 30)),
        ("0 0 0 * * Monday", at(2026, 3, 2)),
        ("0 0 0 13 * 5", at(2026, 3, 13)),  # a day and a weekday: both must match
        ("0 0 0 14 * 5", at(2026, 8, 14)),
        ("0 0 0 1 jan *", at(2027, 1, 1)),
        ("0 0 0 29 2 *", at(2028, 2, 29)),
        ("0 10/20 * * * *", at(2026, 3, 1, 12, 10)),
        ("0 5,1,3 * * * *", at(2026, 3, 1, 12, 1)),
        ("0 0-30/15 13 * * *", at(2026, 3, 1, 13)),
    ],
)
def test_schedule_occurs_next(expression, following):
    assert Ncrontab(expression).next_after(NOON) == following


def test_fractions_of_a_second_do_not_repeat_an_occurrence():
    moment = NOON + timedelta(seconds=15, microseconds=1)

    assert Ncrontab("*/15 * * * * *").next_after(moment) == NOON + timedelta(seconds=30)


@pytest.mark.parametrize(
    "expression",
    [
        *("", "* * * *", "* * * * * * *", "60 * * * * *", "* * 24 * * *", "* * * 0 * *", "* * * * 13 *"),
        *("* * * * * 7", "a * * * * *", "*/0 * * * * *", "5-1 * * * * *", "0 0 0 30 2 *", "* * * * fooday *"),
        *("00:05:00", "1- * * * * *", "-1 * * * * *", "* * * * * mo"),
    ],
)
def test_what_is_not_a_schedule_is_refused(expression):
    with pytest.raises(HostError, match="schedule"):
        Ncrontab(expression)


async def test_timer_ticks_in_simulated_time_with_its_status(start_host: StartHost):
    running = await start_host(settings(on=("tick",), TICK="0 * * * * *"), speed=600)  # a minute in 0.1 s

    seen = await running.seen_at_least("tick", 3)

    following = [datetime.fromisoformat(entry["status"]["Next"]) for entry in seen]
    assert {moment.second for moment in following} == {0}
    assert following[0] < following[1] < following[2]
    assert seen[1]["status"]["Last"] > seen[0]["status"]["Last"]
    assert not seen[0]["past_due"]


async def test_runs_of_a_timer_never_overlap(start_host: StartHost):
    running = await start_host(settings(on=("tick",)), speed=100)  # a tick each 10 ms, a run takes 50 ms

    seen = await running.seen_at_least("tick", 4)

    ends_and_starts = pairwise(seen)
    assert all(before["ended"] <= after["started"] for before, after in ends_and_starts)


async def test_run_on_startup_runs_at_once(start_host: StartHost):
    running = await start_host(settings(on=("at_start",)))

    assert len(await running.seen_at_least("at_start")) == 1


async def test_sync_functions_run_in_threads(start_host: StartHost):
    running = await start_host(settings(on=("at_start",)))

    (seen,) = await running.seen_at_least("at_start")

    assert seen["thread"].startswith("function")


async def test_unresolved_setting_in_a_schedule_is_named(start_host: StartHost):
    values = settings(on=("tick",))
    del values["TICK"]

    with pytest.raises(HostError, match=r"function tick.*%TICK%.*Set TICK"):
        await start_host(values)
