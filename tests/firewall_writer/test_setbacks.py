"""Syncs that do not get through: Azure is left alone as long as it asks, messages do not multiply, somebody is told."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared import workers
from shared.errors import TemporaryError
from shared.firewall import setbacks, writer
from shared.firewall.setbacks import LONGEST_WAIT_SECONDS, Setbacks
from shared.firewall.writer import Postponed, SyncResult
from shared.model.resource_id import ResourceId
from shared.storage import names
from shared.storage.firewall_state import Setback, SyncState
from shared.storage.work import SyncRequest
from tests.app.conftest import SPEED, Contoso
from tests.firewall_writer.helpers import (
    GROUP,
    addresses,
    codes,
    edit_by_hand,
    register,
    request,
    sync,
)


def refuse(contoso: Contoso, method: str = "PUT", **order: Any) -> None:
    contoso.azure.faults.add(
        {"kind": "status", "method": method, "path": f"ruleCollectionGroups/{GROUP}$", "count": 1000, **order}
    )


def throttle(contoso: Contoso, seconds: int = 3600) -> None:
    refuse(contoso, status=429, code="TooManyRequests", headers={"Retry-After": str(seconds)})


def policy(contoso: Contoso) -> ResourceId:
    return contoso.app.settings.firewall_policy_id


async def setback(contoso: Contoso) -> Setback | None:
    return await contoso.app.firewall_state.setback(policy(contoso))


async def still_throttled(contoso: Contoso, **moments: datetime) -> None:
    """Let time pass for the setback: the wait that Azure asked for is over, or it began long ago."""
    known = await setback(contoso)
    assert known is not None
    await contoso.app.firewall_state.failed(policy(contoso), replace(known, **moments))


async def on_the_queue(contoso: Contoso) -> int:
    queue = await contoso.app.storage.queue(names.SYNC_FIREWALL_QUEUE)
    return int((await queue.get_queue_properties()).approximate_message_count)


async def serve_all(contoso: Contoso) -> int:
    """Work on every message that shows, as the host does."""
    queue = await contoso.app.storage.queue(names.SYNC_FIREWALL_QUEUE)
    taken = [item async for item in queue.receive_messages(visibility_timeout=60)]
    for item in taken:
        await queue.delete_message(item)
    for item in taken:
        await workers._sync(contoso.app, SyncRequest.decode(base64.b64decode(item.content)))
    return len(taken)


async def test_long_retry_after_is_kept_and_one_message_stays_one(contoso: Contoso) -> None:
    await register(contoso, [1])
    throttle(contoso)
    await contoso.app.queues.sync_firewall(request(contoso))
    for _ in range(4):
        await serve_all(contoso)
        await asyncio.sleep(1.1)  # the shortest delay that a queue knows
    puts = [item for item in contoso.azure.requests if item.method == "PUT" and item.status == 429]
    assert len(puts) == 1
    assert await on_the_queue(contoso) == 1
    known = await setback(contoso)
    assert known is not None
    assert timedelta(minutes=55) < known.until - datetime.now(UTC) < timedelta(minutes=60)


async def test_messages_do_not_multiply_however_often_the_time_box_ends(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "TIME_BOX_SECONDS", 1.0)
    await register(contoso, [1])
    refuse(contoso, status=409, code="AnotherOperationInProgress")
    for _ in range(3):
        await contoso.app.queues.sync_firewall(request(contoso))
    for _ in range(4):
        assert await serve_all(contoso) <= 3
        await asyncio.sleep(1.1)
    assert 1 <= await on_the_queue(contoso) <= 3
    contoso.azure.faults.clear()
    while await on_the_queue(contoso):
        await serve_all(contoso)
        await asyncio.sleep(0.3)
    assert addresses(contoso) == {"10.1.4.1"}
    assert await setback(contoso) is None


async def test_request_in_the_quiet_that_azure_asked_for_costs_no_call_and_comes_again(contoso: Contoso) -> None:
    await register(contoso, [1])
    throttle(contoso)
    with pytest.raises(Postponed):
        await sync(contoso)
    calls = len(contoso.azure.requests)
    with pytest.raises(Postponed) as later:
        await sync(contoso)
    assert len(contoso.azure.requests) == calls
    assert later.value.retry_after == pytest.approx(3600, abs=60)
    assert not later.value.is_queued
    contoso.azure.faults.clear()
    await still_throttled(contoso, until=datetime.now(UTC))
    assert (await sync(contoso)).writes == 1
    assert await setback(contoso) is None


async def test_azure_that_stays_busy_for_an_hour_becomes_an_error_that_alerts_see(contoso: Contoso) -> None:
    await register(contoso, [1])
    throttle(contoso)
    with pytest.raises(Postponed) as first:
        await sync(contoso)
    assert codes(first.value.sync) == []
    hour = timedelta(seconds=setbacks.PATIENCE_SECONDS / SPEED)
    await still_throttled(contoso, since=datetime.now(UTC) - hour, until=datetime.now(UTC))
    with pytest.raises(Postponed) as ended:
        await sync(contoso)
    (finding,) = ended.value.sync.findings
    assert (finding.code, finding.severity) == ("CHANGE_FAILED", "error")
    assert "not been brought in line since" in finding.message
    known = await setback(contoso)
    assert known is not None
    assert known.lasting
    assert "did not get through" in known.why_not


async def test_what_was_done_and_found_before_azure_became_busy_is_told(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hand edit, a write that Azure takes and fails, and then the end of the time box."""
    await register(contoso, [1])
    await sync(contoso)
    edit_by_hand(contoso, lambda properties: properties["ruleCollections"][0]["rules"].clear())
    monkeypatch.setattr(writer, "TIME_BOX_SECONDS", 200.0)
    failure = {"code": "FirewallPolicyUpdateFailed", "count": 50}
    contoso.azure.faults.add({"kind": "operation_failed", "path": f"ruleCollectionGroups/{GROUP}$", **failure})
    with pytest.raises(Postponed) as ended:
        await sync(contoso)
    assert ended.value.sync.writes >= 1
    assert "FIREWALL_GROUP_EDITED" in codes(ended.value.sync)


