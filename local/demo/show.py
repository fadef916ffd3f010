"""What the demo prints: live on a terminal, plain lines with a heartbeat elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

if TYPE_CHECKING:
    from local.demo.burst import BurstResult
    from local.demo.story import ClusterStory, Result

NETWORK = """\
                      [bold]vnet-hub[/bold] 10.0.0.0/16
                      Azure Firewall 10.0.1.4 · VPN gateway subnet
                                  │ peerings, with the hub only
        ┌─────────────────────────┼─────────────────────────┐
  [bold]vnet-spoke-1[/bold]            [bold]vnet-monitoring[/bold]            [bold]vnet-spoke-3[/bold]
  10.1.0.0/16             10.2.0.0/16 · a VM         10.3.0.0/16
  aks-1                   aks-mon                    aks-3"""
HEARTBEAT_SECONDS = 3.0


class Status:
    """The line that says what goes on at the moment."""

    def __init__(self, show: Show, text: str) -> None:
        self._show = show
        self.text = text

    def update(self, at: float, text: str) -> None:
        """Say something new, and when."""
        self.say(f"[cyan]t+{at:>4.0f} s[/cyan]  {text}")

    def say(self, text: str) -> None:
        """Say something new."""
        self.text = text
        self._show.refresh()


class Show:
    """Prints the story. Times are simulated seconds."""

    def __init__(self, console: Console, *, speed: float) -> None:
        self._console = console
        self._speed = speed
        self._going_on: list[Status] = []
        self._spinner = console.status("", spinner="dots")
        self._last_sign = time.monotonic()

    def opening(self) -> None:
        """The network, and what the figures mean."""
        self._console.print(Panel(NETWORK, title="Contoso, simulated", border_style="blue", expand=False))
        self._console.print(
            "[dim]Everything runs on this machine: Azurite, a local Azure and the functions host.\n"
            f"All times are [bold]simulated seconds[/bold], {self._speed:g} to a real one.[/dim]"
        )

    def setting_up(self, text: str) -> None:
        """A step of the set-up."""
        self._console.print(f"[dim]· {text} …[/dim]")

    def act(self, number: int, title: str) -> None:
        """The headline of an act."""
        self.headline(f"Act {number}. {title}")

    def headline(self, text: str) -> None:
        """What begins now."""
        self._console.print(f"\n[bold]{text}[/bold]")

    def line(self, at: float | None, text: str, *, good: bool | None = None) -> None:
        """Something that happened."""
        mark = {True: "[green]✔[/green]", False: "[yellow]✘[/yellow]", None: "·"}[good]
        moment = " " * 8 if at is None else f"t+{at:>4.0f} s"
        self._console.print(f"  [cyan]{moment}[/cyan]  {mark} {text}", highlight=False)
        self._last_sign = time.monotonic()

    @contextmanager
    def busy(self, text: str) -> Iterator[Status]:
        """Show that something goes on while the block runs."""
        status = Status(self, text)
        self._going_on.append(status)
        self.refresh()
        try:
            yield status
        finally:
            self._going_on.remove(status)
            self.refresh()

    def refresh(self) -> None:
        """Bring the live line up to date; off a terminal, print a sign of life now and then."""
        text = "   ".join(status.text for status in self._going_on)
        if self._console.is_terminal:
            self._spinner.update(text)
            if text:
                self._spinner.start()
            else:
                self._spinner.stop()
        elif text and time.monotonic() - self._last_sign > HEARTBEAT_SECONDS:
            self._last_sign = time.monotonic()
            self._console.print(f"  … {text}", highlight=False)

    def burst(self, result: BurstResult, *, seconds: float) -> None:
        """What a burst cost and how long it took."""
        self._console.print()
        self._console.print(_burst(result, seconds))

    def closing(self, result: Result) -> None:
        """What was written and by whom, and when each cluster was reachable."""
        self._console.print()
        self._console.print(_written(result))
        self._console.print(_clusters(result.clusters))
        reached = all(cluster.reached_at is not None for cluster in result.clusters)
        if result.well:
            self._console.print("[bold green]✔ A VM in the monitoring spoke reaches every API server.[/bold green]")
            for page in result.drift.pages if result.drift else ():
                self._console.print(f"  the report page: [cyan]{page}[/cyan]", highlight=False)
        elif reached:
            self._console.print("[bold red]✘ What was undone by hand was not all found and repaired.[/bold red]")
        else:
            self._console.print("[bold red]✘ Not every API server is reachable from the monitoring spoke.[/bold red]")


def _burst(result: BurstResult, seconds: float) -> Table:
    after, updates = result.after_last_address, result.updates
    rows = (
        ("clusters reachable", f"{result.reachable} of {result.clusters}"),
        ("firewall writes", f"{result.firewall_writes} (and {result.refused_writes} refused as busy)"),
        ("one firewall update takes", f"{result.update_seconds:.0f} s"),
        ("last address in DNS after", f"{result.last_address_at:.0f} s"),
        ("all reachable after", _seconds(result.all_reachable_at)),
        (
            "from the last address to the last cluster reachable",
            "never" if after is None or updates is None else f"{after:.0f} s, {updates:.2f} firewall updates",
        ),
        ("one write per cluster would have taken", f"{result.clusters * result.update_seconds / 3600:.1f} h"),
        ("in all", f"{seconds:.0f} s"),
    )
    table = Table(title="A burst of clusters (simulated)", title_justify="left", title_style="bold", show_header=False)
    for label, value in rows:
        table.add_row(label, value)
    return table


def _written(result: Result) -> Table:
    table = Table(title="What aks-hublink wrote (simulated)", title_justify="left", title_style="bold")
    table.add_column("t+ s", justify="right", style="cyan")
    table.add_column("what", no_wrap=True)
    table.add_column("where", overflow="fold")
    table.add_column("by function", no_wrap=True)
    for item in result.writes:
        table.add_row(f"{item.at:.0f}", item.what, item.target, f"{item.asked_by} → {item.function}")
    return table


def _clusters(clusters: list[ClusterStory]) -> Table:
    table = Table(
        title="Seen from the VM in the monitoring spoke (simulated)", title_justify="left", title_style="bold"
    )
    table.add_column("cluster")
    table.add_column("spoke")
    for heading in ("name resolves after", "reachable after"):
        table.add_column(heading, justify="right")
    for cluster in clusters:
        resolved = next((turn.at for turn in cluster.turns if turn.stage != "dns"), None)
        reached = cluster.reached_at
        table.add_row(cluster.name, cluster.spoke, *(_seconds(moment) for moment in (resolved, reached)))
    return table


def _seconds(moment: float | None) -> str:
    return "[red]never[/red]" if moment is None else f"{moment:.0f} s"
