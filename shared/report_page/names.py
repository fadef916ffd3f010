"""Names as people know them: the end of a resource id, the beginning of a UUID. Pure."""

from __future__ import annotations

import re

_UUID = re.compile(r"\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)
_INSIDE = ("subnets", "routes", "rulecollectiongroups", "virtualnetworklinks")
"""Kinds of resources whose names say little without that of what they are in."""


def short_name(resource: object) -> str:
    """The end of a resource id that people know it by: `vnet-hub`, `vnet-spoke-1/aks-nodes`."""
    parts = str(resource or "").split("/")
    if len(parts) > 10 and parts[-2].lower() in _INSIDE:
        # Of AKS's own zones only the UUID tells which one it is.
        owner, _, rest = parts[-3].partition(".")
        return f"{short_ids(owner if rest and _UUID.fullmatch(owner) else parts[-3])}/{parts[-1]}"
    return short_ids(parts[-1])


def short_ids(text: object) -> str:
    """A text with its UUIDs cut, which nobody reads: subscriptions, and the names of AKS's own zones."""
    return _UUID.sub(lambda found: f"{found[1]}…", str(text))


def same(one: object, other: object) -> bool:
    """Whether two resource ids are of the same resource; Azure writes them in changing case."""
    return str(one or "").lower() == str(other or "").lower()


def subscription_of(resource: object) -> str:
    """The subscription in a resource id, or an empty text."""
    parts = str(resource or "").split("/")
    return parts[2] if len(parts) > 2 and parts[1].lower() == "subscriptions" else ""


def moment(text: object) -> str:
    """A time in ISO 8601, to the minute."""
    return str(text)[:16].replace("T", " ")


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: `1 cluster`, `2 clusters`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
