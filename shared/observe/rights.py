"""Role assignments and role definitions, as Resource Manager has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shared.azure_clients import AzureClients
from shared.azure_errors import azure_errors
from shared.errors import InvalidResourceId, ResourceGone
from shared.model.resource_id import ResourceId, is_guid
from shared.model.rights import Grant, Permission, RoleAssignment
from shared.observe import parse

Wire = Mapping[str, Any]


def role_assignment(wire: Wire) -> RoleAssignment:
    """A role assignment, from Resource Manager or from Resource Graph. Raises KeyError when a part is missing."""
    facts = parse.properties(wire)
    return RoleAssignment(
        principal=str(facts["principalId"]).lower(),
        # By name: Resource Manager and Resource Graph write the ids of built-in roles differently.
        role=str(facts["roleDefinitionId"]).rsplit("/", 1)[-1].lower(),
        scope=str(facts["scope"]).lower(),
    )


class RightsReader:
    """Reads who may do what. Role definitions hardly ever change: each is read once."""

    def __init__(self, clients: AzureClients) -> None:
        self._clients = clients
        self._permissions: dict[str, tuple[Permission, ...]] = {}

    async def assignments(self, principal: str, place: ResourceId) -> tuple[RoleAssignment, ...]:
        """What a principal was given in the subscription of `place`, above and below it (1 call a page).

        With `assignedTo`, Azure also lists what the principal's groups were given:
        https://learn.microsoft.com/azure/role-based-access-control/role-assignments-list-rest.

        Raises:
            InvalidResourceId: the principal is no object id, so it may not go into a filter.
        """
        if not is_guid(principal):
            raise InvalidResourceId(f"not an object id: {principal[:120]!r}")
        operations = self._clients.authorization(place.subscription_id).role_assignments
        with azure_errors(place):
            found = operations.list_for_subscription(filter=f"assignedTo('{principal}')")
            # The group's assignment names the group; here it is the principal's.
            listed = [role_assignment(_wire(item)) async for item in found]
        return tuple(RoleAssignment(principal=principal.lower(), role=item.role, scope=item.scope) for item in listed)

    async def grants(self, assignments: Iterable[RoleAssignment], place: ResourceId) -> tuple[Grant, ...]:
        """Assignments with what their roles allow (1 call for each role that was not read before)."""
        return tuple([Grant(assignment=item, permissions=await self._role(item.role, place)) for item in assignments])

    async def _role(self, role: str, place: ResourceId) -> tuple[Permission, ...]:
        if role not in self._permissions:
            operations = self._clients.authorization(place.subscription_id).role_definitions
            try:
                with azure_errors(place):
                    found = await operations.get(f"/subscriptions/{place.subscription_id}", role)
            except ResourceGone:
                return ()
            self._permissions[role] = tuple(
                Permission(actions=tuple(item.actions or ()), not_actions=tuple(item.not_actions or ()))
                for item in found.permissions or ()
            )
        return self._permissions[role]


def _wire(item: Any) -> Wire:
    return {
        "properties": {
            "principalId": item.principal_id,
            "roleDefinitionId": item.role_definition_id,
            "scope": item.scope,
        }
    }
