"""Event Grid: a cluster was written, started or stopped, an A record or the firewall policy written."""

from __future__ import annotations

import azure.functions as func

from shared.intake import accept_event

blueprint = func.Blueprint()


@blueprint.function_name("allow_api_server")
@blueprint.event_grid_trigger(arg_name="event")
async def allow_api_server(event: func.EventGridEvent) -> None:
    """Ask for a look at the cluster, zone or policy: the address may be new, or its rule gone."""
    await accept_event(event, function="allow_api_server")
