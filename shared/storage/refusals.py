"""What Azure refused for good at the last try, so that no report promises a repair that is refused every time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from shared.model.resource_id import ResourceId
from shared.plan.action import ActionKind
from shared.plan.drift import Obstacle, Place, place_of
from shared.plan.finding import Code, Finding
from shared.storage import names
from shared.storage.account import StorageAccount
from shared.storage.registry import row_key

_PARTITION = "refused"
_ACTIONS = frozenset(map(str, ActionKind))
_CODES = frozenset(map(str, Code))


class Refusals:
    """Rows of the state table, one for each kind of change and resource."""

    def __init__(self, account: StorageAccount) -> None:
        self._account = account

    async def remember(self, kind: str, finding: Finding, resource: ResourceId, *, at: datetime) -> bool:
        """Remember why a change was refused; answers whether it is news: another code than before."""
        from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415  # cold start
        from azure.data.tables import UpdateMode  # noqa: PLC0415

        table = await self._account.table(names.STATE_TABLE)
        entity = _entity(kind, finding, resource, at)
        known: Mapping[str, Any] = {}
        with suppress(ResourceNotFoundError):
            known = await table.get_entity(_PARTITION, entity["RowKey"])
        if any(known.get(name) != entity[name] for name in ("code", "message", "fix")):
            await table.upsert_entity(entity, mode=UpdateMode.REPLACE)
        return bool(known.get("code") != entity["code"])

    async def forget(self, kind: str, resource: ResourceId) -> None:
        """The change was made, or nobody needs it any more."""
        table = await self._account.table(names.STATE_TABLE)
        await table.delete_entity(_PARTITION, _key(kind, resource))

    async def all(self) -> dict[Place, Obstacle]:
        """Every refusal that stands."""
        return {_place(row): _obstacle(row) for row in await self._rows()}

    async def keep_only(self, wanted: Collection[Place]) -> None:
        """Forget the refusals of a plan's actions that are not wanted any more; clusters and zones come and go."""
        for row in await self._rows():
            if row["kind"] in _ACTIONS and _place(row) not in wanted:
                await self.forget(str(row["kind"]), ResourceId.parse(row["resource"]))

    async def _rows(self) -> list[Mapping[str, Any]]:
        table = await self._account.table(names.STATE_TABLE)
        rows = table.query_entities("PartitionKey eq @partition", parameters={"partition": _PARTITION})
        # A row of another version of the app may have a code that this one does not know.
        return [row async for row in rows if row["code"] in _CODES]


def _key(kind: str, resource: ResourceId) -> str:
    return f"{kind}-{row_key(resource)}"


def _entity(kind: str, finding: Finding, resource: ResourceId, at: datetime) -> dict[str, Any]:
    return {
        "PartitionKey": _PARTITION,
        "RowKey": _key(kind, resource),
        "kind": kind,
        "resource": str(resource),
        "code": str(finding.code),
        "message": finding.message,
        "fix": finding.fix,
        "since": at.isoformat(),
    }


def _place(row: Mapping[str, Any]) -> Place:
    return place_of(str(row["kind"]), ResourceId.parse(row["resource"]))


def _obstacle(row: Mapping[str, Any]) -> Obstacle:
    return Obstacle(code=Code(row["code"]), message=str(row["message"]), fix=str(row["fix"]))
