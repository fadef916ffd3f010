"""What Azure refused for good at the last try, so that no report promises a repair that is refused every time."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from shared.model.resource_id import ResourceId
from shared.plan.action import Action
from shared.plan.drift import Obstacle, Place, place_of
from shared.plan.finding import Code, Finding
from shared.storage import names
from shared.storage.account import StorageAccount
from shared.storage.registry import row_key

_PARTITION = "refused"


class Refusals:
    """Rows of the state table, one for each kind of change and resource."""

    def __init__(self, account: StorageAccount) -> None:
        self._account = account

    async def remember(self, action: Action, finding: Finding, *, at: datetime) -> bool:
        """Remember a refusal; answers whether it is news, and not the one that is remembered already."""
        from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415  # cold start
        from azure.data.tables import UpdateMode  # noqa: PLC0415

        table = await self._account.table(names.STATE_TABLE)
        entity = _entity(action, finding, at)
        with suppress(ResourceNotFoundError):
            known = await table.get_entity(_PARTITION, entity["RowKey"])
            if known["code"] == entity["code"]:
                return False
        await table.upsert_entity(entity, mode=UpdateMode.REPLACE)
        return True

    async def forget(self, action: Action) -> None:
        """The change was made, or nobody needs it any more."""
        table = await self._account.table(names.STATE_TABLE)
        await table.delete_entity(_PARTITION, _key(action))

    async def all(self) -> dict[Place, Obstacle]:
        """Every refusal that stands."""
        table = await self._account.table(names.STATE_TABLE)
        rows = table.query_entities("PartitionKey eq @partition", parameters={"partition": _PARTITION})
        return {_place(row): _obstacle(row) async for row in rows}


def _key(action: Action) -> str:
    return f"{action.kind}-{row_key(action.resource)}"


def _entity(action: Action, finding: Finding, at: datetime) -> dict[str, Any]:
    return {
        "PartitionKey": _PARTITION,
        "RowKey": _key(action),
        "kind": str(action.kind),
        "resource": str(action.resource),
        "code": str(finding.code),
        "message": finding.message,
        "fix": finding.fix,
        "since": at.isoformat(),
    }


def _place(row: Any) -> Place:
    return place_of(str(row["kind"]), ResourceId.parse(row["resource"]))


def _obstacle(row: Any) -> Obstacle:
    return Obstacle(code=Code(row["code"]), message=str(row["message"]), fix=str(row["fix"]))
