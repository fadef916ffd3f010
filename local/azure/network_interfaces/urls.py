"""Routes of network interfaces."""

from __future__ import annotations

from local.azure.http import Route
from local.azure.network_interfaces import responses
from local.azure.network_interfaces.models import NIC

_PROVIDER = "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Network/networkInterfaces"
_NIC = _PROVIDER + "/{nic}"

ROUTES = [
    Route(
        "GET", "/subscriptions/{sub}/providers/Microsoft.Network/networkInterfaces", responses.list_nics, f"{NIC}/read"
    ),
    Route("GET", _PROVIDER, responses.list_nics, f"{NIC}/read"),
    Route("GET", _NIC, responses.get_nic, f"{NIC}/read"),
    Route("PUT", _NIC, responses.put_nic, f"{NIC}/write"),
    Route("DELETE", _NIC, responses.delete_nic, f"{NIC}/delete"),
]
