"""What the firewall's resources share: types, who belongs to whom, and the one update at a time of a policy family."""

from __future__ import annotations

from typing import Any

from local.azure.azure import Azure
from local.azure.errors import ArmError, invalid
from local.azure.operations import Operation
from local.azure.store import Resource

FIREWALL = "Microsoft.Network/azureFirewalls"
POLICY = "Microsoft.Network/firewallPolicies"
GROUP = "Microsoft.Network/firewallPolicies/ruleCollectionGroups"
IP_GROUP = "Microsoft.Network/ipGroups"


def groups_of(policy: Resource) -> dict[str, Resource]:
    """The policy's rule collection groups by lower-cased name, in the order of their creation."""
    found: dict[str, Resource] = policy.hidden.setdefault("groups", {})
    return found


def parent_of(azure: Azure, policy: Resource) -> Resource | None:
    """The policy that this one inherits from, or None."""
    target = policy.properties.get("basePolicy", {}).get("id")
    return azure.store.get(target) if target else None


def children_of(azure: Azure, policy: Resource) -> list[Resource]:
    """The policies that inherit from this one."""
    found = [azure.store.get(key) for key in policy.hidden.get("children", {})]
    return [
        child for child in found if child and child.properties.get("basePolicy", {}).get("id", "").lower() == policy.key
    ]


def firewalls_of(azure: Azure, policy: Resource) -> list[Resource]:
    """The firewalls that enforce this very policy."""
    found = [azure.store.get(key) for key in policy.hidden.get("firewalls", {})]
    return [
        firewall
        for firewall in found
        if firewall and firewall.properties.get("firewallPolicy", {}).get("id", "").lower() == policy.key
    ]


def descendants(azure: Azure, policy: Resource) -> list[Resource]:
    """The policy and all that inherit from it."""
    return [policy, *(found for child in children_of(azure, policy) for found in descendants(azure, child))]


def family(azure: Azure, policy: Resource) -> list[Resource]:
    """All policies that share a root with this one; they take one update at a time between them."""
    root = policy
    while (parent := parent_of(azure, root)) is not None:
        root = parent
    return descendants(azure, root)


def enforced(azure: Azure, policy: Resource) -> bool:
    """Whether a firewall enforces the policy, directly or through a policy that inherits from it."""
    return any(firewalls_of(azure, item) for item in descendants(azure, policy))


def policy_chain(azure: Azure, policy_id: str) -> list[Resource]:
    """The policies that a firewall with this one evaluates: the topmost parent first, the policy itself last."""
    chain: list[Resource] = []
    policy = azure.store.get(policy_id)
    while policy is not None:
        chain.insert(0, policy)
        policy = parent_of(azure, policy)
    return chain


def running_in(azure: Azure, policy: Resource) -> tuple[Operation, str] | None:
    """The update that holds the policy's family, and the name of the resource it writes; None when it is idle."""
    for member in family(azure, policy):
        operation: Operation | None = member.hidden.get("operation")
        if operation and not operation.over:
            return operation, operation.target.rsplit("/", 1)[-1]
    return None


def refuse_busy(azure: Azure, policy: Resource, name: str) -> None:
    """Raise HTTP 400 while the policy's family is being updated.

    Azure has two codes for it; which one comes is not known beforehand, so they take turns here. The message of
    the newer one names the operation; its exact text is not confirmed.
    """
    running = running_in(azure, policy)
    if running is None:
        return
    operation, target = running
    refusals: int = policy.hidden.get("refusals", 0)
    policy.hidden["refusals"] = refusals + 1
    code = "FirewallPolicyRuleCollectionGroupUpdateNotAllowed"
    if refusals % 2 == 0:
        message = f"Rule Collection Group {name} can not be updated because {target} is in Updating state"
        raise invalid(code, message)
    message = (
        f"Rule Collection Group {name} can not be updated because parent Firewall Policy {policy.name} is in Updating "
        f"or Deleting state from previous operation ID : {operation.operation_id}"
    )
    raise invalid(f"{code}WhenUpdatingOrDeleting", message)


def duration(azure: Azure, policy: Resource) -> float:
    """How long an update takes: minutes when a firewall has to take it over, seconds otherwise."""
    latencies = azure.latencies
    return latencies.firewall_policy if enforced(azure, policy) else latencies.firewall_policy_unattached


def set_state(policy: Resource, state: str) -> None:
    """Set `provisioningState` with a new etag."""
    policy.properties["provisioningState"] = state
    policy.touch()


def update_failed(policy: Resource) -> ArmError:
    """The error of an update that a firewall could not take over; another PUT cures it."""
    message = f"Put on Firewall Policy {policy.name} Failed with 1 faulted referenced firewalls"
    return ArmError(400, "FirewallPolicyUpdateFailed", message, details=[])


def odd_case(resource_id: str) -> str:
    """The id as firewalls give it back, which is not the case it was written in (terraform-provider-azurerm#23990)."""
    return resource_id.replace("/resourceGroups/", "/resourcegroups/").replace(
        "/firewallPolicies/", "/firewallpolicies/"
    )


def effective_body(resource: Resource) -> dict[str, Any] | None:
    """What is enforced now of a rule collection group or an IP group; None before its first update has ended."""
    found: dict[str, Any] | None = resource.hidden.get("effective")
    return found
