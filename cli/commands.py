"""The commands. Each is thin: settings, one piece of work, a way to show it, an exit code."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from cli import show
from cli.options import Loaded, Sources, with_settings
from cli.outcome import CLEAN, DRIFT, ERROR, run_and_exit
from shared.errors import HublinkError
from shared.plan.combined import CombinedPlan
from shared.plan.finding import Severity
from shared.settings import setting_name

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Keeps private AKS clusters reachable. Exit codes: 0 clean, 2 drift, 1 error.",
)
settings_app = typer.Typer(no_args_is_help=True, help="The app's settings.")
app.add_typer(settings_app, name="settings")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Subscriptions = Annotated[list[str] | None, typer.Option("--subscription", help="Only this subscription; repeatable.")]
Clusters = Annotated[list[str] | None, typer.Option("--cluster", help="Only this cluster (resource id); repeatable.")]


@app.callback()
def start(
    *, verbose: Annotated[bool, typer.Option("--verbose", help="Show the app's log on standard error.")] = False
) -> None:
    """Set up the log."""
    logging.basicConfig(level=logging.INFO if verbose else logging.CRITICAL)
    logging.getLogger("azure").setLevel(logging.WARNING if verbose else logging.CRITICAL)


@app.command()
@with_settings
def plan(
    *, sources: Sources, as_json: AsJson = False, subscription: Subscriptions = None, cluster: Clusters = None
) -> int:
    """Show what would be changed, grouped by cluster. Changes nothing; needs read rights only."""

    async def work() -> int:
        found = await _survey(sources.load(), subscription or [], cluster or [])
        if as_json:
            show.print_json(found.as_data())
        else:
            show.show_plan(found, show.stdout())
        return _exit_code(found)

    return _finish(run_and_exit(work, as_json=as_json))


@app.command()
@with_settings
def drift(
    *, sources: Sources, as_json: AsJson = False, subscription: Subscriptions = None, cluster: Clusters = None
) -> int:
    """Show what is not as it should be over the fleet, with every finding. Changes nothing."""

    async def work() -> int:
        found = await _survey(sources.load(), subscription or [], cluster or [])
        if as_json:
            show.print_json(found.as_data())
        else:
            show.show_drift(found, show.stdout())
        errors = any(finding.severity is Severity.ERROR for finding in found.findings)
        return DRIFT if errors else _exit_code(found)

    return _finish(run_and_exit(work, as_json=as_json))


@app.command()
@with_settings
def apply(
    *,
    sources: Sources,
    digest: Annotated[str, typer.Option("--digest", help="The digest of the plan you approve.")],
    as_json: AsJson = False,
    subscription: Subscriptions = None,
    cluster: Clusters = None,
) -> int:
    """Apply a plan, if the fresh plan has the digest you approve; the firewall is brought in line at the end."""

    async def work() -> int:
        loaded = sources.load()
        _require_storage(loaded, "apply")
        return await _apply(loaded, digest, subscription or [], cluster or [], as_json=as_json)

    return _finish(run_and_exit(work, as_json=as_json))


@app.command()
@with_settings
def reach(
    name: Annotated[str, typer.Argument(metavar="CLUSTER", help="The cluster's name or resource id.")],
    *,
    sources: Sources,
    source: Annotated[str | None, typer.Option("--from", help="Subnet id; default: every monitoring subnet.")] = None,
    as_json: AsJson = False,
) -> int:
    """Say whether the monitoring subnets reach a cluster's API server and, if not, exactly why."""

    async def work() -> int:
        from cli.reach import verdicts  # noqa: PLC0415  # the other commands do not need it

        answer = await verdicts(sources.load(), name, source)
        if as_json:
            show.print_json(answer)
        else:
            show.show_verdicts(answer, show.stdout())
        return CLEAN if all(item["verdict"] == "reachable" for item in answer["verdicts"]) else DRIFT

    return _finish(run_and_exit(work, as_json=as_json))


