"""Our groups as they should be: read from the registry, the hub and the live groups."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Network

from shared.clock import Clock
from shared.errors import PermanentError, TemporaryError
from shared.firewall.addresses import EVERYWHERE, parse_addresses
from shared.firewall.desired import (
    COLLECTION_NAME,
    api_server_rules,
    cluster_of_rule,
    keeps_rule,
    rules_of,
    wanted_group,
)
from shared.firewall.egress import COLLECTION_NAMES, NETWORK_COLLECTION, egress_collections
from shared.firewall.group_body import Wire, build_group, collections_of, difference, require_dedicated
from shared.firewall.group_writer import Target
from shared.firewall.hold import OwnGroup
from shared.firewall.wire import parse_policy
from shared.model.resource_id import ResourceId
from shared.model.world import ApiServer, Hub
from shared.observe import parse
from shared.observe.observer import Observer
from shared.observe.reader import Reader
from shared.settings import Settings
from shared.storage.registry import Registry, RegistryRow

Prefixes = Mapping[ResourceId, tuple[IPv4Network, ...]]
PREFIXES_KEPT_SECONDS = 600.0
"""How long a subnet's prefixes are taken from memory; a subnet in use cannot change them."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What one read of the world says: the groups as they should be, and what that rests on.

    `registered` is the whole registry, `api_servers` are those of it that have a rule.
    """

    read_at: datetime
    hub: Hub
    registered: frozenset[ApiServer]
    api_servers: tuple[ApiServer, ...]
    sources: tuple[IPv4Network, ...]
    zones: int
    targets: tuple[Target, ...]
    subnets: Mapping[ResourceId, Sequence[IPv4Network]] = field(default_factory=dict)

    @property
    def api_target(self) -> Target:
        """The group with the API servers' rules."""
        return self.targets[0]


