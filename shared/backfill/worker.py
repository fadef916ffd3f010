"""What the queue function of runs does with a message."""

from __future__ import annotations

import logging

from shared.backfill.status import Status
from shared.backfill.steps import Steps
from shared.errors import SettingsError
from shared.process import current_queues
from shared.runtime import current_runtime
from shared.storage import names
from shared.storage.work import RunMessage
from shared.telling import tell
from shared.workers import SETTINGS_RETRY_SECONDS

log = logging.getLogger(__name__)


async def work_on_run(body: bytes) -> Status | None:
    """Carry a run on; None when there is nothing to do for it, or it was put back because the settings are wrong.

    Raises:
        MalformedMessage: the host moves the message to the poison queue after its retries.
    """
    try:
        runtime = current_runtime()
    except SettingsError as error:
        tell(log, "settings are wrong, message kept", level=logging.WARNING, mistakes=list(error.mistakes))
        await current_queues().keep(names.BACKFILL_QUEUE, body, delay=SETTINGS_RETRY_SECONDS)
        return None
    return await Steps(runtime).next(RunMessage.decode(body))
