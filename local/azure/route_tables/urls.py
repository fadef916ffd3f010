"""Routes (URLs) of route tables."""

from __future__ import annotations

from local.azure.http import Route
from local.azure.route_tables import responses
from local.azure.route_tables.models import ROUTE, TABLE

_PROVIDER = "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Network/routeTables"
_TABLE = _PROVIDER + "/{table}"
_ROUTE = _TABLE + "/routes/{route}"

ROUTES = [
    Route(
        "GET", "/subscriptions/{sub}/providers/Microsoft.Network/routeTables", responses.list_tables, f"{TABLE}/read"
    ),
    Route("GET", _PROVIDER, responses.list_tables, f"{TABLE}/read"),
    Route("GET", _TABLE, responses.get_table, f"{TABLE}/read"),
    Route("PUT", _TABLE, responses.put_table, f"{TABLE}/write"),
    Route("DELETE", _TABLE, responses.delete_table, f"{TABLE}/delete"),
    Route("GET", _TABLE + "/routes", responses.list_routes, f"{ROUTE}/read"),
    Route("GET", _ROUTE, responses.get_route, f"{ROUTE}/read"),
    Route("PUT", _ROUTE, responses.put_route, f"{ROUTE}/write"),
    Route("DELETE", _ROUTE, responses.delete_route, f"{ROUTE}/delete"),
]
