"""Sets of IPv4 addresses as sorted spans: union, intersection and difference of whole networks."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network

LAST = 2**32 - 1
Span = tuple[int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class AddressSet:
    """A set of IPv4 addresses.

    Attributes:
        spans: inclusive (first, last) pairs, sorted, disjoint and not adjacent, so equal sets compare equal.
    """

    spans: tuple[Span, ...] = ()

    @classmethod
    def of(cls, spans: Iterable[Span]) -> "AddressSet":
        """Builds a set from inclusive spans in any order, overlapping or not."""
        merged: list[Span] = []
        for first, last in sorted(spans):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], last))
            else:
                merged.append((first, last))
        return cls(spans=tuple(merged))

    @classmethod
    def covering(cls, where: IPv4Address | IPv4Network) -> "AddressSet":
        """Returns the addresses of one address or network."""
        if isinstance(where, IPv4Address):
            return cls(spans=((int(where), int(where)),))
        return cls(spans=((int(where.network_address), int(where.broadcast_address)),))

    def __bool__(self) -> bool:
        return bool(self.spans)

    def __contains__(self, address: int) -> bool:
        at = bisect_right(self.spans, (address, LAST)) - 1
        return at >= 0 and self.spans[at][1] >= address

    def __or__(self, other: "AddressSet") -> "AddressSet":
        if not (self.spans and other.spans):
            return self if self.spans else other
        return AddressSet.of(self.spans + other.spans)

    def __and__(self, other: "AddressSet") -> "AddressSet":
        few, many = sorted((self, other), key=lambda each: len(each.spans))
        found = [
            (max(first, start), min(last, end))
            for first, last in few.spans
            for start, end in many._overlapping(first, last)
        ]
        return AddressSet(spans=tuple(found))

    def __sub__(self, other: "AddressSet") -> "AddressSet":
        left = [rest for first, last in self.spans for rest in other._gaps(first, last)]
        return AddressSet(spans=tuple(left))

    @property
    def ends(self) -> Span:
        """The lowest and the highest address; of the empty set, ends that overlap with nothing."""
        return (self.spans[0][0], self.spans[-1][1]) if self.spans else (LAST + 1, -1)

    def _overlapping(self, first: int, last: int) -> Iterator[Span]:
        at = max(bisect_right(self.spans, (first, LAST)) - 1, 0)
        while at < len(self.spans) and self.spans[at][0] <= last:
            if self.spans[at][1] >= first:
                yield self.spans[at]
            at += 1

    def _gaps(self, first: int, last: int) -> Iterator[Span]:
        for start, end in self._overlapping(first, last):
            if first < start:
                yield first, start - 1
            first = end + 1
        if first <= last:
            yield first, last

    def prefixes(self) -> Iterator[tuple[int, int]]:
        """Yields the fewest CIDR blocks that make up the set, as (network number, prefix length)."""
        for first, last in self.spans:
            yield from _blocks(first, last)

    def networks(self) -> tuple[IPv4Network, ...]:
        """Returns the fewest networks that make up the set, in address order."""
        return tuple(IPv4Network(block) for block in self.prefixes())


NOWHERE = AddressSet()
EVERYWHERE = AddressSet(spans=((0, LAST),))


def _blocks(first: int, last: int) -> Iterator[tuple[int, int]]:
    while first <= last:
        aligned = (first & -first).bit_length() - 1 if first else 32
        fits = (last - first + 1).bit_length() - 1
        host_bits = min(aligned, fits)
        yield first, 32 - host_bits
        first += 1 << host_bits


def union(sets: Iterable[AddressSet]) -> AddressSet:
    """Returns the union of many sets in one merge."""
    some = [each for each in sets if each]
    return some[0] if len(some) == 1 else AddressSet.of(span for each in some for span in each.spans)


def parse_addresses(text: str) -> AddressSet | None:
    """Reads one address term of a firewall rule.

    Args:
        text: `*`, an address, a CIDR block (host bits allowed) or a range `first-last`.

    Returns:
        The addresses; the empty set for an IPv6 term, which no IPv4 flow can match; None when the term is
        not an address at all, such as a service tag or a range that runs backwards.
    """
    text = text.strip()
    if text == "*":
        return EVERYWHERE
    try:
        if ":" in text:
            return _ipv6(text)
        if "-" in text:
            return _range(text)
        return AddressSet.covering(IPv4Network(text, strict=False))
    except ValueError:
        return None


def _ipv6(text: str) -> AddressSet:
    for part in text.split("-"):
        IPv6Network(part.strip(), strict=False)
    return NOWHERE


def _range(text: str) -> AddressSet | None:
    first, last = (int(IPv4Address(part.strip())) for part in text.split("-"))
    return AddressSet(spans=((first, last),)) if first <= last else None
