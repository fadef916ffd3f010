"""Event Grid: a cluster was written, started or stopped, or an A record written."""

from __future__ import annotations

import azure.functions as func

from shared.intake import accept_event

blueprint = func.Blueprint()


@blueprint.function_name("allow_api_server")
@blueprint.event_grid_trigger(arg_name="event")
async def allow_api_server(event: func.EventGridEvent) -> None:
    """Ask for a look at the cluster or zone: its API server's address may be new."""
    await accept_event(event, function="allow_api_server")
