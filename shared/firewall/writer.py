"""The one writer of the firewall policy.

A policy takes one update at a time, an update takes minutes, a busy policy answers 400, and a PUT replaces the whole
rule collection group. So: one holder of a blob lease, a dedicated group, and as few writes as possible.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from shared.azure_clients import AzureClients
from shared.azure_errors import azure_errors
from shared.clock import Clock
from shared.errors import TemporaryError, UnsafePlan
from shared.firewall.desired import (
    Difference,
    api_server_rules,
    cluster_of_rule,
    difference,
    keeps_rule,
    require_dedicated,
    rules_of,
    wanted_group,
)
from shared.model.resource_id import ResourceId
from shared.model.world import ApiServer
from shared.observe.observer import Observer
from shared.observe.reader import Reader
from shared.plan.finding import Code
from shared.plan.names import short_hash
from shared.retry import try_again
from shared.settings import Mode, Rule, Settings
from shared.storage.firewall_state import FirewallState, SyncState, body_digest
from shared.storage.locks import Lock, Locks
from shared.storage.registry import Registry
from shared.storage.work import SyncRequest
from shared.telling import tell

log = logging.getLogger(__name__)
Wire = dict[str, Any]

CLOCK_SKEW = timedelta(seconds=2)
"""How far the clocks of two instances may be apart before a request counts as satisfied too early."""
TIME_BOX_SECONDS = 1500.0
"""A firewall update takes minutes and may have to wait for somebody else's; a queue function may run half an hour."""


class SyncResult(StrEnum):
    """How a sync ended."""

    SATISFIED = "satisfied"
    UNCHANGED = "unchanged"
    WRITTEN = "written"
    REPORTED = "reported"
    BUSY = "busy"


@dataclass(frozen=True, kw_only=True)
class Sync:
    """What a sync did: how it ended, how many writes it took, and the last difference it found."""

    result: SyncResult
    writes: int = 0
    difference: Difference | None = None


@dataclass(frozen=True, kw_only=True)
class _Target:
    """The group as it should be, from a registry read at `read_at`."""

    read_at: datetime
    live: Wire | None
    body: Wire
    difference: Difference
    rules: int


