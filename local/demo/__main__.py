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
from local.demo.operator import RefusedError
from local.demo.show import Show
from local.demo.stage import attach, set_up
from local.demo.story import play


def main(
    speed: Annotated[float, typer.Option(min=1, max=100, help="Simulated seconds per real second.")] = 20.0,
    attach_to: Annotated[
        Path | None,
        typer.Option("--attach", help="Folder of a running `python -m local.azure`; its own host does the work."),
    ] = None,
) -> None:
    """Play the story. Exits with 1 when a cluster is not reachable at its end."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)
    try:
        well = asyncio.run(_main(console, speed, attach_to))
    except (AzuriteUnavailableError, ClientConnectionError, NotReadyError, RefusedError) as error:
        console.print(f"[bold red]✘[/bold red] {error}")
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    raise typer.Exit(0 if well else 1)


async def _main(console: Console, speed: float, attach_to: Path | None) -> bool:
    show = Show(console, speed=speed)
    show.opening()
    async with attach(attach_to) if attach_to else set_up(speed=speed, progress=show.setting_up) as stage:
        result = await play(stage, show)
        show.closing(result)
        if not result.well:
            console.print("[dim]The end of the functions host's log:[/dim]")
            sys.stdout.write("\n".join(stage.host_log()[-40:]) + "\n")
    return result.well


if __name__ == "__main__":
    typer.run(main)
