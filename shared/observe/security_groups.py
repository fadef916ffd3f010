"""From the JSON of a network security group to its rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.model.resource_id import ResourceId
from shared.model.security_groups import SecurityGroup, SecurityRule
from shared.observe.parse import properties

Wire = Mapping[str, Any]


def security_group(wire: Wire) -> SecurityGroup:
    """A network security group; of its rules those that people wrote."""
    rules = properties(wire).get("securityRules") or []
    return SecurityGroup(id=ResourceId.parse(wire["id"]), rules=tuple(_rule(rule) for rule in rules))


def _rule(wire: Wire) -> SecurityRule:
    facts = properties(wire)
    groups = ("sourceApplicationSecurityGroups", "destinationApplicationSecurityGroups")
    return SecurityRule(
        name=str(wire.get("name") or ""),
        priority=int(facts.get("priority") or 0),
        outbound=str(facts.get("direction")).lower() == "outbound",
        allow=str(facts.get("access")).lower() == "allow",
        protocol=str(facts.get("protocol") or "*"),
        sources=_either(facts, "sourceAddressPrefix", "sourceAddressPrefixes"),
        destinations=_either(facts, "destinationAddressPrefix", "destinationAddressPrefixes"),
        source_ports=_either(facts, "sourcePortRange", "sourcePortRanges"),
        destination_ports=_either(facts, "destinationPortRange", "destinationPortRanges"),
        by_application_group=any(facts.get(name) for name in groups),
    )


def _either(facts: Wire, one: str, many: str) -> tuple[str, ...]:
    """The single or the plural form of a rule's term, as Azure keeps the one it was written in."""
    found = [*(facts.get(many) or []), *([facts[one]] if facts.get(one) else [])]
    return tuple(str(item) for item in found)
