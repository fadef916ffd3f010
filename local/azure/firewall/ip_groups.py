"""Rules of IP groups: lists of addresses that rules refer to."""

from __future__ import annotations

import copy
import uuid
from typing import Any

from local.azure.azure import Azure
from local.azure.errors import ArmError, invalid
from local.azure.firewall import common
from local.azure.firewall.common import IP_GROUP, POLICY
from local.azure.firewall.validation import valid_address
from local.azure.http import ArmRequest
from local.azure.network import checks, writes
from local.azure.operations import Operation, Style
from local.azure.store import Resource

MAX_ADDRESSES = 5000
READ_ONLY = ("provisioningState", "firewalls", "firewallPolicies")


def put_ip_group(azure: Azure, request: ArmRequest) -> tuple[Resource, Operation, bool]:
    """Create or replace an IP group. Firewalls use the new addresses when the operation ends.

    Two groups of one policy written at the same time end in IpGroupsUpdateFailed (terraform-provider-azurerm#19843).
    """
    group_id = request.path.rstrip("/")
    existing = azure.store.get(group_id)
    body = checks.body_of(request)
    checks.check_name(group_id.rsplit("/", 1)[-1])
    checks.check_location(body, existing)
    checks.expect(body["properties"], {"ipAddresses": list}, "properties")
    wanted = checks.without(body["properties"], READ_ONLY)
    _check_addresses(group_id, wanted.setdefault("ipAddresses", []))
    group = existing or azure.store.put(Resource(id=group_id, type=IP_GROUP, body={"location": body["location"]}))
    group.body["tags"] = body.get("tags", {})
    group.body["properties"] = {**wanted, "provisioningState": "Updating"}
    group.etag = str(uuid.uuid4())
    policies = users(azure, group)
    parallel = any(policy.hidden.get("ip_group_writes", 0) for policy in policies)
    for policy in policies:
        policy.hidden["ip_group_writes"] = policy.hidden.get("ip_group_writes", 0) + 1

    def finish() -> None:
        _leave(policies)
        if parallel:
            message = f"Put on IP Group {group.name} Failed with {len(policies)} faulted referenced firewall policies"
            raise ArmError(400, "IpGroupsUpdateFailed", message, details=[])
        group.hidden["effective"] = copy.deepcopy(wanted)

    operation = writes.begin(
        azure,
        group,
        "PutIpGroupOperation",
        azure.latencies.ip_group,
        location=group.body["location"],
        api_version=request.api_version,
        style=Style.FIREWALL,
        finish=finish,
        fail=lambda error: None if error.code == "IpGroupsUpdateFailed" and parallel else _leave(policies),
    )
    operation.then.append(lambda _operation: _plain_etag(group))
    return group, operation, existing is None


def _leave(policies: list[Resource]) -> None:
    for policy in policies:
        policy.hidden["ip_group_writes"] = max(policy.hidden.get("ip_group_writes", 0) - 1, 0)


def _plain_etag(group: Resource) -> None:
    # IP groups have bare guids for etags, in the body and in the header (recorded).
    group.etag = str(uuid.uuid4())


def _check_addresses(group_id: str, addresses: list[Any]) -> None:
    name = group_id.rsplit("/", 1)[-1]
    if len(addresses) > MAX_ADDRESSES:
        raise invalid("IpGroupTooManyAddresses", f"IP Group {name} has more than {MAX_ADDRESSES} addresses.")
    for address in addresses:
        if not isinstance(address, str) or not valid_address(address):
            raise invalid("IpGroupInvalidAddress", f"IP Group {name} has the invalid address '{address}'.")


def users(azure: Azure, group: Resource) -> list[Resource]:
    """The policies whose groups refer to this IP group."""
    return [policy for policy in azure.store.of_type(POLICY) if _refers(policy, group.key)]


def _refers(policy: Resource, key: str) -> bool:
    return any(
        target.lower() == key
        for group in common.groups_of(policy).values()
        for collection in group.properties["ruleCollections"]
        for rule in collection["rules"]
        for field in ("sourceIpGroups", "destinationIpGroups")
        for target in rule.get(field, [])
    )


def delete_ip_group(azure: Azure, group: Resource) -> None:
    """Delete at once (recorded: 200 without an operation); refused while a rule refers to it."""
    policies = users(azure, group)
    if policies:
        message = f"IP Group {group.id} is in use by {policies[0].id} and cannot be deleted."
        raise invalid("IpGroupInUse", message)
    azure.store.remove(group.id)


def wire_body(azure: Azure, group: Resource) -> dict[str, Any]:
    """The body as GET answers it, in the recorded order."""
    kept = group.snapshot()["properties"]
    policies = users(azure, group)
    firewalls = [firewall for policy in policies for firewall in common.firewalls_of(azure, policy)]
    tags = group.body.get("tags")
    return {
        "properties": {
            "firewalls": [{"id": firewall.id} for firewall in firewalls],
            "firewallPolicies": [{"id": policy.id} for policy in policies],
            **kept,
        },
        "id": group.id,
        "name": group.name,
        "type": "Microsoft.Network/IpGroups",
        "etag": group.etag,
        "location": group.body["location"],
        **({"tags": tags} if tags else {}),
    }
