import json

import pytest

from local.azurite import Azurite
from tests.host.running import Running, StartHost, settings


@pytest.fixture
async def running(start_host: StartHost, azurite: Azurite) -> Running:
    return await start_host(settings(AzureWebJobsStorage=azurite.connection_string))


async def test_timer_runs_by_hand_without_input(running: Running):
    status, body, _ = await running.call("POST", "/admin/functions/tick", json={})

    assert (status, body) == (202, b"")
    (seen,) = await running.seen_at_least("tick")
    assert (seen["past_due"], seen["status"]) == (False, {})


async def test_queue_function_gets_the_input_as_its_message(running: Running):
    status, _, _ = await running.call("POST", "/admin/functions/on_work", json={"input": '{"kind": "zone"}'})

    assert status == 202
    (seen,) = await running.seen_at_least("on_work")
    assert seen["body"] == '{"kind": "zone"}'


async def test_event_grid_function_gets_the_input_as_one_event(running: Running):
    event = json.dumps({"id": "by-hand", "subject": "s", "data": {}})

    status, _, _ = await running.call("POST", "/admin/functions/on_event", json={"input": event})

    assert status == 202
    assert [entry["id"] for entry in await running.seen_at_least("on_event")] == ["by-hand"]


async def test_http_function_runs_by_hand_even_if_disabled(running: Running):
    status, _, _ = await running.call("POST", "/admin/functions/dormant", json={"input": ""})

    assert status == 202
    await running.seen_at_least("dormant")


async def test_how_a_run_by_hand_ends_is_in_the_log_only(running: Running, caplog):
    from tests.host.running import eventually

    status, _, _ = await running.call("POST", "/admin/functions/on_work", json={"input": "fail"})

    async def logged() -> bool:
        return "Executed 'Functions.on_work' (Failed" in caplog.text

    await eventually(logged)
    assert status == 202


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"input": 5}'])
async def test_invalid_body_is_a_bad_request(running: Running, body):
    status, _, _ = await running.call("POST", "/admin/functions/tick", data=body)

    assert status == 400


async def test_unknown_function_is_not_found(running: Running):
    assert (await running.call("POST", "/admin/functions/unknown", json={}))[0] == 404
    assert (await running.call("GET", "/admin/functions/unknown"))[0] == 404
    assert (await running.call("GET", "/admin/unknown"))[0] == 404


async def test_functions_are_listed_with_their_bindings(running: Running):
    functions = {function["name"]: function for function in await running.json("/admin/functions")}

    assert functions["on_event"]["config"]["bindings"][0]["type"] == "eventGridTrigger"
    assert functions["dormant"]["isDisabled"]
    assert not functions["on_event"]["isDisabled"]
    assert (await running.json("/admin/functions/tick"))["name"] == "tick"


async def test_host_says_that_it_runs(running: Running):
    assert (await running.json("/admin/host/status"))["state"] == "Running"
    assert (await running.call("GET", "/admin/host/ping"))[0] == 200
