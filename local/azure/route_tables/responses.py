"""HTTP shapes of route tables and routes."""

from __future__ import annotations

from typing import Any

from local.azure.azure import Azure
from local.azure.errors import network_not_found, resource_not_found
from local.azure.http import ArmRequest, ArmResponse
from local.azure.network import checks, writes
from local.azure.paging import page
from local.azure.route_tables import models
from local.azure.store import Resource


def table_body(azure: Azure, table: Resource) -> dict[str, Any]:
    """A table as GET answers it, with its routes, and the subnets that have it."""
    properties = table.snapshot()["properties"]
    properties["routes"] = [route_body(azure, route) for route in models.routes_of(table).values()]
    subnets = models.attached(azure, table)
    if subnets:
        properties["subnets"] = [{"id": subnet.id} for subnet in subnets]
    return writes.top_level(table, properties)


def route_body(_azure: Azure, route: Resource) -> dict[str, Any]:
    """A route as GET answers it."""
    kept = route.snapshot()["properties"]
    state = kept.pop("provisioningState")
    return writes.child(route, {"provisioningState": state, **kept, "hasBgpOverride": False})


def get_table(azure: Azure, request: ArmRequest) -> ArmResponse:
    """One route table."""
    return writes.read(azure, writes.get(azure, request, models.TABLE), table_body)


def list_tables(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Route tables of a resource group or a subscription."""
    return writes.listed(azure, request, models.TABLE, table_body)


def put_table(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Create (201) or replace (200) a table."""
    table, operation, new = models.put_table(azure, request)
    return writes.written(azure, table, table_body, operation, status=201 if new else 200)


def delete_table(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Start the deletion: 202, or 204 when there is nothing to delete."""
    table = azure.store.get(request.path.rstrip("/"))
    if table is None:
        return ArmResponse(status=204, event=False)
    checks.check_etag(request, table.id, table)
    return ArmResponse(status=202, operation=models.delete_table(azure, table, request))


def get_route(azure: Azure, request: ArmRequest) -> ArmResponse:
    """One route."""
    _table(azure, request, 2)
    route = azure.store.get(request.path.rstrip("/"))
    if route is None:
        raise network_not_found(request.path.rstrip("/"))
    return writes.read(azure, route, route_body)


def list_routes(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Routes of a table."""
    table = _table(azure, request, 1)
    return page(
        azure, request, [route_body(azure, item) for item in models.routes_of(table).values()], size=writes.PAGE
    )


def put_route(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Create (201) or replace (200) a route."""
    route, operation, new = models.put_route(azure, request)
    return writes.written(azure, route, route_body, operation, status=201 if new else 200)


def delete_route(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Start the deletion: 202, or 204 when there is nothing to delete."""
    route = azure.store.get(request.path.rstrip("/"))
    if route is None:
        return ArmResponse(status=204, event=False)
    return ArmResponse(status=202, operation=models.delete_route(azure, route, request))


def _table(azure: Azure, request: ArmRequest, levels: int) -> Resource:
    found = azure.store.get(request.path.rstrip("/").rsplit("/", levels)[0])
    if found is None:
        raise resource_not_found(models.TABLE, request.params["table"], request.params["rg"])
    return found
