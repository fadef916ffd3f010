"""What is remembered of the firewall in a table: the last sync, the request that waits, and a hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.firewall.group_body import body_digest
from shared.firewall.hold import Hold
from shared.model.resource_id import ResourceId
from shared.storage import names
from shared.storage.account import StorageAccount
from shared.storage.registry import row_key

__all__ = ["FirewallState", "Hold", "SyncState", "Waiting", "body_digest"]

_SYNCED = "firewall"
_WAITING = "firewall-waiting"
_HOLD = "firewall-hold"


@dataclass(frozen=True, kw_only=True)
class SyncState:
    """The last completed sync of a policy: when it read the registry, when it ended (UTC), and what it wanted."""

    read_at: datetime
    completed_at: datetime
    digest: str
    rules: int


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """The one request that waits for a running sync to end, on behalf of all that came after it.

    `token` names the request, `seen_at` is when it was last on its way, and a sync that reads the registry after
    `wanted_after` has served everybody who counts on it.
    """

    token: str
    seen_at: datetime
    wanted_after: datetime
    etag: str = ""


class FirewallState:
    """Rows of the state table, one of each kind per policy."""

    def __init__(self, account: StorageAccount) -> None:
        self._account = account

    async def last_sync(self, policy: ResourceId) -> SyncState | None:
        """The last completed sync, or None."""
        entity = await self._get(_SYNCED, policy)
        if entity is None:
            return None
        return SyncState(
            read_at=datetime.fromisoformat(entity["readAt"]),
            completed_at=datetime.fromisoformat(entity["completedAt"]),
            digest=str(entity["digest"]),
            rules=int(entity["rules"]),
        )

    async def completed(self, policy: ResourceId, state: SyncState) -> None:
        """Remember a completed sync."""
        row = {
            "readAt": state.read_at.isoformat(),
            "completedAt": state.completed_at.isoformat(),
            "digest": state.digest,
            "rules": state.rules,
        }
        await self._set(_SYNCED, policy, row)

    async def waiting(self, policy: ResourceId) -> Waiting | None:
        """The request that waits, or None."""
        entity = await self._get(_WAITING, policy)
        if entity is None:
            return None
        return Waiting(
            token=str(entity["token"]),
            seen_at=datetime.fromisoformat(entity["seenAt"]),
            wanted_after=datetime.fromisoformat(entity["wantedAfter"]),
            etag=str(entity.metadata["etag"]),
        )

    async def wait(self, policy: ResourceId, waiting: Waiting) -> bool:
        """Write the row as long as it is still the one that `waiting.etag` was read with; "" means none was there."""
        from azure.core import MatchConditions  # noqa: PLC0415  # cold start
        from azure.core.exceptions import HttpResponseError  # noqa: PLC0415
        from azure.data.tables import UpdateMode  # noqa: PLC0415

        table = await self._account.table(names.STATE_TABLE)
        entity = _entity(_WAITING, policy) | {
            "token": waiting.token,
            "seenAt": waiting.seen_at.isoformat(),
            "wantedAfter": waiting.wanted_after.isoformat(),
        }
        try:
            if waiting.etag:
                await table.update_entity(
                    entity,
                    mode=UpdateMode.REPLACE,
                    etag=waiting.etag,
                    match_condition=MatchConditions.IfNotModified,
                )
            else:
                await table.create_entity(entity)
        except HttpResponseError as error:
            if error.status_code in (404, 409, 412):
                return False
            raise
        return True

    async def leave(self, policy: ResourceId, waiting: Waiting) -> bool:
        """Take the row away as long as nobody has changed it since it was read."""
        from azure.core import MatchConditions  # noqa: PLC0415  # cold start
        from azure.core.exceptions import HttpResponseError  # noqa: PLC0415

        table = await self._account.table(names.STATE_TABLE)
        try:
            await table.delete_entity(
                _WAITING, row_key(policy), etag=waiting.etag, match_condition=MatchConditions.IfNotModified
            )
        except HttpResponseError as error:
            if error.status_code in (404, 412):
                return False
            raise
        return True

    async def hold(self, policy: ResourceId) -> Hold | None:
        """The hold, or None."""
        entity = await self._get(_HOLD, policy)
        if entity is None:
            return None
        return Hold(
            digest=str(entity["digest"]),
            since=datetime.fromisoformat(entity["since"]),
            by=str(entity["by"]),
            reason=str(entity["reason"]),
            applied=bool(entity["applied"]),
        )

    async def set_hold(self, policy: ResourceId, hold: Hold) -> None:
        """Hold the firewall, or change the hold."""
        await self._set(_HOLD, policy, hold.as_data())

    async def release(self, policy: ResourceId) -> None:
        """End the hold; none being there is no error."""
        table = await self._account.table(names.STATE_TABLE)
        await table.delete_entity(_HOLD, row_key(policy))

    async def _get(self, partition: str, policy: ResourceId) -> Any:
        from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415  # cold start

        table = await self._account.table(names.STATE_TABLE)
        try:
            return await table.get_entity(partition, row_key(policy))
        except ResourceNotFoundError:
            return None

    async def _set(self, partition: str, policy: ResourceId, row: Mapping[str, Any]) -> None:
        from azure.data.tables import UpdateMode  # noqa: PLC0415  # cold start

        table = await self._account.table(names.STATE_TABLE)
        await table.upsert_entity(_entity(partition, policy) | dict(row), mode=UpdateMode.REPLACE)


def _entity(partition: str, policy: ResourceId) -> dict[str, Any]:
    return {"PartitionKey": partition, "RowKey": row_key(policy), "policy": str(policy)}
