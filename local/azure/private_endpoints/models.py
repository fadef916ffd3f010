"""Rules of private endpoints."""

from __future__ import annotations

from typing import Any

from local.azure.azure import Azure
from local.azure.http import ArmRequest
from local.azure.network import checks, writes
from local.azure.network.ip_configurations import JOIN_SUBNET
from local.azure.network_interfaces import models as network_interfaces
from local.azure.operations import Operation
from local.azure.rbac import Principal
from local.azure.store import Resource

ENDPOINT = "Microsoft.Network/privateEndpoints"
CONNECTIONS = ("privateLinkServiceConnections", "manualPrivateLinkServiceConnections")
KINDS: checks.Kinds = {
    "subnet": dict,
    "privateLinkServiceConnections": list,
    "manualPrivateLinkServiceConnections": list,
    "customNetworkInterfaceName": str,
    "ipConfigurations": list,
}
READ_ONLY = ("provisioningState", "resourceGuid", "networkInterfaces", "customDnsConfigs")


def put_endpoint(azure: Azure, request: ArmRequest) -> tuple[Resource, Operation, bool]:
    """Create or update a private endpoint; its interface exists from the first answer on (recorded)."""
    endpoint_id = request.path.rstrip("/")
    existing = azure.store.get(endpoint_id)
    body = checks.body_of(request)
    checks.check_name(endpoint_id.rsplit("/", 1)[-1])
    checks.check_location(body, existing)
    checks.check_etag(request, endpoint_id, existing)
    wanted, subnet_id = _clean(azure, endpoint_id, body, request.principal)
    if existing and subnet_id.lower() != existing.properties["subnet"]["id"].lower():
        raise checks.bad_reference(subnet_id, endpoint_id)
    same = existing is not None and all(existing.properties.get(key) == value for key, value in wanted.items())
    endpoint = existing or _new(azure, endpoint_id, body["location"], subnet_id, request.principal)
    state = "Succeeded" if same else "Updating"
    endpoint.body["tags"] = body.get("tags", {})
    endpoint.properties.update({**wanted, "provisioningState": state})
    if not same:
        endpoint.touch()
    operation = writes.begin(
        azure,
        endpoint,
        "PutPrivateEndpointOperation",
        0.0 if same else azure.latencies.private_endpoint,
        location=endpoint.body["location"],
        api_version=request.api_version,
    )
    return endpoint, operation, existing is None


def _clean(azure: Azure, endpoint_id: str, body: dict[str, Any], principal: Principal) -> tuple[dict[str, Any], str]:
    properties = checks.without(body["properties"], READ_ONLY)
    checks.expect(properties, KINDS, "properties")
    subnet_id = checks.reference(properties, "subnet")
    if subnet_id is None:
        raise checks.unreadable("Required property 'subnet' not found in JSON. Path 'properties'.")
    azure.access.check_linked(principal, f"{ENDPOINT}/write", endpoint_id, linked_action=JOIN_SUBNET, linked=subnet_id)
    checks.referenced(azure, subnet_id, endpoint_id)
    for kind in CONNECTIONS:
        items = properties.get(kind, [])
        checks.expect_items(items, f"properties.{kind}")
        properties[kind] = [_connection(item) for item in items]
    if not any(properties[kind] for kind in CONNECTIONS):
        raise checks.unreadable("Required property 'privateLinkServiceConnections' not found in JSON.")
    return {**properties, "subnet": {"id": subnet_id}}, subnet_id


def _connection(item: dict[str, Any]) -> dict[str, Any]:
    inner = checks.without(item.get("properties", {}), ("provisioningState", "privateLinkServiceConnectionState"))
    return {"name": item["name"], "properties": inner}


def _new(azure: Azure, endpoint_id: str, location: str, subnet_id: str, principal: Principal) -> Resource:
    endpoint = Resource(id=endpoint_id, type=ENDPOINT, body={"location": location, "tags": {}})
    nic = network_interfaces.create_for_endpoint(
        azure, endpoint=endpoint, subnet_id=subnet_id, principal=principal, location=location
    )
    endpoint.body["properties"] = {
        "provisioningState": "Updating",
        "resourceGuid": writes.guid(endpoint_id),
        "subnet": {"id": subnet_id},
        "networkInterfaces": [{"id": nic.id}],
    }
    azure.store.put(endpoint)
    backlinks(azure, subnet_id).append(endpoint.id)
    return endpoint


def backlinks(azure: Azure, subnet_id: str) -> list[str]:
    """The ids of the private endpoints in a subnet, as the subnet lists them."""
    subnet = azure.store.get(subnet_id)
    found: list[str] = subnet.hidden.setdefault("private_endpoints", []) if subnet else []
    return found


def create_endpoint(
    azure: Azure, *, group_id: str, name: str, subnet_id: str, principal: Principal, location: str
) -> tuple[Resource, Resource]:
    """A private endpoint and its interface as AKS makes them, there at once; both are recorded as written.

    Raises ArmError 404 for a subnet that is missing and 400 for one that is full.
    """
    endpoint = _new(azure, f"{group_id}/providers/{ENDPOINT}/{name}", location, subnet_id, principal)
    endpoint.properties.update(
        provisioningState="Succeeded",
        privateLinkServiceConnections=[{"name": name, "properties": {"groupIds": ["management"]}}],
        manualPrivateLinkServiceConnections=[],
    )
    azure.record_write(endpoint.id, f"{ENDPOINT}/write", principal)
    return endpoint, interface_of(azure, endpoint)


def interface_of(azure: Azure, endpoint: Resource) -> Resource:
    """The endpoint's network interface."""
    return checks.referenced(azure, endpoint.properties["networkInterfaces"][0]["id"], endpoint.id)


def delete_endpoint(azure: Azure, endpoint: Resource, principal: Principal) -> None:
    """Delete an endpoint and its interface outside of a request; both are recorded as deleted."""
    nic = _remove(azure, endpoint)
    azure.record_write(endpoint.id, f"{ENDPOINT}/delete", principal, kind="Delete")
    if nic:
        azure.record_write(nic.id, f"{network_interfaces.NIC}/delete", principal, kind="Delete")


def _remove(azure: Azure, endpoint: Resource) -> Resource | None:
    subnet_id = endpoint.properties["subnet"]["id"]
    nic = azure.store.get(endpoint.properties["networkInterfaces"][0]["id"])
    if nic:
        network_interfaces.remove(azure, nic)
    links = backlinks(azure, subnet_id)
    if endpoint.id in links:
        links.remove(endpoint.id)
    azure.store.remove(endpoint.id)
    return nic


def start_deletion(azure: Azure, endpoint: Resource, request: ArmRequest) -> Operation:
    """Start deleting an endpoint; its interface goes with it at the end."""

    def finish() -> None:
        nic = _remove(azure, endpoint)
        if nic:
            azure.record_write(nic.id, f"{network_interfaces.NIC}/delete", request.principal, kind="Delete")

    return writes.begin_delete(
        azure,
        endpoint,
        "DeletePrivateEndpointOperation",
        azure.latencies.private_endpoint,
        location=endpoint.body["location"],
        api_version=request.api_version,
        finish=finish,
    )
