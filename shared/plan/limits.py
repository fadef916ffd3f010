"""Limits of Azure, told before they bite. Pure.

Limits: https://learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits
("Networking limits": 500 peerings per VNet, 400 routes per table, 200 route tables per subscription and region, of
which one is ours) and https://learn.microsoft.com/azure/dns/private-dns-privatednszone ("Limits": 1,000 links per
zone, 1,000 zones per VNet). Azure Virtual Network Manager peers a hub with up to 1,000 spokes; its connected groups
are no peerings (https://learn.microsoft.com/azure/virtual-network-manager/concept-limitations).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from shared.model.resource_id import ResourceId
from shared.model.world import Link
from shared.plan.finding import Code, Finding, Severity

NEAR = 0.8
ZONES_PER_VNET = 1000
LINKS_PER_ZONE = 1000
ROUTES_PER_TABLE = 400
PEERINGS_PER_VNET = 500
PEERINGS_BY_NETWORK_MANAGER = 1000


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
    """Private DNS zones linked to one VNet: a cluster's own zone takes one on the hub and on each monitoring VNet."""
    advice = (
        "Let new clusters share a bring-your-own private DNS zone per region (TRUSTED_ZONE_IDS): it takes one link "
        "for all of them."
    )
    return limit_near(vnet, what="private DNS zones on the VNet", used=zones, limit=ZONES_PER_VNET, advice=advice)


def linked_zones(links: Iterable[Link]) -> dict[ResourceId, int]:
    """How many zones each VNet is linked to, whoever made the links and whatever the zones are for."""
    zones: dict[ResourceId, set[ResourceId]] = defaultdict(set)
    for link in links:
        zones[link.vnet].add(link.id.parent)
    return {vnet: len(found) for vnet, found in zones.items()}


def peerings_of_vnet(vnet: ResourceId, peerings: int) -> Finding | None:
    """Peerings of one VNet: every spoke takes one on the hub.

    More than 500 exist only where Azure Virtual Network Manager made them, which may make 1,000.
    """
    limit = PEERINGS_PER_VNET if peerings <= PEERINGS_PER_VNET else PEERINGS_BY_NETWORK_MANAGER
    advice = (
        "Plan a second hub for new spokes, or let Azure Virtual Network Manager peer them: with it a hub has up to "
        "1,000 spokes."
    )
    return limit_near(vnet, what="peerings of the VNet", used=peerings, limit=limit, advice=advice)


def links_of_zone(zone: ResourceId, links: int) -> Finding | None:
    """Virtual network links of one zone."""
    advice = "Link only the hub and let the VNets resolve through it, or give new clusters another zone."
    return limit_near(zone, what="virtual network links of the zone", used=links, limit=LINKS_PER_ZONE, advice=advice)


def routes_of_table(table: ResourceId, routes: int) -> Finding | None:
    """Routes in one table; kubenet adds one for every node."""
    advice = "Summarise routes; a kubenet cluster that outgrows its table needs Azure CNI overlay."
    return limit_near(table, what="routes of the table", used=routes, limit=ROUTES_PER_TABLE, advice=advice)
