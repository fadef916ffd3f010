"""What `GET /api/report` shows: the latest report, the ones before it, and what the app changed lately."""

from __future__ import annotations

import asyncio

from shared.report_page.page import Page, render, render_empty
from shared.runtime import current_runtime

CHANGES = 40
"""Changes that are shown."""
SWEEPS = 12
"""Sweeps that are shown in numbers."""


async def make_page() -> tuple[Page, bool]:
    """The page, and whether there is a report to show.

    Raises:
        SettingsError: the settings are wrong.
        AzureError: the storage does not answer.
    """
    runtime = current_runtime()
    report, history, changes = await asyncio.gather(
        runtime.drift_reports.latest(), runtime.drift_reports.headlines(SWEEPS), runtime.changes.latest(CHANGES)
    )
    now = runtime.clock.now()
    if report is None:
        return render_empty(schedule=runtime.settings.drift_schedule, now=now), False
    return render(report, history=history, changes=changes, now=now), True
