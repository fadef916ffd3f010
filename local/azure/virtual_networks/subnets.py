"""Rules of subnets. A PUT replaces the subnet: what the body does not name is gone afterwards."""

from __future__ import annotations

import copy
from typing import Any

from local.azure.azure import Azure
from local.azure.errors import ArmError, invalid
from local.azure.http import ArmRequest
from local.azure.network import checks, writes
from local.azure.network.checks import IPNetwork
from local.azure.operations import Operation
from local.azure.rbac import Principal
from local.azure.route_tables import models as route_tables
from local.azure.store import Resource
from local.azure.virtual_networks.addresses import in_use
from local.azure.virtual_networks.common import (
    SUBNET,
    children,
    find_vnet,
    hold,
    in_use_error,
    prefixes_of,
    refuse_busy,
    space_of,
    written_prefixes,
)

FIREWALL_SUBNET = "AzureFirewallSubnet"
GATEWAY_SUBNET = "GatewaySubnet"
KINDS: checks.Kinds = {
    "addressPrefix": str,
    "addressPrefixes": list,
    "networkSecurityGroup": dict,
    "routeTable": dict,
    "natGateway": dict,
    "serviceEndpoints": list,
    "serviceEndpointPolicies": list,
    "delegations": list,
    "privateEndpointNetworkPolicies": str,
    "privateLinkServiceNetworkPolicies": str,
    "defaultOutboundAccess": bool,
    "sharingScope": str,
    "ipAllocations": list,
    "ipamPoolPrefixAllocations": list,
    "applicationGatewayIPConfigurations": list,
}
READ_ONLY = (
    "provisioningState",
    "ipConfigurations",
    "ipConfigurationProfiles",
    "privateEndpoints",
    "resourceNavigationLinks",
    "serviceAssociationLinks",
    "purpose",
)
ENDPOINT_POLICIES = ("Enabled", "Disabled", "NetworkSecurityGroupEnabled", "RouteTableEnabled")
LINK_SERVICE_POLICIES = ("Enabled", "Disabled")
JOINS = {
    "networkSecurityGroup": "Microsoft.Network/networkSecurityGroups/join/action",
    "routeTable": "Microsoft.Network/routeTables/join/action",
    "natGateway": "Microsoft.Network/natGateways/join/action",
}


def put_subnet(
    azure: Azure, vnet_id: str, name: str, body: dict[str, Any], request: ArmRequest
) -> tuple[Resource, Operation, bool]:
    """Create or replace a subnet; answers it, the operation, and whether it is new."""
    vnet = find_vnet(azure, vnet_id, writing=SUBNET)
    subnet_id = f"{vnet.id}/subnets/{name}"
    existing = azure.store.get(subnet_id)
    checks.check_name(name)
    wanted = clean(body, f"{SUBNET}/{name}")
    check_joins(azure, subnet_id, wanted, request.principal)
    if azure.subnet_if_match:
        checks.check_etag(request, subnet_id, existing)
    refuse_busy(azure, vnet)
    check(azure, vnet, subnet_id, wanted, list(children(vnet, "subnets").values()))
    same = existing is not None and existing.properties == {**wanted, "provisioningState": "Succeeded"}
    previous = copy.deepcopy(existing.properties) if existing else None
    subnet = store_subnet(azure, vnet, name, wanted)
    operation = writes.begin(
        azure,
        subnet,
        "PutSubnetOperation",
        0.0 if same else azure.latencies.subnet,
        location=vnet.body["location"],
        api_version=request.api_version,
        fail=lambda error: _undo(subnet, previous, error),
    )
    if same:
        subnet.properties["provisioningState"] = "Succeeded"
    else:
        hold(azure, vnet.id, operation)
    return subnet, operation, existing is None


def clean(body: dict[str, Any], where: str) -> dict[str, Any]:
    """The subnet's properties as they are kept: checked for kinds, read-only parts dropped, defaults filled in."""
    properties = checks.without(body.get("properties", {}), READ_ONLY)
    checks.expect(properties, KINDS, "properties")
    checks.expect_items(properties.get("delegations", []), "properties.delegations")
    for name in (*JOINS,):
        target = checks.reference(properties, name)
        if target:
            properties[name] = {"id": target}
    properties["delegations"] = [_delegation(item) for item in properties.get("delegations", [])]
    properties["serviceEndpoints"] = [
        checks.without(item, ("provisioningState",)) for item in properties.get("serviceEndpoints", [])
    ]
    if not properties["serviceEndpoints"]:
        del properties["serviceEndpoints"]
    properties.setdefault("privateEndpointNetworkPolicies", "Disabled")
    properties.setdefault("privateLinkServiceNetworkPolicies", "Enabled")
    for name, allowed in (
        ("privateEndpointNetworkPolicies", ENDPOINT_POLICIES),
        ("privateLinkServiceNetworkPolicies", LINK_SERVICE_POLICIES),
    ):
        if properties[name] not in allowed:
            raise checks.unreadable(f"Error converting value '{properties[name]}' of '{name}' of {where}.")
    return properties


def _delegation(item: dict[str, Any]) -> dict[str, Any]:
    inner = checks.without(item.get("properties", {}), ("provisioningState", "actions"))
    return {**checks.without(item, ("etag", "type", "id")), "properties": inner}


def check_joins(azure: Azure, subnet_id: str, properties: dict[str, Any], principal: Principal) -> None:
    """Raise 403 unless the caller may join every table, group and gateway the body names, old ones included."""
    for name, action in JOINS.items():
        if name in properties:
            azure.access.check_linked(
                principal, f"{SUBNET}/write", subnet_id, linked_action=action, linked=properties[name]["id"]
            )


