"""Plans of many places as one, and runs told from what happened. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.backfill.status import FirewallState, RunFacts, Status
from shared.model.resource_id import ResourceId
from shared.model.scope import Scope, ScopeKind
from shared.plan.action import Action, ActionKind, make_plan
from shared.plan.combined import ScopePlan, combine, compare, keep_approved
from shared.storage.runs import FirewallServed, Phase, Place, PlaceState, Run
from shared.storage.work import SyncRequest, WorkItem

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GROUP = "/subscriptions/c0170500-0000-4000-8000-000000000001/resourceGroups/rg"


def cluster(number: int) -> ResourceId:
    return ResourceId.parse(f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/aks-{number}")


def place_plan(number: int) -> ScopePlan:
    zone = ResourceId.parse(f"{GROUP}/providers/Microsoft.Network/privateDnsZones/z{number}/virtualNetworkLinks/l")
    table = ResourceId.parse(f"{GROUP}/providers/Microsoft.Network/routeTables/shared")
    actions = [
        Action(
            kind=ActionKind.PUT_LINK,
            resource=zone,
            before=None,
            after={"x": number},
            reason="r",
            cluster=cluster(number),
        ),
        Action(kind=ActionKind.PUT_ROUTE_TABLE, resource=table, before=None, after={"y": 1}, reason=f"of {number}"),
    ]
    return ScopePlan(scope=Scope(kind=ScopeKind.CLUSTER, resource=cluster(number)), plan=make_plan(actions))


def test_digest_and_order_do_not_depend_on_who_was_looked_at_first() -> None:
    places = [place_plan(number) for number in range(20)]
    first = combine(places)
    places = [*places[7:], *reversed(places[:7])]
    again = combine(places)
    assert (again.digest, again.as_data()) == (first.digest, first.as_data())
    assert len(first.plan.actions) == 21  # what every place asks for is in it once
    assert first.plan.actions[-1].reason == "of 0"


def test_difference_names_what_came_what_went_and_what_is_done_differently() -> None:
    old = [action.as_data() for action in combine([place_plan(1), place_plan(2)]).plan.actions]
    new = [action.as_data() for action in combine([place_plan(2), place_plan(3)]).plan.actions]
    new[-1] = {**new[-1], "after": {"y": 2}}
    found = compare(old, new)
    assert [item["after"] for item in found["added"]] == [{"x": 3}]
    assert [item["after"] for item in found["removed"]] == [{"x": 1}]
    assert [(item["approved"]["after"], item["fresh"]["after"]) for item in found["changed"]] == [({"y": 1}, {"y": 2})]


def test_action_that_was_not_approved_is_kept_out() -> None:
    plan = place_plan(1).plan
    kept, others = keep_approved(plan, frozenset({plan.actions[0].facts}))
    assert (kept.actions, others) == (plan.actions[:1], plan.actions[1:])


def test_messages_without_a_run_stay_as_they_were() -> None:
    scope = Scope(kind=ScopeKind.CLUSTER, resource=cluster(1))
    item = WorkItem(scope=scope, asked_by="test", correlation_id="c", first_asked=NOW)
    assert "runId" not in item.encode()
    assert WorkItem.decode(item.encode().encode()) == item
    in_run = WorkItem(scope=scope, asked_by="test", correlation_id="c", first_asked=NOW, run_id="r")
    assert WorkItem.decode(in_run.encode().encode()).next_attempt().run_id == "r"
    request = SyncRequest(policy=cluster(1), requested_at=NOW, asked_by="test", correlation_id="c")
    assert "runId" not in request.encode()
    assert SyncRequest.decode(request.encode().encode()) == request


def facts(*states: PlaceState, told: dict[str, Any] | None = None, **more: Any) -> RunFacts:
    run = Run(run_id="r", request={}, created_at=NOW, phase=more.pop("phase", Phase.WORKING), sync_requested_at=NOW)
    places = [
        Place(
            scope=Scope(kind=ScopeKind.CLUSTER, resource=cluster(number)), state=state, updated_at=NOW, told=told or {}
        )
        for number, state in enumerate(states)
    ]
    return RunFacts(run=run, places=places, **more)


def test_run_has_not_ended_before_the_firewall_is_in_line() -> None:
    ended = PlaceState.ENDED
    assert facts(ended, PlaceState.QUEUED, synced_up_to=NOW).status is Status.RUNNING
    assert facts(ended, PlaceState.WAITING, synced_up_to=NOW).status is Status.RUNNING
    assert facts(ended).status is Status.RUNNING
    assert facts(ended, synced_up_to=NOW - timedelta(seconds=1)).status is Status.RUNNING
    assert facts(ended, synced_up_to=NOW).status is Status.SUCCEEDED
    later = {"syncRequestedAt": (NOW + timedelta(seconds=5)).isoformat()}
    assert facts(ended, synced_up_to=NOW, told=later).status is Status.RUNNING


def test_run_with_something_refused_lost_or_not_approved_is_incomplete() -> None:
    ended = PlaceState.ENDED
    error = {"code": "X", "severity": "error", "resource": "/a", "message": "m"}
    assert facts(ended, synced_up_to=NOW, told={"findings": [error]}).status is Status.INCOMPLETE
    assert facts(ended, synced_up_to=NOW, told={"findings": [{**error, "severity": "warning"}]}).status is (
        Status.SUCCEEDED
    )
    action = place_plan(1).plan.actions[0].as_data()
    assert facts(ended, synced_up_to=NOW, told={"notApproved": [action]}).status is Status.INCOMPLETE
    assert facts(PlaceState.LOST, synced_up_to=NOW).status is Status.INCOMPLETE
    served = FirewallServed(up_to=NOW, result="refused", problem=error)
    refused = facts(ended, synced_up_to=NOW, served=served)
    assert (refused.firewall, refused.status, refused.refused) == (FirewallState.REFUSED, Status.INCOMPLETE, [error])


def test_action_whose_worker_died_before_it_could_tell_counts_as_already_done() -> None:
    planned = [action.as_data() for action in place_plan(1).plan.actions]
    assert {item["result"] for item in facts(PlaceState.QUEUED, planned=planned).actions} == {"pending"}
    assert {item["result"] for item in facts(PlaceState.ENDED, planned=planned).actions} == {"already"}
