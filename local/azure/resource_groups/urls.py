"""Routes of Microsoft.Resources and of every service's operation status."""

from __future__ import annotations

from local.azure.http import Route
from local.azure.resource_groups import responses

_GROUP = "/subscriptions/{sub}/resourcegroups/{rg}"
_LOCATION = "/subscriptions/{sub}/providers/{provider}/locations/{location}"
_DNS = "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Network"
_WRITE = "Microsoft.Resources/subscriptions/resourceGroups"

ROUTES = [
    Route("PUT", _GROUP, responses.put, f"{_WRITE}/write"),
    Route("GET", _GROUP, responses.get, f"{_WRITE}/read"),
    Route("DELETE", _GROUP, responses.delete, f"{_WRITE}/delete"),
    Route("GET", "/subscriptions/{sub}/resourcegroups", responses.list_groups, f"{_WRITE}/read"),
    # Polling a status URL needs no right of its own in ARM for the client that started the operation, but
    # private DNS is documented with explicit read actions.
    Route("GET", _LOCATION + "/operations/{operation}", responses.operation_status, ""),
    Route("GET", _LOCATION + "/operationResults/{operation}", responses.operation_result, ""),
    Route("GET", _LOCATION + "/nfvOperations/{operation}", responses.operation_status, ""),
    Route("GET", _LOCATION + "/nfvOperationResults/{operation}", responses.operation_result, ""),
    Route("GET", "/subscriptions/{sub}/operationresults/{operation}", responses.operation_result, ""),
    Route(
        "GET",
        _DNS + "/privateDnsOperationStatuses/{operation}",
        responses.operation_status,
        "Microsoft.Network/privateDnsOperationStatuses/read",
    ),
    Route(
        "GET",
        _DNS + "/privateDnsOperationResults/{operation}",
        responses.operation_result,
        "Microsoft.Network/privateDnsOperationResults/read",
    ),
]
