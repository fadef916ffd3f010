"""One write, as safe as Azure lets it be: busy, lost, superseded, failed, edited, frozen."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from shared.errors import LeaseLost
from shared.firewall.group_writer import GroupWriter
from shared.firewall.writer import Postponed, SyncResult
from shared.model.resource_id import ResourceId
from shared.storage.locks import Lock
from tests.app.conftest import Contoso
from tests.firewall_writer.helpers import (
    COLLECTION,
    GROUP,
    addresses,
    codes,
    edit_by_hand,
    enforced,
    firewall_writes,
    group_id,
    register,
    sync,
)


def _fault(contoso: Contoso, kind: str, **order: Any) -> Any:
    return contoso.azure.faults.add({"kind": kind, "path": f"ruleCollectionGroups/{GROUP}$", **order})


async def test_busy_policy_that_answers_400_is_written_once_it_is_free(contoso: Contoso) -> None:
    await register(contoso, [1])
    contoso.azure.latencies.firewall_policy = 900.0
    contoso.operator("PUT", contoso.seed["platform_group"], {"properties": _platform(contoso)})
    contoso.azure.latencies.firewall_policy = 240.0
    done = await sync(contoso)
    refused = [item for item in contoso.azure.requests if item.status == 400 and item.method == "PUT"]
    assert refused
    assert all(str(item.error_code).startswith("FirewallPolicyRuleCollectionGroupUpdateNotAllowed") for item in refused)
    assert (done.result, done.writes) == (SyncResult.WRITTEN, 1)
    assert addresses(contoso) == {"10.1.4.1"}


def _platform(contoso: Contoso) -> dict[str, Any]:
    properties = contoso.get(contoso.seed["platform_group"])["properties"]
    return {key: value for key, value in properties.items() if key in ("priority", "ruleCollections")}


@pytest.mark.parametrize(
    ("status", "code"), [(409, "AnotherOperationInProgress"), (429, "TooManyRequests"), (503, "ServerBusy")]
)
async def test_refusal_that_passes_is_tried_again(contoso: Contoso, status: int, code: str) -> None:
    await register(contoso, [1])
    _fault(contoso, "status", method="PUT", status=status, code=code, count=2)
    done = await sync(contoso)
    assert (done.result, done.writes) == (SyncResult.WRITTEN, 1)
    assert firewall_writes(contoso) == 1
    assert addresses(contoso) == {"10.1.4.1"}


@pytest.mark.parametrize(
    ("kind", "order"),
    [
        (
            "operation_failed",
            {"code": "FirewallPolicyUpdateFailed", "message": "Failed with 1 faulted referenced firewalls"},
        ),
        ("superseded", {}),
    ],
)
async def test_update_that_failed_after_it_was_accepted_is_repeated_and_both_count(
    contoso: Contoso, kind: str, order: dict[str, Any]
) -> None:
    await register(contoso, [1])
    _fault(contoso, kind, **order)
    done = await sync(contoso)
    assert (done.result, done.writes) == (SyncResult.WRITTEN, 2)
    assert firewall_writes(contoso) == 2
    assert addresses(contoso) == {"10.1.4.1"}


async def test_write_whose_answer_was_lost_is_recognised_and_counted_and_not_repeated(contoso: Contoso) -> None:
    await register(contoso, [1])
    _fault(contoso, "lost_response", method="PUT")
    done = await sync(contoso)
    assert (done.result, done.writes) == (SyncResult.WRITTEN, 1)
    assert firewall_writes(contoso) == 1
    assert addresses(contoso) == {"10.1.4.1"}


async def test_azure_that_stays_busy_beyond_the_time_box_leaves_the_request_on_the_queue(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared import workers
    from shared.firewall import writer
    from shared.storage import names
    from tests.firewall_writer.helpers import request

    monkeypatch.setattr(writer, "TIME_BOX_SECONDS", 60.0)
    await register(contoso, [1])
    _fault(contoso, "status", method="PUT", status=409, code="AnotherOperationInProgress", count=100)
    assert await workers._sync(contoso.app, request(contoso)) is None
    await asyncio.sleep(1.1)
    assert len(await contoso.messages(names.SYNC_FIREWALL_QUEUE)) == 1
    contoso.azure.faults.clear()
    done = await sync(contoso)
    assert done.writes == 1
    assert addresses(contoso) == {"10.1.4.1"}


async def test_edit_between_reading_and_writing_is_noticed_before_the_write(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch
) -> None:
    await register(contoso, [1])
    await sync(contoso)
    await register(contoso, [2])
    confirmed = GroupWriter._check_again
    edits = [lambda: edit_by_hand(contoso, lambda properties: properties["ruleCollections"][0]["rules"].clear())]

    async def edited_meanwhile(writer: GroupWriter, target: Any) -> None:
        if edits:
            edits.pop()()
        await confirmed(writer, target)

    monkeypatch.setattr(GroupWriter, "_check_again", edited_meanwhile)
    done = await sync(contoso)
    assert (done.result, done.writes) == (SyncResult.WRITTEN, 1)
    assert "FIREWALL_GROUP_EDITED" in codes(done)
    assert addresses(contoso) == {"10.1.4.1", "10.1.4.2"}


async def test_unknown_properties_of_rule_collection_and_group_survive(contoso: Contoso) -> None:
    await register(contoso, [1])
    await sync(contoso)

    def add_strange_fields(properties: dict[str, Any]) -> None:
        properties["ruleCollections"][0]["rules"][0]["sourceGeoLocations"] = ["NL"]
        properties["ruleCollections"][0]["comment"] = "ours"

    edit_by_hand(contoso, add_strange_fields)
    await register(contoso, [2])
    assert (await sync(contoso)).writes == 1
    collection = contoso.get(group_id(contoso))["properties"]["ruleCollections"][0]
    assert collection["comment"] == "ours"
    assert [rule.get("sourceGeoLocations") for rule in collection["rules"]] == [["NL"], None]


async def test_edit_by_hand_is_put_right_and_the_finding_says_what_was_changed(contoso: Contoso) -> None:
    await register(contoso, [1, 2])
    await sync(contoso)
    names = sorted(enforced(contoso))

    def meddle(properties: dict[str, Any]) -> None:
        rules = properties["ruleCollections"][0]["rules"]
        rules[0]["destinationPorts"] = ["443", "22"]
        rules[1]["name"] = "let-me-in"

    edit_by_hand(contoso, meddle)
    done = await sync(contoso)
    finding = next(item for item in done.findings if item.code == "FIREWALL_GROUP_EDITED")
    assert f"added let-me-in; removed {names[1]}; changed {names[0]}" in finding.message
    assert finding.repaired
    assert sorted(enforced(contoso)) == names
    again = await sync(contoso)
    assert (again.result, again.writes, codes(again)) == (SyncResult.UNCHANGED, 0, [])


async def test_deleted_group_is_made_again_and_told(contoso: Contoso) -> None:
    await register(contoso, [1])
    await sync(contoso)
    contoso.operator("DELETE", group_id(contoso))
    contoso.azure.clock.advance(300)
    done = await sync(contoso)
    assert "the whole group was deleted" in done.findings[0].message
    assert addresses(contoso) == {"10.1.4.1"}


async def test_group_of_somebody_else_is_refused_and_stays_as_it_is(contoso: Contoso) -> None:
    await register(contoso, [1])
    app = contoso.app_with(firewall_rule_collection_group="rcg-platform")
    before = contoso.get(contoso.seed["platform_group"])
    done = await sync(contoso, app)
    assert (done.result, codes(done)) == (SyncResult.REFUSED, ["FIREWALL_GROUP_FOREIGN"])
    assert contoso.get(contoso.seed["platform_group"]) == before


async def test_taken_priority_names_the_setting(contoso: Contoso) -> None:
    await register(contoso, [1])
    done = await sync(contoso, contoso.app_with(firewall_rule_collection_group_priority=200))
    assert (done.result, codes(done)) == (SyncResult.REFUSED, ["FIREWALL_PRIORITY_TAKEN"])
    assert "FIREWALL_RULE_COLLECTION_GROUP_PRIORITY" in done.findings[0].fix


async def test_writer_whose_lease_is_gone_does_not_write(contoso: Contoso, monkeypatch: pytest.MonkeyPatch) -> None:
    from azure.storage.blob.aio import BlobLeaseClient

    await register(contoso, [1])
    confirm = Lock.confirm

    async def stolen(lock: Lock) -> None:
        thief = BlobLeaseClient(await contoso.app.locks._blob(lock.name))
        await thief.break_lease(lease_break_period=0)
        await thief.acquire(15)
        try:
            await confirm(lock)
        finally:
            await thief.release()

    monkeypatch.setattr(Lock, "confirm", stolen)
    with pytest.raises(Postponed) as ended:
        await sync(contoso)
    assert isinstance(ended.value.__cause__, LeaseLost)
    assert await contoso.app.firewall_state.setback(contoso.app.settings.firewall_policy_id) is None
    assert firewall_writes(contoso) == 0


async def test_lease_is_renewed_while_the_update_runs(contoso: Contoso, monkeypatch: pytest.MonkeyPatch) -> None:
    from azure.storage.blob.aio import BlobLeaseClient

    from shared.storage import locks

    monkeypatch.setattr(locks, "RENEW_SECONDS", 0.2)
    contoso.azure.latencies.firewall_policy = 600.0
    await register(contoso, [1])
    renewed = []
    renew = BlobLeaseClient.renew

    async def counted(lease: BlobLeaseClient, **options: Any) -> None:
        renewed.append(lease)
        await renew(lease, **options)

    monkeypatch.setattr(BlobLeaseClient, "renew", counted)
    assert (await sync(contoso)).writes == 1
    assert len(renewed) >= 5


async def test_nothing_registered_writes_nothing(contoso: Contoso) -> None:
    done = await sync(contoso)
    assert (done.result, done.writes) == (SyncResult.UNCHANGED, 0)
    assert contoso.azure.store.get(group_id(contoso)) is None


async def test_empty_registry_does_not_close_the_doors_of_living_clusters(contoso: Contoso) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    await contoso.look_at(cluster)
    await register(contoso, [7])  # this cluster does not exist
    await sync(contoso)
    await contoso.unregister()
    await sync(contoso)
    assert [ResourceId.parse(cluster).name in name for name in enforced(contoso)] == [True]


async def test_more_deletions_than_the_cap_are_refused(contoso: Contoso) -> None:
    await register(contoso, range(1, 13))
    await sync(contoso)
    await contoso.unregister()
    done = await sync(contoso)
    assert (done.result, done.writes, codes(done)) == (SyncResult.REFUSED, 0, ["PLAN_TOO_LARGE"])
    assert len(enforced(contoso)) == 12


async def test_cap_on_deletions_holds_up_no_addition_and_no_move(contoso: Contoso) -> None:
    await register(contoso, range(1, 13))
    await sync(contoso)
    await contoso.unregister()
    await register(contoso, [12], address="10.1.5.77")
    await register(contoso, [50])
    done = await sync(contoso)
    assert (done.result, done.writes, codes(done)) == (SyncResult.WRITTEN, 1, ["PLAN_TOO_LARGE"])
    assert addresses(contoso) == {*(f"10.1.4.{number}" for number in range(1, 12)), "10.1.5.77", "10.1.4.50"}
    again = await sync(contoso)
    assert (again.result, again.writes, codes(again)) == (SyncResult.REFUSED, 0, ["PLAN_TOO_LARGE"])
    assert (await sync(contoso, contoso.app_with(max_deletions_per_run=11))).writes == 1
    assert addresses(contoso) == {"10.1.5.77", "10.1.4.50"}


async def test_collection_name_is_the_one_the_tests_mean(contoso: Contoso) -> None:
    await register(contoso, [1])
    await sync(contoso)
    assert [item["name"] for item in contoso.get(group_id(contoso))["properties"]["ruleCollections"]] == [COLLECTION]
