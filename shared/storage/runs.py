"""What is remembered of runs: what was asked for, the plan, and how every place ended.

A table has one partition for each run: one row for the run, one for the firewall, one for each place. Plans are blobs,
also by digest, so that a plan that no longer holds can be compared with the fresh one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from shared.clock import Clock
from shared.model.resource_id import ResourceId
from shared.model.scope import Scope, ScopeKind
from shared.storage import names
from shared.storage.account import StorageAccount
from shared.storage.registry import row_key

if TYPE_CHECKING:
    from azure.data.tables.aio import TableClient

_RUN_ROW = "run"
_FIREWALL_ROW = "firewall"
_PLACE_PREFIX = "place-"
_PIECE = 30_000
"""Characters in one property of a row: Azure allows 64 KiB of UTF-16."""
_BATCH = 100
_TRIES = 5
Data = dict[str, Any]


class Phase(StrEnum):
    """How far a run has come. All but the first two are its end or, for WORKING, depend on its places."""

    ACCEPTED = "accepted"
    PLANNING = "planning"
    WORKING = "working"
    PLANNED = "planned"
    REFUSED = "refused"


class PlaceState(StrEnum):
    """How far a place of a run has come."""

    QUEUED = "queued"
    WAITING = "waiting"
    ENDED = "ended"
    LOST = "lost"


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run: what was asked for and how far it is. Times are in UTC.

    `request` is the checked request as JSON data, `approved` whether somebody approved the plan by its digest,
    `problem` why it was refused. `sync_requested_at` is the latest moment up to which the firewall must have been
    brought in line.
    """

    run_id: str
    request: Data
    created_at: datetime
    phase: Phase = Phase.ACCEPTED
    digest: str = ""
    approved: bool = False
    sync_requested_at: datetime | None = None
    ended_at: datetime | None = None
    seen_at: datetime | None = None
    problem: Data | None = None
    summary: Data = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Place:
    """One place of a run. `told` is what the loop reported about it; `sent` counts how often it was queued."""

    scope: Scope
    state: PlaceState
    updated_at: datetime
    sent: int = 0
    told: Data = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class FirewallServed:
    """Up to which request the firewall was served for a run, and what refused it."""

    up_to: datetime | None = None
    result: str = ""
    problem: Data | None = None


class Runs:
    """All runs."""

    def __init__(self, account: StorageAccount, clock: Clock) -> None:
        self._account = account
        self._clock = clock

    async def create(self, run: Run) -> bool:
        """Remember a new run; False when there is one of that id already."""
        from azure.core.exceptions import ResourceExistsError  # noqa: PLC0415  # cold start

        table = await self._table()
        try:
            await table.create_entity(_run_entity(run))
        except ResourceExistsError:
            return False
        return True

    async def get(self, run_id: str) -> Run | None:
        """A run, or None."""
        entity = await self._entity(run_id, _RUN_ROW)
        return _run(entity) if entity else None

    async def put(self, run: Run) -> None:
        """Remember how far a run is."""
        from azure.data.tables import UpdateMode  # noqa: PLC0415  # cold start

        table = await self._table()
        await table.upsert_entity(_run_entity(run), mode=UpdateMode.REPLACE)

    async def places(self, run_id: str) -> list[Place]:
        """All places of a run, in the order of their ids."""
        table = await self._table()
        query = "PartitionKey eq @run and RowKey ge 'place-' and RowKey lt 'place.'"
        found = [_place(entity) async for entity in table.query_entities(query, parameters={"run": run_id})]
        return sorted(found, key=lambda place: (place.scope.kind, place.scope.resource.key))

    async def add_places(self, run_id: str, places: Iterable[Place]) -> None:
        """Add the places that are not there yet; what was reported about others stays."""
        known = {place.scope for place in await self.places(run_id)}
        entities = [_place_entity(run_id, place) for place in places if place.scope not in known]
        table = await self._table()
        for start in range(0, len(entities), _BATCH):
            await table.submit_transaction([("upsert", entity) for entity in entities[start : start + _BATCH]])

    async def change_place(self, run_id: str, scope: Scope, change: Callable[[Place], Place]) -> None:
        """Change a place from its latest state, however many workers do so at once."""
        await self._change(run_id, _place_key(scope), lambda entity: _place_entity(run_id, change(_place(entity))))

    async def firewall(self, run_id: str) -> FirewallServed:
        """How the firewall was served for a run."""
        entity = await self._entity(run_id, _FIREWALL_ROW)
        return _served(entity) if entity else FirewallServed()

    async def firewall_served(self, run_id: str, *, up_to: datetime, result: str, problem: Data | None) -> None:
        """Remember that a request of a run was served, or why it was not. The latest request counts."""
        from azure.core.exceptions import ResourceExistsError  # noqa: PLC0415  # cold start

        table = await self._table()
        fresh = FirewallServed(up_to=up_to, result=result, problem=problem)
        try:
            await table.create_entity(_served_entity(run_id, fresh))
        except ResourceExistsError:

            def change(entity: Mapping[str, Any]) -> Data:
                known = _served(entity)
                newer = known.up_to is None or known.up_to <= up_to
                return _served_entity(run_id, fresh if newer else known)

            await self._change(run_id, _FIREWALL_ROW, change)

    async def keep_plan(self, name: str, plan: Data) -> None:
        """Keep a plan under a run's id or its own digest."""
        container = await self._account.container(names.RUNS_CONTAINER)
        await container.upload_blob(f"plans/{name}.json", json.dumps(plan).encode(), overwrite=True)

    async def plan(self, name: str) -> Data | None:
        """A plan that was kept, or None."""
        from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415  # cold start

        container = await self._account.container(names.RUNS_CONTAINER)
        try:
            stream = await container.download_blob(f"plans/{name}.json")
            found: Data = json.loads(await stream.readall())
        except ResourceNotFoundError:
            return None
        return found

    async def _table(self) -> TableClient:
        return await self._account.table(names.RUNS_TABLE)

    async def _entity(self, run_id: str, row: str) -> Mapping[str, Any] | None:
        from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415  # cold start

        table = await self._table()
        try:
            entity: Mapping[str, Any] = await table.get_entity(run_id, row)
        except ResourceNotFoundError:
            return None
        return entity

    async def _change(self, run_id: str, row: str, change: Callable[[Mapping[str, Any]], Data]) -> None:
        from azure.core import MatchConditions  # noqa: PLC0415  # cold start
        from azure.core.exceptions import HttpResponseError  # noqa: PLC0415  # cold start
        from azure.data.tables import UpdateMode  # noqa: PLC0415  # cold start

        table = await self._table()
        for attempt in range(1, _TRIES + 1):
            entity: Any = await self._entity(run_id, row)
            if entity is None:
                return
            try:
                await table.update_entity(
                    change(entity),
                    mode=UpdateMode.REPLACE,
                    etag=entity.metadata["etag"],
                    match_condition=MatchConditions.IfNotModified,
                )
            except HttpResponseError as error:
                if error.status_code != 412 or attempt == _TRIES:
                    raise
            else:
                return


