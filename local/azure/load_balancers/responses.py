"""HTTP shapes of load balancers."""

from __future__ import annotations

from typing import Any

from local.azure.azure import Azure
from local.azure.http import ArmRequest, ArmResponse
from local.azure.load_balancers import models
from local.azure.network import checks, writes
from local.azure.store import Resource


def balancer_body(_azure: Azure, balancer: Resource) -> dict[str, Any]:
    """A load balancer as GET answers it; parts that were not written are empty lists."""
    kept = balancer.snapshot()["properties"]
    properties = {
        "provisioningState": kept.pop("provisioningState"),
        "resourceGuid": kept.pop("resourceGuid"),
        models.FRONTENDS: [_frontend(balancer, item) for item in kept.pop(models.FRONTENDS)],
        **{part: kept.pop(part, []) for part in models.PARTS},
        **kept,
    }
    return writes.top_level(balancer, properties, sku=dict(balancer.body["sku"]))


def _frontend(balancer: Resource, item: dict[str, Any]) -> dict[str, Any]:
    return {
        **item,
        "id": f"{balancer.id}/{models.FRONTENDS}/{item['name']}",
        "etag": balancer.etag,
        "type": f"{models.BALANCER}/{models.FRONTENDS}",
        "properties": {"provisioningState": "Succeeded", **item["properties"]},
    }


def get_balancer(azure: Azure, request: ArmRequest) -> ArmResponse:
    """One load balancer."""
    return writes.read(azure, writes.get(azure, request, models.BALANCER), balancer_body)


def list_balancers(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Load balancers of a resource group or a subscription."""
    return writes.listed(azure, request, models.BALANCER, balancer_body)


def put_balancer(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Create (201) or replace (200)."""
    balancer, operation, new = models.put_balancer(azure, request)
    return writes.written(azure, balancer, balancer_body, operation, status=201 if new else 200)


def delete_balancer(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Start the deletion: 202, or 204 when there is nothing to delete."""
    balancer = azure.store.get(request.path.rstrip("/"))
    if balancer is None:
        return ArmResponse(status=204, event=False)
    checks.check_etag(request, balancer.id, balancer)
    return ArmResponse(status=202, operation=models.delete_balancer(azure, balancer, request))
