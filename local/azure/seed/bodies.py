"""Request bodies as an operator writes them, for seeds, tests and the demo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

LOCATION = "westeurope"
DELEGATION = "Microsoft.ContainerService/managedClusters"


def vnet_body(
    prefix: str,
    subnets: Mapping[str, str] | None = None,
    *,
    dns: Sequence[str] = (),
    location: str = LOCATION,
) -> dict[str, Any]:
    """A VNet with subnets (name to prefix) and, if given, custom DNS servers."""
    properties: dict[str, Any] = {
        "addressSpace": {"addressPrefixes": [prefix]},
        "subnets": [{"name": name, **subnet_body(cidr)} for name, cidr in (subnets or {}).items()],
    }
    if dns:
        properties["dhcpOptions"] = {"dnsServers": list(dns)}
    return {"location": location, "properties": properties}


def subnet_body(prefix: str, *, route_table: str | None = None, delegated: bool = False) -> dict[str, Any]:
    """A subnet, with a route table or delegated to AKS's API servers if so wished."""
    properties: dict[str, Any] = {"addressPrefix": prefix}
    if route_table:
        properties["routeTable"] = {"id": route_table}
    if delegated:
        properties["delegations"] = [{"name": "aks", "properties": {"serviceName": DELEGATION}}]
    return {"properties": properties}


def peering_body(remote_vnet: str, *, forwarded: bool = False, access: bool = True) -> dict[str, Any]:
    """One side of a peering. `forwarded` lets traffic in that the remote VNet only passes on."""
    return {
        "properties": {
            "remoteVirtualNetwork": {"id": remote_vnet},
            "allowVirtualNetworkAccess": access,
            "allowForwardedTraffic": forwarded,
        }
    }


def route_table_body(
    next_hop: str | None, *, hop_type: str = "VirtualAppliance", location: str = LOCATION
) -> dict[str, Any]:
    """A route table that sends 0.0.0.0/0 to an address; None makes an empty table."""
    route = {"addressPrefix": "0.0.0.0/0", "nextHopType": hop_type}
    if hop_type == "VirtualAppliance":
        route["nextHopIpAddress"] = next_hop or ""
    routes = [{"name": "default", "properties": route}] if next_hop is not None else []
    return {"location": location, "properties": {"disableBgpRoutePropagation": True, "routes": routes}}


def link_body(vnet: str) -> dict[str, Any]:
    """A virtual network link of a private DNS zone."""
    return {"location": "global", "properties": {"registrationEnabled": False, "virtualNetwork": {"id": vnet}}}


def network_rule(
    name: str, sources: Sequence[str], destinations: Sequence[str], ports: Sequence[str]
) -> dict[str, Any]:
    """A TCP network rule of a firewall policy."""
    return {
        "ruleType": "NetworkRule",
        "name": name,
        "ipProtocols": ["TCP"],
        "sourceAddresses": list(sources),
        "sourceIpGroups": [],
        "destinationAddresses": list(destinations),
        "destinationIpGroups": [],
        "destinationFqdns": [],
        "destinationPorts": list(ports),
    }


def rule_group_body(
    priority: int, *rules: dict[str, Any], name: str = "allow", action: str = "Allow", collection_priority: int = 1000
) -> dict[str, Any]:
    """A rule collection group with one filter collection."""
    collection = {
        "ruleCollectionType": "FirewallPolicyFilterRuleCollection",
        "name": name,
        "priority": collection_priority,
        "action": {"type": action},
        "rules": list(rules),
    }
    return {"properties": {"priority": priority, "ruleCollections": [collection]}}


def pool_body(
    name: str = "system", subnet: str | None = None, *, mode: str = "System", count: int = 3
) -> dict[str, Any]:
    """A node pool as it stands in `agentPoolProfiles`."""
    pool: dict[str, Any] = {"name": name, "mode": mode, "count": count, "vmSize": "Standard_D4ds_v5"}
    return {**pool, "vnetSubnetID": subnet} if subnet else pool


def cluster_body(
    subnet: str | None,
    *,
    prefix: str = "demo",
    outbound: str = "userDefinedRouting",
    plugin: str = "azure",
    plugin_mode: str | None = "overlay",
    zone: str | None = None,
    public_fqdn: bool | None = None,
    private: bool = True,
    api_subnet: str | None = None,
    identity: str | None = None,
    node_group: str | None = None,
    locked: bool = False,
    location: str = LOCATION,
) -> dict[str, Any]:
    """A private cluster in a subnet.

    `zone` is `system`, `none` or a zone's id; `api_subnet` asks for VNet integration; `identity` is the id of a
    user-assigned identity; `locked` asks for node resource group lockdown.
    """
    access: dict[str, Any] = {"enablePrivateCluster": private}
    if zone is not None:
        access["privateDNSZone"] = zone
    if public_fqdn is not None:
        access["enablePrivateClusterPublicFQDN"] = public_fqdn
    if api_subnet is not None:
        access |= {"enableVnetIntegration": True, "subnetId": api_subnet}
    network: dict[str, Any] = {"networkPlugin": plugin, "outboundType": outbound}
    if plugin_mode and plugin == "azure":
        network["networkPluginMode"] = plugin_mode
    properties: dict[str, Any] = {
        "dnsPrefix": prefix,
        "agentPoolProfiles": [pool_body(subnet=subnet)],
        "networkProfile": network,
        "apiServerAccessProfile": access,
    }
    if node_group:
        properties["nodeResourceGroup"] = node_group
    if locked:
        properties["nodeResourceGroupProfile"] = {"restrictionLevel": "ReadOnly"}
    owner: dict[str, Any] = {"type": "SystemAssigned"}
    if identity:
        owner = {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}}
    sku = {"name": "Base", "tier": "Standard"}
    return {"location": location, "identity": owner, "sku": sku, "properties": properties}
