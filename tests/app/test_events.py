"""The Event Grid functions, in the functions host: what they acknowledge, what they enqueue, and how fast."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shared.storage import names
from tests.app.conftest import Contoso
from tests.app.hosting import Hosted, environment_of, event_of, hosting

TABLE = json.loads((Path(__file__).parents[2] / "infra" / "event_subscriptions.json").read_text())
WANTED = [(function, operation) for function, row in TABLE.items() for operation in row["operationNames"]]
SCOPES = {
    "privateDnsZones": "zone",
    "managedClusters": "cluster",
    "virtualNetworks": "virtualNetwork",
    "routeTables": "routeTable",
    "firewallPolicies": "firewallPolicy",
}
ACKNOWLEDGED_WITHIN = 0.25


@pytest.fixture
async def hosted(contoso: Contoso, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hosted]:
    async with hosting(monkeypatch, environment_of(contoso), queues=False) as running:
        yield running


def resource_of(contoso: Contoso, operation: str) -> str:
    """A resource that the operation is done to."""
    provider, *types, _ = operation.removesuffix("/action").split("/")
    if operation.endswith("/action"):
        types = types[:1]
    if types[0] == "firewallPolicies":
        return contoso.our_group if types[1:] else str(contoso.seed["firewall_policy"])
    names = "".join(f"/{kind}/{kind.lower()}-1" for kind in types)
    return f"{contoso.spoke['group']}/providers/{provider}{names}"


def kind_of(operation: str) -> str:
    return {"delete": "Delete", "action": "Action"}.get(operation.rsplit("/", 1)[-1], "Write")


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith("shared")]


async def test_every_wanted_event_puts_one_message_with_its_scope_on_the_queue(
    contoso: Contoso, hosted: Hosted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    seconds, wanted = [], []
    reads = len(contoso.azure.requests)
    for function, operation in WANTED:
        resource = resource_of(contoso, operation)
        event = event_of(contoso, resource, operation, kind=kind_of(operation))
        status, took = await hosted.deliver(function, event)
        assert (function, operation, status) == (function, operation, 202)
        seconds.append(took)
        place = "/".join(resource.split("/")[:9])
        wanted.append((function, SCOPES[resource.split("/")[7]], place.lower()))

    messages = await contoso.messages()
    assert sorted((item["askedBy"], item["scopeKind"], item["resource"].lower()) for item in messages) == sorted(wanted)
    assert {item["correlation"] for item in messages} == {"c0ffee00-0000-4000-8000-000000000001"}
    assert len(lines(caplog)) == len(WANTED)
    assert len(contoso.azure.requests) == reads
    steady = sorted(seconds[1:])
    print(f"\nevents acknowledged in ms: first {seconds[0] * 1e3:.0f}, median {steady[len(steady) // 2] * 1e3:.1f}, "
          f"slowest {steady[-1] * 1e3:.1f}")  # fmt: skip
    assert steady[-1] < 4 * ACKNOWLEDGED_WITHIN
    assert seconds[0] < 20 * ACKNOWLEDGED_WITHIN


async def test_claims_are_neither_logged_nor_enqueued(
    contoso: Contoso, hosted: Hosted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = {"name": "Ada Example", "ipaddr": "203.0.113.99", "http://schemas.xmlsoap.org/upn": "ada@contoso.example"}
    ours = event_of(contoso, contoso.cluster_id(), "Microsoft.ContainerService/managedClusters/write")
    ours["data"]["claims"] = secrets
    foreign = {**ours, "data": {**ours["data"], "tenantId": "another"}}
    odd = {**ours, "subject": "ada@contoso.example"}

    for event in (ours, foreign, odd):
        assert (await hosted.deliver("allow_api_server", event))[0] == 202

    told = "\n".join([*lines(caplog), json.dumps(await contoso.messages())])
    assert told.count("event ignored") == 2
    assert not [secret for secret in secrets.values() if secret in told]


def _with_data(event: dict[str, Any], **data: Any) -> dict[str, Any]:
    return {**event, "data": {**event["data"], **data}}


JUNK = "x" * 1_000_000
NOT_OURS = {
    "another type": lambda event: {**event, "eventType": "Microsoft.Storage.BlobCreated"},
    "no type": lambda event: {**event, "eventType": None},
    "a failed write": lambda event: {**event, "eventType": "Microsoft.Resources.ResourceWriteFailure"},
    "another operation": lambda event: _with_data(event, operationName="Microsoft.Compute/virtualMachines/write"),
    "operation that is no text": lambda event: _with_data(event, operationName=["Microsoft.Network"]),
    "another tenant": lambda event: _with_data(event, tenantId="11111111-0000-4000-8000-000000000000"),
    "no tenant": lambda event: _with_data(event, tenantId=None),
    "another subscription": lambda event: {
        **event, "subject": event["subject"].replace("c0170500", "deadbeef")
    },
    "no subject": lambda event: _with_data({**event, "subject": ""}, resourceUri=None),
    "subject that is no id": lambda event: {**event, "subject": "https://example.com/?q=<script>"},
    "subject with a way out": lambda event: {**event, "subject": event["subject"] + "/../../x"},
    "subject of a type nobody looks at": lambda event: {
        **event, "subject": event["subject"].rsplit("/", 2)[0] + "/fleets/fleet-1"
    },
    "a subscription as subject": lambda event: {**event, "subject": event["topic"]},
    "data that is text": lambda event: {**event, "data": "not JSON"},
    "data that is a list": lambda event: {**event, "data": [1, 2]},
    "no data": lambda event: {key: value for key, value in event.items() if key != "data"},
    "a megabyte as subject": lambda event: {**event, "subject": JUNK},
    "a megabyte as data": lambda event: {**event, "data": {"operationName": JUNK, "junk": JUNK}},
    "an empty event": lambda _event: {},
    "a cloud event of somebody else": lambda _event: {"specversion": "1.0", "id": "1", "source": "x", "type": "y"},
}  # fmt: skip


async def test_event_that_is_not_ours_is_acknowledged_with_one_line_and_nothing_else(
    contoso: Contoso, hosted: Hosted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    reads = len(contoso.azure.requests)
    right = event_of(contoso, contoso.cluster_id(), "Microsoft.ContainerService/managedClusters/write")
    for what, change in NOT_OURS.items():
        caplog.clear()
        status, _ = await hosted.deliver("allow_api_server", change(right))
        told = lines(caplog)
        assert (what, status, len(told)) == (what, 202, 1)
        assert told[0].startswith("event ignored")
        assert len(told[0]) < 1000
    for function in TABLE.keys() - {"allow_api_server", "attach_route_table"}:
        assert (await hosted.deliver(function, right))[0] == 202
    assert len(contoso.azure.requests) == reads
    assert await contoso.messages() == []


async def test_megabyte_of_data_in_a_wanted_event_leaves_a_small_message(contoso: Contoso, hosted: Hosted) -> None:
    event = event_of(contoso, contoso.cluster_id(), "Microsoft.ContainerService/managedClusters/write")

    assert (await hosted.deliver("allow_api_server", _with_data(event, claims=JUNK, correlationId=JUNK)))[0] == 202

    (message,) = await contoso.messages()
    assert len(json.dumps(message)) < 1000


async def test_body_that_is_not_json_reaches_nobody(contoso: Contoso, hosted: Hosted) -> None:
    """Refused by the Event Grid extension itself; Event Grid never sends such."""
    status, _ = await hosted.deliver("allow_api_server", b"<xml/>" + JUNK.encode())

    assert status == 500
    assert await contoso.messages() == []


async def test_event_is_refused_and_health_says_why_while_the_queue_is_down(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch
) -> None:
    down = ";".join(
        "QueueEndpoint=http://127.0.0.1:9/devstoreaccount1" if part.startswith("QueueEndpoint") else part
        for part in contoso.connection_string.split(";")
    )
    event = event_of(contoso, contoso.cluster_id(), "Microsoft.ContainerService/managedClusters/write")
    async with hosting(monkeypatch, environment_of(contoso, AzureWebJobsStorage=down), queues=False) as hosted:
        (status, seconds), (health, told) = await asyncio.gather(
            hosted.deliver("allow_api_server", event), hosted.get("/api/health")
        )
    print(f"\nrefused after {seconds:.1f} s")
    assert (status, health) == (500, 503)
    assert names.CONNECTION in json.dumps(told)
    assert "AccountKey" not in json.dumps(told)
    # Event Grid waits 30 seconds; a function that answers later is sent the event again while it still runs.
    assert seconds < 20
    assert await contoso.messages(names.RECONCILE_QUEUE) == []
