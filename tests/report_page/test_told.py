"""What the page says, before it is a page: findings, reasons, networks and the headline."""

from __future__ import annotations

from typing import Any

import pytest

from shared.plan.drift import _CHANGED, _NEW, CODES
from shared.report_page.clusters import reasons, told_clusters, worst_first
from shared.report_page.findings import KIND_OF, told_findings
from shared.report_page.headline import Headline, make_headline
from shared.report_page.labels import NAME, fit, fit_apart, width
from shared.report_page.names import short_ids, short_name
from shared.report_page.networks import told_networks
from tests.report_page.reports import cluster_entry, healthy_report, make_report, report_of, vnet_id

ZONE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/privateDnsZones"
UUID = "55821df0-3b4b-54c4-b6d2-416fa7d84fc8"


def headline_of(report: dict[str, Any]) -> Headline:
    trouble = [cluster for cluster in report["network"]["clusters"] if cluster["verdict"] != "reachable"]
    return make_headline(report, trouble, told_findings(report))


def reasons_of(report: dict[str, Any]) -> list[tuple[str, str, int, int]]:
    clusters = worst_first(told_clusters(report["network"]))
    found = reasons(clusters, report["findings"])
    return [(reason.verdict, reason.code, len(reason.clusters), reason.repaired) for reason in found]


def test_repair_of_every_drift_code_is_that_of_its_action() -> None:
    for codes in (_NEW, _CHANGED):
        assert {code: str(kind) for kind, code in codes.items()}.items() <= KIND_OF.items()
    assert {*CODES, "FIREWALL_RULES_DIFFER", "FIREWALL_GROUP_EDITED"} <= set(KIND_OF)


def test_verdicts_and_actions_are_not_told_twice() -> None:
    report = make_report(clusters=30, spokes=3)
    findings = told_findings(report)
    assert [item["code"] for item in findings.items] == ["LIMIT_NEAR", *["LINK_MISSING"] * 3]
    assert (findings.told_above, findings.repaired, findings.more) == (3, 3, ())
    assert findings.repairs == {"link the zone": 3}
    assert {item["fix"] for item in findings.items if item["repaired"]} == {""}


def test_actions_without_a_finding_are_still_told() -> None:
    report = make_report(clusters=30, spokes=3)
    report["findings"] = [finding for finding in report["findings"] if finding["code"] != "LINK_MISSING"]
    findings = told_findings(report)
    assert len(findings.more) == 3
    assert findings.repairs == {"link the zone": 3}


def test_change_that_azure_refuses_is_told_by_its_finding_alone() -> None:
    report = make_report(clusters=3, spokes=2)
    missing = next(finding for finding in report["findings"] if finding["code"] == "LINK_MISSING")
    missing.update(code="CHANGE_FAILED", severity="error", fix="Remove the lock.", repaired=False)
    findings = told_findings(report)
    assert [item["code"] for item in findings.items] == ["CHANGE_FAILED", "LIMIT_NEAR"]
    assert (findings.more, findings.repairs, findings.worst) == ((), {}, "error")


def test_unreachable_cluster_that_is_not_in_the_network_stays_a_finding() -> None:
    report = make_report(clusters=3, spokes=2)
    report["network"]["clusters"].pop(1)
    assert "CLUSTER_UNREACHABLE" in {item["code"] for item in told_findings(report).items}


def test_what_needs_somebody_comes_before_what_is_repaired() -> None:
    report = make_report(clusters=3, spokes=2)
    report["findings"][-1]["code"] = "ZONE_NOT_AKS"
    assert [item["repaired"] for item in told_findings(report).items] == [False, True]


def test_clusters_with_the_same_trouble_share_a_reason_whatever_their_names() -> None:
    assert reasons_of(make_report(clusters=60, spokes=6)) == [
        ("unreachable", "DNS_ZONE_NOT_LINKED", 6, 6),
        ("ambiguous", "DNS_ZONE_NOT_LINKED", 4, 0),
    ]


def test_another_message_is_another_reason() -> None:
    entries = [cluster_entry(number, 1, verdict="unreachable") for number in range(3)]
    entries[2]["message"] = "The default route leads to 10.0.1.99."
    assert [count for _, _, count, _ in reasons_of(report_of(entries, spokes=1))] == [2, 1]


