"""Rules of firewall policies and rule collection groups: full overwrite, one update at a time, minutes until done."""

from __future__ import annotations

import copy
import json
from typing import Any

from local.azure.azure import Azure
from local.azure.errors import ArmError, invalid, network_not_found
from local.azure.firewall import common
from local.azure.firewall.common import GROUP, POLICY, groups_of, policy_chain
from local.azure.firewall.validation import check_group
from local.azure.http import ArmRequest
from local.azure.network import checks, writes
from local.azure.operations import Operation, Style
from local.azure.store import Resource

MAX_GROUPS = 90
"""Groups in a policy; sources say 60 or 90."""
MAX_GROUP_BYTES = 2_000_000
POLICY_KINDS: checks.Kinds = {
    "basePolicy": dict,
    "threatIntelMode": str,
    "threatIntelWhitelist": dict,
    "dnsSettings": dict,
    "snat": dict,
    "sku": dict,
    "insights": dict,
    "intrusionDetection": dict,
    "transportSecurity": dict,
    "explicitProxy": dict,
    "sql": dict,
}
POLICY_READ_ONLY = ("provisioningState", "firewalls", "childPolicies", "ruleCollectionGroups", "size", "resourceGuid")
GROUP_READ_ONLY = ("provisioningState", "size")
THREAT_MODES = ("Alert", "Deny", "Off")
JOIN_POLICY = "Microsoft.Network/firewallPolicies/join/action"


def effective_groups(azure: Azure, policy_id: str) -> list[dict[str, Any]]:
    """What firewalls enforce of this one policy right now, by priority.

    Each item is `{"id", "name", "priority", "ruleCollections", ...}`. A running update shows only once it has ended.
    Inherited policies are not in it: `common.policy_chain` lists them, topmost parent first.
    """
    policy = azure.store.get(policy_id)
    if policy is None:
        return []
    found = [(group, common.effective_body(group)) for group in groups_of(policy).values()]
    bodies = [{"id": group.id, "name": group.name, **copy.deepcopy(body)} for group, body in found if body]
    return sorted(bodies, key=lambda body: int(body["priority"]))


def effective_ip_group(azure: Azure, ip_group_id: str) -> list[str]:
    """The addresses of an IP group that firewalls use right now; empty for one that does not exist."""
    group = azure.store.get(ip_group_id)
    body = common.effective_body(group) if group else None
    return list(body["ipAddresses"]) if body else []


def put_policy(azure: Azure, request: ArmRequest) -> tuple[Resource, Operation, bool]:
    """Create or replace a policy; its groups stay."""
    policy_id = request.path.rstrip("/")
    existing = azure.store.get(policy_id)
    body = checks.body_of(request)
    checks.check_name(policy_id.rsplit("/", 1)[-1])
    checks.check_location(body, existing)
    if azure.firewall_if_match:
        checks.check_etag(request, policy_id, existing)
    wanted = _clean_policy(azure, policy_id, body["properties"], request)
    if existing:
        common.refuse_busy(azure, existing, existing.name)
    policy = existing or azure.store.put(Resource(id=policy_id, type=POLICY, body={"location": body["location"]}))
    policy.body["tags"] = body.get("tags", {})
    policy.body["properties"] = {**wanted, "provisioningState": "Updating"}
    policy.touch()
    base = common.parent_of(azure, policy)
    if base:
        base.hidden.setdefault("children", {})[policy.key] = policy.id
    return policy, _begin(azure, policy, None, "PutFirewallPolicyOperation", request), existing is None


def _clean_policy(azure: Azure, policy_id: str, properties: dict[str, Any], request: ArmRequest) -> dict[str, Any]:
    checks.expect(properties, POLICY_KINDS, "properties")
    wanted = checks.without(properties, POLICY_READ_ONLY)
    wanted.setdefault("threatIntelMode", "Alert")
    wanted.setdefault("sku", {"tier": "Standard"})
    if wanted["threatIntelMode"] not in THREAT_MODES:
        raise checks.unreadable(f"Error converting value '{wanted['threatIntelMode']}' to a threatIntelMode.")
    dns = wanted.get("dnsSettings", {})
    checks.expect(dns, {"servers": list, "enableProxy": bool, "requireProxyForNetworkRules": bool}, "dnsSettings")
    checks.expect(wanted.get("snat", {}), {"privateRanges": list, "autoLearnPrivateRanges": str}, "snat")
    base = checks.reference(wanted, "basePolicy")
    if base:
        linked = {"linked_action": JOIN_POLICY, "linked": base}
        azure.access.check_linked(request.principal, f"{POLICY}/write", policy_id, **linked)
        parent = checks.referenced(azure, base, policy_id)
        if any(item.key == policy_id.lower() for item in policy_chain(azure, parent.id)):
            raise invalid("FirewallPolicyCircularInheritance", f"Policy {policy_id} cannot inherit from itself.")
    return wanted


