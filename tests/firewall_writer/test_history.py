"""The history of bodies: what happened, once, and not for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.storage import firewall_history
from shared.storage.firewall_history import Kept
from tests.app.conftest import Contoso
from tests.firewall_writer.helpers import GROUP, register, sync


async def entries(contoso: Contoso, limit: int = 100) -> list[Kept]:
    group = contoso.app.settings.firewall_policy_id.child("ruleCollectionGroups", GROUP)
    return await contoso.app.firewall_history.list(group, limit=limit)


def _fault(contoso: Contoso, kind: str, **order: Any) -> None:
    method = "" if kind == "operation_failed" else "PUT"
    contoso.azure.faults.add({"kind": kind, "method": method, "path": f"ruleCollectionGroups/{GROUP}$", **order})


BUSY: dict[str, Any] = {"status": 400, "code": "FirewallPolicyRuleCollectionGroupUpdateNotAllowed"}


async def test_write_that_is_tried_many_times_leaves_one_entry(contoso: Contoso) -> None:
    await register(contoso, [1])
    await sync(contoso)
    await register(contoso, [2])
    _fault(contoso, "status", count=9, **BUSY)
    assert (await sync(contoso)).writes == 1
    assert [(entry.rules, entry.replaced) for entry in await entries(contoso)] == [(1, True), (0, True)]


async def test_write_that_azure_refused_is_not_told_as_a_replacement(contoso: Contoso) -> None:
    await register(contoso, [1])
    await sync(contoso)
    await register(contoso, [2])
    _fault(contoso, "status", status=403, code="AuthorizationFailed")
    await sync(contoso)
    assert [(entry.rules, entry.replaced) for entry in await entries(contoso)] == [(1, False), (0, True)]
    await sync(contoso)
    assert [(entry.rules, entry.replaced) for entry in await entries(contoso)] == [(1, True), (0, True)]


async def test_write_whose_answer_was_lost_is_told_as_a_replacement_once_it_shows(contoso: Contoso) -> None:
    await register(contoso, [1])
    await sync(contoso)
    await register(contoso, [2])
    _fault(contoso, "lost_response")
    await sync(contoso)
    assert [(entry.rules, entry.replaced) for entry in await entries(contoso)] == [(1, True), (0, True)]


async def test_update_that_failed_and_is_repeated_keeps_no_copy_of_itself(contoso: Contoso) -> None:
    await register(contoso, [1])
    await sync(contoso)
    await register(contoso, [2])
    _fault(contoso, "operation_failed", code="FirewallPolicyUpdateFailed", count=2)
    assert (await sync(contoso)).writes == 3
    assert [entry.rules for entry in await entries(contoso)] == [1, 0]


async def test_oldest_entries_go_and_a_page_does_not_read_them_all(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firewall_history, "KEPT_MOST", 5)
    history, group = contoso.app.firewall_history, contoso.app.settings.firewall_policy_id.child("groups", "any")
    start = datetime.now(UTC)
    for number in range(8):
        body = {"properties": {"priority": number, "ruleCollections": []}}
        at = start + timedelta(seconds=number)
        name = await history.keep(group, body, at=at, reason="", summary=f"number {number}")
        await history.replaced(name)
    found = await history.list(group, limit=100)
    assert [entry.reason for entry in found] == [f"number {number}" for number in (7, 6, 5, 4, 3)]
    assert [entry.reason for entry in await history.list(group, limit=1)] == ["number 7"]
    assert [entry.reason for entry in await history.list(group, limit=2, before=found[1].name)] == [
        "number 5",
        "number 4",
    ]
