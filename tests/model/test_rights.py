"""What a role assignment allows, and where."""

from __future__ import annotations

import pytest

from shared.model.resource_id import ResourceId
from shared.model.rights import Grant, Permission, RoleAssignment

SUBSCRIPTION = "c0170500-0000-4000-8000-000000000001"
SUBNET = ResourceId.parse(
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-spoke-1/providers/Microsoft.Network/virtualNetworks/vnet/subnets/aks"
)
JOIN = "Microsoft.Network/virtualNetworks/subnets/join/action"


def grant(scope: str, *permissions: Permission) -> Grant:
    assignment = RoleAssignment(principal="somebody", role="a-role", scope=scope.lower())
    return Grant(assignment=assignment, permissions=permissions or (Permission(actions=("Microsoft.Network/*",)),))


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        ("/", True),
        ("/providers/Microsoft.Management/managementGroups/contoso", True),
        (f"/subscriptions/{SUBSCRIPTION}", True),
        (f"/subscriptions/{SUBSCRIPTION}/resourceGroups/RG-SPOKE-1", True),
        (str(SUBNET.parent), True),
        (str(SUBNET), True),
        (f"{SUBNET}-2", False),
        (str(SUBNET)[:-1], False),
        (f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-spoke", False),
        ("/subscriptions/c0170500-0000-4000-8000-000000000002", False),
    ],
)
def test_assignment_holds_at_its_scope_and_below(scope: str, covered: bool) -> None:
    assert grant(scope).allows(JOIN, SUBNET) is covered


@pytest.mark.parametrize(
    ("actions", "not_actions", "allowed"),
    [
        (("*",), (), True),
        (("MICROSOFT.NETWORK/*/Action",), (), True),
        ((JOIN,), (), True),
        (("Microsoft.Network/*/read",), (), False),
        ((), (), False),
        (("*",), ("Microsoft.Network/*/join/action",), False),
        (("*",), ("Microsoft.Compute/*",), True),
    ],
)
def test_actions_match_with_wildcards_and_without_what_is_taken_out(
    actions: tuple[str, ...], not_actions: tuple[str, ...], allowed: bool
) -> None:
    assert grant("/", Permission(actions=actions, not_actions=not_actions)).allows(JOIN, SUBNET) is allowed


def test_what_one_entry_takes_out_another_may_allow() -> None:
    taken = Permission(actions=("*",), not_actions=(JOIN,))
    assert grant("/", taken, Permission(actions=(JOIN,))).allows(JOIN, SUBNET)
