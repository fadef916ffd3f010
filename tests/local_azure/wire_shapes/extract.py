"""Makes the shape tables beside this file out of recorded Resource Manager traffic.

    python -m tests.local_azure.wire_shapes.extract RECORDING.yaml ... --out tests/local_azure/wire_shapes

The recordings are go-vcr cassettes such as those of kubernetes-sigs/cloud-provider-azure (Apache-2.0). They stay out of
this repository: a table keeps the order of calls under names of our own, and of each answer the status, the names of
the headers, and the sorted key paths of the body with the kind of each value. Words that decide behaviour (codes,
states, types) are kept as they are; everything else is only a kind.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

import yaml

from tests.local_azure.wire_shapes.shape import shape_of

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
NOT_SIMULATED = ("/publicipaddresses/", "/privatelinkservices/")
OUR_WORDS = (
    (r"aks-cit-\w+?notfound", "rg-missing"),
    (r"aks-cit-\w+?custom", "rg-other"),
    (r"aks-cit-privatednszone-\w+", "example"),
    (r"azmk8s\.ionotfound", "azmk8s.missing"),
    (r"\bvnet1\b", "vnet-example"),
    (r"\bsubnet1\b", "snet-example"),
    (r"aks-cit-\w+", "rg-lab"),
    (r"testResourcenotfound", "missing"),
    (r"testParentResource", "Parent"),
    (r"testResource", "Example"),
    (r"testVnet", "vnet-example"),
    (r"testSubnet", "snet-example"),
    (r"ipConfig1", "ip-example"),
    (r"frontendConfig1", "frontend-example"),
    (r"plsConnection1", "connection-example"),
    (r"\b40\.\d+\.\d+\.\d+\b", "203.0.113.10"),
    (r"192\.168\.0\.0/16", "10.60.0.0/16"),
    (r"skiptoken=[^&]+", "skiptoken=MQ"),
    (SUBSCRIPTION, "{subscription}"),
)


def ours(text: str) -> str:
    """The text with our names, addresses and subscription in place of the recorded ones."""
    for pattern, word in OUR_WORDS:
        text = re.sub(pattern, word, text)
    return text


def request_body(value: Any) -> Any:
    """The recorded body with our words; a resource that the client embedded whole becomes a reference to it."""
    if isinstance(value, dict):
        if "id" in value and "etag" in value:
            return {"id": ours(value["id"])}
        return {ours(key): request_body(item) for key, item in value.items()}
    if isinstance(value, list):
        return [request_body(item) for item in value]
    return ours(value) if isinstance(value, str) else value


def table(cassette: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps of one recording that concern what the local Azure simulates."""
    steps: list[dict[str, Any]] = []
    polls: dict[str, str] = {}
    skipping = False
    for exchange in cassette["interactions"]:
        request, response = exchange["request"], exchange["response"]
        url = request["url"].removeprefix("https://management.azure.com")
        poll = polls.get(url)
        if poll is None:
            skipping = any(word in url.lower() for word in NOT_SIMULATED)
            polls = polls_of(response)
        if not skipping:
            steps.append(step(request, response, poll or ours(url)))
    return steps


def polls_of(response: dict[str, Any]) -> dict[str, str]:
    """The URLs at which the client asks how the operation goes, and the word that stands for each in a table."""
    words = {"Azure-Asyncoperation": "{operation}", "Location": "{location}"}
    headers = response["headers"]
    found = {headers[name][0]: word for name, word in reversed(words.items()) if name in headers}
    return {url.removeprefix("https://management.azure.com"): word for url, word in found.items()}


def step(request: dict[str, Any], response: dict[str, Any], path: str) -> dict[str, Any]:
    """One call and what is expected of its answer."""
    made: dict[str, Any] = {"method": request["method"], "path": path}
    if "If-Match" in request["headers"]:
        made["headers"] = {"If-Match": request["headers"]["If-Match"][0]}
    if request["body"]:
        made["body"] = request_body(json.loads(request["body"]))
    made["status"] = int(str(response["status"]).split()[0])
    made["answer_headers"] = sorted(name.lower() for name in response["headers"])
    made["answer"] = shape_of(json.loads(response["body"])) if response["body"].strip() else None
    return made


def main() -> None:
    """Write one table for each recording."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recordings", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    for recording in options.recordings:
        steps = table(yaml.safe_load(recording.read_text()))
        lines = ",\n".join(json.dumps(item) for item in steps)
        (options.out / f"{recording.stem}.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
