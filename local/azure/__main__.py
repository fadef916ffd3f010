"""`python -m local.azure`: the local Azure in a terminal of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from local.azure.environment import READY_FILE, app_environment, write_ready, write_settings
from local.azure.simulation import Simulation, simulate

console = Console(soft_wrap=True)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line asked for."""

    port: int
    speed: float
    folder: Path
    seed: str | None
    host_endpoint: str | None
    settings: Path | None
    watch_stdin: bool


def main(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8443,
    speed: Annotated[float, typer.Option(help="Simulated seconds per real second.")] = 60.0,
    folder: Annotated[Path, typer.Option(help="Where certificates and the ready file go.")] = Path(".local/azure"),
    seed: Annotated[str | None, typer.Option(help="A world to start with, e.g. contoso.")] = None,
    host_endpoint: Annotated[str | None, typer.Option(help="Functions host that receives the events.")] = None,
    write_settings_to: Annotated[
        Path | None, typer.Option("--write-settings", help="Write a local.settings.json here.")
    ] = None,
    *,
    exit_with_stdin: Annotated[
        bool, typer.Option("--exit-with-stdin", hidden=True, help="Stop when standard input closes.")
    ] = False,
) -> None:
    """Serve a simulated Azure until Ctrl-C. Every figure it gives is simulated."""
    options = Options(
        port=port,
        speed=speed,
        folder=folder,
        seed=seed,
        host_endpoint=host_endpoint,
        settings=write_settings_to,
        watch_stdin=exit_with_stdin,
    )
    try:
        asyncio.run(serve_until_stopped(options))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except (OSError, ValueError) as error:
        console.print(f"[red]The local Azure cannot start:[/red] {error}")
        raise typer.Exit(1) from error


async def serve_until_stopped(options: Options) -> None:
    """Serve until SIGINT, SIGTERM or, when asked, the end of standard input."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C arrives as KeyboardInterrupt
            loop.add_signal_handler(name, stop.set)
    if options.watch_stdin:
        _stop_with_stdin(loop, stop)
    options.folder.mkdir(parents=True, exist_ok=True)
    ready = options.folder / READY_FILE
    ready.unlink(missing_ok=True)
    async with simulate(folder=options.folder, port=options.port, speed=options.speed) as simulation:
        if options.host_endpoint:
            _subscribe_when_seeded(simulation, options.host_endpoint)
        seeded = simulation.seed(options.seed) if options.seed else {}
        _announce(simulation, options, seeded)
        write_ready(options.folder, simulation.azure.base_url, simulation.certificates.ca, seeded)
        await stop.wait()
    ready.unlink(missing_ok=True)
    console.print("Stopped.")


def _subscribe_when_seeded(simulation: Simulation, endpoint: str) -> None:
    azure = simulation.azure

    def subscribe() -> None:
        simulation.event_grid.register(endpoint, azure.subscriptions)

    azure.on_seeded.append(subscribe)


def _announce(simulation: Simulation, options: Options, seeded: dict[str, Any]) -> None:
    base_url = simulation.azure.base_url
    environment = app_environment(base_url, simulation.certificates.ca.resolve())
    console.print(
        f"[bold]Local Azure[/bold] (simulated) on {base_url}, {options.speed:g} times as fast as the wall clock"
    )
    console.print(f"Control API under {base_url}/_sim, CA in {environment['SSL_CERT_FILE']}")
    if options.host_endpoint:
        console.print(f"Events go to {options.host_endpoint}")
    console.print("\nFor the app:")
    for name, value in environment.items():
        console.print(f"  export {name}={value}", highlight=False)
    if options.settings:
        write_settings(
            options.settings, {**environment, "TIME_SCALE": f"{options.speed:g}"}, seeded.get("settings", {})
        )
        console.print(f"\nSettings for the functions host written to {options.settings}")
    console.print("\nCtrl-C stops it.")


def _stop_with_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # The pipe closes when the parent dies, however it dies: nobody is left holding the port.
    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1024):  # unbuffered: a buffer's lock would be held at exit
            pass
        loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=wait, name="stdin-watch", daemon=True).start()


if __name__ == "__main__":
    typer.run(main)
