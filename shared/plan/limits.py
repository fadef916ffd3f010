"""Limits of Azure, told before they bite. Pure.

Limits: learn azure-resource-manager/management/azure-subscription-service-limits (Private DNS, virtual network).
"""

from __future__ import annotations

from shared.model.resource_id import ResourceId
from shared.plan.finding import Code, Finding, Severity

NEAR = 0.8
ZONES_PER_VNET = 1000
LINKS_PER_ZONE = 1000
ROUTES_PER_TABLE = 400


def limit_near(resource: ResourceId, *, what: str, used: int, limit: int, advice: str) -> Finding | None:
    """A finding from 80 % on, an error when more is used than the limit allows; None below."""
    if used < NEAR * limit:
        return None
    return Finding(
        code=Code.LIMIT_NEAR,
        severity=Severity.WARNING if used <= limit else Severity.ERROR,
        resource=resource,
        message=f"{used:,} of {limit:,} {what} are used.",
        fix=advice,
    )


def zones_of_vnet(vnet: ResourceId, zones: int) -> Finding | None:
    """Private DNS zones linked to one VNet: every cluster with a zone of its own takes one on the hub."""
    advice = (
        "Let new clusters share a bring-your-own private DNS zone per region (TRUSTED_ZONE_IDS): it takes one link "
        "for all of them."
    )
    return limit_near(vnet, what="private DNS zones on the VNet", used=zones, limit=ZONES_PER_VNET, advice=advice)


def links_of_zone(zone: ResourceId, links: int) -> Finding | None:
    """Virtual network links of one zone."""
    advice = "Link only the hub and let the VNets resolve through it, or give new clusters another zone."
    return limit_near(zone, what="virtual network links of the zone", used=links, limit=LINKS_PER_ZONE, advice=advice)


def routes_of_table(table: ResourceId, routes: int) -> Finding | None:
    """Routes in one table; kubenet adds one for every node."""
    advice = "Summarise routes; a kubenet cluster that outgrows its table needs Azure CNI overlay."
    return limit_near(table, what="routes of the table", used=routes, limit=ROUTES_PER_TABLE, advice=advice)
