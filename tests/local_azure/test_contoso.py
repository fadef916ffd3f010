"""The seeds: Contoso's network as the story tells it, and fleets."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from azure.mgmt.containerservice.aio import ContainerServiceClient

from local.azure.azure import Azure
from local.azure.clock import SimulatedClock
from local.azure.dataplane.packets import connect
from local.azure.rbac import APP
from local.azure.seed.calls import Caller, RefusedError
from local.azure.seed.contoso import (
    FIREWALL,
    FIREWALL_IP,
    HUB_VNET,
    MONITORING,
    POLICY,
    ROLE,
    SPOKES,
    contoso,
    group_id,
)
from local.azure.seed.fleet import fleet
from local.azure.simulation import run
from local.azure.virtual_networks.peerings import state_of
from tests.local_azure.conftest import StaticCredential

Facts = dict[str, Any]


def tenant() -> Azure:
    return Azure(clock=SimulatedClock(speed=0))


def planted(**options: Any) -> tuple[Azure, Facts]:
    azure = tenant()
    return azure, contoso(azure, options)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[tuple[Azure, str]]:
    async with run(folder=tmp_path, speed=0) as (azure, certificates):
        yield azure, str(certificates.ca)


def test_seeding_takes_no_simulated_time_and_leaves_no_events() -> None:
    azure, _ = planted()
    assert azure.clock.seconds() == 0.0
    assert azure.activities == []
    assert azure.requests == []
    assert azure.latencies.firewall_policy == 240.0


def test_every_spoke_has_a_subscription_of_its_own_and_is_peered_with_the_hub_only() -> None:
    azure, facts = planted()
    assert len(set(facts["subscriptions"].values())) == 4
    for spoke in SPOKES:
        peerings = azure.store.of_type("Microsoft.Network/virtualNetworks/virtualNetworkPeerings", below=spoke.vnet_id)
        assert [item.properties["remoteVirtualNetwork"]["id"] for item in peerings] == [HUB_VNET]
        assert [item.properties["allowForwardedTraffic"] for item in peerings] == [True]
        assert [state_of(azure, item) for item in peerings] == ["Connected"]
    hub_side = azure.store.of_type("Microsoft.Network/virtualNetworks/virtualNetworkPeerings", below=HUB_VNET)
    assert [item.properties["allowForwardedTraffic"] for item in hub_side] == [False] * 3


def test_firewall_has_the_storys_address_and_somebody_elses_rules() -> None:
    azure, facts = planted()
    call = Caller(azure)
    configuration = call.get(FIREWALL)["properties"]["ipConfigurations"][0]["properties"]
    assert configuration["privateIPAddress"] == FIREWALL_IP == facts["firewall_private_ip"]
    policy = call.get(POLICY)["properties"]
    assert policy["dnsSettings"]["enableProxy"] is True
    assert [item["id"].rsplit("/", 1)[-1] for item in policy["ruleCollectionGroups"]] == ["rcg-platform"]


def test_node_subnets_are_there_from_the_start_only_where_asked_for() -> None:
    bare, _ = planted()
    full, _ = planted(with_subnets=True)
    for azure, expected in ((bare, {2}), (full, {1, 2, 3})):
        found = {spoke.number for spoke in SPOKES if azure.store.get(f"{spoke.vnet_id}/subnets/aks-nodes")}
        assert found == expected


def test_options_choose_dns_and_unknown_ones_are_refused() -> None:
    azure, _ = planted(dns="firewall", dns_proxy=False)
    vnet = azure.store.get(MONITORING.vnet_id)
    assert vnet is not None
    assert vnet.properties["dhcpOptions"] == {"dnsServers": [FIREWALL_IP]}
    assert Caller(azure).get(POLICY)["properties"]["dnsSettings"]["enableProxy"] is False
    with pytest.raises(ValueError, match="with_subnet"):
        contoso(tenant(), {"with_subnet": True})


def test_app_has_exactly_its_role_at_the_scopes_it_works_in() -> None:
    azure, _ = planted()
    role = json.loads(ROLE.read_text())
    own = [item for item in azure.access.assignments if item.principal_id == APP.object_id]
    assert {item.actions for item in own} == {tuple(role["actions"])}
    assert len(own) == 6
    app = Caller(azure, APP)
    for readable in (HUB_VNET, POLICY, FIREWALL, MONITORING.vnet_id, SPOKES[0].vnet_id):
        assert app.get(readable)["name"]
    for forbidden in (group_id(0, "rg-hub"), f"{HUB_VNET}-other"):
        with pytest.raises(RefusedError) as refused:
            app.get(forbidden)
        assert refused.value.code == "AuthorizationFailed"
    with pytest.raises(RefusedError) as refused:
        app.put(SPOKES[0].vnet_id, {"location": "westeurope", "properties": {}})
    assert refused.value.code == "AuthorizationFailed"


def test_settings_name_resources_that_exist() -> None:
    azure, facts = planted()
    settings = facts["settings"]
    for name in ("HUB_VNET_ID", "MONITORING_VNET_IDS", "FIREWALL_POLICY_ID"):
        assert azure.store.get(settings[name]) is not None
    assert set(settings["SPOKE_SUBSCRIPTION_IDS"].split(",")) < azure.subscriptions
    assert settings["AKS_SUBNET_NAME_PATTERN"] == "^aks-"


async def test_control_api_plants_the_seed_and_answers_its_facts(served: tuple[Azure, str]) -> None:
    azure, _ = served
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{azure.base_url}/_sim/seed/contoso", json={"dns": "firewall"}, ssl=False) as answer,
    ):
        facts = await answer.json()
    assert facts["settings"]["HUB_VNET_ID"] == HUB_VNET


def test_fleet_of_two_thousand_clusters_is_there_in_seconds() -> None:
    azure, started = tenant(), time.perf_counter()
    facts = fleet(azure, {"spokes": 40, "clusters_per_spoke": 50, "compliant": 0.5})
    assert time.perf_counter() - started < 30
    assert (len(facts["clusters"]), len(facts["compliant"])) == (2000, 1000)
    assert azure.activities == []


@pytest.mark.parametrize("shared", [False, True])
def test_fleet_is_reachable_exactly_where_it_is_compliant(shared: bool) -> None:
    azure = tenant()
    facts = fleet(azure, {"spokes": 3, "clusters_per_spoke": 2, "compliant": 0.5, "shared_zone": shared})
    assert len(azure.store.of_type("Microsoft.Network/privateDnsZones")) == (1 if shared else 6)
    for cluster in facts["clusters"]:
        host = Caller(azure).get(cluster)["properties"]["privateFQDN"]
        assert connect(azure, facts["vm_subnet"], host).reached == (cluster in facts["compliant"])


async def test_fleet_clusters_read_and_stop_like_created_ones(served: tuple[Azure, str]) -> None:
    azure, ca = served
    facts = fleet(azure, {"spokes": 1, "clusters_per_spoke": 1})
    spoke = facts["subscriptions"]["vnet-spoke-10"]
    async with ContainerServiceClient(
        StaticCredential(APP),
        spoke,
        base_url=azure.base_url,
        credential_scopes=[f"{azure.base_url}/.default"],
        connection_verify=ca,
        retry_total=0,
    ) as client:
        clusters = [item async for item in client.managed_clusters.list()]
    assert [(item.name, item.provisioning_state) for item in clusters] == [("aks-10-0", "Succeeded")]
    Caller(azure).post(f"{facts['clusters'][0]}/stop")
    azure.clock.advance(600)
    assert Caller(azure).get(facts["clusters"][0])["properties"]["powerState"]["code"] == "Stopped"
