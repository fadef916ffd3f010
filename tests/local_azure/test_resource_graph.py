"""Resource Graph answers one query shape about the tenant as it was a moment ago."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.resourcegraph.aio import ResourceGraphClient

from local.azure.azure import Azure
from local.azure.control import plant
from local.azure.rbac import APP, OPERATOR, Principal, RoleAssignment
from local.azure.seed.calls import Caller
from local.azure.seed.contoso import HUB_VNET, MONITORING, POLICY, contoso, subscription
from local.azure.simulation import Simulation, simulate
from local.azure.store import Resource
from tests.local_azure.conftest import StaticCredential

VNETS = "resources | where type =~ 'microsoft.network/virtualnetworks' | project id, name, properties | order by id asc"
LINKS = (
    "resources | where type =~ 'Microsoft.Network/privateDnsZones/virtualNetworkLinks' "
    "| project id, properties | order by id asc"
)
ZONE = f"/subscriptions/{subscription(1)}/resourceGroups/rg-spoke-1/providers/Microsoft.Network/privateDnsZones/a.test"
LAG = 10.0


@pytest.fixture
async def simulation(tmp_path: Path) -> AsyncIterator[Simulation]:
    async with simulate(folder=tmp_path, speed=0.0) as simulation:
        plant(contoso, simulation.azure, {"with_subnets": True})
        yield simulation


@pytest.fixture
def azure(simulation: Simulation) -> Azure:
    return simulation.azure


class Graph:
    """The real client, asking as some principal."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self.headers: dict[str, str] = {}

    async def ask(self, query: str, *, principal: Principal = OPERATOR, **request: Any) -> Any:
        azure = self._simulation.azure
        client = ResourceGraphClient(
            StaticCredential(principal),  # type: ignore[arg-type]
            base_url=azure.base_url,
            credential_scopes=[f"{azure.base_url}/.default"],
            connection_verify=str(self._simulation.certificates.ca),
            retry_total=0,
        )
        async with client:
            return await client.resources({"query": query, **request}, raw_response_hook=self._remember)

    def _remember(self, response: Any) -> None:
        self.headers = {key.lower(): value for key, value in response.http_response.headers.items()}


@pytest.fixture
def graph(simulation: Simulation) -> Graph:
    return Graph(simulation)


def make_zone(azure: Azure, zone: str = ZONE) -> Caller:
    caller = Caller(azure)
    caller.send("PUT", zone, {"location": "global"})
    azure.clock.advance(azure.latencies.private_dns_zone)
    return caller


async def test_seeded_world_is_visible_at_once(graph: Graph) -> None:
    answer = await graph.ask(VNETS)
    assert answer.total_records == answer.count == 4
    assert answer.result_truncated == "false"
    assert answer.skip_token is None
    assert answer.facets == []
    assert HUB_VNET.lower() in {row["id"].lower() for row in answer.data}


async def test_vnets_carry_subnets_and_peerings(graph: Graph) -> None:
    answer = await graph.ask(VNETS)
    hub = next(row for row in answer.data if row["name"] == "vnet-hub")
    assert {item["name"] for item in hub["properties"]["subnets"]} == {"AzureFirewallSubnet", "GatewaySubnet"}
    states = {item["properties"]["peeringState"] for item in hub["properties"]["virtualNetworkPeerings"]}
    assert states == {"Connected"}


async def test_rows_have_lower_case_types_and_another_case_of_ids(graph: Graph, azure: Azure) -> None:
    for number in range(8):
        Caller(azure).send(
            "PUT", f"/subscriptions/{subscription(1)}/resourceGroups/RG-Upper-{number}", {"location": "x"}
        )
    azure.clock.advance(LAG)
    query = (
        "ResourceContainers | where type in~ ('Microsoft.Resources/subscriptions/resourceGroups') "
        "| project id, type, resourceGroup, subscriptionId, tenantId, location, tags | order by id asc"
    )
    answer = await graph.ask(query)
    made = [row for row in answer.data if "rg-upper" in row["id"].lower()]
    assert {row["type"] for row in made} == {"microsoft.resources/subscriptions/resourcegroups"}
    assert any("RG-Upper" in row["id"] for row in made)
    assert any("rg-upper" in row["id"] for row in made)
    assert all(row["resourceGroup"].startswith("rg-upper") for row in made)
    assert all("tags" not in row for row in made)


