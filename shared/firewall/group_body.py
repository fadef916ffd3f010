"""Bodies of our own rule collection groups: what a PUT would change, and what it must not lose. Pure.

A PUT of a rule collection group replaces it whole, so a body is built from the live one: what a rule carries beyond
our fields stays, what is not ours inside the dedicated group goes.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.errors import UnsafePlan
from shared.model.resource_id import ResourceId
from shared.plan.finding import Code

Wire = dict[str, Any]

FILTER_COLLECTION = "FirewallPolicyFilterRuleCollection"
_READ_ONLY = ("provisioningState", "size")
_UNORDERED = (
    "sourceAddresses",
    "destinationAddresses",
    "destinationPorts",
    "ipProtocols",
    "fqdnTags",
    "destinationFqdns",
)
_SELECTORS = ("sourceIpGroups", "destinationIpGroups", "destinationFqdns", "targetFqdns", "targetUrls", "webCategories")
"""Lists that would widen a rule of ours; the service also fills them in as empty."""
_KNOWN = frozenset({"name", "description", "ruleType", "protocols", *_UNORDERED, *_SELECTORS})
"""What the app itself says in a rule. Anything else in it was put there by Azure or by somebody, and stays."""
_SAYS_NOTHING: tuple[Any, ...] = (None, False, "", [], {})


@dataclass(frozen=True, kw_only=True)
class Collection:
    """An allow collection of ours with the rules it should hold."""

    name: str
    priority: int
    rules: Sequence[Wire] = field(default_factory=tuple)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How a live group differs from the wanted one, by rule name."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether the live group is as it should be."""
        return not (self.added or self.removed or self.changed or self.settings)

    @property
    def counts(self) -> str:
        """The difference in few words."""
        words = (("added", self.added), ("removed", self.removed), ("changed", self.changed), ("set", self.settings))
        return ", ".join(f"{len(items)} {word}" for word, items in words if items) or "no difference"

    def __str__(self) -> str:
        words = (("added", self.added), ("removed", self.removed), ("changed", self.changed), ("set", self.settings))
        return "; ".join(f"{word} {', '.join(items)}" for word, items in words if items) or "no difference"


def collections_of(body: Mapping[str, Any] | None) -> list[Wire]:
    """The rule collections of a group."""
    return list(((body or {}).get("properties") or {}).get("ruleCollections") or [])


def provisioning_state(body: Mapping[str, Any] | None) -> str:
    """The group's state in lower case; a group that does not exist or says nothing counts as succeeded."""
    return str(((body or {}).get("properties") or {}).get("provisioningState") or "Succeeded").lower()


def require_dedicated(live: Wire | None, group: ResourceId, own_names: Sequence[str]) -> None:
    """Refuse a group that is somebody else's: it holds rules and none of our collections.

    Raises:
        UnsafePlan: overwriting it would delete those rules.
    """
    names = {str(item.get("name")) for item in collections_of(live)}
    foreign = [str(item.get("name")) for item in collections_of(live) if item.get("rules")]
    if foreign and not names & set(own_names):
        raise UnsafePlan(
            f"The rule collection group holds other collections ({', '.join(foreign)}) and none of ours; "
            "it was not overwritten.",
            code=Code.FIREWALL_GROUP_FOREIGN,
            resource=str(group),
            fix="Set FIREWALL_RULE_COLLECTION_GROUP to a name that nobody uses.",
        )


def build_group(live: Wire | None, collections: Sequence[Collection], *, priority: int) -> Wire:
    """The body to PUT: our collections with the wanted rules, on top of whatever else live ones carry."""
    present = {str(item.get("name")): item for item in collections_of(live)}
    built = [_collection(present.get(item.name), item) for item in collections]
    properties = copy.deepcopy((live or {}).get("properties") or {})
    properties |= {"priority": priority, "ruleCollections": built}
    for read_only in _READ_ONLY:
        properties.pop(read_only, None)
    return {"properties": properties}


