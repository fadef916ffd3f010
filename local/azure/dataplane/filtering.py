"""What the firewall does with a connection: the first matching rule decides, and nothing matching means no."""

from __future__ import annotations

import fnmatch
import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from local.azure.azure import Azure
from local.azure.firewall.common import policy_chain
from local.azure.firewall.models import effective_groups, effective_ip_group

Rule = dict[str, Any]
Resolve = Callable[[str], str | None]


@dataclass(frozen=True, kw_only=True)
class Flow:
    """A TCP connection as the firewall sees it. `host` is the name in the TLS greeting."""

    source: str
    destination: str
    port: int
    host: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether the firewall lets a flow through, by which rule, and whether as an application rule."""

    allowed: bool
    why: str
    application: bool = False


def judge(azure: Azure, policy_id: str, flow: Flow, resolve: Resolve) -> Verdict:
    """Decide a flow: network rules first, then application rules; a parent policy's before the child's.

    Within a policy the order is the priority of the group, then of the collection. `resolve` is the firewall's own
    DNS. FQDN tags stand for Azure's services and never for a private API server.
    """
    for kind in ("NetworkRule", "ApplicationRule"):
        for where, action, rule in _rules(azure, policy_id, kind):
            if _matches(azure, rule, flow, resolve):
                words = f"{'allowed' if action == 'Allow' else 'denied'} by {where}/{rule.get('name')}"
                return Verdict(allowed=action == "Allow", why=words, application=kind == "ApplicationRule")
    return Verdict(allowed=False, why="denied by default: no rule matches")


def _rules(azure: Azure, policy_id: str, kind: str) -> Iterator[tuple[str, str, Rule]]:
    for policy in policy_chain(azure, policy_id):
        for group in effective_groups(azure, policy.id):
            collections = group.get("ruleCollections") or []
            for collection in sorted(collections, key=lambda item: int(item["priority"])):
                if collection.get("ruleCollectionType") != "FirewallPolicyFilterRuleCollection":
                    continue
                where = f"{policy.name}/{group['name']}/{collection['name']}"
                for rule in collection.get("rules") or []:
                    if rule.get("ruleType") == kind:
                        yield where, collection["action"]["type"], rule


def _matches(azure: Azure, rule: Rule, flow: Flow, resolve: Resolve) -> bool:
    if not _from(azure, rule, flow.source):
        return False
    if rule["ruleType"] == "ApplicationRule":
        return _names(rule, flow)
    protocols = [str(protocol).lower() for protocol in rule.get("ipProtocols") or []]
    if not {"tcp", "any"} & set(protocols):
        return False
    return _port(rule.get("destinationPorts") or [], flow.port) and _to(azure, rule, flow.destination, resolve)


def _from(azure: Azure, rule: Rule, source: str) -> bool:
    return _listed(source, rule.get("sourceAddresses") or []) or any(
        _listed(source, effective_ip_group(azure, group)) for group in rule.get("sourceIpGroups") or []
    )


def _to(azure: Azure, rule: Rule, destination: str, resolve: Resolve) -> bool:
    return (
        _listed(destination, rule.get("destinationAddresses") or [])
        or any(
            _listed(destination, effective_ip_group(azure, group)) for group in rule.get("destinationIpGroups") or []
        )
        or any(resolve(name) == destination for name in rule.get("destinationFqdns") or [])
    )


def _names(rule: Rule, flow: Flow) -> bool:
    protocols = [(str(item["protocolType"]).lower(), int(item["port"])) for item in rule.get("protocols") or []]
    if ("https", flow.port) not in protocols:
        return False
    host = flow.host.lower()
    return any(fnmatch.fnmatchcase(host, str(name).lower()) for name in rule.get("targetFqdns") or [])


def _listed(address: str, items: list[str]) -> bool:
    return any(_holds(item.strip(), address) for item in items)


def _holds(item: str, address: str) -> bool:
    if item == "*":
        return True
    wanted = ipaddress.ip_address(address)
    try:
        if "-" in item:
            first, last = (int(ipaddress.ip_address(end.strip())) for end in item.split("-"))
            return first <= int(wanted) <= last
        return wanted in ipaddress.ip_network(item, strict=False)
    except ValueError:
        return False  # a service tag: never a private address


def _port(items: list[str], port: int) -> bool:
    for item in items:
        first, _, last = str(item).partition("-")
        if item == "*" or int(first) <= port <= int(last or first):
            return True
    return False
