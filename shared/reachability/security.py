"""Step NSG: what network security groups do with a connection.

Rules are tried by priority, the first match decides; Azure's default rules let everything within `VirtualNetwork`
pass. That tag covers the VNet's own space, that of its peers and the prefixes of user-defined routes, and may cover
more: what is behind a gateway, and what a peering forwards. `Internet` is what is outside of it and reachable from the
Internet; whether private addresses outside of it count is not documented
(https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview, .../service-tags-overview,
.../virtual-network-manage-peering).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network

from shared.firewall.addresses import EVERYWHERE, NOWHERE, AddressSet, parse_addresses, union
from shared.firewall.selectors import Truth, port_terms
from shared.model.security_groups import SecurityGroup, SecurityRule
from shared.reachability.routes import DROPPED

DEFAULT_RULES = (
    ("AllowVnet", 65000, True, "VirtualNetwork"),
    ("AllowInternetOutBound", 65001, True, "Internet"),
    ("DenyAll", 65500, False, "*"),
)


@dataclass(frozen=True, kw_only=True)
class Connection:
    """A TCP connection as a security group sees it.

    `virtual_network`: what that service tag surely stands for there; `perhaps`: what it may stand for as well.
    """

    source: AddressSet
    destination: AddressSet
    port: int
    virtual_network: AddressSet
    perhaps: AddressSet = NOWHERE


@dataclass(frozen=True, kw_only=True)
class Filtered:
    """What a group does: the deciding rule, whether it allows, and rules before it that might decide otherwise."""

    rule: str
    allowed: bool
    doubts: tuple[str, ...] = ()


def filter_connection(group: SecurityGroup, connection: Connection, *, outbound: bool) -> Filtered:
    """Judge a connection by a group's rules and Azure's defaults."""
    doubtful: list[SecurityRule] = []
    for rule in _in_order(group, outbound=outbound):
        truth = _matches(rule, connection)
        if truth is Truth.YES:
            doubts = tuple(each.name for each in doubtful if each.allow != rule.allow)
            return Filtered(rule=rule.name, allowed=rule.allow, doubts=doubts)
        if truth is Truth.MAYBE:
            doubtful.append(rule)
    return Filtered(rule="DenyAll", allowed=False, doubts=tuple(rule.name for rule in doubtful if rule.allow))


def _in_order(group: SecurityGroup, *, outbound: bool) -> list[SecurityRule]:
    rules = [rule for rule in group.rules if rule.outbound == outbound]
    return sorted([*rules, *_defaults(outbound=outbound)], key=lambda rule: rule.priority)


def _defaults(*, outbound: bool) -> Iterator[SecurityRule]:
    for name, priority, allow, tag in DEFAULT_RULES:
        if tag == "Internet" and not outbound:
            continue
        yield SecurityRule(
            name=name,
            priority=priority,
            outbound=outbound,
            allow=allow,
            protocol="*",
            sources=(tag if tag != "Internet" else "*",),
            destinations=(tag,),
            destination_ports=("*",),
        )


def _matches(rule: SecurityRule, connection: Connection) -> Truth:
    if rule.protocol.lower() not in ("*", "tcp", "any"):
        return Truth.NO
    found = min(
        _ports(rule.destination_ports, connection.port),
        _side(rule.sources, connection.source, connection),
        _side(rule.destinations, connection.destination, connection),
    )
    unsure = rule.by_application_group or "*" not in rule.source_ports
    return min(found, Truth.MAYBE) if unsure else found


def _ports(texts: tuple[str, ...], port: int) -> Truth:
    terms = port_terms(texts)
    if any(first <= port <= last for first, last in terms.spans):
        return Truth.YES
    return Truth.MAYBE if terms.unknown and texts else Truth.NO


def _side(terms: tuple[str, ...], wanted: AddressSet, connection: Connection) -> Truth:
    if not terms:
        return Truth.MAYBE  # application security groups stand in their place
    found = [_addresses(term, connection) for term in terms]
    if not wanted - union(sure for sure, _ in found):
        return Truth.YES
    return Truth.MAYBE if wanted & union(possible for _, possible in found) else Truth.NO


def _addresses(term: str, connection: Connection) -> tuple[AddressSet, AddressSet]:
    """What a term surely stands for, and what it may stand for at most."""
    inside, possible = connection.virtual_network, connection.virtual_network | connection.perhaps
    match term.strip().lower():
        case "virtualnetwork":
            return inside, possible
        case "internet":
            return EVERYWHERE - possible - _PRIVATE, EVERYWHERE - inside
    found = parse_addresses(term) or NOWHERE  # other service tags stand for public addresses
    return found, found


def addresses_of(networks: Iterable[IPv4Network]) -> AddressSet:
    """The addresses of networks, as one set."""
    return union(AddressSet.covering(network) for network in networks)


_PRIVATE = addresses_of(DROPPED)