def touched(place: Place, state: PlaceState, at: datetime, **changes: Any) -> Place:
    """A place in another state."""
    return replace(place, state=state, updated_at=at, **changes)


def _place_key(scope: Scope) -> str:
    return f"{_PLACE_PREFIX}{scope.kind}-{row_key(scope.resource)}"


def _place_entity(run_id: str, place: Place) -> Data:
    return {
        "PartitionKey": run_id,
        "RowKey": _place_key(place.scope),
        "scopeKind": str(place.scope.kind),
        "resource": str(place.scope.resource),
        "state": str(place.state),
        "updatedAt": place.updated_at.isoformat(),
        "sent": place.sent,
        **_pieces(place.told),
    }


def _place(entity: Mapping[str, Any]) -> Place:
    return Place(
        scope=Scope(kind=ScopeKind(entity["scopeKind"]), resource=ResourceId.parse(entity["resource"])),
        state=PlaceState(entity["state"]),
        updated_at=datetime.fromisoformat(entity["updatedAt"]),
        sent=int(entity["sent"]),
        told=_joined(entity),
    )


def _run_entity(run: Run) -> Data:
    rest = {"request": run.request, "problem": run.problem, "summary": run.summary}
    return {
        "PartitionKey": run.run_id,
        "RowKey": _RUN_ROW,
        "createdAt": run.created_at.isoformat(),
        "phase": str(run.phase),
        "digest": run.digest,
        "approved": run.approved,
        "syncRequestedAt": _text(run.sync_requested_at),
        "endedAt": _text(run.ended_at),
        "seenAt": _text(run.seen_at),
        **_pieces(rest),
    }


def _run(entity: Mapping[str, Any]) -> Run:
    rest = _joined(entity)
    return Run(
        run_id=str(entity["PartitionKey"]),
        request=rest["request"],
        created_at=datetime.fromisoformat(entity["createdAt"]),
        phase=Phase(entity["phase"]),
        digest=str(entity["digest"]),
        approved=bool(entity["approved"]),
        sync_requested_at=_moment(entity["syncRequestedAt"]),
        ended_at=_moment(entity["endedAt"]),
        seen_at=_moment(entity["seenAt"]),
        problem=rest["problem"],
        summary=rest["summary"],
    )


def _served_entity(run_id: str, served: FirewallServed) -> Data:
    return {
        "PartitionKey": run_id,
        "RowKey": _FIREWALL_ROW,
        "upTo": _text(served.up_to),
        "result": served.result,
        **_pieces({"problem": served.problem}),
    }


def _served(entity: Mapping[str, Any]) -> FirewallServed:
    return FirewallServed(
        up_to=_moment(entity["upTo"]), result=str(entity["result"]), problem=_joined(entity).get("problem")
    )


def _pieces(data: Data) -> dict[str, str]:
    text = json.dumps(data, default=str)
    return {f"data{start // _PIECE:03}": text[start : start + _PIECE] for start in range(0, len(text), _PIECE)}


def _joined(entity: Mapping[str, Any]) -> Data:
    found: Data = json.loads("".join(str(entity[name]) for name in sorted(entity) if name.startswith("data")) or "{}")
    return found


def _text(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
