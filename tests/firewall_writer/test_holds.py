"""Holds while the writer works: what a human asks for last is what the firewall ends with."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from shared.firewall import writer
from shared.firewall.hold import Hold, OwnGroup
from shared.firewall.writer import Postponed, Sync, SyncResult
from shared.firewall_undo import Answer, Undo
from tests.app.conftest import Contoso
from tests.firewall_writer.conftest import UPDATE_SECONDS
from tests.firewall_writer.helpers import (
    GROUP,
    addresses,
    firewall_writes,
    group_id,
    register,
    sync,
    until,
)

THREE = {"10.1.4.1", "10.1.4.2", "10.1.4.3"}


async def three_states(contoso: Contoso) -> list[str]:
    """The digests of one, two and no rules, in that order; the firewall holds three."""
    for number in (1, 2, 3):
        await register(contoso, [number])
        await sync(contoso)
    entries = (await Undo(contoso.app).history({})).body["entries"]
    return [entries[1]["digest"], entries[0]["digest"], entries[2]["digest"]]


async def restore(contoso: Contoso, digest: str, **more: str) -> Answer:
    return await Undo(contoso.app).restore(json.dumps({"digest": digest, **more}).encode())


async def held(contoso: Contoso, group: OwnGroup = OwnGroup.API) -> Hold | None:
    return await contoso.app.firewall_state.hold(contoso.app.settings.firewall_policy_id, group)


async def writing(contoso: Contoso) -> asyncio.Task[Sync]:
    """A sync whose write was accepted and goes on for a while."""
    contoso.azure.latencies.firewall_policy = 600.0
    before = firewall_writes(contoso)
    running = asyncio.create_task(sync(contoso))
    await until(lambda: firewall_writes(contoso) == before + 1, seconds=20)
    contoso.azure.latencies.firewall_policy = UPDATE_SECONDS  # of the writes after it
    return running


async def test_release_during_the_write_of_a_restore_stays_a_release(contoso: Contoso) -> None:
    one, *_ = await three_states(contoso)
    await restore(contoso, one)
    running = await writing(contoso)
    await Undo(contoso.app).release(b"")
    done = await running
    assert await held(contoso) is None
    assert (done.result, done.writes) == (SyncResult.WRITTEN, 2)
    assert addresses(contoso) == THREE


async def test_another_restore_during_the_write_of_the_first_is_written_too(contoso: Contoso) -> None:
    one, two, _ = await three_states(contoso)
    await restore(contoso, one)
    running = await writing(contoso)
    assert (await restore(contoso, two)).status == 202
    await running
    hold = await held(contoso)
    assert hold is not None
    assert (hold.digest, hold.applied) == (two, True)
    assert addresses(contoso) == {"10.1.4.1", "10.1.4.2"}


async def test_restore_that_failed_is_not_called_done_and_the_next_one_writes(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The group shows the body at once; the firewalls have it only when the update succeeds."""
    one, *_ = await three_states(contoso)
    failure: dict[str, Any] = {"code": "FirewallPolicyUpdateFailed", "message": "no", "count": 500}
    contoso.azure.faults.add({"kind": "operation_failed", "path": f"ruleCollectionGroups/{GROUP}$", **failure})
    monkeypatch.setattr(writer, "TIME_BOX_SECONDS", 200.0)
    await restore(contoso, one)
    with pytest.raises(Postponed):
        await sync(contoso)
    contoso.azure.faults.clear()
    await asyncio.sleep(0.1)  # the writer's own wait
    contoso.azure.clock.advance(600)
    assert contoso.get(group_id(contoso))["properties"]["provisioningState"] == "Failed"
    assert addresses(contoso) == THREE

    answer = await restore(contoso, one)
    assert (answer.status, answer.body["hold"]["applied"]) == (202, False)
    assert (await sync(contoso)).writes == 1
    assert addresses(contoso) == {"10.1.4.1"}
    hold = await held(contoso)
    assert hold is not None
    assert hold.applied


async def test_restore_of_what_is_live_is_applied_by_the_writer_without_a_write(contoso: Contoso) -> None:
    _, two, _ = await three_states(contoso)
    await restore(contoso, two)
    await sync(contoso)
    before = firewall_writes(contoso)
    answer = await restore(contoso, two)
    assert (answer.status, answer.body["hold"]["applied"]) == (200, False)
    await sync(contoso)
    hold = await held(contoso)
    assert hold is not None
    assert hold.applied
    assert firewall_writes(contoso) == before


async def test_first_write_can_be_undone_and_the_group_is_emptied_not_deleted(contoso: Contoso) -> None:
    await register(contoso, [1])
    await sync(contoso)
    (entry,) = (await Undo(contoso.app).history({})).body["entries"]
    assert (entry["rules"], entry["reason"]) == (0, "there was no such group: 1 added")
    answer = await restore(contoso, entry["digest"])
    assert (answer.body["loses"], answer.body["changes"]) == (["aks-001"], [])
    assert (await sync(contoso)).writes == 1
    assert addresses(contoso) == set()
    assert contoso.get(group_id(contoso))["properties"]["ruleCollections"][0]["rules"] == []
    assert not any("DELETE" in write for write in contoso.writes())


async def test_answer_names_the_clusters_that_lose_their_rule_and_those_whose_rule_changes(contoso: Contoso) -> None:
    one, *_ = await three_states(contoso)
    await register(contoso, [1], address="10.1.5.1")
    await sync(contoso)
    answer = await restore(contoso, one)
    assert (answer.body["loses"], answer.body["changes"]) == (["aks-002", "aks-003"], ["aks-001"])


async def test_who_held_and_who_let_go_is_in_the_journal_with_the_reason(contoso: Contoso) -> None:
    one, *_ = await three_states(contoso)
    await restore(contoso, one, by="netops", reason="wrong rules")
    await sync(contoso)
    await Undo(contoso.app).release(json.dumps({"by": "boss", "reason": "mended"}).encode())
    newest = await contoso.app.changes.latest(2)
    assert [(row["kind"], row["reason"]) for row in newest] == [
        ("firewall_release", "mended"),
        ("firewall_restore", "wrong rules"),
    ]
    assert "boss" in newest[0]["message"]
    assert "netops" in newest[1]["message"]
    assert one in newest[1]["message"]
