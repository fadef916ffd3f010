"""Routes of private DNS."""

from __future__ import annotations

from local.azure.http import Route
from local.azure.private_dns import responses
from local.azure.private_dns.models import LINK, RECORD, ZONE

_PROVIDER = "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Network/privateDnsZones"
_ZONE = _PROVIDER + "/{zone}"
_LINK = _ZONE + "/virtualNetworkLinks/{link}"
_RECORD = _ZONE + "/A/{record}"

ROUTES = [
    Route(
        "GET",
        "/subscriptions/{sub}/providers/Microsoft.Network/privateDnsZones",
        responses.list_zones,
        f"{ZONE}/read",
    ),
    Route("GET", _PROVIDER, responses.list_zones, f"{ZONE}/read"),
    Route("GET", _ZONE, responses.get_zone, f"{ZONE}/read"),
    Route("PUT", _ZONE, responses.put_zone, f"{ZONE}/write"),
    Route("DELETE", _ZONE, responses.delete_zone, f"{ZONE}/delete"),
    Route("GET", _ZONE + "/virtualNetworkLinks", responses.list_links, f"{LINK}/read"),
    Route("GET", _LINK, responses.get_link, f"{LINK}/read"),
    Route("PUT", _LINK, responses.put_link, f"{LINK}/write"),
    Route("DELETE", _LINK, responses.delete_link, f"{LINK}/delete"),
    Route("GET", _ZONE + "/A", responses.list_records, f"{RECORD}/read"),
    Route("GET", _RECORD, responses.get_record, f"{RECORD}/read"),
    Route("PUT", _RECORD, responses.put_record, f"{RECORD}/write"),
    Route("DELETE", _RECORD, responses.delete_record, f"{RECORD}/delete"),
]
