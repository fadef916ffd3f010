"""The host itself: loads the app, listens on HTTP, runs the listeners, stops cleanly."""

import asyncio
import logging
import re
from collections.abc import Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from local.host.admin import AdminApi
from local.host.auth import KeyCheck
from local.host.clock import SimulatedClock
from local.host.connections import QueueServices
from local.host.errors import HostError
from local.host.event_grid_webhook import EventGridWebhook
from local.host.http_functions import HttpFunctions
from local.host.invoker import Invoker
from local.host.loader import LoadedFunction, load_functions
from local.host.ncrontab import Ncrontab
from local.host.queue_listener import QueueListener
from local.host.queue_outputs import QueueOutputs
from local.host.settings import expand_settings, read_host_options
from local.host.timer_listener import TimerListener
from local.host.work import RunningWork

_LOG = logging.getLogger("local.host")
_QUEUE_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*")
_LARGEST_BODY = 100 * 1024 * 1024  # the real host's default limit


class FunctionsHost:
    """One function app, running.

    Args:
        app_dir: The folder with ``function_app.py`` and ``host.json``.
        environment: Settings; the functions themselves read ``os.environ``.
        address: Where to listen.
        port: Where to listen; 0 takes a free port.
        speed: How many simulated seconds pass in a real one, for timers and for failed queue messages.
        keys: Decides who may call.

    Raises:
        HostError: The app, its settings or its host.json cannot be used.
    """

    def __init__(
        self,
        *,
        app_dir: Path,
        environment: Mapping[str, str],
        address: str = "127.0.0.1",
        port: int = 7071,
        speed: float = 1.0,
        keys: KeyCheck | None = None,
    ) -> None:
        self._options = read_host_options(app_dir)
        self._environment = environment
        self._address = address
        self._port = port
        self._keys = keys or KeyCheck()
        self._clock = SimulatedClock(speed)
        self._work = RunningWork()
        self.functions = load_functions(app_dir, environment)
        self._services = QueueServices(environment)
        self._invoker = self._make_invoker()
        self._http = HttpFunctions(
            self.functions,
            route_prefix=self._options.route_prefix,
            keys=self._keys,
            invoker=self._invoker,
            work=self._work,
        )
        self._event_grid = EventGridWebhook(self.functions, self._invoker, self._work)
        self._admin = AdminApi(self.functions, self._invoker, self._work)
        self._timers = [self._timer(function) for function in self._enabled("timerTrigger")]
        self._queues: list[QueueListener] = []
        self._polling: set[asyncio.Task[None]] = set()
        self._ticking: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        self._stopping = False
        self.crashed = asyncio.Event()

    def _make_invoker(self) -> Invoker:
        outputs = QueueOutputs(self._services, self._options.queues, self._environment)
        threads = self._environment.get("PYTHON_THREADPOOL_THREAD_COUNT")
        return Invoker(
            write_output=outputs.write,
            timeout=self._options.function_timeout,
            threads=int(threads) if threads else None,
        )

    def _enabled(self, trigger_type: str) -> Iterator[LoadedFunction]:
        for function in self.functions:
            if function.trigger_type == trigger_type and not function.disabled:
                yield function

    def _expanded(self, function: LoadedFunction, name: str) -> str:
        text = str(function.trigger[name])
        return expand_settings(text, self._environment, used_in=f"function {function.name}")

    def _timer(self, function: LoadedFunction) -> TimerListener:
        return TimerListener(
            function=function,
            schedule=Ncrontab(self._expanded(function, "schedule")),
            clock=self._clock,
            invoker=self._invoker,
            work=self._work,
        )

    def _queue(self, function: LoadedFunction) -> QueueListener:
        name = self._expanded(function, "queueName").lower()
        if not _QUEUE_NAME.fullmatch(name):
            raise HostError(
                resource=f"function {function.name}",
                cause=f"has the impossible queue name {name!r}.",
                fix="Use 3 to 63 letters, digits and single hyphens.",
            )
        return QueueListener(
            function=function,
            queue_name=name,
            service=self._services.service(function.trigger.get("connection")),
            options=self._options.queues,
            clock=self._clock,
            invoker=self._invoker,
            work=self._work,
        )

    @property
    def base_url(self) -> str:
        """The address of the host, without a slash at its end; known once it has started."""
        return f"http://{self._address}:{self._port}"

    def describe(self) -> Iterator[str]:
        """One line per function with its address or trigger, as ``func start`` prints them."""
        for function in self.functions:
            if function.disabled:
                yield f"{function.name}: {function.trigger_type} (disabled)"
            elif function.trigger_type == "httpTrigger":
                methods = ",".join(function.trigger.get("methods") or ("ANY",))
                path = f"{self._options.route_prefix}/{function.trigger['route'].strip('/')}".strip("/")
                yield f"{function.name}: [{methods}] {self.base_url}/{path}"
            elif function.trigger_type == "eventGridTrigger":
                address = f"{self.base_url}/runtime/webhooks/EventGrid?functionName={function.name}"
                yield f"{function.name}: eventGridTrigger {address}"
            else:
                what = "queueName" if function.trigger_type == "queueTrigger" else "schedule"
                yield f"{function.name}: {function.trigger_type} {self._expanded(function, what)}"

    async def start(self) -> None:
        """Listen on HTTP, then start timers and queues.

        Raises:
            HostError: A queue's connection cannot be used.
            OSError: The port is taken.
        """
        self._queues = [self._queue(function) for function in self._enabled("queueTrigger")]
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._address, self._port).start()
        self._port = self._runner.addresses[0][1]
        self._polling = {self._start_loop(queue.run()) for queue in self._queues}
        self._ticking = {self._start_loop(timer.run()) for timer in self._timers}

    def _start_loop(self, loop: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(loop)
        task.add_done_callback(self._loop_ended)
        return task

    def _loop_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.critical("A listener has crashed; the host stops", exc_info=error)
            self.crashed.set()

    async def stop(self, grace: float = 10.0) -> bool:
        """Take no more work, let what runs end for up to ``grace`` seconds, then stop.

        Returns:
            True if every running invocation could end.
        """
        self._stopping = True
        if self._runner is not None:
            for site in list(self._runner.sites):
                await site.stop()
        await self._stop_listeners()
        ended = await self._work.drain(grace)
        if self._runner is not None:
            await self._runner.cleanup()
        await self._services.close()
        self._invoker.close()
        return ended

    async def _stop_listeners(self) -> None:
        """Timers stop at once; a queue's receive that is on its way may end, its messages are then processed."""
        for queue in self._queues:
            queue.stop()
        for task in self._ticking:
            task.cancel()
        if self._polling:
            _, stuck = await asyncio.wait(self._polling, timeout=5)
            for task in stuck:
                task.cancel()

    async def _answer(self, request: web.Request) -> web.Response:
        if self._stopping:
            return web.Response(status=503)
        parts = urlsplit(request.raw_path).path.strip("/").split("/")
        match [part.lower() for part in parts]:
            case [""]:
                return web.Response(text=f"The local functions host of {len(self.functions)} functions is running.\n")
            case ["runtime", "webhooks", extension, *_]:
                return await self._answer_webhook(request, extension)
            case ["admin", *_]:
                if not self._keys.allows(request):
                    return web.Response(status=401)
                return await self._admin.handle(request, "/".join(parts[1:]))
            case _:
                return await self._http.handle(request)

    async def _answer_webhook(self, request: web.Request, extension: str) -> web.Response:
        if extension != "eventgrid":
            return web.Response(status=404)
        if not self._keys.allows(request):
            return web.Response(status=401)
        return await self._event_grid.handle(request)
