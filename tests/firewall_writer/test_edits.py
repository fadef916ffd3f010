"""Edits by hand that a comparison of rules does not show: unknown fields, and an edit in the last moment."""

from __future__ import annotations

from typing import Any

import pytest

from shared.firewall.writer import SyncResult
from shared.storage.locks import Lock
from tests.app.conftest import Contoso
from tests.firewall_writer.helpers import (
    GROUP,
    addresses,
    codes,
    edit_by_hand,
    enforced,
    group_id,
    register,
    sync,
)


def narrow(properties: dict[str, Any]) -> None:
    properties["ruleCollections"][0]["rules"][0]["sourceGeoLocations"] = ["NL"]


def locations(contoso: Contoso) -> list[list[str] | None]:
    (collection,) = contoso.get(group_id(contoso))["properties"]["ruleCollections"]
    return [rule.get("sourceGeoLocations") for rule in collection["rules"]]


async def test_field_that_the_app_does_not_know_is_kept_and_told_for_as_long_as_it_stands(contoso: Contoso) -> None:
    await register(contoso, [1])
    await sync(contoso)
    edit_by_hand(contoso, narrow)
    for _ in range(2):
        done = await sync(contoso)
        assert (done.result, done.writes, codes(done)) == (SyncResult.UNCHANGED, 0, ["FIREWALL_GROUP_EDITED"])
    (finding,) = done.findings
    name = next(iter(enforced(contoso)))
    assert f"{name} (sourceGeoLocations none → NL)" in finding.message
    assert not finding.repaired

    await register(contoso, [2])
    written = await sync(contoso)
    assert (written.writes, codes(written)) == (1, ["FIREWALL_GROUP_EDITED"])
    assert "They are left as they are" in written.findings[0].message
    assert locations(contoso) == [["NL"], None]
    assert codes(await sync(contoso)) == ["FIREWALL_GROUP_EDITED"]

    edit_by_hand(contoso, lambda properties: properties["ruleCollections"][0]["rules"][0].pop("sourceGeoLocations"))
    assert codes(await sync(contoso)) == []


async def test_edit_of_both_kinds_is_told_as_what_becomes_of_either(contoso: Contoso) -> None:
    await register(contoso, [1, 2])
    await sync(contoso)

    def meddle(properties: dict[str, Any]) -> None:
        narrow(properties)
        properties["ruleCollections"][0]["rules"][1]["destinationPorts"] = ["22"]

    edit_by_hand(contoso, meddle)
    done = await sync(contoso)
    told = {finding.repaired: finding.message for finding in done.findings}
    assert set(told) == {True, False}
    assert "destinationPorts 443 → 22" in told[True]
    assert "sourceGeoLocations" not in told[True]
    assert "sourceGeoLocations none → NL" in told[False]
    assert {tuple(rule["destinationPorts"]) for rule in _rules(contoso)} == {("443",)}


def _rules(contoso: Contoso) -> list[dict[str, Any]]:
    return list(contoso.get(group_id(contoso))["properties"]["ruleCollections"][0]["rules"])


async def test_where_azure_honours_if_match_an_edit_in_the_last_moment_is_not_overwritten_unseen(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch
) -> None:
    contoso.azure.firewall_if_match = True
    await register(contoso, [1])
    await sync(contoso)
    await register(contoso, [2])
    confirm, edits = Lock.confirm, ["somebody saves"]

    async def edited_after(lock: Lock) -> None:
        await confirm(lock)
        if edits:
            edits.pop()
            edit_by_hand(contoso, lambda properties: properties["ruleCollections"][0]["rules"].clear())

    monkeypatch.setattr(Lock, "confirm", edited_after)
    done = await sync(contoso)
    refused = [item for item in contoso.azure.requests if item.method == "PUT" and item.path.endswith(GROUP)]
    assert [item.status for item in refused if item.status >= 400] == [412]
    assert (done.writes, codes(done)) == (1, ["FIREWALL_GROUP_EDITED"])
    assert addresses(contoso) == {"10.1.4.1", "10.1.4.2"}
