"""The drift timer finds what people undid and what events left undone, confirms it, and has it repaired."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from local.azure.seed.contoso import POLICY
from shared.drift.report import DriftReport
from shared.model.resource_id import ResourceId
from shared.plan.finding import Code, Finding
from shared.plan.names import link_name, rule_name
from shared.runtime import Runtime
from shared.storage import drift_reports, names
from shared.storage.work import WorkItem
from tests.app.conftest import Contoso, end_leases

SCHEMA = Draft202012Validator(json.loads(Path("docs/schemas/drift-report.json").read_text(encoding="utf-8")))
LAG = 30.0
"""Simulated seconds after which Resource Graph has caught up."""


async def sweep(contoso: Contoso, app: Runtime | None = None) -> DriftReport:
    contoso.azure.clock.advance(LAG)
    report = await (app or contoso.app).drift_detector.run()
    assert report is not None
    SCHEMA.validate(json.loads(json.dumps(report.as_data())))
    return report


def unreachable(report: DriftReport) -> list[Finding]:
    """The clusters that a report finds unreachable."""
    return [finding for finding in report.findings if finding.code is Code.CLUSTER_UNREACHABLE]


async def work_off(contoso: Contoso) -> None:
    """Do what the queue functions would do with the messages that a sweep left."""
    client = await contoso.app.storage.queue(names.RECONCILE_QUEUE)
    async for message in client.receive_messages(visibility_timeout=60):
        await contoso.app.reconciler.run(WorkItem.decode(base64.b64decode(message.content)))
        await client.delete_message(message)
    await contoso.sync()
    contoso.azure.clock.advance(LAG)


async def reachable_cluster(contoso: Contoso) -> str:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    await contoso.look_at(cluster)
    await contoso.sync()
    await contoso.look_at(contoso.seed["monitoring_vnet"])
    contoso.azure.clock.advance(LAG)
    assert contoso.reach(cluster).reached
    return cluster


async def test_sweep_of_a_fleet_in_order_is_clean_and_writes_nothing(contoso: Contoso) -> None:
    await reachable_cluster(contoso)
    before = contoso.writes()

    report = await sweep(contoso)

    assert report.clean, report.as_data()
    assert (report.clusters, report.suspects, report.repairs) == (1, (), ())
    assert contoso.writes() == before
    assert await contoso.messages() == []


async def test_deleted_link_is_found_and_made_again(contoso: Contoso) -> None:
    cluster = await reachable_cluster(contoso)
    zone = contoso.zone_of(cluster)
    links = contoso.links(zone)
    for vnet in (contoso.seed["hub_vnet"], contoso.seed["monitoring_vnet"]):
        contoso.delete(f"{zone}/virtualNetworkLinks/{link_name(ResourceId.parse(vnet))}", wait=120)
    assert contoso.reach(cluster).stage == "dns"

    report = await sweep(contoso)
    await work_off(contoso)

    assert {str(action.kind) for action in report.plan.plan.actions} == {"put_link"}
    assert [item.lower() for item in report.repairs] == [cluster.lower()]
    assert contoso.links(zone) == links
    assert contoso.reach(cluster).reached
    assert (await sweep(contoso)).clean


async def test_changed_route_is_found_and_put_right(contoso: Contoso) -> None:
    cluster = await reachable_cluster(contoso)
    table = str(contoso.get(contoso.seed["vm_subnet"])["properties"]["routeTable"]["id"])
    wrong = {"addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.0.1.99"}
    contoso.put(f"{table}/routes/aks-hublink-default", {"properties": wrong})
    assert contoso.reach(cluster).stage == "route"

    await sweep(contoso)
    await work_off(contoso)

    assert contoso.default_hop(table) == contoso.seed["firewall_private_ip"]
    assert contoso.reach(cluster).reached
    assert (await sweep(contoso)).clean


async def test_rule_edited_by_hand_is_put_right(contoso: Contoso) -> None:
    cluster = await reachable_cluster(contoso)
    group = f"{POLICY}/ruleCollectionGroups/rcg-aks-api-servers"
    rules = contoso.rules()
    body: dict[str, Any] = contoso.get(group)
    body["properties"]["ruleCollections"][0]["rules"][0]["destinationAddresses"] = ["10.1.4.200"]
    contoso.put(
        group, {"properties": {key: body["properties"][key] for key in ("priority", "ruleCollections")}}, wait=400
    )
    assert contoso.reach(cluster).stage == "firewall"

    report = await sweep(contoso)
    await work_off(contoso)

    (edit,) = [finding for finding in report.findings if finding.code is Code.FIREWALL_GROUP_EDITED]
    assert "(destinationAddresses 10.1.4.4 → 10.1.4.200)" in edit.message
    assert contoso.rules() == rules
    assert contoso.reach(cluster).reached


async def test_cluster_whose_every_event_was_lost_becomes_reachable(contoso: Contoso) -> None:
    await contoso.prepare()
    await contoso.look_at(contoso.seed["monitoring_vnet"])
    cluster = contoso.create_cluster()
    assert contoso.reach(cluster).stage == "dns"

    await sweep(contoso)
    await work_off(contoso)

    assert contoso.reach(cluster).reached


async def test_cluster_deleted_without_an_event_loses_rule_and_row(contoso: Contoso) -> None:
    cluster = await reachable_cluster(contoso)
    contoso.delete(cluster, wait=600)

    report = await sweep(contoso)
    await work_off(contoso)

    assert [str(item.scope.kind) for item in report.suspects] == ["cluster"]
    assert await contoso.rows() == {}
    assert contoso.rules() == {}


async def test_stale_resource_graph_answer_removes_nothing(contoso: Contoso) -> None:
    await contoso.prepare()
    contoso.azure.clock.advance(LAG)
    contoso.azure.faults.add({"kind": "stale", "count": 100})
    cluster = contoso.create_cluster()
    await contoso.look_at(cluster)
    await contoso.sync()
    await contoso.look_at(contoso.seed["monitoring_vnet"])

    report = await sweep(contoso)
    await work_off(contoso)

    assert report.clusters == 0
    assert report.plan.empty
    assert len(await contoso.rows()) == 1
    assert contoso.reach(cluster).reached


async def test_report_mode_finds_and_repairs_nothing(contoso: Contoso) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    before = contoso.writes()
    app = contoso.app_with(mode="report")

    report = await sweep(contoso, app)
    await app.close()

    held_back = {str(action.kind) for action in report.plan.plan.held_back}
    assert {"put_link", "register_api_server"} <= held_back
    assert report.repairs == ()
    assert contoso.writes() == before
    assert contoso.reach(cluster).stage == "dns"


async def test_second_sweep_at_once_is_skipped(contoso: Contoso) -> None:
    contoso.azure.clock.advance(LAG)

    reports = await asyncio.gather(contoso.app.drift_detector.run(), contoso.app.drift_detector.run())

    assert sorted(report is None for report in reports) == [False, True]


async def test_sweep_after_one_whose_host_was_recycled_starts_anew(contoso: Contoso) -> None:
    """The host dies while the sweep searches: nothing is half done, and the next tick does all of it."""
    cluster = await reachable_cluster(contoso)
    zone = contoso.zone_of(cluster)
    contoso.delete(f"{zone}/virtualNetworkLinks/{link_name(ResourceId.parse(contoso.seed['hub_vnet']))}", wait=120)
    contoso.azure.clock.advance(LAG)
    sweeping = asyncio.create_task(contoso.app.drift_detector.run())
    asked = contoso.app.resource_graph.queries
    while contoso.app.resource_graph.queries < asked + 3:  # noqa: ASYNC110
        await asyncio.sleep(0)
    sweeping.cancel()
    await asyncio.gather(sweeping, return_exceptions=True)
    await end_leases(contoso.app)
    assert await contoso.app.drift_reports.latest() is None

    report = await sweep(contoso, contoso.app_with())
    await work_off(contoso)

    assert [str(action.kind) for action in report.plan.plan.actions] == ["put_link"]
    assert (await sweep(contoso)).clean


async def test_reports_are_kept_and_the_oldest_go(contoso: Contoso, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift_reports, "KEPT", 2)
    await sweep(contoso)
    first = await sweep(contoso)
    second = await sweep(contoso)

    kept = await contoso.app.drift_reports.names()
    latest = await contoso.app.drift_reports.latest()

    assert len(kept) == 2
    assert latest is not None
    assert latest["endedAt"] == second.ended_at.isoformat() > first.ended_at.isoformat()


async def test_report_says_whether_every_cluster_is_reached_and_draws_the_network(contoso: Contoso) -> None:
    cluster = await reachable_cluster(contoso)

    report = (await sweep(contoso)).as_data()

    assert report["verdicts"] == {"reachable": 1, "unreachable": 0, "ambiguous": 0}
    network = report["network"]
    (entry,) = network["clusters"]
    assert entry["id"].lower() == cluster.lower()
    assert (entry["verdict"], entry["code"], entry["steps"]) == ("reachable", None, [])
    assert [link["state"] for link in entry["links"]] == ["completed", "completed"]
    assert {route["nextHop"] for route in entry["routes"]} == {contoso.seed["firewall_private_ip"]}
    assert entry["rule"] == rule_name(ResourceId.parse(cluster))
    assert contoso.rules() == {"aks-1": [entry["address"]]}
    assert {vnet["role"]: vnet["peering"] for vnet in network["vnets"]} == {
        "monitoring": "connected",
        "spoke": "connected",
    }
    assert network["hub"]["firewall"]["address"] == contoso.seed["firewall_private_ip"]


async def test_verdict_of_a_cluster_without_links_is_confirmed_and_names_what_decided(contoso: Contoso) -> None:
    cluster = await reachable_cluster(contoso)
    zone = contoso.zone_of(cluster)
    for vnet in (contoso.seed["hub_vnet"], contoso.seed["monitoring_vnet"]):
        contoso.delete(f"{zone}/virtualNetworkLinks/{link_name(ResourceId.parse(vnet))}", wait=120)

    report = (await sweep(contoso)).as_data()

    (entry,) = report["network"]["clusters"]
    assert report["verdicts"]["unreachable"] == 1
    assert (entry["verdict"], entry["code"], entry["confirmed"]) == ("unreachable", "DNS_ZONE_NOT_LINKED", True)
    assert [link["state"] for link in entry["links"]] == ["missing", "missing"]
    assert entry["steps"][0]["resource"].lower() == zone.lower()


async def test_verdict_does_not_believe_a_graph_that_lags_behind(contoso: Contoso) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    await contoso.look_at(contoso.seed["monitoring_vnet"])
    contoso.azure.clock.advance(LAG)
    contoso.azure.faults.add({"kind": "stale", "count": 100})
    await contoso.look_at(cluster)
    await contoso.sync()
    assert contoso.reach(cluster).reached

    report = (await sweep(contoso)).as_data()

    (entry,) = report["network"]["clusters"]
    assert (entry["verdict"], entry["confirmed"]) == ("reachable", True)


async def test_unreachable_cluster_is_a_finding_that_says_whether_it_is_repaired(contoso: Contoso) -> None:
    cluster = await reachable_cluster(contoso)
    assert unreachable(await sweep(contoso)) == []
    deny = {
        "priority": 100,
        "ruleCollections": [
            {
                "name": "nobody",
                "priority": 100,
                "ruleCollectionType": "FirewallPolicyFilterRuleCollection",
                "action": {"type": "Deny"},
                "rules": [
                    {
                        "name": "nobody",
                        "ruleType": "NetworkRule",
                        "ipProtocols": ["TCP"],
                        "sourceAddresses": ["*"],
                        "destinationAddresses": ["10.1.0.0/16"],
                        "destinationPorts": ["443"],
                    }
                ],
            }
        ],
    }
    contoso.put(f"{POLICY}/ruleCollectionGroups/rcg-nobody", {"properties": deny}, wait=400)
    assert contoso.reach(cluster).stage == "firewall"

    (finding,) = unreachable(await sweep(contoso))

    assert (str(finding.code), str(finding.cluster).lower()) == ("CLUSTER_UNREACHABLE", cluster.lower())
    assert "rcg-nobody" in finding.message
    assert not finding.repaired


async def test_cluster_whose_rule_was_deleted_is_a_finding_that_is_repaired(contoso: Contoso) -> None:
    await reachable_cluster(contoso)
    contoso.delete(f"{POLICY}/ruleCollectionGroups/rcg-aks-api-servers", wait=400)

    (finding,) = unreachable(await sweep(contoso))
    await work_off(contoso)

    assert finding.repaired
    assert unreachable(await sweep(contoso)) == []


async def test_stopped_cluster_is_not_reached_and_no_finding(contoso: Contoso) -> None:
    cluster = await reachable_cluster(contoso)
    contoso.post(cluster, "stop", wait=600)
    await contoso.look_at(cluster)
    await contoso.sync()

    report = await sweep(contoso)

    assert report.as_data()["verdicts"]["unreachable"] == 1
    assert unreachable(report) == []
