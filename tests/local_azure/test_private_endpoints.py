"""Private endpoints, interfaces and load balancers as AKS makes them, read through the real SDK."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.network.aio import NetworkManagementClient

from local.azure.load_balancers.models import create_internal
from local.azure.private_endpoints.models import create_endpoint, delete_endpoint
from local.azure.rbac import AKS
from tests.local_azure.conftest import GROUP, SUBSCRIPTION, Lab, make_vnet
from tests.local_azure.test_virtual_networks import code_of

RESOURCE_GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"


def subnet_of(lab: Lab) -> str:
    return lab.id("virtualNetworks", "spoke") + "/subnets/nodes"


def as_aks(lab: Lab) -> dict[str, Any]:
    return {"group_id": RESOURCE_GROUP, "subnet_id": subnet_of(lab), "principal": AKS, "location": "westeurope"}


async def test_endpoint_has_an_interface_with_an_address_of_the_subnet(
    lab: Lab, client: NetworkManagementClient
) -> None:
    await make_vnet(client, "spoke", "10.20.0.0/16", {"nodes": "10.20.0.0/22"})
    create_endpoint(lab.azure, name="kube-apiserver", **as_aks(lab))
    endpoint = await client.private_endpoints.get(GROUP, "kube-apiserver")
    nic_name = endpoint.network_interfaces[0].id.rsplit("/", 1)[-1]
    assert nic_name.startswith("kube-apiserver.nic.")
    nic = await client.network_interfaces.get(GROUP, nic_name)
    configuration = nic.ip_configurations[0]
    assert configuration.name.startswith("privateEndpointIpConfig.")
    assert configuration.private_ip_address == "10.20.0.4"
    subnet = await client.subnets.get(GROUP, "spoke", "nodes")
    used = subnet.ip_configurations[0].id
    assert used != configuration.id
    assert used.lower() == configuration.id.lower()
    assert [activity.operation_name for activity in lab.azure.activities[-2:]] == [
        "Microsoft.Network/networkInterfaces/write",
        "Microsoft.Network/privateEndpoints/write",
    ]


async def test_endpoint_made_again_has_another_address(lab: Lab, client: NetworkManagementClient) -> None:
    await make_vnet(client, "spoke", "10.20.0.0/16", {"nodes": "10.20.0.0/22"})
    seen = []
    for _ in range(3):
        endpoint, nic = create_endpoint(lab.azure, name="kube-apiserver", **as_aks(lab))
        seen.append(nic.properties["ipConfigurations"][0]["properties"]["privateIPAddress"])
        delete_endpoint(lab.azure, endpoint, AKS)
    assert len(set(seen)) == 3
    subnet = await client.subnets.get(GROUP, "spoke", "nodes")
    assert not subnet.ip_configurations
    assert not subnet.private_endpoints


async def test_internal_load_balancer_tells_its_address(lab: Lab, client: NetworkManagementClient) -> None:
    await make_vnet(client, "spoke", "10.20.0.0/16", {"nodes": "10.20.0.0/22"})
    create_internal(lab.azure, name="kube-apiserver", **as_aks(lab))
    balancer = await client.load_balancers.get(GROUP, "kube-apiserver")
    frontend = balancer.frontend_ip_configurations[0]
    assert (frontend.private_ip_address, frontend.subnet.id) == ("10.20.0.4", subnet_of(lab))


async def test_used_subnet_and_interface_of_an_endpoint_cannot_be_deleted(
    lab: Lab, client: NetworkManagementClient
) -> None:
    await make_vnet(client, "spoke", "10.20.0.0/16", {"nodes": "10.20.0.0/22"})
    _, nic = create_endpoint(lab.azure, name="kube-apiserver", **as_aks(lab))
    with pytest.raises(HttpResponseError) as used:
        await client.subnets.begin_delete(GROUP, "spoke", "nodes")
    assert code_of(used) == "InUseSubnetCannotBeDeleted"
    with pytest.raises(HttpResponseError) as owned:
        await client.network_interfaces.begin_delete(GROUP, nic.name)
    assert code_of(owned) == "NicInUse"
    await (await client.private_endpoints.begin_delete(GROUP, "kube-apiserver")).result()
    await (await client.subnets.begin_delete(GROUP, "spoke", "nodes")).result()
    assert lab.azure.store.get(nic.id) is None
