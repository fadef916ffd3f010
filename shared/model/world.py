"""The observed world as frozen values: what Azure answered, reduced to what decisions need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network

from shared.model.azure_types import DEFAULT_ROUTE_PREFIX
from shared.model.resource_id import ResourceId

OWNER_TAG = "managedBy"
OWNER = "aks-hublink"


def is_ours(tags: Mapping[str, str]) -> bool:
    """Whether tags carry our mark."""
    return any(name.lower() == OWNER_TAG.lower() and value == OWNER for name, value in tags.items())


@dataclass(frozen=True, kw_only=True)
class AgentPool:
    """A node pool and the subnets it uses; None when AKS manages the VNet or pods share the node subnet."""

    name: str
    node_subnet: ResourceId | None = None
    pod_subnet: ResourceId | None = None


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A managed cluster. `private_fqdn` is missing while a cluster is stopped and for zone mode `none`.

    `identity` is the object id of the control plane's managed identity; empty for a service principal, of which Azure
    tells the client id only.
    """

    id: ResourceId
    location: str
    provisioning_state: str
    power_state: str
    node_resource_group: str
    node_group_locked: bool
    private: bool
    vnet_integration: bool
    zone_mode: str
    zone_id: ResourceId | None
    private_fqdn: str | None
    fqdn: str | None
    outbound_type: str
    network_plugin: str
    api_server_subnet: ResourceId | None
    pools: tuple[AgentPool, ...]
    identity: str = ""

    @property
    def node_group(self) -> ResourceId:
        """The node resource group, where AKS keeps zone, endpoint and nodes."""
        return ResourceId(self.id.subscription_id, self.node_resource_group)

    @property
    def running(self) -> bool:
        """Whether the API server should answer."""
        return self.power_state.lower() == "running"

    @property
    def being_changed(self) -> bool:
        """Whether AKS works on the cluster right now, so that its VNet should be left alone."""
        return self.provisioning_state.lower() not in ("succeeded", "failed", "canceled")

    @property
    def subnets(self) -> tuple[ResourceId, ...]:
        """Node and pod subnets, each once, in id order."""
        found = {subnet for pool in self.pools for subnet in (pool.node_subnet, pool.pod_subnet) if subnet}
        return tuple(sorted(found))

    @property
    def vnets(self) -> frozenset[ResourceId]:
        """The VNets that nodes, pods and API server live in."""
        subnets = [*self.subnets, *([self.api_server_subnet] if self.api_server_subnet else [])]
        return frozenset(subnet.parent for subnet in subnets)


@dataclass(frozen=True, kw_only=True)
class Link:
    """A virtual network link of a private DNS zone. `registers`: the VNet's machines get records in the zone."""

    id: ResourceId
    vnet: ResourceId
    provisioning_state: str
    link_state: str
    ours: bool
    registers: bool = False

    @property
    def healthy(self) -> bool:
        """Linked for good: both states say so."""
        return self.provisioning_state.lower() == "succeeded" and self.link_state.lower() == "completed"

    @property
    def broken(self) -> bool:
        """Ended badly; a repeated PUT mends it."""
        return self.provisioning_state.lower() in ("failed", "canceled")