async def test_change_shows_after_the_lag_and_not_before(graph: Graph, azure: Azure) -> None:
    caller = make_zone(azure)
    link = {"location": "global", "properties": {"virtualNetwork": {"id": HUB_VNET}, "registrationEnabled": False}}
    caller.send("PUT", f"{ZONE}/virtualNetworkLinks/hub", link)
    azure.clock.advance(LAG - 1)
    assert (await graph.ask(LINKS)).data == []
    azure.clock.advance(1)
    (row,) = (await graph.ask(LINKS)).data
    assert row["properties"]["virtualNetworkLinkState"] == "InProgress"
    azure.clock.advance(azure.latencies.private_dns_link)
    (row,) = (await graph.ask(LINKS)).data
    assert row["properties"]["virtualNetworkLinkState"] == "Completed"


async def test_deleted_resource_is_still_shown_for_the_lag(graph: Graph, azure: Azure) -> None:
    zones = "resources | where type =~ 'microsoft.network/privatednszones' | project id | order by id asc"
    caller = make_zone(azure)
    azure.clock.advance(LAG)
    caller.delete(ZONE)
    azure.clock.advance(azure.latencies.private_dns_zone)
    assert len((await graph.ask(zones)).data) == 1
    azure.clock.advance(LAG)
    assert (await graph.ask(zones)).data == []


async def test_records_and_rule_collection_groups_have_their_own_tables(graph: Graph, azure: Azure) -> None:
    caller = make_zone(azure)
    caller.put(f"{ZONE}/A/api", {"properties": {"ttl": 300, "aRecords": [{"ipv4Address": "10.1.4.4"}]}})
    azure.clock.advance(LAG)
    records = "where type =~ 'microsoft.network/privatednszones/a' | project id, properties | order by id asc"
    (record,) = (await graph.ask(f"dnsresources | {records}")).data
    assert record["properties"]["aRecords"] == [{"ipv4Address": "10.1.4.4"}]
    assert (await graph.ask(f"resources | {records}")).data == []
    groups = "where type =~ 'microsoft.network/firewallpolicies/rulecollectiongroups' | project id | order by id asc"
    (group,) = (await graph.ask(f"networkresources | {groups}")).data
    assert group["id"].lower().startswith(POLICY.lower())


async def test_stale_fault_freezes_the_answer(graph: Graph, azure: Azure) -> None:
    azure.faults.add({"kind": "stale", "count": 2})
    make_zone(azure)
    azure.clock.advance(100)
    zones = "resources | where type =~ 'microsoft.network/privatednszones' | project id | order by id asc"
    assert (await graph.ask(zones)).data == []
    assert (await graph.ask(zones)).data == []
    assert len((await graph.ask(zones)).data) == 1


async def test_caller_sees_only_what_a_role_lets_them_read(graph: Graph, azure: Azure) -> None:
    azure.access.assignments[:] = [item for item in azure.access.assignments if item.principal_id != APP.object_id] + [
        RoleAssignment(principal_id=APP.object_id, scope=HUB_VNET.upper(), actions=("Microsoft.Network/*/read",)),
        RoleAssignment(principal_id=APP.object_id, scope=f"/subscriptions/{subscription(2)}", actions=("*/read",)),
    ]
    seen = {row["id"].lower() for row in (await graph.ask(VNETS, principal=APP)).data}
    assert seen == {HUB_VNET.lower(), MONITORING.vnet_id.lower()}


