"""Where an event leads: to the zone, cluster, VNet or route table that a resource belongs to."""

from __future__ import annotations

import pytest

from shared.model import azure_types
from shared.model.scope import Scope, ScopeKind, scope_of
from tests.builders import CLUSTER_ID, HUB_ID, NODES_ID, OUR_TABLE_ID, POLICY_ID, SPOKE_ID, ZONE_ID, group


@pytest.mark.parametrize(
    ("resource", "kind", "place"),
    [
        (ZONE_ID, ScopeKind.ZONE, ZONE_ID),
        (ZONE_ID.child("virtualNetworkLinks", "link"), ScopeKind.ZONE, ZONE_ID),
        (ZONE_ID.child("A", "demo"), ScopeKind.ZONE, ZONE_ID),
        (CLUSTER_ID, ScopeKind.CLUSTER, CLUSTER_ID),
        (CLUSTER_ID.child("agentpools", "system"), ScopeKind.CLUSTER, CLUSTER_ID),
        (SPOKE_ID, ScopeKind.VIRTUAL_NETWORK, SPOKE_ID),
        (NODES_ID, ScopeKind.VIRTUAL_NETWORK, SPOKE_ID),
        (SPOKE_ID.child("virtualNetworkPeerings", "to-hub"), ScopeKind.VIRTUAL_NETWORK, SPOKE_ID),
        (POLICY_ID, ScopeKind.FIREWALL_POLICY, POLICY_ID),
        (POLICY_ID.child("ruleCollectionGroups", "rcg"), ScopeKind.FIREWALL_POLICY, POLICY_ID),
        (OUR_TABLE_ID, ScopeKind.ROUTE_TABLE, OUR_TABLE_ID),
        (OUR_TABLE_ID.child("routes", "default"), ScopeKind.ROUTE_TABLE, OUR_TABLE_ID),
    ],
    ids=lambda value: value.type if hasattr(value, "type") else str(value),
)
def test_resource_leads_to_the_place_that_is_looked_at(resource, kind, place):
    assert scope_of(resource) == Scope(kind=kind, resource=place)


def test_scope_is_found_in_any_casing():
    lower = group("rg").resource(azure_types.MANAGED_CLUSTER.lower(), "aks")

    assert scope_of(lower) == Scope(kind=ScopeKind.CLUSTER, resource=lower)


@pytest.mark.parametrize("resource", [group("rg"), group("rg").resource("Microsoft.Compute/disks", "d")])
def test_nobody_looks_at_other_types(resource):
    assert scope_of(resource) is None


def test_scope_reads_well_in_a_log():
    assert str(Scope(kind=ScopeKind.VIRTUAL_NETWORK, resource=HUB_ID)) == f"virtualNetwork:{HUB_ID}"
