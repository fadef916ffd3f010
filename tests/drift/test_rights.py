"""The sweep tells of clusters whose identity may not do on the network what AKS needs."""

from __future__ import annotations

import uuid

from local.azure.authorization.models import READER, make_assignment
from local.azure.rbac import Role
from local.azure.seed.grants import identity_of, network_contributor
from shared.plan.finding import Finding
from tests.app.conftest import Contoso
from tests.drift.test_sweep import reachable_cluster, sweep

TEAM = "7ea00000-0000-4000-8000-000000000001"
JOINER = "10100000-0000-4000-8000-000000000002"
JOIN = "Microsoft.Network/virtualNetworks/subnets/join/action"
READ = "Microsoft.Network/virtualNetworks/subnets/read"


def take_role_away(contoso: Contoso, cluster: str) -> str:
    """Somebody deletes the role assignment of a cluster's identity; answers the identity's object id."""
    identity = identity_of(contoso.get(cluster))
    path, _ = network_contributor(contoso.spoke["vnet"], identity)
    contoso.delete(path)
    return identity


def give(contoso: Contoso, scope: str, role: str, principal: str) -> None:
    """A role assignment, written by the network team."""
    assignment = make_assignment(scope, str(uuid.uuid4()), role, principal)
    properties = {name: assignment.properties[name] for name in ("roleDefinitionId", "principalId", "principalType")}
    contoso.operator("PUT", assignment.id, {"properties": properties})


async def found(contoso: Contoso) -> list[Finding]:
    return [item for item in (await sweep(contoso)).findings if str(item.code) == "CLUSTER_RIGHTS_MISSING"]


async def test_identity_without_role_is_named_with_what_it_lacks_and_the_command(contoso: Contoso) -> None:
    cluster = await reachable_cluster(contoso)
    identity = take_role_away(contoso, cluster)

    (finding,) = await found(contoso)

    assert str(finding.cluster).lower() == cluster.lower()
    assert identity in finding.message
    assert f"{READ}, {JOIN} on vnet-spoke-1/aks-nodes" in finding.message
    assert "az role assignment create" in finding.fix
    assert contoso.spoke["node_subnet"].lower() in finding.fix.lower()
    assert not finding.repaired


async def test_role_that_allows_a_part_leaves_the_rest_missing(contoso: Contoso) -> None:
    cluster = await reachable_cluster(contoso)
    identity = take_role_away(contoso, cluster)
    give(contoso, contoso.spoke["group"], READER, identity)

    (finding,) = await found(contoso)

    assert f"may not do {JOIN} on vnet-spoke-1/aks-nodes" in finding.message


async def test_custom_role_on_the_subnet_is_enough(contoso: Contoso) -> None:
    cluster = await reachable_cluster(contoso)
    identity = take_role_away(contoso, cluster)
    contoso.azure.access.custom_roles[JOINER] = Role(title="Joiner", actions=(READ, JOIN))
    give(contoso, contoso.spoke["node_subnet"], JOINER, identity)

    assert await found(contoso) == []


async def test_right_of_a_group_counts(contoso: Contoso) -> None:
    """Resource Graph shows the group's assignment only; Resource Manager knows who is in the group."""
    cluster = await reachable_cluster(contoso)
    identity = take_role_away(contoso, cluster)
    path, body = network_contributor(contoso.spoke["vnet"], TEAM)
    contoso.operator("PUT", path, body)
    contoso.azure.access.groups[TEAM] = frozenset({identity})

    assert await found(contoso) == []


async def test_kubenet_needs_its_route_table_too(contoso: Contoso) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster("aks-kube", plugin="kubenet")
    table = contoso.table_id_on(contoso.spoke["node_subnet"])
    assert table is not None
    assert await found(contoso) == []

    path, _ = network_contributor(table, identity_of(contoso.get(cluster)))
    contoso.delete(path)
    (finding,) = await found(contoso)

    assert "Microsoft.Network/routeTables/routes/write" in finding.message
    assert table.rsplit("/", 1)[-1] in finding.message
    assert JOIN not in finding.message


async def test_no_right_to_read_roles_is_a_warning_that_names_nobody(contoso: Contoso) -> None:
    await reachable_cluster(contoso)
    contoso.azure.access.assignments[:] = [
        type(item)(
            principal_id=item.principal_id,
            scope=item.scope,
            actions=tuple(action for action in item.actions if "Authorization" not in action),
        )
        for item in contoso.azure.access.assignments
    ]

    report = await sweep(contoso)

    (finding,) = report.findings
    assert (str(finding.code), str(finding.severity)) == ("SWEEP_INCOMPLETE", "warning")
    assert any("role assignment" in gap for gap in report.gaps)


async def test_healthy_cluster_costs_one_read_of_its_role_and_no_more(contoso: Contoso) -> None:
    await reachable_cluster(contoso)

    def reads() -> list[str]:
        own = [item.path for item in contoso.azure.requests if item.principal == "aks-hublink"]
        return [path for path in own if "Microsoft.Authorization" in path]

    await sweep(contoso)
    assert len(reads()) == 1
    await sweep(contoso)
    assert len(reads()) == 1
