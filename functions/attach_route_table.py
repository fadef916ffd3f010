"""Event Grid: a subnet, VNet, peering, route table, cluster or node pool was written."""

from __future__ import annotations

import azure.functions as func

from shared.intake import accept_event

blueprint = func.Blueprint()


@blueprint.function_name("attach_route_table")
@blueprint.event_grid_trigger(arg_name="event")
async def attach_route_table(event: func.EventGridEvent) -> None:
    """Ask for a look at the VNet, table or cluster: a subnet may lack its way to the firewall."""
    await accept_event(event, function="attach_route_table")
