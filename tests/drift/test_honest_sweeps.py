"""A sweep says what it could not see, promises no repair that is refused, and is not stopped by a busy firewall."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from local.azure.seed.contoso import POLICY
from shared.drift import verdicts
from shared.drift.report import as_markdown
from shared.firewall.hold import Hold
from shared.model.resource_id import ResourceId
from shared.plan.finding import Code
from shared.plan.names import link_name
from shared.storage.work import SyncRequest
from shared.workers import serve_sync
from tests.app.conftest import Contoso
from tests.app.test_faults import THROTTLED
from tests.app.test_zone_links import take_away
from tests.drift.test_sweep import reachable_cluster, sweep, work_off
from tests.firewall_writer.helpers import edit_by_hand
from tests.firewall_writer.test_policy import deny

RIGHT_TO_LINK = "Microsoft.Network/privateDnsZones/virtualNetworkLinks/write"


def delete_our_link(contoso: Contoso, cluster: str) -> str:
    link = f"{contoso.zone_of(cluster)}/virtualNetworkLinks/{link_name(ResourceId.parse(contoso.seed['hub_vnet']))}"
    contoso.delete(link, wait=120)
    return link


def told_of(contoso: Contoso, kind: str) -> list[str]:
    """The subjects of the app's own events of a kind."""
    return [event["subject"] for event in contoso.simulation.topic.events if event["type"] == f"AksHublink.{kind}"]


async def test_sweep_that_sees_nothing_is_not_clean(contoso: Contoso) -> None:
    await reachable_cluster(contoso)
    fault = {"kind": "status", "path": "ResourceGraph", "status": 403, "code": "AuthorizationFailed", "count": 100}
    contoso.azure.faults.add(fault)

    report = await sweep(contoso)

    assert not report.clean
    assert [(str(item.code), str(item.severity)) for item in report.findings] == [("SWEEP_INCOMPLETE", "error")]
    assert "SWEEP_INCOMPLETE" in as_markdown(report.as_data())
    assert "✅" not in as_markdown(report.as_data())


async def test_repair_that_was_refused_is_not_promised_again(contoso: Contoso) -> None:
    cluster = await reachable_cluster(contoso)
    contoso.app = contoso.app_with(drift_topic_endpoint=f"{contoso.azure.base_url}/api/events")
    link = delete_our_link(contoso, cluster)
    take_away(contoso, RIGHT_TO_LINK)

    reports = []
    for _ in range(3):
        reports.append(await sweep(contoso))
        await work_off(contoso)

    first, *others = [item for report in reports for item in report.findings if str(item.resource) == link]
    assert (first.code, first.repaired) == (Code.LINK_MISSING, True)
    assert [(item.code, item.repaired) for item in others] == [(Code.RIGHTS_MISSING, False)] * 2
    assert "is not linked to vnet-hub" in others[0].message
    assert "privateDnsZones/virtualNetworkLinks/write" in others[0].message
    assert told_of(contoso, "ChangeRefused") == [link]


async def test_refusal_is_forgotten_once_the_change_is_made(contoso: Contoso) -> None:
    cluster = await reachable_cluster(contoso)
    before = list(contoso.azure.access.assignments)
    delete_our_link(contoso, cluster)
    take_away(contoso, RIGHT_TO_LINK)
    await contoso.look_at(cluster)
    contoso.azure.access.assignments[:] = before
    assert await contoso.app.refusals.all()

    await sweep(contoso)
    await work_off(contoso)

    assert await contoso.app.refusals.all() == {}
    assert (await sweep(contoso)).clean


async def test_zone_that_overlaps_is_told_before_azure_refuses_the_link(contoso: Contoso) -> None:
    cluster = await reachable_cluster(contoso)
    zone, hub = contoso.zone_of(cluster), contoso.seed["hub_vnet"]
    link = delete_our_link(contoso, cluster)
    other = contoso.put_zone(contoso.seed["spokes"]["vnet-spoke-3"]["group"], zone.rsplit("/", 1)[-1])
    contoso.put_link(other, "first", hub)

    report = await sweep(contoso)

    (finding,) = [item for item in report.findings if str(item.resource) == link]
    assert (finding.code, finding.repaired) == (Code.ZONE_OVERLAPPING, False)
    assert other.lower() in finding.message.lower()


async def test_throttled_firewall_policy_keeps_no_link_from_being_repaired(contoso: Contoso) -> None:
    cluster = await reachable_cluster(contoso)
    delete_our_link(contoso, cluster)
    contoso.azure.faults.add({**THROTTLED, "method": "GET", "path": "ruleCollectionGroups/rcg-aks"})

    report = await sweep(contoso)

    assert any("firewall policy could not be read" in gap for gap in report.gaps)
    assert report.repairs


async def test_switched_on_registration_is_switched_off(contoso: Contoso) -> None:
    cluster = await reachable_cluster(contoso)
    link = f"{contoso.zone_of(cluster)}/virtualNetworkLinks/{link_name(ResourceId.parse(contoso.seed['hub_vnet']))}"
    contoso.put(
        link,
        {
            "location": "global",
            "tags": contoso.get(link)["tags"],
            "properties": {"registrationEnabled": True, "virtualNetwork": {"id": contoso.seed["hub_vnet"]}},
        },
        wait=120,
    )

    report = await sweep(contoso)
    await work_off(contoso)

    assert [item.code for item in report.findings] == [Code.LINK_BROKEN]
    assert contoso.get(link)["properties"]["registrationEnabled"] is False
    assert (await sweep(contoso)).clean


