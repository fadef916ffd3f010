"""The order in which Azure Firewall tries the rules of an effective policy.

By rule type first (DNAT, network, application), whatever the groups say; within a type the parent policy's
groups before the child's, then the group's priority, then the collection's, then the rule's place in its
collection (learn: firewall/rule-processing, firewall/policy-rule-sets).
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from shared.firewall.decision import RuleRef
from shared.firewall.policy import (
    ApplicationRule,
    FirewallPolicy,
    NatRule,
    NetworkRule,
    Rule,
    RuleAction,
    RuleCollection,
    RuleCollectionGroup,
)


class Phase(IntEnum):
    """Rule types in the order in which the firewall goes through them."""

    NAT = 0
    NETWORK = 1
    APPLICATION = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacedRule:
    """A rule and its place.

    Attributes:
        phase: the rule type it is tried with; for an unknown rule the earliest it can be.
        place: sorts the rules of one phase.
        ref: its name.
        rule: the rule.
        doubts: why its place is not known, in words; such a rule stands as early as it can.
    """

    phase: Phase
    place: tuple[int, ...]
    ref: RuleRef
    rule: Rule
    doubts: tuple[str, ...]


def rules_in_order(policy: FirewallPolicy) -> list[PlacedRule]:
    """Returns every rule of the effective policy in the order in which the firewall tries them."""
    placed = [rule for depth, each in enumerate(policy.lineage()) for rule in _policy_rules(each, depth)]
    return sorted(placed, key=lambda each: (each.phase, each.place))


def ties(rules: list[PlacedRule]) -> tuple[str, ...]:
    """Says in words where equal priorities leave the order open; the listing order is taken there."""
    groups = defaultdict[tuple[int, ...], dict[int, str]](dict)
    collections = defaultdict[tuple[int, ...], dict[int, str]](dict)
    for each in rules:
        depth, group_priority, group, priority, collection, _ = each.place
        if not each.doubts:
            groups[each.phase, depth, group_priority][group] = each.ref.group
            name = f"{each.ref.group}/{each.ref.collection}"
            collections[each.phase, depth, group, priority][collection] = name
    shared = [list(names.values()) for found in (groups, collections) for names in found.values()]
    said = [_tie(names) for names in shared if len(names) > 1]
    return tuple(dict.fromkeys(said))


def _tie(names: list[str]) -> str:
    return f"{' and '.join(names)} have the same priority; the listed order is assumed"


def _policy_rules(policy: FirewallPolicy, depth: int) -> Iterator[PlacedRule]:
    for at, group in enumerate(policy.groups):
        for number, collection in enumerate(group.collections):
            place = (depth, _first(group.priority), at, _first(collection.priority), number)
            doubts = _unknown_place(group, collection)
            for index, rule in enumerate(collection.rules):
                phase = _phase(rule, collection)
                ref = RuleRef(
                    policy_id=policy.id,
                    group=group.name,
                    collection=collection.name,
                    rule=rule.name,
                    action=_action(phase, collection.action),
                )
                yield PlacedRule(phase=phase, place=(*place, index), ref=ref, rule=rule, doubts=doubts)


def _action(phase: Phase, action: RuleAction) -> RuleAction:
    """An action that does not go with the rule's type says nothing about what the rule does."""
    return action if (action == "Dnat") is (phase is Phase.NAT) else "Unknown"


def _first(priority: int | None) -> int:
    return -1 if priority is None else priority


def _unknown_place(group: RuleCollectionGroup, collection: RuleCollection) -> tuple[str, ...]:
    missing = [each.name for each in (group, collection) if each.priority is None]
    return tuple(f"the priority of {name} is not known" for name in missing)


def _phase(rule: Rule, collection: RuleCollection) -> Phase:
    match rule:
        case NatRule():
            return Phase.NAT
        case NetworkRule():
            return Phase.NETWORK
        case ApplicationRule():
            return Phase.APPLICATION
    return Phase.NETWORK if collection.action in {"Allow", "Deny"} else Phase.NAT
