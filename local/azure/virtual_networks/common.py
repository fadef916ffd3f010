"""What VNets, subnets and peerings share: types, lookups, and the one operation at a time that a VNet allows."""

from __future__ import annotations

import ipaddress
from typing import Any

from local.azure.azure import Azure
from local.azure.errors import ArmError, network_not_found, resource_not_found
from local.azure.network.checks import IPNetwork
from local.azure.network.writes import in_progress, parent_not_found
from local.azure.operations import Operation
from local.azure.store import Resource

VNET = "Microsoft.Network/virtualNetworks"
SUBNET = "Microsoft.Network/virtualNetworks/subnets"
PEERING = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings"


def find_vnet(azure: Azure, vnet_id: str, *, writing: str = "") -> Resource:
    """The VNet, or 404 as for reading it; with `writing` (a child type) as for writing below it."""
    found = azure.store.get(vnet_id)
    if found is not None and found.type == VNET:
        return found
    parts = vnet_id.split("/")
    if writing:
        raise parent_not_found(writing.removeprefix("Microsoft.Network/"), vnet_id)
    raise resource_not_found(VNET, parts[-1], parts[4])


def find_child(azure: Azure, child_id: str) -> Resource:
    """A subnet or peering, or the network provider's own 404; the gateway's when the VNet is missing."""
    vnet_id = child_id.rsplit("/", 2)[0]
    find_vnet(azure, vnet_id)
    found = azure.store.get(child_id)
    if found is None:
        raise network_not_found(child_id)
    return found


def children(vnet: Resource, kind: str) -> dict[str, Resource]:
    """The VNet's `subnets` or `peerings` by lower-cased name, in the order of their creation."""
    found: dict[str, Resource] = vnet.hidden.setdefault(kind, {})
    return found


def busy(azure: Azure, vnet_id: str) -> Operation | None:
    """The operation that holds the VNet now (its own, a subnet's, a peering's, or AKS at work in it), or None."""
    vnet = azure.store.get(vnet_id)
    operation: Operation | None = vnet.hidden.get("operation") if vnet else None
    return operation if operation and not operation.over else None


def hold(azure: Azure, vnet_id: str, operation: Operation) -> None:
    """Let an operation hold the VNet until it is over: it is Updating, and other writes to it are refused meanwhile."""
    vnet = azure.store.get(vnet_id)
    if vnet:
        vnet.hidden["operation"] = operation
        vnet.touch()
        operation.then.append(lambda _operation: vnet.touch())


def refuse_busy(azure: Azure, vnet: Resource) -> None:
    """Raise 409 AnotherOperationInProgress while something holds the VNet."""
    running = busy(azure, vnet.id)
    if running:
        raise in_progress(azure, running)


def space_of(vnet: Resource) -> list[IPNetwork]:
    """The VNet's address space."""
    return [ipaddress.ip_network(prefix) for prefix in vnet.properties["addressSpace"]["addressPrefixes"]]


def prefixes_of(subnet: Resource) -> list[IPNetwork]:
    """The subnet's prefixes, whichever form they were written in."""
    return [ipaddress.ip_network(prefix) for prefix in written_prefixes(subnet.properties)]


def written_prefixes(properties: dict[str, Any]) -> list[str]:
    """`addressPrefixes`, or the single `addressPrefix` as a list."""
    many: list[str] = properties.get("addressPrefixes") or []
    single = properties.get("addressPrefix")
    return many or ([single] if single else [])


def in_use_error(code: str, message: str) -> ArmError:
    """400 for removing what is still in use."""
    return ArmError(400, code, message, details=[])
