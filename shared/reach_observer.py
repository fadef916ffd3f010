"""Observing for an analysis of reachability: everything around one cluster and the subnets that are to reach it.

Costs about 25 reads for a cluster and one source VNet, by Resource Manager only, plus one for each IP group of the
firewall policy and three for each further zone whose name covers the cluster's. What the app may not read is left out
and named in the world, so that the analysis can say what it assumes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from shared.errors import NotReady, PermanentError
from shared.firewall.effective import read_effective
from shared.model.azure_types import PLATFORM_SUBNETS
from shared.model.resource_id import ResourceId
from shared.model.security_groups import SecurityGroup
from shared.model.world import Cluster, Endpoint, ObservedCluster, RouteTable, Subnet, VirtualNetwork, Zone
from shared.observe import parse
from shared.observe.reader import Reader
from shared.reachability.world import Firewall, ReachabilityWorld
from shared.settings import Settings

T = TypeVar("T")
MOST_ZONES = 20
"""Zones whose names cover the cluster's that are read; more than a few is an attack or a mistake."""


@dataclass(frozen=True, kw_only=True)
class _Base:
    """What is read whatever the cluster."""

    firewall: Firewall
    vnets: dict[ResourceId, VirtualNetwork]


class ReachabilityObserver:
    """Reads what an analysis needs; writes nothing.

    One observer is one look: what several clusters share, the firewall above all, it reads once. A new look takes a
    new observer.
    """

    def __init__(self, reader: Reader, settings: Settings) -> None:
        self._reader = reader
        self._settings = settings
        self._reads: dict[tuple[str, object], asyncio.Future[Any]] = {}

    async def sources(self) -> tuple[ResourceId, ...]:
        """The subnets that must reach every API server: those of the monitoring VNets but Azure's own.

        Raises:
            NotReady: a monitoring VNet does not exist.
        """
        vnets = await asyncio.gather(*(self._required(vnet) for vnet in self._settings.monitoring_vnet_ids))
        return sources_in(vnets)

    async def observe(self, cluster_id: ResourceId, sources: Iterable[ResourceId]) -> ReachabilityWorld | None:
        """Read the world around a cluster and the subnets that are to reach it; None when there is no such cluster.

        Raises:
            NotReady: the hub's VNet does not exist.
            PermanentError: the app may not read the cluster or the hub's VNet.
            TemporaryError: Azure does not answer.
        """
        cluster = await self._reader.cluster(cluster_id)
        if cluster is None:
            return None
        reading = _Reading(self._reader)
        wanted = {*(source.parent for source in sources), *cluster.vnets}
        base, found = await asyncio.gather(self._base(reading, wanted), self._around(reading, cluster))
        observed, zones, searched = found
        subnets = [*sources, *_path_subnets(observed, base.firewall)]
        known = [_subnet(base.vnets, subnet) for subnet in dict.fromkeys(subnets)]
        tables, groups = await reading.attached([subnet for subnet in known if subnet])
        return ReachabilityWorld(
            firewall=base.firewall,
            clusters={cluster.id: observed},
            vnets=base.vnets,
            route_tables=tables,
            security_groups=groups,
            zones=zones,
            unread=frozenset(reading.unread),
            zones_searched=searched,
        )

    async def _required(self, vnet: ResourceId) -> VirtualNetwork:
        found = await self._vnet(vnet)
        if found is None:
            raise NotReady("The VNet does not exist.", resource=str(vnet), fix="Correct the setting that names it.")
        return found

    async def _vnet(self, vnet: ResourceId) -> VirtualNetwork | None:
        return await self._once(("vnet", vnet), lambda: self._reader.virtual_network(vnet))

    async def _once(self, key: tuple[str, object], read: Callable[[], Awaitable[T]]) -> T:
        """Read what others may have read already in this look."""
        if key not in self._reads:
            self._reads[key] = asyncio.ensure_future(read())
        # Shielded: one who gives up must not take the read away from the others.
        found: T = await asyncio.shield(self._reads[key])
        return found

    async def _base(self, reading: _Reading, wanted: set[ResourceId]) -> _Base:
        hub, (firewall, unread) = await asyncio.gather(
            self._required(self._settings.hub_vnet_id), self._once(("firewall", ""), self._firewall_behind)
        )
        reading.unread |= unread
        wanted = {*wanted, firewall.vnet} - {hub.id}
        others = await asyncio.gather(*(reading.one(vnet, self._vnet(vnet)) for vnet in wanted))
        return _Base(firewall=firewall, vnets={hub.id: hub, **{vnet.id: vnet for vnet in others if vnet}})

    async def firewall(self) -> Firewall:
        """The firewall behind the policy, with its effective rules.

        Raises:
            TemporaryError: Azure does not answer.
        """
        found, _ = await self._once(("firewall", ""), self._firewall_behind)
        return found

    async def _firewall_behind(self) -> tuple[Firewall, frozenset[ResourceId]]:
        """The firewall, and what of it could not be read."""
        reading = _Reading(self._reader)
        found = await self._read_firewall(reading, self._settings.firewall_policy_id)
        return found, frozenset(reading.unread)

    async def _read_firewall(self, reading: _Reading, policy_id: ResourceId) -> Firewall:
        address = self._settings.firewall_private_ip
        wire = await reading.one(policy_id, self._reader.firewall_policy(policy_id))
        if wire is None:
            return Firewall(address=address, policy_id=policy_id, vnet=self._settings.hub_vnet_id)
        effective, body = await asyncio.gather(
            read_effective(self._reader, policy_id, wire), self._firewall_of(reading, wire)
        )
        own = parse.private_address(body) if body else None
        subnet = parse.frontend_subnet(body) if body else None
        is_azure_firewall = address is None or address == own
        return Firewall(
            address=address or own,
            policy_id=policy_id,
            policy=effective.policy,
            vnet=subnet.parent if subnet and is_azure_firewall else self._settings.hub_vnet_id,
            subnet=subnet if is_azure_firewall else None,
            policy_state=str(parse.properties(wire).get("provisioningState") or "Succeeded"),
            ip_groups=effective.ip_groups,
            is_azure_firewall=is_azure_firewall,
        )

    async def _firewall_of(self, reading: _Reading, policy: dict[str, Any]) -> dict[str, Any] | None:
        named = parse.properties(policy).get("firewalls")
        firewall = parse.reference(named[0]) if named else None
        return await reading.one(firewall, self._reader.firewall(firewall)) if firewall else None

    async def _around(
        self, reading: _Reading, cluster: Cluster
    ) -> tuple[ObservedCluster, tuple[Zone, ...], tuple[str, ...]]:
        candidates, endpoint = await asyncio.gather(
            self._zones(reading, cluster), reading.one(cluster.node_group, self._endpoint(cluster))
        )
        zones, searched = candidates
        observed = ObservedCluster(cluster=cluster, zone=_own_zone(cluster, zones), endpoint=endpoint)
        return observed, zones, searched

    async def _endpoint(self, cluster: Cluster) -> Endpoint | None:
        return await self._reader.endpoint(cluster)

    async def _zones(self, reading: _Reading, cluster: Cluster) -> tuple[tuple[Zone, ...], tuple[str, ...]]:
        """The zones that could answer for the cluster's names, and the subscriptions they were looked for in."""
        hosts = [name.lower() for name in (cluster.private_fqdn, cluster.fqdn) if name]
        near = (cluster.id, self._settings.hub_vnet_id, *self._settings.monitoring_vnet_ids)
        places = {place.subscription_id.lower(): place for place in reversed(near)}
        lists = await asyncio.gather(
            *(reading.one(place.group, self._zones_of_subscription(place)) for place in places.values())
        )
        searched = tuple(sorted(name for name, found in zip(places, lists, strict=True) if found is not None))
        listed = [zone for found in lists for zone in found or ()]
        if cluster.zone_mode != "none" and cluster.id.subscription_id.lower() not in searched:
            listed += await reading.one(cluster.node_group, self._reader.zones_of_group(cluster.node_group)) or []
        named = [*([cluster.zone_id] if cluster.zone_id else []), *self._settings.trusted_zone_ids, *sorted(listed)]
        wanted = [zone for zone in dict.fromkeys(named) if any(_covers(zone, host) for host in hosts)]
        read = await asyncio.gather(*(reading.one(zone, self._reader.zone(zone)) for zone in wanted[:MOST_ZONES]))
        return tuple(zone for zone in read if zone), searched

    async def _zones_of_subscription(self, place: ResourceId) -> list[ResourceId]:
        key = ("zones", place.subscription_id.lower())
        return await self._once(key, lambda: self._reader.zones_of_subscription(place))


