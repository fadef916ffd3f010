"""Plans, findings and verdicts for a terminal."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from shared.model.resource_id import ResourceId
from shared.plan.action import Action
from shared.plan.combined import CombinedPlan
from shared.plan.finding import Finding, Severity

_SEVERITY_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_NO_CLUSTER = "No cluster of its own"
Data = dict[str, Any]


def stdout() -> Console:
    """Where results go."""
    return Console(soft_wrap=True, highlight=False)


def progress_bar() -> Progress:
    """A progress bar on standard error, so that standard output stays clean for pipes."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


def print_json(data: Any) -> None:
    """Print JSON data, and nothing else, on standard output."""
    sys.stdout.write(json.dumps(data, indent=2, default=str) + "\n")


def show_plan(plan: CombinedPlan, console: Console) -> None:
    """A plan as `terraform plan` would show it: what changes, grouped by cluster, and a summary at the end."""
    for heading, actions in _groups(plan.plan.actions):
        console.print(f"\n[bold]{escape(heading)}[/bold]")
        for action in actions:
            _show_action(action, console)
    if plan.plan.held_back:
        console.print("\n[bold]Reported only (MODE is report)[/bold]")
        for action in plan.plan.held_back:
            _show_action(action, console)
    _show_firewall(plan, console)
    show_findings(plan.findings, console)
    for waiting in plan.plan.waiting:
        console.print(f"\n[cyan]…[/cyan] {escape(_short(waiting.resource))}: {escape(waiting.message)}")
    for gap in plan.gaps:
        console.print(f"\n[yellow]![/yellow] The search may be incomplete: {escape(gap)}")
    console.print(f"\n{summary_line(plan)}")


def summary_line(plan: CombinedPlan) -> str:
    """The plan in one line."""
    numbers = plan.summary()
    if plan.empty and not plan.plan.held_back and plan.refused:
        return f"[bold red]No changes, but {len(plan.refused)} places could not be judged[/bold red]; see above."
    if plan.empty and not plan.plan.held_back:
        text = "[bold green]No changes.[/bold green] Everything is as it should be"
        return f"{text}; {numbers['places']} places looked at, {numbers['findings']} findings."
    firewall = plan.firewall
    parts = [
        f"[green]{numbers['add']} to add[/green]",
        f"[yellow]{numbers['change']} to change[/yellow]",
        f"[red]{numbers['delete']} to delete[/red]",
        f"{len(firewall.added)} firewall rules to add",
        f"{len(firewall.changed)} to change",
        f"{len(firewall.removed)} to remove",
        f"{numbers['findings']} findings",
    ]
    return f"[bold]Plan:[/bold] {', '.join(parts)}. Digest {plan.digest}"


def _groups(actions: tuple[Action, ...]) -> Iterator[tuple[str, list[Action]]]:
    groups: defaultdict[str, list[Action]] = defaultdict(list)
    for action in actions:
        groups[_heading(action.cluster)].append(action)
    yield from sorted(groups.items(), key=lambda item: (item[0] == _NO_CLUSTER, item[0]))


def _heading(cluster: ResourceId | None) -> str:
    if cluster is None:
        return _NO_CLUSTER
    return f"{cluster.name} ({cluster.resource_group}, subscription {cluster.subscription_id})"


def _show_action(action: Action, console: Console) -> None:
    sign, colour = "+", "green"
    if action.is_deletion:
        sign, colour = "-", "red"
    elif action.before is not None:
        sign, colour = "~", "yellow"
    kind = action.kind.replace("_", " ")
    console.print(f"  [{colour}]{sign}[/{colour}] {kind} [bold]{escape(_short(action.resource))}[/bold]")
    console.print(f"      [dim]# {escape(action.reason)}[/dim]")
    for line in _changes(action.before, action.after):
        console.print(f"      {line}")