async def test_subscriptions_narrow_the_answer(graph: Graph) -> None:
    answer = await graph.ask(VNETS, subscriptions=[subscription(2).upper()])
    assert [row["name"] for row in answer.data] == ["vnet-monitoring"]


async def test_pages_follow_the_skip_token_in_order_of_id(graph: Graph) -> None:
    first = await graph.ask(VNETS, options={"$top": 3})
    assert (first.count, first.total_records, first.result_truncated) == (3, 4, "true")
    second = await graph.ask(VNETS, options={"$top": 3, "$skipToken": first.skip_token})
    assert second.skip_token is None
    ids = [row["id"] for row in [*first.data, *second.data]]
    assert ids == sorted(ids)
    assert len(set(ids)) == 4


@pytest.mark.parametrize(
    "query",
    [
        "resources",
        "resources | where name == 'x' | project id | order by id asc",
        "resources | where type =~ 'a/b' | project id",
        "resources | where type =~ 'a/b' | project id, secrets | order by id asc",
        "resources | where type =~ 'a/b' | project name | order by id asc",
        "securityresources | where type =~ 'a/b' | project id | order by id asc",
        "resources | where type =~ 'a/b' | project id | order by id asc | take 1",
    ],
)
async def test_any_other_query_is_refused(graph: Graph, query: str) -> None:
    with pytest.raises(HttpResponseError) as refused:
        await graph.ask(query)
    assert refused.value.status_code == 400
    assert refused.value.error is not None
    assert refused.value.error.code == "BadRequest"
    assert "InvalidQuery" in {detail.code for detail in refused.value.error.details}


@pytest.mark.parametrize("options", [{"$top": 1001}, {"$skip": -1}, {"resultFormat": "table"}, {"$skipToken": "bm8"}])
async def test_options_that_make_no_sense_are_refused(graph: Graph, options: dict[str, Any]) -> None:
    with pytest.raises(HttpResponseError) as refused:
        await graph.ask(VNETS, options=options)
    assert refused.value.status_code == 400


async def test_sixteenth_query_in_five_seconds_is_refused(graph: Graph, azure: Azure) -> None:
    for left in range(14, -1, -1):
        await graph.ask(VNETS)
        assert graph.headers["x-ms-user-quota-remaining"] == str(left)
    assert graph.headers["x-ms-user-quota-resets-after"] == "00:00:05"
    with pytest.raises(HttpResponseError) as refused:
        await graph.ask(VNETS)
    assert refused.value.status_code == 429
    assert refused.value.response is not None
    assert refused.value.response.headers["Retry-After"] == "5"
    await graph.ask(VNETS, principal=APP)
    azure.clock.advance(5)
    await graph.ask(VNETS)


async def test_every_row_shows_the_properties_that_get_answers(graph: Graph, azure: Azure) -> None:
    (vnet,) = (await graph.ask(VNETS, subscriptions=[subscription(2)])).data
    assert vnet["properties"] == Caller(azure).get(MONITORING.vnet_id)["properties"]


async def test_ten_thousand_resources_come_in_ten_pages(graph: Graph, azure: Azure) -> None:
    group = f"/subscriptions/{subscription(1)}/resourceGroups/rg-spoke-1/providers"
    for number in range(10_000):
        name = f"{group}/Microsoft.ContainerService/managedClusters/aks-{number}"
        body = {"name": f"aks-{number}", "location": "westeurope", "properties": {"privateFQDN": "x"}}
        azure.store.put(Resource(id=name, type="Microsoft.ContainerService/managedClusters", body=body))
    azure.clock.advance(LAG)
    query = (
        "resources | where type =~ 'microsoft.containerservice/managedclusters' | project id, properties "
        "| order by id asc"
    )
    seen, token = 0, None
    for _ in range(10):
        answer = await graph.ask(query, options={"$top": 1000, "$skipToken": token})
        token, seen = answer.skip_token, seen + answer.count
    assert (seen, token) == (10_000, None)
