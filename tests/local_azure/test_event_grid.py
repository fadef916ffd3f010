"""Event Grid delivers subscription events with its filters, its retry rules and its bad days."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from local.azure.azure import Azure
from local.azure.clock import SimulatedClock
from local.azure.event_grid.api import overview
from local.azure.event_grid.delivery import EventGrid
from local.azure.rbac import APP, OPERATOR, Principal
from tests.local_azure.functions_endpoint import Endpoint, endpoint

SUB = "11111111-0000-4000-8000-000000000001"
OTHER = "11111111-0000-4000-8000-000000000002"
GROUP = f"/subscriptions/{SUB}/resourceGroups/rg-spoke-1"
ZONE = f"{GROUP}/providers/Microsoft.Network/privateDnsZones/a.privatelink.westeurope.azmk8s.io"
ZONE_WRITE = "Microsoft.Network/privateDnsZones/write"
MINUTE = 60.0
HOUR = 3600.0


@pytest.fixture
async def host() -> AsyncIterator[Endpoint]:
    async with endpoint() as host:
        yield host


@pytest.fixture
async def azure() -> Azure:
    return Azure(clock=SimulatedClock(speed=0.0))


@pytest.fixture
async def grid(azure: Azure, host: Endpoint) -> AsyncIterator[EventGrid]:
    grid = EventGrid(azure, minimum_timeout=5.0)
    grid.register(host.url, [SUB])
    yield grid
    host.open.set()
    await grid.close()


def write(azure: Azure, *, name: str = "", operation: str = ZONE_WRITE, by: Principal = OPERATOR, **how: Any) -> None:
    azure.record_write(f"{ZONE}{name}", operation, by, **how)


async def pass_time(azure: Azure, grid: EventGrid, seconds: float) -> None:
    azure.clock.advance(seconds)
    await grid.idle()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # a real timeout of the product is being waited for
            await asyncio.sleep(0.005)


async def test_event_arrives_as_a_notification_of_one_event_after_the_latency(
    azure: Azure, grid: EventGrid, host: Endpoint
) -> None:
    write(azure)
    await pass_time(azure, grid, 0.9)
    assert host.received == []
    await pass_time(azure, grid, 0.2)
    assert [function for function, _ in host.received] == ["link_dns_zone"]
    assert len(host.bodies[0]) == 1
    assert host.headers[0]["aeg-event-type"] == "Notification"


async def test_each_function_gets_the_events_of_its_row_only(azure: Azure, grid: EventGrid, host: Endpoint) -> None:
    write(azure)
    azure.record_write(f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/a", CLUSTER_WRITE, OPERATOR)
    azure.record_write(
        f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/a", CLUSTER_DELETE, OPERATOR, kind="Delete"
    )
    await pass_time(azure, grid, 1)
    assert host.operations("link_dns_zone") == [ZONE_WRITE.lower()]
    assert host.operations("allow_api_server") == [CLUSTER_WRITE.lower()]
    assert host.operations("attach_route_table") == [CLUSTER_WRITE.lower()]
    assert host.operations("retire_cluster") == [CLUSTER_DELETE.lower()]


CLUSTER_WRITE = "Microsoft.ContainerService/managedClusters/write"
CLUSTER_DELETE = "Microsoft.ContainerService/managedClusters/delete"


async def test_failed_writes_deployments_and_other_subscriptions_are_filtered(
    azure: Azure, grid: EventGrid, host: Endpoint
) -> None:
    write(azure, outcome="Failure")
    azure.record_write(ZONE.replace(SUB, OTHER), ZONE_WRITE, OPERATOR)
    await pass_time(azure, grid, 5)
    assert host.received == []
    assert grid.counts["filtered"] == grid.counts["published"] >= 4


async def test_filter_ignores_the_case_of_operation_names(azure: Azure, grid: EventGrid, host: Endpoint) -> None:
    for number in range(40):
        write(azure, name=str(number))
    await pass_time(azure, grid, 2)
    names = {event["data"]["operationName"] for _, event in host.received}
    assert len(host.received) == 40
    assert ZONE_WRITE.upper() in names


async def test_echo_of_the_app_arrives_unless_it_is_filtered(azure: Azure, grid: EventGrid, host: Endpoint) -> None:
    write(azure, by=APP)
    await pass_time(azure, grid, 2)
    assert len(host.received) == 1
    grid.register(host.url, [SUB], echo_filter_app_id=APP.app_id.upper())
    write(azure, by=APP)
    write(azure, by=OPERATOR)
    await pass_time(azure, grid, 2)
    assert len(host.received) == 2


async def test_failing_endpoint_is_tried_again_on_the_documented_schedule(
    azure: Azure, grid: EventGrid, host: Endpoint
) -> None:
    host.answers.extend([500] * 5)
    write(azure)
    await pass_time(azure, grid, 1)
    for wait in (10, 30, MINUTE, 5 * MINUTE, 10 * MINUTE):
        before = len(host.received)
        await pass_time(azure, grid, wait - 0.5)
        assert len(host.received) == before, f"too early, before {wait} s"
        await pass_time(azure, grid, 0.5)
        assert len(host.received) == before + 1, f"nothing after {wait} s"
    assert [attempt.outcome for attempt in grid.log] == ["Busy"] * 5 + ["Delivered"]
    assert {event["id"] for _, event in host.received} == {host.received[0][1]["id"]}
    assert not grid.open


@pytest.mark.parametrize(
    ("status", "wait"), [(401, 5 * MINUTE), (404, 5 * MINUTE), (408, 2 * MINUTE), (503, 30.0), (500, 10.0)]
)
async def test_wait_before_the_first_retry_depends_on_the_status(
    azure: Azure, grid: EventGrid, host: Endpoint, status: int, wait: float
) -> None:
    host.answers.append(status)
    write(azure)
    await pass_time(azure, grid, 1)
    await pass_time(azure, grid, wait - 1)
    assert len(host.received) == 1
    await pass_time(azure, grid, 1)
    assert len(host.received) == 2


@pytest.mark.parametrize(("status", "reason"), [(400, "BadRequest"), (403, "Forbidden"), (413, "PayloadTooLarge")])
async def test_refused_events_are_dropped_with_a_reason(
    azure: Azure, grid: EventGrid, host: Endpoint, status: int, reason: str
) -> None:
    host.answers.append(status)
    write(azure)
    await pass_time(azure, grid, 1)
    await pass_time(azure, grid, HOUR)
    assert len(host.received) == 1
    shown = overview(grid)
    assert shown["dropped"] == 1
    assert shown["droppedEvents"][0]["reason"] == reason


async def test_event_is_given_up_after_a_day(azure: Azure, grid: EventGrid, host: Endpoint) -> None:
    host.answers.extend([500] * 100)
    write(azure)
    for _ in range(40):
        await pass_time(azure, grid, HOUR)
    assert len(host.received) < 15
    assert [delivery.reason for delivery in grid.settled] == ["TimeToLiveExceeded"]


async def test_nobody_listening_is_a_socket_error_and_the_event_survives(
    azure: Azure, grid: EventGrid, host: Endpoint
) -> None:
    grid.subscriptions.clear()
    grid.register("http://127.0.0.1:1", [SUB])
    write(azure)
    await pass_time(azure, grid, 1)
    assert grid.log[-1].outcome == "SocketError"
    assert len(grid.open) == 1


async def test_answer_that_takes_too_long_means_a_second_delivery(
    azure: Azure, grid: EventGrid, host: Endpoint
) -> None:
    grid.minimum_timeout = 0.05
    host.open.clear()
    write(azure)
    await pass_time(azure, grid, 1)
    assert [attempt.outcome for attempt in grid.log] == ["TimedOut"]
    host.open.set()
    await pass_time(azure, grid, 10)
    assert len(host.received) == 2
    assert grid.log[-1].outcome == "Delivered"


async def test_late_answer_calls_the_retry_off(azure: Azure, grid: EventGrid, host: Endpoint) -> None:
    grid.minimum_timeout = 0.2
    host.open.clear()
    write(azure)
    azure.clock.advance(1)
    await until(lambda: bool(grid.log))
    host.open.set()
    await grid.idle()
    assert [attempt.outcome for attempt in grid.log] == ["TimedOut", "Delivered"]
    await pass_time(azure, grid, HOUR)
    assert len(host.received) == 1


async def test_after_ten_straight_failures_new_events_wait_too(azure: Azure, grid: EventGrid, host: Endpoint) -> None:
    host.answers.extend([503] * 10)
    for number in range(10):
        write(azure, name=str(number))
    await pass_time(azure, grid, 1)
    write(azure, name="new")
    await pass_time(azure, grid, 4 * MINUTE)
    assert len(host.received) == 10
    await pass_time(azure, grid, MINUTE)
    assert len(host.received) == 21
    write(azure, name="newer")
    await pass_time(azure, grid, 1)
    assert len(host.received) == 22


async def test_ordered_faults_drop_duplicate_and_delay_events(azure: Azure, grid: EventGrid, host: Endpoint) -> None:
    azure.faults.add({"kind": "event", "path": "lost", "effect": "drop"})
    azure.faults.add({"kind": "event", "path": "twice", "effect": "duplicate"})
    azure.faults.add({"kind": "event", "path": "late", "effect": "delay", "seconds": 100})
    for name in ("lost", "twice", "late"):
        write(azure, name=name)
    await pass_time(azure, grid, 5)
    assert [event["subject"].rsplit("io", 1)[-1] for _, event in host.received] == ["twice", "twice"]
    assert len({event["id"] for _, event in host.received}) == 1
    await pass_time(azure, grid, 100)
    assert host.received[-1][1]["subject"].endswith("late")
    assert grid.counts["dropped"] == 1


async def test_held_events_wait_for_their_release(azure: Azure, grid: EventGrid, host: Endpoint) -> None:
    azure.faults.add({"kind": "event", "effect": "hold", "count": 3})
    for name in "abc":
        write(azure, name=name)
    await pass_time(azure, grid, HOUR)
    assert host.received == []
    assert overview(grid)["held"] == 3
    grid.release()
    await grid.idle()
    assert [event["subject"][-1] for _, event in host.received] == ["a", "b", "c"]


async def test_reordered_events_arrive_in_another_order(azure: Azure, grid: EventGrid, host: Endpoint) -> None:
    azure.faults.add({"kind": "event", "effect": "reorder", "count": 4})
    for name in "abcd":
        write(azure, name=name)
    grid.release()
    await grid.idle()
    order = [event["subject"][-1] for _, event in host.received]
    assert sorted(order) == ["a", "b", "c", "d"]
    assert order != ["a", "b", "c", "d"]


async def test_reset_forgets_deliveries_and_subscriptions(azure: Azure, grid: EventGrid, host: Endpoint) -> None:
    write(azure)
    azure.reset()
    await pass_time(azure, grid, HOUR)
    assert host.received == []
    assert grid.subscriptions == []
    assert not grid.open


async def test_closing_with_a_request_under_way_leaves_nothing_behind(
    azure: Azure, grid: EventGrid, host: Endpoint
) -> None:
    host.open.clear()
    write(azure)
    azure.clock.advance(1)
    await host.arrived.wait()
    await grid.close()
    assert not grid.log