def test_networks_say_role_peering_verdicts_links_and_routes() -> None:
    report = make_report(clusters=24, spokes=5)
    network = report["network"]
    network["vnets"][2]["peering"] = "disconnected"
    network["clusters"][0]["routes"][0]["nextHop"] = "10.0.1.99"
    finding = {**report["findings"][-1], "code": "VNET_NOT_PEERED", "resource": vnet_id(2).lower()}
    rows = told_networks(network, told_clusters(network), [finding])
    assert [row["key"] for row in rows] == ["nhub", "n2", "n0", "n1", "n3", "n4", "n5"]
    by_key = {row["key"]: row for row in rows}
    assert by_key["nhub"]["linked"] == (24, 24)
    assert by_key["n0"]["linked"] == (19, 24)
    assert by_key["n2"]["cut_off"]
    assert [told["code"] for told in by_key["n2"]["peerings"]] == ["VNET_NOT_PEERED"]
    assert by_key["n2"]["verdicts"] == {"unreachable": 3, "reachable": 2}
    assert [(hop.subnets, hop.to, hop.astray) for hop in by_key["n3"]["hops"]] == [(("aks-nodes",), "10.0.1.4", False)]


def test_clusters_of_vnets_that_were_not_found_are_in_the_table_of_networks() -> None:
    report = make_report(clusters=4, spokes=2)
    report["network"]["clusters"][0]["vnet"] = None
    rows = told_networks(report["network"], told_clusters(report["network"]), [])
    assert rows[-1]["key"] == "nunknown"
    assert rows[-1]["verdicts"] == {"reachable": 1}


@pytest.mark.parametrize("clusters", [0, 1, 7])
def test_all_is_never_well_when_the_search_has_gaps(clusters: int) -> None:
    report = healthy_report(clusters=clusters, spokes=2)
    whole = headline_of(report)
    report["gaps"] = ["Subscription s could not be searched."]
    gappy = headline_of(report)
    assert whole.tone == ("good" if clusters else "quiet")
    assert gappy.tone == "doubt"
    assert "may have missed" in gappy.text
    assert "may have missed" not in whole.text
    assert gappy.title.endswith("the search has gaps")


def test_error_that_nobody_repairs_is_not_all_well() -> None:
    report = healthy_report(clusters=3, spokes=2)
    report["findings"] = [{**make_report(clusters=0, spokes=1)["findings"][0], "severity": "error"}]
    assert headline_of(report).tone == "doubt"


@pytest.mark.parametrize(
    ("change", "words", "tone"),
    [
        ({}, "1 of 3 clusters cannot be reached", "bad"),
        ({"power": "Stopped", "code": "CLUSTER_STOPPED"}, "Every running cluster is reachable", "good"),
        ({"verdict": "ambiguous"}, "1 cannot be judged for sure", "doubt"),
    ],
)
def test_headline_answers_the_question(change: dict[str, str], words: str, tone: str) -> None:
    report = make_report(clusters=3, spokes=2)
    report["network"]["clusters"][1].update(change)
    if "verdict" in change:
        report["verdicts"] = {"reachable": 2, "unreachable": 0, "ambiguous": 1}
    found = headline_of(report)
    assert words in found.text
    assert found.tone == tone


def test_long_names_keep_both_ends_and_still_differ() -> None:
    names = [f"aks-prod-westeurope-payments-{number}" for number in (1, 11, 17)]
    names += ["aks-prod-westeurope-blue-payments-01", "aks-prod-westeurope-teal-payments-01"]
    cut = fit_apart(names, [130.0] * len(names))
    assert len(set(cut)) == len(names)
    assert all(width(text, NAME) <= 130 for text in cut)
    assert fit(names[2], 130).startswith("aks-")
    assert fit(names[2], 130).endswith("-17")
    assert fit("aks-1", 130) == "aks-1"


@pytest.mark.parametrize(
    ("resource", "short"),
    [
        (vnet_id(3), "vnet-spoke-3"),
        (f"{vnet_id(3)}/subnets/aks-nodes", "vnet-spoke-3/aks-nodes"),
        (f"{ZONE}/{UUID}.privatelink.westeurope.azmk8s.io", "55821df0….privatelink.westeurope.azmk8s.io"),
        (f"{ZONE}/{UUID}.privatelink.westeurope.azmk8s.io/virtualNetworkLinks/ours", "55821df0…/ours"),
        (
            f"{ZONE}/shared.privatelink.westeurope.azmk8s.io/virtualNetworkLinks/ours",
            "shared.privatelink.westeurope.azmk8s.io/ours",
        ),
        (None, ""),
    ],
)
def test_resources_are_called_as_people_call_them(resource: str | None, short: str) -> None:
    assert short_name(resource) == short


def test_only_uuids_are_cut() -> None:
    assert short_ids(f"aks-1.{UUID}.azmk8s.io in {UUID.upper()}") == "aks-1.55821df0….azmk8s.io in 55821DF0…"
    assert short_ids("aks-12345678-1234 10.0.0.4") == "aks-12345678-1234 10.0.0.4"