async def test_refusal_is_remembered_for_the_sweep_until_a_sync_gets_through(contoso: Contoso) -> None:
    await register(contoso, [1])
    refused = contoso.app_with(firewall_rule_collection_group_priority=200)
    first = datetime.now(UTC)
    for _ in range(2):
        assert (await sync(contoso, refused)).result is SyncResult.REFUSED
    known = await setback(contoso)
    assert known is not None
    assert (known.code, known.lasting) == ("FIREWALL_PRIORITY_TAKEN", True)
    assert first <= known.since < known.at
    assert "FIREWALL_RULE_COLLECTION_GROUP_PRIORITY" in known.why_not
    assert (await sync(contoso)).writes == 1
    assert await setback(contoso) is None


async def test_throttled_look_around_loses_nothing_of_what_the_sync_did(contoso: Contoso) -> None:
    await register(contoso, [1])
    await sync(contoso)
    edit_by_hand(contoso, lambda properties: properties["ruleCollections"][0]["rules"].clear())
    throttled: dict[str, Any] = {
        "status": 429,
        "code": "TooManyRequests",
        "headers": {"Retry-After": "3600"},
        "count": 9,
    }
    throttled["skip"] = 1  # the sync itself reads the policy once, for the firewall's address
    contoso.azure.faults.add({"kind": "status", "method": "GET", "path": "firewallPolicies/fp-hub$", **throttled})
    done = await sync(contoso)
    assert (done.result, done.writes, codes(done)) == (SyncResult.WRITTEN, 1, ["FIREWALL_GROUP_EDITED"])


async def test_writer_that_ends_late_takes_no_later_read_back(contoso: Contoso) -> None:
    state, now = contoso.app.firewall_state, datetime.now(UTC)
    for age in (0, 60):
        read_at = now - timedelta(seconds=age)
        await state.completed(policy(contoso), SyncState(read_at=read_at, completed_at=now, digest="", rules=0))
    last = await state.last_sync(policy(contoso))
    assert last is not None
    assert last.read_at == now


@pytest.mark.parametrize(("asked", "wait"), [(None, 0.05), (0.01, 0.05), (90.0, 90.0), (1e9, LONGEST_WAIT_SECONDS)])
async def test_longer_of_the_two_waits_counts_and_a_mad_one_is_not_believed(
    contoso: Contoso, asked: float | None, wait: float
) -> None:
    waits = Setbacks(contoso.app.firewall_state, policy(contoso), contoso.app.clock)
    group = str(policy(contoso).child("ruleCollectionGroups", "rcg-aks-api-servers"))
    assert waits.wait_after(TemporaryError("busy", resource=group, retry_after=asked)) == pytest.approx(wait)
    elsewhere = TemporaryError("busy", resource=contoso.spoke["vnet"], retry_after=asked)
    assert waits.wait_after(elsewhere) == pytest.approx(waits.wait_after(TemporaryError("busy")))
