"""AKS and the network it finds: what it refuses, what fails on the way, and the less common kinds of clusters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from local.azure.managed_clusters.kubenet import table_id
from local.azure.managed_clusters.managed_vnet import vnet_id
from local.azure.managed_clusters.node_group import group_id, zone_id
from local.azure.rbac import AKS
from local.azure.seed.bodies import cluster_body, link_body, pool_body, route_table_body, subnet_body
from local.azure.seed.calls import RefusedError, no_waiting
from local.azure.seed.contoso import HUB_VNET
from local.azure.seed.contoso import group_id as group
from tests.local_azure.aks_helpers import FOREVER, NODE_SUBNET, SPOKE, World, cluster_path, contoso_world

API_SUBNET = f"{SPOKE.vnet_id}/subnets/api-servers"
OWN_ZONE = f"{group(1, 'rg-dns')}/providers/Microsoft.Network/privateDnsZones/privatelink.westeurope.azmk8s.io"
IDENTITY = f"{group(1, 'rg-dns')}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/aks"
BALANCERS = "Microsoft.Network/loadBalancers"
ENDPOINTS = "Microsoft.Network/privateEndpoints"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with contoso_world(tmp_path) as world:
        yield world


@pytest.fixture
async def behind_firewall(tmp_path: Path) -> AsyncIterator[World]:
    async with contoso_world(tmp_path, dns="firewall") as world:
        yield world


def changed(path: str, value: Any, **options: Any) -> dict[str, Any]:
    """A valid body with one property set (dots in the path) or, for None, removed."""
    body = cluster_body(NODE_SUBNET, outbound="loadBalancer", **options)
    *parents, last = path.split(".")
    inner: Any = body
    for name in parents:
        inner = inner[int(name)] if name.isdigit() else inner[name]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return body


REFUSED = [
    (changed("identity", None), "InvalidParameter"),
    (changed("properties.agentPoolProfiles", []), "InvalidParameter"),
    (changed("properties.agentPoolProfiles", [pool_body(mode="User")]), "InvalidParameter"),
    (changed("properties.dnsPrefix", None), "InvalidParameter"),
    (changed("properties.fqdnSubdomain", "demo"), "InvalidParameter"),
    (changed("properties.agentPoolProfiles.0.vnetSubnetID", NODE_SUBNET + "-missing"), "SubnetNotFound"),
    (changed("properties.agentPoolProfiles.0.podSubnetID", NODE_SUBNET + "-pods"), "SubnetNotFound"),
    (changed("properties.agentPoolProfiles.0.vnetSubnetID", "nodes"), "InvalidParameter"),
    (cluster_body(None), "InvalidParameter"),
    (cluster_body(NODE_SUBNET), "ExistingRouteTableNotAssociatedWithSubnet"),
    (changed("properties.apiServerAccessProfile.privateDNSZone", "mine"), "InvalidParameter"),
    (cluster_body(NODE_SUBNET, outbound="none", zone="none", public_fqdn=False), "InvalidParameter"),
    (cluster_body(NODE_SUBNET, outbound="none", zone=OWN_ZONE), "InvalidParameter"),
    (cluster_body(NODE_SUBNET, outbound="none", zone=OWN_ZONE, identity=IDENTITY), "PrivateDNSZoneNotFound"),
    (cluster_body(NODE_SUBNET, outbound="none", api_subnet=NODE_SUBNET), "InvalidParameter"),
]


@pytest.mark.parametrize(("body", "code"), REFUSED)
async def test_body_that_aks_refuses_is_400_without_an_envelope(world: World, body: dict[str, Any], code: str) -> None:
    async with world.aks() as aks:
        with pytest.raises(HttpResponseError) as refused:
            await aks.managed_clusters.begin_create_or_update(SPOKE.group, "aks-1", body)
    assert refused.value.status_code == 400
    wire = refused.value.response.json()  # type: ignore[union-attr]
    assert set(wire) == {"code", "details", "message", "subcode"}
    assert wire["code"] == code
    assert world.azure.store.get(cluster_path()) is None


@pytest.mark.parametrize("hop", ["Internet", "None", "VnetLocal"])
async def test_default_route_to_anything_but_an_appliance_or_gateway_is_refused(world: World, hop: str) -> None:
    table = world.route_nodes()
    with no_waiting(world.azure):
        world.call.put(table, route_table_body("", hop_type=hop))
    with pytest.raises(RefusedError) as refused:
        world.make(outbound="userDefinedRouting")
    assert refused.value.code == "RouteTableInvalidNextHop"


async def test_outbound_none_needs_no_default_route(world: World) -> None:
    world.make(outbound="none")
    assert world.state() == "Succeeded"


@pytest.mark.parametrize("seconds", [0, 44, 149, 359])
async def test_vnet_that_is_updating_when_aks_looks_fails_the_creation(world: World, seconds: float) -> None:
    world.azure.latencies.subnet = 3.0
    if seconds:
        world.make(wait=seconds)
    world.call.send("PUT", f"{SPOKE.vnet_id}/subnets/other", subnet_body("10.1.200.0/24"))
    if not seconds:
        with pytest.raises(RefusedError, match="VirtualNetworkNotInSucceededState"):
            world.make(wait=0)
    world.azure.clock.advance(FOREVER)
    assert (world.state(), world.error()) == ("Failed", "VirtualNetworkNotInSucceededState")
    world.make()
    assert world.state() == "Succeeded"
    assert world.address()


async def test_vnet_written_between_aks_steps_does_no_harm(world: World) -> None:
    world.make(wait=70)
    world.call.send("PUT", f"{SPOKE.vnet_id}/subnets/other", subnet_body("10.1.200.0/24"))
    world.azure.clock.advance(FOREVER)
    assert world.state() == "Succeeded"


async def test_nodes_with_custom_dns_fail_after_ten_minutes_without_the_hub_link(behind_firewall: World) -> None:
    world = behind_firewall
    world.make(wait=749)
    assert world.state() == "Creating"
    world.azure.clock.advance(2)
    assert (world.state(), world.error()) == ("Failed", "VMExtensionError_K8SAPIServerDNSLookupFail")
    world.link("hub", HUB_VNET)
    world.make(wait=FOREVER)
    assert world.state() == "Succeeded"


async def test_hub_link_in_time_lets_nodes_with_custom_dns_join(behind_firewall: World) -> None:
    world = behind_firewall
    world.make(wait=700)
    world.link("hub", HUB_VNET)
    world.azure.clock.advance(20)
    assert world.state() == "Creating"
    world.azure.clock.advance(FOREVER)
    assert world.state() == "Succeeded"


async def test_node_vnet_linked_by_somebody_else_first_fails_aks_own_link(world: World) -> None:
    world.make(wait=30)
    world.link("ours", SPOKE.vnet_id)
    world.azure.clock.advance(FOREVER)
    assert (world.state(), world.error()) == ("Failed", "CreateOrUpdateVirtualNetworkLinkFailed")


async def test_zone_of_the_same_name_on_the_node_vnet_fails_aks_own_link(world: World) -> None:
    cluster = world.make(wait=30)
    twin = (zone_id(cluster) or "").replace("mc_rg-spoke-1_aks-1_westeurope", "rg-spoke-1")
    with no_waiting(world.azure):
        world.call.put(twin, {"location": "global"})
        world.call.put(f"{twin}/virtualNetworkLinks/twin", link_body(SPOKE.vnet_id))
    world.azure.clock.advance(FOREVER)
    assert world.error() == "CreateOrUpdateVirtualNetworkLinkFailed"
    operation = world.azure.operations.get(cluster.hidden["operation"])
    assert operation is not None
    assert "overlapping namespaces" in str(operation.error)


def delegate(world: World) -> None:
    with no_waiting(world.azure):
        world.call.put(API_SUBNET, subnet_body("10.1.100.0/28", delegated=True))


async def test_vnet_integration_enters_through_a_load_balancer_in_the_delegated_subnet(world: World) -> None:
    delegate(world)
    cluster = world.make(api_subnet=API_SUBNET)
    assert ".private.westeurope.azmk8s.io" in cluster.properties["privateFQDN"]
    assert world.address() == "10.1.100.4"
    assert [item.name for item in world.azure.store.of_type(BALANCERS, below=group_id(cluster))] == ["kube-apiserver"]
    assert not world.azure.store.of_type(ENDPOINTS, below=group_id(cluster))


async def test_conversion_to_vnet_integration_moves_the_address_and_keeps_the_name(world: World) -> None:
    delegate(world)
    host, before = world.make().properties["privateFQDN"], world.address()
    cluster = world.make(api_subnet=API_SUBNET)
    assert (world.state(), cluster.properties["privateFQDN"]) == ("Succeeded", host)
    assert world.address() == "10.1.100.4" != before
    assert not world.azure.store.of_type(ENDPOINTS, below=group_id(cluster))
    with pytest.raises(RefusedError) as refused:
        world.call.put(cluster_path(), changed("properties.apiServerAccessProfile.enableVnetIntegration", False))
    assert refused.value.code == "PropertyChangeNotAllowed"


async def test_conversion_to_zone_mode_none_removes_zone_and_private_name(world: World) -> None:
    zone = zone_id(world.make())
    cluster = world.make(zone="none")
    assert world.azure.store.get(zone or "") is None
    assert "privateFQDN" not in cluster.properties
    assert cluster.properties["apiServerAccessProfile"]["privateDNSZone"] == "none"
    with pytest.raises(RefusedError) as refused:
        world.make(zone="system")
    assert refused.value.code == "PropertyChangeNotAllowed"


async def test_clusters_that_share_a_zone_of_the_owners_share_its_link(world: World) -> None:
    with no_waiting(world.azure):
        world.call.put(group(1, "rg-dns"), {"location": "westeurope"})
        world.call.put(OWN_ZONE, {"location": "global"})
    first = world.make("aks-1", prefix="one", zone=OWN_ZONE, identity=IDENTITY)
    second = world.make("aks-2", prefix="two", zone=OWN_ZONE, identity=IDENTITY)
    assert first.properties["apiServerAccessProfile"]["privateDNSZone"] == OWN_ZONE
    assert first.body["identity"]["userAssignedIdentities"][IDENTITY]["principalId"]
    assert second.properties["privateFQDN"].endswith(".privatelink.westeurope.azmk8s.io")
    links, records = f"{OWN_ZONE}/virtualNetworkLinks", "Microsoft.Network/privateDnsZones/A"
    assert len(world.azure.store.of_type(records, below=OWN_ZONE)) == 2
    world.call.delete(cluster_path("aks-1"))
    world.azure.clock.advance(FOREVER)
    assert len(world.azure.store.of_type(records, below=OWN_ZONE)) == 1
    assert [
        item.key.startswith(links.lower()) for item in world.azure.store if "/virtualnetworklinks/" in item.key
    ] == [True]


async def test_kubenet_without_a_table_gets_one_of_aks_own_with_pod_routes(world: World) -> None:
    cluster = world.make(plugin="kubenet")
    subnet = world.azure.store.get(NODE_SUBNET)
    assert subnet is not None
    assert subnet.properties["routeTable"]["id"] == table_id(cluster)
    routes = world.azure.store.of_type("Microsoft.Network/routeTables/routes", below=table_id(cluster))
    assert [item.properties["addressPrefix"] for item in routes] == ["10.244.0.0/24", "10.244.1.0/24", "10.244.2.0/24"]
    world.call.delete(cluster_path())
    world.azure.clock.advance(FOREVER)
    assert "routeTable" not in subnet.properties
    assert subnet.hidden["addresses"] == {}


async def test_kubenet_writes_its_pod_routes_into_the_owners_table(world: World) -> None:
    table = world.route_nodes()
    world.make(plugin="kubenet", outbound="userDefinedRouting")
    names = [item.name for item in world.azure.store.of_type("Microsoft.Network/routeTables/routes", below=table)]
    assert len(names) == 4
    assert "default" in names


async def test_cluster_without_a_subnet_gets_a_vnet_of_aks_own(world: World) -> None:
    cluster = world.make(subnet=None)
    assert world.state() == "Succeeded"
    assert world.azure.store.get(vnet_id(cluster)) is not None
    assert world.address() == "10.224.0.4"


async def test_endpoint_moves_to_the_first_pools_subnet_with_stop_and_start(world: World) -> None:
    world.make()
    second = f"{SPOKE.vnet_id}/subnets/aks-more"
    with no_waiting(world.azure):
        world.call.put(second, subnet_body("10.1.32.0/24"))
    body = cluster_body(NODE_SUBNET, outbound="loadBalancer")
    body["properties"]["agentPoolProfiles"] = [pool_body("newsys", second), pool_body("system", NODE_SUBNET)]
    world.call.put(cluster_path(), body)
    world.azure.clock.advance(FOREVER)
    assert world.address().startswith("10.1.4.")
    for verb in ("stop", "start"):
        world.call.post(f"{cluster_path()}/{verb}")
        world.azure.clock.advance(FOREVER)
    assert world.address() == "10.1.32.4"


async def test_fixed_properties_cannot_change(world: World) -> None:
    world.make()
    for path, value in (("properties.dnsPrefix", "other"), ("properties.nodeResourceGroup", "rg-other")):
        with pytest.raises(RefusedError) as refused:
            world.call.put(cluster_path(), changed(path, value))
        assert refused.value.code == "PropertyChangeNotAllowed"


async def test_custom_node_group_name_is_kept_and_a_taken_one_refused(world: World) -> None:
    cluster = world.make(node_group="rg-my-nodes")
    assert "/rg-my-nodes/" in (zone_id(cluster) or "")
    with pytest.raises(RefusedError) as refused:
        world.make("aks-2", node_group="rg-my-nodes")
    assert refused.value.code == "NodeResourceGroupAlreadyExists"


async def test_public_cluster_has_no_private_names_and_no_endpoint(world: World) -> None:
    cluster = world.make(private=False)
    assert "privateFQDN" not in cluster.properties
    assert not world.azure.store.of_type(ENDPOINTS)
    assert [item.operation_name for _, item in world.written_by(AKS)] == [
        "Microsoft.Resources/subscriptions/resourceGroups/write"
    ]
