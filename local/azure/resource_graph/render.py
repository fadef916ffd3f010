"""How each provider renders a resource on GET, by type; Resource Graph shows the same properties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.azure.authorization.responses import graph_body
from local.azure.azure import Azure
from local.azure.firewall import ip_groups
from local.azure.firewall import responses as firewall
from local.azure.load_balancers.responses import balancer_body
from local.azure.network_interfaces.responses import nic_body
from local.azure.private_dns import responses as private_dns
from local.azure.private_endpoints.responses import endpoint_body
from local.azure.route_tables.responses import table_body
from local.azure.store import Resource
from local.azure.virtual_networks.responses import vnet_body

Renderer = Callable[[Azure, Resource], dict[str, Any]]


def _link(_azure: Azure, link: Resource) -> dict[str, Any]:
    return private_dns.child_body(link, quote_etag=True)


def _record(_azure: Azure, record: Resource) -> dict[str, Any]:
    return private_dns.child_body(record, quote_etag=False)


RENDERERS: dict[str, Renderer] = {
    "microsoft.authorization/roleassignments": graph_body,
    "microsoft.network/privatednszones": private_dns.zone_body,
    "microsoft.network/privatednszones/virtualnetworklinks": _link,
    "microsoft.network/privatednszones/a": _record,
    "microsoft.network/virtualnetworks": vnet_body,
    "microsoft.network/routetables": table_body,
    "microsoft.network/networkinterfaces": nic_body,
    "microsoft.network/loadbalancers": balancer_body,
    "microsoft.network/privateendpoints": endpoint_body,
    "microsoft.network/azurefirewalls": firewall.firewall_body,
    "microsoft.network/firewallpolicies": firewall.policy_body,
    "microsoft.network/firewallpolicies/rulecollectiongroups": firewall.group_body,
    "microsoft.network/ipgroups": ip_groups.wire_body,
}
"""By type in lower case."""


def render(azure: Azure, resource: Resource) -> dict[str, Any]:
    """What GET answers for the resource."""
    renderer = RENDERERS.get(resource.type.lower())
    return renderer(azure, resource) if renderer else resource.snapshot()
