"""Rules of Azure Firewalls: an address in AzureFirewallSubnet, and the policy they enforce."""

from __future__ import annotations

from typing import Any

from local.azure.azure import Azure
from local.azure.errors import invalid
from local.azure.firewall import common
from local.azure.firewall.common import FIREWALL
from local.azure.firewall.models import JOIN_POLICY
from local.azure.http import ArmRequest
from local.azure.network import checks, ip_configurations, writes
from local.azure.operations import Operation, Style
from local.azure.store import Resource

SUBNET_NAME = "AzureFirewallSubnet"
SMALLEST = 26
CONFIGURATIONS = "azureFirewallIpConfigurations"
KINDS: checks.Kinds = {"ipConfigurations": list, "firewallPolicy": dict, "sku": dict, "threatIntelMode": str}
READ_ONLY = ("provisioningState", "hubIPAddresses", "ipGroups", "resourceGuid")


def put_firewall(azure: Azure, request: ArmRequest) -> tuple[Resource, Operation, bool]:
    """Create or replace a firewall. Its private address is there from the first answer on."""
    firewall_id = request.path.rstrip("/")
    existing = azure.store.get(firewall_id)
    body = checks.body_of(request)
    checks.check_name(firewall_id.rsplit("/", 1)[-1])
    checks.check_location(body, existing)
    checks.check_etag(request, firewall_id, existing)
    wanted = _clean(azure, firewall_id, body["properties"], request)
    running: Operation | None = existing.hidden.get("operation") if existing else None
    if running and not running.over:
        raise writes.in_progress(azure, running)
    firewall = existing or azure.store.put(Resource(id=firewall_id, type=FIREWALL, body={"location": body["location"]}))
    firewall.body.update({key: body[key] for key in ("tags", "zones") if key in body})
    before = firewall.properties.get("ipConfigurations", [])
    addresses = ip_configurations.addresses_by_name(before)
    placed = [_configuration(azure, firewall_id, item, addresses) for item in wanted.pop("ipConfigurations")]
    ip_configurations.release_dropped(azure, before, placed)
    firewall.body["properties"] = {**wanted, "ipConfigurations": placed, "provisioningState": "Updating"}
    firewall.touch()
    policy = azure.store.get(wanted.get("firewallPolicy", {}).get("id", ""))
    if policy:
        policy.hidden.setdefault("firewalls", {})[firewall.key] = firewall.id
    operation = writes.begin(
        azure,
        firewall,
        "PutAzureFirewallOperation",
        azure.latencies.firewall,
        location=firewall.body["location"],
        api_version=request.api_version,
        style=Style.FIREWALL,
    )
    firewall.hidden["operation"] = operation
    return firewall, operation, existing is None


def _clean(azure: Azure, firewall_id: str, properties: dict[str, Any], request: ArmRequest) -> dict[str, Any]:
    checks.expect(properties, KINDS, "properties")
    wanted = checks.without(properties, READ_ONLY)
    items = wanted.setdefault("ipConfigurations", [])
    ip_configurations.check_items(azure, firewall_id, items, "properties.ipConfigurations", request.principal)
    for item in items:
        subnet = item.get("properties", {}).get("subnet", {}).get("id", "")
        if subnet and subnet.rsplit("/", 1)[-1] != SUBNET_NAME:
            message = f"The subnet of firewall {firewall_id} must be named {SUBNET_NAME}."
            raise invalid("AzureFirewallSubnetNameNotValid", message)
        if subnet:
            _check_size(azure, subnet)
    policy = checks.reference(wanted, "firewallPolicy")
    if policy:
        linked = {"linked_action": JOIN_POLICY, "linked": policy}
        azure.access.check_linked(request.principal, f"{FIREWALL}/write", firewall_id, **linked)
        checks.referenced(azure, policy, firewall_id)
    wanted.setdefault("sku", {"name": "AZFW_VNet", "tier": "Standard"})
    wanted.setdefault("threatIntelMode", "Alert")
    return wanted


def _check_size(azure: Azure, subnet_id: str) -> None:
    subnet = checks.referenced(azure, subnet_id, subnet_id)
    prefix = subnet.properties.get("addressPrefix") or subnet.properties["addressPrefixes"][0]
    if int(prefix.rsplit("/", 1)[-1]) > SMALLEST:
        message = f"The subnet {subnet_id} must be /{SMALLEST} or larger, but is {prefix}."
        raise invalid("AzureFirewallSubnetTooSmall", message)


def _configuration(azure: Azure, firewall_id: str, item: dict[str, Any], before: dict[str, str]) -> dict[str, Any]:
    properties = ip_configurations.place(azure, firewall_id, CONFIGURATIONS, item, before)
    return {"name": item["name"], "properties": checks.without(properties, ("provisioningState",))}


def delete_firewall(azure: Azure, firewall: Resource, request: ArmRequest) -> Operation:
    """Start deleting a firewall; its address is given back at the end."""
    operation = writes.begin_delete(
        azure,
        firewall,
        "DeleteAzureFirewallOperation",
        azure.latencies.firewall,
        location=firewall.body["location"],
        api_version=request.api_version,
        style=Style.FIREWALL,
        finish=lambda: ip_configurations.release_all(azure, firewall.properties["ipConfigurations"]),
    )
    firewall.hidden["operation"] = operation
    return operation


def wire_properties(firewall: Resource) -> dict[str, Any]:
    """The properties as GET answers them: the policy's id in another case than it was written."""
    kept = firewall.snapshot()["properties"]
    policy = kept.pop("firewallPolicy", None)
    properties = {
        "provisioningState": kept.pop("provisioningState"),
        "sku": kept.pop("sku"),
        "threatIntelMode": kept.pop("threatIntelMode"),
        "additionalProperties": kept.pop("additionalProperties", {}),
        "ipConfigurations": [_wire_configuration(firewall, item) for item in kept.pop("ipConfigurations")],
        "networkRuleCollections": kept.pop("networkRuleCollections", []),
        "applicationRuleCollections": kept.pop("applicationRuleCollections", []),
        "natRuleCollections": kept.pop("natRuleCollections", []),
    }
    if policy:
        properties["firewallPolicy"] = {"id": common.odd_case(policy["id"])}
    return {**properties, **kept}


def _wire_configuration(firewall: Resource, item: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": item["name"],
        "id": f"{firewall.id}/{CONFIGURATIONS}/{item['name']}",
        "etag": firewall.etag,
        "type": f"{FIREWALL}/{CONFIGURATIONS}",
        "properties": {"provisioningState": "Succeeded", **item["properties"]},
    }
