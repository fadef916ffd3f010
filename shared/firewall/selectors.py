"""What a rule selects, with three answers: it matches, it does not, or nobody can tell from here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address
from typing import Protocol

from shared.firewall.addresses import EVERYWHERE, NOWHERE, AddressSet, Span, parse_addresses, union
from shared.firewall.policy import ApplicationProtocol, IpGroup

_PROTOCOLS = {"tcp", "udp", "icmp"}


class Truth(IntEnum):
    """Three-valued truth: `min` is and, `max` is or."""

    NO = 0
    MAYBE = 1
    YES = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Packet:
    """What selectors look at: destination as a number, protocol and names in lower case."""

    destination: int
    port: int
    protocol: str
    fqdn: str | None


class Selector(Protocol):
    """Tells whether a rule selects a packet, whatever its source."""

    def truth(self, packet: Packet) -> Truth:
        """Says whether the packet is selected."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """The addresses that one side of a rule selects.

    Attributes:
        sure: addresses that are certainly selected.
        possible: those and the addresses that an unknown term might select.
        unknown: the unknown terms, in words.
    """

    sure: AddressSet
    possible: AddressSet
    unknown: tuple[str, ...] = ()

    def truth(self, address: int) -> Truth:
        """Says whether the side selects an address."""
        if address in self.sure:
            return Truth.YES
        return Truth.MAYBE if address in self.possible else Truth.NO

    def doubted(self, why: str) -> "Side":
        """Returns the side with nothing sure and everything possible."""
        return Side(sure=NOWHERE, possible=EVERYWHERE, unknown=(*self.unknown, why))


ANYWHERE = Side(sure=EVERYWHERE, possible=EVERYWHERE)


class Directory:
    """Looks up the terms of a rule: IP groups, and FQDNs when the caller knows their addresses."""

    def __init__(self, ip_groups: Mapping[str, IpGroup], fqdns: Mapping[str, Iterable[IPv4Address]] | None) -> None:
        self._ip_groups = {key.casefold(): group for key, group in ip_groups.items()}
        self._fqdns = {name_key(name): tuple(addresses) for name, addresses in (fqdns or {}).items()}
        self._groups: dict[str, Side] = {}

    def side(self, addresses: Iterable[str], groups: Iterable[str] = (), fqdns: Iterable[str] = ()) -> Side:
        """Returns what the terms of one side select together.

        A side that names nothing is unknown: Azure refuses such rules, so what selects was not seen. A rule
        with an empty IP group is skipped (learn: firewall/ip-groups); whether that holds for the other terms of
        the same side is not documented, so they are only possible.
        """
        by_group = [self._group(each) for each in groups]
        terms = [*map(_address, addresses), *by_group, *map(self._fqdn, fqdns)]
        if not terms:
            return ANYWHERE.doubted("names no address")
        unknown = tuple(dict.fromkeys(why for each in terms for why in each.unknown))
        possible = union(each.possible for each in terms)
        skipped = any(not each.possible for each in by_group)
        if skipped and possible:
            return Side(sure=NOWHERE, possible=possible, unknown=(*unknown, "one of its IP groups is empty"))
        return Side(sure=union(each.sure for each in terms), possible=possible, unknown=unknown)

    def _group(self, group_id: str) -> Side:
        key = group_id.casefold()
        if key not in self._groups:
            self._groups[key] = self._read_group(group_id)
        return self._groups[key]

    def _read_group(self, group_id: str) -> Side:
        group = self._ip_groups.get(group_id.casefold())
        if group is None or group.addresses is None:
            return ANYWHERE.doubted(f"IP group {group_id} was not read")
        if not group.addresses:
            return Side(sure=NOWHERE, possible=NOWHERE)
        terms = [_address(each) for each in group.addresses]
        return Side(
            sure=union(each.sure for each in terms),
            possible=union(each.possible for each in terms),
            unknown=tuple(why for each in terms for why in each.unknown),
        )

    def _fqdn(self, name: str) -> Side:
        addresses = self._fqdns.get(name_key(name))
        if addresses is None:
            return ANYWHERE.doubted(f"the addresses of {name} are not known")
        found = AddressSet.of((int(each), int(each)) for each in addresses)
        return Side(sure=found, possible=found)


def _address(text: str) -> Side:
    found = parse_addresses(text)
    if found is None:
        return ANYWHERE.doubted(f"{text} is a service tag or not an address")
    return Side(sure=found, possible=found)


def name_key(name: str) -> str:
    """Returns a DNS name as it is compared: lower case, without the final dot."""
    return name.strip().rstrip(".").casefold()


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """Ports or protocols of a rule: spans of numbers or names, and whether a term was not understood."""

    spans: tuple[Span, ...] = ()
    names: frozenset[str] = frozenset()
    unknown: tuple[str, ...] = ()


def port_terms(texts: Iterable[str]) -> Terms:
    """Reads destination ports: `*`, `443`, `8000-9000`."""
    spans: list[Span] = []
    unknown: list[str] = []
    for text in texts:
        span = _port_span(text.strip())
        if span is None:
            unknown.append(f"port {text} is not understood")
        else:
            spans.append(span)
    if not (spans or unknown):
        unknown.append("names no port")
    return Terms(spans=tuple(spans), unknown=tuple(unknown))


def _port_span(text: str) -> Span | None:
    if text == "*":
        return 0, 65535
    first, dash, last = (part.strip() for part in text.partition("-"))
    if not (first.isdecimal() and (last.isdecimal() if dash else not last)):
        return None
    span = int(first), int(last or first)
    return span if span[0] <= span[1] else None


def protocol_terms(texts: Iterable[str]) -> Terms:
    """Reads IP protocols: `TCP`, `UDP`, `ICMP`, `Any`."""
    names = {text.strip().casefold() for text in texts}
    strange = sorted(names - _PROTOCOLS - {"any"})
    unknown = tuple(f"protocol {name} is not understood" for name in strange)
    known = frozenset(_PROTOCOLS if "any" in names else names & _PROTOCOLS)
    return Terms(names=known, unknown=unknown if names else ("names no protocol",))


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkSelector:
    """Selects by destination address, port and IP protocol."""

    destination: Side
    ports: Terms
    protocols: Terms

    def truth(self, packet: Packet) -> Truth:
        """Says whether the packet is selected; ICMP has no port."""
        port = Truth.YES if packet.protocol == "icmp" else self._port(packet.port)
        if port is Truth.NO:
            return port
        return min(port, self._protocol(packet.protocol), self.destination.truth(packet.destination))

    def _port(self, port: int) -> Truth:
        for first, last in self.ports.spans:
            if first <= port <= last:
                return Truth.YES
        return Truth.MAYBE if self.ports.unknown else Truth.NO

    def _protocol(self, name: str) -> Truth:
        if name in self.protocols.names:
            return Truth.YES
        return Truth.MAYBE if self.protocols.unknown else Truth.NO


@dataclass(frozen=True, kw_only=True, slots=True)
class ApplicationSelector:
    """Selects TCP by port and by the name that the client asks for.

    Only HTTPS with a known server name gives a sure answer; FQDN tags, web categories, URLs, plain HTTP and
    MSSQL depend on what this model does not see.

    Attributes:
        destination: the destination addresses; everywhere when the rule names none.
        protocols: protocol and port pairs.
        fqdns: names, lower case; `*.x` for everything below x, `*` for every name.
        opaque: the targets that cannot be judged from here, in words.
    """

    destination: Side
    protocols: tuple[ApplicationProtocol, ...]
    fqdns: tuple[str, ...]
    opaque: tuple[str, ...]

    def truth(self, packet: Packet) -> Truth:
        """Says whether the packet is selected."""
        if packet.protocol != "tcp":
            return Truth.NO
        destination = self.destination.truth(packet.destination)
        return min(destination, self._protocol(packet.port), self._target(packet.fqdn))

    def _protocol(self, port: int) -> Truth:
        if not self.protocols:
            return Truth.MAYBE
        return max(_protocol_truth(each, port) for each in self.protocols)

    def _target(self, fqdn: str | None) -> Truth:
        if fqdn is None:
            return Truth.MAYBE
        if any(_covers(pattern, fqdn) for pattern in self.fqdns):
            return Truth.YES
        return Truth.MAYBE if self.opaque else Truth.NO


def _protocol_truth(protocol: ApplicationProtocol, port: int) -> Truth:
    if protocol.port is None:
        return Truth.MAYBE
    if protocol.port != port:
        return Truth.NO
    return Truth.YES if protocol.type.casefold() == "https" else Truth.MAYBE


def _covers(pattern: str, fqdn: str) -> bool:
    if pattern.startswith("*"):
        return fqdn.endswith(pattern[1:]) and len(fqdn) >= len(pattern)
    return pattern == fqdn


@dataclass(frozen=True, slots=True)
class UnknownSelector:
    """Might select anything."""

    def truth(self, packet: Packet) -> Truth:  # noqa: ARG002
        """Says maybe."""
        return Truth.MAYBE