def delete_policy(azure: Azure, policy: Resource, request: ArmRequest) -> Operation:
    """Start deleting a policy; refused while a firewall or another policy uses it."""
    common.refuse_busy(azure, policy, policy.name)
    users = [*common.firewalls_of(azure, policy), *common.children_of(azure, policy)]
    if users:
        message = f"Firewall Policy {policy.id} is in use by {users[0].id} and cannot be deleted."
        raise invalid("FirewallPolicyInUse", message)
    operation = writes.begin_delete(
        azure,
        policy,
        "DeleteFirewallPolicyOperation",
        azure.latencies.firewall_policy_unattached,
        location=policy.body["location"],
        api_version=request.api_version,
        style=Style.FIREWALL,
    )
    policy.hidden["operation"] = operation
    return operation


def put_group(azure: Azure, request: ArmRequest) -> tuple[Resource, Operation, bool]:
    """Create or overwrite a rule collection group: what the body does not name is gone afterwards.

    The new body shows at once, as Updating; firewalls enforce the old one until the operation ends.
    """
    group_id = request.path.rstrip("/")
    policy = find_policy(azure, group_id.rsplit("/", 2)[0])
    existing = azure.store.get(group_id)
    checks.check_name(group_id.rsplit("/", 1)[-1])
    body = checks.body_of(request)
    if azure.firewall_if_match:
        checks.check_etag(request, group_id, existing)
    properties = checks.without(body["properties"], GROUP_READ_ONLY)
    check_group(azure, group_id, properties)
    common.refuse_busy(azure, policy, group_id.rsplit("/", 1)[-1])
    _check_limits(policy, group_id, properties)
    group = existing or azure.store.put(Resource(id=group_id, type=GROUP, body={}))
    groups_of(policy)[group.name.lower()] = group
    group.body["properties"] = {**properties, "provisioningState": "Updating"}
    group.touch()
    operation = _begin(azure, policy, group, "PutFirewallPolicyRuleCollectionGroupOperation", request)
    return group, operation, existing is None


def _check_limits(policy: Resource, group_id: str, properties: dict[str, Any]) -> None:
    others = [group for group in groups_of(policy).values() if group.key != group_id.lower()]
    for other in others:
        if other.properties["priority"] == properties["priority"]:
            message = (
                f"Rule Collection Group {group_id.rsplit('/', 1)[-1]} has the same priority {properties['priority']} "
                f"as Rule Collection Group {other.name} of Firewall Policy {policy.name}."
            )
            raise invalid("FirewallPolicyRuleCollectionGroupDuplicatePriority", message)
    if len(others) >= MAX_GROUPS:
        message = f"Firewall Policy {policy.name} has the maximum of {MAX_GROUPS} rule collection groups."
        raise invalid("FirewallPolicyRuleCollectionGroupLimitReached", message)
    if size_of(properties) > MAX_GROUP_BYTES:
        message = f"Rule Collection Group {group_id.rsplit('/', 1)[-1]} is larger than 2 MB."
        raise invalid("FirewallPolicyRuleCollectionGroupSizeLimitReached", message)


def size_of(properties: dict[str, Any]) -> int:
    """How large a group is, in bytes of JSON."""
    return len(json.dumps(properties, separators=(",", ":")))


def _begin(azure: Azure, policy: Resource, group: Resource | None, name: str, request: ArmRequest) -> Operation:
    # The policy is Updating together with its group, for as long as the firewalls take.
    target = group or policy
    common.set_state(policy, "Updating")

    def finish() -> None:
        if group:
            group.hidden["effective"] = checks.without(copy.deepcopy(group.properties), GROUP_READ_ONLY)
            common.set_state(policy, "Succeeded")

    def fail(_error: ArmError) -> None:
        common.set_state(policy, "Failed")

    operation = writes.begin(
        azure,
        target,
        name,
        common.duration(azure, policy),
        location=policy.body["location"],
        api_version=request.api_version,
        style=Style.FIREWALL,
        finish=finish,
        fail=fail,
    )
    policy.hidden["operation"] = operation
    return operation


def delete_group(azure: Azure, group: Resource, request: ArmRequest) -> Operation:
    """Start deleting a group; firewalls enforce it until the operation ends."""
    policy = find_policy(azure, group.id.rsplit("/", 2)[0])
    common.refuse_busy(azure, policy, group.name)
    if azure.firewall_if_match:
        checks.check_etag(request, group.id, group)
    common.set_state(policy, "Updating")

    def finish() -> None:
        groups_of(policy).pop(group.name.lower(), None)
        common.set_state(policy, "Succeeded")

    operation = writes.begin_delete(
        azure,
        group,
        "DeleteFirewallPolicyRuleCollectionGroupOperation",
        common.duration(azure, policy),
        location=policy.body["location"],
        api_version=request.api_version,
        style=Style.FIREWALL,
        finish=finish,
        fail=lambda _error: common.set_state(policy, "Failed"),
    )
    policy.hidden["operation"] = operation
    return operation


def find_policy(azure: Azure, policy_id: str) -> Resource:
    """The policy, or 404 as for writing below it."""
    found = azure.store.get(policy_id)
    if found is None:
        raise writes.parent_not_found("firewallPolicies/ruleCollectionGroups", policy_id)
    return found


def find_group(azure: Azure, group_id: str) -> Resource:
    """The group, or the network provider's own 404."""
    found = azure.store.get(group_id)
    if found is None:
        raise network_not_found(group_id)
    return found
