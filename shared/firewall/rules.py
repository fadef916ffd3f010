"""Compiles rules: every term read once, and an index that finds the rules for one destination."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from shared.firewall.addresses import EVERYWHERE, NOWHERE, AddressSet, parse_addresses
from shared.firewall.decision import RuleRef
from shared.firewall.policy import ApplicationRule, NatRule, NetworkRule, Rule
from shared.firewall.selectors import (
    ANYWHERE,
    ApplicationSelector,
    Directory,
    NetworkSelector,
    Packet,
    Selector,
    Side,
    Truth,
    UnknownSelector,
    name_key,
    port_terms,
    protocol_terms,
)

_MAX_BLOCKS = 64  # a destination of more blocks than this is not worth indexing: the rule is always tried
_DEFAULT_ROUTE = (0, 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Translation:
    """Where a NAT rule sends a flow; None when the rule does not say it in numbers."""

    address: int | None
    port: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """What a rule selects and does, without its place in the policy.

    Attributes:
        source: the source side.
        selector: everything but the source.
        reach: destinations that the selector may select, for the index.
        doubts: what is not known about the rule, in words.
        notes: what has to hold when the rule decides, in words.
        translation: only for NAT rules.
    """

    source: Side
    selector: Selector
    reach: AddressSet = EVERYWHERE
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    translation: Translation | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CompiledRule:
    """A rule that is ready to match.

    Attributes:
        order: its place among the rules of its type, from 0.
        ref: its name.
        body: what it selects.
        certain: False when its place or a field is not known, so that it never surely matches.
        doubts: what is not known about the rule or its place, in words.
    """

    order: int
    ref: RuleRef
    body: Body
    certain: bool
    doubts: tuple[str, ...]

    def match(self, packet: Packet, sources: AddressSet) -> tuple[AddressSet, AddressSet]:
        """Returns which of the sources the rule surely matches, and which others it might match."""
        truth = self.body.selector.truth(packet)
        if truth is Truth.NO:
            return NOWHERE, NOWHERE
        possible = sources & self.body.source.possible
        if truth is Truth.MAYBE or not self.certain:
            return NOWHERE, possible
        if not self.body.source.unknown:
            return possible, NOWHERE
        sure = sources & self.body.source.sure
        return sure, possible - sure


class RuleTable:
    """The rules of one type in the order in which the firewall tries them."""

    def __init__(self, rules: Sequence[CompiledRule]) -> None:
        self._rules = rules
        self._by_block: dict[tuple[int, int], list[int]] = {}
        for rule in rules:
            for block in _index_blocks(rule.body.reach):
                self._by_block.setdefault(block, []).append(rule.order)
        self._lengths = sorted({length for _, length in self._by_block})
        self._ends = [rule.body.source.possible.ends for rule in rules]

    def candidates(self, destination: int, sources: AddressSet) -> list[CompiledRule]:
        """Returns the rules that may select a destination and one of the sources, first tried first."""
        found: list[int] = []
        for length in self._lengths:
            network = destination >> (32 - length) << (32 - length)
            found += self._by_block.get((network, length), ())
        low, high = sources.ends
        ends = self._ends
        return [self._rules[at] for at in sorted(found) if ends[at][0] <= high and ends[at][1] >= low]


def _index_blocks(reach: AddressSet) -> list[tuple[int, int]]:
    if len(reach.spans) > _MAX_BLOCKS:
        return [_DEFAULT_ROUTE]
    blocks = list(reach.prefixes())
    return blocks if len(blocks) <= _MAX_BLOCKS else [_DEFAULT_ROUTE]


def compile_body(rule: Rule, directory: Directory, firewall_addresses: AddressSet | None) -> Body:
    """Reads the terms of a rule.

    Args:
        rule: the rule.
        directory: resolves IP groups and names.
        firewall_addresses: the firewall's own addresses, None when they are not known.

    Returns:
        What the rule selects and does.
    """
    match rule:
        case NetworkRule():
            return _network(rule, directory)
        case ApplicationRule():
            return _application(rule, directory)
        case NatRule():
            return _nat(rule, directory, firewall_addresses)
    return Body(source=ANYWHERE, selector=UnknownSelector(), doubts=(rule.why,))


def _network(rule: NetworkRule, directory: Directory) -> Body:
    source = directory.side(rule.source_addresses, rule.source_ip_groups)
    destination = directory.side(rule.destination_addresses, rule.destination_ip_groups, rule.destination_fqdns)
    names = ", ".join(rule.destination_fqdns)
    notes = (f"the firewall resolves {names} to the same addresses as were given",) if names else ()
    return _on_ip(rule, source, destination, notes)


def _nat(rule: NatRule, directory: Directory, firewall_addresses: AddressSet | None) -> Body:
    source = directory.side(rule.source_addresses, rule.source_ip_groups)
    destination, notes = _own_addresses(rule, directory, firewall_addresses)
    body = _on_ip(rule, source, destination, notes)
    target = parse_addresses(rule.translated_address or "")
    port = rule.translated_port or ""
    return Body(
        source=body.source,
        selector=body.selector,
        reach=body.reach,
        doubts=body.doubts,
        notes=body.notes,
        translation=Translation(
            address=_single(target) if target else None, port=int(port) if port.isdecimal() else None
        ),
    )


def _own_addresses(rule: NatRule, directory: Directory, own: AddressSet | None) -> tuple[Side, tuple[str, ...]]:
    side = directory.side(rule.destination_addresses)
    if own is not None:
        return Side(sure=side.sure & own, possible=side.possible & own, unknown=side.unknown), ()
    parsed = [found for found in map(parse_addresses, rule.destination_addresses) if found]
    sure = AddressSet.of((each, each) for each in map(_single, parsed) if each is not None)
    names = ", ".join(rule.destination_addresses)
    unknown = () if sure == side.possible else (f"which of {names} are the firewall's addresses",)
    notes = (f"{names} is an address of the firewall",)
    return Side(sure=sure, possible=side.possible, unknown=(*side.unknown, *unknown)), notes


def _single(addresses: AddressSet) -> int | None:
    (first, last), *more = addresses.spans
    return first if first == last and not more else None


def _on_ip(rule: NetworkRule | NatRule, source: Side, destination: Side, notes: tuple[str, ...]) -> Body:
    source, destination = _widened(rule.unknown_fields, source, destination)
    ports = port_terms(rule.destination_ports)
    protocols = protocol_terms(rule.protocols)
    return Body(
        source=source,
        selector=NetworkSelector(destination=destination, ports=ports, protocols=protocols),
        reach=destination.possible,
        doubts=(*source.unknown, *destination.unknown, *ports.unknown, *protocols.unknown),
        notes=notes,
    )


def _widened(fields: Iterable[str], source: Side, destination: Side) -> tuple[Side, Side]:
    for field in fields:
        why = f"field {field} is not understood"
        if field.casefold().startswith("source"):
            source = source.doubted(why)
        if field.casefold().startswith("destination"):
            destination = destination.doubted(why)
    return source, destination


def _application(rule: ApplicationRule, directory: Directory) -> Body:
    source = directory.side(rule.source_addresses, rule.source_ip_groups)
    source, _ = _widened(rule.unknown_fields, source, ANYWHERE)
    plain = tuple(name_key(name) for name in rule.target_fqdns if "*" not in name[1:])
    opaque = _opaque_targets(rule)
    selector = ApplicationSelector(
        destination=_application_destination(rule, directory),
        protocols=rule.protocols,
        fqdns=plain,
        opaque=opaque,
    )
    doubts = (*source.unknown, *selector.destination.unknown, *opaque)
    names = "it decides by the server name the client sends; the firewall resolves that name itself"
    return Body(source=source, selector=selector, doubts=doubts, notes=(names,))


def _application_destination(rule: ApplicationRule, directory: Directory) -> Side:
    """The effect of addresses beside names is not documented, so inside them a match is only possible."""
    if not rule.destination_addresses:
        return ANYWHERE
    side = directory.side(rule.destination_addresses)
    why = "it names destination addresses as well as names"
    return Side(sure=NOWHERE, possible=side.possible, unknown=(*side.unknown, why))


def _opaque_targets(rule: ApplicationRule) -> tuple[str, ...]:
    strange = [name for name in rule.target_fqdns if "*" in name[1:]]
    groups = {
        "FQDN tag": rule.fqdn_tags,
        "web category": rule.web_categories,
        "URL": rule.target_urls,
        "pattern": strange,
    }
    found = tuple(f"{kind} {name} is not resolved" for kind, names in groups.items() for name in names)
    return found if found or rule.target_fqdns else ("names no target",)


def as_addresses(addresses: Iterable[IPv4Address]) -> AddressSet:
    """Returns single addresses as a set."""
    return AddressSet.of((int(each), int(each)) for each in addresses)
