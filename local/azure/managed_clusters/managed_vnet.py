"""The VNet that AKS makes in the node resource group for clusters without a subnet of the owner's."""

from __future__ import annotations

from local.azure.azure import Azure
from local.azure.managed_clusters.access import api_access
from local.azure.managed_clusters.bodies import stable_guid
from local.azure.rbac import AKS
from local.azure.resource_groups.models import group_id
from local.azure.store import Resource
from local.azure.virtual_networks.common import SUBNET, VNET
from local.azure.virtual_networks.subnets import clean, store_subnet

NODE_SUBNET = "{vnet}/subnets/aks-subnet"
API_SUBNET = "{vnet}/subnets/aks-apiserver"
_DELEGATION = {
    "name": "aks",
    "properties": {"serviceName": "Microsoft.ContainerService/managedClusters"},
}


def vnet_id(cluster: Resource) -> str:
    """The id of the cluster's AKS-managed VNet, whether it exists or not."""
    group = group_id(cluster.id.split("/")[2], cluster.properties["nodeResourceGroup"])
    number = int(stable_guid(cluster.id)[:8], 16) % 10**8
    return f"{group}/providers/{VNET}/aks-vnet-{number:08d}"


def is_used(cluster: Resource) -> bool:
    """Whether the first pool names no subnet: then AKS makes the VNet itself."""
    return not cluster.properties["agentPoolProfiles"][0].get("vnetSubnetID")


def make(azure: Azure, cluster: Resource) -> None:
    """The VNet 10.224.0.0/12 with a private node subnet, unless the owner brought one or it is there."""
    if not is_used(cluster) or azure.store.get(vnet_id(cluster)) is not None:
        return
    properties = {
        "provisioningState": "Succeeded",
        "resourceGuid": stable_guid(vnet_id(cluster)),
        "addressSpace": {"addressPrefixes": ["10.224.0.0/12"]},
        "privateEndpointVNetPolicies": "Disabled",
        "enableDdosProtection": False,
    }
    body = {"location": cluster.body["location"], "tags": {}, "properties": properties}
    vnet = azure.store.put(Resource(id=vnet_id(cluster), type=VNET, body=body))
    wanted = {"aks-subnet": {"addressPrefix": "10.224.0.0/16", "defaultOutboundAccess": False}}
    if api_access(cluster.properties).vnet_integration:
        wanted["aks-apiserver"] = {"addressPrefix": "10.226.0.0/28", "delegations": [_DELEGATION]}
    for name, subnet in wanted.items():
        stored = store_subnet(azure, vnet, name, clean({"properties": subnet}, f"{SUBNET}/{name}"))
        stored.properties["provisioningState"] = "Succeeded"
    azure.record_write(vnet.id, f"{VNET}/write", AKS)
