"""HTTP shapes of network security groups."""

from __future__ import annotations

from typing import Any

from local.azure.azure import Azure
from local.azure.http import ArmRequest, ArmResponse
from local.azure.network import checks, writes
from local.azure.network_security_groups import models
from local.azure.store import Resource


def group_body(azure: Azure, group: Resource) -> dict[str, Any]:
    """A group as GET answers it, with the subnets that have it."""
    properties = group.snapshot()["properties"]
    properties["securityRules"] = [_rule(group, item) for item in properties["securityRules"]]
    subnets = models.attached(azure, group)
    if subnets:
        properties["subnets"] = [{"id": subnet.id} for subnet in subnets]
    return writes.top_level(group, properties)


def _rule(group: Resource, item: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": item["name"],
        "id": f"{group.id}/securityRules/{item['name']}",
        "etag": group.etag,
        "type": f"{models.GROUP}/securityRules",
        "properties": {"provisioningState": "Succeeded", **item["properties"]},
    }


def get_group(azure: Azure, request: ArmRequest) -> ArmResponse:
    """One security group."""
    return writes.read(azure, writes.get(azure, request, models.GROUP), group_body)


def list_groups(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Security groups of a resource group or a subscription."""
    return writes.listed(azure, request, models.GROUP, group_body)


def put_group(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Create (201) or replace (200)."""
    group, operation, new = models.put_group(azure, request)
    return writes.written(azure, group, group_body, operation, status=201 if new else 200)


def delete_group(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Start the deletion: 202, or 204 when there is nothing to delete."""
    group = azure.store.get(request.path.rstrip("/"))
    if group is None:
        return ArmResponse(status=204, event=False)
    checks.check_etag(request, group.id, group)
    return ArmResponse(status=202, operation=models.delete_group(azure, group, request))
