"""Next hops of routes: which lead to the firewall, which are understood, and how they are told."""

from __future__ import annotations

from ipaddress import IPv4Address

from shared.model.world import Route

VIRTUAL_APPLIANCE = "VirtualAppliance"
_KNOWN = frozenset({"virtualappliance", "internet", "none", "virtualnetworkgateway", "vnetlocal"})


def goes_to(route: Route, next_hop: IPv4Address) -> bool:
    """Whether a route leads to the firewall."""
    return route.next_hop_type.lower() == VIRTUAL_APPLIANCE.lower() and route.next_hop_address == str(next_hop)


def is_understood(route: Route) -> bool:
    """Whether the type of the next hop is one whose way can be told; newer ones (VirtualApplianceEcmp) cannot."""
    return route.next_hop_type.lower() in _KNOWN


def is_dropped(route: Route) -> bool:
    """Whether the route drops what it takes."""
    return route.next_hop_type.lower() == "none"


def in_words(route: Route) -> str:
    """The next hop as people know it: its type, and its address if it has one."""
    return " ".join(part for part in (route.next_hop_type, route.next_hop_address) if part)
