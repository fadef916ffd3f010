"""Runs one function once: binds its arguments, awaits it, hands over what it put out."""

import asyncio
import contextvars
import logging
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import azure.functions as func
from azure.functions.meta import Datum, get_binding_registry

from local.host.loader import LoadedFunction

_LOG = logging.getLogger("local.host.invoker")

OutputWriter = Callable[[Mapping[str, Any], Datum], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an invocation ended: ``error`` is None if it succeeded; ``response`` is what a HTTP function answered."""

    error: Exception | None = None
    response: Datum | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the function and all its output bindings succeeded."""
        return self.error is None


class OutputValue(func.Out[Any]):
    """The object behind a ``func.Out`` parameter."""

    def __init__(self) -> None:
        self._value: Any = None

    def set(self, val: Any) -> None:
        """Keep the value that the function puts out."""
        self._value = val

    def get(self) -> Any:
        """The value kept, or None."""
        return self._value


class InvocationContext(func.Context):
    """The ``context`` argument of a function. There is no tracing and no retry policy on this host."""

    def __init__(self, function_name: str, invocation_id: str) -> None:
        self._function_name = function_name
        self._invocation_id = invocation_id
        self._thread_local = threading.local()

    @property
    def invocation_id(self) -> str:
        """The id that the log shows for this invocation."""
        return self._invocation_id

    @property
    def function_name(self) -> str:
        """The name under which the function is registered."""
        return self._function_name

    @property
    def function_directory(self) -> str:
        """Where the app runs."""
        return "."

    @property
    def thread_local_storage(self) -> Any:
        """Storage of the invocation's thread."""
        return self._thread_local

    @property
    def trace_context(self) -> Any:
        """Always None here."""
        return None

    @property
    def retry_context(self) -> Any:
        """Always None here."""
        return None


class Invoker:
    """Runs functions: async ones on the event loop, sync ones in a thread pool, as the Python worker does.

    Args:
        write_output: Sends what a function put into a binding other than its HTTP response.
        timeout: host.json's ``functionTimeout``; None for none.
        threads: Size of the pool; None for Python's default, which is the worker's default too.
    """

    def __init__(
        self, *, write_output: OutputWriter, timeout: timedelta | None = None, threads: int | None = None
    ) -> None:
        self._write_output = write_output
        self._timeout = timeout
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="function")

    async def invoke(
        self, function: LoadedFunction, data: Datum, metadata: Mapping[str, Datum] | None = None, *, reason: str
    ) -> Outcome:
        """Run a function to its end and log how it went. Never raises for what the function did.

        Args:
            function: What to run.
            data: The trigger's payload as the real host would send it to the worker.
            metadata: The trigger's binding data.
            reason: Why it runs; goes to the log.
        """
        invocation_id = str(uuid.uuid4())
        _LOG.info("Executing 'Functions.%s' (Reason='%s', Id=%s)", function.name, reason, invocation_id)
        started = time.monotonic()
        try:
            response = await self._run(function, data, metadata or {}, invocation_id)
        except Exception as error:
            self._log_end(function, "Failed", invocation_id, started, error)
            return Outcome(error=error)
        except asyncio.CancelledError:
            self._log_end(function, "Cancelled", invocation_id, started, None)
            raise
        self._log_end(function, "Succeeded", invocation_id, started, None)
        return Outcome(response=response)

    def close(self) -> None:
        """Let the thread pool go without waiting for threads that are still busy."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    @staticmethod
    def _log_end(
        function: LoadedFunction, how: str, invocation_id: str, started: float, error: Exception | None
    ) -> None:
        _LOG.log(
            logging.INFO if error is None else logging.ERROR,
            "Executed 'Functions.%s' (%s, Id=%s, Duration=%dms)",
            function.name,
            how,
            invocation_id,
            (time.monotonic() - started) * 1000,
            exc_info=error,
        )

    async def _run(
        self, function: LoadedFunction, data: Datum, metadata: Mapping[str, Datum], invocation_id: str
    ) -> Datum | None:
        converter: Any = get_binding_registry().get(function.trigger_type)
        arguments = {str(function.trigger["name"]): converter.decode(data, trigger_metadata=metadata)}
        outs = {str(b["name"]): OutputValue() for b in function.outputs if b["name"] != "$return"}
        arguments |= outs
        if function.wants_context:
            arguments["context"] = InvocationContext(function.name, invocation_id)
        returned = await self._call(function, arguments)
        return await self._put_out(function, outs, returned)

    async def _call(self, function: LoadedFunction, arguments: Mapping[str, Any]) -> Any:
        seconds = self._timeout.total_seconds() if self._timeout else None
        try:
            async with asyncio.timeout(seconds) as limit:
                if function.is_async:
                    return await function.call(**arguments)
                run = contextvars.copy_context().run
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._pool, lambda: run(function.call, **arguments))
        except TimeoutError as error:
            if not limit.expired():
                raise
            message = f"Timeout value of {self._timeout} exceeded by function 'Functions.{function.name}'."
            raise TimeoutError(message) from error

    async def _put_out(self, function: LoadedFunction, outs: Mapping[str, OutputValue], returned: Any) -> Datum | None:
        response = None
        for binding in function.outputs:
            name = str(binding["name"])
            value = returned if name == "$return" else outs[name].get()
            if value is None and binding["type"] != "http":
                continue
            converter: Any = get_binding_registry().get(binding["type"])
            datum = converter.encode(value, expected_type=None)
            if binding["type"] == "http":
                response = datum
            else:
                await self._write_output(binding, datum)
        return response
