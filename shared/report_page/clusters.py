"""Clusters as the page tells them, and those that are not reachable by the reason they share. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.report_page.names import short_name, subscription_of

Data = Mapping[str, Any]
WORST_FIRST = {"unreachable": 0, "ambiguous": 1, "reachable": 2}
UNREACHED = "CLUSTER_UNREACHABLE"
"""The code of the finding that says of a cluster what its verdict says."""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Clusters with one verdict for one reason; `alike`: the message is the same for all, to the letter."""

    verdict: str
    code: str
    clusters: tuple[Data, ...]
    alike: bool
    repaired: int

    @property
    def example(self) -> Data:
        """The one that is told in full."""
        return self.clusters[0]


def told_clusters(network: Data) -> list[dict[str, Any]]:
    """The clusters with what the page says of them, in the report's order; `index` is the place in it."""
    gateway = network["hub"]["firewall"]["address"]
    return [_told(cluster, index, gateway) for index, cluster in enumerate(network["clusters"])]


def worst_first(clusters: Sequence[Data]) -> list[Data]:
    """Unreachable, ambiguous, reachable; each by name."""
    return sorted(clusters, key=lambda cluster: (WORST_FIRST[cluster["verdict"]], cluster["name"].lower()))


def _told(cluster: Data, index: int, gateway: str | None) -> dict[str, Any]:
    sources = (asked["subnet"] for asked in cluster["from"] if asked["verdict"] == cluster["verdict"])
    links = defaultdict(list)
    for link in cluster["links"]:
        links[str(link["state"])].append(short_name(link["vnet"]))
    return {
        **cluster,
        "index": index,
        "name": str(cluster["id"]).rsplit("/", 1)[-1],
        "subscription": subscription_of(cluster["id"]),
        "worst_source": next(sources, "the monitoring VNets"),
        "by_state": sorted(links.items(), key=lambda item: item[0] == "completed"),
        "hops": grouped_routes(cluster["routes"], cluster["vnet"], gateway),
    }


@dataclass(frozen=True, kw_only=True)
class Hop:
    """Subnets whose default routes lead to the same place, by the same route tables."""

    subnets: tuple[str, ...]
    tables: tuple[str, ...]
    to: str
    astray: bool


def grouped_routes(routes: Sequence[Data], vnet: object, gateway: str | None) -> list[Hop]:
    """Default routes by where they lead; the name of the VNet itself is left out."""
    hops: dict[str, list[Data]] = defaultdict(list)
    for route in routes:
        hops[route["nextHop"] or ""].append(route)
    own = f"{short_name(vnet)}/"
    return [
        Hop(
            subnets=tuple(dict.fromkeys(short_name(route["subnet"]).removeprefix(own) for route in group)),
            tables=tuple(dict.fromkeys(str(route["routeTable"]) for route in group if route["routeTable"])),
            to=hop or "no default route",
            astray=gateway is not None and hop != gateway,
        )
        for hop, group in sorted(hops.items(), key=lambda item: item[0] == gateway)
    ]


def reasons(clusters: Sequence[Data], findings: Sequence[Data]) -> list[Reason]:
    """Why clusters are not reachable: unreachable ones first, then by how many share a reason."""
    repaired = {
        str(finding["resource"]).lower() for finding in findings if finding["code"] == UNREACHED and finding["repaired"]
    }
    groups: dict[tuple[str, str, str], list[Data]] = defaultdict(list)
    for cluster in clusters:
        if cluster["verdict"] != "reachable":
            groups[cluster["verdict"], cluster["code"] or "", _pattern(cluster)].append(cluster)
    found = [
        Reason(
            verdict=verdict,
            code=code,
            clusters=tuple(group),
            alike=len({(cluster["message"], cluster["fix"]) for cluster in group}) == 1,
            repaired=sum(str(cluster["id"]).lower() in repaired for cluster in group),
        )
        for (verdict, code, _), group in groups.items()
    ]
    return sorted(found, key=lambda reason: (WORST_FIRST[reason.verdict], -len(reason.clusters)))


def _pattern(cluster: Data) -> str:
    """The message without what is this cluster's own, so that the same trouble reads the same."""
    zone, host = str(cluster["zone"] or "").rsplit("/", 1)[-1], cluster["host"]
    own = {zone, host, cluster["address"], cluster["name"], short_name(cluster["vnet"])} - {None, ""}
    parts = "|".join(re.escape(text) for text in sorted(map(str, own), key=len, reverse=True))
    return re.sub(rf"(?<![\w-])(?:{parts})(?![\w-])", "…", str(cluster["message"])) if parts else cluster["message"]


def shared_names(clusters: Sequence[Data]) -> frozenset[str]:
    """Names that more than one cluster has; they are told with their VNet."""
    return frozenset(name for name, count in Counter(cluster["name"] for cluster in clusters).items() if count > 1)
