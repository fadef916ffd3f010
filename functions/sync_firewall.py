"""Queue: the one writer of the firewall policy."""

from __future__ import annotations

import azure.functions as func

from shared.storage import names

blueprint = func.Blueprint()


@blueprint.function_name("sync_firewall")
@blueprint.queue_trigger(arg_name="message", queue_name=names.SYNC_FIREWALL_QUEUE, connection=names.CONNECTION)
async def sync_firewall(message: func.QueueMessage) -> None:
    """Bring the firewall's rules in line with the registry, unless a later sync has done so."""
    from shared.workers import work_on_sync

    await work_on_sync(message.get_body(), message.insertion_time)
