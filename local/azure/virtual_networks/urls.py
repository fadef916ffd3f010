"""Routes of virtual networks."""

from __future__ import annotations

from local.azure.http import Route
from local.azure.virtual_networks import responses
from local.azure.virtual_networks.common import PEERING, SUBNET, VNET

_PROVIDER = "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Network/virtualNetworks"
_VNET = _PROVIDER + "/{vnet}"
_SUBNET = _VNET + "/subnets/{subnet}"
_PEERING = _VNET + "/virtualNetworkPeerings/{peering}"

ROUTES = [
    Route(
        "GET", "/subscriptions/{sub}/providers/Microsoft.Network/virtualNetworks", responses.list_vnets, f"{VNET}/read"
    ),
    Route("GET", _PROVIDER, responses.list_vnets, f"{VNET}/read"),
    Route("GET", _VNET, responses.get_vnet, f"{VNET}/read"),
    Route("PUT", _VNET, responses.put_vnet, f"{VNET}/write"),
    Route("DELETE", _VNET, responses.delete_vnet, f"{VNET}/delete"),
    Route("GET", _VNET + "/subnets", responses.list_subnets, f"{SUBNET}/read"),
    Route("GET", _SUBNET, responses.get_subnet, f"{SUBNET}/read"),
    Route("PUT", _SUBNET, responses.put_subnet, f"{SUBNET}/write"),
    Route("DELETE", _SUBNET, responses.delete_subnet, f"{SUBNET}/delete"),
    Route("GET", _VNET + "/virtualNetworkPeerings", responses.list_peerings, f"{PEERING}/read"),
    Route("GET", _PEERING, responses.get_peering, f"{PEERING}/read"),
    Route("PUT", _PEERING, responses.put_peering, f"{PEERING}/write"),
    Route("DELETE", _PEERING, responses.delete_peering, f"{PEERING}/delete"),
]
