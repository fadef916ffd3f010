"""`python -m local.demo`: the story of a private cluster that becomes reachable, on this machine alone."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from aiohttp import ClientConnectionError
from rich.console import Console

from local.azure.process import NotReadyError
from local.azurite import AzuriteUnavailableError
from local.demo.burst import BurstResult, run_burst
from local.demo.operator import RefusedError
from local.demo.show import Show
from local.demo.stage import Stage, attach, set_up
from local.demo.story import Result, play

STORY_SPEED = 20.0
BURST_SPEED = 5.0


def main(
    speed: Annotated[
        float | None,
        typer.Option(min=1, max=100, help="Simulated seconds per real second; default 20, and 5 for a burst."),
    ] = None,
    burst: Annotated[
        int, typer.Option(min=0, max=600, help="Instead of the story: so many clusters within one minute.")
    ] = 0,
    attach_to: Annotated[
        Path | None,
        typer.Option("--attach", help="Folder of a running `python -m local.azure`; its own host does the work."),
    ] = None,
) -> None:
    """Play the story, or measure a burst. Exits with 1 when a cluster is not reachable at its end."""
    # This machine's own computing is multiplied by the speed, and a burst is a lot of computing.
    pace = speed or (BURST_SPEED if burst else STORY_SPEED)
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)
    try:
        well = asyncio.run(_main(console, pace, attach_to, burst))
    except (AzuriteUnavailableError, ClientConnectionError, NotReadyError, RefusedError) as error:
        console.print(f"[bold red]✘[/bold red] {error}")
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    raise typer.Exit(0 if well else 1)


async def _main(console: Console, speed: float, attach_to: Path | None, burst: int) -> bool:
    show = Show(console, speed=speed)
    show.opening()
    async with attach(attach_to) if attach_to else set_up(speed=speed, progress=show.setting_up) as stage:
        result: Result | BurstResult
        if burst:
            result = await _burst(stage, show, burst)
        else:
            result = await play(stage, show)
            show.closing(result)
        if not result.well:
            console.print("[dim]The end of the functions host's log:[/dim]")
            sys.stdout.write("\n".join(stage.host_log()[-40:]) + "\n")
    return result.well


async def _burst(stage: Stage, show: Show, clusters: int) -> BurstResult:
    started = await stage.now()
    show.headline(f"{clusters} clusters are created in three spokes within one minute")
    with show.busy(f"{clusters} clusters") as status:

        def tell(text: str) -> None:
            status.say(text)
            show.line(None, text)

        result = await run_burst(stage, clusters, tell=tell)
    show.burst(result, seconds=await stage.now() - started)
    return result


if __name__ == "__main__":
    typer.run(main)
