"""Observing one scope: from a place to look at to a world to plan for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import IPv4Address

from shared.clock import Clock
from shared.errors import InvalidResourceId, NotReady
from shared.model.resource_id import ResourceId
from shared.model.scope import Scope, ScopeKind
from shared.model.world import ApiServer, Cluster, Hub, ObservedCluster, RouteTable, VirtualNetwork, World, Zone
from shared.observe.reader import Reader
from shared.settings import Settings
from shared.storage.registry import Registry, RegistryRow

HUB_CACHE = timedelta(seconds=15)
"""Hub facts are shared by bursts of events; a scope that is the hub's business reads them afresh."""


@dataclass(frozen=True)
class _CachedHub:
    hub: Hub
    read_at: datetime


class Observer:
    """Reads what a scope needs. Costs about a dozen reads for a cluster, none of them a write."""

    def __init__(self, reader: Reader, registry: Registry, settings: Settings, clock: Clock) -> None:
        self._reader = reader
        self._registry = registry
        self._settings = settings
        self._clock = clock
        self._hub: _CachedHub | None = None

    async def observe(self, scope: Scope) -> World:
        """Read the world around a scope."""
        return replace(await self._observe(scope), observed_at=self._clock.now())

    async def _observe(self, scope: Scope) -> World:
        match scope.kind:
            case ScopeKind.CLUSTER:
                return await self._cluster_scope(scope.resource)
            case ScopeKind.ZONE:
                return await self._zone_scope(scope.resource)
            case ScopeKind.VIRTUAL_NETWORK:
                return await self._vnet_scope(scope.resource)
            case ScopeKind.ROUTE_TABLE:
                return await self._route_table_scope(scope.resource)
            case ScopeKind.FIREWALL_POLICY:
                # The firewall writer reads the policy itself; the loop only asks it to.
                return World(hub=await self.hub())

    async def hub(self, *, fresh: bool = False) -> Hub:
        """Hub VNet, monitoring VNets and the firewall's address. Raises NotReady when a VNet does not exist."""
        cached, now = self._hub, self._clock.now()
        age = timedelta(seconds=self._clock.scaled(HUB_CACHE.total_seconds()))
        if cached and not fresh and now - cached.read_at < age:
            return cached.hub
        wanted = (self._settings.hub_vnet_id, *self._settings.monitoring_vnet_ids)
        address, (vnet, *monitoring) = await asyncio.gather(
            self._firewall_address(), asyncio.gather(*(self._required_vnet(vnet) for vnet in wanted))
        )
        hub = Hub(vnet=vnet, monitoring=tuple(monitoring), firewall_address=address)
        self._hub = _CachedHub(hub, now)
        return hub

    async def _firewall_address(self) -> IPv4Address | None:
        if self._settings.firewall_private_ip:
            return self._settings.firewall_private_ip
        return await self._reader.firewall_address(self._settings.firewall_policy_id)

    async def _required_vnet(self, vnet: ResourceId) -> VirtualNetwork:
        found = await self._reader.virtual_network(vnet)
        if found is None:
            raise NotReady("The VNet does not exist.", resource=str(vnet), fix="Correct the setting that names it.")
        return found

    async def _cluster_scope(self, cluster_id: ResourceId) -> World:
        row, cluster = await asyncio.gather(self._registry.get(cluster_id), self._reader.cluster(cluster_id))
        registered = row.api_server if row else None
        if cluster is None:
            return await self._gone(cluster_id, registered)
        if not (cluster.private or cluster.vnet_integration):
            return World(hub=await self.hub())
        hub, observed = await asyncio.gather(self.hub(), self._observed(cluster, registered))
        world = World(hub=hub, clusters=(observed,))
        return await self._with_networks(world, cluster.subnets, cluster.vnets)

    async def _observed(self, cluster: Cluster, registered: ApiServer | None) -> ObservedCluster:
        zone, endpoint = await asyncio.gather(self._zone_of(cluster), self._reader.endpoint(cluster))
        return ObservedCluster(cluster=cluster, zone=zone, endpoint=endpoint, registered=registered)

    async def _gone(self, cluster_id: ResourceId, registered: ApiServer | None) -> World:
        hub, gone = await asyncio.gather(self.hub(), self._reader.is_confirmed_gone(cluster_id))
        if not gone:
            raise NotReady(
                "Azure lists the cluster and does not find it; one of the two lags.", resource=str(cluster_id)
            )
        if registered is None:
            return World(hub=hub, gone=(cluster_id,))
        rows = [row.api_server for row in await self._registry.all()]
        zones: list[Zone] = []
        if registered.zone in self._settings.trusted_zone_ids and registered.zone is not None:
            zone = await self._reader.zone(registered.zone)
            zones = [zone] if zone else []
        return World(
            hub=hub,
            gone=(cluster_id,),
            retired=(registered,),
            retired_zones=tuple(zones),
            all_registered=tuple(rows),
        )

    async def _zone_of(self, cluster: Cluster) -> Zone | None:
        """The bring-your-own zone, or the zone in the node resource group with the longest matching suffix."""
        if cluster.zone_id is not None:
            trusted = cluster.zone_id in self._settings.trusted_zone_ids
            return await self._reader.zone(cluster.zone_id) if trusted else Zone(id=cluster.zone_id)
        if cluster.zone_mode == "none" or not cluster.private_fqdn:
            return None
        fqdn = cluster.private_fqdn.lower()
        candidates = [
            zone
            for zone in await self._reader.zones_of_group(cluster.node_group)
            if fqdn.endswith(f".{zone.name.lower()}")
        ]
        longest = max(candidates, key=lambda zone: len(zone.name), default=None)
        return await self._reader.zone(longest) if longest else None

    async def _zone_scope(self, zone_id: ResourceId) -> World:
        if zone_id in self._settings.trusted_zone_ids:
            return await self._trusted_zone(zone_id)
        owner = await self._owning_cluster(zone_id)
        if owner is not None:
            world = await self._cluster_scope(owner)
            if any(_is_zone_of(item, zone_id) for item in world.clusters):
                return world
        zone = await self._reader.zone(zone_id)
        return World(hub=await self.hub(), stray_zones=(zone,) if zone else ())

    async def _owning_cluster(self, zone_id: ResourceId) -> ResourceId | None:
        try:
            return await self._reader.owner_of_group(zone_id.group)
        except InvalidResourceId:
            return None

    async def _trusted_zone(self, zone_id: ResourceId) -> World:
        zone, rows = await asyncio.gather(self._reader.zone(zone_id), self._registry.all())
        users = [row.api_server.cluster for row in rows if row.api_server.zone == zone_id]
        world = World(hub=await self.hub(), stray_zones=(zone,) if zone else ())
        for other in await asyncio.gather(*(self._cluster_scope(cluster) for cluster in users)):
            world = replace(
                world,
                clusters=world.clusters + other.clusters,
                vnets={**world.vnets, **other.vnets},
                route_tables={**world.route_tables, **other.route_tables},
                subnets_in_scope=tuple(sorted({*world.subnets_in_scope, *other.subnets_in_scope})),
            )
        return world

    async def _vnet_scope(self, vnet_id: ResourceId) -> World:
        hub = await self.hub(fresh=True)
        vnet = await self._reader.virtual_network(vnet_id)
        if vnet is None or vnet.id == hub.vnet.id:
            return World(hub=hub)
        rows = await self._registry.all()
        neighbours = await self._clusters_on(vnet, rows)
        # Clusters that no address could be verified for may have waited for this VNet, for its peering for example.
        known = {row.api_server.cluster for row in rows}
        waiting = [cluster for cluster in neighbours if cluster.id not in known and _is_settled(cluster)]
        observed = await asyncio.gather(*(self._observed(cluster, None) for cluster in waiting))
        vnets = {vnet.id, *(place for cluster in waiting for place in cluster.vnets)}
        registered = tuple(row.api_server for row in rows)
        world = World(hub=hub, clusters=tuple(observed), neighbours=neighbours, all_registered=registered)
        return await self._with_networks(world, [subnet.id for subnet in vnet.subnets], vnets)

    async def _clusters_on(self, vnet: VirtualNetwork, rows: list[RegistryRow]) -> tuple[Cluster, ...]:
        """Clusters with nodes in a VNet: those of its subscription, and registered ones of other subscriptions."""
        listed = await self._reader.clusters_of_subscription(vnet.id)
        elsewhere = [
            row.api_server.cluster
            for row in rows
            if row.api_server.cluster.subscription_id.lower() != vnet.id.subscription_id.lower()
            and any(subnet.parent == vnet.id for subnet in row.api_server.subnets)
        ]
        read = await asyncio.gather(*(self._reader.cluster(cluster) for cluster in elsewhere))
        found = [*listed, *(cluster for cluster in read if cluster)]
        # The cluster whose node resource group holds the VNet names no subnet: AKS made the VNet for it.
        return tuple(cluster for cluster in found if vnet.id in cluster.vnets or cluster.node_group == vnet.id.group)

    async def _route_table_scope(self, table_id: ResourceId) -> World:
        table = await self._reader.route_table(table_id)
        if table is None or not table.subnets:
            return World(hub=await self.hub())
        vnets = sorted({subnet.parent for subnet in table.subnets})
        worlds = [await self._vnet_scope(vnet) for vnet in vnets]
        merged = worlds[0]
        for other in worlds[1:]:
            merged = replace(
                merged,
                clusters=merged.clusters + other.clusters,
                vnets={**merged.vnets, **other.vnets},
                route_tables={**merged.route_tables, **other.route_tables},
                neighbours=merged.neighbours + other.neighbours,
            )
        return replace(merged, subnets_in_scope=table.subnets)

    async def _with_networks(self, world: World, subnets: Iterable[ResourceId], vnets: Iterable[ResourceId]) -> World:
        """Add the VNets, the clusters on them, and the route tables that a decision about the subnets needs."""
        wanted = sorted(set(vnets))
        read = await asyncio.gather(*(self._reader.virtual_network(vnet) for vnet in wanted))
        found = {vnet.id: vnet for vnet in read if vnet}
        in_scope = tuple(sorted(set(subnets)))
        neighbours = world.neighbours
        if world.clusters and not neighbours:
            rows = await self._registry.all()
            groups = await asyncio.gather(*(self._clusters_on(vnet, rows) for vnet in found.values()))
            neighbours = tuple(cluster for group in groups for cluster in group)
        tables = await self._tables(found, in_scope)
        return replace(world, vnets=found, subnets_in_scope=in_scope, neighbours=neighbours, route_tables=tables)

    async def _tables(
        self, vnets: dict[ResourceId, VirtualNetwork], subnets: tuple[ResourceId, ...]
    ) -> dict[ResourceId, RouteTable]:
        attached: set[ResourceId] = set()
        bare: set[ResourceId] = set()
        for subnet_id in subnets:
            vnet = vnets.get(subnet_id.parent)
            subnet = vnet.subnet(subnet_id) if vnet else None
            if subnet and subnet.route_table:
                attached.add(subnet.route_table)
            elif vnet and subnet:
                bare.add(vnet.id)
        per_subscription = {vnet.subscription_id.lower(): vnet for vnet in sorted(bare)}
        lists = await asyncio.gather(
            *(self._reader.route_tables_of_subscription(vnet) for vnet in per_subscription.values())
        )
        tables = {table.id: table for listed in lists for table in listed}
        missing = [table for table in sorted(attached) if table not in tables]
        for table in await asyncio.gather(*(self._reader.route_table(item) for item in missing)):
            if table:
                tables[table.id] = table
        return tables


def _is_zone_of(observed: ObservedCluster, zone_id: ResourceId) -> bool:
    """Whether a zone is a cluster's own; one in the node group of a stopped cluster cannot be told from its own."""
    if observed.zone is not None:
        return observed.zone.id == zone_id
    return not observed.cluster.running and observed.cluster.node_group == zone_id.group


def _is_settled(cluster: Cluster) -> bool:
    return cluster.private and cluster.running and cluster.provisioning_state.lower() == "succeeded"