@app.command()
@with_settings
def history(
    *,
    sources: Sources,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many entries, newest first.")] = 20,
    as_json: AsJson = False,
) -> int:
    """Show what our firewall group held before, newest first."""

    async def work() -> int:
        from cli.session import opened  # noqa: PLC0415  # --help stays quick

        loaded = sources.load()
        _require_storage(loaded, "history")
        settings = loaded.settings
        group = settings.firewall_policy_id.child("ruleCollectionGroups", settings.firewall_rule_collection_group)
        async with opened(loaded) as runtime:
            entries = [entry.as_data() for entry in await runtime.firewall_history.list(group, limit=limit)]
        if as_json:
            show.print_json({"group": str(group), "entries": entries})
        else:
            show.show_history(entries, show.stdout())
        return CLEAN

    return _finish(run_and_exit(work, as_json=as_json))


@settings_app.command("check")
@with_settings
def check(*, sources: Sources, as_json: AsJson = False) -> int:
    """Check the settings and name every mistake, never a value."""

    async def work() -> int:
        loaded = sources.load()
        given = sorted(setting_name(field) for field in loaded.settings.model_fields_set)
        if not loaded.has_storage:
            given = [name for name in given if "AzureWebJobs" not in name]
        if as_json:
            show.print_json({"valid": True, "set": given, "storage": loaded.has_storage})
        else:
            note = "" if loaded.has_storage else " There is no storage: plan and drift work, apply and history do not."
            show.stdout().print(f"[green]The settings are right.[/green] Set: {', '.join(given)}.{note}")
        return CLEAN

    return _finish(run_and_exit(work, as_json=as_json))


async def _survey(loaded: Loaded, subscriptions: list[str], clusters: list[str]) -> CombinedPlan:
    from cli.session import make_plan, opened, selection_of  # noqa: PLC0415  # --help stays quick

    async with opened(loaded) as runtime:
        with show.progress_bar() as bar:
            task = bar.add_task("Looking for clusters and VNets", total=None)
            places = await runtime.surveyor.places(selection_of(runtime, subscriptions, clusters))
            bar.update(task, description="Reading", total=len(places.scopes))
            return await make_plan(
                runtime, places, has_storage=loaded.has_storage, progress=lambda _: bar.advance(task)
            )


async def _apply(loaded: Loaded, digest: str, subscriptions: list[str], clusters: list[str], *, as_json: bool) -> int:
    from cli.apply import apply_plan  # noqa: PLC0415  # --help stays quick
    from cli.session import opened  # noqa: PLC0415

    fresh = await _survey(loaded, subscriptions, clusters)
    if fresh.digest != digest:
        if as_json:
            show.print_json({"error": "plan-changed", "approvedDigest": digest, "fresh": fresh.as_data()})
        else:
            show.show_plan(fresh, show.stdout())
            show.stdout().print("[red]The fresh plan is not the approved one; nothing was applied.[/red]")
        return ERROR
    async with opened(loaded) as runtime:
        with show.progress_bar() as bar:
            total = sum(1 for place in fresh.places if place.wants_work)
            task = bar.add_task("Applying", total=total)
            applied = await apply_plan(runtime, fresh, lambda: bar.advance(task))
    if as_json:
        show.print_json(applied.as_data())
    else:
        show.show_applied(applied.as_data(), show.stdout())
    return CLEAN if applied.done else ERROR


def _require_storage(loaded: Loaded, command: str) -> None:
    if not loaded.has_storage:
        message = f"`{command}` needs the app's storage account: it holds the registry, the locks and the history."
        raise HublinkError(message, fix="Set AzureWebJobsStorage__accountName or AzureWebJobsStorage.")


def _exit_code(found: CombinedPlan) -> int:
    return CLEAN if found.empty and not found.plan.held_back and not found.refused else DRIFT


def _finish(code: int) -> int:
    raise typer.Exit(code)
