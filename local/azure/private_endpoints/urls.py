"""Routes of private endpoints."""

from __future__ import annotations

from local.azure.http import Route
from local.azure.private_endpoints import responses
from local.azure.private_endpoints.models import ENDPOINT

_ALL = "/subscriptions/{sub}/providers/Microsoft.Network/privateEndpoints"
_PROVIDER = "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Network/privateEndpoints"
_ENDPOINT = _PROVIDER + "/{endpoint}"

ROUTES = [
    Route("GET", _ALL, responses.list_endpoints, f"{ENDPOINT}/read"),
    Route("GET", _PROVIDER, responses.list_endpoints, f"{ENDPOINT}/read"),
    Route("GET", _ENDPOINT, responses.get_endpoint, f"{ENDPOINT}/read"),
    Route("PUT", _ENDPOINT, responses.put_endpoint, f"{ENDPOINT}/write"),
    Route("DELETE", _ENDPOINT, responses.delete_endpoint, f"{ENDPOINT}/delete"),
]
