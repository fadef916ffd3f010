"""HTTP shapes of firewalls, policies, rule collection groups and IP groups."""

from __future__ import annotations

from typing import Any

from local.azure.azure import Azure
from local.azure.errors import resource_not_found
from local.azure.firewall import common, firewalls, ip_groups, models
from local.azure.firewall.common import FIREWALL, IP_GROUP, POLICY
from local.azure.http import ArmRequest, ArmResponse
from local.azure.network import checks, writes
from local.azure.paging import page
from local.azure.store import Resource


def firewall_body(_azure: Azure, firewall: Resource) -> dict[str, Any]:
    """A firewall as GET answers it."""
    zones = firewall.body.get("zones")
    return writes.top_level(firewall, firewalls.wire_properties(firewall), **({"zones": zones} if zones else {}))


def policy_body(azure: Azure, policy: Resource) -> dict[str, Any]:
    """A policy as GET answers it, with what refers to it. The casing of its `type` was not recorded."""
    kept = policy.snapshot()["properties"]
    groups = common.groups_of(policy).values()
    size = sum(models.size_of(group.properties) for group in groups)
    properties = {
        "provisioningState": kept.pop("provisioningState"),
        "size": megabytes(size),
        **kept,
        "childPolicies": [{"id": child.id} for child in common.children_of(azure, policy)],
        "ruleCollectionGroups": [{"id": group.id} for group in groups],
        "firewalls": [{"id": firewall.id} for firewall in common.firewalls_of(azure, policy)],
    }
    return {**writes.top_level(policy, properties), "type": "Microsoft.Network/FirewallPolicies"}


def group_body(_azure: Azure, group: Resource) -> dict[str, Any]:
    """A rule collection group as GET answers it."""
    kept = group.snapshot()["properties"]
    size = models.size_of(kept)
    properties = {"size": megabytes(size), "provisioningState": kept.pop("provisioningState"), **kept}
    return {**writes.child(group, properties), "type": "Microsoft.Network/FirewallPolicies/RuleCollectionGroups"}


def megabytes(size: int) -> str:
    """A size as the service words it."""
    return f"{size / 1_000_000:.6f} MB"


def get_firewall(azure: Azure, request: ArmRequest) -> ArmResponse:
    """One firewall."""
    return writes.read(azure, writes.get(azure, request, FIREWALL), firewall_body)


def list_firewalls(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Firewalls of a resource group or a subscription."""
    return writes.listed(azure, request, FIREWALL, firewall_body)


def put_firewall(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Create (201) or replace (200) a firewall."""
    firewall, operation, new = firewalls.put_firewall(azure, request)
    return writes.written(azure, firewall, firewall_body, operation, status=201 if new else 200)


def delete_firewall(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Start the deletion: 202, or 204 when there is nothing to delete."""
    firewall = azure.store.get(request.path.rstrip("/"))
    if firewall is None:
        return ArmResponse(status=204, event=False)
    return ArmResponse(status=202, operation=firewalls.delete_firewall(azure, firewall, request))


def get_policy(azure: Azure, request: ArmRequest) -> ArmResponse:
    """One policy."""
    return writes.read(azure, writes.get(azure, request, POLICY), policy_body)


def list_policies(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Policies of a resource group or a subscription."""
    return writes.listed(azure, request, POLICY, policy_body)


def put_policy(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Create (201) or replace (200) a policy."""
    policy, operation, new = models.put_policy(azure, request)
    return writes.written(azure, policy, policy_body, operation, status=201 if new else 200)


def delete_policy(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Start the deletion: 202, or 204 when there is nothing to delete."""
    policy = azure.store.get(request.path.rstrip("/"))
    if policy is None:
        return ArmResponse(status=204, event=False)
    return ArmResponse(status=202, operation=models.delete_policy(azure, policy, request))


def get_group(azure: Azure, request: ArmRequest) -> ArmResponse:
    """One rule collection group."""
    _policy(azure, request, 2)
    return writes.read(azure, models.find_group(azure, request.path.rstrip("/")), group_body)


def list_groups(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Rule collection groups of a policy."""
    policy = _policy(azure, request, 1)
    bodies = [group_body(azure, group) for group in common.groups_of(policy).values()]
    return page(azure, request, bodies, size=writes.PAGE)


def put_group(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Create (201) or overwrite (200) a rule collection group."""
    group, operation, new = models.put_group(azure, request)
    return writes.written(azure, group, group_body, operation, status=201 if new else 200)


def delete_group(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Start the deletion: 202, or 204 when there is nothing to delete."""
    group = azure.store.get(request.path.rstrip("/"))
    if group is None:
        return ArmResponse(status=204, event=False)
    return ArmResponse(status=202, operation=models.delete_group(azure, group, request))


def _policy(azure: Azure, request: ArmRequest, levels: int) -> Resource:
    found = azure.store.get(request.path.rstrip("/").rsplit("/", levels)[0])
    if found is None:
        raise resource_not_found(POLICY, request.params["policy"], request.params["rg"])
    return found


def get_ip_group(azure: Azure, request: ArmRequest) -> ArmResponse:
    """One IP group, pretty-printed as recorded."""
    group = writes.get(azure, request, IP_GROUP)
    headers = {"ETag": f'"{group.etag}"'}
    return ArmResponse(status=200, body=ip_groups.wire_body(azure, group), indent=2, headers=headers)


def list_ip_groups(azure: Azure, request: ArmRequest) -> ArmResponse:
    """IP groups of a resource group or a subscription."""
    return writes.listed(azure, request, IP_GROUP, ip_groups.wire_body, indent=2)


def put_ip_group(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Create (201) or replace (200) an IP group; a write without changes is Updating too (recorded)."""
    existing = azure.store.get(request.path.rstrip("/"))
    if azure.firewall_if_match:
        checks.check_etag(request, request.path, existing)
    group, operation, new = ip_groups.put_ip_group(azure, request)
    body = ip_groups.wire_body(azure, group)
    return ArmResponse(status=201 if new else 200, body=body, operation=operation, indent=2)


def delete_ip_group(azure: Azure, request: ArmRequest) -> ArmResponse:
    """200 at once, or 204 when there is nothing to delete."""
    group = azure.store.get(request.path.rstrip("/"))
    if group is None:
        return ArmResponse(status=204, event=False)
    ip_groups.delete_ip_group(azure, group)
    return ArmResponse(status=200)
