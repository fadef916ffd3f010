"""Queue: work one scope."""

from __future__ import annotations

import azure.functions as func

from shared.storage import names

blueprint = func.Blueprint()


@blueprint.function_name("reconcile")
@blueprint.queue_trigger(arg_name="message", queue_name=names.RECONCILE_QUEUE, connection=names.CONNECTION)
async def reconcile(message: func.QueueMessage) -> None:
    """Observe, plan, guard, apply and report for the scope in the message."""
    from shared.workers import work_on_reconcile

    await work_on_reconcile(message.get_body(), message.insertion_time)
