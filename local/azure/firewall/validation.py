"""Checks of rule collections and rules, as the firewall service refuses them.

What is refused follows the documentation of rule collection groups and firewall limits. Of the codes only
FirewallPolicyRuleInvalidFqdnFormat was seen reported; the others are made in its manner.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from local.azure.azure import Azure
from local.azure.errors import ArmError, invalid
from local.azure.network import checks

MIN_PRIORITY, MAX_PRIORITY = 100, 65_000
COLLECTION_NAME = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9_.-]{0,78}[A-Za-z0-9_])?$")
FILTER = "FirewallPolicyFilterRuleCollection"
NAT = "FirewallPolicyNatRuleCollection"
ACTIONS = {FILTER: ("Allow", "Deny"), NAT: ("DNAT",)}
RULE_TYPES = {FILTER: ("NetworkRule", "ApplicationRule"), NAT: ("NatRule",)}
PROTOCOLS = ("Any", "TCP", "UDP", "ICMP")
APPLICATION_PROTOCOLS = ("Http", "Https", "Mssql")
FQDN = re.compile(
    r"^(?=.{1,253}$)([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$"
)
SERVICE_TAG = re.compile(r"^[A-Za-z][A-Za-z0-9]*(\.[A-Za-z0-9]+)*$")

FIELDS: dict[str, tuple[str, ...]] = {
    "NetworkRule": (
        "ipProtocols",
        "sourceAddresses",
        "sourceIpGroups",
        "destinationAddresses",
        "destinationIpGroups",
        "destinationFqdns",
        "destinationPorts",
    ),
    "ApplicationRule": (
        "protocols",
        "fqdnTags",
        "webCategories",
        "targetFqdns",
        "targetUrls",
        "sourceAddresses",
        "destinationAddresses",
        "sourceIpGroups",
        "httpHeadersToInsert",
    ),
    "NatRule": ("ipProtocols", "sourceAddresses", "sourceIpGroups", "destinationAddresses", "destinationPorts"),
}
"""The lists each kind of rule has; the service answers a list that was not written as empty."""


def check_group(azure: Azure, group_id: str, properties: dict[str, Any]) -> None:
    """Raise 400 unless the whole group is valid; fill in the lists the service answers as empty."""
    checks.expect(properties, {"priority": int, "ruleCollections": list}, "properties")
    _check_priority(properties.get("priority"), f"Rule Collection Group {group_id.rsplit('/', 1)[-1]}")
    collections = properties.setdefault("ruleCollections", [])
    names: set[str] = set()
    priorities: dict[int, str] = {}
    for collection in collections:
        name = _check_collection(collection)
        if name.lower() in names:
            raise _refused("DuplicateRuleCollectionName", f"Rule collection name {name} is used more than once.")
        names.add(name.lower())
        other = priorities.setdefault(collection["priority"], name)
        if other != name:
            message = f"Rule collections {other} and {name} have the same priority {collection['priority']}."
            raise _refused("DuplicateRuleCollectionPriority", message)
        for rule in collection["rules"]:
            _check_rule(azure, group_id, collection, rule)
        _unique_rules(collection)


def _check_priority(value: Any, what: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not MIN_PRIORITY <= value <= MAX_PRIORITY:
        message = f"{what} has priority {value}. Priority must be between {MIN_PRIORITY} and {MAX_PRIORITY}."
        raise _refused("InvalidPriority", message)


def _check_collection(collection: Any) -> str:
    if not isinstance(collection, dict):
        raise checks.unreadable("Error converting value to a rule collection. Path 'properties.ruleCollections'.")
    kinds: checks.Kinds = {"name": str, "ruleCollectionType": str, "action": dict, "rules": list, "priority": int}
    checks.expect(collection, kinds, "properties.ruleCollections")
    name, kind = collection.get("name", ""), collection.get("ruleCollectionType")
    if kind not in ACTIONS:
        raise checks.unreadable(f"Unknown ruleCollectionType '{kind}'. Path 'properties.ruleCollections'.")
    if not COLLECTION_NAME.match(name):
        message = f"Rule collection name '{name}' must have 1-80 letters, digits, '_', '.' or '-'."
        raise _refused("InvalidRuleCollectionName", message)
    _check_priority(collection.get("priority"), f"Rule collection {name}")
    action = collection.get("action", {}).get("type")
    if action not in ACTIONS[kind]:
        message = f"Rule collection {name} has action '{action}'; a {kind} takes {' or '.join(ACTIONS[kind])}."
        raise _refused("InvalidRuleCollectionAction", message)
    collection.setdefault("rules", [])
    return str(name)


def _unique_rules(collection: dict[str, Any]) -> None:
    seen: set[str] = set()
    types = {rule["ruleType"] for rule in collection["rules"]}
    if len(types) > 1:
        message = f"Rule collection {collection['name']} mixes rule types {', '.join(sorted(types))}."
        raise _refused("MixedRuleTypes", message)
    for rule in collection["rules"]:
        if rule["name"].lower() in seen:
            message = f"Rule name {rule['name']} is used more than once in rule collection {collection['name']}."
            raise _refused("DuplicateRuleName", message)
        seen.add(rule["name"].lower())


def _check_rule(azure: Azure, group_id: str, collection: dict[str, Any], rule: Any) -> None:
    path = "properties.ruleCollections.rules"
    if not isinstance(rule, dict):
        raise checks.unreadable(f"Error converting value to a rule. Path '{path}'.")
    kind, name = rule.get("ruleType"), rule.get("name")
    if kind not in RULE_TYPES[collection["ruleCollectionType"]]:
        raise checks.unreadable(f"Rule type '{kind}' does not fit {collection['ruleCollectionType']}. Path '{path}'.")
    if not isinstance(name, str) or not name:
        raise _refused("InvalidRuleName", f"A rule of collection {collection['name']} has no name.")
    checks.expect(rule, dict.fromkeys(FIELDS[kind], list), path)
    for field in FIELDS[kind]:
        rule.setdefault(field, [])
    _check_sources(azure, group_id, name, rule)
    {"NetworkRule": _check_network, "ApplicationRule": _check_application, "NatRule": _check_nat}[kind](name, rule)


def _check_sources(azure: Azure, group_id: str, name: str, rule: dict[str, Any]) -> None:
    # Rules by Kubernetes selector or country came later; what has one of them needs no addresses.
    newer = rule.get("sourceKubeSelectorGroups") or rule.get("sourceGeoLocations")
    if not rule["sourceAddresses"] and not rule["sourceIpGroups"] and not newer:
        raise _refused("SourceMissing", f"Rule {name} has neither sourceAddresses nor sourceIpGroups.")
    for address in rule["sourceAddresses"]:
        check_address(name, address, service_tags=False)
    for field in ("sourceIpGroups", "destinationIpGroups"):
        for target in rule.get(field, []):
            if not isinstance(target, str) or azure.store.get(target) is None:
                raise checks.bad_reference(str(target), group_id)


def _check_network(name: str, rule: dict[str, Any]) -> None:
    _check_protocols(name, rule)
    newer = rule.get("destinationGeoLocations")
    targets = ("destinationAddresses", "destinationIpGroups", "destinationFqdns")
    if not any(rule[field] for field in targets) and not newer:
        raise _refused("DestinationMissing", f"Rule {name} has no destination.")
    for address in rule["destinationAddresses"]:
        check_address(name, address, service_tags=True)
    for fqdn in rule["destinationFqdns"]:
        check_fqdn(name, fqdn, wildcard=False)
    _check_ports(name, rule)


def _check_nat(name: str, rule: dict[str, Any]) -> None:
    _check_protocols(name, rule)
    for address in rule["destinationAddresses"]:
        check_address(name, address, service_tags=False)
    _check_ports(name, rule)
    if not rule.get("translatedPort") or not (rule.get("translatedAddress") or rule.get("translatedFqdn")):
        raise _refused("TranslationMissing", f"DNAT rule {name} needs translatedPort and translatedAddress.")


def _check_application(name: str, rule: dict[str, Any]) -> None:
    if not rule["protocols"] and not rule["fqdnTags"]:
        raise _refused("ProtocolsMissing", f"Application rule {name} has no protocols.")
    for protocol in rule["protocols"]:
        kind = protocol.get("protocolType") if isinstance(protocol, dict) else None
        if kind not in APPLICATION_PROTOCOLS:
            raise checks.unreadable(f"Unknown protocolType '{kind}' in rule {name}.")
    if not any(rule[field] for field in ("targetFqdns", "fqdnTags", "webCategories", "targetUrls")):
        raise _refused("DestinationMissing", f"Rule {name} has no destination.")
    for fqdn in rule["targetFqdns"]:
        check_fqdn(name, fqdn, wildcard=True)


def _check_protocols(name: str, rule: dict[str, Any]) -> None:
    if not rule["ipProtocols"]:
        raise _refused("IpProtocolsMissing", f"Rule {name} has no ipProtocols.")
    for protocol in rule["ipProtocols"]:
        if protocol not in PROTOCOLS:
            raise checks.unreadable(f"Error converting value '{protocol}' to an IP protocol in rule {name}.")


def _check_ports(name: str, rule: dict[str, Any]) -> None:
    if not rule["destinationPorts"]:
        raise _refused("DestinationPortsMissing", f"Rule {name} has no destinationPorts.")
    for port in rule["destinationPorts"]:
        if not _valid_ports(port):
            raise _refused("InvalidPort", f"Rule {name} has the invalid port or range '{port}'.")


def _valid_ports(text: Any) -> bool:
    if not isinstance(text, str):
        return False
    if text == "*":
        return True
    parts = text.split("-")
    if len(parts) > 2 or not all(part.isdigit() for part in parts):
        return False
    numbers = [int(part) for part in parts]
    return all(1 <= number <= 65_535 for number in numbers) and numbers == sorted(numbers)


def check_address(name: str, text: Any, *, service_tags: bool) -> None:
    """Raise 400 unless this is `*`, an IPv4 address, prefix or range, or (where allowed) a service tag."""
    if isinstance(text, str) and (text == "*" or valid_address(text) or (service_tags and SERVICE_TAG.match(text))):
        return
    raise _refused("InvalidIpAddressFormat", f"Rule {name} has the invalid address, prefix or range '{text}'.")


def valid_address(text: str) -> bool:
    """Whether the text is an address, a prefix or a range from a lower to a higher address."""
    try:
        if "-" in text:
            low, high = (ipaddress.IPv4Address(part.strip()) for part in text.split("-"))
            return low <= high
        ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        return False
    return True


def check_fqdn(name: str, text: Any, *, wildcard: bool) -> None:
    """Raise 400 for what is no FQDN; only application rules may begin one with a wildcard."""
    bare = text.removeprefix("*.").removeprefix("*") if wildcard and isinstance(text, str) else text
    if not isinstance(text, str) or not (FQDN.match(bare) or (wildcard and text == "*")):
        raise _refused("InvalidFqdnFormat", f"Rule {name} has the invalid FQDN '{text}'.")


def _refused(what: str, message: str) -> ArmError:
    return invalid(f"FirewallPolicyRule{what}", message)
