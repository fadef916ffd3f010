"""What AKS reads of the network its clusters live in."""

from __future__ import annotations

from typing import Any

from local.azure.azure import Azure
from local.azure.route_tables.models import routes_of
from local.azure.store import Resource

NEXT_HOPS = ("virtualappliance", "virtualnetworkgateway", "virtualapplianceecmp")


def vnet_id(subnet_id: str) -> str:
    """The id of the VNet a subnet belongs to."""
    return subnet_id.rsplit("/subnets/", 1)[0]


def pool_subnets(properties: dict[str, Any]) -> list[str]:
    """All subnets that the node pools name, nodes and pods, without repetition."""
    found: dict[str, str] = {}
    for pool in properties["agentPoolProfiles"]:
        for key in ("vnetSubnetID", "podSubnetID"):
            if pool.get(key):
                found.setdefault(pool[key].lower(), pool[key])
    return list(found.values())


def route_table(azure: Azure, subnet: Resource) -> Resource | None:
    """The route table on a subnet."""
    reference = subnet.properties.get("routeTable") or {}
    return azure.store.get(reference["id"]) if reference.get("id") else None


def default_routes(table: Resource) -> list[dict[str, Any]]:
    """The properties of a table's 0.0.0.0/0 routes."""
    found = [route.properties for route in routes_of(table).values()]
    return [route for route in found if route.get("addressPrefix") == "0.0.0.0/0"]
