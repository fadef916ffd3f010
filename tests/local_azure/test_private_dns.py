"""Private DNS as its real client sees it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceModifiedError, ResourceNotFoundError
from azure.mgmt.privatedns.aio import PrivateDnsManagementClient

from local.azure.private_dns.models import put_zone_as
from local.azure.rbac import APP, OPERATOR, Principal, RoleAssignment
from local.azure.resource_groups.models import put_group
from tests.local_azure.conftest import GROUP, OTHER_SUBSCRIPTION, SUBSCRIPTION, Lab, StaticCredential, make_vnet

ZONE = "1f2e.privatelink.westeurope.azmk8s.io"


@contextlib.asynccontextmanager
async def dns_of(
    lab: Lab, principal: Principal = OPERATOR, subscription: str = SUBSCRIPTION
) -> AsyncIterator[PrivateDnsManagementClient]:
    async with PrivateDnsManagementClient(
        StaticCredential(principal),  # type: ignore[arg-type]
        subscription,
        base_url=lab.azure.base_url,
        credential_scopes=[f"{lab.azure.base_url}/.default"],
        connection_verify=str(lab.certificates.ca),
        polling_interval=0.02,
        retry_total=0,
    ) as client:
        yield client


@pytest.fixture
async def dns(lab: Lab) -> AsyncIterator[PrivateDnsManagementClient]:
    async with dns_of(lab) as client:
        yield client


@pytest.fixture
async def hub(lab: Lab) -> str:
    async with lab.network() as network:
        return str((await make_vnet(network, "vnet-hub", "10.0.0.0/16")).id)


async def make_zone(dns: PrivateDnsManagementClient, name: str = ZONE, group: str = GROUP) -> Any:
    return await (await dns.private_zones.begin_create_or_update(group, name, {"location": "global"})).result()


def to(vnet: str, **more: Any) -> Any:
    properties = {"virtualNetwork": {"id": vnet}, "registrationEnabled": False}
    return {"location": "global", "properties": properties, **more}


async def link(dns: PrivateDnsManagementClient, name: str, vnet: str, *, zone: str = ZONE, **how: Any) -> Any:
    poller = await dns.virtual_network_links.begin_create_or_update(GROUP, zone, name, to(vnet), **how)
    return await poller.result()


async def test_write_of_a_zone_is_accepted_with_an_empty_object(lab: Lab, dns: PrivateDnsManagementClient) -> None:
    seen: list[Any] = []
    poller = await dns.private_zones.begin_create_or_update(
        GROUP, ZONE, {"location": "global"}, raw_response_hook=seen.append
    )
    first = seen[0].http_response
    zone = await poller.result()
    assert first.status_code == 202
    assert first.text() == "{}"
    assert f"/resourceGroups/{GROUP.lower()}/" in first.headers["Azure-AsyncOperation"]
    assert "/privateDnsOperationStatuses/" in first.headers["Azure-AsyncOperation"]
    assert zone.number_of_record_sets == 1
    assert zone.provisioning_state == "Succeeded"


async def test_link_comes_back_with_its_name_and_group_in_lower_case(
    lab: Lab, dns: PrivateDnsManagementClient, hub: str
) -> None:
    await make_zone(dns)
    made = await link(dns, "To-Hub", hub)
    assert made.name == "to-hub"
    assert made.id.endswith("/virtualNetworkLinks/to-hub")
    assert made.virtual_network.id == hub
    assert (made.provisioning_state, made.virtual_network_link_state) == ("Succeeded", "Completed")
    assert made.resolution_policy == "Default"
    assert made.etag.startswith('"')
    assert made.etag.endswith('"')


async def test_vnet_that_sees_such_a_zone_already_fails_the_operation_and_not_the_call(
    lab: Lab, dns: PrivateDnsManagementClient, hub: str
) -> None:
    await make_zone(dns)
    await link(dns, "hub", hub)
    put_group(lab.azure, SUBSCRIPTION, "rg-other", location="westeurope")
    put_zone_as(lab.azure, lab.id("privateDnsZones", ZONE, group="rg-other"), OPERATOR)
    poller = await dns.virtual_network_links.begin_create_or_update("rg-other", ZONE, "hub", to(hub))
    with pytest.raises(HttpResponseError) as failed:
        await poller.result()
    assert failed.value.status_code == 200
    assert failed.value.error is not None
    assert failed.value.error.code == "BadRequest"
    assert "overlapping namespaces" in failed.value.message
    with pytest.raises(ResourceNotFoundError):
        await dns.virtual_network_links.get("rg-other", ZONE, "hub")


async def test_second_link_to_the_same_vnet_is_a_conflict(lab: Lab, dns: PrivateDnsManagementClient, hub: str) -> None:
    await make_zone(dns)
    await link(dns, "hub", hub)
    with pytest.raises(HttpResponseError) as refused:
        await link(dns, "hub-again", hub)
    assert refused.value.status_code == 409


async def test_creating_what_exists_is_refused_when_asked_for(
    lab: Lab, dns: PrivateDnsManagementClient, hub: str
) -> None:
    await make_zone(dns)
    await link(dns, "hub", hub)
    with pytest.raises(HttpResponseError) as refused:
        await link(dns, "hub", hub, match_condition=MatchConditions.IfMissing)
    assert refused.value.status_code == 412
    assert "exists already and hence cannot be created again" in str(refused.value)
    with pytest.raises(HttpResponseError) as zone_refused:
        await dns.private_zones.begin_create_or_update(
            GROUP, ZONE, {"location": "global"}, match_condition=MatchConditions.IfMissing
        )
    assert zone_refused.value.status_code == 412


async def test_update_of_a_link_that_was_changed_meanwhile_is_refused(
    lab: Lab, dns: PrivateDnsManagementClient, hub: str
) -> None:
    await make_zone(dns)
    before = await link(dns, "hub", hub)
    await link(dns, "hub", hub)
    with pytest.raises(ResourceModifiedError):
        await link(dns, "hub", hub, etag=before.etag, match_condition=MatchConditions.IfNotModified)


async def test_lists_come_in_pages_of_a_hundred(lab: Lab, dns: PrivateDnsManagementClient) -> None:
    for number in range(130):
        put_zone_as(lab.azure, lab.id("privateDnsZones", f"{number:03}.test"), OPERATOR)
    pages = [[zone.name async for zone in page] async for page in dns.private_zones.list().by_page()]
    assert [len(page) for page in pages] == [100, 30]
    assert len({name for page in pages for name in page}) == 130


async def test_deleted_link_can_still_be_read_for_a_moment(lab: Lab, dns: PrivateDnsManagementClient, hub: str) -> None:
    await make_zone(dns)
    await link(dns, "hub", hub)
    lab.azure.latencies.private_dns_link_gone = 1000.0
    await (await dns.virtual_network_links.begin_delete(GROUP, ZONE, "hub")).result()
    ghost = await dns.virtual_network_links.get(GROUP, ZONE, "hub")
    assert ghost.provisioning_state == "Deleting"
    assert [item async for item in dns.virtual_network_links.list(GROUP, ZONE)] == []
    lab.azure.clock.advance(1000.0)
    with pytest.raises(ResourceNotFoundError):
        await dns.virtual_network_links.get(GROUP, ZONE, "hub")


async def test_zone_with_links_cannot_be_deleted(lab: Lab, dns: PrivateDnsManagementClient, hub: str) -> None:
    await make_zone(dns)
    await link(dns, "hub", hub)
    with pytest.raises(HttpResponseError) as refused:
        await dns.private_zones.begin_delete(GROUP, ZONE)
    assert refused.value.status_code == 409


async def test_link_needs_the_right_to_join_the_vnet(lab: Lab, dns: PrivateDnsManagementClient, hub: str) -> None:
    await make_zone(dns)
    lab.azure.access.assignments.append(
        RoleAssignment(
            principal_id=APP.object_id,
            scope=f"/subscriptions/{SUBSCRIPTION}",
            actions=("Microsoft.Network/privateDnsZones/*", "Microsoft.Network/privateDnsOperation*/read"),
        )
    )
    async with dns_of(lab, APP) as app:
        with pytest.raises(HttpResponseError) as refused:
            await link(app, "hub", hub)
        assert refused.value.status_code == 403
        assert refused.value.error is not None
        assert refused.value.error.code == "LinkedAuthorizationFailed"
        assert "Microsoft.Network/virtualNetworks/join/action" in str(refused.value)
        lab.azure.access.assignments.append(
            RoleAssignment(
                principal_id=APP.object_id, scope=hub, actions=("Microsoft.Network/virtualNetworks/join/action",)
            )
        )
        assert (await link(app, "hub", hub)).provisioning_state == "Succeeded"


async def test_zone_of_one_subscription_is_linked_to_a_vnet_of_another(
    lab: Lab, dns: PrivateDnsManagementClient, hub: str
) -> None:
    async with dns_of(lab, subscription=OTHER_SUBSCRIPTION) as other:
        await make_zone(other)
        assert (await link(other, "hub", hub)).virtual_network.id == hub


async def test_record_sets_are_written_at_once(lab: Lab, dns: PrivateDnsManagementClient) -> None:
    await make_zone(dns)
    body: Any = {"properties": {"ttl": 300, "aRecords": [{"ipv4Address": "10.1.4.4"}]}}
    made = await dns.record_sets.create_or_update(GROUP, ZONE, "A", "api", body)
    assert made.fqdn == f"api.{ZONE}."
    assert [record.ipv4_address for record in made.a_records or []] == ["10.1.4.4"]
    with pytest.raises(HttpResponseError) as refused:
        await dns.record_sets.create_or_update(GROUP, ZONE, "A", "api", body, match_condition=MatchConditions.IfMissing)
    assert refused.value.status_code == 412
    await dns.record_sets.delete(GROUP, ZONE, "A", "api")
    with pytest.raises(ResourceNotFoundError):
        await dns.record_sets.get(GROUP, ZONE, "A", "api")


async def test_missing_group_is_said_to_be_missing_by_the_gateway(lab: Lab, dns: PrivateDnsManagementClient) -> None:
    with pytest.raises(ResourceNotFoundError) as missing:
        await make_zone(dns, group="rg-nowhere")
    assert missing.value.error is not None
    assert missing.value.error.code == "ResourceGroupNotFound"
    assert missing.value.response is not None
    assert missing.value.response.headers["x-ms-failure-cause"] == "gateway"
