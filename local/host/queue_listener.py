"""Polls one queue for one function, with the semantics of the Storage Queues extension 5.x.

Source: Azure/azure-sdk-for-net, ``sdk/storage/Microsoft.Azure.WebJobs.Extensions.Storage.Queues/src``
(``Listeners/QueueListener.cs``, ``QueueProcessor.cs``).
"""

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from datetime import timedelta

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from local.host.clock import SimulatedClock
from local.host.errors import UndecodableMessageError
from local.host.invoker import Invoker, Outcome
from local.host.loader import LoadedFunction
from local.host.queue_messages import binding_data, body_datum, decode_body
from local.host.queue_outputs import send_and_create
from local.host.settings import QueueOptions
from local.host.work import RunningWork

_LOG = logging.getLogger("local.host.queues")
_HIDDEN = timedelta(minutes=10)
_FIRST_PAUSE = 0.1
_POISON_SUFFIX = "-poison"


@dataclass(kw_only=True)
class _Lease:
    """A message that is ours for now; the receipt changes whenever its visibility is updated."""

    message: QueueMessage
    receipt: str


class QueueListener:
    """One queue trigger.

    Args:
        function: The queue function.
        queue_name: The queue to poll, settings already expanded.
        service: The queue service it is in.
        options: host.json's queue options.
        clock: Simulated time; divides the visibility timeout of failed messages.
        invoker: Runs the function.
        work: Where messages in progress are tracked.
    """

    def __init__(
        self,
        *,
        function: LoadedFunction,
        queue_name: str,
        service: QueueServiceClient,
        options: QueueOptions,
        clock: SimulatedClock,
        invoker: Invoker,
        work: RunningWork,
    ) -> None:
        self._function = function
        self._name = queue_name
        self._queue: QueueClient = service.get_queue_client(queue_name)
        self._poison = self._poison_queue(service, queue_name)
        self._options = options
        self._clock = clock
        self._invoker = invoker
        self._work = work
        self._stopping = asyncio.Event()
        self._in_progress: set[asyncio.Task[None]] = set()
        self._last_trouble: str | None = None

    @staticmethod
    def _poison_queue(service: QueueServiceClient, queue_name: str) -> QueueClient | None:
        if queue_name.endswith(_POISON_SUFFIX):
            return None  # the real host gives a poison queue none of its own
        return service.get_queue_client(queue_name + _POISON_SUFFIX)

    def stop(self) -> None:
        """Take no further messages. A receive that is on its way still ends, so that no message is lost to sight."""
        self._stopping.set()

    async def run(self) -> None:
        """Poll until `stop`: at once while there are messages, else with growing pauses."""
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            await self._wait_for_room()
            if self._stopping.is_set():
                return
            messages = await self._receive()
            for message in messages:
                self._start(message)
            if messages:
                pause = _FIRST_PAUSE
                continue
            await self._wait_or_stop(pause)
            pause = min(pause * 2, self._options.max_polling_interval.total_seconds())

    async def _wait_or_stop(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _wait_for_room(self) -> None:
        """Wait for as few messages in progress as ``newBatchThreshold`` allows before a new batch is fetched."""
        stop = asyncio.create_task(self._stopping.wait())
        try:
            while len(self._in_progress) > self._options.new_batch_threshold and not stop.done():
                await asyncio.wait({*self._in_progress, stop}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()

    async def _receive(self) -> list[QueueMessage]:
        try:
            pages = self._queue.receive_messages(
                messages_per_page=self._options.batch_size, visibility_timeout=int(_HIDDEN.total_seconds())
            ).by_page()
            page = await anext(pages, None)  # the pager itself would ask on until the queue is empty
            messages = [message async for message in page] if page is not None else []
        except ResourceNotFoundError:
            self._log_trouble("the queue does not exist; polling until someone creates it")
            return []
        except AzureError as error:
            self._log_trouble(f"cannot receive: {type(error).__name__} {getattr(error, 'error_code', None) or ''}")
            return []
        self._last_trouble = None
        return messages

    def _log_trouble(self, trouble: str) -> None:
        if trouble != self._last_trouble:
            _LOG.warning("Queue '%s' of 'Functions.%s': %s", self._name, self._function.name, trouble)
        self._last_trouble = trouble

    def _start(self, message: QueueMessage) -> None:
        task = self._work.start(self._process_safely(message))
        self._in_progress.add(task)
        task.add_done_callback(self._in_progress.discard)

    async def _process_safely(self, message: QueueMessage) -> None:
        try:
            await self._process(message)
        except AzureError:
            # As after a crash: the message comes back when its invisibility ends.
            _LOG.exception("Queue '%s': message %s could not be completed", self._name, message.id)

    async def _process(self, message: QueueMessage) -> None:
        lease = _Lease(message=message, receipt=str(message.pop_receipt))
        if (message.dequeue_count or 0) > self._options.max_dequeue_count:  # its host died on the last try
            await self._give_up(lease)
            return
        try:
            body = body_datum(decode_body(message.content, base64_encoded=self._options.base64))
        except UndecodableMessageError as error:
            _LOG.warning("%s MessageId=%s", error, message.id)
            await self._give_up(lease)
            return
        renewal = asyncio.create_task(self._keep_hidden(lease))
        try:
            outcome = await self._invoker.invoke(
                self._function,
                body,
                binding_data(message, body),
                reason=f"New queue message detected on '{self._name}'.",
            )
        finally:
            renewal.cancel()
        await self._complete(lease, outcome)

    async def _keep_hidden(self, lease: _Lease) -> None:
        while True:
            await asyncio.sleep(_HIDDEN.total_seconds() / 2)
            with contextlib.suppress(AzureError):  # the next round tries again; there is time for one more
                await self._set_visibility(lease, int(_HIDDEN.total_seconds()))

    async def _set_visibility(self, lease: _Lease, seconds: int) -> None:
        updated = await self._queue.update_message(
            lease.message.id, pop_receipt=lease.receipt, visibility_timeout=seconds
        )
        lease.receipt = str(updated.pop_receipt)

    async def _complete(self, lease: _Lease, outcome: Outcome) -> None:
        if outcome.succeeded:
            await self._delete(lease)
        elif self._poison is None:
            return  # stays hidden: showing it again at once would make a hot loop
        elif (lease.message.dequeue_count or 0) >= self._options.max_dequeue_count:
            await self._give_up(lease)
        else:
            seconds = self._clock.whole_real_seconds(self._options.visibility_timeout)
            await self._set_visibility(lease, seconds)

    async def _give_up(self, lease: _Lease) -> None:
        if self._poison is None:
            return
        _LOG.warning(
            "Message has reached MaxDequeueCount of %d or cannot be read. Moving message %s to queue '%s'.",
            self._options.max_dequeue_count,
            lease.message.id,
            self._poison.queue_name,
        )
        await send_and_create(self._poison, lease.message.content)
        await self._delete(lease)

    async def _delete(self, lease: _Lease) -> None:
        try:
            await self._queue.delete_message(lease.message.id, pop_receipt=lease.receipt)
        except ResourceNotFoundError:
            _LOG.warning("Queue '%s': message %s was gone already", self._name, lease.message.id)
