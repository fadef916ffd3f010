"""Hypothesis strategies for ids."""

from __future__ import annotations

from random import Random
from uuid import UUID

from hypothesis import strategies as st

from shared.model.resource_id import ResourceId

names = st.from_regex(r"[A-Za-z0-9_äÖß][A-Za-z0-9_.()\-]{0,20}[A-Za-z0-9_)]", fullmatch=True).filter(
    lambda name: ".." not in name
)
kinds = st.sampled_from(["virtualNetworks", "subnets", "privateDnsZones", "A", "virtualNetworkLinks", "routeTables"])
subscriptions = st.builds(lambda number: str(UUID(int=number)), st.integers(0, 2**128 - 1))


@st.composite
def _resource_ids(draw: st.DrawFn) -> ResourceId:
    pairs = draw(st.lists(st.tuples(kinds, names), max_size=3))
    provider = draw(st.sampled_from(["Microsoft.Network", "microsoft.containerservice"])) if pairs else ""
    return ResourceId(
        draw(subscriptions), draw(names), provider, tuple(kind for kind, _ in pairs), tuple(name for _, name in pairs)
    )


resource_ids = _resource_ids()


def recased(text: str, random: Random) -> str:
    """The text with random casing of its ASCII letters, as Azure likes to do."""
    return "".join(random.choice((c.upper(), c.lower())) if c.isascii() else c for c in text)
