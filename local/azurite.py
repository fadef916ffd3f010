"""Runs Azurite, Microsoft's emulator of Azure Storage, and installs it first if need be.

``python -m local.azurite`` runs it in the foreground on its usual ports, for ``func start`` and for
``UseDevelopmentStorage=true``; with ``--install`` it only installs it.
"""

import argparse
import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from local.child_process import ChildFailedError, ChildProcess

ACCOUNT = "devstoreaccount1"
# The same well-known key in every Azurite: https://learn.microsoft.com/azure/storage/common/storage-use-azurite
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_ROOT = Path(__file__).resolve().parents[1]
_OURS = Path(__file__).with_suffix("")
_FOLDER = _ROOT / ".local" / "azurite"
_MAIN = Path("node_modules", "azurite", "dist", "src", "azurite.js")
_OLDEST_NODE = 20
_LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at (http://\S+)")
_INSTALL_SECONDS = 300


class AzuriteUnavailableError(Exception):
    """Azurite cannot run on this machine; the message says what to install."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Ports of the three services; 0 takes a free one."""

    blob: int = 0
    queue: int = 0
    table: int = 0


USUAL_PORTS = Ports(blob=10000, queue=10001, table=10002)


def development_connection_string(
    blob: str = "http://127.0.0.1:10000",
    queue: str = "http://127.0.0.1:10001",
    table: str = "http://127.0.0.1:10002",
) -> str:
    """What ``UseDevelopmentStorage=true`` stands for, written out; for other ports, give the services' addresses."""
    endpoints = (("Blob", blob), ("Queue", queue), ("Table", table))
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};" + "".join(
        f"{kind}Endpoint={address}/{ACCOUNT};" for kind, address in endpoints
    )


def install(folder: Path = _FOLDER) -> Path:
    """Make sure that Azurite is installed in a folder, in the version range of ``azurite/package.json``.

    Returns:
        The script to run with Node.

    Raises:
        AzuriteUnavailableError: Node or npm is missing or too old, or npm failed.
    """
    _check_node()
    wanted = (_OURS / "package.json").read_bytes()
    main = folder / _MAIN
    present = folder / "package.json"
    if main.is_file() and present.is_file() and present.read_bytes() == wanted:
        return main
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Built beside its place and moved there, so that two test runs at once cannot spoil it for each other.
    with tempfile.TemporaryDirectory(prefix="azurite-", dir=folder.parent) as workshop:
        fresh = Path(workshop) / "new"
        fresh.mkdir()
        (fresh / "package.json").write_bytes(wanted)
        _npm_install(fresh)
        if present.is_file() and present.read_bytes() == wanted:
            return main  # someone else was faster
        if folder.exists():
            folder.rename(Path(workshop) / "old")
        fresh.rename(folder)
    return main


def _check_node() -> None:
    node = shutil.which("node")
    if node is None:
        raise AzuriteUnavailableError(f"Node is not installed. Install Node {_OLDEST_NODE} or later, with npm.")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    match = re.match(r"v(\d+)", version)
    if match is None or int(match[1]) < _OLDEST_NODE:
        raise AzuriteUnavailableError(
            f"Node is {version.strip() or 'of an unknown version'}. Install Node {_OLDEST_NODE} or later."
        )


def _npm_install(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise AzuriteUnavailableError("npm is not installed. Install it: it comes with Node.")
    quiet = ("--no-package-lock", "--no-audit", "--no-fund", "--omit=dev", "--loglevel=error")
    try:
        done = subprocess.run(  # noqa: S603
            [npm, "install", "--prefix", str(folder), *quiet],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise AzuriteUnavailableError(
            f"npm did not install Azurite within {_INSTALL_SECONDS} s. Check that npm reaches its registry."
        ) from error
    if done.returncode != 0:
        raise AzuriteUnavailableError(
            "npm could not install Azurite. Check that npm reaches its registry.\n" + done.stderr[-2000:]
        )


class Azurite:
    """A running Azurite with blob, queue and table service; a context manager, sync and async.

    It ends with us, however we end.

    Args:
        location: Where it keeps its data; None for memory only.
        ports: Its ports; free ones by default.
        folder: Where it is installed, or will be.
        echo: Whether its output goes to our standard output.
    """

    def __init__(
        self,
        *,
        location: Path | None = None,
        ports: Ports | None = None,
        folder: Path = _FOLDER,
        echo: bool = False,
    ) -> None:
        self._location = location
        self._ports = ports or Ports()
        self._folder = folder
        self._echo = echo
        self._child: ChildProcess | None = None
        self._addresses: dict[str, str] = {}

    @property
    def connection_string(self) -> str:
        """The connection string of its account, for ``AzureWebJobsStorage`` for example."""
        return development_connection_string(
            self._addresses["blob"], self._addresses["queue"], self._addresses["table"]
        )

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._child.pid if self._child else None

    def start(self) -> Self:
        """Install it if need be, start it, and wait until all three services listen.

        Raises:
            AzuriteUnavailableError: It cannot be installed.
            ChildFailedError: It did not start; the message ends with its output.
        """
        main = install(self._folder)
        child = ChildProcess(
            ["node", str(_OURS / "start.cjs"), *self._options()],
            name="Azurite",
            env={**os.environ, "AZURITE_MAIN": str(main)},
            cwd=self._folder,
            echo=self._echo,
        )
        try:
            found = child.wait_for(_LISTENING, times=3, timeout=60)
        except BaseException:
            child.kill()
            raise
        self._child = child
        self._addresses = {match[1].lower(): match[2] for match in found}
        return self

    def stop(self) -> None:
        """Stop it; harmless if it does not run."""
        if self._child is not None:
            if self._location is None:
                self._child.kill()  # nothing to save, and Azurite's own stop waits for idle connections
            else:
                self._child.stop(timeout=10)
            self._child = None

    def _options(self) -> list[str]:
        where = ["--location", str(self._location.resolve())] if self._location else ["--inMemoryPersistence"]
        ports = (("blob", self._ports.blob), ("queue", self._ports.queue), ("table", self._ports.table))
        listen = [part for kind, port in ports for part in (f"--{kind}Host", "127.0.0.1", f"--{kind}Port", str(port))]
        return ["--silent", "--skipApiVersionCheck", "--disableTelemetry", *where, *listen]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)


def main() -> None:
    """Install Azurite; unless that is all, run it on its usual ports until SIGINT or SIGTERM, data in ``.local``."""
    parser = argparse.ArgumentParser(prog="python -m local.azurite", description="Runs Azurite on its usual ports.")
    parser.add_argument("--install", action="store_true", help="only make sure that it is installed")
    try:
        if parser.parse_args().install:
            install()
        else:
            _run_until_stopped()
    except (AzuriteUnavailableError, ChildFailedError) as error:
        sys.exit(str(error))


def _run_until_stopped() -> None:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    location = _FOLDER.with_name("azurite-data")
    location.mkdir(parents=True, exist_ok=True)
    with Azurite(location=location, ports=USUAL_PORTS, echo=True):
        print("Azurite ready: UseDevelopmentStorage=true", flush=True)
        stop.wait()


if __name__ == "__main__":
    main()