def _collection(live: Wire | None, wanted: Collection) -> Wire:
    live_rules = {_key(rule): rule for rule in (live or {}).get("rules") or []}
    return {
        **copy.deepcopy(live or {}),
        "ruleCollectionType": FILTER_COLLECTION,
        "name": wanted.name,
        "priority": wanted.priority,
        "action": {"type": "Allow"},
        "rules": [_merged(live_rules.get(_key(rule)), rule) for rule in wanted.rules],
    }


def _merged(live: Wire | None, rule: Wire) -> Wire:
    merged = {**copy.deepcopy(live or {}), **copy.deepcopy(rule)}
    for name in _UNORDERED:
        # The order of addresses says nothing; keeping the live one avoids a write for nothing.
        if live and name in rule and sorted(live.get(name) or []) == sorted(rule[name]):
            merged[name] = list(live[name])
    for name in _SELECTORS:
        if merged.get(name) and name not in rule:
            merged[name] = []
    return merged


def without_rules(body: Mapping[str, Any]) -> Wire:
    """A body with our collections and nothing in them: what undoes the write that made the group."""
    return _copied(body, lambda _collection, _rules: [])


def keeping_removed(live: Mapping[str, Any] | None, body: Mapping[str, Any]) -> Wire:
    """A body that changes and adds what it should, and takes nothing away that is live."""
    kept = copy.deepcopy(dict(body))
    own = {str(item.get("name")): item for item in collections_of(kept)}
    for collection in collections_of(live):
        ours = own.get(str(collection.get("name")))
        if ours is None:
            kept["properties"]["ruleCollections"].append(copy.deepcopy(collection))
            continue
        present = {_key(rule) for rule in ours["rules"]}
        ours["rules"] += [copy.deepcopy(rule) for rule in collection.get("rules") or [] if _key(rule) not in present]
    return kept


def unknown_fields(rule: Mapping[str, Any]) -> Wire:
    """What a rule says beyond what the app says in its rules."""
    return {key: value for key, value in rule.items() if key not in _KNOWN and value not in _SAYS_NOTHING}


def has_unknown_fields(body: Mapping[str, Any] | None) -> bool:
    """Whether any rule says something that the app does not."""
    return any(unknown_fields(rule) for item in collections_of(body) for rule in item.get("rules") or [])


def without_unknown_fields(body: Mapping[str, Any]) -> Wire:
    """A body with nothing in its rules but what the app says itself."""
    return _copied(body, lambda _collection, rules: [_known(rule) for rule in rules])


def as_meant(body: Mapping[str, Any], before: Mapping[str, Any] | None) -> Wire:
    """What the app means by a body: unknown fields count only as far as they were meant `before`.

    A body carries on what somebody added to a live rule; that does not make it ours.
    """
    if before is None:
        return copy.deepcopy(dict(body))
    meant = _by_place(before)

    def rules_of(collection: str, rules: list[Wire]) -> list[Wire]:
        return [_known(rule) | unknown_fields(meant.get((collection, _key(rule)), {})) for rule in rules]

    return _copied(body, rules_of)


