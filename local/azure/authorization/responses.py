"""HTTP shapes of role assignments and role definitions."""

from __future__ import annotations

from typing import Any

from local.azure.authorization import models
from local.azure.azure import Azure
from local.azure.errors import ArmError
from local.azure.http import ArmRequest, ArmResponse
from local.azure.store import Resource


def put_assignment(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Create: 201."""
    return ArmResponse(status=201, body=models.put_assignment(azure, request).snapshot())


def get_assignment(azure: Azure, request: ArmRequest) -> ArmResponse:
    """One role assignment."""
    return ArmResponse(status=200, body=_assignment(azure, request).snapshot())


def delete_assignment(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Delete: 200 with what it was, 204 when there is none."""
    assignment = azure.store.get(request.path.rstrip("/"))
    if assignment is None:
        return ArmResponse(status=204, event=False)
    body = assignment.snapshot()
    models.delete_assignment(azure, assignment)
    return ArmResponse(status=200, body=body)


def list_assignments(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Assignments of a subscription, with those above and below it, by `$filter`."""
    found = models.find(azure, f"/subscriptions/{request.params['sub']}", request.query.get("$filter", ""))
    return ArmResponse(status=200, body={"value": [item.snapshot() for item in found]})


def get_definition(azure: Azure, request: ArmRequest) -> ArmResponse:
    """One role definition."""
    role = models.role_of(azure, request.params["name"])
    permissions = {
        "actions": list(role.actions),
        "notActions": list(role.not_actions),
        "dataActions": [],
        "notDataActions": [],
    }
    properties = {
        "roleName": role.title,
        "type": "BuiltInRole" if request.params["name"].lower() in models.BUILT_IN else "CustomRole",
        "description": "",
        "assignableScopes": ["/"],
        "permissions": [permissions],
    }
    body = {"id": request.path, "type": models.DEFINITION, "name": request.params["name"], "properties": properties}
    return ArmResponse(status=200, body=body)


def graph_body(_azure: Azure, assignment: Resource) -> dict[str, Any]:
    """An assignment as Resource Graph has it: built-in roles by their id in the tenant."""
    body = assignment.snapshot()
    role = body["properties"]["roleDefinitionId"].rsplit("/", 1)[-1]
    body["properties"]["roleDefinitionId"] = f"/providers/Microsoft.Authorization/RoleDefinitions/{role}"
    return body


def _assignment(azure: Azure, request: ArmRequest) -> Resource:
    found = azure.store.get(request.path.rstrip("/"))
    if found is None:
        name = request.params["name"]
        raise ArmError(404, "RoleAssignmentNotFound", f"The role assignment '{name}' is not found.")
    return found
