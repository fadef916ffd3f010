"""HTTP shapes of resource groups and of operation status."""

from __future__ import annotations

from local.azure.azure import Azure
from local.azure.errors import ArmError
from local.azure.http import ArmRequest, ArmResponse
from local.azure.operations import Operation, Style, decode_token
from local.azure.private_dns.responses import OWN_HEADERS
from local.azure.resource_groups import models


def put(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Create (201) or update (200)."""
    body = request.body or {}
    if not body.get("location"):
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    group, new = models.put_group(
        azure,
        request.params["sub"],
        request.params["rg"],
        location=body["location"],
        tags=body.get("tags"),
        managed_by=body.get("managedBy"),
    )
    return ArmResponse(status=201 if new else 200, body=group.snapshot())


def get(azure: Azure, request: ArmRequest) -> ArmResponse:
    """One resource group."""
    return ArmResponse(status=200, body=azure.resource_group(request.params["sub"], request.params["rg"]).snapshot())


def list_groups(azure: Azure, request: ArmRequest) -> ArmResponse:
    """All resource groups of the subscription."""
    groups = azure.store.of_type(models.TYPE, below=f"/subscriptions/{request.params['sub']}")
    return ArmResponse(status=200, body={"value": [group.snapshot() for group in groups]})


def delete(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Start the deletion: 202 with a Location."""
    operation = models.delete_group(azure, request.params["sub"], request.params["rg"], api_version=request.api_version)
    return ArmResponse(status=202, operation=operation)


def operation_status(azure: Azure, request: ArmRequest) -> ArmResponse:
    """The Azure-AsyncOperation URL of the network, AKS and private DNS services: always 200."""
    operation = _operation(azure, request)
    indent = 1 if operation.style == "aks" else None
    headers = dict(OWN_HEADERS) if operation.style is Style.PRIVATE_DNS else {}
    if not operation.over and azure.clock.speed:
        # Real Retry-After values are whole seconds; on a faster clock the same wait is a fraction of one.
        headers["retry-after-ms"] = str(max(int(5_000 / azure.clock.speed), 20))
    return ArmResponse(status=200, body=operation.status_body(), indent=indent, headers=headers)


def operation_result(azure: Azure, request: ArmRequest) -> ArmResponse:
    """The Location URL: 202 while running, then 200 (204 for nothing to say)."""
    operation = _operation(azure, request)
    if operation.over:
        return ArmResponse(status=200)
    return ArmResponse(status=202, operation=operation)


def _operation(azure: Azure, request: ArmRequest) -> Operation:
    token = request.params["operation"]
    operation = azure.operations.get(token) or azure.operations.get(decode_token(token))
    if operation is None:
        raise ArmError(404, "OperationNotFound", f"The operation '{token}' was not found.")
    return operation
