"""Reads firewall policies, rule collection groups and IP groups from the JSON that Resource Manager returns.

Nothing is dropped: what is missing or not understood becomes an unknown rule, an unknown field or a priority
of None, so that an evaluation can say that it is not sure.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.firewall.policy import (
    ApplicationProtocol,
    ApplicationRule,
    FirewallPolicy,
    IpGroup,
    NatRule,
    NetworkRule,
    Rule,
    RuleAction,
    RuleCollection,
    RuleCollectionGroup,
    UnknownRule,
    unread_group,
)

Wire = Mapping[str, Any]

_SELECTORS = {"sourceAddresses", "sourceIpGroups", "destinationAddresses"}
_FLOW_FIELDS = _SELECTORS | {"ipProtocols", "destinationPorts"}
_ALWAYS_FIELDS = {"name", "description", "ruleType"}
_NETWORK_FIELDS = _FLOW_FIELDS | {"destinationIpGroups", "destinationFqdns"}
_NAT_FIELDS = _FLOW_FIELDS | {"translatedAddress", "translatedPort", "translatedFqdn"}
_TARGET_FIELDS = {"targetFqdns", "targetUrls", "fqdnTags", "webCategories"}
_APPLICATION_FIELDS = _SELECTORS | _TARGET_FIELDS | {"protocols", "terminateTLS", "httpHeadersToInsert"}
_ACTIONS: dict[str, RuleAction] = {"allow": "Allow", "deny": "Deny", "dnat": "Dnat"}


def parse_policy(body: Wire, groups: Iterable[Wire] | None, *, base: FirewallPolicy | None = None) -> FirewallPolicy:
    """Reads a firewall policy.

    Args:
        body: the policy as GET returns it.
        groups: its rule collection groups as LIST returns them; None when they could not be read. A group that
            the policy names and that is not among them becomes an unknown group.
        base: the parent policy, already parsed; when the body names a parent and this is None, the parent
            becomes a policy with unknown rules.

    Returns:
        The policy with its lineage.

    Raises:
        ValueError: the given base is not the parent that the policy names.
    """
    properties = _mapping(body.get("properties"))
    dns, snat = _mapping(properties.get("dnsSettings")), _mapping(properties.get("snat"))
    policy_id = _text(body.get("id")) or "(unknown)"
    return FirewallPolicy(
        id=policy_id,
        base=_base(policy_id, _reference(properties.get("basePolicy")), base),
        groups=_groups(policy_id, properties.get("ruleCollectionGroups"), groups),
        threat_intel_mode=_text(properties.get("threatIntelMode")),
        dns_proxy_enabled=dns.get("enableProxy") is True,
        dns_servers=_texts(dns.get("servers")),
        snat_private_ranges=_private_ranges(snat.get("privateRanges")),
        learns_private_ranges=(_text(snat.get("autoLearnPrivateRanges")) or "").casefold() == "enabled",
    )


def parse_rule_collection_group(body: Wire) -> RuleCollectionGroup:
    """Reads a rule collection group as GET returns it; without a list of collections it is an unknown group."""
    properties = _mapping(body.get("properties"))
    group_id = _text(body.get("id")) or ""
    name = _text(body.get("name")) or _last_segment(group_id)
    collections = properties.get("ruleCollections")
    if not isinstance(collections, list):
        return unread_group(name=name, group_id=group_id, why="the group's collections are missing")
    return RuleCollectionGroup(
        name=name,
        id=group_id,
        priority=_integer(properties.get("priority")),
        collections=tuple(_collection(each) for each in collections),
    )


def parse_ip_group(body: Wire) -> IpGroup:
    """Reads an IP group as GET returns it; its addresses are None when the body has no list of them."""
    addresses = _mapping(body.get("properties")).get("ipAddresses")
    known = _texts(addresses) if isinstance(addresses, list) else None
    return IpGroup(id=_text(body.get("id")) or "", addresses=known)


def _base(policy_id: str, named: str | None, base: FirewallPolicy | None) -> FirewallPolicy | None:
    if base is not None and (named is None or named.casefold() != base.id.casefold()):
        raise ValueError(f"{policy_id} inherits from {named}, not from {base.id}: pass the parent it names")
    if base is not None or named is None:
        return base
    unread = unread_group(name="(unknown)", group_id="", why="the parent policy was not read")
    return FirewallPolicy(id=named, groups=(unread,))


def _private_ranges(value: Any) -> tuple[str, ...] | None:
    """A list, or one text as in Microsoft's sample template (learn: firewall/snat-private-range); None when empty."""
    return (value,) if isinstance(value, str) and value else _texts(value) or None


