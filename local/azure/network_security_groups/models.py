"""Rules of network security groups. What they do to packets is not simulated."""

from __future__ import annotations

from typing import Any

from local.azure.azure import Azure
from local.azure.errors import invalid
from local.azure.http import ArmRequest
from local.azure.network import checks, writes
from local.azure.operations import Operation
from local.azure.store import Resource
from local.azure.virtual_networks.common import SUBNET

GROUP = "Microsoft.Network/networkSecurityGroups"
KINDS: checks.Kinds = {"securityRules": list}
READ_ONLY = ("provisioningState", "resourceGuid", "subnets", "defaultSecurityRules", "networkInterfaces")
REQUIRED = ("access", "direction", "protocol", "priority")


def put_group(azure: Azure, request: ArmRequest) -> tuple[Resource, Operation, bool]:
    """Create or replace a security group with its rules."""
    group_id = request.path.rstrip("/")
    existing = azure.store.get(group_id)
    body = checks.body_of(request)
    checks.check_name(group_id.rsplit("/", 1)[-1])
    checks.check_location(body, existing)
    checks.check_etag(request, group_id, existing)
    properties = checks.without(body["properties"], READ_ONLY)
    checks.expect(properties, KINDS, "properties")
    rules = properties.setdefault("securityRules", [])
    checks.expect_items(rules, "properties.securityRules")
    check_rules(rules)
    group = existing or Resource(id=group_id, type=GROUP, body={"location": body["location"]})
    group.body["tags"] = body.get("tags", {})
    group.body["properties"] = {"provisioningState": "Updating", "resourceGuid": writes.guid(group_id), **properties}
    azure.store.put(group)
    group.touch()
    operation = writes.begin(
        azure,
        group,
        "PutNetworkSecurityGroupOperation",
        0.0,
        location=group.body["location"],
        api_version=request.api_version,
    )
    return group, operation, existing is None


def check_rules(rules: list[dict[str, Any]]) -> None:
    """Raise 400 for a rule without its required parts, a priority out of range, or two of one priority."""
    seen: dict[tuple[str, int], str] = {}
    for rule in rules:
        facts = rule.get("properties", {})
        missing = next((name for name in REQUIRED if name not in facts), None)
        if missing:
            raise checks.unreadable(f"Required property '{missing}' not found in JSON. Path 'properties'.")
        priority = facts["priority"]
        if not isinstance(priority, int) or not 100 <= priority <= 4096:
            message = f"Security rule {rule['name']} has invalid priority. It must be between 100 and 4096."
            raise invalid("SecurityRuleInvalidPriority", message)
        first = seen.setdefault((str(facts["direction"]).lower(), priority), rule["name"])
        if first != rule["name"]:
            message = f"Security rule {rule['name']} conflicts with rule {first}: same priority and direction."
            raise invalid("SecurityRuleConflict", message)


def attached(azure: Azure, group: Resource) -> list[Resource]:
    """The subnets that have the group now."""
    return [
        subnet
        for subnet in azure.store.of_type(SUBNET)
        if (subnet.properties.get("networkSecurityGroup") or {}).get("id", "").lower() == group.key
    ]


def delete_group(azure: Azure, group: Resource, request: ArmRequest) -> Operation:
    """Start deleting a group; refused while a subnet has it."""
    if attached(azure, group):
        message = f"Network security group {group.id} cannot be deleted because it is in use."
        raise writes.in_use("InUseNetworkSecurityGroupCannotBeDeleted", message)
    return writes.begin_delete(
        azure,
        group,
        "DeleteNetworkSecurityGroupOperation",
        0.0,
        location=group.body["location"],
        api_version=request.api_version,
    )
