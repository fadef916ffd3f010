"""HTTP shapes of private DNS: 202 with `{}`, escaped slashes on GET, lower-cased groups and link names."""

from __future__ import annotations

import uuid
from typing import Any

from local.azure.azure import Azure
from local.azure.errors import resource_not_found
from local.azure.http import ArmRequest, ArmResponse
from local.azure.paging import page
from local.azure.private_dns import models
from local.azure.store import Resource

PAGE = 100
OWN_HEADERS = {
    "X-AspNet-Version": "4.0.30319",
    "X-Powered-By": "ASP.NET",
    "Expires": "",
    "Pragma": "",
    "x-ms-ratelimit-remaining-subscription-global-reads": "",
    "x-ms-ratelimit-remaining-subscription-global-writes": "",
    "x-ms-ratelimit-remaining-subscription-global-deletes": "",
}
"""Private DNS adds two headers and leaves out others that the rest of Azure sends (recorded)."""


def _zone(azure: Azure, request: ArmRequest) -> Resource:
    params = request.params
    return models.get_zone(azure, params["sub"], params["rg"], params["zone"])


def zone_body(azure: Azure, zone: Resource) -> dict[str, Any]:
    """A zone as GET answers it, with its counters."""
    links = models.links_of(azure, zone)
    properties = {
        "internalId": zone.properties["internalId"],
        "maxNumberOfRecordSets": 25000,
        "maxNumberOfVirtualNetworkLinks": models.MAX_LINKS,
        "maxNumberOfVirtualNetworkLinksWithRegistration": 100,
        "numberOfRecordSets": 1 + len(azure.store.of_type(models.RECORD, below=zone.id)),
        "numberOfVirtualNetworkLinks": len(links),
        "numberOfVirtualNetworkLinksWithRegistration": sum(link.properties["registrationEnabled"] for link in links),
        "provisioningState": zone.properties["provisioningState"],
    }
    body = {"id": zone.id, "name": zone.name, "type": models.ZONE, "etag": zone.etag, "location": "global"}
    tags = zone.body.get("tags")
    return {**body, **({"tags": tags} if tags else {}), "properties": properties}


def child_body(resource: Resource, *, quote_etag: bool) -> dict[str, Any]:
    """A link or a record set as GET answers it."""
    etag = f'"{resource.etag}"' if quote_etag else resource.etag
    return {
        "id": resource.id,
        "name": resource.name,
        "type": resource.type,
        "etag": etag,
        **resource.snapshot(),
    }


def get_zone(azure: Azure, request: ArmRequest) -> ArmResponse:
    """One zone."""
    zone = _zone(azure, request)
    return ArmResponse(status=200, body=zone_body(azure, zone), escape_slashes=True, headers=_headers(zone.etag))


def list_zones(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Zones of a resource group or a subscription, 100 a page."""
    below = request.path.lower().split("/providers/")[0]
    zones = azure.store.of_type(models.ZONE, below=below)
    return _page(azure, request, [zone_body(azure, zone) for zone in zones])


def put_zone(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Start the write: 202 `{}`."""
    operation = models.put_zone(azure, request)
    return ArmResponse(status=202, body={}, operation=operation, headers=_headers())


def delete_zone(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Start the deletion: 202 without a body."""
    return ArmResponse(status=202, operation=models.delete_zone(azure, _zone(azure, request)), headers=_headers())


def get_link(azure: Azure, request: ArmRequest) -> ArmResponse:
    """One virtual network link."""
    zone = _zone(azure, request)
    link = models.get_link(azure, zone, request.params["link"], request.params["rg"])
    headers = _headers(f'"{link.etag}"')
    return ArmResponse(status=200, body=child_body(link, quote_etag=True), escape_slashes=True, headers=headers)


def list_links(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Links of a zone, 100 a page."""
    links = models.links_of(azure, _zone(azure, request))
    return _page(azure, request, [child_body(link, quote_etag=True) for link in links])


def put_link(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Start the write: 202 `{}`, also for an update."""
    operation = models.put_link(azure, _zone(azure, request), request.params["link"], request)
    return ArmResponse(status=202, body={}, operation=operation, headers=_headers())


def delete_link(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Start the deletion: 202, or 204 when there is nothing to delete."""
    zone = _zone(azure, request)
    link = azure.store.get(f"{zone.id}/virtualNetworkLinks/{request.params['link']}")
    if link is None:
        return ArmResponse(status=204, event=False)
    return ArmResponse(status=202, operation=models.delete_link(azure, zone, link), headers=_headers())


def get_record(azure: Azure, request: ArmRequest) -> ArmResponse:
    """One A record set."""
    zone = _zone(azure, request)
    record = azure.store.get(f"{zone.id}/A/{request.params['record']}")
    if record is None:
        name = f"{zone.name}/A/{request.params['record']}"
        raise resource_not_found(models.ZONE, name, request.params["rg"])
    return ArmResponse(
        status=200,
        body=child_body(record, quote_etag=False),
        escape_slashes=True,
        headers=_headers(record.etag),
    )


def list_records(azure: Azure, request: ArmRequest) -> ArmResponse:
    """A record sets of a zone, 100 a page."""
    records = azure.store.of_type(models.RECORD, below=_zone(azure, request).id)
    return _page(azure, request, [child_body(record, quote_etag=False) for record in records])


def put_record(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Write an A record set: 201 or 200 at once."""
    zone, name = _zone(azure, request), request.params["record"]
    models.check_preconditions(request, azure.store.get(f"{zone.id}/A/{name}"), f"Record set {name}")
    record, new = models.put_record(azure, zone, name, request.body or {})
    body = child_body(record, quote_etag=False)
    return ArmResponse(status=201 if new else 200, body=body, escape_slashes=True, headers=_headers(record.etag))


def delete_record(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Delete an A record set: 200, or 204 when it was not there."""
    removed = azure.store.remove(f"{_zone(azure, request).id}/A/{request.params['record']}")
    return ArmResponse(status=200 if removed else 204, event=removed is not None, headers=_headers())


def _headers(etag: str | None = None) -> dict[str, str]:
    return {**OWN_HEADERS, "ETag": etag} if etag else dict(OWN_HEADERS)


def _page(azure: Azure, request: ArmRequest, items: list[dict[str, Any]]) -> ArmResponse:
    # Resource Manager puts lists together itself, and counts them on another quota (recorded).
    answer = page(azure, request, items, size=PAGE)
    answer.headers = {
        **OWN_HEADERS,
        "x-ms-original-request-ids": str(uuid.uuid4()),
        "x-ms-ratelimit-remaining-subscription-resource-entities-read": "60000",
    }
    return answer