class _Reading:
    """Reads that may be forbidden: what was is remembered and answered as None."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.unread: set[ResourceId] = set()

    async def one(self, resource: ResourceId, read: Awaitable[T | None]) -> T | None:
        try:
            return await read
        except PermanentError:
            self.unread.add(resource)
            return None

    async def attached(
        self, subnets: list[Subnet]
    ) -> tuple[dict[ResourceId, RouteTable], dict[ResourceId, SecurityGroup]]:
        """Route tables and security groups of subnets."""
        table_ids = {subnet.route_table for subnet in subnets if subnet.route_table}
        group_ids = {subnet.security_group for subnet in subnets if subnet.security_group}
        tables, groups = await asyncio.gather(
            asyncio.gather(*(self.one(table, self._reader.route_table(table)) for table in sorted(table_ids))),
            asyncio.gather(*(self.one(group, self._reader.security_group(group)) for group in sorted(group_ids))),
        )
        return {table.id: table for table in tables if table}, {group.id: group for group in groups if group}


def sources_in(vnets: Iterable[VirtualNetwork]) -> tuple[ResourceId, ...]:
    """The subnets of VNets that machines of people can be in, in id order."""
    return tuple(sorted(subnet.id for vnet in vnets for subnet in vnet.subnets if is_source(subnet)))


def is_source(subnet: Subnet) -> bool:
    """Whether machines of people can be in a subnet: not in those of Azure's own appliances."""
    return subnet.id.name.lower() not in PLATFORM_SUBNETS


def _covers(zone: ResourceId, host: str) -> bool:
    name = zone.name.lower()
    return host == name or host.endswith(f".{name}")


def _own_zone(cluster: Cluster, zones: tuple[Zone, ...]) -> Zone | None:
    """The zone that AKS writes the record to: the owner's, or the longest match in the node resource group."""
    if cluster.zone_id is not None:
        return next((zone for zone in zones if zone.id == cluster.zone_id), None)
    if cluster.zone_mode == "none":
        return None
    found = [zone for zone in zones if zone.id.group == cluster.node_group]
    return max(found, key=lambda zone: len(zone.name), default=None)


def _path_subnets(observed: ObservedCluster, firewall: Firewall) -> list[ResourceId]:
    ends = [observed.endpoint.subnet if observed.endpoint else None, firewall.subnet]
    return [subnet for subnet in ends if subnet]


def _subnet(vnets: dict[ResourceId, VirtualNetwork], subnet: ResourceId) -> Subnet | None:
    vnet = vnets.get(subnet.parent)
    return vnet.subnet(subnet) if vnet else None