def _groups(policy_id: str, named: Any, groups: Iterable[Wire] | None) -> tuple[RuleCollectionGroup, ...]:
    if groups is None:
        return (unread_group(name="(unknown)", group_id=policy_id, why="the policy's groups were not read"),)
    parsed = [parse_rule_collection_group(each) for each in groups]
    have = {group.id.casefold() for group in parsed}
    ids = [each for each in map(_reference, _list(named)) if each and each.casefold() not in have]
    why = "the group was not read"
    return (*parsed, *(unread_group(name=_last_segment(each), group_id=each, why=why) for each in ids))


def _collection(body: Any) -> RuleCollection:
    fields = _mapping(body)
    kind = _text(_mapping(fields.get("action")).get("type")) or ""
    rules = fields.get("rules")
    missing = (UnknownRule(name="(unknown)", why="the collection's rules are missing"),)
    return RuleCollection(
        name=_text(fields.get("name")) or "(unnamed)",
        priority=_integer(fields.get("priority")),
        action=_ACTIONS.get(kind.casefold(), "Unknown"),
        rules=tuple(_rule(each) for each in rules) if isinstance(rules, list) else missing,
    )


def _rule(body: Any) -> Rule:
    fields = _mapping(body)
    name = _text(fields.get("name")) or "(unnamed)"
    kind = _text(fields.get("ruleType")) or "(none)"
    match kind.casefold():
        case "networkrule":
            return _network_rule(name, fields)
        case "applicationrule":
            return _application_rule(name, fields)
        case "natrule":
            return _nat_rule(name, fields)
    return UnknownRule(name=name, why=f"rule type {kind} is not known")


def _network_rule(name: str, fields: Wire) -> NetworkRule:
    return NetworkRule(
        name=name,
        protocols=_texts(fields.get("ipProtocols")),
        source_addresses=_texts(fields.get("sourceAddresses")),
        source_ip_groups=_texts(fields.get("sourceIpGroups")),
        destination_addresses=_texts(fields.get("destinationAddresses")),
        destination_ip_groups=_texts(fields.get("destinationIpGroups")),
        destination_fqdns=_texts(fields.get("destinationFqdns")),
        destination_ports=_texts(fields.get("destinationPorts")),
        unknown_fields=_unknown(fields, _NETWORK_FIELDS),
    )


def _application_rule(name: str, fields: Wire) -> ApplicationRule:
    return ApplicationRule(
        name=name,
        protocols=tuple(_application_protocol(each) for each in _list(fields.get("protocols"))),
        source_addresses=_texts(fields.get("sourceAddresses")),
        source_ip_groups=_texts(fields.get("sourceIpGroups")),
        destination_addresses=_texts(fields.get("destinationAddresses")),
        target_fqdns=_texts(fields.get("targetFqdns")),
        target_urls=_texts(fields.get("targetUrls")),
        fqdn_tags=_texts(fields.get("fqdnTags")),
        web_categories=_texts(fields.get("webCategories")),
        unknown_fields=_unknown(fields, _APPLICATION_FIELDS),
    )


def _nat_rule(name: str, fields: Wire) -> NatRule:
    return NatRule(
        name=name,
        protocols=_texts(fields.get("ipProtocols")),
        source_addresses=_texts(fields.get("sourceAddresses")),
        source_ip_groups=_texts(fields.get("sourceIpGroups")),
        destination_addresses=_texts(fields.get("destinationAddresses")),
        destination_ports=_texts(fields.get("destinationPorts")),
        translated_address=_text(fields.get("translatedAddress")),
        translated_fqdn=_text(fields.get("translatedFqdn")),
        translated_port=_text(fields.get("translatedPort")),
        unknown_fields=_unknown(fields, _NAT_FIELDS),
    )


def _application_protocol(body: Any) -> ApplicationProtocol:
    fields = _mapping(body)
    return ApplicationProtocol(type=_text(fields.get("protocolType")) or "(unknown)", port=_integer(fields.get("port")))


def _unknown(fields: Wire, known: set[str]) -> tuple[str, ...]:
    names = {name.casefold() for name in known | _ALWAYS_FIELDS}
    return tuple(sorted(name for name, value in fields.items() if value and name.casefold() not in names))


def _mapping(value: Any) -> Wire:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and value != "" else None


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(each) for each in _list(value))


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _reference(value: Any) -> str | None:
    return _text(_mapping(value).get("id"))


def _last_segment(resource_id: str) -> str:
    return resource_id.rstrip("/").rpartition("/")[2] or "(unnamed)"
