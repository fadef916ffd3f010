"""History, restore and hold: an undo that the next sync does not undo."""

from __future__ import annotations

import json
from typing import Any

import azure.functions as func
import pytest

from functions import firewall
from shared.firewall.writer import SyncResult
from shared.model.resource_id import ResourceId
from shared.storage import names
from tests.app.conftest import Contoso
from tests.firewall_writer.helpers import (
    addresses,
    codes,
    edit_by_hand,
    enforced,
    firewall_writes,
    group_id,
    register,
    sync,
)

EGRESS = "rcg-aks-egress"


async def call(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch, name: str, body: Any = None, *, params: Any = None, **route: str
) -> tuple[int, Any]:
    """Call an HTTP function in this process."""
    monkeypatch.setattr("shared.runtime.current_runtime", lambda: contoso.app)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
    request = func.HttpRequest(method="GET", url="/", body=raw, params=params or {}, route_params=route)
    answer = await getattr(firewall, name)._function._func(request)
    assert answer.headers["Cache-Control"] == "no-store"
    if answer.status_code >= 400:
        assert answer.mimetype == "application/problem+json"
    return answer.status_code, json.loads(answer.get_body())


async def entries(contoso: Contoso, monkeypatch: pytest.MonkeyPatch, **params: str) -> Any:
    status, found = await call(contoso, monkeypatch, "firewall_history", params=params)
    assert status == 200
    return found


async def three_states(contoso: Contoso) -> None:
    for number in (1, 2, 3):
        await register(contoso, [number])
        await sync(contoso)


async def test_every_body_is_kept_before_it_is_replaced_newest_first_and_in_pages(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch
) -> None:
    await three_states(contoso)
    found = await entries(contoso, monkeypatch)
    assert [(entry["rules"], entry["reason"], entry["replaced"]) for entry in found["entries"]] == [
        (2, "1 added", True),
        (1, "1 added", True),
        (0, "there was no such group: 1 added", True),
    ]
    first = await entries(contoso, monkeypatch, limit="1")
    others = await entries(contoso, monkeypatch, limit="2", before=first["next"])
    assert [first["entries"][0], *others["entries"]] == found["entries"]
    assert others["next"] is None
    status, body = await call(contoso, monkeypatch, "firewall_body", digest=found["entries"][1]["digest"])
    assert status == 200
    assert len(body["properties"]["ruleCollections"][0]["rules"]) == 1


async def test_restore_puts_the_body_back_and_no_sync_undoes_it_until_the_hold_is_released(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch
) -> None:
    await three_states(contoso)
    digest = (await entries(contoso, monkeypatch))["entries"][1]["digest"]

    status, answer = await call(
        contoso, monkeypatch, "firewall_restore", {"digest": digest, "reason": "wrong rules", "by": "netops"}
    )
    assert status == 202
    assert "MODE_API_RULES=report" in answer["advice"]
    assert [item["askedBy"] for item in await contoso.messages(names.SYNC_FIREWALL_QUEUE)][-1] == "firewall_restore"
    restored = await sync(contoso)
    assert (restored.result, restored.writes) == (SyncResult.WRITTEN, 1)
    assert addresses(contoso) == {"10.1.4.1"}

    await register(contoso, [4])
    held = await sync(contoso)
    assert (held.result, held.writes, codes(held)) == (SyncResult.HELD, 0, ["FIREWALL_HOLD"])
    assert "added" in held.findings[0].message
    assert "netops" in held.findings[0].message
    assert addresses(contoso) == {"10.1.4.1"}
    newest = (await entries(contoso, monkeypatch))["entries"][0]
    assert newest["reason"] == f"restore of {digest[:12]} by netops: wrong rules"
    assert newest["rules"] == 3

    status, answer = await call(contoso, monkeypatch, "firewall_release")
    assert (status, answer["held"]["applied"]) == (200, True)
    assert (await sync(contoso)).writes == 1
    assert len(enforced(contoso)) == 4


async def test_restore_of_what_is_live_holds_without_a_write(contoso: Contoso, monkeypatch: pytest.MonkeyPatch) -> None:
    await three_states(contoso)
    digest = (await entries(contoso, monkeypatch))["entries"][0]["digest"]
    await call(contoso, monkeypatch, "firewall_restore", {"digest": digest})
    await sync(contoso)
    before = firewall_writes(contoso)
    status, answer = await call(contoso, monkeypatch, "firewall_restore", {"digest": digest})
    assert (status, answer["did"]) == (200, "The firewall holds this body already.")
    await sync(contoso)
    assert firewall_writes(contoso) == before


async def test_hand_edit_under_a_hold_is_told_and_left(contoso: Contoso, monkeypatch: pytest.MonkeyPatch) -> None:
    await three_states(contoso)
    digest = (await entries(contoso, monkeypatch))["entries"][0]["digest"]
    await call(contoso, monkeypatch, "firewall_restore", {"digest": digest})
    await sync(contoso)
    edit_by_hand(contoso, lambda properties: properties["ruleCollections"][0]["rules"].pop())
    done = await sync(contoso)
    assert done.result is SyncResult.HELD
    assert done.writes == 0
    assert len(enforced(contoso)) == 1


