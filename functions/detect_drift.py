"""Timer: sweep the fleet, confirm what seems wrong, ask for its repair."""

from __future__ import annotations

import os

import azure.functions as func

from shared.settings import DRIFT_SCHEDULE_DEFAULT

# The host resolves %...% itself and refuses a function whose setting is missing; the default is ours.
SCHEDULE = "%DRIFT_SCHEDULE%" if os.environ.get("DRIFT_SCHEDULE") else DRIFT_SCHEDULE_DEFAULT

blueprint = func.Blueprint()


@blueprint.function_name("detect_drift")
@blueprint.timer_trigger(arg_name="timer", schedule=SCHEDULE, run_on_startup=False)
async def detect_drift(timer: func.TimerRequest) -> None:  # noqa: ARG001  # the trigger's argument
    """Find what events left undone or people undid, everywhere, and have it repaired."""
    from shared.workers import work_on_drift

    await work_on_drift()
