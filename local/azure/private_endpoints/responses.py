"""HTTP shapes of private endpoints."""

from __future__ import annotations

from typing import Any

from local.azure.azure import Azure
from local.azure.http import ArmRequest, ArmResponse
from local.azure.network import checks, writes
from local.azure.private_endpoints import models
from local.azure.store import Resource

APPROVED = {"status": "Approved", "description": "Auto Approved", "actionsRequired": "None"}
PENDING = {"status": "Pending", "description": "Awaiting approval", "actionsRequired": "None"}


def endpoint_body(_azure: Azure, endpoint: Resource) -> dict[str, Any]:
    """A private endpoint as GET answers it."""
    kept = endpoint.snapshot()["properties"]
    automatic, manual = models.CONNECTIONS
    properties = {
        "provisioningState": kept.pop("provisioningState"),
        "resourceGuid": kept.pop("resourceGuid"),
        automatic: [_connection(endpoint, automatic, item, APPROVED) for item in kept.pop(automatic, [])],
        manual: [_connection(endpoint, manual, item, PENDING) for item in kept.pop(manual, [])],
        "customNetworkInterfaceName": kept.pop("customNetworkInterfaceName", ""),
        "subnet": kept.pop("subnet"),
        "ipConfigurations": kept.pop("ipConfigurations", []),
        "networkInterfaces": kept.pop("networkInterfaces"),
        "customDnsConfigs": [],
        "isIPv6EnabledPrivateEndpoint": False,
        **kept,
    }
    return writes.top_level(endpoint, properties)


def _connection(endpoint: Resource, kind: str, item: dict[str, Any], state: dict[str, str]) -> dict[str, Any]:
    return {
        "name": item["name"],
        "id": f"{endpoint.id}/{kind}/{item['name']}",
        "etag": endpoint.etag,
        "properties": {
            "provisioningState": "Succeeded",
            **item["properties"],
            "privateLinkServiceConnectionState": dict(state),
        },
        "type": f"{models.ENDPOINT}/{kind}",
    }


def get_endpoint(azure: Azure, request: ArmRequest) -> ArmResponse:
    """One private endpoint."""
    return writes.read(azure, writes.get(azure, request, models.ENDPOINT), endpoint_body)


def list_endpoints(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Private endpoints of a resource group or a subscription."""
    return writes.listed(azure, request, models.ENDPOINT, endpoint_body)


def put_endpoint(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Create (201) or update (200)."""
    endpoint, operation, new = models.put_endpoint(azure, request)
    return writes.written(azure, endpoint, endpoint_body, operation, status=201 if new else 200)


def delete_endpoint(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Start the deletion: 202, or 204 when there is nothing to delete."""
    endpoint = azure.store.get(request.path.rstrip("/"))
    if endpoint is None:
        return ArmResponse(status=204, event=False)
    checks.check_etag(request, endpoint.id, endpoint)
    return ArmResponse(status=202, operation=models.start_deletion(azure, endpoint, request))
