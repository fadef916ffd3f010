"""The world that an analysis looks at: what the model has, and the firewall's rules, security groups and zones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from shared.firewall.decision import RuleRef
from shared.firewall.evaluate import CompiledPolicy
from shared.firewall.policy import ApplicationRule, FirewallPolicy, IpGroup, NetworkRule
from shared.model.resource_id import ResourceId
from shared.model.security_groups import SecurityGroup
from shared.model.world import ObservedCluster, Peering, RouteTable, Subnet, VirtualNetwork, Zone

RESOLVER_DELEGATION = "microsoft.network/dnsresolvers"


@dataclass(frozen=True, kw_only=True)
class Firewall:
    """The next hop of the spokes.

    Attributes:
        address: its private address; None when it is not known.
        policy_id: the firewall policy that the app looks after.
        policy: the policy with its parents and rules; None when it could not be read.
        vnet: the VNet it sits in.
        subnet: the subnet it sits in, None when that is not known.
        policy_state: the policy's provisioning state, `Updating` while a change is being rolled out.
        ip_groups: the IP groups that the rules name, by id; those that could not be read are missing.
        is_azure_firewall: False for an appliance of another maker, whose rules are not known.
    """

    address: IPv4Address | None
    policy_id: ResourceId
    vnet: ResourceId
    policy: FirewallPolicy | None = None
    subnet: ResourceId | None = None
    policy_state: str = "Succeeded"
    ip_groups: Mapping[str, IpGroup] = field(default_factory=dict)
    is_azure_firewall: bool = True

    @cached_property
    def names_in_rules(self) -> frozenset[str]:
        """The FQDNs, in lower case, that network rules name; only these does the firewall resolve for them."""
        policies = self.policy.lineage() if self.policy else ()
        rules = (
            rule for each in policies for group in each.groups for found in group.collections for rule in found.rules
        )
        return frozenset(
            name.lower() for rule in rules if isinstance(rule, NetworkRule) for name in rule.destination_fqdns
        )

    def is_application_rule(self, ref: RuleRef | None) -> bool:
        """Whether a rule that decided is an application rule, for which the firewall uses its own address."""
        return (
            ref is not None and (ref.policy_id.lower(), ref.group, ref.collection, ref.rule) in self._application_rules
        )

    @cached_property
    def _application_rules(self) -> frozenset[tuple[str, str, str, str]]:
        policies = self.policy.lineage() if self.policy else ()
        return frozenset(
            (each.id.lower(), group.name, collection.name, rule.name)
            for each in policies
            for group in each.groups
            for collection in group.collections
            for rule in collection.rules
            if isinstance(rule, ApplicationRule)
        )

    @cached_property
    def compiled(self) -> dict[object, CompiledPolicy]:
        """Compiled rules by what they were compiled for: a fleet asks thousands of times for the same."""
        return {}


@dataclass(frozen=True, kw_only=True)
class ReachabilityWorld:
    """Everything that was read for an analysis.

    Attributes:
        firewall: the firewall in the hub.
        clusters: the clusters asked about, by id, with their zones and endpoints.
        vnets: hub, sources' and clusters' VNets by id; what is missing could not be read.
        route_tables: tables of the subnets on the way, by id.
        security_groups: security groups of the subnets on the way, by id.
        zones: every zone that was found to answer for the clusters' names, the clusters' own among them.
        unread: resources that exist but could not be read.
        zones_searched: the subscriptions whose zones were looked through for names that overlap.
    """

    firewall: Firewall
    clusters: Mapping[ResourceId, ObservedCluster]
    vnets: Mapping[ResourceId, VirtualNetwork]
    route_tables: Mapping[ResourceId, RouteTable] = field(default_factory=dict)
    security_groups: Mapping[ResourceId, SecurityGroup] = field(default_factory=dict)
    zones: tuple[Zone, ...] = ()
    unread: frozenset[ResourceId] = frozenset()
    zones_searched: tuple[str, ...] = ()

    @cached_property
    def routings(self) -> dict[object, Any]:
        """Effective routes by subnet: every name and every step asks for those of the hub, which has hundreds."""
        return {}

    def subnet(self, subnet_id: ResourceId | None) -> Subnet | None:
        """A subnet of one of the VNets."""
        vnet = self.vnets.get(subnet_id.parent) if subnet_id else None
        return vnet.subnet(subnet_id) if vnet and subnet_id else None

    def subnets(self) -> Iterator[Subnet]:
        """All subnets of all VNets."""
        return (subnet for vnet in self.vnets.values() for subnet in vnet.subnets)

    def remote_space(self, vnet: VirtualNetwork, remote: ResourceId) -> tuple[IPv4Network, ...]:
        """The prefixes that a VNet's peering leads to: the peered ones, or the remote's own when it does not say."""
        peering = vnet.peering_to(remote)
        if peering is None or not is_up(peering):
            return ()
        known = self.vnets.get(remote)
        return peering.remote_space or (known.address_space if known else ())

    def holder_of(self, address: IPv4Address, seen_from: VirtualNetwork) -> ResourceId | None:
        """The VNet that an address lies in: the one it is seen from, or one directly connected with it."""
        if seen_from.holds(address):
            return seen_from.id
        remotes = (peering.remote_vnet for peering in seen_from.peerings if is_up(peering))
        return next((remote for remote in remotes if _within(address, self.remote_space(seen_from, remote))), None)

    @cached_property
    def has_resolver(self) -> bool:
        """Whether a DNS Private Resolver is in one of the VNets: its endpoints have subnets delegated to them."""
        return any(_is_resolvers(subnet) for subnet in self.subnets())

    def is_resolver(self, vnet: ResourceId, address: IPv4Address) -> bool:
        """Whether an address in a VNet is an inbound endpoint of a DNS Private Resolver."""
        known = self.vnets.get(vnet)
        subnets = known.subnets if known else ()
        return any(_is_resolvers(subnet) and _within(address, subnet.prefixes) for subnet in subnets)

    def target_vnet(self, observed: ObservedCluster) -> ResourceId | None:
        """The VNet of the cluster's API server, if it is known."""
        if observed.endpoint and observed.endpoint.subnet:
            return observed.endpoint.subnet.parent
        homes = sorted(observed.cluster.vnets)
        return homes[0] if len(homes) == 1 else None


def is_up(peering: Peering) -> bool:
    """Whether a peering is connected and so has its routes, whatever access it allows.

    `allowVirtualNetworkAccess` only takes the remote VNet out of the service tag VirtualNetwork or puts it in
    (https://learn.microsoft.com/azure/virtual-network/virtual-network-manage-peering).
    """
    return peering.state.lower() == "connected"


def are_connected(one: VirtualNetwork, other: VirtualNetwork) -> bool:
    """Whether two VNets are peered, both ways."""
    there, back = one.peering_to(other.id), other.peering_to(one.id)
    return there is not None and back is not None and is_up(there) and is_up(back)


def allow_access(one: VirtualNetwork, other: VirtualNetwork) -> bool:
    """Whether the peerings between two VNets allow access, both ways."""
    sides = (one.peering_to(other.id), other.peering_to(one.id))
    return all(side is not None and side.allows_access for side in sides)


def _is_resolvers(subnet: Subnet) -> bool:
    return any(name.lower() == RESOLVER_DELEGATION for name in subnet.delegations)


def _within(address: IPv4Address, space: tuple[IPv4Network, ...]) -> bool:
    return any(address in prefix for prefix in space)
