"""Takes out of a firewall policy what can never select a private API server.

Service tags hold Azure's public addresses and FQDN tags the public names of Azure's services
(https://learn.microsoft.com/azure/firewall/service-tags, .../fqdn-tags). The evaluator cannot resolve them and would
have to doubt every firewall that lets AKS nodes out with them, which is all of them.
"""

from __future__ import annotations

import re
from dataclasses import replace

from shared.firewall.policy import ApplicationRule, FirewallPolicy, NetworkRule, Rule, RuleCollection

NOTE = "service tags and FQDN tags of firewall rules stand for public addresses and names only"
_SERVICE_TAG = re.compile(r"[A-Z][A-Za-z]+([A-Za-z0-9]|\.[A-Za-z0-9]+)*")


def without_public_terms(policy: FirewallPolicy, *, private_name: bool) -> FirewallPolicy:
    """The policy without service tags as destinations and, for a private name, without FQDN tags."""
    groups = tuple(
        replace(group, collections=tuple(_collection(each, private_name=private_name) for each in group.collections))
        for group in policy.groups
    )
    base = without_public_terms(policy.base, private_name=private_name) if policy.base else None
    return replace(policy, base=base, groups=groups)


def _collection(collection: RuleCollection, *, private_name: bool) -> RuleCollection:
    rules = (_rule(rule, private_name=private_name) for rule in collection.rules)
    return replace(collection, rules=tuple(rule for rule in rules if rule))


def _rule(rule: Rule, *, private_name: bool) -> Rule | None:
    """The rule without public terms; None when it has no others."""
    match rule:
        case NetworkRule(destination_addresses=addresses) if any(_is_tag(text) for text in addresses):
            left = tuple(text for text in addresses if not _is_tag(text))
            stays = left or rule.destination_ip_groups or rule.destination_fqdns or rule.unknown_fields
            return replace(rule, destination_addresses=left) if stays else None
        case ApplicationRule(fqdn_tags=tags) if tags and private_name:
            stays = rule.target_fqdns or rule.target_urls or rule.web_categories or rule.unknown_fields
            return replace(rule, fqdn_tags=()) if stays else None
    return rule


def _is_tag(text: str) -> bool:
    return _SERVICE_TAG.fullmatch(text.strip()) is not None
