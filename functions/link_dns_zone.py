"""Event Grid: a private DNS zone was written, or a link of ours deleted."""

from __future__ import annotations

import azure.functions as func

from shared.intake import accept_event

blueprint = func.Blueprint()


@blueprint.function_name("link_dns_zone")
@blueprint.event_grid_trigger(arg_name="event")
async def link_dns_zone(event: func.EventGridEvent) -> None:
    """Ask for a look at the zone: AKS needs the hub's link within minutes of the zone's creation."""
    await accept_event(event, function="link_dns_zone")
