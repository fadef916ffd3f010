"""Who is connected with whom: VNets, peerings, firewalls and their policies."""

from __future__ import annotations

from local.azure.azure import Azure
from local.azure.store import Resource
from local.azure.virtual_networks.common import children
from local.azure.virtual_networks.peerings import state_of

FIREWALL = "Microsoft.Network/azureFirewalls"


def vnet_of(azure: Azure, subnet_id: str) -> Resource | None:
    """The VNet of a subnet."""
    return azure.store.get(subnet_id.rsplit("/subnets/", 1)[0])


def open_peerings(azure: Azure, vnet: Resource) -> list[tuple[Resource, Resource]]:
    """The VNet's peerings over which packets pass now, each with the remote VNet: those that are connected.

    Access that a peering does not allow (`allowVirtualNetworkAccess`) only takes the remote VNet out of the service tag
    VirtualNetwork, so without security groups packets pass
    (https://learn.microsoft.com/azure/virtual-network/virtual-network-manage-peering).
    """
    found = []
    for peering in children(vnet, "peerings").values():
        remote = azure.store.get(peering.properties["remoteVirtualNetwork"]["id"])
        if remote and state_of(azure, peering) == "Connected":
            found.append((peering, remote))
    return found


def peered_vnets(azure: Azure, vnet: Resource) -> list[Resource]:
    """The VNets directly reachable from a VNet."""
    return [remote for _, remote in open_peerings(azure, vnet)]


def connected(azure: Azure, one: Resource, other: Resource) -> bool:
    """Whether packets pass between two VNets, or they are the same."""
    return one.key == other.key or other.key in {vnet.key for vnet in peered_vnets(azure, one)}


def firewall_at(azure: Azure, address: str) -> Resource | None:
    """The firewall with this private address."""
    for firewall in azure.store.of_type(FIREWALL):
        for configuration in firewall.properties.get("ipConfigurations") or []:
            if configuration["properties"].get("privateIPAddress") == address:
                return firewall
    return None


def firewall_subnet(firewall: Resource) -> str:
    """The id of the subnet the firewall sits in."""
    configurations = firewall.properties["ipConfigurations"]
    found = (item["properties"]["subnet"]["id"] for item in configurations if item["properties"].get("subnet"))
    return str(next(found))


def policy_of(azure: Azure, firewall: Resource) -> Resource | None:
    """The policy of a firewall."""
    reference = firewall.properties.get("firewallPolicy") or {}
    return azure.store.get(reference["id"]) if reference.get("id") else None
