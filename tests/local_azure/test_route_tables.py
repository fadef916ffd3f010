"""Route tables of the local Azure, through the real SDK."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.network.aio import NetworkManagementClient

from tests.local_azure.conftest import GROUP, make_table, make_vnet
from tests.local_azure.test_virtual_networks import code_of, put_subnet


async def put_route(client: NetworkManagementClient, name: str, prefix: str, hop: str, **more: Any) -> Any:
    body = {"properties": {"addressPrefix": prefix, "nextHopType": hop, **more}}
    return await (await client.routes.begin_create_or_update(GROUP, "rt", name, body)).result()


async def test_route_is_added_beside_the_others(client: NetworkManagementClient) -> None:
    await make_table(client, "rt")
    await put_route(client, "hub", "10.0.0.0/16", "VirtualAppliance", nextHopIpAddress="10.0.1.4")
    table = await client.route_tables.get(GROUP, "rt")
    assert [route.name for route in table.routes or []] == ["default", "hub"]
    await (await client.routes.begin_delete(GROUP, "rt", "default")).result()
    assert [route.name async for route in client.routes.list(GROUP, "rt")] == ["hub"]


@pytest.mark.parametrize(
    ("prefix", "hop", "more", "code"),
    [
        ("0.0.0.0/0", "Internet", {}, "RouteConflict"),
        ("10.1.0.0/16", "VirtualAppliance", {}, "NextHopIpAddressRequired"),
        ("10.1.0.0/16", "VirtualAppliance", {"nextHopIpAddress": "10.0.1"}, "InvalidIPAddressFormat"),
        ("10.1.0.1/16", "Internet", {}, "InvalidAddressPrefixFormat"),
        ("10.1.0.0/16", "Somewhere", {}, "InvalidRequestFormat"),
    ],
)
async def test_senseless_route_is_refused(
    client: NetworkManagementClient, prefix: str, hop: str, more: dict[str, str], code: str
) -> None:
    await make_table(client, "rt")
    with pytest.raises(HttpResponseError) as refused:
        await put_route(client, "new", prefix, hop, **more)
    assert (refused.value.status_code, code_of(refused)) == (400, code)


async def test_equal_cost_appliances_and_new_properties_survive(client: NetworkManagementClient) -> None:
    await make_table(client, "rt")
    hops = {"nextHopIpAddresses": ["10.0.1.4", "10.0.1.5"]}
    await put_route(client, "many", "10.1.0.0/16", "VirtualApplianceEcmp", nextHop=hops)
    body = (await client.route_tables.get(GROUP, "rt")).as_dict()
    body["properties"]["disablePeeringRoute"] = "All"
    await (await client.route_tables.begin_create_or_update(GROUP, "rt", body)).result()
    after = (await client.route_tables.get(GROUP, "rt")).as_dict()["properties"]
    assert after["disablePeeringRoute"] == "All"
    assert after["routes"][1]["properties"]["nextHop"] == hops


async def test_table_lists_its_subnets_and_cannot_be_deleted_while_it_has_one(client: NetworkManagementClient) -> None:
    await make_vnet(client, "spoke", "10.20.0.0/16", {"nodes": "10.20.0.0/22"})
    table = await make_table(client, "rt")
    body = {"properties": {"addressPrefix": "10.20.0.0/22", "routeTable": {"id": table.id}}}
    subnet = await put_subnet(client, "spoke", "nodes", body)
    attached = (await client.route_tables.get(GROUP, "rt")).subnets
    assert [item.id for item in attached or []] == [subnet.id]
    with pytest.raises(HttpResponseError) as refused:
        await client.route_tables.begin_delete(GROUP, "rt")
    assert code_of(refused) == "InUseRouteTableCannotBeDeleted"
    await put_subnet(client, "spoke", "nodes", {"properties": {"addressPrefix": "10.20.0.0/22"}})
    await (await client.route_tables.begin_delete(GROUP, "rt")).result()
    assert [item async for item in client.route_tables.list_all()] == []
