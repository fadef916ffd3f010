"""Replays a table against a running local Azure and says where the two differ."""

from __future__ import annotations

import json
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from local.azure.azure import Azure
from local.azure.rbac import OPERATOR, issue_token
from tests.local_azure.wire_shapes.shape import compare, shape_of

FOLDER = Path(__file__).parent
LONG_ENOUGH = 7200.0
# Headers that recorders strip, or that HTTP servers add; their absence from a recording says nothing about Azure.
UNRECORDED = {"date", "server", "x-ms-request-id", "x-ms-correlation-request-id", "retry-after", "retry-after-ms"}
SUBSCRIPTION = "5ab00000-0000-4000-8000-000000000001"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One way in which the simulation's answer differs from the recorded one. `step` counts from 0."""

    table: str
    step: int
    what: str

    def __str__(self) -> str:
        return f"{self.table} #{self.step}: {self.what}"


def tables() -> list[str]:
    """The names of all tables."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def explained() -> dict[Difference, str]:
    """The differences listed in DIFFERENCES.md with their reasons: rows of `| table | steps | what | why |`."""
    found: dict[Difference, str] = {}
    for line in (FOLDER / "DIFFERENCES.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != 4 or not re.fullmatch(r"\d+(, *\d+)*", cells[1]):
            continue
        for step in cells[1].split(","):
            found[Difference(table=cells[0], step=int(step), what=cells[2].strip("`"))] = cells[3]
    return found


async def replay(azure: Azure, name: str, ca: Path) -> list[Difference]:
    """Make every call of a table and compare the answers.

    The clock stands still between calls and leaps before a poll, so that an operation is running until the recorded
    client asks how it went.
    """
    azure.subscriptions.add(SUBSCRIPTION)
    steps = json.loads((FOLDER / f"{name}.json").read_text())
    headers = {"Authorization": f"Bearer {issue_token(OPERATOR, audience=azure.base_url, issued=0)}"}
    context = ssl.create_default_context(cafile=ca)
    polls: dict[str, str] = {}
    found: list[Difference] = []
    async with aiohttp.ClientSession(headers=headers) as session:
        for number, step in enumerate(steps):
            if step["path"] in ("{operation}", "{location}") and step["path"] not in polls:
                found.append(Difference(table=name, step=number, what="there is no operation to poll"))
                continue
            url = polls.get(step["path"]) or azure.base_url + step["path"].replace("{subscription}", SUBSCRIPTION)
            if step["path"] in polls:
                azure.clock.advance(LONG_ENOUGH)
            body = json.loads(json.dumps(step.get("body")).replace("{subscription}", SUBSCRIPTION))
            async with session.request(
                step["method"], url, json=body, headers=step.get("headers"), ssl=context
            ) as answer:
                text = await answer.text()
                whats = differences(step, answer.status, dict(answer.headers), json.loads(text) if text else None)
                polls = _polls(answer.headers) or polls
            found += [Difference(table=name, step=number, what=what) for what in whats]
    return found


def differences(step: dict[str, Any], status: int, headers: dict[str, str], body: Any) -> list[str]:
    """What is different between the recorded and the simulated answer."""
    found = [] if status == step["status"] else [f"status is {status}, recorded {step['status']}"]
    names, recorded = {name.lower() for name in headers}, set(step["answer_headers"])
    found += [f"header {name} is missing" for name in sorted(recorded - names)]
    found += [f"header {name} is added" for name in sorted(names - recorded - UNRECORDED)]
    return found + compare(step["answer"], None if body is None else shape_of(body))


def _polls(headers: Any) -> dict[str, str]:
    words = {"Azure-AsyncOperation": "{operation}", "Location": "{location}"}
    return {word: headers[name] for name, word in words.items() if name in headers}