@dataclass(frozen=True, kw_only=True)
class Zone:
    """A private DNS zone with its links and the A records that were read (by record name, in lower case)."""

    id: ResourceId
    links: tuple[Link, ...] = ()
    records: Mapping[str, tuple[IPv4Address, ...]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The DNS name of the zone."""
        return self.id.name.lower()

    def link_to(self, vnet: ResourceId) -> Link | None:
        """The link to a VNet; Azure allows one."""
        return next((link for link in self.links if link.vnet == vnet), None)


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """The API server's address as its private endpoint or internal load balancer has it, and the subnet it is in."""

    id: ResourceId
    address: IPv4Address
    subnet: ResourceId | None = None


@dataclass(frozen=True, kw_only=True)
class Subnet:
    """A subnet, its route table and its security group.

    `endpoint_policies` says which of the two hold for private endpoints in it: `Disabled` (neither), `Enabled`,
    `NetworkSecurityGroupEnabled` or `RouteTableEnabled`.
    """

    id: ResourceId
    prefixes: tuple[IPv4Network, ...]
    route_table: ResourceId | None
    delegations: tuple[str, ...] = ()
    provisioning_state: str = "Succeeded"
    security_group: ResourceId | None = None
    endpoint_policies: str = "Disabled"


@dataclass(frozen=True, kw_only=True)
class Peering:
    """One side of a VNet peering. `remote_space`: the remote prefixes it routes to, as of its last sync."""

    name: str
    remote_vnet: ResourceId
    state: str
    sync_level: str = ""
    allows_access: bool = True
    allows_forwarded_traffic: bool = False
    remote_space: tuple[IPv4Network, ...] = ()
    complete_vnets: bool = True
    uses_remote_gateways: bool = False

    @property
    def connected(self) -> bool:
        """Whether both sides exist and traffic is allowed."""
        return self.state.lower() == "connected" and self.allows_access


@dataclass(frozen=True, kw_only=True)
class VirtualNetwork:
    """A VNet with its subnets and peerings."""

    id: ResourceId
    location: str
    address_space: tuple[IPv4Network, ...]
    dns_servers: tuple[str, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    peerings: tuple[Peering, ...] = ()
    provisioning_state: str = "Succeeded"

    @property
    def updating(self) -> bool:
        """Whether Azure works on the VNet right now; AKS and we should not write then."""
        return self.provisioning_state.lower() == "updating"

    def holds(self, address: IPv4Address) -> bool:
        """Whether an address lies in this VNet."""
        return any(address in prefix for prefix in self.address_space)

    def peering_to(self, vnet: ResourceId) -> Peering | None:
        """Our side of the peering with another VNet."""
        return self._peerings_by_remote.get(vnet)

    @cached_property
    def _peerings_by_remote(self) -> Mapping[ResourceId, Peering]:
        # An index, because a hub has hundreds and every cluster asks; Azure allows one peering with a VNet.
        return {peering.remote_vnet: peering for peering in reversed(self.peerings)}

    def subnet(self, subnet_id: ResourceId) -> Subnet | None:
        """One of its subnets."""
        return next((subnet for subnet in self.subnets if subnet.id == subnet_id), None)


@dataclass(frozen=True, kw_only=True)
class Route:
    """A user-defined route."""

    name: str
    prefix: str
    next_hop_type: str
    next_hop_address: str | None = None
    provisioning_state: str = "Succeeded"

    @property
    def failed(self) -> bool:
        """Whether its last write failed; it holds nowhere then, and a repeated PUT mends it."""
        return self.provisioning_state.lower() == "failed"

    @property
    def is_default(self) -> bool:
        """Whether this is the route for everything else."""
        return self.prefix == DEFAULT_ROUTE_PREFIX


@dataclass(frozen=True, kw_only=True)
class RouteTable:
    """A route table. `gateway_routes`, `peering_routes`: whether its subnets take routes learned from there, too."""

    id: ResourceId
    location: str
    ours: bool
    routes: tuple[Route, ...] = ()
    subnets: tuple[ResourceId, ...] = ()
    gateway_routes: bool = True
    peering_routes: bool = True
    provisioning_state: str = "Succeeded"

    @property
    def failed(self) -> bool:
        """Whether its last write failed; no subnet can take it then, and a repeated PUT mends it."""
        return self.provisioning_state.lower() == "failed"

    @property
    def default_route(self) -> Route | None:
        """The route for 0.0.0.0/0; Azure refuses two of one prefix."""
        return next((route for route in self.routes if route.is_default), None)


@dataclass(frozen=True, kw_only=True)
class ApiServer:
    """What was verified about a cluster's API server: a row of the registry.

    `address` is None while the cluster is known but has no verified address. `stopped_at` is set while it is stopped.
    """

    cluster: ResourceId
    address: IPv4Address | None
    zone: ResourceId | None = None
    subnets: tuple[ResourceId, ...] = ()
    outbound_type: str = ""
    stopped_at: datetime | None = None

    def says_the_same(self, other: ApiServer | None) -> bool:
        """Whether another row says the same, apart from when the cluster was stopped."""
        return other is not None and self._facts == other._facts

    def has_outlived(self, retention: timedelta, at: datetime) -> bool:
        """Whether the cluster has been stopped for so long that its rule is gone; no retention keeps it for ever."""
        return bool(retention) and self.stopped_at is not None and at - self.stopped_at >= retention

    @property
    def _facts(self) -> tuple[object, ...]:
        stopped = self.stopped_at is not None
        return (self.cluster, self.address, self.zone, frozenset(self.subnets), self.outbound_type, stopped)


@dataclass(frozen=True, kw_only=True)
class ObservedCluster:
    """A cluster with its zone (None when it has none or it is not there yet) and its endpoint (None likewise)."""

    cluster: Cluster
    zone: Zone | None = None
    endpoint: Endpoint | None = None
    registered: ApiServer | None = None


@dataclass(frozen=True, kw_only=True)
class Hub:
    """The hub: its VNet, the monitoring VNets, and the firewall's private address (None: not known)."""

    vnet: VirtualNetwork
    monitoring: tuple[VirtualNetwork, ...]
    firewall_address: IPv4Address | None

    @property
    def link_targets(self) -> tuple[ResourceId, ...]:
        """The VNets every zone is linked to: hub first."""
        targets = dict.fromkeys((self.vnet.id, *(vnet.id for vnet in self.monitoring)))
        return tuple(targets)

    def is_monitoring(self, vnet: ResourceId) -> bool:
        """Whether this is one of the monitoring VNets."""
        return any(item.id == vnet for item in self.monitoring)


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything that was read for one scope.

    `clusters`: the clusters to keep reachable. `stray_zones`: zones in scope that belong to no cluster.
    `vnets`: by key, the VNets whose subnets are in scope or that clusters live in. `subnets_in_scope`: those whose
    routes are to be kept right. `neighbours`: every known cluster on those VNets, for judging their subnets.
    `gone`: clusters in scope that are confirmed gone. `retired`: registry rows of such. `all_registered`: the whole
    registry. `observed_at`: when all this was read, in UTC; None when that does not matter.
    """

    hub: Hub
    clusters: tuple[ObservedCluster, ...] = ()
    stray_zones: tuple[Zone, ...] = ()
    vnets: Mapping[ResourceId, VirtualNetwork] = field(default_factory=dict)
    subnets_in_scope: tuple[ResourceId, ...] = ()
    neighbours: tuple[Cluster, ...] = ()
    route_tables: Mapping[ResourceId, RouteTable] = field(default_factory=dict)
    gone: tuple[ResourceId, ...] = ()
    retired: tuple[ApiServer, ...] = ()
    retired_zones: tuple[Zone, ...] = ()
    all_registered: tuple[ApiServer, ...] = ()
    observed_at: datetime | None = field(default=None, compare=False)

    def still_has_rule(self, row: ApiServer, retention: timedelta) -> bool:
        """Whether the rule of a stopped cluster stands; without a time only when it stands for ever."""
        return not retention or (self.observed_at is not None and not row.has_outlived(retention, self.observed_at))

    def vnet_of(self, subnet: ResourceId) -> VirtualNetwork | None:
        """The VNet of a subnet, if it was read."""
        return self.vnets.get(subnet.parent)

    def clusters_on(self, subnet: ResourceId) -> Iterator[Cluster]:
        """Every known cluster that has nodes or pods in a subnet, in id order."""
        return iter(self._clusters_by_place.get(subnet, ()))

    def clusters_in(self, vnet: ResourceId) -> Iterator[Cluster]:
        """Every known cluster that lives in a VNet, in id order."""
        return iter(self._clusters_by_place.get(vnet, ()))

    def is_managed_by_aks(self, vnet: ResourceId) -> bool:
        """Whether a VNet lies in the node resource group of a known cluster: AKS made it and looks after it."""
        return vnet.group in self._node_groups

    @cached_property
    def known_clusters(self) -> tuple[Cluster, ...]:
        """Every cluster that was read, each once, in id order."""
        known = {cluster.id: cluster for cluster in (*self.neighbours, *(item.cluster for item in self.clusters))}
        return tuple(sorted(known.values(), key=lambda cluster: cluster.id))

    @cached_property
    def _clusters_by_place(self) -> Mapping[ResourceId, list[Cluster]]:
        # An index by subnet and VNet: a fleet has thousands of both, and every subnet asks.
        found: dict[ResourceId, list[Cluster]] = {}
        for cluster in self.known_clusters:
            for place in (*cluster.subnets, *cluster.vnets):
                found.setdefault(place, []).append(cluster)
        return found

    @cached_property
    def _node_groups(self) -> frozenset[ResourceId]:
        return frozenset(cluster.node_group for cluster in self.known_clusters)

    def table_of(self, subnet: Subnet) -> RouteTable | None:
        """The route table of a subnet, if it has one and it was read."""
        return self.route_tables.get(subnet.route_table) if subnet.route_table else None
