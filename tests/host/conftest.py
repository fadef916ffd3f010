"""The sample app, running in the test's own event loop or in a process of its own."""

import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
from azure.storage.queue.aio import QueueServiceClient

from local.azurite import Azurite
from local.host.server import FunctionsHost
from tests.host.running import SAMPLE_APP, Running, StartHost, settings


@pytest.fixture(autouse=True)
def _keep_imports_apart() -> Iterator[None]:
    """The sample app is imported as ``function_app``, like every app: leave no trace of it for other tests."""
    path, module, environment = list(sys.path), sys.modules.pop("function_app", None), dict(os.environ)
    yield
    sys.path[:] = path
    sys.modules.pop("function_app", None)
    if module is not None:
        sys.modules["function_app"] = module
    os.environ.clear()
    os.environ.update(environment)


@pytest.fixture
async def start_host() -> AsyncIterator[StartHost]:
    """Starts hosts in this event loop; they stop with the test."""
    async with AsyncExitStack() as stack:

        async def start(values: dict[str, str] | None = None, **options: Any) -> Running:
            environment = values or settings()
            host = FunctionsHost(app_dir=SAMPLE_APP, environment=environment, port=0, **options)
            stack.push_async_callback(host.stop, 1.0)
            await host.start()
            session = await stack.enter_async_context(aiohttp.ClientSession(host.base_url))
            return Running(host, session)

        yield start


@pytest.fixture
async def running(start_host: StartHost) -> Running:
    """The sample app with its HTTP and Event Grid functions, no queues and no timers."""
    return await start_host()


@pytest.fixture
async def queues(azurite: Azurite) -> AsyncIterator[QueueServiceClient]:
    async with QueueServiceClient.from_connection_string(azurite.connection_string) as service:
        yield service
