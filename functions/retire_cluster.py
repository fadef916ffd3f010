"""Event Grid: a cluster was deleted."""

from __future__ import annotations

import azure.functions as func

from shared.intake import accept_event

blueprint = func.Blueprint()


@blueprint.function_name("retire_cluster")
@blueprint.event_grid_trigger(arg_name="event")
async def retire_cluster(event: func.EventGridEvent) -> None:
    """Ask for a look at the cluster: when it is confirmed gone, its rule and our links go too."""
    await accept_event(event, function="retire_cluster")
