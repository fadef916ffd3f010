"""How full a firewall policy is, against the limits of Azure Firewall.

Limits: https://learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits
("Azure Firewall limits"; its source is MicrosoftDocs/azure-docs includes/firewall-limits.md): 20,000 unique source and
destination pairs in network rules, 2 MB of rules in a group and 60 groups (1 MB and 50 for policies made before July
2022, which a policy does not tell), 200 IP groups. Newer copies of the page allow 90 groups.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.firewall.policy import FirewallPolicy, NetworkRule, RuleCollectionGroup, UnknownRule

MAX_NETWORK_PAIRS = 20_000
MAX_GROUP_BYTES = 2 * 1024 * 1024
MAX_GROUP_BYTES_BEFORE_JULY_2022 = 1024 * 1024
MAX_GROUPS = 60
MAX_GROUPS_NEWER = 90
MAX_IP_GROUPS = 200
NEAR = 0.8

_PAIRS_ADVICE = "Put the monitoring networks into one IP group and use it as the source: a group counts as one address."
_BYTES_ADVICE = "Split the group's rules over more rule collection groups, or use IP groups."
_GROUPS_ADVICE = (
    "Merge rule collection groups. Sources differ on this limit (50 for policies made before July 2022, "
    "60 or 90 after); 60 is taken here, and 90 once there are more."
)
_IP_GROUPS_ADVICE = "Merge IP groups, or name few addresses in the rules themselves."


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitUsage:
    """How much of one limit is used.

    Attributes:
        name: what is counted, the same text every time.
        used: the count, in the unit of the limit.
        limit: the highest allowed count.
        advice: what to do when it is near.
    """

    name: str
    used: int
    limit: int
    advice: str

    @property
    def near(self) -> bool:
        """Whether at least 80 % is used."""
        return self.used >= NEAR * self.limit

    @property
    def exceeded(self) -> bool:
        """Whether more is used than is allowed."""
        return self.used > self.limit


def limit_usage(
    policy: FirewallPolicy,
    group_bodies: Mapping[str, Mapping[str, Any]],
    *,
    group_bytes: int = MAX_GROUP_BYTES,
) -> tuple[LimitUsage, ...]:
    """Counts what a policy uses of its limits.

    Args:
        policy: the policy; its parents' network rules count, as the firewall holds them all.
        group_bodies: wire bodies of the groups to weigh, by group name.
        group_bytes: the limit for one group; `MAX_GROUP_BYTES_BEFORE_JULY_2022` for an old policy.

    Returns:
        Source and destination pairs, groups, IP groups, then the size of each given group.
    """
    sizes = (
        LimitUsage(name=f"bytes in group {name}", used=body_bytes(body), limit=group_bytes, advice=_BYTES_ADVICE)
        for name, body in group_bodies.items()
    )
    return (
        LimitUsage(
            name="source and destination pairs in network rules",
            used=network_pairs(policy),
            limit=MAX_NETWORK_PAIRS,
            advice=_PAIRS_ADVICE,
        ),
        _groups(len(policy.groups)),
        LimitUsage(name="IP groups in rules", used=ip_groups(policy), limit=MAX_IP_GROUPS, advice=_IP_GROUPS_ADVICE),
        *sizes,
    )


def network_pairs(policy: FirewallPolicy) -> int:
    """Counts what Azure calls unique source/destinations in network rules.

    That is the sum over all network rules of unique sources times unique destinations; an IP group counts as
    one address however many it holds.
    """
    return sum(
        _unique(rule.source_addresses, rule.source_ip_groups)
        * _unique(rule.destination_addresses, rule.destination_ip_groups, rule.destination_fqdns)
        for each in policy.lineage()
        for group in each.groups
        for collection in group.collections
        for rule in collection.rules
        if isinstance(rule, NetworkRule)
    )


def ip_groups(policy: FirewallPolicy) -> int:
    """Counts the IP groups that the rules of a policy and its parents name, each once."""
    return len({name.casefold() for each in policy.lineage() for group in each.groups for name in _named_in(group)})


def _named_in(group: RuleCollectionGroup) -> Iterator[str]:
    for collection in group.collections:
        for rule in collection.rules:
            if not isinstance(rule, UnknownRule):
                yield from rule.source_ip_groups
            if isinstance(rule, NetworkRule):
                yield from rule.destination_ip_groups


def _groups(used: int) -> LimitUsage:
    # What is there was allowed: a policy with more than 60 groups has the newer limit.
    limit = MAX_GROUPS if used <= MAX_GROUPS else MAX_GROUPS_NEWER
    return LimitUsage(name="rule collection groups", used=used, limit=limit, advice=_GROUPS_ADVICE)


def body_bytes(body: Mapping[str, Any]) -> int:
    """Returns the size of a group's rules in bytes as compact JSON: what Azure weighs, approximately."""
    rules = body.get("properties", body)
    return len(json.dumps(rules, separators=(",", ":"), ensure_ascii=False).encode())


def _unique(*terms: Iterable[str]) -> int:
    return len({(kind, text.strip().casefold()) for kind, texts in enumerate(terms) for text in texts})
