"""Queue output bindings: a function's ``func.Out`` or return value becomes messages."""

import contextlib
from collections.abc import Mapping
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.functions.meta import Datum
from azure.storage.queue.aio import QueueClient

from local.host.connections import QueueServices
from local.host.queue_messages import encode_body, output_texts
from local.host.settings import QueueOptions, expand_settings


async def send_and_create(queue: QueueClient, content: str) -> None:
    """Send raw content to a queue and create the queue first if it is missing."""
    try:
        await queue.send_message(content)
    except ResourceNotFoundError:
        with contextlib.suppress(ResourceExistsError):  # someone else was faster
            await queue.create_queue()
        await queue.send_message(content)


class QueueOutputs:
    """Sends output bindings' values. An error here fails the invocation, as in the real host.

    Args:
        services: Queue service clients by connection.
        options: host.json's queue options.
        environment: Settings, for ``%SETTING%`` in queue names.
    """

    def __init__(self, services: QueueServices, options: QueueOptions, environment: Mapping[str, str]) -> None:
        self._services = services
        self._options = options
        self._environment = environment

    async def write(self, binding: Mapping[str, Any], datum: Datum) -> None:
        """Send one output value of a binding of type ``queue``."""
        used_in = f"queue output {binding['name']}"
        name = expand_settings(str(binding["queueName"]), self._environment, used_in=used_in).lower()
        queue = self._services.service(binding.get("connection")).get_queue_client(name)
        for text in output_texts(datum):
            await send_and_create(queue, encode_body(text, base64_encoded=self._options.base64))
