"""HTTP shapes of Resource Graph."""

from __future__ import annotations

from local.azure.azure import Azure
from local.azure.errors import ArmError
from local.azure.http import ArmRequest, ArmResponse
from local.azure.resource_graph import models
from local.azure.resource_graph.journal import Journal
from local.azure.resource_graph.quota import Quota


class ResourceGraph:
    """Resource Graph of one tenant: its memory and its quota."""

    def __init__(self, azure: Azure) -> None:
        self._searcher = models.Searcher(azure, Journal(azure))
        self._quota = Quota(azure)

    def resources(self, _azure: Azure, request: ArmRequest) -> ArmResponse:
        """Answer a query: 200 with rows, 400 for a query that is not understood, 429 when out of quota."""
        within, headers = self._quota.spend(request.principal)
        if not within:
            return ArmResponse(status=429, body=_throttled().body(), headers=headers)
        try:
            search = models.read_request(request.body)
        except ArmError as error:
            return ArmResponse(status=error.status, body=error.body(), headers=headers)
        page = self._searcher.run(search, request.principal)
        body = {
            "totalRecords": page.total,
            "count": len(page.rows),
            "resultTruncated": "true" if page.token else "false",
            **({"$skipToken": page.token} if page.token else {}),
            "facets": [],
            "data": page.rows,
        }
        return ArmResponse(status=200, body=body, headers=headers)


def _throttled() -> ArmError:
    message = (
        "Client application has been throttled and should not attempt to repeat the request until an amount of time "
        "has elapsed. Please see https://aka.ms/resourcegraph-throttling for help."
    )
    details = [{"code": "RateLimiting", "message": message}]
    return ArmError(429, "RateLimiting", "Please provide below info when asking for support.", details=details)
