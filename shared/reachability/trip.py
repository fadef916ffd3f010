"""What the steps after DNS share: who wants to reach what, and which way it goes."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from shared.model.resource_id import ResourceId
from shared.model.world import Endpoint, ObservedCluster, Subnet, VirtualNetwork
from shared.reachability.world import ReachabilityWorld


@dataclass(frozen=True, kw_only=True)
class Trip:
    """A connection from a subnet to an address on TCP 443.

    `direct`: it goes from VNet to VNet without an appliance. `translated`: the firewall puts its own address in the
    place of the source.
    """

    world: ReachabilityWorld
    observed: ObservedCluster
    vnet: VirtualNetwork
    subnet: Subnet
    address: IPv4Address
    host: str | None
    direct: bool = False
    translated: bool = False

    @property
    def hub(self) -> VirtualNetwork | None:
        """The VNet the firewall sits in."""
        return self.world.vnets.get(self.world.firewall.vnet)

    @property
    def target_id(self) -> ResourceId | None:
        """The VNet the address is in."""
        return self.world.target_vnet(self.observed)

    @property
    def target(self) -> VirtualNetwork | None:
        """That VNet, if it could be read."""
        found = self.target_id
        return self.world.vnets.get(found) if found else None

    @property
    def private_endpoint(self) -> Endpoint | None:
        """The private endpoint, unless the API server is integrated in the VNet."""
        return None if self.observed.cluster.vnet_integration else self.observed.endpoint

    @property
    def sources(self) -> tuple[IPv4Address, ...]:
        """An address of each network that the client may be in."""
        return tuple(prefix.network_address for prefix in self.subnet.prefixes)

    @property
    def seen_sources(self) -> tuple[IPv4Network, ...]:
        """The networks the API server sees connections come from."""
        firewall = self.world.subnet(self.world.firewall.subnet)
        if self.translated and firewall:
            return firewall.prefixes
        return self.subnet.prefixes