class Targets:
    """Reads snapshots. Costs the hub's reads and one for each group; more only where rules are about to go."""

    def __init__(
        self, *, reader: Reader, observer: Observer, registry: Registry, settings: Settings, clock: Clock
    ) -> None:
        self._reader = reader
        self._observer = observer
        self._registry = registry
        self._settings = settings
        self._clock = clock
        self._prefixes: dict[ResourceId, tuple[datetime, tuple[IPv4Network, ...]]] = {}
        policy = settings.firewall_policy_id
        self.api_group = policy.child("ruleCollectionGroups", settings.firewall_rule_collection_group)
        name = settings.firewall_egress_group
        self.egress_group = policy.child("ruleCollectionGroups", name) if name else None

    async def read(self, prefixes: Prefixes | None = None) -> Snapshot:
        """Read everything afresh.

        Args:
            prefixes: those of every subnet that is known; without them the clusters' VNets are read.

        Raises:
            UnsafePlan: a group that should be ours is somebody else's.
        """
        read_at = self._clock.now()
        hub, rows, live = await asyncio.gather(
            self._observer.hub(), self._registry.all(), self._reader.rule_collection_group(self.api_group)
        )
        retention = timedelta(hours=self._settings.stopped_rule_retention_hours)
        kept = [row.api_server for row in rows if keeps_rule(row.api_server, now=read_at, retention=retention)]
        monitoring = [prefix for vnet in hub.monitoring for prefix in vnet.address_space]
        sources = tuple(sorted(self._settings.api_client_cidrs or monitoring))
        targets = [await self._api_target(live, rows, kept, sources)]
        subnets = await self._subnets(kept, prefixes)
        if self.egress_group:
            targets.append(await self._egress_target(self.egress_group, subnets))
        return Snapshot(
            read_at=read_at,
            hub=hub,
            registered=frozenset(row.api_server for row in rows),
            api_servers=tuple(kept),
            sources=sources,
            zones=len({row.api_server.zone for row in rows if row.api_server.zone}),
            targets=tuple(targets),
            subnets={subnet: found for subnet, found in subnets.items() if found},
        )

    async def _api_target(
        self, live: Wire | None, rows: list[RegistryRow], kept: list[ApiServer], sources: Sequence[IPv4Network]
    ) -> Target:
        require_dedicated(live, self.api_group, [COLLECTION_NAME])
        rules = api_server_rules(kept, sources)
        rules += await self._unregistered_but_alive(live, [row.api_server for row in rows])
        rules.sort(key=lambda rule: str(rule["name"]))
        body = wanted_group(live, rules, priority=self._settings.firewall_rule_collection_group_priority)
        return Target(kind=OwnGroup.API, group=self.api_group, live=live, body=body, difference=difference(live, body))

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
        try:
            if await self._reader.cluster(cluster) is not None:
                return True
            return not await self._reader.is_confirmed_gone(cluster)
        except (PermanentError, TemporaryError):
            return True  # nobody could say that it is gone

    async def _egress_target(
        self, group: ResourceId, subnets: Mapping[ResourceId, tuple[IPv4Network, ...] | None]
    ) -> Target:
        live, proxy = await asyncio.gather(self._reader.rule_collection_group(group), self._dns_proxy())
        require_dedicated(live, group, COLLECTION_NAMES)
        if proxy is None:  # nobody can tell now: the rule that needs it stays as it is, there or not
            proxy = any(item.get("name") == NETWORK_COLLECTION for item in collections_of(live))
        prefixes = {prefix for found in subnets.values() for prefix in found or ()}
        if None in subnets.values():
            prefixes |= _live_sources(live)  # what cannot be read now is not taken away
        collections = egress_collections(sorted(prefixes), dns_proxy=proxy)
        body = build_group(live, collections, priority=self._settings.firewall_egress_group_priority)
        return Target(kind=OwnGroup.EGRESS, group=group, live=live, body=body, difference=difference(live, body))

    async def _dns_proxy(self) -> bool | None:
        """Whether the policy, or one it inherits from, answers DNS; None when one that may say so cannot be read."""
        policy: ResourceId | None = self._settings.firewall_policy_id
        seen: set[ResourceId] = set()
        while policy is not None and policy not in seen:
            seen.add(policy)
            try:
                wire = await self._reader.firewall_policy(policy)
            except PermanentError:
                wire = None
            if wire is None:
                return None
            if parse_policy(wire, ()).dns_proxy_enabled:
                return True
            policy = parse.reference(parse.properties(wire).get("basePolicy"))
        return False

    async def _subnets(
        self, api_servers: list[ApiServer], known: Prefixes | None
    ) -> dict[ResourceId, tuple[IPv4Network, ...] | None]:
        """The prefixes of the clusters' subnets; None for one that could not be read."""
        wanted = sorted({subnet for api_server in api_servers for subnet in api_server.subnets})
        if known is not None:
            return {item: known.get(item) for item in wanted}
        oldest = self._clock.now() - timedelta(seconds=self._clock.scaled(PREFIXES_KEPT_SECONDS))
        missing = [item for item in wanted if item not in self._prefixes or self._prefixes[item][0] < oldest]
        await asyncio.gather(*(self._read_prefixes(vnet) for vnet in sorted({item.parent for item in missing})))
        return {item: self._prefixes[item][1] if item in self._prefixes else None for item in wanted}

    async def _read_prefixes(self, vnet: ResourceId) -> None:
        try:
            found = await self._reader.virtual_network(vnet)
        except (PermanentError, TemporaryError):
            return  # one spoke that is forbidden or throttled must not keep the rules of all others from being written
        now = self._clock.now()
        for subnet in found.subnets if found else ():
            self._prefixes[subnet.id] = (now, subnet.prefixes)


def _live_sources(live: Wire | None) -> set[IPv4Network]:
    """The subnets that live rules name. Anything else, such as a range or a service tag, was written by somebody."""
    rules = [rule for collection in collections_of(live) for rule in collection.get("rules") or []]
    found = (parse_addresses(str(text)) for rule in rules for text in rule.get("sourceAddresses") or [])
    networks = [addresses.networks() for addresses in found if addresses and addresses != EVERYWHERE]
    return {only for only, *more in networks if not more}
