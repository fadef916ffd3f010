"""Role assignments and role definitions of the local Azure, through the real SDK."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.authorization.aio import AuthorizationManagementClient
from azure.mgmt.network.aio import NetworkManagementClient

from local.azure.authorization.models import NETWORK_CONTRIBUTOR, READER
from local.azure.rbac import APP, OPERATOR, Principal
from tests.local_azure.conftest import GROUP, SUBSCRIPTION, Lab, StaticCredential, make_vnet

SOMEBODY = "50be0000-0000-4000-8000-000000000001"
TEAM = "7ea00000-0000-4000-8000-000000000001"
SCOPE = f"/subscriptions/{SUBSCRIPTION}"


def authorization(lab: Lab, principal: Principal = OPERATOR) -> AuthorizationManagementClient:
    return AuthorizationManagementClient(
        StaticCredential(principal),
        SUBSCRIPTION,
        base_url=lab.azure.base_url,
        credential_scopes=["https://management.azure.com/.default"],
        connection_verify=str(lab.certificates.ca),
        retry_total=0,
    )


@pytest.fixture
async def roles(lab: Lab) -> AsyncIterator[AuthorizationManagementClient]:
    async with authorization(lab) as client:
        yield client


async def give(
    client: AuthorizationManagementClient, scope: str, role: str, principal: str, *, name: str | None = None
) -> str:
    definition = f"{SCOPE}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    body = {"properties": {"roleDefinitionId": definition, "principalId": principal, "principalType": "User"}}
    made = await client.role_assignments.create(scope, name or str(uuid.uuid4()), body)
    return str(made.name)


async def listed(client: AuthorizationManagementClient, text: str | None) -> set[str]:
    return {str(item.name) async for item in client.role_assignments.list_for_subscription(filter=text)}


async def test_assignment_lives_until_it_is_deleted(roles: AuthorizationManagementClient) -> None:
    scope = f"{SCOPE}/resourceGroups/{GROUP}"
    name = await give(roles, scope, READER, SOMEBODY)
    found = await roles.role_assignments.get(scope, name)
    assert (found.scope, found.principal_id) == (scope, SOMEBODY)
    await roles.role_assignments.delete(scope, name)
    with pytest.raises(ResourceNotFoundError):
        await roles.role_assignments.get(scope, name)
    assert await listed(roles, None) == set()


async def test_repeated_assignment_is_the_same_and_another_is_a_conflict(roles: AuthorizationManagementClient) -> None:
    name = await give(roles, SCOPE, READER, SOMEBODY)
    assert await give(roles, SCOPE, READER, SOMEBODY, name=name) == name
    with pytest.raises(HttpResponseError) as changed:
        await give(roles, SCOPE, READER, TEAM, name=name)
    assert (changed.value.status_code, changed.value.error.code) == (400, "RoleAssignmentUpdateNotPermitted")
    with pytest.raises(HttpResponseError) as refused:
        await give(roles, SCOPE, READER, SOMEBODY)
    assert (refused.value.status_code, refused.value.error.code) == (409, "RoleAssignmentExists")


async def test_lists_are_of_all_or_one_principal_or_with_its_groups(
    lab: Lab, roles: AuthorizationManagementClient, client: NetworkManagementClient
) -> None:
    vnet = await make_vnet(client, "spoke", "10.20.0.0/16", {})
    own = await give(roles, str(vnet.id), NETWORK_CONTRIBUTOR, SOMEBODY)
    team = await give(roles, SCOPE, READER, TEAM)
    lab.azure.access.groups[TEAM] = frozenset({SOMEBODY})
    assert await listed(roles, None) == {own, team}
    assert await listed(roles, f"principalId eq '{SOMEBODY}'") == {own}
    assert await listed(roles, f"assignedTo('{SOMEBODY}')") == {own, team}
    with pytest.raises(HttpResponseError) as refused:
        await listed(roles, "canDelegate eq true")
    assert refused.value.status_code == 501


async def test_role_is_in_force_once_it_is_assigned(lab: Lab, roles: AuthorizationManagementClient) -> None:
    async with lab.network(APP) as network:
        with pytest.raises(HttpResponseError):
            await network.route_tables.get(GROUP, "rt")
        name = await give(roles, SCOPE, READER, APP.object_id)
        with pytest.raises(ResourceNotFoundError):
            await network.route_tables.get(GROUP, "rt")
        await roles.role_assignments.delete(SCOPE, name)
        with pytest.raises(HttpResponseError) as refused:
            await network.route_tables.get(GROUP, "rt")
    assert refused.value.status_code == 403


async def test_definition_tells_what_a_role_allows(roles: AuthorizationManagementClient) -> None:
    found = await roles.role_definitions.get(SCOPE, NETWORK_CONTRIBUTOR)
    assert found.role_name == "Network Contributor"
    assert "Microsoft.Network/*" in found.permissions[0].actions
    with pytest.raises(ResourceNotFoundError):
        await roles.role_definitions.get(SCOPE, str(uuid.uuid4()))
