"""Every finding code is absent while all is well, and there once the local Azure is brought into its situation.

A provocation starts from one reachable cluster, breaks something the way people do, and answers what is found then.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.azure.seed.bodies import peering_body, route_table_body, subnet_body
from local.azure.seed.contoso import POLICY, policy_body
from local.azure.seed.grants import identity_of, network_contributor
from shared import loop
from shared.firewall.hold import Hold
from shared.model.azure_types import PRIVATE_DNS_ZONE
from shared.model.resource_id import ResourceId
from shared.plan import drift
from shared.plan.action import Action, ActionKind, make_plan
from shared.plan.finding import Code, Finding
from shared.plan.names import link_name
from tests.app.conftest import Contoso
from tests.app.test_zone_links import take_away
from tests.drift.test_sweep import reachable_cluster, work_off
from tests.findings import drifted
from tests.findings.watch import PROVOCATIONS, everything, looked, provokes, swept, synced
from tests.firewall_writer.helpers import edit_by_hand
from tests.firewall_writer.test_policy import _forget_platform_egress, deny

REPAIRED = {*drift.CODES, Code.CLUSTER_UNREACHABLE, Code.FIREWALL_GROUP_EDITED, Code.FIREWALL_RULES_DIFFER}
LONG_AGO = timedelta(days=1)


def test_every_code_has_a_provocation() -> None:
    assert drifted.__name__  # imported for its provocations
    assert sorted(PROVOCATIONS) == sorted(Code)


@pytest.mark.parametrize("code", list(Code))
async def test_code_is_absent_while_all_is_well_and_there_when_it_is_not(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch, code: Code
) -> None:
    cluster = await reachable_cluster(contoso)
    assert await everything(contoso, cluster) == []

    found = await PROVOCATIONS[code](contoso, cluster, monkeypatch)

    (finding, *_) = [item for item in found if item.code is code]
    assert finding.message
    assert finding.fix
    assert finding.repaired == (code in REPAIRED)
    if code in REPAIRED:
        await work_off(contoso)
        assert code not in {item.code for item in await swept(contoso)}


# Addresses and clusters


@provokes(Code.ADDRESS_MISMATCH)
async def record_is_rewritten(contoso: Contoso, cluster: str, _: pytest.MonkeyPatch) -> list[Finding]:
    _rewrite_record(contoso, cluster, "10.1.4.200")
    return await looked(contoso, cluster, ago=LONG_AGO)


@provokes(Code.ADDRESS_OUTSIDE_VNET)
async def record_points_into_the_hub(contoso: Contoso, cluster: str, _: pytest.MonkeyPatch) -> list[Finding]:
    _rewrite_record(contoso, cluster, contoso.seed["firewall_private_ip"])
    return await looked(contoso, cluster)


@provokes(Code.CLUSTER_NOT_READY)
async def cluster_stays_unfinished(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    unfinished = contoso.create_cluster("aks-slow", wait=5)
    return await looked(contoso, unfinished, ago=LONG_AGO)


@provokes(Code.CLUSTER_RIGHTS_MISSING)
async def identity_loses_its_role(contoso: Contoso, cluster: str, _: pytest.MonkeyPatch) -> list[Finding]:
    path, __ = network_contributor(contoso.spoke["vnet"], identity_of(contoso.get(cluster)))
    contoso.delete(path)
    return await swept(contoso)


@provokes(Code.CLUSTER_UNREACHABLE)
async def links_are_deleted(contoso: Contoso, cluster: str, _: pytest.MonkeyPatch) -> list[Finding]:
    for vnet in (contoso.seed["hub_vnet"], contoso.seed["monitoring_vnet"]):
        link = link_name(ResourceId.parse(vnet))
        contoso.delete(f"{contoso.zone_of(cluster)}/virtualNetworkLinks/{link}", wait=120)
    return await swept(contoso)


@provokes(Code.SUBSCRIPTION_NOT_ALLOWED)
async def subscription_is_taken_out_of_care(contoso: Contoso, cluster: str, _: pytest.MonkeyPatch) -> list[Finding]:
    zone = contoso.put_zone(contoso.seed["spokes"]["vnet-spoke-3"]["group"], "shared.privatelink.westeurope.azmk8s.io")
    rows = await contoso.app.registry.all()
    await contoso.register(replace(rows[0].api_server, zone=ResourceId.parse(zone)))
    others = ",".join(
        item for item in contoso.seed["settings"]["SPOKE_SUBSCRIPTION_IDS"].split(",") if item not in cluster
    )
    return await looked(contoso, zone, contoso.app_with(spoke_subscription_ids=others, trusted_zone_ids=zone))


def _rewrite_record(contoso: Contoso, cluster: str, address: str) -> None:
    zone = contoso.zone_of(cluster)
    host = contoso.get(cluster)["properties"]["privateFQDN"]
    contoso.put_record(zone, host.split(".", 1)[0], address)


# Private DNS zones


@provokes(Code.LINK_FOREIGN_BROKEN)
async def link_of_a_person_failed(contoso: Contoso, cluster: str, _: pytest.MonkeyPatch) -> list[Finding]:
    zone, vnet = contoso.zone_of(cluster), contoso.seed["hub_vnet"]
    contoso.delete(f"{zone}/virtualNetworkLinks/{link_name(ResourceId.parse(vnet))}", wait=120)
    contoso.put_link(zone, "by-hand", vnet)
    link = contoso.azure.store.get(f"{zone}/virtualNetworkLinks/by-hand")
    assert link is not None
    link.properties["provisioningState"] = "Failed"
    contoso.azure.store.mark(link.id)
    return await swept(contoso)


@provokes(Code.NODE_GROUP_LOCKED)
async def node_group_is_locked(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    contoso.create_cluster("aks-locked", locked=True)
    return await swept(contoso)


@provokes(Code.ZONE_NOT_AKS)
async def zone_looks_like_aks(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    contoso.put_zone(contoso.spoke["group"], "0ddba11.privatelink.westeurope.azmk8s.io")
    return await swept(contoso)


@provokes(Code.ZONE_NOT_TRUSTED)
async def zone_is_somebodys_own(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    zone = contoso.put_zone(contoso.spoke["group"], "privatelink.westeurope.azmk8s.io")
    identity = f"{contoso.spoke['group']}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/aks"
    contoso.create_cluster("aks-byo", zone=zone, identity=identity)
    return await swept(contoso)


@provokes(Code.ZONE_OVERLAPPING)
async def zone_of_the_same_name_was_first(contoso: Contoso, cluster: str, _: pytest.MonkeyPatch) -> list[Finding]:
    zone, hub = contoso.zone_of(cluster), contoso.seed["hub_vnet"]
    contoso.delete(f"{zone}/virtualNetworkLinks/{link_name(ResourceId.parse(hub))}", wait=120)
    other = contoso.put_zone(contoso.seed["spokes"]["vnet-spoke-3"]["group"], zone.rsplit("/", 1)[-1])
    contoso.put_link(other, "first", hub)
    assert any(item.code is Code.ZONE_OVERLAPPING for item in await looked(contoso, cluster))
    return await swept(contoso)


# Routes and peerings


@provokes(Code.FIREWALL_ADDRESS_UNKNOWN)
async def policy_has_no_firewall(contoso: Contoso, cluster: str, _: pytest.MonkeyPatch) -> list[Finding]:
    lonely = POLICY.replace("fp-hub", "fp-lonely")
    contoso.put(lonely, policy_body())
    contoso.put(contoso.spoke["node_subnet"], subnet_body(contoso.spoke["node_prefix"]))
    return await swept(contoso, contoso.app_with(firewall_policy_id=lonely))


@provokes(Code.KUBENET_WITHOUT_ROUTE_TABLE)
async def kubenet_subnet_loses_its_table(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    spoke = contoso.seed["spokes"]["vnet-spoke-3"]
    await contoso.prepare("vnet-spoke-3")
    contoso.create_cluster("aks-kubenet", "vnet-spoke-3", plugin="kubenet")
    contoso.put(spoke["node_subnet"], subnet_body(spoke["node_prefix"]))
    return await swept(contoso)


@provokes(Code.MONITORING_PATH_MISSING)
async def monitoring_peering_is_deleted(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    peering = _peering(contoso, contoso.seed["monitoring_vnet"])
    contoso.delete(peering, wait=60)
    found = await swept(contoso)
    contoso.azure.clock.advance(60)
    return found


@provokes(Code.OUTBOUND_TYPE_NOT_ROUTED)
async def cluster_has_a_load_balancer(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    contoso.app = contoso.app_with(aks_subnet_name_pattern="")
    contoso.make_node_subnet("vnet-spoke-3")
    contoso.create_cluster("aks-lb", "vnet-spoke-3", outbound="loadBalancer")
    return await swept(contoso)


@provokes(Code.PEERING_NO_FORWARDED_TRAFFIC)
async def forwarded_traffic_is_forbidden(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    contoso.put(_peering(contoso, contoso.spoke["vnet"]), peering_body(contoso.seed["hub_vnet"], forwarded=False))
    found = await swept(contoso)
    assert "allowForwardedTraffic false, expected true" in found[0].message
    contoso.put(_peering(contoso, contoso.spoke["vnet"]), peering_body(contoso.seed["hub_vnet"], forwarded=True))
    assert await swept(contoso) == []
    return found


@provokes(Code.PEERING_OUT_OF_SYNC)
async def spoke_grows_and_nobody_syncs(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    vnet = contoso.get(contoso.spoke["vnet"])
    prefixes = [*vnet["properties"]["addressSpace"]["addressPrefixes"], "10.77.0.0/16"]
    kept = {key: vnet["properties"][key] for key in ("subnets", "virtualNetworkPeerings") if key in vnet["properties"]}
    body = {"location": vnet["location"], "properties": {**kept, "addressSpace": {"addressPrefixes": prefixes}}}
    contoso.put(contoso.spoke["vnet"], body)
    return await swept(contoso)


@provokes(Code.ROUTE_FOREIGN_NEXT_HOP)
async def subnet_gets_a_table_that_leads_elsewhere(
    contoso: Contoso, cluster: str, _: pytest.MonkeyPatch
) -> list[Finding]:
    table = f"{contoso.spoke['group']}/providers/Microsoft.Network/routeTables/rt-theirs"
    contoso.put(table, route_table_body("10.1.0.99"))
    contoso.put(contoso.spoke["node_subnet"], subnet_body(contoso.spoke["node_prefix"], route_table=table))
    return await swept(contoso)


@provokes(Code.VNET_NOT_PEERED)
async def spoke_peering_is_deleted(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    contoso.delete(_peering(contoso, contoso.spoke["vnet"]), wait=60)
    found = await swept(contoso)
    assert any("vnet-spoke-1 → vnet-hub is missing" in item.message for item in found)
    return found


def _peering(contoso: Contoso, vnet: str) -> str:
    (peering,) = contoso.get(vnet)["properties"]["virtualNetworkPeerings"]
    return str(peering["id"])


# Firewall


@provokes(Code.FIREWALL_DNS_PROXY_OFF)
async def dns_proxy_is_turned_off(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    contoso.put(POLICY, policy_body(proxy=False), wait=300)
    return await swept(contoso)


@provokes(Code.FIREWALL_EGRESS_MISSING)
async def egress_rules_are_deleted(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    _forget_platform_egress(contoso)
    return await swept(contoso)


@provokes(Code.FIREWALL_GROUP_EDITED)
async def rule_is_deleted_by_hand(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    edit_by_hand(contoso, lambda properties: properties["ruleCollections"][0]["rules"].clear())
    found = await swept(contoso)
    assert any("was changed by somebody else: removed aks-aks-1-" in item.message for item in found)
    assert any(item.code is Code.FIREWALL_GROUP_EDITED and item.repaired for item in await synced(contoso))
    assert len(contoso.rules()) == 1
    edit_by_hand(contoso, lambda properties: properties["ruleCollections"][0]["rules"].clear())
    return await swept(contoso)


@provokes(Code.FIREWALL_GROUP_FOREIGN)
async def settings_name_a_group_of_others(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    return await swept(contoso, contoso.app_with(firewall_rule_collection_group="rcg-platform"))


@provokes(Code.FIREWALL_HOLD)
async def earlier_body_is_put_back(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    edit_by_hand(contoso, lambda properties: properties["ruleCollections"][0]["rules"].clear())
    await synced(contoso)
    group = ResourceId.parse(contoso.our_group)
    (kept, *_) = await contoso.app.firewall_history.list(group, limit=5)
    hold = Hold(digest=kept.digest, since=datetime.now(UTC), reason="a test", by="a test")
    await contoso.app.firewall_state.set_hold(contoso.app.settings.firewall_policy_id, hold)
    return await swept(contoso)


@provokes(Code.FIREWALL_PRIORITY_TAKEN)
async def priority_is_taken(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    app = contoso.app_with(firewall_rule_collection_group="rcg-new", firewall_rule_collection_group_priority=200)
    assert any(item.code is Code.FIREWALL_PRIORITY_TAKEN for item in await synced(contoso, app))
    found = await swept(contoso, app)
    assert not any(item.repaired for item in found if item.code is Code.FIREWALL_RULES_DIFFER)
    return found


@provokes(Code.FIREWALL_RULE_SHADOWED)
async def earlier_deny_hides_our_rule(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    deny(contoso, POLICY, ["10.2.0.0/24"])
    return await swept(contoso)


@provokes(Code.LIMIT_NEAR)
async def route_table_is_nearly_full(contoso: Contoso, cluster: str, _: pytest.MonkeyPatch) -> list[Finding]:
    table = f"{contoso.spoke['group']}/providers/Microsoft.Network/routeTables/rt-full"
    body: dict[str, Any] = route_table_body(contoso.seed["firewall_private_ip"])
    body["properties"]["routes"] += [
        {
            "name": f"r{number}",
            "properties": {"addressPrefix": f"192.168.{number // 2}.{128 * (number % 2)}/25", "nextHopType": "None"},
        }
        for number in range(325)
    ]
    contoso.put(table, body)
    contoso.put(contoso.spoke["node_subnet"], subnet_body(contoso.spoke["node_prefix"], route_table=table))
    found = await swept(contoso)
    assert "326 of 400" in found[0].message
    return found


# Changes and rights


@provokes(Code.SWEEP_INCOMPLETE)
async def resource_graph_is_forbidden(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    fault = {"kind": "status", "path": "ResourceGraph", "status": 403, "code": "AuthorizationFailed", "count": 100}
    contoso.azure.faults.add(fault)
    return await swept(contoso)


@provokes(Code.CHANGE_FAILED)
async def azure_refuses_for_good(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    contoso.azure.faults.add(
        {
            "kind": "status",
            "method": "PUT",
            "path": "virtualNetworkLinks",
            "status": 400,
            "code": "BadRequest",
            "count": 9,
        }
    )
    return await looked(contoso, contoso.create_cluster("aks-2"))


@provokes(Code.PLAN_TOO_LARGE)
async def plan_is_larger_than_the_cap(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    return await looked(contoso, contoso.create_cluster("aks-2"), contoso.app_with(max_changes_per_run=1))


@provokes(Code.PLAN_UNSAFE)
async def planner_makes_a_mistake(contoso: Contoso, cluster: str, monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    # No world leads there: the guard is for mistakes in the planner, so the planner is given one.
    zone = ResourceId.parse(contoso.spoke["group"]).resource(PRIVATE_DNS_ZONE, "corp.example")
    bad = Action(
        kind=ActionKind.PUT_LINK,
        resource=zone.child("virtualNetworkLinks", "aks-hublink-vnet-hub"),
        before=None,
        after={"virtualNetwork": contoso.seed["hub_vnet"], "registrationEnabled": False},
        reason="a mistake",
    )
    monkeypatch.setattr(loop, "plan", lambda *_: make_plan([bad]))
    before = contoso.writes()
    found = await looked(contoso, cluster)
    assert contoso.writes() == before
    return found


@provokes(Code.RIGHTS_MISSING)
async def role_is_taken_away(contoso: Contoso, _: str, __: pytest.MonkeyPatch) -> list[Finding]:
    take_away(contoso, "Microsoft.Network/privateDnsZones/virtualNetworkLinks/write")
    assert any(item.code is Code.RIGHTS_MISSING for item in await looked(contoso, contoso.create_cluster("aks-2")))
    return await swept(contoso)