async def test_restore_may_remove_more_rules_than_the_cap_of_a_sync(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch
) -> None:
    await register(contoso, [1])
    await sync(contoso)
    await register(contoso, range(2, 16))
    await sync(contoso)
    digest = (await entries(contoso, monkeypatch))["entries"][0]["digest"]
    await call(contoso, monkeypatch, "firewall_restore", {"digest": digest})
    assert (await sync(contoso)).writes == 1
    assert addresses(contoso) == {"10.1.4.1"}


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"no json", 400, "JSON object"),
        ([], 400, "JSON object"),
        ({}, 400, "The request is wrong"),
        ({"digest": "0" * 64}, 404, "No body"),
        ({"digest": "../other", "force": True, "reason": 7}, 400, "The request is wrong"),
        (b" " * 20_000, 413, "bytes"),
    ],
)
async def test_bad_restore_is_refused_and_nothing_is_held(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch, body: Any, status: int, words: str
) -> None:
    answered, problem = await call(contoso, monkeypatch, "firewall_restore", body)
    assert (answered, problem["status"]) == (status, status)
    assert words in problem["detail"]
    assert await contoso.app.firewall_state.hold(contoso.app.settings.firewall_policy_id) is None


async def test_bad_requests_are_named_one_by_one(contoso: Contoso, monkeypatch: pytest.MonkeyPatch) -> None:
    _, problem = await call(contoso, monkeypatch, "firewall_restore", {"digest": 1, "force": True, "by": "x" * 300})
    assert len(problem["mistakes"]) == 3
    assert (await call(contoso, monkeypatch, "firewall_history", params={"limit": "0"}))[0] == 400
    assert (await call(contoso, monkeypatch, "firewall_body", digest="7"))[0] == 400
    assert (await call(contoso, monkeypatch, "firewall_release"))[0] == 404
    status, problem = await call(contoso, monkeypatch, "firewall_release", {"group": "theirs", "digest": "7", "by": 1})
    assert (status, len(problem["mistakes"])) == (400, 3)


@pytest.mark.parametrize(("group", "words"), [("theirs", "api or egress"), ("egress", "FIREWALL_EGRESS_GROUP")])
async def test_group_that_is_not_ours_or_not_set_has_no_history(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch, group: str, words: str
) -> None:
    for name, route in (("firewall_history", {}), ("firewall_body", {"digest": "0" * 64})):
        status, problem = await call(contoso, monkeypatch, name, params={"group": group}, **route)
        assert status == 400
        assert words in problem["detail"]


async def test_egress_group_has_its_own_history_and_hold(contoso: Contoso, monkeypatch: pytest.MonkeyPatch) -> None:
    contoso.app = contoso.app_with(firewall_egress_group=EGRESS)
    contoso.make_node_subnet()
    await register(contoso, [1], subnets=(ResourceId.parse(contoso.spoke["node_subnet"]),))
    await sync(contoso)
    assert sorted(enforced(contoso, EGRESS)) == ["aks-fqdn-tag", "aks-time"]
    (entry,) = (await entries(contoso, monkeypatch, group="egress"))["entries"]
    digest = entry["digest"]
    status, kept = await call(contoso, monkeypatch, "firewall_body", params={"group": "egress"}, digest=digest)
    assert (status, [item["rules"] for item in kept["properties"]["ruleCollections"]]) == (200, [[], []])
    assert (await call(contoso, monkeypatch, "firewall_restore", {"digest": digest}))[0] == 404
    order = {"digest": digest, "group": "egress"}
    status, answer = await call(contoso, monkeypatch, "firewall_restore", order)
    assert (status, answer["loses"]) == (202, [])
    assert (await sync(contoso)).writes == 1
    assert enforced(contoso, EGRESS) == {}

    await register(contoso, [2])
    done = await sync(contoso)
    assert (done.result, done.writes) == (SyncResult.HELD, 1)  # the other group is not held
    assert addresses(contoso) == {"10.1.4.1", "10.1.4.2"}
    assert enforced(contoso, EGRESS) == {}
    assert (await entries(contoso, monkeypatch))["hold"] is None
    assert (await entries(contoso, monkeypatch, group="egress"))["hold"]["applied"]
    (finding,) = [item for item in done.findings if item.code == "FIREWALL_HOLD"]
    assert "group egress" in finding.fix

    assert (await call(contoso, monkeypatch, "firewall_release"))[0] == 404
    assert (await call(contoso, monkeypatch, "firewall_release", {"group": "egress"}))[0] == 200
    await sync(contoso)
    assert sorted(enforced(contoso, EGRESS)) == ["aks-fqdn-tag", "aks-time"]


async def test_body_that_was_tampered_with_is_not_restored(contoso: Contoso, monkeypatch: pytest.MonkeyPatch) -> None:
    await three_states(contoso)
    digest = (await entries(contoso, monkeypatch))["entries"][0]["digest"]
    container = await contoso.app.storage.container(names.HISTORY_CONTAINER)
    async for name in container.list_blob_names():
        if digest[:16] in name:
            record = json.loads(await (await container.download_blob(name)).readall())
            record["body"]["properties"]["ruleCollections"][0]["rules"][0]["destinationAddresses"] = ["*"]
            await container.upload_blob(name, json.dumps(record), overwrite=True)
    assert (await call(contoso, monkeypatch, "firewall_restore", {"digest": digest}))[0] == 404


async def test_group_that_became_somebody_elses_is_not_restored(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch
) -> None:
    await three_states(contoso)
    digest = (await entries(contoso, monkeypatch))["entries"][0]["digest"]
    edit_by_hand(contoso, lambda properties: properties["ruleCollections"][0].update(name="theirs"))
    assert (await call(contoso, monkeypatch, "firewall_restore", {"digest": digest}))[0] == 409
    assert contoso.get(group_id(contoso))["properties"]["ruleCollections"][0]["name"] == "theirs"
