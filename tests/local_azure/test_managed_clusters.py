"""AKS clusters of the local Azure, through the real SDK: what they create, when, and how they change and go."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from local.azure.managed_clusters.node_group import group_id, zone_id
from local.azure.rbac import AKS, APP, OPERATOR
from local.azure.seed.bodies import cluster_body, link_body, pool_body
from local.azure.seed.calls import Caller, RefusedError, no_waiting
from local.azure.seed.contoso import HUB_VNET
from tests.local_azure.aks_helpers import FOREVER, NODE_SUBNET, SPOKE, World, cluster_path, contoso_world

GROUP = SPOKE.group
SPOKE_GROUP = cluster_path().split("/providers/")[0]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with contoso_world(tmp_path) as world:
        yield world


async def test_cluster_creation_makes_group_zone_endpoint_record_and_link_in_this_order(world: World) -> None:
    table = world.route_nodes()
    async with world.aks() as aks:
        poller = await aks.managed_clusters.begin_create_or_update(GROUP, "aks-1", cluster_body(NODE_SUBNET))
        world.azure.clock.advance(FOREVER)
        cluster = await poller.result()
    steps = [(at, item.operation_name, item.kind) for at, item in world.written_by(AKS)]
    assert steps == [
        (5.0, "Microsoft.Resources/subscriptions/resourceGroups/write", "Write"),
        (20.0, "Microsoft.Network/privateDnsZones/write", "Write"),
        (45.0, "Microsoft.Network/networkInterfaces/write", "Write"),
        (45.0, "Microsoft.Network/privateEndpoints/write", "Write"),
        (60.0, "Microsoft.Network/privateDnsZones/A/write", "Write"),
        (65.0, "Microsoft.Network/privateDnsZones/virtualNetworkLinks/write", "Write"),
    ]
    own = [(at, item.outcome) for at, item in world.written_by(OPERATOR) if "managedClusters" in item.resource_id]
    assert own == [(360.0, "Success")]
    assert cluster.provisioning_state == "Succeeded"
    assert cluster.private_fqdn
    assert table


async def test_first_answer_is_201_creating_and_already_names_zone_and_node_group(world: World) -> None:
    answers: list[Any] = []
    async with world.aks() as aks:
        body = cluster_body(NODE_SUBNET, prefix="Demo", outbound="loadBalancer")
        await aks.managed_clusters.begin_create_or_update(
            GROUP, "aks-1", body, polling=False, raw_response_hook=lambda found: answers.append(found.http_response)
        )
    first = answers[0]
    assert first.status_code == 201
    text = first.text()
    assert text.startswith('{\n "id": "/subscriptions/')
    wire = json.loads(text)
    properties = wire["properties"]
    assert "/resourcegroups/rg-spoke-1/" in wire["id"]
    assert wire["type"] == "Microsoft.ContainerService/ManagedClusters"
    assert properties["provisioningState"] == "Creating"
    assert properties["nodeResourceGroup"] == "MC_rg-spoke-1_aks-1_westeurope"
    assert properties["apiServerAccessProfile"]["privateDNSZone"] == "system"
    label, zone = properties["privateFQDN"].split(".", 1)
    assert label.startswith("demo-")
    assert zone.split(".", 1)[1] == "privatelink.westeurope.azmk8s.io"
    assert properties["fqdn"].split(".")[0] != label
    assert "api-version=2017-08-31" in first.headers["Azure-AsyncOperation"]


async def test_node_group_belongs_to_the_cluster_and_holds_what_the_names_promise(world: World) -> None:
    cluster = world.make()
    group = world.azure.store.get(group_id(cluster))
    assert group is not None
    assert group.body["managedBy"] == cluster.id
    label = cluster.properties["privateFQDN"].split(".", 1)[0]
    async with world.dns() as dns:
        zone_name = (zone_id(cluster) or "").rsplit("/", 1)[-1]
        record = await dns.record_sets.get(group.name, zone_name, "A", label)
        links = [link async for link in dns.virtual_network_links.list(group.name, zone_name)]
    assert record.ttl == 300
    assert [(link.name, link.virtual_network.id) for link in links] == [(label, SPOKE.vnet_id)]
    endpoint = world.azure.store.get(f"{group.id}/providers/Microsoft.Network/privateEndpoints/kube-apiserver")
    assert endpoint is not None
    assert endpoint.properties["subnet"]["id"] == NODE_SUBNET
    card = world.azure.store.get(endpoint.properties["networkInterfaces"][0]["id"])
    assert card is not None
    address = card.properties["ipConfigurations"][0]["properties"]["privateIPAddress"]
    assert [item.ipv4_address for item in record.a_records] == [address]


async def test_stop_deletes_the_endpoint_and_start_comes_back_with_another_address(world: World) -> None:
    cluster = world.make()
    before, host = world.address(), cluster.properties["privateFQDN"]
    async with world.aks() as aks:
        stopping = await aks.managed_clusters.begin_stop(GROUP, "aks-1")
        world.azure.clock.advance(FOREVER)
        await stopping.result()
        stopped = await aks.managed_clusters.get(GROUP, "aks-1")
        assert stopped.power_state.code == "Stopped"
        assert stopped.private_fqdn is None
        assert world.address() == before
        assert not world.azure.store.of_type("Microsoft.Network/privateEndpoints", below=group_id(cluster))
        starting = await aks.managed_clusters.begin_start(GROUP, "aks-1")
        world.azure.clock.advance(FOREVER)
        await starting.result()
        started = await aks.managed_clusters.get(GROUP, "aks-1")
    assert (started.power_state.code, started.private_fqdn) == ("Running", host)
    assert world.address() != before
    kinds = [item.operation_name for _, item in world.written_by(OPERATOR) if item.kind == "Action"]
    assert kinds == [
        "Microsoft.ContainerService/managedClusters/stop/action",
        "Microsoft.ContainerService/managedClusters/start/action",
    ]


async def test_stopped_cluster_takes_only_start_and_delete(world: World) -> None:
    world.make()
    world.call.post(f"{cluster_path()}/stop")
    world.azure.clock.advance(FOREVER)
    async with world.aks() as aks:
        with pytest.raises(HttpResponseError) as refused:
            await aks.managed_clusters.begin_create_or_update(GROUP, "aks-1", cluster_body(NODE_SUBNET))
        assert refused.value.status_code == 409
        assert "OperationNotAllowed" in str(refused.value)
        deleting = await aks.managed_clusters.begin_delete(GROUP, "aks-1")
        world.azure.clock.advance(FOREVER)
        await deleting.result()
    assert not world.azure.store.get(cluster_path())


async def test_second_operation_is_refused_while_one_is_in_progress(world: World) -> None:
    world.make(wait=10)
    async with world.aks() as aks:
        with pytest.raises(HttpResponseError) as refused:
            await aks.managed_clusters.begin_stop(GROUP, "aks-1")
    assert refused.value.status_code == 409
    assert "Another operation (Creating) is in progress" in str(refused.value)


async def test_delete_takes_the_node_group_with_everybodys_links(world: World) -> None:
    cluster = world.make(locked=True)
    zone = zone_id(cluster)
    aks = Caller(world.azure, AKS)
    with no_waiting(world.azure):
        aks.put(f"{zone}/virtualNetworkLinks/foreign", link_body(HUB_VNET))
    async with world.aks() as client:
        deleting = await client.managed_clusters.begin_delete(GROUP, "aks-1")
        assert (await client.managed_clusters.get(GROUP, "aks-1")).provisioning_state == "Deleting"
        world.azure.clock.advance(FOREVER)
        await deleting.result()
        with pytest.raises(ResourceNotFoundError):
            await client.managed_clusters.get(GROUP, "aks-1")
    assert [item.id for item in world.azure.store if "/mc_" in item.key] == []
    assert world.azure.access.denials == []
    subnet = world.azure.store.get(NODE_SUBNET)
    assert subnet is not None
    assert subnet.hidden["addresses"] == {}


async def test_deleting_the_clusters_resource_group_takes_the_node_group_too(world: World) -> None:
    world.make()
    world.call.delete(SPOKE_GROUP)
    world.azure.clock.advance(FOREVER)
    assert [item.id for item in world.azure.store if "/mc_" in item.key or "managedclusters" in item.key] == []


async def test_delete_half_way_through_creation_cancels_the_rest(world: World) -> None:
    world.make(wait=30)
    assert world.azure.store.of_type("Microsoft.Network/privateDnsZones")
    world.call.delete(cluster_path())
    world.azure.clock.advance(FOREVER)
    assert not world.azure.store.of_type("Microsoft.Network/privateDnsZones")
    assert not world.azure.store.of_type("Microsoft.Network/privateEndpoints")
    outcomes = [item.outcome for _, item in world.written_by(OPERATOR) if "managedClusters" in item.resource_id]
    assert outcomes == ["Cancel", "Success"]


async def test_cluster_made_again_under_the_same_name_has_another_zone(world: World) -> None:
    first = zone_id(world.make())
    world.call.delete(cluster_path())
    world.azure.clock.advance(FOREVER)
    assert zone_id(world.make()) != first


async def test_missing_cluster_is_404_and_deleting_it_is_204(world: World) -> None:
    statuses: list[int] = []
    async with world.aks() as aks:
        with pytest.raises(ResourceNotFoundError) as missing:
            await aks.managed_clusters.get(GROUP, "nothing")
        await aks.managed_clusters.begin_delete(
            GROUP,
            "nothing",
            polling=False,
            raw_response_hook=lambda found: statuses.append(found.http_response.status_code),
        )
    assert missing.value.error is not None
    assert missing.value.error.code == "ResourceNotFound"
    assert statuses == [204]


async def test_lists_cover_group_and_subscription_and_end_with_an_empty_page(world: World) -> None:
    world.make("aks-1")
    world.make("aks-2")
    async with world.aks() as aks:
        found = [item.name async for item in aks.managed_clusters.list_by_resource_group(GROUP)]
        pages = [[item.name async for item in page] async for page in aks.managed_clusters.list().by_page()]
    assert found == ["aks-1", "aks-2"]
    assert pages == [["aks-1", "aks-2"], []]


async def test_locked_node_group_refuses_the_app_but_not_aks(world: World) -> None:
    world.make("aks-open")
    locked = world.make("aks-locked", locked=True)
    app = Caller(world.azure, APP)
    app.put(f"{zone_id(world.cluster('aks-open'))}/virtualNetworkLinks/ours", link_body(HUB_VNET))
    with pytest.raises(RefusedError) as refused:
        app.put(f"{zone_id(locked)}/virtualNetworkLinks/ours", link_body(HUB_VNET))
    assert (refused.value.status, refused.value.code) == (403, "DenyAssignmentAuthorizationFailed")
    assert "deny assignment" in str(refused.value)
    assert world.address("aks-locked")


async def test_node_pools_come_and_go_and_the_last_system_pool_stays(world: World) -> None:
    world.make()
    pool = {"properties": {**pool_body(subnet=NODE_SUBNET, mode="User"), "name": None}}
    async with world.aks() as aks:
        adding = await aks.agent_pools.begin_create_or_update(GROUP, "aks-1", "user", pool)
        assert (await aks.managed_clusters.get(GROUP, "aks-1")).provisioning_state == "Updating"
        with pytest.raises(HttpResponseError, match="user - Updating"):
            await aks.managed_clusters.begin_stop(GROUP, "aks-1")
        world.azure.clock.advance(FOREVER)
        assert (await adding.result()).provisioning_state == "Succeeded"
        assert [item.name async for item in aks.agent_pools.list(GROUP, "aks-1")] == ["system", "user"]
        with pytest.raises(HttpResponseError, match="system agent pool"):
            await aks.agent_pools.begin_delete(GROUP, "aks-1", "system")
        removing = await aks.agent_pools.begin_delete(GROUP, "aks-1", "user")
        world.azure.clock.advance(FOREVER)
        await removing.result()
        assert (await aks.agent_pools.get(GROUP, "aks-1", "system")).mode == "System"
    events = [item.operation_name for _, item in world.written_by(OPERATOR) if "agentPools" in item.resource_id]
    assert events == [
        "Microsoft.ContainerService/managedClusters/agentPools/write",
        "Microsoft.ContainerService/managedClusters/agentPools/delete",
    ]


async def test_update_through_the_sdk_keeps_names_and_unknown_outbound_types(world: World) -> None:
    host = world.make(outbound="somethingNew").properties["privateFQDN"]
    async with world.aks() as aks:
        cluster = await aks.managed_clusters.get(GROUP, "aks-1")
        assert cluster.network_profile.outbound_type == "somethingNew"
        cluster.tags = {"team": "payments"}
        updating = await aks.managed_clusters.begin_create_or_update(GROUP, "aks-1", cluster)
        assert world.state() == "Updating"
        world.azure.clock.advance(FOREVER)
        updated = await updating.result()
    assert (updated.tags, updated.private_fqdn) == ({"team": "payments"}, host)