def unknown_changes(meant: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[str]:
    """In words, which unknown fields of rules differ from what the app means, rule by rule."""
    known = _by_place(meant)
    for place, rule in _by_place(live).items():
        old, new = unknown_fields(known.get(place, rule)), unknown_fields(rule)
        if old != new:
            yield f"{rule.get('name')} ({_turns(old, new)})"


def _by_place(body: Mapping[str, Any]) -> dict[tuple[str, str], Wire]:
    """Rules by the names of their collection and their own."""
    return {
        (str(item.get("name")), _key(rule)): rule for item in collections_of(body) for rule in item.get("rules") or []
    }


def _known(rule: Mapping[str, Any]) -> Wire:
    return {key: value for key, value in rule.items() if key in _KNOWN}


def _key(rule: Mapping[str, Any]) -> str:
    return str(rule.get("name", "")).lower()


def _copied(body: Mapping[str, Any], change: Callable[[str, list[Wire]], list[Wire]]) -> Wire:
    copied = copy.deepcopy(dict(body))
    for collection in collections_of(copied):
        collection["rules"] = change(str(collection.get("name")), list(collection.get("rules") or []))
    return copied


def difference(
    live: Mapping[str, Any] | None, wanted: Mapping[str, Any], own: Mapping[str, Any] | None = None
) -> Difference:
    """What a PUT of the wanted body would change; `own` is a body with our collections only, if `wanted` has more."""
    own_names = _names(wanted if own is None else own)
    before, after = _rules(live, own_names), _rules(wanted, own_names)
    common = set(before) & set(after)
    return Difference(
        added=tuple(sorted(set(after) - set(before))),
        removed=tuple(sorted(set(before) - set(after))),
        changed=tuple(sorted(name for name in common if before[name] != after[name])),
        settings=tuple(_settings(live, wanted)),
    )


def rule_changes(before: Mapping[str, Any], after: Mapping[str, Any], names: Iterable[str]) -> Iterator[str]:
    """In words, how rules differ that `difference(before, after)` calls changed, member by member."""
    own = _names(after)
    old, new = _rules(before, own), _rules(after, own)
    for name in names:
        yield f"{name} ({_turns(old[name], new[name])})"


def _turns(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    members = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return ", ".join(f"{key} {_words(old.get(key))} → {_words(new.get(key))}" for key in members)


def _words(value: object) -> str:
    if isinstance(value, list):
        return " and ".join(map(str, value))
    return "none" if value is None else str(value)


def _names(body: Mapping[str, Any]) -> set[str]:
    return {str(item.get("name")) for item in collections_of(body)}


def _rules(body: Mapping[str, Any] | None, own: set[str]) -> dict[str, Any]:
    found = {}
    for collection in collections_of(body):
        name = str(collection.get("name"))
        prefix = "" if name in own else f"{name}/"
        for rule in collection.get("rules") or []:
            found[f"{prefix}{rule.get('name')}"] = _plain(rule)
    return found


def _settings(live: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> list[str]:
    if live is None:
        return []
    found = []
    if live["properties"].get("priority") != wanted["properties"].get("priority"):
        found.append("priority")
    before = {str(item.get("name")): item for item in collections_of(live)}
    after = {str(item.get("name")): item for item in collections_of(wanted)}
    found += [f"collection {name} gone" for name in before if name not in after]
    for name, collection in after.items():
        if name in before and _facts(before[name]) != _facts(collection):
            found.append(f"priority and action of collection {name}")
        elif name not in before and not collection.get("rules"):
            found.append(f"collection {name}")
    return found


def _facts(collection: Mapping[str, Any]) -> tuple[Any, str]:
    return collection.get("priority"), str((collection.get("action") or {}).get("type", "")).lower()


def _plain(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule without what says nothing: empty members, and the order of addresses."""
    kept = {key: value for key, value in rule.items() if value not in _SAYS_NOTHING}
    return {key: sorted(value) if key in _UNORDERED else value for key, value in kept.items()}


def same_body(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Whether two bodies say the same, whatever empty members the service has filled in."""
    if one is None or other is None:
        return one is other
    return body_digest(one) == body_digest(other)


def body_digest(body: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON of what a PUT of a group sets.

    The service fills in empty members; they do not count, so that a body has the same digest before and after.
    """
    properties = body.get("properties") or {}
    collections = [
        {
            "name": item.get("name"),
            "facts": _facts(item),
            "rules": sorted((_plain(rule) for rule in item.get("rules") or []), key=lambda rule: str(rule.get("name"))),
        }
        for item in collections_of(body)
    ]
    wanted = {"priority": properties.get("priority"), "ruleCollections": collections}
    return hashlib.sha256(json.dumps(wanted, sort_keys=True, separators=(",", ":"), default=str).encode()).hexdigest()


def without_read_only(body: Mapping[str, Any]) -> Wire:
    """A body as it can be sent: only the properties, without those that Azure alone sets."""
    properties = copy.deepcopy(dict(body.get("properties") or {}))
    for name in _READ_ONLY:
        properties.pop(name, None)
    return {"properties": properties}