def check(azure: Azure, vnet: Resource, subnet_id: str, properties: dict[str, Any], siblings: list[Resource]) -> None:
    """Raise 400 for prefixes that do not fit the VNet or its other subnets, and for a table that may not be joined."""
    name = subnet_id.rsplit("/", 1)[-1]
    prefixes = _prefixes(vnet, name, properties)
    for prefix in prefixes:
        if not any(checks.within(prefix, space) for space in space_of(vnet)):
            message = (
                f"Subnet '{name}' is not valid because its IP address range is outside the IP address range of "
                f"virtual network '{vnet.name}'."
            )
            raise invalid("NetcfgSubnetRangeOutsideVnet", message)
        for other in siblings:
            if other.key != subnet_id.lower() and any(prefix.overlaps(taken) for taken in prefixes_of(other)):
                message = (
                    f"Subnet '{name}' is not valid because its IP address range overlaps with that of an existing "
                    f"subnet in virtual network '{vnet.name}'."
                )
                raise invalid("NetcfgSubnetRangesOverlap", message)
    _check_used_prefixes(azure, subnet_id, prefixes)
    if "routeTable" in properties:
        _check_table(azure, vnet, subnet_id, properties["routeTable"]["id"])


def _prefixes(vnet: Resource, name: str, properties: dict[str, Any]) -> list[IPNetwork]:
    message = f"Subnet '{name}' is not valid in virtual network '{vnet.name}'."
    written = written_prefixes(properties)
    if not written:
        raise invalid("NetcfgInvalidSubnet", message)
    return [checks.network(prefix, "NetcfgInvalidSubnet", message) for prefix in written]


def _check_used_prefixes(azure: Azure, subnet_id: str, prefixes: list[IPNetwork]) -> None:
    existing = azure.store.get(subnet_id)
    if existing is None or not in_use(azure, existing):
        return
    for prefix in prefixes_of(existing):
        if not any(checks.within(prefix, new) for new in prefixes):
            message = f"IpPrefix {prefix} on Subnet {existing.name} has active allocations and cannot be deleted."
            raise in_use_error("InUsePrefixCannotBeDeleted", message)


def _check_table(azure: Azure, vnet: Resource, subnet_id: str, table_id: str) -> None:
    table = checks.referenced(azure, table_id, subnet_id)
    same_region = checks.normal_location(table.body["location"]) == checks.normal_location(vnet.body["location"])
    if not same_region or table.subscription != vnet.subscription:
        # Region and subscription must be the VNet's. The code is the one Azure has for references that do not
        # resolve in the region; of another subscription the exact code is not confirmed.
        raise checks.bad_reference(table_id, subnet_id)
    if table.properties["provisioningState"] != "Succeeded":
        message = (
            f"Cannot proceed with operation because resource {table.id} used by resource {subnet_id} is not in "
            f"Succeeded state. Resource is in {table.properties['provisioningState']} state."
        )
        raise invalid("ReferencedResourceNotProvisioned", message)
    route_tables.check_special_subnet(table, subnet_id.rsplit("/", 1)[-1])


def store_subnet(azure: Azure, vnet: Resource, name: str, properties: dict[str, Any]) -> Resource:
    """Keep the subnet as Updating, with its addresses if it was there before."""
    subnet = azure.store.get(f"{vnet.id}/subnets/{name}")
    if subnet is None:
        subnet = azure.store.put(Resource(id=f"{vnet.id}/subnets/{name}", type=SUBNET, body={}))
        children(vnet, "subnets")[name.lower()] = subnet
    subnet.body["properties"] = {**properties, "provisioningState": "Updating"}
    subnet.touch()
    if "routeTable" in properties:
        route_tables.remember_subnet(azure, properties["routeTable"]["id"], subnet.id)
    return subnet


def _undo(subnet: Resource, previous: dict[str, Any] | None, error: ArmError) -> None:
    # A superseded write leaves the subnet as it was; a failed one leaves the new body behind as Failed.
    if error.code == "Canceled" and previous is not None:
        subnet.body["properties"] = {**previous, "provisioningState": "Succeeded"}


def delete_subnet(azure: Azure, subnet: Resource, request: ArmRequest) -> Operation:
    """Start deleting a subnet; refused while addresses in it are in use."""
    vnet = find_vnet(azure, subnet.id.rsplit("/", 2)[0])
    refuse_busy(azure, vnet)
    refuse_used(azure, subnet)

    def finish() -> None:
        children(vnet, "subnets").pop(subnet.name.lower(), None)

    operation = writes.begin_delete(
        azure,
        subnet,
        "DeleteSubnetOperation",
        azure.latencies.subnet,
        location=vnet.body["location"],
        api_version=request.api_version,
        finish=finish,
    )
    hold(azure, vnet.id, operation)
    return operation


def refuse_used(azure: Azure, subnet: Resource) -> None:
    """Raise 400 InUseSubnetCannotBeDeleted while something has an address in the subnet."""
    used = in_use(azure, subnet)
    if used:
        owner = next(iter(used.values())) or "an IP configuration"
        message = (
            f"Subnet {subnet.name} is in use by {owner} and cannot be deleted. In order to delete the subnet, delete "
            "all the resources within the subnet. See aka.ms/deletesubnet."
        )
        raise in_use_error("InUseSubnetCannotBeDeleted", message)
