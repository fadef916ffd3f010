import json

import aiohttp
import pytest

from local.host.auth import KeyCheck
from tests.host.running import Running, StartHost, settings


@pytest.mark.parametrize(
    ("path", "function", "route"),
    [
        ("/api/items/7", "item", {"id": "7"}),
        ("/api/items/-7", "item", {"id": "-7"}),
        ("/api/items/seven", "named_item", {"name": "seven"}),
        ("/api/items/99999999999", "named_item", {"name": "99999999999"}),
        ("/api/items/special", "special_item", {}),
        ("/API/Items/SPECIAL/", "special_item", {}),
        ("/api/items/a%20b", "named_item", {"name": "a b"}),
        ("/api/items/a%2Fb", "named_item", {"name": "a%2Fb"}),
        ("/api/files/a/b%20c/d", "files", {"rest": "a/b c/d"}),
        ("/api/files", "files", {}),
        ("/api/pages/3", "pages", {"page": "3"}),
        ("/api/pages", "pages", {}),
    ],
)
async def test_route_reaches_the_most_specific_function(running: Running, path, function, route):
    from yarl import URL

    status, body, _ = await running.call("GET", URL(running.host.base_url + path, encoded=True))

    assert status == 200
    assert (json.loads(body)["function"], json.loads(body)["route"]) == (function, route)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/api/items/7"),
        ("POST", "/api/items/seven"),
        ("POST", "/api/files/a"),
        ("GET", "/api/pages/three"),
        ("GET", "/api/items"),
        ("GET", "/api/items/7/more"),
        ("GET", "/items/7"),
        ("GET", "/api/nothing"),
        ("GET", "/api/on_event"),
    ],
)
async def test_wrong_method_or_wrong_address_is_not_found(running: Running, method, path):
    status, body, _ = await running.call(method, path)

    assert (status, body) == (404, b"")


async def test_functions_share_a_route_by_method(running: Running):
    _, body, _ = await running.call("DELETE", "/api/items/seven")

    assert json.loads(body)["function"] == "delete_item"


async def test_request_arrives_whole(running: Running):
    _, body, _ = await running.call(
        "POST", "/api/items/7?a=1&a=2&empty=&b=x%20y", data="text", headers={"X-Test": "yes"}
    )

    assert json.loads(body) == {
        "function": "item",
        "method": "POST",
        "route": {"id": "7"},
        "params": {"a": "1,2", "b": "x y"},
        "header": "yes",
        "body": "text",
    }


async def test_chunked_body_arrives_empty_as_in_azure(running: Running):
    async def chunks():
        yield b"text"

    _, body, _ = await running.call("POST", "/api/items/7", data=chunks())

    assert json.loads(body)["body"] == ""


async def test_response_is_mapped_faithfully(running: Running):
    status, body, response = await running.call("GET", "/api/teapot")

    assert (status, body) == (418, b"\x00tea")
    assert response.headers["X-Kind"] == "earl grey"
    assert response.headers["Content-Type"] == "application/x-tea"
    assert response.cookies["cup"].value == "full"


async def test_string_becomes_a_plain_text_response(running: Running):
    status, body, response = await running.call("PATCH", "/api/text")

    assert (status, body) == (200, b"plain text")
    assert response.content_type == "text/plain"


async def test_exception_becomes_an_empty_500(running: Running):
    status, body, _ = await running.call("GET", "/api/boom")

    assert (status, body) == (500, b"")


async def test_root_says_what_it_is(running: Running):
    status, body, _ = await running.call("GET", "/")

    assert status == 200
    assert b"functions host" in body


async def test_disabled_function_has_no_address(running: Running):
    status, _, _ = await running.call("GET", "/api/dormant")

    assert status == 404


async def test_function_that_outlives_functionTimeout_fails(start_host: StartHost):  # noqa: N802
    from datetime import timedelta

    running = await start_host()
    running.host._invoker._timeout = timedelta(milliseconds=50)

    status, _, _ = await running.call("GET", "/api/slow?seconds=20")

    assert status == 500


@pytest.mark.parametrize(
    "path", ["/api/items/7", "/admin/functions", "/runtime/webhooks/EventGrid?functionName=on_event"]
)
async def test_enabled_auth_wants_the_key(start_host: StartHost, path):
    running = await start_host(keys=KeyCheck(enabled=True, key="right"))
    method = "OPTIONS" if "webhooks" in path else "GET"
    with_code = path + ("&" if "?" in path else "?") + "code="

    assert (await running.call(method, path))[0] == 401
    assert (await running.call(method, with_code + "wrong"))[0] == 401
    assert (await running.call(method, with_code + "right"))[0] == 200
    assert (await running.call(method, path, headers={"x-functions-key": "right"}))[0] == 200


async def test_enabled_auth_without_a_key_lets_nobody_in_but_to_anonymous_routes(start_host: StartHost):
    running = await start_host(keys=KeyCheck(enabled=True))

    assert (await running.call("GET", "/api/items/7?code="))[0] == 401
    assert (await running.call("GET", "/api/teapot"))[0] == 418


async def test_two_hosts_do_not_share_a_port(start_host: StartHost):
    first, second = await start_host(settings()), await start_host(settings())

    assert first.host.base_url != second.host.base_url


async def test_stopping_host_finishes_what_runs(start_host: StartHost):
    import asyncio

    running = await start_host()
    call = asyncio.create_task(running.call("GET", "/api/slow?seconds=0.3"))
    await running.seen_at_least("slow_started")

    ended = await running.host.stop(5)

    assert ended
    assert (await call)[:2] == (200, b"done")
    with pytest.raises(aiohttp.ClientError):
        await running.call("GET", "/api/teapot")
