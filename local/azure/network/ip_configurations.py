"""IP configurations of network interfaces, load balancer frontends and firewalls: where they get their addresses."""

from __future__ import annotations

from typing import Any

from local.azure.azure import Azure
from local.azure.errors import invalid
from local.azure.network import checks
from local.azure.rbac import Principal
from local.azure.virtual_networks import models as virtual_networks

JOIN_SUBNET = "Microsoft.Network/virtualNetworks/subnets/join/action"
KINDS: checks.Kinds = {"privateIPAddress": str, "privateIPAllocationMethod": str, "subnet": dict, "primary": bool}


def check_items(azure: Azure, owner: str, items: list[Any], path: str, principal: Principal) -> None:
    """Raise for items that are malformed, refer to no subnet, or to one the caller may not join."""
    checks.expect_items(items, path)
    resource_type = "/".join(owner.split("/")[6:8])
    for item in items:
        properties = item.get("properties", {})
        checks.expect(properties, KINDS, f"{path}.properties")
        subnet = checks.reference(properties, "subnet", f"{path}.properties")
        if subnet is None:
            continue
        azure.access.check_linked(principal, f"{resource_type}/write", owner, linked_action=JOIN_SUBNET, linked=subnet)
        checks.referenced(azure, subnet, owner)
        if properties.get("privateIPAllocationMethod") == "Static" and not properties.get("privateIPAddress"):
            message = f"A static private IP address is required for {owner}/{path}/{item['name']}."
            raise invalid("PrivateIPAddressRequired", message)


def place(azure: Azure, owner: str, kind: str, item: dict[str, Any], before: dict[str, str]) -> dict[str, Any]:
    """The item's properties with an address: the wished-for one, the one it had before, or the next free one."""
    properties = dict(item.get("properties", {}))
    subnet = properties.get("subnet")
    if subnet is None:
        return properties
    identity = f"{owner}/{kind}/{item['name']}"
    method = properties.get("privateIPAllocationMethod", "Dynamic")
    kept = before.get(item["name"].lower())
    wished = properties.get("privateIPAddress") if method == "Static" else kept
    if wished:
        address = virtual_networks.claim_address(azure, subnet["id"], wished, owner=identity)
    else:
        address = virtual_networks.allocate_address(azure, subnet["id"], owner=identity)
    return {
        **properties,
        "privateIPAddress": address,
        "privateIPAllocationMethod": method,
        "subnet": {"id": subnet["id"]},
    }


def addresses_by_name(items: list[dict[str, Any]]) -> dict[str, str]:
    """The address of each item that has one, by its lower-cased name."""
    return {
        item["name"].lower(): item["properties"]["privateIPAddress"]
        for item in items
        if "privateIPAddress" in item["properties"]
    }


def release_all(azure: Azure, items: list[dict[str, Any]]) -> None:
    """Give back the address of every item."""
    for item in items:
        subnet, address = item["properties"].get("subnet"), item["properties"].get("privateIPAddress")
        if subnet and address:
            virtual_networks.release_address(azure, subnet["id"], address)


def release_dropped(azure: Azure, before: list[dict[str, Any]], after: list[dict[str, Any]]) -> None:
    """Give back the addresses of items that an update left out or moved to another subnet."""
    kept = {(item["name"].lower(), item["properties"].get("privateIPAddress")) for item in after}
    dropped = [
        item for item in before if (item["name"].lower(), item["properties"].get("privateIPAddress")) not in kept
    ]
    release_all(azure, dropped)
