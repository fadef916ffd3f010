"""What AKS makes in the node resource group, and unmakes: group, zone, endpoint, record, link."""

from __future__ import annotations

from local.azure.azure import Azure
from local.azure.errors import ArmError
from local.azure.load_balancers import models as load_balancers
from local.azure.managed_clusters import managed_vnet, network
from local.azure.managed_clusters.access import ApiAccess, api_access
from local.azure.managed_clusters.bodies import CLUSTER, PROVIDER
from local.azure.private_dns import models as private_dns
from local.azure.private_endpoints import models as private_endpoints
from local.azure.rbac import AKS, DenyAssignment
from local.azure.resource_groups import models as resource_groups
from local.azure.store import Resource

API_SERVER = "kube-apiserver"
GROUP_OPERATION = "Microsoft.Resources/subscriptions/resourceGroups"


def group_id(cluster: Resource) -> str:
    """The id of the node resource group."""
    subscription = cluster.id.split("/")[2]
    return resource_groups.group_id(subscription, cluster.properties["nodeResourceGroup"])


def make_group(azure: Azure, cluster: Resource) -> None:
    """The node resource group, managed by the cluster and, with lockdown, closed to everybody but AKS."""
    group, _ = resource_groups.put_group(
        azure,
        cluster.id.split("/")[2],
        cluster.properties["nodeResourceGroup"],
        location=cluster.body["location"],
        managed_by=cluster.id,
    )
    lock(azure, cluster)
    azure.record_write(group.id, f"{GROUP_OPERATION}/write", AKS)


def lock(azure: Azure, cluster: Resource) -> None:
    """Make the deny assignments of the node resource group what `restrictionLevel` asks for."""
    scope = group_id(cluster)
    azure.access.denials[:] = [item for item in azure.access.denials if item.scope.lower() != scope.lower()]
    profile = cluster.properties.get("nodeResourceGroupProfile") or {}
    if str(profile.get("restrictionLevel", "")).lower() == "readonly":
        azure.access.denials.append(DenyAssignment(scope=scope, except_principals=(AKS.object_id,)))


def zone_id(cluster: Resource, access: ApiAccess | None = None) -> str | None:
    """The id of the zone that holds the API server's name, now or with another access, or None when there is none."""
    access, host = access or api_access(cluster.properties), private_host(cluster)
    if access.own_zone:
        return access.zone
    if not access.has_zone or not host:
        return None
    name = host.split(".", 1)[1]
    return private_dns.zone_id(cluster.id.split("/")[2], cluster.properties["nodeResourceGroup"], name)


def private_host(cluster: Resource) -> str:
    """The private name, which a stopped cluster keeps but does not show."""
    return str(cluster.properties.get("privateFQDN") or cluster.hidden.get("private_fqdn") or "")


def label(cluster: Resource, access: ApiAccess | None = None) -> str:
    """The name of the A record and of AKS's own link: the private name without the zone."""
    zone = zone_id(cluster, access)
    return private_host(cluster).removesuffix("." + zone.rsplit("/", 1)[-1]) if zone else ""


def make_zone(azure: Azure, cluster: Resource) -> None:
    """The private DNS zone, unless the owner brought one or it is there."""
    zone = zone_id(cluster)
    if zone and not api_access(cluster.properties).own_zone and azure.store.get(zone) is None:
        private_dns.put_zone_as(azure, zone, AKS)


def make_entry(azure: Azure, cluster: Resource) -> None:
    """The private endpoint with its NIC, or the internal load balancer; nothing for a public API server."""
    access = api_access(cluster.properties)
    if access.vnet_integration:
        subnet = access.subnet or managed_vnet.API_SUBNET.format(vnet=managed_vnet.vnet_id(cluster))
        balancer = load_balancers.create_internal(
            azure,
            group_id=group_id(cluster),
            name=API_SERVER,
            subnet_id=subnet,
            principal=AKS,
            location=cluster.body["location"],
        )
        cluster.hidden["address"] = load_balancers.address_of(balancer)
    elif access.private:
        _, card = private_endpoints.create_endpoint(
            azure,
            group_id=group_id(cluster),
            name=API_SERVER,
            subnet_id=first_subnet(cluster),
            principal=AKS,
            location=cluster.body["location"],
        )
        cluster.hidden["address"] = card_address(card)


def entry_missing(azure: Azure, cluster: Resource) -> bool:
    """Whether a private API server has no endpoint or load balancer yet, or no more."""
    access = api_access(cluster.properties)
    kind = "loadBalancers" if access.vnet_integration else "privateEndpoints"
    entry = f"{group_id(cluster)}/providers/Microsoft.Network/{kind}/{API_SERVER}"
    return (access.private or access.vnet_integration) and azure.store.get(entry) is None


