"""HTTP shapes of VNets, subnets and peerings."""

from __future__ import annotations

from typing import Any

from local.azure.azure import Azure
from local.azure.http import ArmRequest, ArmResponse
from local.azure.network import checks, writes
from local.azure.paging import page
from local.azure.store import Resource
from local.azure.virtual_networks import models, peerings, subnets
from local.azure.virtual_networks.addresses import in_use
from local.azure.virtual_networks.common import children, find_child, find_vnet, space_of


def vnet_body(azure: Azure, vnet: Resource) -> dict[str, Any]:
    """A VNet as GET answers it: Updating while anything in it is, with its subnets and peerings inline."""
    kept = vnet.snapshot()["properties"]
    running = models.busy(azure, vnet.id)
    if running and kept["provisioningState"] == "Succeeded":
        kept["provisioningState"] = "Updating"
    ddos = kept.pop("enableDdosProtection")
    properties = {
        **kept,
        "subnets": [subnet_body(azure, subnet) for subnet in children(vnet, "subnets").values()],
        "virtualNetworkPeerings": [peering_body(azure, item) for item in children(vnet, "peerings").values()],
        "enableDdosProtection": ddos,
    }
    return writes.top_level(vnet, properties)


def subnet_body(azure: Azure, subnet: Resource) -> dict[str, Any]:
    """A subnet as GET answers it, with what uses it; the ids of IP configurations come upper-cased."""
    kept = subnet.snapshot()["properties"]
    properties: dict[str, Any] = {"provisioningState": kept.pop("provisioningState"), **kept}
    properties["delegations"] = [_delegation(subnet, item) for item in kept["delegations"]]
    if "serviceEndpoints" in kept:
        properties["serviceEndpoints"] = [
            {"provisioningState": "Succeeded", **item} for item in kept["serviceEndpoints"]
        ]
    users = [owner for owner in in_use(azure, subnet).values() if owner]
    if users:
        properties["ipConfigurations"] = [{"id": shout(owner)} for owner in users]
    endpoints = [item for item in subnet.hidden.get("private_endpoints", []) if azure.store.get(item)]
    if endpoints:
        properties["privateEndpoints"] = [{"id": shout(endpoint)} for endpoint in endpoints]
    return writes.child(subnet, properties)


def _delegation(subnet: Resource, item: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": item["name"],
        "id": f"{subnet.id}/delegations/{item['name']}",
        "etag": subnet.etag,
        "properties": {"provisioningState": "Succeeded", **item.get("properties", {}), "actions": []},
        "type": f"{models.SUBNET}/delegations",
    }


def shout(resource_id: str) -> str:
    """The id with its names in capitals and its keywords as they were, as subnets list what uses them."""
    parts = resource_id.split("/")
    return "/".join(
        part.upper() if number % 2 == 0 and number not in (2, 6) else part for number, part in enumerate(parts)
    )


def peering_body(azure: Azure, peering: Resource) -> dict[str, Any]:
    """A peering as GET answers it, with the state that both sides make together."""
    kept = peering.snapshot()["properties"]
    properties = {
        "provisioningState": kept.pop("provisioningState"),
        "resourceGuid": writes.guid(peering.id),
        "peeringState": peerings.state_of(azure, peering),
        "peeringSyncLevel": peerings.sync_level(azure, peering),
        **kept,
    }
    remote = azure.store.get(kept["remoteVirtualNetwork"]["id"])
    current = [str(prefix) for prefix in space_of(remote)] if remote else kept["remoteAddressSpace"]["addressPrefixes"]
    properties["remoteVirtualNetworkAddressSpace"] = {"addressPrefixes": current}
    return writes.child(peering, properties)


def get_vnet(azure: Azure, request: ArmRequest) -> ArmResponse:
    """One VNet."""
    return writes.read(azure, writes.get(azure, request, models.VNET), vnet_body)


def list_vnets(azure: Azure, request: ArmRequest) -> ArmResponse:
    """VNets of a resource group or a subscription."""
    return writes.listed(azure, request, models.VNET, vnet_body)


def put_vnet(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Create or update a VNet."""
    vnet, operation, status = models.put_vnet(azure, request)
    return writes.written(azure, vnet, vnet_body, operation, status=status)


def delete_vnet(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Start the deletion: 202, or 204 when there is nothing to delete."""
    vnet = azure.store.get(request.path.rstrip("/"))
    if vnet is None:
        return ArmResponse(status=204, event=False)
    checks.check_etag(request, vnet.id, vnet)
    return ArmResponse(status=202, operation=models.delete_vnet(azure, vnet, request))


def get_subnet(azure: Azure, request: ArmRequest) -> ArmResponse:
    """One subnet."""
    return writes.read(azure, find_child(azure, request.path.rstrip("/")), subnet_body)


def list_subnets(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Subnets of a VNet."""
    vnet = find_vnet(azure, _parent(request))
    return page(
        azure, request, [subnet_body(azure, item) for item in children(vnet, "subnets").values()], size=writes.PAGE
    )


def put_subnet(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Create (201) or replace (200) a subnet."""
    body = checks.body_of(request)
    subnet, operation, new = subnets.put_subnet(azure, _parent(request, 2), request.params["subnet"], body, request)
    return writes.written(azure, subnet, subnet_body, operation, status=201 if new else 200)


def delete_subnet(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Start the deletion: 202, or 204 when there is nothing to delete."""
    subnet = azure.store.get(request.path.rstrip("/"))
    if subnet is None:
        return ArmResponse(status=204, event=False)
    return ArmResponse(status=202, operation=subnets.delete_subnet(azure, subnet, request))


def get_peering(azure: Azure, request: ArmRequest) -> ArmResponse:
    """One peering."""
    return writes.read(azure, find_child(azure, request.path.rstrip("/")), peering_body)


def list_peerings(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Peerings of a VNet."""
    vnet = find_vnet(azure, _parent(request))
    return page(
        azure, request, [peering_body(azure, item) for item in children(vnet, "peerings").values()], size=writes.PAGE
    )


def put_peering(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Create (201) or replace (200) a peering."""
    body = checks.body_of(request)
    name = request.params["peering"]
    peering, operation, new = peerings.put_peering(azure, _parent(request, 2), name, body, request)
    return writes.written(azure, peering, peering_body, operation, status=201 if new else 200)


def delete_peering(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Start the deletion: 202, or 204 when there is nothing to delete."""
    peering = azure.store.get(request.path.rstrip("/"))
    if peering is None:
        return ArmResponse(status=204, event=False)
    return ArmResponse(status=202, operation=peerings.delete_peering(azure, peering, request))


def _parent(request: ArmRequest, levels: int = 1) -> str:
    return request.path.rstrip("/").rsplit("/", levels)[0]