class FirewallWriter:
    """Brings our rule collection group in line with the registry."""

    def __init__(
        self,
        *,
        clients: AzureClients,
        reader: Reader,
        observer: Observer,
        registry: Registry,
        state: FirewallState,
        locks: Locks,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._clients = clients
        self._reader = reader
        self._observer = observer
        self._registry = registry
        self._state = state
        self._locks = locks
        self._settings = settings
        self._clock = clock
        self._policy = settings.firewall_policy_id
        self._group = self._policy.child("ruleCollectionGroups", settings.firewall_rule_collection_group)

    async def sync(self, request: SyncRequest) -> Sync:
        """Serve a request: at once when a later sync has served it, else by a sync of our own.

        BUSY means that another instance writes right now; ask again later.

        Raises:
            TemporaryError: Azure stayed busy for the whole time box.
            PermanentError, UnsafePlan: nothing was written, and trying again will not help.
        """
        if await self._is_satisfied(request):
            return Sync(result=SyncResult.SATISFIED)
        async with self._locks.hold(f"firewall-{short_hash(self._policy, 40)}") as lock:
            if lock is None:
                return Sync(result=SyncResult.BUSY)
            return await self._sync_while_held(lock)

    async def _is_satisfied(self, request: SyncRequest) -> bool:
        last = await self._state.last_sync(self._policy)
        return last is not None and request.requested_at + CLOCK_SKEW <= last.read_at

    async def _sync_while_held(self, lock: Lock) -> Sync:
        """Write until the registry has not changed since it was read: what arrives meanwhile is one more write."""
        writes = 0
        while True:
            wrote, target = await try_again(lambda: self._write_once(lock), clock=self._clock, seconds=TIME_BOX_SECONDS)
            writes += wrote
            await self._remember(target)
            if not await self._changed_since(target.read_at):
                result = SyncResult.WRITTEN if writes else SyncResult.UNCHANGED
                if not target.difference.empty and not wrote:
                    result = SyncResult.REPORTED
                return Sync(result=result, writes=writes, difference=target.difference)

    async def _write_once(self, lock: Lock) -> tuple[bool, _Target]:
        target = await self._target()
        state = str(((target.live or {}).get("properties") or {}).get("provisioningState") or "Succeeded").lower()
        if state in ("updating", "deleting"):
            raise TemporaryError("The rule collection group is being updated.", resource=str(self._group))
        if target.difference.empty and state == "succeeded":
            return False, target
        if self._settings.mode_of(Rule.API_RULES) is Mode.REPORT:
            tell(log, "firewall differs, mode is report", difference=str(target.difference))
            return False, target
        self._check_deletions(target.difference)
        if target.live is not None:
            reason = str(target.difference)
            await self._state.keep(self._group, target.live, at=self._clock.now(), reason=reason)
        lock.still_held()
        await self._put(target)
        return True, target

    async def _target(self) -> _Target:
        read_at = self._clock.now()
        hub, rows, live = await asyncio.gather(
            self._observer.hub(), self._registry.all(), self._reader.rule_collection_group(self._group)
        )
        require_dedicated(live, self._group)
        retention = timedelta(hours=self._settings.stopped_rule_retention_hours)
        kept = [row.api_server for row in rows if keeps_rule(row.api_server, now=read_at, retention=retention)]
        monitoring = [prefix for vnet in hub.monitoring for prefix in vnet.address_space]
        sources = sorted(self._settings.api_client_cidrs or monitoring)
        rules = api_server_rules(kept, sources)
        rules += await self._unregistered_but_alive(live, [row.api_server for row in rows])
        body = wanted_group(
            live,
            sorted(rules, key=lambda rule: str(rule["name"])),
            priority=self._settings.firewall_rule_collection_group_priority,
        )
        return _Target(read_at=read_at, live=live, body=body, difference=difference(live, body), rules=len(rules))

    async def _unregistered_but_alive(self, live: Wire | None, known: list[ApiServer]) -> list[Wire]:
        """Live rules of clusters that the registry does not know but Resource Manager does.

        After a lost or new storage account the registry is empty; that must not close every cluster's door.
        """
        registered = {api_server.cluster for api_server in known}
        strangers = {}
        for rule in rules_of(live):
            cluster = cluster_of_rule(rule)
            if cluster and cluster not in registered:
                strangers[cluster] = rule
        alive = await asyncio.gather(*(self._is_alive(cluster) for cluster in strangers))
        return [rule for rule, is_alive in zip(strangers.values(), alive, strict=True) if is_alive]

    async def _is_alive(self, cluster: ResourceId) -> bool:
        if await self._reader.cluster(cluster) is not None:
            return True
        return not await self._reader.is_confirmed_gone(cluster)

    def _check_deletions(self, found: Difference) -> None:
        cap = self._settings.max_deletions_per_run
        if len(found.removed) > cap:
            raise UnsafePlan(
                f"The sync would remove {len(found.removed)} rules, MAX_DELETIONS_PER_RUN allows {cap}; "
                "nothing was written.",
                code=Code.PLAN_TOO_LARGE,
                resource=str(self._group),
                fix="Check that these clusters are really gone, then raise MAX_DELETIONS_PER_RUN for a while.",
            )

    async def _put(self, target: _Target) -> None:
        operations = self._clients.network(self._group.subscription_id).firewall_policy_rule_collection_groups
        etag = (target.live or {}).get("etag")
        # Whether Azure honours If-Match here is not documented: it is sent, and nothing relies on it.
        headers = {"If-Match": str(etag)} if etag else {}
        body: Any = target.body
        tell(log, "writing the firewall", resource=str(self._group), difference=str(target.difference))
        with azure_errors(self._group):
            poller = await operations.begin_create_or_update(
                self._group.resource_group, self._policy.name, self._group.name, body, headers=headers
            )
            await poller.result()

    async def _remember(self, target: _Target) -> None:
        await self._state.completed(
            self._policy,
            SyncState(
                read_at=target.read_at,
                completed_at=self._clock.now(),
                digest=body_digest(target.body),
                rules=target.rules,
            ),
        )

    async def _changed_since(self, read_at: datetime) -> bool:
        # Only rows written after the read count; a removed row comes with a request of its own.
        return any(row.changed_at >= read_at for row in await self._registry.all())
