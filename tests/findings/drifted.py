"""What people undo by hand and the app repairs: provocations of the findings that stand for a change."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from local.azure.seed.bodies import route_table_body, subnet_body
from local.azure.seed.contoso import POLICY, policy_body
from shared.model.resource_id import ResourceId
from shared.plan.finding import Code, Finding, Severity
from shared.plan.names import link_name
from tests.app.conftest import Contoso
from tests.app.test_zone_links import identity, shared_zone, trusting
from tests.drift.test_sweep import work_off
from tests.findings.watch import provokes, swept


def _our_link(contoso: Contoso, cluster: str) -> str:
    name = link_name(ResourceId.parse(contoso.seed["monitoring_vnet"]))
    return f"{contoso.zone_of(cluster)}/virtualNetworkLinks/{name}"


async def _zone_outlives_its_cluster(contoso: Contoso) -> list[Finding]:
    """The last cluster on a trusted zone goes, and no event tells of it."""
    zone = shared_zone(contoso)
    trusting(contoso, zone)
    cluster = contoso.create_cluster("aks-byo", zone=zone, identity=identity(contoso))
    await contoso.settle(cluster)
    contoso.delete(cluster)
    return await swept(contoso)


@provokes(Code.API_SERVER_CHANGED)
async def registered_address_is_old(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    (row,) = await contoso.app.registry.all()
    await contoso.register(replace(row.api_server, address=IPv4Address("10.1.4.99")))
    found = await swept(contoso)
    assert any("address 10.1.4.4; found address 10.1.4.99" in item.message for item in found)
    return found


@provokes(Code.API_SERVER_LEFT_OVER)
async def cluster_is_deleted_and_stays_registered(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    return await _zone_outlives_its_cluster(contoso)


@provokes(Code.API_SERVER_NOT_REGISTERED)
async def registry_loses_a_row(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    await contoso.unregister()
    return await swept(contoso)


@provokes(Code.FIREWALL_DNS_PROXY_NEEDED)
async def monitoring_asks_a_firewall_that_does_not_answer(
    contoso: Contoso, _: str, __: pytest.MonkeyPatch
) -> list[Finding]:
    vnet = contoso.seed["monitoring_vnet"]
    body = contoso.get(vnet)
    kept = {key: body["properties"][key] for key in ("addressSpace", "subnets", "virtualNetworkPeerings")}
    dns = {"dhcpOptions": {"dnsServers": [contoso.seed["firewall_private_ip"]]}}
    contoso.put(vnet, {"location": body["location"], "properties": {**kept, **dns}})
    assert await swept(contoso) == []
    contoso.put(POLICY, policy_body(proxy=False), wait=300)
    found = await swept(contoso)
    assert Code.FIREWALL_DNS_PROXY_OFF in {item.code for item in found}  # time, which is another matter
    return found


@provokes(Code.FIREWALL_RULES_DIFFER)
async def sync_is_still_owed(contoso: Contoso, cluster: str, _: pytest.MonkeyPatch) -> list[Finding]:
    """The registry was told of a new address, and the request for a sync was lost."""
    contoso.post(cluster, "stop", wait=600)
    contoso.post(cluster, "start", wait=600)
    await contoso.look_at(cluster)
    found = await swept(contoso)
    assert any("Changed: aks-aks-1-" in item.message for item in found)
    return found


@provokes(Code.LINK_BROKEN)
async def our_link_failed(contoso: Contoso, cluster: str, _: pytest.MonkeyPatch) -> list[Finding]:
    link = contoso.azure.store.get(_our_link(contoso, cluster))
    assert link is not None
    link.properties["provisioningState"] = "Failed"
    contoso.azure.store.mark(link.id)
    return await swept(contoso)


@provokes(Code.LINK_LEFT_OVER)
async def trusted_zone_keeps_links_of_nobody(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    return await _zone_outlives_its_cluster(contoso)


@provokes(Code.LINK_MISSING)
async def our_link_is_deleted(contoso: Contoso, cluster: str, _: pytest.MonkeyPatch) -> list[Finding]:
    contoso.delete(_our_link(contoso, cluster), wait=120)
    return await swept(contoso)


@provokes(Code.ROUTE_BLACK_HOLE)
async def our_tables_drop_what_goes_both_ways(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    nodes, vms = contoso.spoke["node_subnet"], contoso.seed["vm_subnet"]
    assert contoso.table_id_on(nodes) != contoso.table_id_on(vms)
    found = await _with_routes(contoso, vms, {"to-nowhere": ("10.1.0.0/16", "None")})
    assert any("drops traffic for the spoke VNet vnet-spoke-1" in item.message for item in found)
    found = await _with_routes(contoso, nodes, {"to-nowhere": ("10.2.0.0/16", "None")})
    assert any("drops traffic for the monitoring VNet vnet-monitoring" in item.message for item in found)
    return found


@provokes(Code.ROUTE_BYPASSES_FIREWALL)
async def two_halves_of_the_internet_go_around(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    halves = {"low": ("0.0.0.0/1", "Internet"), "high": ("128.0.0.0/1", "Internet")}
    found = await _with_routes(contoso, contoso.spoke["node_subnet"], halves)
    around = [item for item in found if item.code is Code.ROUTE_BYPASSES_FIREWALL]
    assert [(item.resource.name, item.severity) for item in around] == [
        ("high", Severity.ERROR),
        ("low", Severity.ERROR),
    ]
    return found


async def _with_routes(contoso: Contoso, subnet: str, routes: dict[str, tuple[str, str]]) -> list[Finding]:
    """What a sweep finds once somebody added routes to our table on a subnet; it leaves them as they are."""
    table = str(contoso.table_id_on(subnet))
    for name, (prefix, hop) in routes.items():
        contoso.put(f"{table}/routes/{name}", {"properties": {"addressPrefix": prefix, "nextHopType": hop}})
    before = contoso.writes()
    found = await swept(contoso)
    await work_off(contoso)
    assert contoso.writes() == before
    return found


@provokes(Code.ROUTE_MISSING)
async def our_route_is_deleted(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    contoso.delete(f"{contoso.table_id_on(contoso.spoke['node_subnet'])}/routes/aks-hublink-default", wait=30)
    return await swept(contoso)


@provokes(Code.ROUTE_TABLE_CHANGED)
async def our_table_lets_gateway_routes_in(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    table = str(contoso.table_id_on(contoso.spoke["node_subnet"]))
    body = contoso.get(table)
    body["properties"]["disableBgpRoutePropagation"] = False
    contoso.put(table, {key: body[key] for key in ("location", "tags", "properties")})
    found = await swept(contoso)
    assert any("found disableBgpRoutePropagation false" in item.message for item in found)
    return found


@provokes(Code.ROUTE_TABLE_MISSING)
async def our_table_is_deleted(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    table = contoso.table_id_on(contoso.spoke["node_subnet"])
    assert table is not None
    contoso.put(contoso.spoke["node_subnet"], subnet_body(contoso.spoke["node_prefix"]))
    contoso.delete(table, wait=30)
    return await swept(contoso)


@provokes(Code.ROUTE_WRONG)
async def our_route_leads_elsewhere(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    table = contoso.table_id_on(contoso.spoke["node_subnet"])
    (route,) = route_table_body("10.0.1.99")["properties"]["routes"]
    contoso.put(f"{table}/routes/aks-hublink-default", {"properties": route["properties"]})
    found = await swept(contoso)
    assert any("Expected nextHopIpAddress 10.0.1.4; found nextHopIpAddress 10.0.1.99" in item.message for item in found)
    return found


@provokes(Code.SUBNET_NOT_ROUTED)
async def subnet_loses_its_table(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    contoso.put(contoso.spoke["node_subnet"], subnet_body(contoso.spoke["node_prefix"]))
    return await swept(contoso)
