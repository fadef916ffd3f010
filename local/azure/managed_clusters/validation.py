"""What AKS refuses before it starts: bodies, networks, changes, and requests that come at the wrong moment."""

from __future__ import annotations

import re
from typing import Any

from local.azure.azure import Azure
from local.azure.errors import ArmError
from local.azure.managed_clusters import network
from local.azure.managed_clusters.access import ApiAccess, api_access
from local.azure.store import Resource

_POOL_NAME = re.compile(r"^[a-z][a-z0-9]{0,11}$")
_CLUSTER_NAME = re.compile(r"^[A-Za-z0-9]$|^[A-Za-z0-9][\w-]{0,61}[A-Za-z0-9]$")
_FIXED = ("dnsPrefix", "fqdnSubdomain", "nodeResourceGroup")
_ZONE_LABELS = r"privatelink|private"


def refusal(code: str, message: str, *, status: int = 400) -> ArmError:
    """A refusal in AKS's own, un-enveloped shape."""
    return ArmError(status, code, message, enveloped=False)


def invalid_parameter(parameter: str, why: str) -> ArmError:
    """400 for a value AKS does not take."""
    return refusal("InvalidParameter", f"The value of parameter {parameter} is invalid. {why}")


def check_body(azure: Azure, cluster_id: str, body: dict[str, Any]) -> None:
    """Refuse a body that no cluster can be created from."""
    if not body.get("location"):
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    name = cluster_id.rsplit("/", 1)[-1]
    if not _CLUSTER_NAME.match(name):
        raise invalid_parameter("managedCluster.name", f"'{name}' is not a cluster name.")
    properties = body.get("properties") or {}
    if not body.get("identity") and not properties.get("servicePrincipalProfile"):
        raise refusal("InvalidParameter", "Required parameter servicePrincipalProfile is missing (null).")
    pools = properties.get("agentPoolProfiles")
    if not pools:
        raise refusal("InvalidParameter", "Required parameter agentPoolProfiles is missing (null).")
    _check_names(properties)
    check_pools(pools)
    _check_access(azure, body, api_access(properties), properties)
    for pool in pools:
        check_pool_network(azure, pool, properties.get("networkProfile") or {})


def _check_names(properties: dict[str, Any]) -> None:
    prefix, subdomain = properties.get("dnsPrefix"), properties.get("fqdnSubdomain")
    if bool(prefix) == bool(subdomain):
        raise invalid_parameter("properties.dnsPrefix", "Give exactly one of dnsPrefix and fqdnSubdomain.")
    if subdomain and not api_access(properties).own_zone:
        raise invalid_parameter("properties.fqdnSubdomain", "It needs a custom private DNS zone.")


def check_pools(pools: list[dict[str, Any]]) -> None:
    """Refuse node pools without a system pool, with bad names or with the same name twice."""
    names = [str(pool.get("name") or "") for pool in pools]
    for name in names:
        if not _POOL_NAME.match(name):
            raise invalid_parameter("agentPoolProfile.name", f"'{name}' is not a pool name.")
    if len(set(names)) != len(names):
        raise invalid_parameter("agentPoolProfile.name", "Pool names must be unique.")
    if not any(str(pool.get("mode", "")).lower() == "system" for pool in pools):
        raise invalid_parameter("agentPoolProfiles", "There has to be at least one system agent pool.")


def _check_access(azure: Azure, body: dict[str, Any], access: ApiAccess, properties: dict[str, Any]) -> None:
    if access.private and access.zone == "none" and not access.public_fqdn:
        why = "Private DNS zone 'none' needs the public FQDN."
        raise invalid_parameter("apiServerAccessProfile.enablePrivateClusterPublicFQDN", why)
    if access.zone not in ("system", "none") and not access.own_zone:
        why = "It is 'system', 'none' or the resource id of a private DNS zone."
        raise invalid_parameter("apiServerAccessProfile.privateDNSZone", why)
    if access.own_zone:
        _check_own_zone(azure, body, access)
    if access.vnet_integration:
        check_api_subnet(azure, access, properties)


def _check_own_zone(azure: Azure, body: dict[str, Any], access: ApiAccess) -> None:
    parameter, zone = "apiServerAccessProfile.privateDNSZone", azure.store.get(access.zone)
    kind = str((body.get("identity") or {}).get("type", "")).lower()
    if kind == "systemassigned":
        raise invalid_parameter(parameter, "A custom private DNS zone needs a user-assigned identity.")
    name = access.zone.rsplit("/", 1)[-1].lower()
    if not re.fullmatch(rf"([a-z0-9-]{{1,32}}\.)?({_ZONE_LABELS})\.{body['location']}\.azmk8s\.io", name):
        why = f"'{name}' is not [<subzone>.]privatelink.{body['location']}.azmk8s.io."
        raise invalid_parameter(parameter, why)
    if zone is None:
        raise refusal("PrivateDNSZoneNotFound", f"The private DNS zone '{access.zone}' was not found.")


def check_api_subnet(azure: Azure, access: ApiAccess, properties: dict[str, Any]) -> None:
    """Refuse VNet integration without a subnet that is delegated to it."""
    parameter = "apiServerAccessProfile.subnetId"
    if not access.subnet:
        if network.pool_subnets(properties):
            raise invalid_parameter(parameter, "Clusters in a custom VNet need a subnet for the API server.")
        return
    delegations = require_subnet(azure, access.subnet).properties.get("delegations") or []
    services = [str((item.get("properties") or {}).get("serviceName", "")).lower() for item in delegations]
    if "microsoft.containerservice/managedclusters" not in services:
        why = f"Subnet '{access.subnet}' is not delegated to Microsoft.ContainerService/managedClusters."
        raise invalid_parameter(parameter, why)


