"""When the firewall was last in line with the registry, and every body it had before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.model.resource_id import ResourceId
from shared.plan.names import short_hash
from shared.storage import names
from shared.storage.account import StorageAccount
from shared.storage.registry import row_key

_PARTITION = "firewall"


@dataclass(frozen=True, kw_only=True)
class SyncState:
    """The last completed sync of a policy: when it read the registry, when it ended (UTC), and what it wrote."""

    read_at: datetime
    completed_at: datetime
    digest: str
    rules: int


class FirewallState:
    """Sync states in a table, previous bodies as blobs."""

    def __init__(self, account: StorageAccount) -> None:
        self._account = account

    async def last_sync(self, policy: ResourceId) -> SyncState | None:
        """The last completed sync, or None."""
        from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415  # cold start

        table = await self._account.table(names.STATE_TABLE)
        try:
            entity = await table.get_entity(_PARTITION, row_key(policy))
        except ResourceNotFoundError:
            return None
        return SyncState(
            read_at=datetime.fromisoformat(entity["readAt"]),
            completed_at=datetime.fromisoformat(entity["completedAt"]),
            digest=str(entity["digest"]),
            rules=int(entity["rules"]),
        )

    async def completed(self, policy: ResourceId, state: SyncState) -> None:
        """Remember a completed sync."""
        table = await self._account.table(names.STATE_TABLE)
        await table.upsert_entity(
            {
                "PartitionKey": _PARTITION,
                "RowKey": row_key(policy),
                "policy": str(policy),
                "readAt": state.read_at.isoformat(),
                "completedAt": state.completed_at.isoformat(),
                "digest": state.digest,
                "rules": state.rules,
            }
        )

    async def keep(self, group: ResourceId, body: Mapping[str, Any], *, at: datetime, reason: str) -> str:
        """Keep a body that is about to be replaced; answers the blob's name."""
        digest = body_digest(body)
        moment = at.strftime("%Y%m%dT%H%M%S.%fZ")
        name = f"{short_hash(group, 12)}/{moment}-{digest[:16]}.json"
        record = {"group": str(group), "at": at.isoformat(), "digest": digest, "reason": reason, "body": dict(body)}
        container = await self._account.container(names.HISTORY_CONTAINER)
        await container.upload_blob(name, json.dumps(record, indent=2).encode(), overwrite=True)
        return name


def body_digest(body: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON of what a PUT of a group sets."""
    properties = dict(body.get("properties") or {})
    wanted = {key: properties.get(key) for key in ("priority", "ruleCollections")}
    return hashlib.sha256(json.dumps(wanted, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
