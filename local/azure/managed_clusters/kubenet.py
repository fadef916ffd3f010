"""Clusters with the kubenet plugin: a route table with a route for each node's pods."""

from __future__ import annotations

import ipaddress
from typing import Any

from local.azure.azure import Azure
from local.azure.managed_clusters import managed_vnet, network
from local.azure.managed_clusters.bodies import stable_guid
from local.azure.network.writes import guid, settle
from local.azure.rbac import AKS
from local.azure.resource_groups.models import group_id
from local.azure.route_tables.models import ROUTE, TABLE, remember_subnet, routes_of, store_route
from local.azure.store import Resource
from local.azure.virtual_networks.common import SUBNET
from local.azure.virtual_networks.models import allocate_address, release_address


def is_kubenet(cluster: Resource) -> bool:
    """Whether the cluster routes its pods through a route table."""
    return str(cluster.properties["networkProfile"]["networkPlugin"]).lower() == "kubenet"


def _number(cluster: Resource) -> str:
    return f"{int(stable_guid(cluster.id)[:8], 16) % 10**8:08d}"


def table_id(cluster: Resource) -> str:
    """The id of the table that AKS makes when the owner brought none."""
    group = group_id(cluster.id.split("/")[2], cluster.properties["nodeResourceGroup"])
    return f"{group}/providers/{TABLE}/aks-agentpool-{_number(cluster)}-routetable"


def _subnets(azure: Azure, cluster: Resource) -> list[Resource]:
    ids = network.pool_subnets(cluster.properties)
    if managed_vnet.is_used(cluster):
        ids = [managed_vnet.NODE_SUBNET.format(vnet=managed_vnet.vnet_id(cluster))]
    return [subnet for subnet in map(azure.store.get, ids) if subnet is not None]


def make_table(azure: Azure, cluster: Resource) -> None:
    """Make a table in the node resource group and put it on every node subnet that has none."""
    if not is_kubenet(cluster):
        return
    for subnet in _subnets(azure, cluster):
        if network.route_table(azure, subnet) is None:
            table = azure.store.get(table_id(cluster)) or _new_table(azure, cluster)
            subnet.properties["routeTable"] = {"id": table.id}
            remember_subnet(azure, table.id, subnet.id)
            subnet.touch()
            azure.record_write(subnet.id, f"{SUBNET}/write", AKS)


def _new_table(azure: Azure, cluster: Resource) -> Resource:
    resource_id = table_id(cluster)
    properties = {
        "provisioningState": "Succeeded",
        "resourceGuid": guid(resource_id),
        "disableBgpRoutePropagation": False,
    }
    body = {"location": cluster.body["location"], "tags": {}, "properties": properties}
    table = azure.store.put(Resource(id=resource_id, type=TABLE, body=body))
    azure.record_write(table.id, f"{TABLE}/write", AKS)
    return table


def write_pod_routes(azure: Azure, cluster: Resource) -> None:
    """Write a route for every node that has none, to whichever table its subnet has: AKS's own or the owner's."""
    if not is_kubenet(cluster):
        return
    default = managed_vnet.NODE_SUBNET.format(vnet=managed_vnet.vnet_id(cluster))
    for pool in cluster.properties["agentPoolProfiles"]:
        subnet = azure.store.get(pool.get("vnetSubnetID") or default)
        table = network.route_table(azure, subnet) if subnet else None
        if subnet is None or table is None:
            continue
        for index in range(int(pool["count"])):
            _write_pod_route(azure, cluster, table, subnet.id, f"aks-{pool['name']}-{_number(cluster)}-vmss{index:06d}")


def _write_pod_route(azure: Azure, cluster: Resource, table: Resource, subnet_id: str, node: str) -> None:
    nodes: dict[str, Any] = cluster.hidden.setdefault("nodes", {})
    if node in nodes:
        return
    pods = ipaddress.IPv4Network(cluster.properties["networkProfile"]["podCidr"])
    third = list(pods.subnets(new_prefix=24))[len(nodes)] if pods.prefixlen < 24 else pods
    address = allocate_address(azure, subnet_id, owner=f"{cluster.id}/nodes/{node}")
    name = f"{node}____{str(third.network_address).replace('.', '')}24"
    hop = {"addressPrefix": str(third), "nextHopType": "VirtualAppliance", "nextHopIpAddress": address}
    route = store_route(azure, table, name, hop)
    settle(route, "Succeeded")
    table.touch()
    nodes[node] = {"address": address, "subnet": subnet_id, "route": route.id}
    azure.record_write(route.id, f"{ROUTE}/write", AKS)


def detach_table(azure: Azure, cluster: Resource) -> None:
    """Give back the nodes' addresses and routes, and take AKS's own table off the subnets."""
    for node in cluster.hidden.pop("nodes", {}).values():
        release_address(azure, node["subnet"], node["address"])
        table = azure.store.get(node["route"].rsplit("/routes/", 1)[0])
        if table is not None:
            routes_of(table).pop(node["route"].rsplit("/", 1)[-1].lower(), None)
            azure.store.remove(node["route"])
    for subnet in _subnets(azure, cluster):
        reference = subnet.properties.get("routeTable") or {}
        if str(reference.get("id", "")).lower() == table_id(cluster).lower():
            del subnet.properties["routeTable"]
            subnet.touch()
            azure.record_write(subnet.id, f"{SUBNET}/write", AKS)
