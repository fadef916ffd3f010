import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from local.azurite import Azurite
from local.host.errors import HostError
from tests.host.running import Running, StartHost, eventually, settings

pytestmark = pytest.mark.azurite


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def values(azurite: Azurite) -> dict[str, str]:
    return settings(on=("on_work",), AzureWebJobsStorage=azurite.connection_string)


@pytest.fixture
async def work(queues: QueueServiceClient, values: dict[str, str]) -> AsyncIterator[QueueClient]:
    queue = queues.get_queue_client(values["WORK_QUEUE"])
    await queue.create_queue()
    async with queue:
        yield queue


@pytest.fixture
async def running(start_host: StartHost, values: dict[str, str], work: QueueClient) -> Running:
    return await start_host(values, speed=120)  # a failed message comes back after 1 s instead of 60


async def contents(queue: QueueClient) -> list[str]:
    """The messages of a queue, hidden ones too are counted by `count`."""
    try:
        return [message.content async for message in queue.receive_messages(visibility_timeout=1, max_messages=32)]
    except ResourceNotFoundError:
        return []


async def count(queue: QueueClient) -> int:
    """How many messages a queue holds, hidden ones included."""
    return (await queue.get_queue_properties()).approximate_message_count or 0


async def becomes_empty(queue: QueueClient) -> None:
    async def empty() -> bool:
        return await count(queue) == 0

    await eventually(empty)


async def test_processed_message_is_gone_and_its_output_sent(running, work, queues, values):
    done = queues.get_queue_client(values["DONE_QUEUE"])
    sent = await work.send_message(encoded("hello"))

    (seen,) = await running.seen_at_least("on_work")

    await becomes_empty(work)
    assert await eventually(lambda: contents(done)) == [encoded("done hello")]
    assert {key: seen[key] for key in ("body", "id", "dequeue_count", "inserted", "expires", "receipt")} == {
        "body": "hello",
        "id": sent.id,
        "dequeue_count": 1,
        "inserted": True,
        "expires": True,
        "receipt": True,
    }


async def test_failed_message_comes_back_and_ends_in_the_poison_queue(running, work, queues, values):
    await work.send_message(encoded("fail always"))

    seen = await running.seen_at_least("on_work", 2)

    assert [entry["dequeue_count"] for entry in seen] == [1, 2]
    await becomes_empty(work)
    poison = queues.get_queue_client(values["WORK_QUEUE"] + "-poison")
    assert await contents(poison) == [encoded("fail always")]


async def test_failed_message_is_hidden_for_the_visibility_timeout(start_host, values, work):
    running = await start_host(values)  # real time: 60 s
    await work.send_message(encoded("fail"))
    await running.seen_at_least("on_work")
    await running.host.stop()

    assert await count(work) == 1
    assert [message async for message in work.receive_messages()] == []


async def test_message_of_the_wrong_encoding_ends_in_the_poison_queue_unseen(running, work, queues, values):
    await work.send_message("not base64!")

    await becomes_empty(work)

    poison = queues.get_queue_client(values["WORK_QUEUE"] + "-poison")
    assert await contents(poison) == ["not base64!"]
    assert await running.seen("on_work") == []


async def test_encoding_none_takes_plain_messages(start_host, values, work, monkeypatch):
    from local.host import server
    from local.host.settings import HostOptions, QueueOptions

    plain = QueueOptions(base64=False, max_polling_interval=timedelta(seconds=0.2))
    monkeypatch.setattr(server, "read_host_options", lambda _: HostOptions(queues=plain))
    running = await start_host(values)
    await work.send_message('{"plain": "text"}')

    (seen,) = await running.seen_at_least("on_work")

    assert seen["body"] == '{"plain": "text"}'
    await becomes_empty(work)


async def test_member_of_a_json_message_replaces_the_system_property_of_its_name(running, work):
    await work.send_message(encoded(json.dumps({"id": "mine", "DEQUEUECOUNT": 77, "list": [1]})))

    (seen,) = await running.seen_at_least("on_work")

    assert (seen["id"], seen["dequeue_count"]) == ("mine", 77)


async def test_no_more_messages_run_at_once_than_batch_and_threshold_allow(running, work):
    for number in range(8):
        await work.send_message(encoded(f"wait 0.15 {number}"))

    seen = await running.seen_at_least("on_work", 8)

    await becomes_empty(work)
    assert max(entry["running"] for entry in seen) in {2, 3}  # batchSize 2, newBatchThreshold 1


async def test_missing_queue_is_waited_for_and_complained_about_once(start_host, values, queues, caplog):
    running = await start_host(values)

    async def complained() -> bool:
        return "does not exist" in caplog.text

    await eventually(complained)
    await queues.create_queue(values["WORK_QUEUE"])
    await queues.get_queue_client(values["WORK_QUEUE"]).send_message(encoded("late"))
    await running.seen_at_least("on_work")

    assert caplog.text.count("does not exist") == 1


async def test_json_array_in_a_queue_output_becomes_several_messages(running, work):
    status, _, _ = await running.call("POST", "/api/enqueue", data=json.dumps(["one", {"two": 2}]))

    seen = await running.seen_at_least("on_work", 2)

    assert status == 202
    assert {entry["body"] for entry in seen} == {"one", '{"two": 2}'}


async def test_queue_output_creates_its_queue(start_host, values, queues):
    running = await start_host(values)

    status, _, _ = await running.call("POST", "/api/enqueue", data=b"first")

    assert status == 202
    (seen,) = await running.seen_at_least("on_work")
    assert seen["body"] == "first"


async def test_poison_queue_has_no_poison_queue_of_its_own(start_host, azurite, queues):
    values = settings(on=("on_poison",), AzureWebJobsStorage=azurite.connection_string)
    poison = queues.get_queue_client(values["WORK_QUEUE"] + "-poison")
    await poison.create_queue()
    running = await start_host(values, speed=1000)
    await poison.send_message(encoded("dead"))
    await running.seen_at_least("on_poison")
    await running.host.stop()

    assert await count(poison) == 1
    assert [queue.name async for queue in queues.list_queues(values["WORK_QUEUE"])] == [poison.queue_name]


async def test_message_whose_host_died_on_the_last_try_goes_to_the_poison_queue(start_host, values, work, queues):
    await work.send_message(encoded("killer"))
    for _ in range(2):  # maxDequeueCount is 2
        message = await work.receive_message()
        await work.update_message(message, visibility_timeout=0)
    running = await start_host(values)

    await becomes_empty(work)

    assert await contents(queues.get_queue_client(values["WORK_QUEUE"] + "-poison")) == [encoded("killer")]
    assert await running.seen("on_work") == []


async def test_stopping_host_finishes_its_message(start_host, values, work):
    running = await start_host(values)
    await work.send_message(encoded("wait 0.3"))
    await running.seen_at_least("on_work")

    ended = await running.host.stop(5)

    assert ended
    assert await count(work) == 0


@pytest.mark.parametrize("name", ["w", "two--hyphens", "-start", "dots.no"])
async def test_impossible_queue_name_is_refused_at_start(start_host, values, name):
    with pytest.raises(HostError, match=r"function on_work.*impossible queue name"):
        await start_host(values | {"WORK_QUEUE": name})
