"""Networks that are not as one would draw them: foreign tables, other outbound types, other ways to the API server."""

from __future__ import annotations

import pytest

from local.azure.seed.bodies import cluster_body, peering_body, route_table_body, subnet_body, vnet_body
from shared.model.resource_id import ResourceId
from shared.model.scope import scope_of
from shared.plan.action import make_plan
from shared.plan.planner import plan
from tests.app.conftest import Contoso, codes

FIREWALL = "10.0.1.4"


def foreign_table(contoso: Contoso, next_hop: str | None, name: str = "rt-theirs", **more: str) -> str:
    table = f"{contoso.spoke['group']}/providers/Microsoft.Network/routeTables/{name}"
    contoso.put(table, route_table_body(next_hop, **more))
    return table


def subnet_with(contoso: Contoso, table: str) -> str:
    contoso.put(contoso.spoke["node_subnet"], subnet_body(contoso.spoke["node_prefix"], route_table=table))
    return str(contoso.spoke["node_subnet"])


async def test_foreign_table_without_default_route_gets_one_and_stays(contoso: Contoso) -> None:
    table = foreign_table(contoso, None)
    subnet = subnet_with(contoso, table)

    await contoso.look_at(subnet)

    assert contoso.table_on(subnet) == "rt-theirs"
    assert contoso.default_hop(table) == FIREWALL
    assert len(contoso.writes()) == 1


@pytest.mark.parametrize(("hop", "hop_type"), [("10.1.0.99", "VirtualAppliance"), ("", "Internet")])
async def test_foreign_table_with_another_default_route_is_reported_and_stays(
    contoso: Contoso, hop: str, hop_type: str
) -> None:
    table = foreign_table(contoso, hop, hop_type=hop_type)
    subnet = subnet_with(contoso, table)
    before = contoso.get(table)

    report = await contoso.look_at(subnet)

    assert codes(report) == {"ROUTE_FOREIGN_NEXT_HOP"}
    assert contoso.get(table) == before
    assert contoso.writes() == []


async def test_kubenet_table_is_kept_and_gets_the_route(contoso: Contoso) -> None:
    table = foreign_table(contoso, None, name="rt-kubenet")
    subnet = subnet_with(contoso, table)
    await contoso.look_at(contoso.seed["vm_subnet"])
    await contoso.look_at(subnet)
    contoso.azure.clock.advance(30)
    cluster = contoso.create_cluster("aks-kube", plugin="kubenet")
    pods = [route["name"] for route in contoso.get(table)["properties"]["routes"]]

    await contoso.settle(cluster, subnet, table)

    assert len(pods) == 4
    assert [route["name"] for route in contoso.get(table)["properties"]["routes"]] == pods
    assert contoso.table_on(subnet) == "rt-kubenet"
    assert contoso.reach(cluster).reached


async def test_kubenet_table_that_lost_the_route_gets_it_back(contoso: Contoso) -> None:
    table = foreign_table(contoso, None, name="rt-kubenet")
    subnet = subnet_with(contoso, table)
    await contoso.look_at(subnet)
    contoso.azure.clock.advance(30)
    contoso.create_cluster("aks-kube", plugin="kubenet")
    contoso.delete(f"{table}/routes/aks-hublink-default", wait=30)

    await contoso.look_at(f"{table}/routes/aks-hublink-default")

    assert contoso.default_hop(table) == FIREWALL
    assert len(contoso.get(table)["properties"]["routes"]) == 4


async def test_load_balancer_cluster_keeps_its_own_way_out(contoso: Contoso) -> None:
    contoso.app = contoso.app_with(aks_subnet_name_pattern="")
    subnet = contoso.make_node_subnet()
    await contoso.look_at(contoso.seed["vm_subnet"])
    cluster = contoso.create_cluster("aks-lb", outbound="loadBalancer")

    cluster_report, subnet_report = await contoso.settle(cluster, subnet)

    assert codes(cluster_report) == codes(subnet_report) == {"OUTBOUND_TYPE_NOT_ROUTED"}
    assert contoso.table_on(subnet) is None
    assert contoso.reach(cluster).reached


async def test_vnet_that_aks_manages_is_left_alone(contoso: Contoso) -> None:
    cluster = contoso.cluster_id("aks-own")
    contoso.put(cluster, cluster_body(None, prefix="own", outbound="loadBalancer"), wait=400)
    before = contoso.foreign()

    report = await contoso.look_at(cluster)
    await contoso.sync()

    assert codes(report) & {"VNET_NOT_PEERED", "ADDRESS_OUTSIDE_VNET"}
    assert contoso.foreign() == before
    assert await contoso.rows() == {}
    assert contoso.rules() == {}


async def test_cluster_with_vnet_integration_becomes_reachable(contoso: Contoso) -> None:
    await contoso.prepare()
    api = f"{contoso.spoke['vnet']}/subnets/aks-api"
    contoso.put(api, subnet_body("10.1.8.0/28", delegated=True))
    await contoso.look_at(api)
    cluster = contoso.create_cluster("aks-int", api_subnet=api)

    (report,) = await contoso.settle(cluster)

    assert report.findings == ()
    assert contoso.table_on(api) is None
    assert contoso.rules()["aks-int"][0].startswith("10.1.8.")
    assert contoso.reach(cluster).reached


