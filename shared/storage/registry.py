"""The registry: what was verified about every cluster, in Azure Table storage.

Queue workers write it, the firewall writer reads it. So the firewall depends neither on Resource Graph's lag nor on
the order of events.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from shared.clock import Clock
from shared.model.resource_id import ResourceId
from shared.model.world import ApiServer
from shared.storage import names
from shared.storage.account import StorageAccount

if TYPE_CHECKING:
    from azure.core.exceptions import HttpResponseError

_PARTITION = "cluster"


@dataclass(frozen=True, kw_only=True)
class RegistryRow:
    """An API server and when its row last changed, in UTC. `etag` names the version of the row that was read."""

    api_server: ApiServer
    changed_at: datetime
    etag: str = field(default="", compare=False)


class Registry:
    """All registered API servers."""

    def __init__(self, account: StorageAccount, clock: Clock) -> None:
        self._account = account
        self._clock = clock

    async def get(self, cluster: ResourceId) -> RegistryRow | None:
        """One row, or None."""
        from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415  # cold start

        table = await self._account.table(names.REGISTRY_TABLE)
        try:
            return _row(await table.get_entity(_PARTITION, row_key(cluster)))
        except ResourceNotFoundError:
            return None

    async def all(self) -> list[RegistryRow]:
        """Every row, ordered by cluster id."""
        table = await self._account.table(names.REGISTRY_TABLE)
        query = table.query_entities("PartitionKey eq @partition", parameters={"partition": _PARTITION})
        rows = [_row(entity) async for entity in query]
        return sorted(rows, key=lambda row: row.api_server.cluster.key)

    async def put(self, api_server: ApiServer, *, over: RegistryRow | None) -> bool:
        """Write a row in the place of the one that was read, None if there was none.

        Answers False, and writes nothing, when somebody else has changed, made or removed it since.
        """
        from azure.core import MatchConditions  # noqa: PLC0415  # cold start
        from azure.core.exceptions import HttpResponseError  # noqa: PLC0415
        from azure.data.tables import UpdateMode  # noqa: PLC0415

        table = await self._account.table(names.REGISTRY_TABLE)
        entity = _entity(RegistryRow(api_server=api_server, changed_at=self._clock.now()))
        unchanged = MatchConditions.IfNotModified
        try:
            if over is None:
                await table.create_entity(entity)
            else:
                await table.update_entity(entity, mode=UpdateMode.REPLACE, etag=over.etag, match_condition=unchanged)
        except HttpResponseError as error:
            return _is_as_it_was(error)
        return True

    async def remove(self, row: RegistryRow) -> bool:
        """Forget a cluster; answers False when somebody else has changed or removed the row since it was read."""
        from azure.core import MatchConditions  # noqa: PLC0415  # cold start
        from azure.core.exceptions import HttpResponseError  # noqa: PLC0415

        table = await self._account.table(names.REGISTRY_TABLE)
        key, unchanged = row_key(row.api_server.cluster), MatchConditions.IfNotModified
        try:
            await table.delete_entity(_PARTITION, key, etag=row.etag, match_condition=unchanged)
        except HttpResponseError as error:
            return _is_as_it_was(error)
        return True


def _is_as_it_was(error: HttpResponseError) -> bool:
    """False when a conditional write was refused; any other error is raised again."""
    if error.status_code in (404, 409, 412):
        return False
    raise error


def row_key(resource: ResourceId) -> str:
    """A table key for a resource id: ids hold characters that keys must not hold."""
    return hashlib.sha256(resource.key.encode()).hexdigest()[:40]


def _entity(row: RegistryRow) -> dict[str, Any]:
    api_server = row.api_server
    return {
        "PartitionKey": _PARTITION,
        "RowKey": row_key(api_server.cluster),
        "cluster": str(api_server.cluster),
        "address": str(api_server.address) if api_server.address else "",
        "zone": str(api_server.zone) if api_server.zone else "",
        "subnets": json.dumps([str(subnet) for subnet in api_server.subnets]),
        "outboundType": api_server.outbound_type,
        "stoppedAt": api_server.stopped_at.isoformat() if api_server.stopped_at else "",
        "changedAt": row.changed_at.isoformat(),
    }


def _row(entity: Mapping[str, Any]) -> RegistryRow:
    stopped_at = entity.get("stoppedAt")
    api_server = ApiServer(
        cluster=ResourceId.parse(entity["cluster"]),
        address=IPv4Address(entity["address"]) if entity.get("address") else None,
        zone=ResourceId.parse(entity["zone"]) if entity.get("zone") else None,
        subnets=tuple(ResourceId.parse(text) for text in json.loads(entity.get("subnets") or "[]")),
        outbound_type=str(entity.get("outboundType") or ""),
        stopped_at=datetime.fromisoformat(stopped_at) if stopped_at else None,
    )
    etag = str(getattr(entity, "metadata", {}).get("etag", ""))
    return RegistryRow(api_server=api_server, changed_at=datetime.fromisoformat(entity["changedAt"]), etag=etag)
