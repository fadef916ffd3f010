"""What packets do: the story before and after, and every way in which a connection fails."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from local.azure.dataplane.dns import AZURE_DNS, resolve
from local.azure.dataplane.filtering import Flow, judge
from local.azure.dataplane.packets import connect
from local.azure.seed.bodies import (
    link_body,
    network_rule,
    peering_body,
    route_table_body,
    rule_group_body,
    subnet_body,
)
from local.azure.seed.calls import no_waiting
from local.azure.seed.contoso import (
    FIREWALL,
    HUB_VNET,
    MONITORING,
    POLICY,
    SPOKES,
    firewall_body,
    group_id,
    policy_body,
)
from tests.local_azure.aks_helpers import FOREVER, NODE_SUBNET, SPOKE, World, cluster_path, contoso_world

PARENT = f"{POLICY}-parent"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with contoso_world(tmp_path) as world:
        yield world


@pytest.fixture
async def connected(world: World) -> World:
    """A cluster in spoke 1 that the monitoring VM reaches through the firewall."""
    world.route_nodes()
    world.make(outbound="userDefinedRouting")
    world.link("hub", HUB_VNET)
    world.link("monitoring", MONITORING.vnet_id)
    world.route_nodes(MONITORING, subnet="vm")
    world.allow(world.address())
    return world


async def test_story_each_step_brings_the_packet_one_stage_further(world: World) -> None:
    world.route_nodes()
    world.make(outbound="userDefinedRouting")
    assert world.kubectl().stage == "dns"
    world.link("monitoring", MONITORING.vnet_id)
    assert (world.kubectl().stage, world.kubectl().address) == ("route", world.address())
    world.route_nodes(MONITORING, subnet="vm")
    assert world.kubectl().stage == "firewall"
    world.allow(world.address())
    outcome = world.kubectl()
    assert (outcome.reached, outcome.stage, outcome.detail) == (True, "done", "the API server of aks-1 answers")
    assert any("firewall: allowed by fp-hub/rcg-test/allow/api" in hop for hop in outcome.hops)


async def test_rule_counts_only_when_the_firewall_has_taken_it_over(connected: World) -> None:
    world = connected
    rule = network_rule("api", ["10.2.0.0/16"], ["10.9.9.9"], ["443"])
    world.call.send("PUT", f"{POLICY}/ruleCollectionGroups/rcg-test", rule_group_body(400, rule))
    assert world.kubectl().reached
    world.azure.clock.advance(FOREVER)
    assert world.kubectl().stage == "firewall"


async def test_stop_and_start_leave_the_old_rule_pointing_at_nothing(connected: World) -> None:
    world, host = connected, connected.cluster().properties["privateFQDN"]
    world.call.post(f"{cluster_path()}/stop")
    world.azure.clock.advance(FOREVER)
    assert world.kubectl(host=host).stage == "endpoint"
    world.call.post(f"{cluster_path()}/start")
    world.azure.clock.advance(FOREVER)
    assert world.kubectl().stage == "firewall"
    world.allow(world.address())
    assert world.kubectl().reached


async def test_zone_resolves_only_where_it_is_linked_with_azure_dns(world: World) -> None:
    host = world.make().properties["privateFQDN"]
    assert resolve(world.azure, SPOKE.vnet_id, host).address == world.address()
    assert resolve(world.azure, MONITORING.vnet_id, host).address is None
    world.link("hub", HUB_VNET)
    assert resolve(world.azure, HUB_VNET, host).address == world.address()
    assert resolve(world.azure, MONITORING.vnet_id, host).address is None


async def test_public_name_of_a_private_cluster_resolves_for_everybody_unless_disabled(world: World) -> None:
    shown = world.make("aks-1")
    hidden = world.make("aks-2", public_fqdn=False)
    assert resolve(world.azure, MONITORING.vnet_id, shown.properties["fqdn"]).address == world.address("aks-1")
    assert "fqdn" not in hidden.properties


async def test_firewall_as_dns_server_sees_the_hubs_links_and_not_the_spokes(tmp_path: Path) -> None:
    async with contoso_world(tmp_path, dns="firewall") as world:
        host = world.make(wait=100).properties["privateFQDN"]
        world.link("monitoring", MONITORING.vnet_id)
        assert resolve(world.azure, MONITORING.vnet_id, host).address is None
        world.link("hub", HUB_VNET)
        assert resolve(world.azure, MONITORING.vnet_id, host).address == world.address()
        with no_waiting(world.azure):
            world.call.put(POLICY, policy_body(proxy=False))
        assert "proxy is off" in resolve(world.azure, MONITORING.vnet_id, host).why
        vnet = world.azure.store.get(MONITORING.vnet_id)
        assert vnet is not None
        vnet.properties["dhcpOptions"]["dnsServers"].append(AZURE_DNS)
        assert resolve(world.azure, MONITORING.vnet_id, host).address == world.address()


async def test_dns_server_that_knows_no_such_name_is_not_followed_by_the_next(world: World) -> None:
    host = world.make().properties["privateFQDN"]
    world.link("hub", HUB_VNET)
    vnet = world.azure.store.get(MONITORING.vnet_id)
    assert vnet is not None
    vnet.properties["dhcpOptions"] = {"dnsServers": [AZURE_DNS, "10.0.9.9"]}
    assert resolve(world.azure, vnet.id, host).address is None


async def test_wildcard_answers_unless_a_nearer_name_exists(world: World) -> None:
    group = group_id(MONITORING.number, MONITORING.group)
    zone = f"{group}/providers/Microsoft.Network/privateDnsZones/privatelink.westeurope.azmk8s.io"
    with no_waiting(world.azure):
        world.call.put(zone, {"location": "global"})
        world.call.put(f"{zone}/virtualNetworkLinks/own", link_body(MONITORING.vnet_id))
        for label in ("*", "a.near"):
            body = {"properties": {"ttl": 300, "aRecords": [{"ipv4Address": "10.2.0.9"}]}}
            world.call.put(f"{zone}/A/{label}", body)
    end = "privatelink.westeurope.azmk8s.io"
    assert resolve(world.azure, MONITORING.vnet_id, f"x.far.{end}").address == "10.2.0.9"
    assert resolve(world.azure, MONITORING.vnet_id, f"x.near.{end}").address is None


async def test_custom_dns_server_answers_with_the_links_of_the_vnet_it_stands_in(world: World) -> None:
    host = world.make().properties["privateFQDN"]
    vnet = world.azure.store.get(MONITORING.vnet_id)
    assert vnet is not None
    vnet.properties["dhcpOptions"] = {"dnsServers": ["10.0.9.9"]}
    assert resolve(world.azure, vnet.id, host).address is None
    world.link("hub", HUB_VNET)
    assert resolve(world.azure, vnet.id, host).address == world.address()
    vnet.properties["dhcpOptions"] = {"dnsServers": ["192.168.5.5"]}
    assert "no VNet that vnet-monitoring reaches" in resolve(world.azure, vnet.id, host).why


async def test_empty_zone_of_the_right_name_hides_the_public_one(world: World) -> None:
    fqdn = world.make().properties["fqdn"]
    group = group_id(MONITORING.number, MONITORING.group)
    zone = f"{group}/providers/Microsoft.Network/privateDnsZones/hcp.westeurope.azmk8s.io"
    with no_waiting(world.azure):
        world.call.put(zone, {"location": "global"})
        world.call.put(f"{zone}/virtualNetworkLinks/own", link_body(MONITORING.vnet_id))
    assert "has no record" in resolve(world.azure, MONITORING.vnet_id, fqdn).why
    link = world.azure.store.get(f"{zone}/virtualNetworkLinks/own")
    assert link is not None
    link.properties["resolutionPolicy"] = "NxDomainRedirect"  # for privatelink zones only
    assert "has no record" in resolve(world.azure, MONITORING.vnet_id, fqdn).why


async def test_answers_need_a_way_from_the_firewalls_subnet_to_the_source(connected: World) -> None:
    table = f"{HUB_VNET.split('/providers/')[0]}/providers/Microsoft.Network/routeTables/rt-firewall"
    routes = [
        {"name": "internet", "properties": {"addressPrefix": "0.0.0.0/0", "nextHopType": "Internet"}},
        {"name": "extra", "properties": {"addressPrefix": "10.2.0.0/24", "nextHopType": "None"}},
    ]
    subnet = {"properties": {"addressPrefix": "10.0.1.0/24", "routeTable": {"id": table}}}
    with no_waiting(connected.azure):
        connected.call.put(table, {"location": "westeurope", "properties": {"routes": routes}})
        connected.call.put(f"{HUB_VNET}/subnets/AzureFirewallSubnet", subnet)
    assert connected.kubectl().stage == "peering"


@pytest.mark.parametrize("side", ["monitoring", "spoke"])
async def test_missing_peering_on_either_side_of_the_hub_stops_the_packet(connected: World, side: str) -> None:
    spoke = MONITORING if side == "monitoring" else SPOKE
    with no_waiting(connected.azure):
        connected.call.delete(f"{HUB_VNET}/virtualNetworkPeerings/hub-to-{spoke.vnet}")
    assert connected.kubectl().stage == "peering"


async def test_peering_without_access_stops_nothing_that_no_security_group_stops(connected: World) -> None:
    with no_waiting(connected.azure):
        peering = f"{HUB_VNET}/virtualNetworkPeerings/hub-to-{SPOKE.vnet}"
        connected.call.put(peering, peering_body(SPOKE.vnet_id, access=False))
    assert connected.kubectl().reached


async def test_default_route_to_another_address_ends_there(connected: World) -> None:
    connected.route_nodes(MONITORING, subnet="vm", hop="10.0.1.5")
    assert (connected.kubectl().stage, "10.0.1.5" in connected.kubectl().detail) == ("route", True)


async def test_direct_peering_goes_around_the_firewall(world: World) -> None:
    world.make()
    world.link("monitoring", MONITORING.vnet_id)
    with no_waiting(world.azure):
        world.call.put(f"{SPOKE.vnet_id}/virtualNetworkPeerings/direct", peering_body(MONITORING.vnet_id))
        world.call.put(f"{MONITORING.vnet_id}/virtualNetworkPeerings/direct", peering_body(SPOKE.vnet_id))
    world.route_nodes(MONITORING, subnet="vm")
    outcome = world.kubectl()
    assert outcome.reached
    assert not [hop for hop in outcome.hops if hop.startswith("firewall")]
    assert any("/32 InterfaceEndpoint" in hop for hop in outcome.hops)


async def test_route_network_policies_let_a_narrow_route_overrule_the_endpoints_own(world: World) -> None:
    cluster = world.make()
    vm = f"{SPOKE.vnet_id}/subnets/vm"
    table = f"{SPOKE.vnet_id.split('/providers/')[0]}/providers/Microsoft.Network/routeTables/rt-narrow"
    body = route_table_body("10.0.1.4")
    body["properties"]["routes"][0]["properties"]["addressPrefix"] = "10.1.4.0/22"
    with no_waiting(world.azure):
        world.call.put(table, body)
        world.call.put(vm, subnet_body("10.1.0.0/24", route_table=table))
        host = cluster.properties["privateFQDN"]
        assert connect(world.azure, vm, host).reached
        nodes = world.call.get(NODE_SUBNET)
        nodes["properties"]["privateEndpointNetworkPolicies"] = "RouteTableEnabled"
        world.call.put(NODE_SUBNET, nodes)
    assert connect(world.azure, vm, host).stage == "firewall"


async def test_earlier_deny_beats_our_allow_and_a_later_one_does_not(connected: World) -> None:
    connected.allow(connected.address(), name="rcg-late", priority=500, action="Deny")
    assert connected.kubectl().reached
    connected.allow(connected.address(), name="rcg-early", priority=300, action="Deny")
    assert connected.kubectl().detail == "denied by fp-hub/rcg-early/allow/api"


async def test_parent_policys_rules_come_before_the_childs_whatever_their_priority(connected: World) -> None:
    world = connected
    with no_waiting(world.azure):
        world.call.put(PARENT, policy_body())
        world.call.put(POLICY, policy_body(base=PARENT))
    assert world.kubectl().reached
    world.allow(world.address(), name="rcg-base", priority=65000, action="Deny", policy=PARENT)
    assert world.kubectl().detail == "denied by fp-hub-parent/rcg-base/allow/api"


async def test_application_rule_lets_the_name_through_and_resolves_it_at_the_firewall(connected: World) -> None:
    world = connected
    host = world.cluster().properties["privateFQDN"]
    rule = {
        "ruleType": "ApplicationRule",
        "name": "by-name",
        "sourceAddresses": ["10.2.0.0/16"],
        "protocols": [{"protocolType": "Https", "port": 443}],
        "targetFqdns": ["*.privatelink.westeurope.azmk8s.io"],
    }
    with no_waiting(world.azure):
        world.call.delete(f"{POLICY}/ruleCollectionGroups/rcg-test")
        assert world.kubectl().stage == "firewall"
        world.call.put(f"{POLICY}/ruleCollectionGroups/rcg-names", rule_group_body(500, rule))
    assert world.kubectl(host=host).reached


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ({}, True),
        ({"sourceAddresses": ["10.3.0.0/16"]}, False),
        ({"sourceAddresses": ["10.2.0.5-10.2.0.20"]}, True),
        ({"destinationAddresses": ["*"]}, True),
        ({"destinationAddresses": ["10.1.5.0/24"]}, False),
        ({"destinationAddresses": ["AzureCloud"]}, False),
        ({"destinationPorts": ["400-500"]}, True),
        ({"destinationPorts": ["80", "8443"]}, False),
        ({"ipProtocols": ["UDP"]}, False),
        ({"ipProtocols": ["Any"]}, True),
    ],
)
async def test_network_rule_matches_what_it_says(world: World, change: dict[str, list[str]], allowed: bool) -> None:
    rule = {**network_rule("api", ["10.2.0.0/16"], ["10.1.4.4"], ["443"]), **change}
    with no_waiting(world.azure):
        world.call.put(f"{POLICY}/ruleCollectionGroups/rcg-test", rule_group_body(400, rule))
    flow = Flow(source="10.2.0.10", destination="10.1.4.4", port=443, host="api")
    assert judge(world.azure, POLICY, flow, lambda _name: None).allowed == allowed


async def test_only_the_api_servers_own_names_and_port_are_answered(connected: World) -> None:
    world = connected
    fqdn = world.cluster().properties["fqdn"]
    assert world.kubectl(host=fqdn).reached
    assert world.kubectl(host=world.address()).reached
    with no_waiting(world.azure):
        rule = network_rule("wide", ["*"], ["*"], ["*"])
        world.call.put(f"{POLICY}/ruleCollectionGroups/rcg-wide", rule_group_body(450, rule))
    outcome = connect(world.azure, world.facts["vm_subnet"], fqdn, 8443)
    assert (outcome.stage, "port 8443" in outcome.detail) == ("endpoint", True)
    assert world.kubectl(host="10.1.4.200").stage == "endpoint"
    assert world.kubectl(host="10.77.0.1").stage == "peering"


async def test_firewall_without_the_policy_enforces_nothing_of_it(connected: World) -> None:
    with no_waiting(connected.azure):
        connected.call.put(f"{POLICY}-other", policy_body())
        connected.call.put(FIREWALL, firewall_body(f"{HUB_VNET}/subnets/AzureFirewallSubnet", f"{POLICY}-other"))
    assert connected.kubectl().stage == "firewall"


async def test_control_api_answers_connect_and_resolve(connected: World) -> None:
    base, host = connected.azure.base_url, connected.cluster().properties["privateFQDN"]
    async with aiohttp.ClientSession() as session:
        order = {"subnet": connected.facts["vm_subnet"], "host": host, "port": 443}
        async with session.post(f"{base}/_sim/connect", json=order, ssl=False) as answer:
            outcome = await answer.json()
        async with session.post(
            f"{base}/_sim/resolve", json={"vnet": MONITORING.vnet_id, "host": host}, ssl=False
        ) as answer:
            found = await answer.json()
        async with session.post(f"{base}/_sim/connect", json={"subnet": "nowhere", "host": host}, ssl=False) as answer:
            refused = answer.status
    assert (outcome["reached"], outcome["stage"]) == (True, "done")
    assert found["address"] == connected.address()
    assert refused == 400


def test_oracle_never_imports_the_app() -> None:
    folder = Path(__file__).parents[2] / "local" / "azure"
    for source in folder.rglob("*.py"):
        for line in source.read_text().splitlines():
            assert not line.strip().startswith(("from shared", "import shared", "from functions", "import functions"))


def test_spokes_are_numbered_like_their_addresses() -> None:
    assert json.dumps([spoke.node_prefix for spoke in SPOKES]) == '["10.1.4.0/22", "10.2.4.0/22", "10.3.4.0/22"]'
