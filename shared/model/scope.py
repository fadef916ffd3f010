"""What a reconcile looks at: a place in the world, never an instruction."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shared.model import azure_types
from shared.model.resource_id import ResourceId


class ScopeKind(StrEnum):
    """The kinds of places a reconcile can look at."""

    ZONE = "zone"
    CLUSTER = "cluster"
    VIRTUAL_NETWORK = "virtualNetwork"
    ROUTE_TABLE = "routeTable"
    FIREWALL_POLICY = "firewallPolicy"


@dataclass(frozen=True, kw_only=True)
class Scope:
    """One place to look at."""

    kind: ScopeKind
    resource: ResourceId

    def __str__(self) -> str:
        return f"{self.kind}:{self.resource}"


_KIND_OF_TYPE = {
    azure_types.PRIVATE_DNS_ZONE: ScopeKind.ZONE,
    azure_types.MANAGED_CLUSTER: ScopeKind.CLUSTER,
    azure_types.VIRTUAL_NETWORK: ScopeKind.VIRTUAL_NETWORK,
    azure_types.ROUTE_TABLE: ScopeKind.ROUTE_TABLE,
    azure_types.FIREWALL_POLICY: ScopeKind.FIREWALL_POLICY,
}
_KIND_OF_TYPE_LOWER = {name.lower(): kind for name, kind in _KIND_OF_TYPE.items()}


def scope_of(resource: ResourceId) -> Scope | None:
    """The scope that looks at a resource or at the parent it belongs to; None for types nobody looks at.

    A link or A record leads to its zone, a subnet or peering to its VNet, a route to its table, a node pool to its
    cluster, a rule collection group to its firewall policy.
    """
    current = resource
    while current.types:
        kind = _KIND_OF_TYPE_LOWER.get(current.type.lower())
        if kind:
            return Scope(kind=kind, resource=current)
        current = current.parent
    return None
