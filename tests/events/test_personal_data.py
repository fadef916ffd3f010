"""The claims of whoever caused an event are personal data: they go no further than the function's door."""

from __future__ import annotations

import base64
import json
import logging
from datetime import UTC, datetime

import pytest
from azure.functions import EventGridEvent

from local.azurite import Azurite
from shared import intake
from shared.clock import SystemClock
from shared.intake import accept_event
from shared.runtime import Runtime
from shared.storage import names
from shared.storage.work import WorkItem
from tests.builders import SPOKE_SUBSCRIPTION, STRANGE_SUBSCRIPTION, settings
from tests.events.test_read_event import FILES, wire

PERSONAL = ("megan", "bowen", "203.0.113.10", "upn", "claims", "evidence", "principalid", "puid")


def grid_event(name: str, **changes: object) -> EventGridEvent:
    event = wire(name) | changes
    return EventGridEvent(
        id=event["id"],
        data=event["data"],
        topic=event["topic"],
        subject=event["subject"],
        event_type=event["eventType"],
        event_time=datetime(2026, 3, 1, 12, tzinfo=UTC),
        data_version=event["dataVersion"],
    )


@pytest.fixture
async def app(azurite: Azurite, monkeypatch):
    """The app on a real queue service; call it with the subscription that is looked after."""
    made: list[Runtime] = []

    def start(subscription: str = SPOKE_SUBSCRIPTION) -> Runtime:
        values = settings(storage_connection_string=azurite.connection_string, spoke_subscription_ids=subscription)
        made.append(Runtime(settings=values, clock=SystemClock()))
        monkeypatch.setattr(intake, "settings_from_environment", lambda: made[-1].settings)
        monkeypatch.setattr(intake, "current_queues", lambda: made[-1].queues)
        return made[-1]

    yield start
    for runtime in made:
        await runtime.close()


def assert_no_personal_data(text: str) -> None:
    assert not [word for word in PERSONAL if word in text.lower()]


async def sent(runtime: Runtime) -> list[str]:
    client = await runtime.storage.queue(names.RECONCILE_QUEUE)
    found = [message async for message in client.receive_messages(max_messages=32)]
    for message in found:
        await client.delete_message(message)
    return [base64.b64decode(message.content).decode() for message in found]


@pytest.mark.parametrize("name", list(FILES))
async def test_claims_are_neither_enqueued_nor_logged(app, name, caplog):
    caplog.set_level(logging.DEBUG, logger="shared")
    runtime = app()
    await sent(runtime)
    [function, *_] = sorted(FILES[name][0])

    item = await accept_event(grid_event(name), function=function)

    [message] = await sent(runtime)
    assert WorkItem.decode(message.encode()) == item
    assert_no_personal_data(message)
    assert "event accepted" in caplog.text
    assert_no_personal_data(caplog.text)
    assert_no_personal_data(json.dumps([record.__dict__ for record in caplog.records], default=str))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"eventType": "Microsoft.Resources.ResourceWriteFailure"}, "event type not wanted"),
        ({"subject": "/megan.bowen@contoso.example"}, "subject is no resource id"),
        ({"data": "claims of megan"}, "event without data"),
        ({}, "a subscription that is not looked after"),
    ],
)
async def test_refused_event_is_acknowledged_with_one_line_and_no_claims(app, changes, reason, caplog):
    caplog.set_level(logging.DEBUG, logger="shared")
    app(STRANGE_SUBSCRIPTION)

    assert await accept_event(grid_event("zone_write", **changes), function="link_dns_zone") is None

    [record] = caplog.records
    assert record.fields["reason"] == reason
    assert_no_personal_data(json.dumps(record.__dict__, default=str))