async def test_closer_looks_go_to_clusters_that_should_answer(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one look left, it is for the cluster that runs and is not reached, not for the stopped one before it."""
    cluster = await reachable_cluster(contoso)
    await contoso.prepare("vnet-spoke-3")
    stopped = contoso.create_cluster("aks-0")
    await contoso.settle(stopped)
    contoso.post(stopped, "stop", wait=600)
    await contoso.look_at(stopped)
    await contoso.sync()
    deny(contoso, POLICY, ["10.2.0.0/24"])
    monkeypatch.setattr(verdicts, "MOST_CONFIRMED", 1)

    report = await sweep(contoso)

    unreachable = [str(item.resource).lower() for item in report.findings if item.code is Code.CLUSTER_UNREACHABLE]
    assert unreachable == [cluster.lower()]
    monkeypatch.setattr(verdicts, "MOST_CONFIRMED", 0)
    (gap,) = (await sweep(contoso)).gaps
    assert gap.startswith("1 clusters seem unreachable")


async def test_rule_of_a_cluster_whose_subscription_was_taken_out_of_care_goes_with_the_cluster(
    contoso: Contoso,
) -> None:
    cluster = await reachable_cluster(contoso)
    subscription = cluster.split("/")[2]
    others = [item for item in contoso.seed["settings"]["SPOKE_SUBSCRIPTION_IDS"].split(",") if item != subscription]
    contoso.app = contoso.app_with(spoke_subscription_ids=",".join(others))

    (finding,) = [item for item in (await sweep(contoso)).findings if str(item.resource).lower() == cluster.lower()]
    await work_off(contoso)

    assert finding.code is Code.SUBSCRIPTION_NOT_ALLOWED
    assert "its rule stays" in finding.message
    assert list(contoso.rules()) == ["aks-1"]
    contoso.delete(cluster, wait=600)
    await sweep(contoso)
    await work_off(contoso)
    contoso.azure.clock.advance(300)
    assert contoso.rules() == {}


async def test_monitoring_vnet_outside_the_spokes_keeps_its_route(contoso: Contoso) -> None:
    await reachable_cluster(contoso)
    monitoring = ResourceId.parse(contoso.seed["monitoring_vnet"]).subscription_id
    spokes = [item for item in contoso.seed["settings"]["SPOKE_SUBSCRIPTION_IDS"].split(",") if item != monitoring]
    contoso.app = contoso.app_with(spoke_subscription_ids=",".join(spokes))
    table = str(contoso.table_id_on(contoso.seed["vm_subnet"]))
    wrong = {"addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.0.1.99"}
    contoso.put(f"{table}/routes/aks-hublink-default", {"properties": wrong})

    report = await sweep(contoso)
    await work_off(contoso)

    assert Code.ROUTE_WRONG in {item.code for item in report.findings}
    assert contoso.default_hop(table) == contoso.seed["firewall_private_ip"]


async def test_throttled_groups_of_the_policy_cost_verdicts_and_no_report(contoso: Contoso) -> None:
    cluster = await reachable_cluster(contoso)
    delete_our_link(contoso, cluster)
    contoso.azure.faults.add({**THROTTLED, "method": "GET", "path": "ruleCollectionGroups", "count": 100})

    report = await sweep(contoso)

    assert report.repairs
    assert any("firewall policy could not be read" in gap for gap in report.gaps)
    assert report.verdicts["reachable"] == 0


async def test_unreachable_cluster_under_a_hold_is_not_said_to_be_repaired(contoso: Contoso) -> None:
    cluster = await reachable_cluster(contoso)
    edit_by_hand(contoso, lambda properties: properties["ruleCollections"][0]["rules"].clear())
    await contoso.app.firewall_state.set_hold(
        contoso.app.settings.firewall_policy_id,
        Hold(digest="0" * 64, since=datetime.now(UTC), reason="a test", by="a test", applied=True),
    )

    (finding,) = [item for item in (await sweep(contoso)).findings if item.code is Code.CLUSTER_UNREACHABLE]

    assert str(finding.resource).lower() == cluster.lower()
    assert not finding.repaired


async def test_refusal_of_what_nobody_wants_any_more_is_forgotten(contoso: Contoso) -> None:
    """Somebody links the zone by hand, so no try of ours ever ends well; a later refusal is news again."""
    cluster = await reachable_cluster(contoso)
    delete_our_link(contoso, cluster)
    take_away(contoso, RIGHT_TO_LINK)
    await contoso.look_at(cluster)
    assert await contoso.app.refusals.all()
    contoso.put_link(contoso.zone_of(cluster), "by-hand", contoso.seed["hub_vnet"])

    await sweep(contoso)

    assert await contoso.app.refusals.all() == {}


async def test_chat_message_in_report_mode_lists_what_would_be_done(contoso: Contoso) -> None:
    cluster = await reachable_cluster(contoso)
    delete_our_link(contoso, cluster)
    report = await sweep(contoso, contoso.app_with(mode="report"))

    assert "only reported" in as_markdown(report.as_data())
    assert report.repairs == ()


async def test_refusal_of_the_firewall_is_one_event_however_often_syncs_meet_it(contoso: Contoso) -> None:
    await reachable_cluster(contoso)
    app = contoso.app_with(
        drift_topic_endpoint=f"{contoso.azure.base_url}/api/events",
        firewall_rule_collection_group="rcg-new",
        firewall_rule_collection_group_priority=200,
    )
    for number in range(3):
        request = SyncRequest(
            policy=app.settings.firewall_policy_id,
            requested_at=datetime.now(UTC) + timedelta(minutes=number),
            asked_by="test",
            correlation_id=f"c{number}",
        )
        await serve_sync(app, request)

    assert len(told_of(contoso, "ChangeRefused")) == 1
