"""`python -m benchmarks`: how much computing the app needs on this machine, for a fleet in the local Azure."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from local.azure.process import start
from local.azurite import Azurite

ROOT = Path(__file__).parents[1]
IMPORTS = 7
_IMPORT = "import time; began = time.perf_counter(); import function_app; print(time.perf_counter() - began)"
_WORDS = {
    "search": "find it with Resource Graph, in the local Azure on this machine",
    "world": "make a world of the rows",
    "plan": "plan for every cluster and subnet",
    "digest": "the same with the plan's digest",
    "judge": "judge whether every cluster is reached, from every monitoring subnet",
    "network": "the network as JSON for the report",
    "rules": "compare all firewall rules with the live ones",
    "sweep": "a whole sweep, the local Azure and Azurite on this machine included",
}


def main(
    spokes: Annotated[int, typer.Option(min=1, max=240, help="Spoke subscriptions.")] = 50,
    clusters: Annotated[int, typer.Option(min=1, help="Clusters in each.")] = 10,
) -> None:
    """Measure on a fleet in which everything is as it should be."""
    console = Console()
    imports = [float(_run([sys.executable, "-c", _IMPORT])) for _ in range(IMPORTS)]
    console.print(
        f"import function_app: {statistics.median(imports) * 1000:.0f} ms "
        f"(median of {IMPORTS} new processes; {min(imports) * 1000:.0f} to {max(imports) * 1000:.0f})"
    )
    with console.status(f"{spokes * clusters} clusters: making the fleet and measuring"):
        found = asyncio.run(_fleet(spokes, clusters))
    console.print(_table(found))


async def _fleet(spokes: int, clusters: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="aks-hublink-") as folder:
        async with Azurite() as azurite, start(folder=Path(folder)) as azure, azure.control() as control:
            seed = await control.seed("fleet", spokes=spokes, clusters_per_spoke=clusters, compliant=True)
            await control.advance(60)
            environment = {
                **os.environ,
                **azure.environment(),
                **seed["settings"],
                "AzureWebJobsStorage": azurite.connection_string,
            }
            text = await asyncio.to_thread(_run, [sys.executable, "-m", "benchmarks.measure"], environment)
    found: dict[str, Any] = json.loads(text.splitlines()[-1])
    return found


def _run(command: list[str], environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    return done.stdout


def _table(found: dict[str, Any]) -> Table:
    clusters = found["clusters"]
    title = (
        f"{clusters} clusters: {found['verdicts']}, {found['suspects']} suspects, {found['queries']} queries a sweep"
    )
    table = Table(title=f"{title}\nThis machine's computing; no figure of Azure", title_justify="left")
    table.add_column("what")
    table.add_column("seconds", justify="right")
    table.add_column("clusters a second", justify="right")
    for name, words in _WORDS.items():
        seconds = found["seconds"][name]
        table.add_row(words, f"{seconds:.3f}", f"{clusters / seconds:,.0f}")
    return table


if __name__ == "__main__":
    typer.run(main)
