"""Hub and VNets as the page tells them in words: what the picture shows by lines, borders and colours. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from shared.report_page.clusters import grouped_routes
from shared.report_page.names import short_name, subscription_of

Data = Mapping[str, Any]
CONNECTED = "connected"
UNKNOWN = {"id": "", "key": "nunknown", "role": "not found", "addressSpace": (), "peering": CONNECTED}
"""Stands for the VNets of clusters that are not in the report."""


def told_networks(network: Data, clusters: Sequence[Data], findings: Sequence[Data]) -> list[dict[str, Any]]:
    """The hub, then VNets that are not connected, then monitoring VNets, then the others.

    `key` is the id of the row: `nhub`, `n` and the VNet's position in the report, or `nunknown`.
    """
    places = _places(network)
    inside = _by_vnet(clusters, {str(place["id"]).lower() for place in places})
    links, about = _links(clusters), _by_resource(findings)
    gateway = network["hub"]["firewall"]["address"]
    rows = []
    for place in (*places, *([UNKNOWN] if "" in inside else [])):
        key = str(place["id"]).lower()
        rows.append(
            {
                **place,
                "name": vnet_name(place),
                "subscription": subscription_of(place["id"]),
                "cut_off": place["peering"] != CONNECTED,
                "clusters": len(inside.get(key, ())),
                "verdicts": Counter(cluster["verdict"] for cluster in inside.get(key, ())),
                "hops": grouped_routes(_routes(inside.get(key, ()), key), place["id"], gateway),
                "linked": links.get(key),
                "peerings": [finding for finding in about.get(key, ()) if _of_peering(finding)],
                "others": sorted({finding["code"] for finding in about.get(key, ()) if not _of_peering(finding)}),
            }
        )
    return sorted(rows, key=lambda row: (row["role"] != "hub", not row["cut_off"], row["role"] != "monitoring"))


def vnet_name(place: Data) -> str:
    """What a VNet is called."""
    return short_name(place["id"]) or "VNets that were not found"


def _places(network: Data) -> list[Data]:
    hub = {**network["hub"], "key": "nhub", "role": "hub", "peering": CONNECTED}
    # The hub may be a monitoring VNet as well: then it is drawn as both, and told as both.
    return [hub, *({**vnet, "key": f"n{index}"} for index, vnet in enumerate(network["vnets"]))]


def _by_vnet(clusters: Sequence[Data], known: Collection[str]) -> dict[str, list[Data]]:
    """Clusters by their VNet's id in lower case; empty for those whose VNet is not in the report."""
    inside: dict[str, list[Data]] = defaultdict(list)
    for cluster in clusters:
        vnet = str(cluster["vnet"] or "").lower()
        inside[vnet if vnet in known else ""].append(cluster)
    return dict(inside)


def _by_resource(findings: Sequence[Data]) -> dict[str, list[Data]]:
    about: dict[str, list[Data]] = defaultdict(list)
    for finding in findings:
        about[str(finding["resource"]).lower()].append(finding)
    return dict(about)


def _of_peering(finding: Data) -> bool:
    """Whether a finding about a VNet tells which side of its peering is not as it should be."""
    return str(finding["code"]).startswith(("PEERING_", "VNET_NOT_PEERED"))


def _links(clusters: Sequence[Data]) -> dict[str, tuple[int, int]]:
    """Of every VNet that zones are linked to: of how many clusters' zones the link is there, and of how many not."""
    done: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    for cluster in clusters:
        for link in cluster["links"]:
            key = str(link["vnet"]).lower()
            wanted[key] += 1
            done[key] += link["state"] == "completed"
    return {key: (done[key], wanted[key]) for key in wanted}


def _routes(clusters: Sequence[Data], vnet: str) -> list[Data]:
    """The default route of every subnet of the VNet that clusters use, each once."""
    found = {}
    for cluster in clusters:
        for route in cluster["routes"]:
            subnet = str(route["subnet"]).lower()
            if subnet.startswith(f"{vnet}/"):
                found[subnet] = route
    return [found[subnet] for subnet in sorted(found)]
