"""What is remembered of the firewall in a table: the last sync, its setback, the request that waits, and holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.firewall.group_body import body_digest
from shared.firewall.hold import Hold, OwnGroup
from shared.model.resource_id import ResourceId
from shared.storage import names
from shared.storage.account import StorageAccount
from shared.storage.registry import row_key

__all__ = ["FirewallState", "Hold", "OwnGroup", "Setback", "SyncState", "Waiting", "body_digest"]

_SYNCED = "firewall"
_SETBACK = "firewall-setback"
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


@dataclass(frozen=True, kw_only=True)
class Setback:
    """Why the last sync of a policy did not get through; it is forgotten when one does.

    `since` is when the first of these syncs failed, `at` when the last one did. No sync calls Azure before `until`.
    `lasting`: a human is needed, for Azure or the app refuses, or Azure has been busy for longer than it should be.
    """

    code: str
    message: str
    fix: str
    since: datetime
    at: datetime
    until: datetime
    lasting: bool

    @property
    def why_not(self) -> str:
        """Why the next sync will most likely not get through either, and what to do; empty when it may well."""
        if not self.lasting:
            return ""
        cause = self.message if self.message.endswith((".", "…")) else f"{self.message}."
        when = f"{self.at:%Y-%m-%d %H:%M} UTC"
        return f"The last sync of the firewall, at {when}, did not get through: {cause} {self.fix}".strip()


class FirewallState:
    """Rows of the state table, one of each kind per policy; of holds, one for each of our groups."""

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
        """Remember a completed sync, unless one that has read later is remembered already.

        A writer that lost its lease may end after the one that took over: it must not take that one's word back.
        """
        row = _entity(_SYNCED, policy) | {
            "readAt": state.read_at.isoformat(),
            "completedAt": state.completed_at.isoformat(),
            "digest": state.digest,
            "rules": state.rules,
        }
        known = await self._get(_SYNCED, policy)
        while known is None or datetime.fromisoformat(known["readAt"]) < state.read_at:
            if await self._write(row, etag=str(known.metadata["etag"]) if known else ""):
                return
            known = await self._get(_SYNCED, policy)

    async def setback(self, policy: ResourceId) -> Setback | None:
        """Why the last sync did not get through; None when it did."""
        entity = await self._get(_SETBACK, policy)
        if entity is None:
            return None
        return Setback(
            code=str(entity["code"]),
            message=str(entity["message"]),
            fix=str(entity["fix"]),
            since=datetime.fromisoformat(entity["since"]),
            at=datetime.fromisoformat(entity["at"]),
            until=datetime.fromisoformat(entity["until"]),
            lasting=bool(entity["lasting"]),
        )

    async def failed(self, policy: ResourceId, setback: Setback) -> None:
        """Remember a sync that did not get through."""
        row = {name: getattr(setback, name) for name in ("code", "message", "fix", "lasting")}
        row |= {name: getattr(setback, name).isoformat() for name in ("since", "at", "until")}
        await self._set(_SETBACK, policy, row)

    async def got_through(self, policy: ResourceId) -> None:
        """Forget the setback; none being there is no error."""
        table = await self._account.table(names.STATE_TABLE)
        await table.delete_entity(_SETBACK, row_key(policy))

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
        entity = _entity(_WAITING, policy) | {
            "token": waiting.token,
            "seenAt": waiting.seen_at.isoformat(),
            "wantedAfter": waiting.wanted_after.isoformat(),
        }
        return await self._write(entity, etag=waiting.etag)

    async def leave(self, policy: ResourceId, waiting: Waiting) -> bool:
        """Take the row away as long as nobody has changed it since it was read."""
        return await self._remove(_WAITING, row_key(policy), etag=waiting.etag)

    async def hold(self, policy: ResourceId, group: OwnGroup = OwnGroup.API) -> Hold | None:
        """The hold on one of our groups, or None."""
        entity = await self._get(_HOLD, policy, _suffix(group))
        if entity is None:
            return None
        return Hold(
            digest=str(entity["digest"]),
            since=datetime.fromisoformat(entity["since"]),
            by=str(entity["by"]),
            reason=str(entity["reason"]),
            applied=bool(entity["applied"]),
            etag=str(entity.metadata["etag"]),
        )

    async def set_hold(self, policy: ResourceId, hold: Hold, group: OwnGroup = OwnGroup.API) -> None:
        """Hold a group, whatever held it before: the last human who asks has their way."""
        await self._set(_HOLD, policy, hold.as_data(), _suffix(group))

    async def applied(self, policy: ResourceId, hold: Hold, group: OwnGroup = OwnGroup.API) -> bool:
        """Note that the firewall holds the body; answers False when the hold is not the one that was read any more."""
        row = _entity(_HOLD, policy, _suffix(group)) | replace(hold, applied=True).as_data()
        return await self._write(row, etag=hold.etag)

    async def release(self, policy: ResourceId, hold: Hold, group: OwnGroup = OwnGroup.API) -> bool:
        """End the hold that was read; answers False when there is another one, or none, by now."""
        return await self._remove(_HOLD, row_key(policy) + _suffix(group), etag=hold.etag)

    async def _get(self, partition: str, policy: ResourceId, suffix: str = "") -> Any:
        from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415  # cold start

        table = await self._account.table(names.STATE_TABLE)
        try:
            return await table.get_entity(partition, row_key(policy) + suffix)
        except ResourceNotFoundError:
            return None

    async def _set(self, partition: str, policy: ResourceId, row: Mapping[str, Any], suffix: str = "") -> None:
        from azure.data.tables import UpdateMode  # noqa: PLC0415  # cold start

        table = await self._account.table(names.STATE_TABLE)
        await table.upsert_entity(_entity(partition, policy, suffix) | dict(row), mode=UpdateMode.REPLACE)

    async def _write(self, entity: dict[str, Any], *, etag: str) -> bool:
        """Write a row as long as it is still the one that was read; "" means that none was there."""
        from azure.core import MatchConditions  # noqa: PLC0415  # cold start
        from azure.core.exceptions import HttpResponseError  # noqa: PLC0415
        from azure.data.tables import UpdateMode  # noqa: PLC0415

        table = await self._account.table(names.STATE_TABLE)
        unchanged = MatchConditions.IfNotModified
        try:
            if etag:
                await table.update_entity(entity, mode=UpdateMode.REPLACE, etag=etag, match_condition=unchanged)
            else:
                await table.create_entity(entity)
        except HttpResponseError as error:
            if error.status_code in (404, 409, 412):
                return False
            raise
        return True

    async def _remove(self, partition: str, key: str, *, etag: str) -> bool:
        from azure.core import MatchConditions  # noqa: PLC0415  # cold start
        from azure.core.exceptions import HttpResponseError  # noqa: PLC0415

        table = await self._account.table(names.STATE_TABLE)
        try:
            await table.delete_entity(partition, key, etag=etag, match_condition=MatchConditions.IfNotModified)
        except HttpResponseError as error:
            if error.status_code in (404, 412):
                return False
            raise
        return True


def _suffix(group: OwnGroup) -> str:
    return "" if group is OwnGroup.API else f"-{group}"


def _entity(partition: str, policy: ResourceId, suffix: str = "") -> dict[str, Any]:
    return {"PartitionKey": partition, "RowKey": row_key(policy) + suffix, "policy": str(policy)}
