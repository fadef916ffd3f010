"""Wrong settings and wrong messages: said plainly, and nothing is eaten."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest

from shared import workers
from shared.storage import names
from tests.app.conftest import Contoso
from tests.app.hosting import environment_of, event_of, hosting, until

WRONG = {
    "HUB_VNET_ID": "sup3r-secret-hub",
    "MONITORING_VNET_IDS": "",
    "FIREWALL_POLICY_ID": "/subscriptions/sup3r-secret",
    "SPOKE_SUBSCRIPTION_IDS": "sup3r-secret-subscription",
    "MODE": "sup3r-secret-mode",
    "MAX_CHANGES_PER_RUN": "sup3r-secret-number",
    "AKS_SUBNET_NAME_PATTERN": "[sup3r-secret",
    "DRIFT_TOPIC_ENDPOINT": "sup3r-secret-topic",
}


async def count(contoso: Contoso, queue: str) -> int:
    client = await contoso.app.storage.queue(queue)
    return int((await client.get_queue_properties()).approximate_message_count or 0)


async def test_health_names_every_wrong_setting_and_no_value(contoso: Contoso, monkeypatch: pytest.MonkeyPatch) -> None:
    async with hosting(monkeypatch, environment_of(contoso, **WRONG), queues=False) as hosted:
        status, body = await hosted.get("/api/health")

    assert status == 503
    assert {name for name in WRONG if name in json.dumps(body)} == set(WRONG)
    assert "sup3r-secret" not in json.dumps(body)


async def test_health_is_good_when_settings_and_storage_are(contoso: Contoso, monkeypatch: pytest.MonkeyPatch) -> None:
    async with hosting(monkeypatch, environment_of(contoso), queues=False) as hosted:
        status, body = await hosted.get("/api/health")

    assert (status, body["status"]) == (200, "healthy")


async def test_messages_are_kept_while_settings_are_wrong_and_worked_on_once_they_are_right(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch
) -> None:
    subnet = contoso.make_node_subnet()
    event = event_of(contoso, subnet, "Microsoft.Network/virtualNetworks/subnets/write")
    right = environment_of(contoso)
    # Waits are real in this host, so that a message that was put back stays hidden.
    async with hosting(monkeypatch, {**right, **WRONG, "TIME_SCALE": "1"}) as hosted:
        status, _ = await hosted.deliver("attach_route_table", event)
        assert status == 202
        client = await contoso.app.storage.queue(names.RECONCILE_QUEUE)

        def worked() -> bool:
            return hosted.done("reconcile") == 1

        await until(worked)
        await hosted.get("/api/health")
        assert int((await client.get_queue_properties()).approximate_message_count or 0) == 1
        assert contoso.writes() == []
    # The message is still there, hidden for minutes; a shorter wait stands in for them.
    await client.clear_messages()
    async with hosting(monkeypatch, {**right, "MODE": "nonsense"}) as hosted:
        await hosted.deliver("attach_route_table", event)
        await until(lambda: hosted.done("reconcile") >= 2)
        assert contoso.writes() == []
        monkeypatch.setenv("MODE", "enforce")
        # Wrong settings are asked for again at the next message, without a restart.
        await until(lambda: len(contoso.writes()) == 2, within=60)
    assert contoso.table_on(subnet).startswith("rt-aks-hublink")


async def test_sync_requests_are_kept_while_settings_are_wrong(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b'{"version": 1, "anything": "as it came"}'
    async with hosting(monkeypatch, {**environment_of(contoso), **WRONG}, queues=False):
        assert await workers.work_on_sync(body) is None

    await asyncio.sleep(1.1)  # the message is hidden for a second
    assert await contoso.messages(names.SYNC_FIREWALL_QUEUE) == [json.loads(body)]


async def test_malformed_messages_end_in_the_poison_queues(contoso: Contoso, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = [b"not json", b"[]", b'{"version": 2}', b'{"version": 1}', b"\xff\xfe"]
    queues = (names.RECONCILE_QUEUE, names.SYNC_FIREWALL_QUEUE)
    for queue in queues:
        await (await contoso.app.storage.queue(f"{queue}-poison")).clear_messages()
        client = await contoso.app.storage.queue(queue)
        for body in bodies:
            await client.send_message(base64.b64encode(body).decode())

    async with hosting(monkeypatch, environment_of(contoso), speed=1000), asyncio.timeout(30):
        for queue in queues:
            while await count(contoso, f"{queue}-poison") < len(bodies):  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    assert [await count(contoso, queue) for queue in queues] == [0, 0]
    assert contoso.writes() == []
