"""A hold: a human put an older body back, and the app leaves it there until it is released."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Hold:
    """A human put an older body back: syncs report instead of writing until it is released.

    `applied` is set once the firewall holds the body with this digest.
    """

    digest: str
    since: datetime
    by: str
    reason: str
    applied: bool = False

    def as_data(self) -> dict[str, Any]:
        """The hold as JSON data."""
        return {
            "digest": self.digest,
            "since": self.since.isoformat(),
            "by": self.by,
            "reason": self.reason,
            "applied": self.applied,
        }