def first_subnet(cluster: Resource) -> str:
    """The subnet of the first pool in the list: there AKS puts the private endpoint."""
    pool = cluster.properties["agentPoolProfiles"][0]
    return str(pool.get("vnetSubnetID") or managed_vnet.NODE_SUBNET.format(vnet=managed_vnet.vnet_id(cluster)))


def card_address(card: Resource) -> str:
    """The private address of a network interface."""
    return str(card.properties["ipConfigurations"][0]["properties"]["privateIPAddress"])


def remove_endpoint(azure: Azure, cluster: Resource) -> None:
    """Delete the private endpoint, if there is one."""
    endpoint = azure.store.get(f"{group_id(cluster)}/providers/Microsoft.Network/privateEndpoints/{API_SERVER}")
    if endpoint is not None:
        private_endpoints.delete_endpoint(azure, endpoint, AKS)


def write_record(azure: Azure, cluster: Resource) -> None:
    """The A record, TTL 300, with the API server's present address; nothing when it says so already."""
    resource_id, address = zone_id(cluster), str(cluster.hidden.get("address", ""))
    zone = azure.store.get(resource_id) if resource_id else None
    if zone is None or not address:
        return
    present = azure.store.get(f"{zone.id}/A/{label(cluster)}")
    if present is None or present.properties["aRecords"] != [{"ipv4Address": address}]:
        private_dns.put_record_as(azure, zone, label(cluster), address, AKS)


def link_own_vnet(azure: Azure, cluster: Resource) -> None:
    """AKS's own link, named like the record, to the node VNet and to no other.

    A zone of the owner's that already sees the VNet is left alone: several clusters may share it.
    """
    resource_id, vnet = zone_id(cluster), network.vnet_id(first_subnet(cluster))
    zone = azure.store.get(resource_id) if resource_id else None
    if zone is None:
        return
    links = [link for link in private_dns.links_of(azure, zone) if _points_to(link, vnet)]
    if any(link.name == label(cluster).lower() for link in links):
        return
    if links and api_access(cluster.properties).own_zone:
        return
    try:
        link = private_dns.put_link_as(azure, zone, label(cluster), vnet, AKS)
    except ArmError as error:
        message = f"Reconcile private DNS failed: linking zone '{zone.name}' to '{vnet}': {error.message}"
        raise ArmError(400, "CreateOrUpdateVirtualNetworkLinkFailed", message) from error
    cluster.hidden["own_link"] = link.id


def _points_to(link: Resource, vnet: str) -> bool:
    return bool(link.properties["virtualNetwork"]["id"].lower() == vnet.lower())


def remove_zone(azure: Azure, cluster: Resource, access: ApiAccess | None = None) -> None:
    """Take the API server's name away: AKS's own zone with all links, or the record in the owner's zone.

    AKS's link in the owner's zone stays while the zone holds other records: other clusters may live by it.
    """
    access = access or api_access(cluster.properties)
    resource_id = zone_id(cluster, access)
    zone = azure.store.get(resource_id) if resource_id else None
    if zone is None:
        return
    if not access.own_zone:
        for child in [item for item in azure.store if item.key.startswith(zone.key + "/")]:
            remove_with_event(azure, child.id)
        remove_with_event(azure, zone.id)
        return
    remove_with_event(azure, f"{zone.id}/A/{label(cluster, access)}")
    if not azure.store.of_type(private_dns.RECORD, below=zone.id):
        remove_with_event(azure, str(cluster.hidden.get("own_link", "")))


def remove_with_event(azure: Azure, resource_id: str) -> None:
    """Remove one resource as AKS, with its activity."""
    removed = azure.store.remove(resource_id)
    if removed is not None:
        azure.record_write(removed.id, f"{removed.type}/delete", AKS, kind="Delete")


def remove_group(azure: Azure, cluster: Resource) -> None:
    """Delete the node resource group with zone, endpoint, all links, and its deny assignment."""
    remove_endpoint(azure, cluster)
    remove_zone(azure, cluster)
    scope = group_id(cluster)
    balancer = azure.store.get(f"{scope}/providers/Microsoft.Network/loadBalancers/{API_SERVER}")
    if balancer is not None:
        load_balancers.delete_internal(azure, balancer, AKS)
    for resource in [item for item in azure.store if item.key.startswith(scope.lower() + "/")]:
        remove_with_event(azure, resource.id)
    azure.access.denials[:] = [item for item in azure.access.denials if item.scope.lower() != scope.lower()]
    group = azure.store.remove(scope)
    if group is not None:
        azure.record_write(group.id, f"{GROUP_OPERATION}/delete", AKS, kind="Delete")


def remove_with_cluster(azure: Azure, scope: str) -> None:
    """Remove the clusters of a resource group that is being deleted, with their node resource groups."""
    for cluster in azure.store.of_type(CLUSTER, below=scope):
        cluster.hidden["run"] = ""
        remove_group(azure, cluster)
        azure.store.remove(cluster.id)
        azure.record_write(cluster.id, f"{PROVIDER}/delete", AKS, kind="Delete")
