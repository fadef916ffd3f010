"""A hold: a human put an older body back, and the app leaves it there until it is released."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class OwnGroup(StrEnum):
    """Our two rule collection groups: the API servers' rules, and the egress that clusters need."""

    API = "api"
    EGRESS = "egress"


@dataclass(frozen=True, kw_only=True)
class Hold:
    """A human put an older body of one group back: syncs report instead of writing it until it is released.

    `applied` is set once the firewall holds the body with this digest. `etag` names the version of the row that was
    read: whoever asks for another body, or lets go, changes it.
    """

    digest: str
    since: datetime
    by: str
    reason: str
    applied: bool = False
    etag: str = field(default="", compare=False)

    def as_data(self) -> dict[str, Any]:
        """The hold as JSON data."""
        return {
            "digest": self.digest,
            "since": self.since.isoformat(),
            "by": self.by,
            "reason": self.reason,
            "applied": self.applied,
        }
