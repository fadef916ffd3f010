"""The HTTP functions, held to their OpenAPI document: every answer that these tests get must be described there."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import pytest_asyncio

from local.azure.seed.contoso import subscription
from local.azurite import Azurite
from shared.backfill.request import MAX_BODY_BYTES
from tests.backfill.conftest import DIGEST, World, running
from tests.registered import registered_functions

pytestmark = pytest.mark.asyncio(loop_scope="module")
DOCUMENT = json.loads((Path(__file__).parents[2] / "shared" / "openapi.json").read_text())
UNKNOWN_RUN = "00000000-0000-4000-8000-000000000000"


def check_answer(path: str, method: str, status: int, body: Any, headers: Any) -> None:
    """Compare an answer with the document."""
    described = DOCUMENT["paths"][path][method]["responses"][str(status)]
    media_type = headers["Content-Type"].split(";")[0]
    schema = {**described["content"][media_type]["schema"], "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(schema).validate(body)
    for name in described.get("headers", {}):
        assert name in headers


async def post(world: World, body: Any = None, *, data: bytes | None = None, **headers: str) -> tuple[int, Any]:
    status, answer, answer_headers = await world.post(body, data=data, **headers)
    check_answer("/api/backfill", "post", status, answer, answer_headers)
    return status, answer


async def ended(world: World, run: dict[str, Any]) -> dict[str, Any]:
    found = await world.ended(f"/api/runs/{run['id']}")
    status, body, headers = await world.get(f"/api/runs/{run['id']}")
    check_answer("/api/runs/{run_id}", "get", status, body, headers)
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    with Azurite() as azurite:
        async with running(tmp_path_factory.mktemp("azure"), azurite, spokes=2, clusters_per_spoke=3) as running_world:
            await running_world.start_host()
            yield running_world


async def test_every_mistake_in_a_body_is_named(world: World) -> None:
    cluster = world.seed["clusters"][0]
    status, problem = await post(
        world,
        {
            "subscriptions": ["nonsense", subscription(99)],
            "clusters": [cluster, world.seed["hub_vnet"], 7],
            "dryRun": "yes",
            "planDigest": "abc",
            "maxChanges": 0,
            "surprise": 1,
        },
    )
    assert status == 400
    named = {mistake.split(":")[0] for mistake in problem["mistakes"]}
    assert named == {"subscriptions[0]", "clusters[1]", "clusters[2]", "dryRun", "planDigest", "maxChanges", "surprise"}


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b'{"maxChanges": NaN}', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"dryRun": true, "planDigest": "' + b"0" * 64 + b'"}', "dryRun false"),
        (f'{{"subscriptions": ["{subscription(99)}"]}}'.encode(), "SPOKE_SUBSCRIPTION_IDS"),
    ],
)
async def test_bad_body_is_refused_with_its_mistake(world: World, data: bytes, word: str) -> None:
    status, problem = await post(world, data=data)
    assert (status, len(problem["mistakes"])) == (400, 1)
    assert word in problem["mistakes"][0]


async def test_body_that_is_too_large_is_413(world: World) -> None:
    status, _ = await post(world, data=b" " * (MAX_BODY_BYTES + 1))
    assert status == 413


async def test_unknown_run_is_404_and_so_is_a_wrong_method(world: World) -> None:
    for name in (UNKNOWN_RUN, "nonsense", "%27%20or%201"):
        status, body, headers = await world.get(f"/api/runs/{name}")
        assert status == 404
        check_answer("/api/runs/{run_id}", "get", status, body, headers)
    async with world.http.get(f"{world.host.base_url}/api/backfill") as answer:
        assert answer.status == 404  # the Functions host knows no 405


async def test_two_request_ids_that_differ_are_a_mistake(world: World) -> None:
    status, problem = await post(world, {"requestId": "one"}, x_ms_client_request_id="two")
    assert status == 400
    assert "requestId" in problem["mistakes"][0]


async def test_plan_that_the_world_has_left_behind_is_409_with_the_difference(world: World) -> None:
    cluster = world.seed["clusters"][0]
    status, plan = await post(world, {"clusters": [cluster]})
    assert (status, plan["summary"]["add"]) == (200, 3)
    other = world.seed["clusters"][1]
    status, problem = await post(world, {"clusters": [other], "dryRun": False, "planDigest": plan["digest"]})
    assert status == 409
    assert problem["difference"]["removed"] == plan["actions"]
    assert len(problem["difference"]["added"]) == 3
    assert problem["freshDigest"] == problem["fresh"]["digest"]
    status, problem = await post(world, {"clusters": [other], "dryRun": False, "planDigest": DIGEST})
    assert (status, problem["difference"]) == (409, None)
    assert await world.writes() == 0


async def test_plan_with_more_changes_than_asked_for_is_refused(world: World) -> None:
    body = {"clusters": [world.seed["clusters"][0]], "dryRun": False, "maxChanges": 2}
    status, problem = await post(world, body)
    assert status == 409
    assert "3 changes" in problem["detail"]
    assert await world.writes() == 0


async def test_same_request_id_is_one_run_and_another_request_with_it_is_409(world: World) -> None:
    body = {"clusters": [world.seed["clusters"][0]], "dryRun": False}
    status, first = await post(world, body, x_ms_client_request_id="ticket-1")
    assert status == 202
    again = [await post(world, {**body, "requestId": "ticket-1"}) for _ in range(3)]
    assert {(status, run["id"]) for status, run in again} == {(202, first["id"])}
    status, _ = await post(world, {"dryRun": False, "requestId": "ticket-1"})
    assert status == 409
    run = await ended(world, first)
    assert (run["status"], run["progress"]["actions"]) == ("succeeded", {"done": 3})


async def test_one_bad_cluster_never_stops_the_others(world: World) -> None:
    bad, good = world.seed["clusters"][3], world.seed["clusters"][4]
    message = "The client does not have authorization to perform action 'Microsoft.Network/x/write' over scope."
    await world.control.fault(
        "status",
        method="PUT",
        path=f"{bad.rsplit('/', 1)[1]}_westeurope/.*privateDnsZones",
        count=1000,
        status=403,
        code="AuthorizationFailed",
        message=message,
    )
    status, run = await post(world, {"clusters": [bad, good], "dryRun": False})
    assert status == 202
    run = await ended(world, run)
    await world.control.clear_faults()
    assert run["status"] == "incomplete"
    refused = [item["code"] for item in run["refused"]]
    assert refused == ["RIGHTS_MISSING", "RIGHTS_MISSING"]
    assert {item["cluster"].lower() for item in run["refused"]} == {bad.lower()}
    results = {(item["action"]["cluster"].lower(), item["result"]) for item in run["actions"]}
    assert (good.lower(), "done") in results
    assert (good.lower(), "refused") not in results

    status, plan = await post(world)
    assert {action["cluster"].lower() for action in plan["actions"] if action["cluster"]} >= {bad.lower()}
    status, run = await post(world, {"dryRun": False, "planDigest": plan["digest"]})
    assert (status, (await ended(world, run))["status"]) == (202, "succeeded")
    assert await world.reached() == 6


async def test_cluster_that_does_not_exist_needs_nothing(world: World) -> None:
    missing = world.seed["clusters"][0] + "-missing"
    status, plan = await post(world, {"clusters": [missing]})
    assert (status, plan["empty"], plan["actions"]) == (200, True, [])


async def test_document_is_served_and_names_every_http_function(world: World) -> None:
    status, body, _ = await world.get("/api/openapi.json")
    assert (status, body) == (200, DOCUMENT)
    described = set()
    for function in registered_functions():
        trigger = function.get_trigger()
        if trigger is not None and trigger.type == "httpTrigger":
            methods = [str(getattr(method, "value", method)).lower() for method in trigger.methods or ["get"]]
            described |= {(f"/api/{trigger.route}", method) for method in methods}
    written = {(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert described == written


async def test_schemathesis_finds_nothing(world: World, tmp_path: Path) -> None:
    # In a process of its own: its pytest plugin and our warnings-are-errors do not go together.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{world.host.base_url}/api/openapi.json"),
        *("--url", world.host.base_url, "--max-examples", "5", "--phases", "examples,coverage,fuzzing"),
        # The host answers 404 to a wrong method and checks no key here; 400 also names what no schema can say.
        *("--exclude-checks", "unsupported_method,ignored_auth,positive_data_acceptance"),
        *("--request-timeout", "60", "--generation-deterministic", "--no-color"),
        stdout=-1,
        stderr=-2,
        cwd=tmp_path,  # it leaves its notes there
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()[-4000:]
