"""Starts the host as a subprocess: for the demo, and for tests that stop or kill it in the middle of its work."""

import asyncio
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from local.child_process import ChildProcess

_ROOT = Path(__file__).resolve().parents[2]
_READY = re.compile(r"^Host ready: (http://\S+)")


class HostProcess:
    """``python -m local.host`` in a process of its own; a context manager, sync and async.

    Args:
        app_dir: The folder of the function app; default: this repository.
        env: Settings, laid over our own environment.
        port: Port to listen on; 0 takes a free one.
        speed: Simulated seconds per real second.
        settings: A local.settings.json; none by default, so that a developer's own file changes nothing.
        arguments: Further arguments, ``--enable-auth`` for example.
        echo: Whether its log goes to our standard output as well.
        ready_within: Seconds to wait for readiness.
    """

    def __init__(
        self,
        *,
        app_dir: Path = _ROOT,
        env: Mapping[str, str] | None = None,
        port: int = 0,
        speed: float = 1.0,
        settings: Path | None = None,
        arguments: Sequence[str] = (),
        echo: bool = False,
        ready_within: float = 30,
    ) -> None:
        self._env = {**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})}
        self._command = [
            *(sys.executable, "-m", "local.host", "--stop-with-stdin"),
            *("--app-dir", str(app_dir), "--settings", str(settings or "")),
            *("--port", str(port), "--speed", str(speed)),
            *arguments,
        ]
        self._echo = echo
        self._ready_within = ready_within
        self._child: ChildProcess | None = None
        self._base_url = ""

    @property
    def base_url(self) -> str:
        """The address of the host, ``http://127.0.0.1:50123`` for example."""
        return self._base_url

    @property
    def child(self) -> ChildProcess:
        """The process, with its ``pid``, ``output`` and ``returncode``.

        Raises:
            RuntimeError: It has not been started.
        """
        if self._child is None:
            raise RuntimeError("The host process has not been started.")
        return self._child

    @property
    def output(self) -> list[str]:
        """The last lines of its log."""
        return self.child.output

    def start(self) -> Self:
        """Start it and wait until it is ready.

        Raises:
            ChildFailedError: It did not become ready; the message ends with its log.
        """
        self._child = ChildProcess(self._command, name="The functions host", env=self._env, cwd=_ROOT, echo=self._echo)
        try:
            (ready,) = self._child.wait_for(_READY, timeout=self._ready_within)[:1]
        except BaseException:
            self._child.kill()
            raise
        self._base_url = ready[1]
        return self

    def stop(self, timeout: float = 15) -> int:
        """Ask it to end as SIGTERM does, and return its exit code: 0 if all went well."""
        return self.child.stop(timeout)

    def kill(self) -> int:
        """Kill it with SIGKILL, in the middle of whatever it does, and return its exit code."""
        return self.child.kill()

    async def astart(self) -> Self:
        """`start` without blocking the event loop."""
        return await asyncio.to_thread(self.start)

    async def astop(self, timeout: float = 15) -> int:  # noqa: ASYNC109  it is the child's time, not ours
        """`stop` without blocking the event loop."""
        return await asyncio.to_thread(self.stop, timeout)

    async def akill(self) -> int:
        """`kill` without blocking the event loop."""
        return await asyncio.to_thread(self.kill)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await self.astart()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.astop()
