"""The resource types and fixed names of Azure that the app deals with."""

from __future__ import annotations

MANAGED_CLUSTER = "Microsoft.ContainerService/managedClusters"
PRIVATE_DNS_ZONE = "Microsoft.Network/privateDnsZones"
PRIVATE_DNS_LINK = "Microsoft.Network/privateDnsZones/virtualNetworkLinks"
PRIVATE_DNS_A_RECORD = "Microsoft.Network/privateDnsZones/A"
VIRTUAL_NETWORK = "Microsoft.Network/virtualNetworks"
SUBNET = "Microsoft.Network/virtualNetworks/subnets"
PEERING = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings"
ROUTE_TABLE = "Microsoft.Network/routeTables"
ROUTE = "Microsoft.Network/routeTables/routes"
FIREWALL_POLICY = "Microsoft.Network/firewallPolicies"
RULE_COLLECTION_GROUP = "Microsoft.Network/firewallPolicies/ruleCollectionGroups"
PRIVATE_ENDPOINT = "Microsoft.Network/privateEndpoints"
NETWORK_INTERFACE = "Microsoft.Network/networkInterfaces"
LOAD_BALANCER = "Microsoft.Network/loadBalancers"
SECURITY_GROUP = "Microsoft.Network/networkSecurityGroups"
ROLE_ASSIGNMENT = "Microsoft.Authorization/roleAssignments"

API_SERVER_NAME = "kube-apiserver"
"""Name of the private endpoint or internal load balancer of an API server, in the node resource group."""

DEFAULT_ROUTE_PREFIX = "0.0.0.0/0"

PLATFORM_SUBNETS = frozenset(
    name.lower()
    for name in (
        "AzureFirewallSubnet",
        "AzureFirewallManagementSubnet",
        "GatewaySubnet",
        "AzureBastionSubnet",
        "RouteServerSubnet",
    )
)
"""Subnets that Azure reserves for its own appliances; a default route to a firewall breaks them."""

AKS_ZONE_SUFFIXES = (".azmk8s.io", ".cx.prod.service.azk8s.cn", ".cx.aks.containerservice.azure.us")
"""How the names of AKS's private DNS zones end in the public cloud, in China and for the US government."""
