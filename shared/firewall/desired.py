"""What our rule collection group should hold: one allow rule per registered API server. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Network
from typing import Any

from shared.errors import InvalidResourceId
from shared.firewall import group_body
from shared.firewall.group_body import Collection, Difference, Wire, collections_of, difference
from shared.model.resource_id import ResourceId
from shared.model.world import ApiServer
from shared.plan.names import rule_name

__all__ = ["Difference", "difference"]

COLLECTION_NAME = "allow-aks-api-servers"
COLLECTION_PRIORITY = 1000
API_SERVER_PORT = "443"
DESCRIPTION = "aks-hublink: API server of "


def keeps_rule(api_server: ApiServer, *, now: datetime, retention: timedelta) -> bool:
    """Whether a registered API server has a rule: a stopped cluster loses it after `retention`; 0 keeps it."""
    return api_server.address is not None and not api_server.has_outlived(retention, now)


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


def rules_of(live: Mapping[str, Any] | None) -> list[Wire]:
    """The rules in our collection of a group."""
    ours = next((item for item in collections_of(live) if item.get("name") == COLLECTION_NAME), None)
    return list(ours.get("rules") or []) if ours else []


def require_dedicated(live: Wire | None, group: ResourceId) -> None:
    """Refuse a group that is somebody else's: it holds rules and none of our collection.

    Raises:
        UnsafePlan: overwriting it would delete those rules.
    """
    group_body.require_dedicated(live, group, [COLLECTION_NAME])


def wanted_group(live: Wire | None, rules: Sequence[Wire], *, priority: int) -> Wire:
    """The body to PUT: our one collection with the wanted rules, on top of whatever else live rules carry."""
    ours = Collection(name=COLLECTION_NAME, priority=COLLECTION_PRIORITY, rules=rules)
    return group_body.build_group(live, [ours], priority=priority)
