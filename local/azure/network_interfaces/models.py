"""Rules of network interfaces. They are written at once: no operation runs (recorded)."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from local.azure.azure import Azure
from local.azure.errors import ArmError, invalid
from local.azure.http import ArmRequest
from local.azure.network import checks, ip_configurations, writes
from local.azure.operations import Operation
from local.azure.rbac import Principal
from local.azure.store import Resource

NIC = "Microsoft.Network/networkInterfaces"
CONFIGURATIONS = "ipConfigurations"
KINDS: checks.Kinds = {
    "ipConfigurations": list,
    "dnsSettings": dict,
    "enableAcceleratedNetworking": bool,
    "enableIPForwarding": bool,
    "networkSecurityGroup": dict,
}
READ_ONLY = (
    "provisioningState",
    "resourceGuid",
    "virtualMachine",
    "privateEndpoint",
    "privateLinkService",
    "macAddress",
    "primary",
    "hostedWorkloads",
    "tapConfigurations",
    "defaultOutboundConnectivityEnabled",
    "vnetEncryptionSupported",
)


def put_nic(azure: Azure, request: ArmRequest) -> tuple[Resource, bool]:
    """Create or replace a network interface."""
    nic_id = request.path.rstrip("/")
    existing = azure.store.get(nic_id)
    body = checks.body_of(request)
    checks.check_name(nic_id.rsplit("/", 1)[-1])
    checks.check_location(body, existing)
    checks.check_etag(request, nic_id, existing)
    checks.expect(body["properties"], KINDS, "properties")
    items = body["properties"].get("ipConfigurations", [])
    if not items:
        message = f"Network interface {nic_id} must have one or more IP configurations."
        raise invalid("NetworkInterfaceMustHaveAtLeastOneIpConfiguration", message)
    if existing and existing.properties.get("privateEndpoint"):
        message = f"Network interface {nic_id} belongs to a private endpoint and cannot be changed."
        raise invalid("NicInUseByPrivateEndpoint", message)
    ip_configurations.check_items(azure, nic_id, items, "properties.ipConfigurations", request.principal)
    nic = existing or Resource(id=nic_id, type=NIC, body={"location": body["location"]})
    nic.body["tags"] = body.get("tags", {})
    _fill(azure, nic, checks.without(body["properties"], READ_ONLY), items)
    azure.store.put(nic)
    return nic, existing is None


def _fill(azure: Azure, nic: Resource, wanted: dict[str, Any], items: list[dict[str, Any]]) -> None:
    before = nic.properties.get("ipConfigurations", [])
    addresses = ip_configurations.addresses_by_name(before)
    placed = [_configuration(azure, nic.id, item, addresses, first=item is items[0]) for item in items]
    ip_configurations.release_dropped(azure, before, placed)
    nic.body["properties"] = {
        "provisioningState": "Succeeded",
        "resourceGuid": writes.guid(nic.id),
        **wanted,
        "ipConfigurations": placed,
    }
    nic.touch()


def _configuration(
    azure: Azure, nic_id: str, item: dict[str, Any], before: dict[str, str], *, first: bool
) -> dict[str, Any]:
    properties = ip_configurations.place(azure, nic_id, CONFIGURATIONS, item, before)
    properties.setdefault("primary", first)
    properties.setdefault("privateIPAddressVersion", "IPv4")
    return {**checks.without(item, ("etag", "type", "id")), "properties": properties}


def create_for_endpoint(
    azure: Azure, *, endpoint: Resource, subnet_id: str, principal: Principal, location: str
) -> Resource:
    """The network interface `<endpoint>.nic.<guid>` of a private endpoint, with an address from the subnet."""
    group = endpoint.id.rsplit("/providers/", 1)[0]
    nic_id = f"{group}/providers/{NIC}/{endpoint.name}.nic.{uuid.uuid4()}"
    nic = Resource(id=nic_id, type=NIC, body={"location": location, "tags": {}})
    item = {"name": f"privateEndpointIpConfig.{uuid.uuid4()}", "properties": {"subnet": {"id": subnet_id}}}
    _fill(azure, nic, {"privateEndpoint": {"id": endpoint.id}}, [item])
    azure.store.put(nic)
    azure.record_write(nic.id, f"{NIC}/write", principal)
    return nic


def remove(azure: Azure, nic: Resource) -> None:
    """Forget a network interface and give its addresses back."""
    ip_configurations.release_all(azure, nic.properties["ipConfigurations"])
    azure.store.remove(nic.id)


def delete_nic(azure: Azure, nic: Resource, request: ArmRequest) -> Operation:
    """Delete at once; the operation in the answer is over with the next look (recorded: 200 with its headers)."""
    for key, word in (("privateEndpoint", "private endpoint"), ("virtualMachine", "virtual machine")):
        user = nic.properties.get(key)
        if user:
            message = f"Network interface {nic.id} is used by the {word} {user['id']} and cannot be deleted."
            raise ArmError(400, "NicInUse", message, details=[])
    remove(azure, nic)
    return writes.begin(
        azure,
        nic,
        "DeleteNicOperation",
        0.0,
        location=nic.body["location"],
        api_version=request.api_version,
    )


def address_of(nic: Resource) -> str:
    """The interface's first private address."""
    address: str = nic.properties["ipConfigurations"][0]["properties"]["privateIPAddress"]
    return address


def dns_suffix(nic: Resource) -> str:
    """The internal DNS suffix, the same for all interfaces of a VNet."""
    subnet: str = nic.properties["ipConfigurations"][0]["properties"].get("subnet", {}).get("id", nic.id)
    vnet = subnet.lower().rsplit("/subnets/", 1)[0]
    letters = hashlib.sha256(vnet.encode()).hexdigest()[:26]
    return f"{letters}.bx.internal.cloudapp.net"
