"""VNets, subnets and peerings of the local Azure, through the real SDK."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.network.aio import NetworkManagementClient

from local.azure.rbac import APP, RoleAssignment
from local.azure.virtual_networks.models import allocate_address, release_address
from tests.local_azure.conftest import GROUP, OTHER_SUBSCRIPTION, SUBSCRIPTION, Lab, make_table, make_vnet

SPOKE = {"nodes": "10.20.0.0/22", "pods": "10.20.8.0/22"}


def code_of(error: pytest.ExceptionInfo[HttpResponseError]) -> str:
    assert error.value.error is not None
    return str(error.value.error.code)


async def put_subnet(client: NetworkManagementClient, vnet: str, name: str, body: Any, **more: Any) -> Any:
    return await (await client.subnets.begin_create_or_update(GROUP, vnet, name, body, **more)).result()


async def test_subnet_put_keeps_what_it_names_and_loses_what_it_does_not(client: NetworkManagementClient) -> None:
    await make_vnet(client, "spoke", "10.20.0.0/16", SPOKE)
    table = await make_table(client, "rt")
    subnet = (await client.subnets.get(GROUP, "spoke", "nodes")).as_dict()
    subnet["properties"]["routeTable"] = {"id": table.id}
    subnet["properties"]["serviceEndpoints"] = [{"service": "Microsoft.Storage"}]
    subnet["properties"]["somethingNewer"] = {"kept": True}
    await put_subnet(client, "spoke", "nodes", subnet)
    kept = (await client.subnets.get(GROUP, "spoke", "nodes")).as_dict()["properties"]
    assert kept["routeTable"] == {"id": table.id}
    assert kept["somethingNewer"] == {"kept": True}
    assert kept["serviceEndpoints"][0]["service"] == "Microsoft.Storage"
    await put_subnet(client, "spoke", "nodes", {"properties": {"addressPrefix": "10.20.0.0/22"}})
    bare = (await client.subnets.get(GROUP, "spoke", "nodes")).as_dict()["properties"]
    assert not {"routeTable", "serviceEndpoints", "somethingNewer"} & set(bare)


async def test_subnet_prefix_form_and_read_only_parts_are_kept_as_the_service_has_them(
    client: NetworkManagementClient,
) -> None:
    await make_vnet(client, "spoke", "10.20.0.0/16")
    body = {"properties": {"addressPrefixes": ["10.20.0.0/24"], "provisioningState": "Failed", "purpose": "mine"}}
    subnet = (await put_subnet(client, "spoke", "nodes", body)).as_dict()["properties"]
    assert subnet["addressPrefixes"] == ["10.20.0.0/24"]
    assert "addressPrefix" not in subnet
    assert subnet["provisioningState"] == "Succeeded"
    assert "purpose" not in subnet


async def test_identical_subnet_put_succeeds_at_once_and_leaves_the_vnet_free(
    lab: Lab, client: NetworkManagementClient
) -> None:
    await make_vnet(client, "spoke", "10.20.0.0/16", SPOKE)
    lab.azure.latencies.subnet = 1e6
    body = {"properties": {"addressPrefix": "10.20.0.0/22"}}
    assert (await put_subnet(client, "spoke", "nodes", body)).provisioning_state == "Succeeded"
    assert (await client.virtual_networks.get(GROUP, "spoke")).provisioning_state == "Succeeded"


async def test_write_to_a_busy_vnet_is_refused_with_the_status_uri(lab: Lab, client: NetworkManagementClient) -> None:
    await make_vnet(client, "spoke", "10.20.0.0/16", SPOKE)
    table = await make_table(client, "rt")
    lab.azure.latencies.subnet = 1e6
    body = {"properties": {"addressPrefix": "10.20.0.0/22", "routeTable": {"id": table.id}}}
    await client.subnets.begin_create_or_update(GROUP, "spoke", "nodes", body, polling=False)
    assert (await client.virtual_networks.get(GROUP, "spoke")).provisioning_state == "Updating"
    other = {"properties": {"addressPrefix": "10.20.8.0/22", "routeTable": {"id": table.id}}}
    with pytest.raises(HttpResponseError) as refused:
        await client.subnets.begin_create_or_update(GROUP, "spoke", "pods", other)
    assert (refused.value.status_code, code_of(refused)) == (409, "AnotherOperationInProgress")
    assert f"{lab.azure.base_url}/subscriptions/{SUBSCRIPTION}/providers" in str(refused.value)


async def test_superseded_subnet_write_leaves_the_subnet_as_it_was(lab: Lab, client: NetworkManagementClient) -> None:
    await make_vnet(client, "spoke", "10.20.0.0/16", SPOKE)
    table = await make_table(client, "rt")
    lab.azure.faults.add({"kind": "superseded", "path": "/subnets/nodes"})
    body = {"properties": {"addressPrefix": "10.20.0.0/22", "routeTable": {"id": table.id}}}
    with pytest.raises(HttpResponseError) as canceled:
        await put_subnet(client, "spoke", "nodes", body)
    assert "CanceledAndSupersededDueToAnotherOperation" in str(canceled.value)
    assert (await client.subnets.get(GROUP, "spoke", "nodes")).route_table is None
    assert (await put_subnet(client, "spoke", "nodes", body)).route_table.id == table.id


@pytest.mark.parametrize("kind", ["virtual_networks", "route_tables"])
async def test_stale_etag_is_refused_with_412(client: NetworkManagementClient, kind: str) -> None:
    await make_vnet(client, "thing", "10.20.0.0/16")
    await make_table(client, "thing")
    operations = getattr(client, kind)
    current = await operations.get(GROUP, "thing")
    body = current.as_dict()
    with pytest.raises(HttpResponseError) as refused:
        await operations.begin_create_or_update(GROUP, "thing", body, headers={"If-Match": 'W/"stale"'})
    assert (refused.value.status_code, code_of(refused)) == (412, "PreconditionFailed")
    assert current.etag.removeprefix("W/").strip('"') in str(refused.value)
    await (await operations.begin_create_or_update(GROUP, "thing", body, headers={"If-Match": current.etag})).result()


async def test_subnet_honours_if_match_only_when_told(lab: Lab, client: NetworkManagementClient) -> None:
    await make_vnet(client, "spoke", "10.20.0.0/16", SPOKE)
    body = {"properties": {"addressPrefix": "10.20.0.0/22"}}
    stale = {"headers": {"If-Match": 'W/"stale"'}}
    await put_subnet(client, "spoke", "nodes", body, **stale)
    lab.azure.subnet_if_match = True
    with pytest.raises(HttpResponseError) as refused:
        await put_subnet(client, "spoke", "nodes", body, **stale)
    assert refused.value.status_code == 412


async def test_route_table_of_another_region_or_subscription_is_refused(
    lab: Lab, client: NetworkManagementClient
) -> None:
    await make_vnet(client, "spoke", "10.20.0.0/16", SPOKE)
    far = await make_table(client, "far", location="northeurope")
    async with lab.network(subscription=OTHER_SUBSCRIPTION) as elsewhere:
        foreign = await make_table(elsewhere, "foreign")
    for table in (far, foreign):
        body = {"properties": {"addressPrefix": "10.20.0.0/22", "routeTable": {"id": table.id}}}
        with pytest.raises(HttpResponseError) as refused:
            await put_subnet(client, "spoke", "nodes", body)
        assert (refused.value.status_code, code_of(refused)) == (400, "InvalidResourceReference")
    assert (await client.subnets.get(GROUP, "spoke", "nodes")).route_table is None


@pytest.mark.parametrize(
    ("prefix", "code"),
    [
        ("10.21.0.0/24", "NetcfgSubnetRangeOutsideVnet"),
        ("10.20.1.0/24", "NetcfgSubnetRangesOverlap"),
        ("10.20.16.1/24", "NetcfgInvalidSubnet"),
    ],
)
async def test_subnet_prefix_must_fit(client: NetworkManagementClient, prefix: str, code: str) -> None:
    await make_vnet(client, "spoke", "10.20.0.0/16", SPOKE)
    with pytest.raises(HttpResponseError) as refused:
        await put_subnet(client, "spoke", "new", {"properties": {"addressPrefix": prefix}})
    assert (refused.value.status_code, code_of(refused)) == (400, code)


async def test_appliance_default_route_is_refused_on_the_firewall_subnet(client: NetworkManagementClient) -> None:
    await make_vnet(client, "hub", "10.0.0.0/16", {"AzureFirewallSubnet": "10.0.1.0/26"})
    table = await make_table(client, "rt")
    body = {"properties": {"addressPrefix": "10.0.1.0/26", "routeTable": {"id": table.id}}}
    with pytest.raises(HttpResponseError) as refused:
        await put_subnet(client, "hub", "AzureFirewallSubnet", body)
    assert code_of(refused) == "AzureFirewallSubnetRouteTableMustHaveDefaultRouteToInternet"


async def test_vnet_put_without_subnets_keeps_them_since_2023_09(lab: Lab, client: NetworkManagementClient) -> None:
    await make_vnet(client, "spoke", "10.20.0.0/16", SPOKE, dhcpOptions={"dnsServers": ["10.0.1.4"]})
    body = {"location": "westeurope", "properties": {"addressSpace": {"addressPrefixes": ["10.20.0.0/15"]}}}
    await (await client.virtual_networks.begin_create_or_update(GROUP, "spoke", body)).result()
    vnet = await client.virtual_networks.get(GROUP, "spoke")
    assert [subnet.name for subnet in vnet.subnets or []] == ["nodes", "pods"]
    assert vnet.dhcp_options is None
    old = {"api-version": "2023-06-01"}
    await (await client.virtual_networks.begin_create_or_update(GROUP, "spoke", body, params=old)).result()
    assert not (await client.virtual_networks.get(GROUP, "spoke")).subnets


async def test_unknown_call_is_answered_501_naming_itself(client: NetworkManagementClient) -> None:
    with pytest.raises(HttpResponseError) as refused:
        await client.nat_gateways.get(GROUP, "nat")
    assert refused.value.status_code == 501
    assert "GET" in str(refused.value)
    assert "natGateways/nat" in str(refused.value)


async def test_app_is_refused_what_its_role_does_not_grant(lab: Lab, client: NetworkManagementClient) -> None:
    await make_vnet(client, "spoke", "10.20.0.0/16", SPOKE)
    table = await make_table(client, "rt")
    body = {"properties": {"addressPrefix": "10.20.0.0/22", "routeTable": {"id": table.id}}}
    granted = ["Microsoft.Network/virtualNetworks/subnets/read", "Microsoft.Network/virtualNetworks/subnets/write"]

    def grant(*actions: str) -> None:
        lab.azure.access.assignments.append(
            RoleAssignment(principal_id=APP.object_id, scope=f"/subscriptions/{SUBSCRIPTION}", actions=actions)
        )

    async with lab.network(APP) as app:
        with pytest.raises(HttpResponseError) as refused:
            await app.subnets.get(GROUP, "spoke", "nodes")
        assert (refused.value.status_code, code_of(refused)) == (403, "AuthorizationFailed")
        grant(*granted)
        with pytest.raises(HttpResponseError) as linked:
            await put_subnet(app, "spoke", "nodes", body)
        assert (linked.value.status_code, code_of(linked)) == (403, "LinkedAuthorizationFailed")
        grant("Microsoft.Network/routeTables/join/action", "Microsoft.Network/locations/*")
        assert (await put_subnet(app, "spoke", "nodes", body)).route_table.id == table.id


async def test_wrong_kinds_of_values_are_refused(client: NetworkManagementClient) -> None:
    await make_vnet(client, "spoke", "10.20.0.0/16", SPOKE)
    for properties in ({"addressPrefix": ["10.20.0.0/22"]}, {"addressPrefix": "10.20.0.0/22", "routeTable": {}}):
        with pytest.raises(HttpResponseError) as refused:
            await put_subnet(client, "spoke", "nodes", {"properties": properties})
        assert (refused.value.status_code, code_of(refused)) == (400, "InvalidRequestFormat")


async def test_missing_subnet_is_the_network_providers_own_404(client: NetworkManagementClient) -> None:
    await make_vnet(client, "spoke", "10.20.0.0/16")
    with pytest.raises(ResourceNotFoundError) as missing:
        await client.subnets.get(GROUP, "spoke", "none")
    assert code_of(missing) == "NotFound"
    with pytest.raises(ResourceNotFoundError) as orphan:
        await client.subnets.get(GROUP, "none", "none")
    assert code_of(orphan) == "ResourceNotFound"


async def put_peering(lab: Lab, client: NetworkManagementClient, vnet: str, remote: str, **params: Any) -> Any:
    body = {"properties": {"remoteVirtualNetwork": {"id": lab.id("virtualNetworks", remote)}}}
    poller = await client.virtual_network_peerings.begin_create_or_update(GROUP, vnet, f"to-{remote}", body, **params)
    return await poller.result()


async def test_peering_is_initiated_until_the_other_side_exists(lab: Lab, client: NetworkManagementClient) -> None:
    await make_vnet(client, "hub", "10.0.0.0/16")
    await make_vnet(client, "spoke", "10.20.0.0/16")
    first = await put_peering(lab, client, "spoke", "hub")
    assert (first.peering_state, first.peering_sync_level) == ("Initiated", "RemoteNotInSync")
    await put_peering(lab, client, "hub", "spoke")
    for vnet, remote in (("spoke", "hub"), ("hub", "spoke")):
        peering = await client.virtual_network_peerings.get(GROUP, vnet, f"to-{remote}")
        assert (peering.peering_state, peering.peering_sync_level) == ("Connected", "FullyInSync")
    await (await client.virtual_network_peerings.begin_delete(GROUP, "hub", "to-spoke")).result()
    left = await client.virtual_network_peerings.get(GROUP, "spoke", "to-hub")
    assert left.peering_state == "Disconnected"


async def test_peering_keeps_the_old_space_until_it_is_synced(lab: Lab, client: NetworkManagementClient) -> None:
    await make_vnet(client, "hub", "10.0.0.0/16")
    await make_vnet(client, "spoke", "10.20.0.0/16")
    await put_peering(lab, client, "spoke", "hub")
    await put_peering(lab, client, "hub", "spoke")
    body = {"location": "westeurope", "properties": {"addressSpace": {"addressPrefixes": ["10.20.0.0/15"]}}}
    await (await client.virtual_networks.begin_create_or_update(GROUP, "spoke", body)).result()
    stale = await client.virtual_network_peerings.get(GROUP, "hub", "to-spoke")
    assert stale.remote_address_space.address_prefixes == ["10.20.0.0/16"]
    assert stale.remote_virtual_network_address_space.address_prefixes == ["10.20.0.0/15"]
    assert stale.peering_sync_level == "LocalNotInSync"
    synced = await put_peering(lab, client, "hub", "spoke", sync_remote_address_space="true")
    assert synced.remote_address_space.address_prefixes == ["10.20.0.0/15"]
    assert synced.peering_sync_level == "FullyInSync"


async def test_peering_with_a_busy_vnet_is_refused(lab: Lab, client: NetworkManagementClient) -> None:
    await make_vnet(client, "hub", "10.0.0.0/16")
    await make_vnet(client, "spoke", "10.20.0.0/16")
    lab.azure.latencies.subnet = 1e6
    body = {"properties": {"addressPrefix": "10.0.1.0/24"}}
    await client.subnets.begin_create_or_update(GROUP, "hub", "new", body, polling=False)
    with pytest.raises(HttpResponseError) as refused:
        await put_peering(lab, client, "spoke", "hub")
    assert (refused.value.status_code, code_of(refused)) == (400, "ReferencedResourceNotProvisioned")


async def test_overlapping_vnets_cannot_be_peered(lab: Lab, client: NetworkManagementClient) -> None:
    await make_vnet(client, "hub", "10.0.0.0/8")
    await make_vnet(client, "spoke", "10.20.0.0/16")
    with pytest.raises(HttpResponseError) as refused:
        await put_peering(lab, client, "spoke", "hub")
    assert code_of(refused) == "VnetAddressSpacesOverlap"


async def test_released_address_is_not_given_out_next(lab: Lab, client: NetworkManagementClient) -> None:
    await make_vnet(client, "spoke", "10.20.0.0/16", {"small": "10.20.0.0/29"})
    subnet = lab.id("virtualNetworks", "spoke") + "/subnets/small"
    assert allocate_address(lab.azure, subnet) == "10.20.0.4"
    release_address(lab.azure, subnet, "10.20.0.4")
    assert allocate_address(lab.azure, subnet) == "10.20.0.5"
    assert allocate_address(lab.azure, subnet) == "10.20.0.6"
    assert allocate_address(lab.azure, subnet) == "10.20.0.4"
