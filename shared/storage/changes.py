"""The journal: every change that the app made or tried to make, newest first."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.storage import names
from shared.storage.account import StorageAccount

KEPT_DAYS = 90
_PARTITION = "change"
_BATCH = 100
_LONGEST = 2000
"""Characters kept of a text; messages of Azure may be long, and a row may have 1 MiB."""
_END_OF_TIME = 10**17
"""Row keys count down from here, in microseconds, so that the newest row comes first."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change. `kind` is an action's, or `put_rule_collection_group`; `result` is an outcome's."""

    at: datetime
    kind: str
    resource: str
    reason: str
    result: str
    asked_by: str
    correlation: str
    cluster: str = ""
    message: str = ""

    def as_data(self) -> dict[str, Any]:
        """The change as JSON data."""
        return {
            "at": self.at.isoformat(),
            "kind": self.kind,
            "resource": self.resource,
            "cluster": self.cluster or None,
            "reason": self.reason,
            "result": self.result,
            "message": self.message,
            "askedBy": self.asked_by,
            "correlation": self.correlation,
        }


class Changes:
    """The journal in table storage."""

    def __init__(self, account: StorageAccount) -> None:
        self._account = account

    async def record(self, changes: Sequence[Change]) -> None:
        """Write changes down; one call for a hundred. Raises AzureError when the storage does not answer."""
        table = await self._account.table(names.CHANGES_TABLE)
        for start in range(0, len(changes), _BATCH):
            rows = [_entity(change) for change in changes[start : start + _BATCH]]
            await table.submit_transaction([("create", row) for row in rows])

    async def latest(self, most: int) -> list[dict[str, Any]]:
        """The newest changes as JSON data, newest first."""
        table = await self._account.table(names.CHANGES_TABLE)
        found: list[dict[str, Any]] = []
        async for row in table.query_entities(f"PartitionKey eq '{_PARTITION}'", results_per_page=min(most, 1000)):
            found.append(_change(row).as_data())
            if len(found) >= most:
                break
        return found

    async def forget_old(self, now: datetime) -> int:
        """Remove what is older than `KEPT_DAYS`; answers how many rows that were."""
        table = await self._account.table(names.CHANGES_TABLE)
        oldest = _countdown(now - timedelta(days=KEPT_DAYS))
        query = f"PartitionKey eq '{_PARTITION}' and RowKey gt '{oldest}'"
        keys = [row["RowKey"] async for row in table.query_entities(query, select=["RowKey"])]
        for start in range(0, len(keys), _BATCH):
            rows = [{"PartitionKey": _PARTITION, "RowKey": key} for key in keys[start : start + _BATCH]]
            await table.submit_transaction([("delete", row) for row in rows])
        return len(keys)


def _countdown(moment: datetime) -> str:
    return f"{_END_OF_TIME - int(moment.timestamp() * 1_000_000):018d}"


def _entity(change: Change) -> dict[str, Any]:
    texts = {name: text[:_LONGEST] for name, text in asdict(change).items() if isinstance(text, str)}
    # The random end keeps changes of one microsecond apart.
    key = f"{_countdown(change.at)}-{uuid.uuid4().hex[:8]}"
    return {**texts, "at": change.at, "PartitionKey": _PARTITION, "RowKey": key}


def _change(row: Any) -> Change:
    texts = ("kind", "resource", "reason", "result", "asked_by", "correlation", "cluster", "message")
    return Change(
        at=datetime.fromisoformat(row["at"].isoformat()), **{name: str(row.get(name) or "") for name in texts}
    )
