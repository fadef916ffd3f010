"""Rules of role assignments and role definitions.

A principal's own calls are judged by `local.azure.rbac`; what is written here is told to it.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

from local.azure.azure import Azure
from local.azure.errors import ArmError
from local.azure.http import ArmRequest
from local.azure.rbac import Role, RoleAssignment
from local.azure.store import Resource

ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
DEFINITION = "Microsoft.Authorization/roleDefinitions"
NETWORK_CONTRIBUTOR = "4d97b98b-1d4f-4787-a291-c67834d212e7"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
_FILTER = re.compile(r"(?:(?P<how>principalId eq|assignedTo)\s*\(?'(?P<principal>[0-9a-f-]{36})'\)?)", re.IGNORECASE)


BUILT_IN = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": Role(title="Owner", actions=("*",)),
    "b24988ac-6180-42a0-ab88-20f7382dd24c": Role(
        title="Contributor",
        actions=("*",),
        not_actions=("Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"),
    ),
    READER: Role(title="Reader", actions=("*/read",)),
    NETWORK_CONTRIBUTOR: Role(
        title="Network Contributor",
        actions=(
            "Microsoft.Authorization/*/read",
            "Microsoft.Insights/alertRules/*",
            "Microsoft.Network/*",
            "Microsoft.ResourceHealth/availabilityStatuses/read",
            "Microsoft.Resources/deployments/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Support/*",
        ),
    ),
}
"""https://learn.microsoft.com/azure/role-based-access-control/built-in-roles, by name (a GUID)."""


def role_of(azure: Azure, name: str) -> Role:
    """A role definition by name. Raises ArmError 404 for one that does not exist."""
    role = BUILT_IN.get(name.lower()) or azure.access.custom_roles.get(name.lower())
    if role is None:
        raise ArmError(
            404, "RoleDefinitionDoesNotExist", f"The specified role definition with ID '{name}' does not exist."
        )
    return role


def put_assignment(azure: Azure, request: ArmRequest) -> Resource:
    """Give a role to a principal at a scope.

    An assignment never changes: repeating it answers the one there is, another one for the same is a conflict.
    """
    facts = (request.body or {}).get("properties") or {}
    scope, name = f"/{request.params['scope']}", request.params["name"]
    role_name = str(facts.get("roleDefinitionId", "")).rsplit("/", 1)[-1].lower()
    principal = str(facts.get("principalId", "")).lower()
    role = role_of(azure, role_name)
    for given in (name, principal):
        try:
            uuid.UUID(given)
        except ValueError as error:
            raise ArmError(400, "InvalidRoleAssignmentId", f"'{given}' is not a valid GUID.") from error
    if azure.store.get(scope) is None and not re.fullmatch(r"/subscriptions/[^/]+", scope):
        raise ArmError(404, "ResourceNotFound", f"The scope '{scope}' was not found.")
    for other in azure.store.of_type(ASSIGNMENT, below=scope):
        same = other.properties["principalId"] == principal and _role_name(other) == role_name
        if same and other.properties["scope"].lower() == scope.lower():
            if other.name.lower() == name.lower():
                return other
            raise ArmError(409, "RoleAssignmentExists", "The role assignment already exists.")
    if azure.store.get(f"{scope}/providers/{ASSIGNMENT}/{name}"):
        message = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
        raise ArmError(400, "RoleAssignmentUpdateNotPermitted", message)
    assignment = make_assignment(scope, name, role_name, principal, str(facts.get("principalType") or "User"))
    azure.access.assignments.append(
        RoleAssignment(
            principal_id=principal, scope=scope, actions=role.actions, not_actions=role.not_actions, name=name.lower()
        )
    )
    return azure.store.put(assignment)


def make_assignment(scope: str, name: str, role: str, principal: str, kind: str = "ServicePrincipal") -> Resource:
    """An assignment as it is kept; nothing is stored."""
    properties: dict[str, Any] = {
        "roleDefinitionId": f"/subscriptions/{scope.split('/')[2]}/providers/{DEFINITION}/{role}",
        "principalId": principal,
        "principalType": kind,
        "scope": scope,
        "condition": None,
        "conditionVersion": None,
    }
    resource_id = f"{scope}/providers/{ASSIGNMENT}/{name}"
    body = {"id": resource_id, "type": ASSIGNMENT, "name": name, "properties": properties}
    return Resource(id=resource_id, type=ASSIGNMENT, body=body)


def delete_assignment(azure: Azure, assignment: Resource) -> None:
    """Take a role away again."""
    azure.store.remove_tree(assignment.id)
    azure.access.assignments[:] = [item for item in azure.access.assignments if item.name != assignment.name.lower()]


def find(azure: Azure, scope: str, text: str) -> Iterator[Resource]:
    """The assignments at, above and below a scope that a `$filter` asks for.

    Raises:
        ArmError: 501 for a filter that is not simulated.
    """
    asked = _FILTER.fullmatch(text.strip()) if text else None
    if text and asked is None:
        raise ArmError(501, "NotSimulated", f"The local Azure does not simulate the filter {text}.")
    wanted = {asked["principal"].lower()} if asked else set()
    if asked and asked["how"].lower() == "assignedto":
        wanted |= {group for group, members in azure.access.groups.items() if asked["principal"].lower() in members}
    for assignment in azure.store.of_type(ASSIGNMENT):
        at = assignment.properties["scope"].lower()
        near = _is_within(at, scope.lower()) or _is_within(scope.lower(), at)
        if near and (not wanted or assignment.properties["principalId"] in wanted):
            yield assignment


def _is_within(scope: str, other: str) -> bool:
    return scope == other or scope.startswith(other + "/")


def _role_name(assignment: Resource) -> str:
    return str(assignment.properties["roleDefinitionId"]).rsplit("/", 1)[-1]
