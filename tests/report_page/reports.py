"""Drift reports of made-up fleets, as JSON data."""

from __future__ import annotations

from typing import Any

HUB = "/subscriptions/00000000-0000-4000-8000-000000000000/resourceGroups/rg-hub/providers/Microsoft.Network"
HOSTILE = '<img src=x onerror=document.title="owned">'
STEP = {
    "stage": "dns",
    "code": "DNS_ZONE_NOT_LINKED",
    "outcome": "blocked",
    "message": "vnet-monitoring is not linked to the zone.",
    "resource": None,
    "rule": None,
    "fix": "Link the zone.",
    "assumptions": ["no zone elsewhere covers the name"],
}
LIMIT = {
    "code": "LIMIT_NEAR",
    "severity": "warning",
    "resource": f"{HUB}/virtualNetworks/vnet-hub",
    "cluster": None,
    "message": "812 of 1,000 private DNS zones on the VNet are used.",
    "fix": "Let new clusters share a zone.",
    "repaired": False,
}


def vnet_id(number: int) -> str:
    """The id of a spoke's VNet; number 0 is the monitoring VNet."""
    subscription = f"00000000-0000-4000-8000-{number:012d}"
    group = f"/subscriptions/{subscription}/resourceGroups/rg-spoke-{number}"
    return f"{group}/providers/Microsoft.Network/virtualNetworks/vnet-spoke-{number}"


def _zone(number: int) -> str:
    return f"{number:08x}-3b4b-54c4-b6d2-416fa7d84fc8.privatelink.westeurope.azmk8s.io"


def cluster_entry(number: int, spoke: int, *, verdict: str = "reachable", name: str = "") -> dict[str, Any]:
    """A cluster of the report's network."""
    vnet = vnet_id(spoke)
    group = vnet.split("/providers/", maxsplit=1)[0]
    bad = verdict != "reachable"
    host = f"aks-{number}-77636424.{_zone(number)}"
    message = f"vnet-monitoring is not linked to the zone {_zone(number)}, so {host} does not resolve there."
    return {
        "id": f"{group}/providers/Microsoft.ContainerService/managedClusters/{name or f'aks-{number}'}",
        "vnet": vnet,
        "verdict": verdict,
        "code": "DNS_ZONE_NOT_LINKED" if bad else None,
        "message": message if bad else "",
        "fix": "Link the zone." if bad else "",
        "confirmed": bad,
        "power": "Running",
        "state": "Succeeded",
        "outboundType": "userDefinedRouting",
        "host": host,
        "address": f"10.{spoke}.4.{4 + number % 200}",
        "zone": f"{group}/providers/Microsoft.Network/privateDnsZones/{_zone(number)}",
        "links": [
            {"vnet": f"{HUB}/virtualNetworks/vnet-hub", "state": "completed"},
            {"vnet": vnet_id(0), "state": "missing" if bad else "completed"},
        ],
        "routes": [{"subnet": f"{vnet}/subnets/aks-nodes", "routeTable": f"{vnet}-rt", "nextHop": "10.0.1.4"}],
        "rule": f"aks-aks-{number}",
        "from": [
            {"subnet": f"{vnet_id(0)}/subnets/vm", "verdict": verdict, "code": "DNS_ZONE_NOT_LINKED" if bad else None}
        ],
        "steps": [STEP] if bad else [],
    }


def make_report(*, clusters: int, spokes: int, hostile: bool = False) -> dict[str, Any]:
    """A report in which every tenth cluster is not reached and every seventeenth cannot be judged."""
    entries = []
    for number in range(clusters):
        verdict = "unreachable" if number % 10 == 1 else "ambiguous" if number % 17 == 5 else "reachable"
        name = HOSTILE if hostile and number == 0 else ""
        entries.append(cluster_entry(number, 1 + number % spokes, verdict=verdict, name=name))
    return report_of(entries, spokes=spokes, hostile=hostile)


def report_of(entries: list[dict[str, Any]], *, spokes: int, hostile: bool = False) -> dict[str, Any]:
    """A report of these clusters: those that are not reached miss a link, which is being repaired."""
    counts = dict.fromkeys(("reachable", "unreachable", "ambiguous"), 0)
    for entry in entries:
        counts[entry["verdict"]] += 1
    troubled = [entry for entry in entries if entry["verdict"] == "unreachable"]
    actions = [_action(entry) for entry in troubled]
    found = [_unreached(entry) for entry in troubled] + [_missing(action, hostile=hostile) for action in actions]
    return {
        "version": 1,
        "sweep": "0b7c1f1e-5f0a-4b53-9a39-000000000001",
        "startedAt": "2026-11-23T03:00:00+00:00",
        "endedAt": "2026-11-23T03:00:07+00:00",
        "mode": "enforce",
        "clean": not troubled,
        "clusters": len(entries),
        "queries": 10,
        "suspects": [],
        "findings": [*found, dict(LIMIT)],
        "actions": actions,
        "heldBack": [],
        "waiting": [],
        "repairs": [entry["id"] for entry in troubled],
        "gaps": [],
        "verdicts": counts,
        "network": {"hub": _hub(len(entries)), "vnets": _vnets(spokes), "clusters": entries},
    }


def healthy_report(*, clusters: int, spokes: int) -> dict[str, Any]:
    """A report in which all is well."""
    report = report_of([cluster_entry(number, 1 + number % spokes) for number in range(clusters)], spokes=spokes)
    report["findings"].clear()
    return report


def _unreached(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "code": "CLUSTER_UNREACHABLE",
        "severity": "error",
        "resource": entry["id"],
        "cluster": entry["id"],
        "message": f"vnet-spoke-0/vm does not reach it: {entry['message']}",
        "fix": entry["fix"],
        "repaired": True,
    }


def _action(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": "put_link",
        "rule": "zone_links",
        "resource": f"{entry['zone']}/virtualNetworkLinks/aks-hublink-vnet-monitoring-2eb36c64",
        "reason": "the zone is not linked to the monitoring VNet",
        "before": None,
        "after": {},
        "cluster": entry["id"],
    }


def _missing(action: dict[str, Any], *, hostile: bool) -> dict[str, Any]:
    return {
        "code": "LINK_MISSING",
        "severity": "warning",
        "resource": action["resource"],
        "cluster": action["cluster"],
        "message": f"The zone is not linked to the monitoring VNet. {HOSTILE if hostile else ''}".strip(),
        "fix": "Nothing to do: the app repairs it.",
        "repaired": True,
    }


def _hub(rules: int) -> dict[str, Any]:
    return {
        "id": f"{HUB}/virtualNetworks/vnet-hub",
        "addressSpace": ["10.0.0.0/16"],
        "firewall": {
            "address": "10.0.1.4",
            "policy": f"{HUB}/firewallPolicies/fp-hub",
            "group": "rcg-aks-api-servers",
            "state": "Succeeded",
            "rules": rules,
        },
    }


def _vnets(spokes: int) -> list[dict[str, Any]]:
    return [
        {
            "id": vnet_id(number),
            "role": "spoke" if number else "monitoring",
            "addressSpace": [f"10.{number or 250}.0.0/16"],
            "peering": "connected",
        }
        for number in range(spokes + 1)
    ]