def require_subnet(azure: Azure, subnet_id: str) -> Resource:
    """The subnet, or 400 in AKS's words."""
    found = azure.store.get(subnet_id)
    if found is not None and "/subnets/" in found.key:
        return found
    parts = subnet_id.split("/")
    if len(parts) != 11:
        raise invalid_parameter("agentPoolProfile.vnetSubnetID", f"'{subnet_id}' is not the id of a subnet.")
    message = (
        f"Could not find subnet {parts[10]} in vnet {parts[8]} from resource group {parts[4]} "
        f"of subscription {parts[2]}."
    )
    raise refusal("SubnetNotFound", message)


def check_pool_network(azure: Azure, pool: dict[str, Any], profile: dict[str, Any]) -> None:
    """Refuse unknown subnets, and user-defined routing without a default route to an appliance or a gateway."""
    if pool.get("podSubnetID"):
        require_subnet(azure, pool["podSubnetID"])
    routed = profile.get("outboundType") == "userDefinedRouting"
    if not pool.get("vnetSubnetID"):
        if routed:
            why = "Outbound type userDefinedRouting needs a custom VNet."
            raise invalid_parameter("agentPoolProfile.vnetSubnetID", why)
        return
    subnet = require_subnet(azure, pool["vnetSubnetID"])
    if routed:
        check_default_route(azure, subnet)


def check_default_route(azure: Azure, subnet: Resource) -> None:
    """Refuse a subnet whose route table does not send 0.0.0.0/0 to an appliance or a gateway."""
    table = network.route_table(azure, subnet)
    if table is None:
        message = (
            "An existing route table has not been associated with subnet "
            f"{subnet.id}. Please update the route table association."
        )
        raise refusal("ExistingRouteTableNotAssociatedWithSubnet", message)
    routes = network.default_routes(table)
    hop = str(routes[0].get("nextHopType", "")) if routes else "none at all"
    if hop.lower() not in network.NEXT_HOPS:
        message = (
            f"Route table {table.id} has a default route with next hop {hop}; only VirtualAppliance and "
            "VirtualNetworkGateway are allowed with outbound type userDefinedRouting."
        )
        raise refusal("RouteTableInvalidNextHop", message)


def check_changes(cluster: Resource, body: dict[str, Any]) -> None:
    """Refuse changes of what is fixed at creation."""
    sent, now = body.get("properties") or {}, cluster.properties
    if body.get("location") and body["location"].lower() != cluster.body["location"].lower():
        message = f"The resource '{cluster.name}' already exists in location '{cluster.body['location']}'."
        raise ArmError(409, "InvalidResourceLocation", message)
    for name in _FIXED:
        if sent.get(name) and str(sent[name]).lower() != str(now.get(name, "")).lower():
            raise _fixed(f"properties.{name}")
    if not sent.get("apiServerAccessProfile"):
        return
    before, after = api_access(now), api_access(sent)
    profile = sent["apiServerAccessProfile"]
    if profile.get("enablePrivateCluster") is not None and before.private != after.private:
        raise _fixed("apiServerAccessProfile.enablePrivateCluster")
    if profile.get("enableVnetIntegration") is False and before.vnet_integration:
        raise _fixed("apiServerAccessProfile.enableVnetIntegration")
    if profile.get("privateDNSZone") and after.zone != "none" and before.zone.lower() != after.zone.lower():
        raise _fixed("apiServerAccessProfile.privateDNSZone")


def _fixed(name: str) -> ArmError:
    return refusal("PropertyChangeNotAllowed", f"Changing property '{name}' is not allowed.")


def check_update(azure: Azure, cluster: Resource, wanted: dict[str, Any]) -> None:
    """Refuse an update whose outcome no cluster can have. `wanted` are the properties after it."""
    check_pools(wanted["agentPoolProfiles"])
    body = {"identity": cluster.body.get("identity"), "location": cluster.body["location"]}
    _check_access(azure, body, api_access(wanted), wanted)
    for pool in wanted["agentPoolProfiles"]:
        check_pool_network(azure, pool, wanted["networkProfile"])


def check_idle(azure: Azure, cluster: Resource) -> None:
    """409 while another operation on the cluster or one of its pools is in progress."""
    running = azure.operations.get(str(cluster.hidden.get("operation", "")))
    if running is None or running.over:
        return
    what = cluster.properties["provisioningState"]
    if "/agentpools/" in running.target.lower():
        what = f"{running.target.rsplit('/', 1)[-1]} - {what}"
    message = (
        f"Operation is not allowed: Another operation ({what}) is in progress, please wait for it to finish before "
        "starting a new operation. See https://aka.ms/aks-pending-operation for more details"
    )
    raise refusal("OperationNotAllowed", message, status=409)


def check_running(cluster: Resource) -> None:
    """409 for anything but start and delete while the cluster is stopped."""
    if cluster.properties["powerState"]["code"] == "Stopped":
        message = "Operation is not allowed: the managed cluster is stopped. Only start and delete are allowed."
        raise refusal("OperationNotAllowed", message, status=409)
