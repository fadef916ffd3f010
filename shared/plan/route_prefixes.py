"""Which addresses a user-defined route decides about: longest prefix first. Pure arithmetic on prefixes.

Azure takes the route with the longest prefix; of equal prefixes the route table's before BGP's before the system's
(https://learn.microsoft.com/azure/virtual-network/virtual-networks-udr-overview, "How Azure selects a route").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, collapse_addresses

from shared.model.world import Route

EVERYTHING = IPv4Network("0.0.0.0/0")
PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))
"""Private address space (RFC 1918, RFC 6598), for which Azure has system routes of its own."""
_HALF = EVERYTHING.num_addresses // 2
Prefixes = Mapping[str, IPv4Network]
"""Routes' prefixes by the routes' names."""


def network_of(route: Route) -> IPv4Network | None:
    """The IPv4 prefix of a route; None for IPv6 and for a service tag, which stands for public addresses."""
    try:
        return IPv4Network(route.prefix, strict=False)
    except ValueError:
        return None


def decides(network: IPv4Network, about: Iterable[IPv4Network], others: Iterable[IPv4Network]) -> bool:
    """Whether a route is the longest match for any address of some networks, in the presence of other routes."""
    meeting = [place if place.subnet_of(network) else network for place in about if place.overlaps(network)]
    if not meeting:
        return False
    longer = [other for other in others if other.prefixlen > network.prefixlen and other.subnet_of(network)]
    return any(_size_left(part, longer) > 0 for part in meeting)


def _size_left(network: IPv4Network, taken: Iterable[IPv4Network]) -> int:
    """How many addresses of a network are in none of the others."""
    near = [other for other in taken if other.overlaps(network)]
    if any(network.subnet_of(other) for other in near):
        return 0
    return network.num_addresses - sum(part.num_addresses for part in collapse_addresses(near))


def half_of_the_internet(away: Prefixes, everywhere: Prefixes) -> frozenset[str]:
    """The routes of `away` that together decide about half of all addresses or more; small ones beside them do not.

    `everywhere` are all routes of the table. More specific routes bring back what they cover, but for those of
    private addresses: a table that keeps 10.0.0.0/8 on the firewall has lost the Internet with 0.0.0.0/1 all the same.
    """
    public = [network for network in everywhere.values() if not _is_private(network) and network != EVERYTHING]
    sizes = {name: _public_size(network, public) for name, network in away.items() if not _is_private(network)}
    left, smallest = sum(sizes.values()), 0
    for size in sorted(sizes.values(), reverse=True):
        if left < _HALF:
            break
        left, smallest = left - size, size
    return frozenset(name for name, size in sizes.items() if smallest and size >= smallest)


def _public_size(network: IPv4Network, others: Iterable[IPv4Network]) -> int:
    return _size_left(network, [other for other in others if other.prefixlen > network.prefixlen])


def _is_private(network: IPv4Network) -> bool:
    return any(network.subnet_of(private) for private in PRIVATE)
