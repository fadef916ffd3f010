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


def vnet_id(number: int) -> str:
    """The id of a spoke's VNet."""
    subscription = f"00000000-0000-4000-8000-{number:012d}"
    group = f"/subscriptions/{subscription}/resourceGroups/rg-spoke-{number}"
    return f"{group}/providers/Microsoft.Network/virtualNetworks/vnet-spoke-{number}"


def cluster_entry(number: int, spoke: int, *, verdict: str = "reachable", name: str = "") -> dict[str, Any]:
    """A cluster of the report's network."""
    vnet = vnet_id(spoke)
    group = vnet.split("/providers/", maxsplit=1)[0]
    bad = verdict != "reachable"
    return {
        "id": f"{group}/providers/Microsoft.ContainerService/managedClusters/{name or f'aks-{number}'}",
        "vnet": vnet,
        "verdict": verdict,
        "code": "DNS_ZONE_NOT_LINKED" if bad else None,
        "message": "vnet-monitoring is not linked to the zone." if bad else "",
        "fix": "Link the zone." if bad else "",
        "confirmed": bad,
        "power": "Running",
        "state": "Succeeded",
        "outboundType": "userDefinedRouting",
        "host": f"aks-{number}.privatelink.westeurope.azmk8s.io",
        "address": f"10.{spoke}.4.{4 + number % 200}",
        "zone": f"{group}/providers/Microsoft.Network/privateDnsZones/privatelink.westeurope.azmk8s.io",
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
    counts = dict.fromkeys(("reachable", "unreachable", "ambiguous"), 0)
    for entry in entries:
        counts[entry["verdict"]] += 1
    troubled = [entry for entry in entries if entry["verdict"] == "unreachable"]
    vnets = [
        {"id": vnet_id(number), "role": "spoke" if number else "monitoring", "addressSpace": [f"10.{number}.0.0/16"]}
        for number in range(spokes + 1)
    ]
    return {
        "version": 1,
        "sweep": "0b7c1f1e-5f0a-4b53-9a39-000000000001",
        "startedAt": "2026-11-23T03:00:00+00:00",
        "endedAt": "2026-11-23T03:00:07+00:00",
        "mode": "enforce",
        "clean": not troubled,
        "clusters": clusters,
        "queries": 10,
        "suspects": [],
        "findings": [
            {
                "code": "CLUSTER_UNREACHABLE",
                "severity": "error",
                "resource": entry["id"],
                "cluster": entry["id"],
                "message": f"{entry['message']} {HOSTILE if hostile else ''}".strip(),
                "fix": entry["fix"],
                "repaired": True,
            }
            for entry in troubled
        ]
        + [
            {
                "code": "LIMIT_NEAR",
                "severity": "warning",
                "resource": f"{HUB}/virtualNetworks/vnet-hub",
                "cluster": None,
                "message": "812 of 1,000 private DNS zones on the VNet are used.",
                "fix": "Let new clusters share a zone.",
                "repaired": False,
            }
        ],
        "actions": [
            {
                "kind": "put_link",
                "resource": f"{entry['zone']}/virtualNetworkLinks/aks-hublink-vnet-monitoring-2eb36c64",
                "reason": "the zone is not linked to the monitoring VNet",
                "before": None,
                "after": {},
                "cluster": entry["id"],
            }
            for entry in troubled
        ],
        "heldBack": [],
        "waiting": [],
        "repairs": [entry["id"] for entry in troubled],
        "gaps": [],
        "verdicts": counts,
        "network": {
            "hub": {
                "id": f"{HUB}/virtualNetworks/vnet-hub",
                "addressSpace": ["10.0.0.0/16"],
                "firewall": {
                    "address": "10.0.1.4",
                    "policy": f"{HUB}/firewallPolicies/fp-hub",
                    "group": "rcg-aks-api-servers",
                    "state": "Succeeded",
                    "rules": clusters,
                },
            },
            "vnets": [{**vnet, "peering": "connected"} for vnet in vnets],
            "clusters": entries,
        },
    }
