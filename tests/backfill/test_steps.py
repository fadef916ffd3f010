"""Runs step by step, in the test's own process: real SDK clients, real queues, and a clock that is wound forward."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.azure.server import IDENTITY_HEADER
from local.azure.simulation import Simulation, simulate
from local.azurite import Azurite
from shared.backfill import service
from shared.backfill.service import Backfill
from shared.backfill.steps import MOST_SENDS, SEND_AGAIN_SECONDS, Steps
from shared.clock import SystemClock
from shared.problem import ProblemError
from shared.runtime import Runtime
from shared.settings import load_settings
from shared.storage import names
from shared.storage.work import RunMessage, SyncRequest, WorkItem
from tests.conftest import CERTIFICATES

SPEED = 300.0


class WoundClock(SystemClock):
    """The machine's clock, some time ahead."""

    ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


class Fleet:
    """A small fleet, the app's parts, and its queues worked by hand."""

    def __init__(self, simulation: Simulation, app: Runtime, seed: dict[str, Any], clock: WoundClock) -> None:
        self.simulation, self.app, self.seed, self.clock = simulation, app, seed, clock

    async def post(self, **body: Any) -> service.Answer:
        return await Backfill(self.app).start(json.dumps(body).encode(), {})

    async def run(self, answer: service.Answer) -> dict[str, Any]:
        return (await Backfill(self.app).status(answer.body["id"])).body

    async def step(self, answer: service.Answer) -> None:
        await Steps(self.app).next(RunMessage(run_id=answer.body["id"]))

    async def take(self, queue: str, *, lose: bool = False) -> list[bytes]:
        """Take all messages off a queue."""
        import base64

        client, found = await self.app.storage.queue(queue), []
        async for message in client.receive_messages(messages_per_page=32):
            found.append(base64.b64decode(message.content))
            await client.delete_message(message)
        return [] if lose else found

    async def work(self) -> None:
        """Work on everything that is queued."""
        for body in await self.take(names.RECONCILE_QUEUE):
            await self.app.reconciler.run(WorkItem.decode(body))
        for body in await self.take(names.SYNC_FIREWALL_QUEUE):
            request = SyncRequest.decode(body)
            await self.app.run_log.firewall_served(request, await self.app.firewall_writer.sync(request))


@pytest.fixture
async def fleet(tmp_path: Path, azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Fleet]:
    async with simulate(folder=tmp_path, speed=SPEED, certificates=CERTIFICATES) as simulation:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{simulation.azure.base_url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", IDENTITY_HEADER)
        seed = simulation.seed("fleet", spokes=1, clusters_per_spoke=2)
        values: dict[str, Any] = {name.lower(): value for name, value in seed["settings"].items()}
        values |= {"arm_endpoint": simulation.azure.base_url, "storage_connection_string": azurite.connection_string}
        settings, clock = load_settings(**values, time_scale=SPEED), WoundClock(SPEED)
        app = Runtime(settings=settings, clock=clock)
        for queue in names.QUEUES:
            await (await app.storage.queue(queue)).clear_messages()
        table = await app.storage.table(names.REGISTRY_TABLE)
        async for row in table.list_entities():
            await table.delete_entity(row["PartitionKey"], row["RowKey"])
        yield Fleet(simulation, app, seed, clock)
        await app.close()


async def test_large_fleet_is_planned_by_a_worker(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    small = await fleet.post()
    monkeypatch.setattr(service, "PLACES_WITHIN_A_REQUEST", 1)
    answer = await fleet.post()
    assert (answer.status, answer.body["status"]) == (202, "accepted")
    await fleet.step(answer)
    run = await fleet.run(answer)
    assert (run["status"], run["plan"]) == ("planned", small.body)

    answer = await fleet.post(dryRun=False, planDigest="0" * 64)
    assert answer.status == 202
    await fleet.step(answer)
    run = await fleet.run(answer)
    assert (run["status"], run["problem"]["status"], run["problem"]["freshDigest"]) == (
        "refused",
        409,
        small.body["digest"],
    )
    assert await fleet.take(names.RECONCILE_QUEUE) == []

    answer = await fleet.post(dryRun=False, planDigest=small.body["digest"])
    await fleet.step(answer)
    await fleet.work()
    await fleet.step(answer)
    run = await fleet.run(answer)
    assert (run["status"], run["firewall"]["state"]) == ("succeeded", "inLine")
    assert run["endedAt"]


async def test_lost_messages_are_sent_again_and_a_place_that_nobody_works_on_is_lost(fleet: Fleet) -> None:
    answer = await fleet.post(dryRun=False, clusters=fleet.seed["clusters"])
    await fleet.step(answer)
    await fleet.take(names.RECONCILE_QUEUE, lose=True)
    await fleet.step(answer)
    assert await fleet.take(names.RECONCILE_QUEUE) == []  # too early

    fleet.clock.ahead += timedelta(seconds=SEND_AGAIN_SECONDS)
    await fleet.step(answer)
    await fleet.work()
    await fleet.step(answer)
    assert (await fleet.run(answer))["status"] == "succeeded"

    answer = await fleet.post(dryRun=False, subscriptions=[fleet.app.settings.monitoring_vnet_ids[0].subscription_id])
    await fleet.step(answer)
    for _ in range(MOST_SENDS):
        await fleet.take(names.RECONCILE_QUEUE, lose=True)
        fleet.clock.ahead += timedelta(seconds=SEND_AGAIN_SECONDS)
        await fleet.step(answer)
    await fleet.work()
    run = await fleet.run(answer)
    assert (run["status"], run["progress"]["lost"]) == ("incomplete", 1)


async def test_step_repeated_after_a_kill_changes_nothing(fleet: Fleet) -> None:
    answer = await fleet.post(dryRun=False)
    for _ in range(2):
        await fleet.step(answer)
    await fleet.work()
    first = await fleet.run(answer)
    before = len(fleet.simulation.azure.activities)
    for body in [json.dumps({"version": 1, "runId": answer.body["id"]}).encode()] * 2:
        await Steps(fleet.app).next(RunMessage.decode(body))
    await fleet.work()
    again = await fleet.run(answer)
    assert (first["status"], again["status"], again["actions"]) == ("succeeded", "succeeded", first["actions"])
    assert len(fleet.simulation.azure.activities) == before


async def test_what_was_not_approved_is_left_alone(fleet: Fleet) -> None:
    first, second = fleet.seed["clusters"]
    plan = await fleet.post(clusters=[first])
    answer = await fleet.post(clusters=[first], dryRun=False, planDigest=plan.body["digest"])
    await fleet.step(answer)
    # Between approval and work the world changes: the hub's link is there now, and the other cluster joins the run.
    for body in await fleet.take(names.RECONCILE_QUEUE):
        text = body.decode().replace(first.rsplit("/", 1)[1], second.rsplit("/", 1)[1])
        report = await fleet.app.reconciler.run(WorkItem.decode(text.encode()))
        assert (report.outcomes, len(report.not_approved)) == ((), 3)


async def test_same_request_id_twice_at_the_same_moment_is_one_run(fleet: Fleet) -> None:
    import asyncio

    answers = await asyncio.gather(*(fleet.post(dryRun=False, requestId="moment") for _ in range(4)))
    assert {answer.body["id"] for answer in answers} == {answers[0].body["id"]}
    assert len(await fleet.take(names.BACKFILL_QUEUE)) == 1
    with pytest.raises(ProblemError) as caught:
        await fleet.post(dryRun=False, requestId="moment", maxChanges=7)
    assert caught.value.problem.status == 409
