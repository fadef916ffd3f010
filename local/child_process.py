"""A child process that says when it is ready and never outlives us."""

import atexit
import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

_KEPT_LINES = 2000


class ChildFailedError(Exception):
    """A child process ended, or did not become ready in time. The message ends with its last lines of output."""


class ChildProcess:
    """A child in its own process group, with its output read line by line.

    The child's standard input is a pipe that closes when we die, however we die; children made for this watch it.
    It is also killed at our exit.

    Args:
        command: Program and arguments.
        name: What to call it in errors.
        env: Its whole environment.
        cwd: Its working directory.
        echo: Whether its output goes to our standard output as well.
    """

    def __init__(
        self, command: Sequence[str], *, name: str, env: Mapping[str, str], cwd: Path, echo: bool = False
    ) -> None:
        self.name = name
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._echo = echo
        self._news = threading.Condition()
        self._ended = False
        self._process = subprocess.Popen(  # noqa: S603  the commands are ours
            list(command),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        atexit.register(self.kill)
        self._reader = threading.Thread(target=self._read, name=f"output of {name}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, or None while it runs; minus the signal's number if one ended it."""
        return self._process.poll()

    @property
    def output(self) -> list[str]:
        """The last lines of its output."""
        with self._news:
            return list(self._lines)

    def wait_for(self, pattern: re.Pattern[str], *, times: int = 1, timeout: float = 30) -> list[re.Match[str]]:
        """Wait until ``times`` lines of the output match, and return their matches.

        Raises:
            ChildFailedError: It ended before, or ``timeout`` seconds have passed.
        """
        deadline = time.monotonic() + timeout
        with self._news:
            while len(found := [m for line in self._lines if (m := pattern.search(line))]) < times:
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    why = "ended" if self._ended else f"said nothing of the kind for {timeout:g} s"
                    raise ChildFailedError(f"{self.name} {why}:\n" + "\n".join(list(self._lines)[-30:]))
                self._news.wait(left)
        return found

    def stop(self, timeout: float = 15) -> int:
        """Ask it to end (SIGTERM), wait, and kill what is left of its group after ``timeout`` seconds.

        Returns:
            Its exit code.
        """
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)
        return self.kill()

    def kill(self) -> int:
        """Kill its whole group (SIGKILL) and return its exit code. Harmless if it has ended."""
        atexit.unregister(self.kill)
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        code = self._process.wait()
        self._reader.join(timeout=5)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        return code

    def _read(self) -> None:
        stdout = self._process.stdout
        for line in stdout or ():
            with self._news:
                self._lines.append(line.rstrip("\n"))
                self._news.notify_all()
            if self._echo:
                print(line, end="", flush=True)
        with self._news:
            self._ended = True
            self._news.notify_all()
