"""Whether a cluster's nodes find their API server by name."""

from __future__ import annotations

from local.azure.azure import Azure
from local.azure.dataplane.dns import resolve
from local.azure.managed_clusters import network
from local.azure.managed_clusters.access import api_access
from local.azure.store import Resource


def nodes_find_api_server(azure: Azure, cluster: Resource) -> bool:
    """Whether the private name resolves from the VNets of all node pools.

    Nodes of clusters with VNet integration are given the address and look nothing up; without a private zone the
    public name answers with the private address.
    """
    access, host = api_access(cluster.properties), cluster.properties.get("privateFQDN")
    if access.vnet_integration or not access.has_zone or not host:
        return True
    pools = cluster.properties["agentPoolProfiles"]
    vnets = {network.vnet_id(pool["vnetSubnetID"]) for pool in pools if pool.get("vnetSubnetID")}
    return all(resolve(azure, vnet, host).address for vnet in vnets)
