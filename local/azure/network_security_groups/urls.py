"""Routes of network security groups."""

from __future__ import annotations

from local.azure.http import Route
from local.azure.network_security_groups import responses
from local.azure.network_security_groups.models import GROUP

_ALL = "/subscriptions/{sub}/providers/Microsoft.Network/networkSecurityGroups"
_PROVIDER = "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Network/networkSecurityGroups"
_GROUP = _PROVIDER + "/{group}"

ROUTES = [
    Route("GET", _ALL, responses.list_groups, f"{GROUP}/read"),
    Route("GET", _PROVIDER, responses.list_groups, f"{GROUP}/read"),
    Route("GET", _GROUP, responses.get_group, f"{GROUP}/read"),
    Route("PUT", _GROUP, responses.put_group, f"{GROUP}/write"),
    Route("DELETE", _GROUP, responses.delete_group, f"{GROUP}/delete"),
]
