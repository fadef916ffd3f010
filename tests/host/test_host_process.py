"""The host as people run it: a process that is started, stopped and killed."""

import asyncio
import base64
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest
from azure.storage.queue.aio import QueueServiceClient

from local.azurite import Azurite
from local.child_process import ChildFailedError, ChildProcess
from local.host.process import HostProcess
from tests.host.running import SAMPLE_APP, Running, eventually, settings

pytestmark = pytest.mark.azurite


@asynccontextmanager
async def process(values: dict[str, str], **options: Any) -> AsyncIterator[Running]:
    async with AsyncExitStack() as stack:
        host = await stack.enter_async_context(HostProcess(app_dir=SAMPLE_APP, env=values, **options))
        session = await stack.enter_async_context(aiohttp.ClientSession(host.base_url))
        yield Running(host, session)


@pytest.fixture
def values(azurite: Azurite) -> dict[str, str]:
    return settings(on=("on_work",), AzureWebJobsStorage=azurite.connection_string)


async def test_host_lists_its_functions_and_stops_cleanly(values):
    async with process(values) as running:
        assert (await running.call("GET", "/api/teapot"))[0] == 418
        code = await running.host.astop()

    output = "\n".join(running.host.output)
    assert code == 0
    assert f"item: [GET,POST] {running.host.base_url}/api/items/{{id:int}}" in output
    assert f"on_event: eventGridTrigger {running.host.base_url}/runtime/webhooks/EventGrid" in output
    assert f"on_work: queueTrigger {values['WORK_QUEUE']}" in output
    assert "dormant: httpTrigger (disabled)" in output
    assert "Executing 'Functions.teapot'" in output
    assert "Executed 'Functions.teapot' (Succeeded, Id=" in output


async def ended(child: ChildProcess) -> int | None:
    """The exit code. A second signal, as astop sends, could meet the interpreter on its way out."""
    async with asyncio.timeout(20):
        while child.returncode is None:  # noqa: ASYNC110  # the end of another process sets no event of ours
            await asyncio.sleep(0.05)
    return child.returncode


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signal_lets_running_invocations_finish(values, number):
    async with process(values) as running:
        call = asyncio.create_task(running.call("GET", "/api/sleep_in_thread?seconds=0.5"))
        await running.seen_at_least("sleep_in_thread_started")
        os.kill(running.host.child.pid, number)

        assert (await call)[:2] == (200, b"done")
        assert await ended(running.host.child) == 0


async def test_message_of_a_killed_host_stays_in_the_queue_hidden(values, queues: QueueServiceClient):
    work = queues.get_queue_client(values["WORK_QUEUE"])
    await work.create_queue()
    await work.send_message(base64.b64encode(b"wait 60").decode())
    async with process(values) as running:
        await running.seen_at_least("on_work")
        code = await running.host.akill()

    assert code == -signal.SIGKILL
    assert await work.receive_message() is None
    assert (await work.get_queue_properties()).approximate_message_count == 1


async def test_host_stops_when_its_parent_is_gone(values):
    async with process(values) as running:
        running.host.child._process.stdin.close()

        async def ended() -> bool:
            return running.host.child.returncode is not None

        await eventually(ended)

        assert running.host.child.returncode == 0


async def test_local_settings_are_read_and_the_environment_wins(values, tmp_path):
    path = tmp_path / "local.settings.json"
    path.write_text('{"IsEncrypted": false, "Values": {"WORK_QUEUE": "other", "AzureWebJobs.item.Disabled": "true"}}')

    async with process(values, settings=path) as running:
        output = "\n".join(running.host.output)

    assert "item: httpTrigger (disabled)" in output
    assert f"on_work: queueTrigger {values['WORK_QUEUE']}" in output


async def test_host_that_cannot_start_says_why(values):
    values |= {"AzureWebJobsStorage": ""}

    with pytest.raises(ChildFailedError, match="AzureWebJobsStorage: is not set"):
        await HostProcess(app_dir=SAMPLE_APP, env=values).astart()


async def test_taken_port_is_an_error(values):
    async with process(values) as running:
        port = int(running.host.base_url.rpartition(":")[2])

        with pytest.raises(ChildFailedError, match="address already in use"):
            await HostProcess(app_dir=SAMPLE_APP, env=values, port=port).astart()
