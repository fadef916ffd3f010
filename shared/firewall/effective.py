"""Reading an effective firewall policy: the policy, its parents, their groups, and the IP groups they name."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shared.errors import InvalidResourceId, PermanentError
from shared.firewall.policy import FirewallPolicy, IpGroup, RuleCollectionGroup, UnknownRule
from shared.firewall.wire import parse_ip_group, parse_policy, parse_rule_collection_group
from shared.model.resource_id import ResourceId
from shared.observe import parse
from shared.observe.reader import Reader

Wire = dict[str, Any]
_DEEPEST = 8
"""Policies inherit over one level today; more than this is a circle."""


@dataclass(frozen=True, kw_only=True)
class EffectivePolicy:
    """A policy with its lineage, and the IP groups its rules name. What could not be read is unknown in it."""

    policy: FirewallPolicy
    ip_groups: Mapping[str, IpGroup] = field(default_factory=dict)

    def with_group(self, group: ResourceId, body: Mapping[str, Any]) -> EffectivePolicy:
        """The policy as it is with another body of one of its groups."""
        changed = parse_rule_collection_group({"id": str(group), "name": group.name, **body})
        others = tuple(item for item in self.policy.groups if item.name.casefold() != group.name.casefold())
        return replace(self, policy=replace(self.policy, groups=(*others, changed)))


async def read_effective(reader: Reader, policy: ResourceId, wire: Wire) -> EffectivePolicy:
    """Read what belongs to a policy that was already read (1 call, 2 for each parent, 1 for each IP group)."""
    parsed = await _policy(reader, policy, wire, _DEEPEST)
    wanted = sorted({name.casefold(): name for each in parsed.lineage() for name in _ip_groups(each)}.values())
    groups = await asyncio.gather(*(_ip_group(reader, name) for name in wanted))
    return EffectivePolicy(policy=parsed, ip_groups={group.id: group for group in groups if group})


async def _policy(reader: Reader, policy: ResourceId, wire: Wire, levels: int) -> FirewallPolicy:
    parent = parse.reference(parse.properties(wire).get("basePolicy"))
    groups, base = await asyncio.gather(_groups(reader, policy), _parent(reader, parent, levels - 1))
    return parse_policy(wire, groups, base=base)


async def _parent(reader: Reader, policy: ResourceId | None, levels: int) -> FirewallPolicy | None:
    if policy is None or levels == 0:
        return None
    try:
        wire = await reader.firewall_policy(policy)
    except PermanentError:
        return None
    return await _policy(reader, policy, wire, levels) if wire else None


async def _groups(reader: Reader, policy: ResourceId) -> list[Wire] | None:
    try:
        return await reader.rule_collection_groups(policy)
    except PermanentError:
        return None


async def _ip_group(reader: Reader, name: str) -> IpGroup | None:
    try:
        wire = await reader.ip_group(ResourceId.parse(name))
    except (PermanentError, InvalidResourceId):
        return None
    return replace(parse_ip_group(wire), id=name) if wire else None


def _ip_groups(policy: FirewallPolicy) -> set[str]:
    return {name for group in policy.groups for name in _ip_groups_of(group)}


def _ip_groups_of(group: RuleCollectionGroup) -> set[str]:
    found: set[str] = set()
    for collection in group.collections:
        for rule in collection.rules:
            if not isinstance(rule, UnknownRule):
                found |= {*rule.source_ip_groups, *getattr(rule, "destination_ip_groups", ())}
    return found
