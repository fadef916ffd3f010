"""The per-user quota: 15 queries in 5 seconds, said in headers, refused with 429 (documented figures)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from local.azure.azure import Azure
from local.azure.rbac import Principal

QUERIES = 15
WINDOW = 5.0


@dataclass
class Window:
    """A running window: when it ends (simulated seconds) and how many queries it had."""

    ends: float
    used: int = 0


class Quota:
    """One window per user."""

    def __init__(self, azure: Azure) -> None:
        self._azure = azure
        self._windows: dict[str, Window] = {}
        azure.on_reset.append(self._windows.clear)

    def spend(self, principal: Principal) -> tuple[bool, dict[str, str]]:
        """Whether this query is within the quota, and the headers to say so.

        The waits in the headers are real seconds, rounded up: the quota runs on the simulated clock, and clients wait
        on their own.
        """
        now = self._azure.clock.seconds()
        window = self._windows.get(principal.object_id)
        if window is None or window.ends <= now:
            window = self._windows[principal.object_id] = Window(ends=now + WINDOW)
        within = window.used < QUERIES
        window.used += within
        wait = math.ceil((window.ends - now) / (self._azure.clock.speed or 1.0))
        headers = {
            "x-ms-user-quota-remaining": str(QUERIES - window.used),
            "x-ms-user-quota-resets-after": f"{wait // 3600:02}:{wait // 60 % 60:02}:{wait % 60:02}",
        }
        return within, headers if within else {**headers, "Retry-After": str(max(wait, 1))}
