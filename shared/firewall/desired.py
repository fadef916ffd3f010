"""What our rule collection group should hold: one allow rule per registered API server. Pure.

A PUT of a rule collection group replaces it whole, so the body is built from the live one: what a rule carries beyond
our fields stays, what is not ours inside the dedicated group goes.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Network
from typing import Any

from shared.errors import InvalidResourceId, UnsafePlan
from shared.model.resource_id import ResourceId
from shared.model.world import ApiServer
from shared.plan.finding import Code
from shared.plan.names import rule_name

Wire = dict[str, Any]

COLLECTION_NAME = "allow-aks-api-servers"
COLLECTION_PRIORITY = 1000
API_SERVER_PORT = "443"
DESCRIPTION = "aks-hublink: API server of "
_ADDRESS_LISTS = ("sourceAddresses", "destinationAddresses", "destinationPorts", "ipProtocols")
_EMPTY_LISTS = ("sourceIpGroups", "destinationIpGroups", "destinationFqdns")


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How the live group differs from the wanted one, by rule name."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether the live group is as it should be."""
        return not (self.added or self.removed or self.changed or self.settings)

    def __str__(self) -> str:
        words = (("added", self.added), ("removed", self.removed), ("changed", self.changed), ("set", self.settings))
        return "; ".join(f"{word} {', '.join(items)}" for word, items in words if items) or "no difference"


def keeps_rule(api_server: ApiServer, *, now: datetime, retention: timedelta) -> bool:
    """Whether a registered API server has a rule: a stopped cluster loses it after `retention`; 0 keeps it."""
    if api_server.address is None:
        return False
    return not retention or api_server.stopped_at is None or now - api_server.stopped_at < retention


def api_server_rules(api_servers: Iterable[ApiServer], sources: Sequence[IPv4Network]) -> list[Wire]:
    """One network rule per API server, in the order of their names."""
    rules = [_rule(api_server, sources) for api_server in api_servers if api_server.address is not None]
    return sorted(rules, key=lambda rule: str(rule["name"]))


def _rule(api_server: ApiServer, sources: Sequence[IPv4Network]) -> Wire:
    return {
        "ruleType": "NetworkRule",
        "name": rule_name(api_server.cluster),
        "description": f"{DESCRIPTION}{api_server.cluster}",
        "ipProtocols": ["TCP"],
        "sourceAddresses": [str(source) for source in sources],
        "destinationAddresses": [str(api_server.address)],
        "destinationPorts": [API_SERVER_PORT],
    }


def cluster_of_rule(rule: Mapping[str, Any]) -> ResourceId | None:
    """The cluster a rule of ours was written for; None for a rule that is not ours."""
    description = str(rule.get("description") or "")
    if not description.startswith(DESCRIPTION):
        return None
    try:
        return ResourceId.parse(description.removeprefix(DESCRIPTION))
    except InvalidResourceId:
        return None


def rules_of(live: Wire | None) -> list[Wire]:
    """The rules in our collection of a live group."""
    collection = _our_collection(live)
    return list(collection.get("rules") or []) if collection else []


def _collections(live: Wire | None) -> list[Wire]:
    return list(((live or {}).get("properties") or {}).get("ruleCollections") or [])


def _our_collection(live: Wire | None) -> Wire | None:
    return next((item for item in _collections(live) if item.get("name") == COLLECTION_NAME), None)


def require_dedicated(live: Wire | None, group: ResourceId) -> None:
    """Refuse a group that is somebody else's: it holds rules and none of our collection.

    Raises:
        UnsafePlan: overwriting it would delete those rules.
    """
    foreign = [item for item in _collections(live) if item.get("rules")]
    if foreign and _our_collection(live) is None:
        names = ", ".join(str(item.get("name")) for item in foreign)
        raise UnsafePlan(
            f"The rule collection group holds other collections ({names}) and none of ours; it was not overwritten.",
            code=Code.FIREWALL_GROUP_FOREIGN,
            resource=str(group),
            fix="Set FIREWALL_RULE_COLLECTION_GROUP to a name that nobody uses.",
        )


def wanted_group(live: Wire | None, rules: list[Wire], *, priority: int) -> Wire:
    """The body to PUT: our one collection with the wanted rules, on top of whatever else live rules carry."""
    live_rules = {str(rule.get("name", "")).lower(): rule for rule in rules_of(live)}
    collection = copy.deepcopy(_our_collection(live) or {})
    collection |= {
        "ruleCollectionType": "FirewallPolicyFilterRuleCollection",
        "name": COLLECTION_NAME,
        "priority": COLLECTION_PRIORITY,
        "action": {"type": "Allow"},
        "rules": [_merged(live_rules.get(str(rule["name"]).lower()), rule) for rule in rules],
    }
    properties = copy.deepcopy((live or {}).get("properties") or {})
    properties |= {"priority": priority, "ruleCollections": [collection]}
    for read_only in ("provisioningState", "size"):
        properties.pop(read_only, None)
    return {"properties": properties}


def _merged(live: Wire | None, rule: Wire) -> Wire:
    merged = {**copy.deepcopy(live or {}), **rule}
    for name in _ADDRESS_LISTS:
        # The order of addresses says nothing; keeping the live one avoids a write for nothing.
        if live and sorted(live.get(name) or []) == sorted(rule[name]):
            merged[name] = live[name]
    for name in _EMPTY_LISTS:
        if merged.get(name):
            merged[name] = []
    return merged


def difference(live: Wire | None, wanted: Wire) -> Difference:
    """What a PUT of the wanted body would change."""
    before = {str(rule.get("name")): rule for rule in rules_of(live)}
    after = {str(rule["name"]): rule for rule in rules_of(wanted)}
    live_properties = (live or {}).get("properties") or {}
    settings = [] if live_properties.get("priority") == wanted["properties"]["priority"] else ["priority"]
    settings += [
        f"collection {item.get('name')} gone" for item in _collections(live) if item.get("name") != COLLECTION_NAME
    ]
    settings += _collection_settings(_our_collection(live))
    return Difference(
        added=tuple(sorted(set(after) - set(before))),
        removed=tuple(sorted(set(before) - set(after))),
        changed=tuple(sorted(name for name in set(before) & set(after) if before[name] != after[name])),
        settings=tuple(settings),
    )


def _collection_settings(collection: Wire | None) -> list[str]:
    if collection is None:
        return []
    action = str((collection.get("action") or {}).get("type", ""))
    right = collection.get("priority") == COLLECTION_PRIORITY and action.lower() == "allow"
    return [] if right else ["the collection's priority and action"]
