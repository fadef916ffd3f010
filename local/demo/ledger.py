"""What the app wrote, taken from the local Azure's own request log."""

from __future__ import annotations

import re
from dataclasses import dataclass

from local.demo.stage import Stage

_AGENT = re.compile(r"aks-hublink/(\w+) \((\w+)\)")


@dataclass(frozen=True, kw_only=True)
class Written:
    """One write: when (simulated seconds since `since`), what, and by which function at whose request."""

    at: float
    what: str
    target: str
    function: str
    asked_by: str


async def writes(stage: Stage, *, since: float = 0.0) -> list[Written]:
    """Every write of the app that Azure accepted, oldest first."""
    log = await stage.control.requests(principal="aks-hublink")
    return [
        _written(line, since)
        for line in log
        if line["method"] in ("PUT", "DELETE") and line["status"] < 300 and line["at"] >= since
    ]


def _written(line: dict[str, object], since: float) -> Written:
    path = str(line["path"])
    agent = _AGENT.search(str(line["user_agent"]))
    kind, name = path.split("/")[-2:]
    words = {
        "virtualNetworkLinks": "virtual network link",
        "routeTables": "route table, 0.0.0.0/0 → firewall",
        "routes": "route 0.0.0.0/0 → firewall",
        "subnets": "route table on subnet",
        "ruleCollectionGroups": "rule collection group",
    }
    verb = "deleted " if line["method"] == "DELETE" else ""
    at = line["at"]
    return Written(
        at=(at if isinstance(at, float | int) else 0.0) - since,
        what=verb + words.get(kind, kind),
        target=_target(kind, name, path),
        function=agent[1] if agent else "?",
        asked_by=agent[2] if agent else "?",
    )


def _target(kind: str, name: str, path: str) -> str:
    parts = path.split("/")
    if kind == "virtualNetworkLinks":
        vnet = name.removeprefix("aks-hublink-").rsplit("-", 1)[0]
        return f"zone {parts[-3][:8]}… → {vnet}"
    if kind == "subnets":
        return f"{parts[-3]}/{name}"
    return name