async def test_conversion_to_vnet_integration_moves_the_rule(contoso: Contoso) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    await contoso.settle(cluster)
    before = contoso.rules()["aks-1"]
    api = f"{contoso.spoke['vnet']}/subnets/api"
    contoso.put(api, subnet_body("10.1.8.0/28", delegated=True))
    body = contoso.get(cluster)
    body["properties"]["apiServerAccessProfile"] |= {"enableVnetIntegration": True, "subnetId": api}
    contoso.put(cluster, body, wait=200)

    await contoso.settle(cluster)

    assert contoso.rules()["aks-1"] != before
    assert len(contoso.rules()["aks-1"]) == 1
    assert contoso.reach(cluster).reached


async def test_cluster_without_a_zone_is_reached_by_its_public_name(contoso: Contoso) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster("aks-none", zone="none", public_fqdn=True)

    (report,) = await contoso.settle(cluster)

    assert report.findings == ()
    assert report.looks_again_in is None
    assert contoso.reach(cluster).reached


async def test_platform_subnets_and_the_hub_never_get_a_table(contoso: Contoso) -> None:
    contoso.app = contoso.app_with(aks_subnet_name_pattern=".*")
    gateway = f"{contoso.spoke['vnet']}/subnets/GatewaySubnet"
    contoso.put(gateway, subnet_body("10.1.9.0/27"))

    for place in (gateway, contoso.seed["hub_vnet"], f"{contoso.seed['hub_vnet']}/subnets/AzureFirewallSubnet"):
        await contoso.look_at(place)

    assert contoso.writes() == []


async def test_subnets_of_one_vnet_are_written_one_at_a_time(contoso: Contoso) -> None:
    subnets = [f"{contoso.spoke['vnet']}/subnets/aks-{number}" for number in range(4)]
    for number, subnet in enumerate(subnets):
        contoso.put(subnet, subnet_body(f"10.1.{16 + number}.0/24"))

    report = await contoso.look_at(contoso.spoke["vnet"])

    assert {contoso.table_on(subnet) for subnet in subnets} == {contoso.table_on(subnets[0])}
    assert contoso.table_on(subnets[0]).startswith("rt-aks-hublink")
    assert report.looks_again_in is None
    assert contoso.writes(refused=True) == []
    assert len(contoso.writes()) == 5


async def test_subnet_is_sent_back_with_everything_it_had(contoso: Contoso) -> None:
    body = subnet_body(contoso.spoke["node_prefix"])
    body["properties"] |= {
        "serviceEndpoints": [{"service": "Microsoft.Storage", "locations": ["westeurope"]}],
        "privateEndpointNetworkPolicies": "RouteTableEnabled",
        "defaultOutboundAccess": False,
    }
    subnet = contoso.spoke["node_subnet"]
    contoso.put(subnet, body)
    before = contoso.get(subnet)["properties"]

    await contoso.look_at(subnet)

    after = contoso.get(subnet)["properties"]
    assert after.pop("routeTable")["id"].endswith(contoso.table_on(subnet))
    assert after == before


async def test_table_that_is_refused_in_one_region_stops_no_other_region(contoso: Contoso) -> None:
    """Two VNets of one subscription in two regions share a lane; the second does not need the first's table."""
    cluster_group = contoso.spoke["group"]
    second = f"{cluster_group}/providers/Microsoft.Network/virtualNetworks/vnet-north"
    contoso.put(second, vnet_body("10.66.0.0/16", location="northeurope"))
    contoso.put(f"{second}/subnets/aks-nodes", subnet_body("10.66.0.0/20"))
    hub = contoso.seed["hub_vnet"]
    contoso.put(f"{second}/virtualNetworkPeerings/to-hub", peering_body(hub, forwarded=True))
    contoso.put(f"{hub}/virtualNetworkPeerings/to-north", peering_body(second))
    first = contoso.make_node_subnet()
    contoso.azure.faults.add(
        {"kind": "status", "method": "PUT", "path": "routeTables/rt-aks-hublink-westeurope", "status": 403, "count": 99}
    )
    found = []
    for vnet in (contoso.spoke["vnet"], second):
        scope = scope_of(ResourceId.parse(vnet))
        assert scope is not None
        found.append(plan(await contoso.app.observer.observe(scope), contoso.app.settings))
    both = make_plan([action for each in found for action in each.actions])

    outcomes = await contoso.app.reconciler._executor.apply(both)

    told = {(str(item.action.kind), item.action.resource.parent.name): str(item.result) for item in outcomes}
    assert told[("attach_route_table", "vnet-spoke-1")] == "skipped"
    assert told[("attach_route_table", "vnet-north")] == "done"
    assert contoso.table_on(first) is None
    assert contoso.table_on(f"{second}/subnets/aks-nodes") is not None
