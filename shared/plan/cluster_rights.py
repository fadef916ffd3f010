"""Rule: what a cluster's identity must be allowed to do on the network it was given. Not ours to grant, so only told.

AKS joins nodes and internal load balancers to the subnets, and a kubenet cluster writes its pods' routes into the
subnet's own table: https://learn.microsoft.com/azure/aks/aks-service-permissions and
https://learn.microsoft.com/azure/aks/concepts-network-legacy-cni (`CustomRouteTableMissingPermission`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from shared.model.resource_id import ResourceId
from shared.model.rights import Grant
from shared.model.world import Cluster, World
from shared.plan.finding import Code, Finding, Severity

SUBNET_ACTIONS = (
    "Microsoft.Network/virtualNetworks/subnets/read",
    "Microsoft.Network/virtualNetworks/subnets/join/action",
)
KUBENET_TABLE_ACTIONS = (
    "Microsoft.Network/routeTables/read",
    "Microsoft.Network/routeTables/write",
    "Microsoft.Network/routeTables/routes/read",
    "Microsoft.Network/routeTables/routes/write",
    "Microsoft.Network/routeTables/routes/delete",
)


@dataclass(frozen=True, kw_only=True)
class Need:
    """What the identity must be allowed to do on one resource."""

    resource: ResourceId
    actions: tuple[str, ...]

    def lacking(self, grants: Collection[Grant]) -> tuple[str, ...]:
        """The actions that no grant allows."""
        return tuple(
            action for action in self.actions if not any(grant.allows(action, self.resource) for grant in grants)
        )


def needs_of(cluster: Cluster, world: World) -> tuple[Need, ...]:
    """What a cluster's identity needs: on its subnets and, with kubenet, on their route tables."""
    api_server = [cluster.api_server_subnet] if cluster.api_server_subnet else []
    subnets = [Need(resource=subnet, actions=SUBNET_ACTIONS) for subnet in sorted({*cluster.subnets, *api_server})]
    tables = sorted(set(_tables(cluster, world))) if cluster.network_plugin.lower() == "kubenet" else []
    return (*subnets, *(Need(resource=table, actions=KUBENET_TABLE_ACTIONS) for table in tables))


def _tables(cluster: Cluster, world: World) -> Iterator[ResourceId]:
    for subnet_id in cluster.subnets:
        vnet = world.vnet_of(subnet_id)
        subnet = vnet.subnet(subnet_id) if vnet else None
        # AKS made the table in the node resource group, and its identity owns that group.
        if subnet and subnet.route_table and subnet.route_table.group != cluster.node_group:
            yield subnet.route_table


def rights_missing(cluster: Cluster, needs: Collection[Need], grants: Collection[Grant]) -> Finding | None:
    """The finding about a cluster whose identity lacks rights; None when it has what it needs."""
    lacking = {need.resource: actions for need in needs if (actions := need.lacking(grants))}
    if not lacking:
        return None
    told = "; ".join(f"{', '.join(actions)} on {_in_words(resource)}" for resource, actions in lacking.items())
    commands = "; ".join(
        f"`az role assignment create --assignee-object-id {cluster.identity} --assignee-principal-type "
        f'ServicePrincipal --role "Network Contributor" --scope {resource}`'
        for resource in lacking
    )
    return Finding(
        code=Code.CLUSTER_RIGHTS_MISSING,
        severity=Severity.WARNING,
        resource=cluster.id,
        cluster=cluster.id,
        message=f"The cluster's identity {cluster.identity} may not do {told}: scaling, upgrades and starts fail.",
        fix=commands,
    )


def _in_words(resource: ResourceId) -> str:
    return "/".join(resource.names)
