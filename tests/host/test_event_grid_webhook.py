"""The decision table of the Event Grid extension, row by row."""

import json

import pytest

from tests.host.running import Running

ADDRESS = "/runtime/webhooks/EventGrid?functionName=on_event"
NOTIFICATION = {"aeg-event-type": "Notification"}


def event(number: int = 1, **data: object) -> dict[str, object]:
    return {
        "id": f"event-{number}",
        "topic": "/subscriptions/s",
        "subject": "/subscriptions/s/resourceGroups/g",
        "eventType": "Microsoft.Resources.ResourceWriteSuccess",
        "eventTime": "2026-01-01T10:00:00.1234567Z",
        "dataVersion": "2",
        "data": data,
    }


@pytest.mark.parametrize("name", ["", "unknown", "ON_EVENT", "item", "on_work"])
async def test_unknown_function_is_named_in_a_404(running: Running, name):
    status, body, _ = await running.call(
        "POST", f"/runtime/webhooks/EventGrid?functionName={name}", json=[event()], headers=NOTIFICATION
    )

    assert (status, body.decode()) == (404, f"cannot find function: '{name}'")


async def test_missing_function_name_is_a_404(running: Running):
    status, body, _ = await running.call("POST", "/runtime/webhooks/EventGrid", json=[event()], headers=NOTIFICATION)

    assert (status, body) == (404, b"cannot find function: ''")


async def test_options_allows_event_grid(running: Running):
    status, _, response = await running.call(
        "OPTIONS", ADDRESS, headers={"WebHook-Request-Origin": "eventgrid.azure.net"}
    )

    assert status == 200
    assert response.headers["Webhook-Allowed-Origin"] == "eventgrid.azure.net"


async def test_subscription_validation_returns_the_code(running: Running):
    status, body, _ = await running.call(
        "POST", ADDRESS, json=[event(validationCode="abc")], headers={"aeg-event-type": "SubscriptionValidation"}
    )

    assert (status, json.loads(body)) == (200, {"validationResponse": "abc"})
    assert await running.seen("on_event") == []


async def test_notification_of_one_object_runs_once(running: Running):
    status, body, _ = await running.call("POST", ADDRESS, json=event(), headers=NOTIFICATION)

    assert (status, body) == (202, b"")
    (seen,) = await running.seen("on_event")
    assert seen["id"] == "event-1"
    assert seen["type"] == "Microsoft.Resources.ResourceWriteSuccess"


async def test_notification_of_an_array_runs_its_elements_at_the_same_time(running: Running):
    events = [event(number, meet=3) for number in range(3)]

    status, _, _ = await running.call("POST", ADDRESS, json=events, headers=NOTIFICATION)

    assert status == 202
    assert {entry["id"] for entry in await running.seen("on_event")} == {"event-0", "event-1", "event-2"}


async def test_one_failed_event_fails_the_request_after_all_have_run(running: Running):
    events = [event(1), event(2, fail="queue refused"), event(3)]

    status, body, _ = await running.call("POST", ADDRESS, json=events, headers=NOTIFICATION)

    assert status == 500
    assert b"Functions.on_event" in body
    assert b"queue refused" in body
    assert len(await running.seen("on_event")) == 3


async def test_cloud_event_reaches_its_function(running: Running):
    cloud_event = {"specversion": "1.0", "id": "c1", "source": "/s", "type": "t", "data": {}}

    status, _, _ = await running.call(
        "POST", "/runtime/webhooks/eventgrid?functionName=on_cloud_event", json=cloud_event, headers=NOTIFICATION
    )

    assert status == 202
    assert [entry["id"] for entry in await running.seen("on_cloud_event")] == ["c1"]


async def test_unsubscribe_is_accepted(running: Running):
    status, _, _ = await running.call("POST", ADDRESS, json=[], headers={"aeg-event-type": "Unsubscribe"})

    assert status == 202


@pytest.mark.parametrize("headers", [{}, {"aeg-event-type": "Other"}])
async def test_other_or_missing_event_type_is_a_bad_request(running: Running, headers):
    status, _, _ = await running.call("POST", ADDRESS, json=[event()], headers=headers)

    assert status == 400
    assert await running.seen("on_event") == []


async def test_unreadable_notification_is_an_error_that_event_grid_retries(running: Running):
    status, _, _ = await running.call("POST", ADDRESS, data=b"{", headers=NOTIFICATION)

    assert status == 500


@pytest.mark.parametrize("extension", ["EventGrid", "eventgrid", "EVENTGRID"])
async def test_extension_is_found_in_any_case(running: Running, extension):
    status, _, _ = await running.call(
        "POST", f"/runtime/webhooks/{extension}?functionName=on_event", json=event(), headers=NOTIFICATION
    )

    assert status == 202


async def test_other_extension_is_not_found(running: Running):
    status, body, _ = await running.call(
        "POST", "/runtime/webhooks/blobs?functionName=on_event", json=event(), headers=NOTIFICATION
    )

    assert (status, body) == (404, b"")