def _changes(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Iterator[str]:
    for name in sorted({*(before or {}), *(after or {})}):
        old, new = (before or {}).get(name), (after or {}).get(name)
        if before is None:
            yield f"[green]{name} = {escape(_value(new))}[/green]"
        elif after is None:
            yield f"[red]{name} = {escape(_value(old))}[/red]"
        elif old != new:
            yield f"[yellow]{name}: {escape(_value(old))} -> {escape(_value(new))}[/yellow]"


def _value(value: Any) -> str:
    return json.dumps(value, default=str)


def _short(resource: ResourceId) -> str:
    return "/".join(resource.names) or resource.resource_group


def _show_firewall(plan: CombinedPlan, console: Console) -> None:
    change = plan.firewall
    if change.empty:
        return
    console.print("\n[bold]Firewall policy[/bold]")
    for names, sign, colour in (
        (change.added, "+", "green"),
        (change.changed, "~", "yellow"),
        (change.removed, "-", "red"),
    ):
        for name in names:
            console.print(f"  [{colour}]{sign}[/{colour}] rule [bold]{escape(name)}[/bold]")
    for name in change.settings:
        console.print(f"  [yellow]~[/yellow] {escape(name)}")


def show_findings(findings: tuple[Finding, ...], console: Console) -> None:
    """Findings: where, what, and what to do."""
    for finding in findings:
        colour = _SEVERITY_COLOURS[finding.severity]
        where = _short(finding.resource)
        console.print(f"\n[{colour}]{finding.severity} {finding.code}[/{colour}] [bold]{escape(where)}[/bold]")
        console.print(f"  {escape(finding.message)}")
        if finding.fix:
            console.print(f"  [dim]Fix: {escape(finding.fix)}[/dim]")


def show_drift(plan: CombinedPlan, console: Console) -> None:
    """One line for each place that drifted, then the findings."""
    drifted = [place for place in plan.places if place.plan.actions or place.plan.held_back or place.refused]
    if drifted:
        table = Table("place", "kind", "changes", "held back", "findings", "what")
        for place in drifted:
            kinds = sorted({action.kind.replace("_", " ") for action in place.plan.actions + place.plan.held_back})
            findings = len(place.plan.findings) + (place.refused is not None)
            numbers = (len(place.plan.actions), len(place.plan.held_back), findings)
            scope = place.scope
            table.add_row(_short(scope.resource), str(scope.kind), *map(str, numbers), ", ".join(kinds))
        console.print(table)
    _show_firewall(plan, console)
    show_findings(plan.findings, console)
    console.print(f"\n{summary_line(plan)}")


def show_verdicts(answer: Data, console: Console) -> None:
    """Verdicts with their steps."""
    colours = {"reachable": "green", "unreachable": "red", "ambiguous": "yellow"}
    marks = {"ok": "[green]✓[/green]", "blocked": "[red]✗[/red]"}
    for verdict in answer["verdicts"]:
        colour = colours.get(verdict["verdict"], "white")
        source = _short(ResourceId.parse(verdict["from"]))
        console.print(f"\n{escape(source)} → {escape(str(verdict['host']))}: [{colour}]{verdict['verdict']}[/{colour}]")
        for step in verdict["steps"]:
            mark = marks.get(step["outcome"], "[yellow]?[/yellow]")
            console.print(f"  {mark} {step['stage']} {step['code']}: {escape(step['message'])}")
            if step["outcome"] == "blocked" and step["fix"]:
                console.print(f"      [dim]Fix: {escape(step['fix'])}[/dim]")
        for assumption in verdict["assumptions"]:
            console.print(f"  [dim]assumed: {escape(assumption)}[/dim]")


def show_applied(applied: Data, console: Console) -> None:
    """What became of every action, and of the firewall."""
    colours = {
        "done": "green",
        "already": "green",
        "gone": "cyan",
        "later": "yellow",
        "refused": "red",
        "skipped": "yellow",
    }
    for outcome in applied["actions"]:
        colour, action = colours[outcome["result"]], outcome["action"]
        where = _short(ResourceId.parse(action["resource"]))
        line = f"[{colour}]{outcome['result']}[/{colour}] {action['kind'].replace('_', ' ')} {escape(where)}"
        console.print(f"  {line} [dim]{outcome['seconds']:.1f} s {escape(outcome['message'])}[/dim]")
    for finding in applied["findings"]:
        where = _short(ResourceId.parse(finding["resource"]))
        console.print(f"  [red]{finding['code']}[/red] {escape(where)}: {escape(finding['message'])}")
    firewall = applied["firewall"]
    end = "[bold green]Applied.[/bold green]" if applied["done"] else "[bold red]Not everything was done.[/bold red]"
    console.print(
        f"\n{end} {len(applied['actions'])} actions; firewall {firewall['result']}, {firewall['writes']} writes."
    )


def show_history(entries: list[Data], console: Console) -> None:
    """The history of our firewall group."""
    table = Table("until", "rules", "digest", "why")
    for entry in entries:
        why = entry["reason"] if entry["replaced"] else f"{entry['reason']} (not known to have been written)"
        table.add_row(entry["at"], str(entry["rules"]), entry["digest"][:16], why)
    console.print(table if entries else "The firewall group was never written.")
