"""Queue messages: read back as they were written, junk refused, looks that become rarer."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.scope import Scope, ScopeKind
from shared.storage.work import MalformedMessage, RunMessage, SyncRequest, WorkItem
from tests import strategies
from tests.builders import CLUSTER_ID, NOW, POLICY_ID

ITEM = WorkItem(
    scope=Scope(kind=ScopeKind.CLUSTER, resource=CLUSTER_ID),
    asked_by="allow_api_server",
    correlation_id="c0ffee",
    first_asked=NOW,
    event_time=NOW,
)
REQUEST = SyncRequest(policy=POLICY_ID, requested_at=NOW, asked_by="reconcile", correlation_id="c0ffee")

moments = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]))
items = st.builds(
    WorkItem,
    scope=st.builds(Scope, kind=st.sampled_from(ScopeKind), resource=strategies.resource_ids),
    asked_by=st.text(),
    correlation_id=st.text(),
    first_asked=moments,
    event_time=st.none() | moments,
    attempt=st.integers(0, 10_000),
    run_id=st.none() | st.text(min_size=1),
)
requests = st.builds(
    SyncRequest,
    policy=strategies.resource_ids,
    requested_at=moments,
    asked_by=st.text(),
    correlation_id=st.text(),
    attempt=st.integers(0, 10_000),
    run_id=st.none() | st.text(min_size=1),
)


@given(items)
def test_work_item_is_read_back_as_it_was_written(item):
    again = WorkItem.decode(item.encode().encode())

    assert again == item
    assert str(again.scope) == str(item.scope)


@given(requests)
def test_sync_request_is_read_back_as_it_was_written(request):
    assert SyncRequest.decode(request.encode().encode()) == request


@given(st.text())
def test_run_message_is_read_back_as_it_was_written(run_id):
    assert RunMessage.decode(RunMessage(run_id=run_id).encode().encode()) == RunMessage(run_id=run_id)


def test_members_avoid_the_names_that_the_hosts_queue_trigger_binds():
    bound = {"queuetrigger", "dequeuecount", "expirationtime", "id", "insertiontime", "nextvisibletime", "popreceipt"}

    for message in (ITEM, REQUEST, RunMessage(run_id="r")):
        assert not {name.lower() for name in json.loads(message.encode())} & bound


def test_request_of_an_older_version_without_attempts_is_read():
    wire = json.loads(REQUEST.encode())
    del wire["attempt"]

    assert SyncRequest.decode(json.dumps(wire).encode()) == REQUEST


JUNK = [
    b"",
    b"{",
    b"\xff\xfe",
    b"null",
    b"[]",
    b'"text"',
    b"{}",
    b'{"version": 2}',
    b"[" * 100_000,
    b'{"version": 1}',
]


@pytest.mark.parametrize("body", JUNK, ids=lambda body: repr(body[:20]))
@pytest.mark.parametrize("kind", [WorkItem, SyncRequest, RunMessage])
def test_junk_is_refused(kind, body):
    with pytest.raises(MalformedMessage):
        kind.decode(body)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("version", 2),
        ("scopeKind", "galaxy"),
        ("scopeKind", None),
        ("resource", "vnet"),
        ("resource", None),
        ("firstAsked", "yesterday"),
        ("firstAsked", 7),
        ("firstAsked", "2026-03-01T12:00:00"),
        ("eventTime", "2026-03-01T12:00:00"),
        ("eventTime", 7),
        ("attempt", "many"),
        ("attempt", None),
        ("attempt", float("inf")),
        ("attempt", float("nan")),
    ],
)
def test_work_item_with_a_wrong_member_is_refused(member, value):
    wire = json.loads(ITEM.encode()) | {member: value}

    with pytest.raises(MalformedMessage):
        WorkItem.decode(json.dumps(wire).encode())


@pytest.mark.parametrize("member", ["scopeKind", "resource", "askedBy", "correlation", "firstAsked", "attempt"])
def test_work_item_with_a_missing_member_is_refused(member):
    wire = json.loads(ITEM.encode())
    del wire[member]

    with pytest.raises(MalformedMessage):
        WorkItem.decode(json.dumps(wire).encode())


@pytest.mark.parametrize(
    ("member", "value"),
    [("policy", "fwp"), ("requestedAt", "soon"), ("requestedAt", "2026-03-01T12:00:00"), ("attempt", float("inf"))],
)
def test_sync_request_with_a_wrong_member_is_refused(member, value):
    wire = json.loads(REQUEST.encode()) | {member: value}

    with pytest.raises(MalformedMessage):
        SyncRequest.decode(json.dumps(wire).encode())


@given(st.binary(max_size=500))
def test_any_bytes_are_a_message_or_refused(body):
    for kind in (WorkItem, SyncRequest, RunMessage):
        with pytest.raises(MalformedMessage):
            kind.decode(body)


def test_looks_become_rarer():
    delays = [replace(ITEM, attempt=attempt).delay for attempt in range(20)]

    assert delays == sorted(delays)
    assert delays[0] == 5.0
    assert delays[-1] == delays[6] == 300.0
    assert len(set(delays[:7])) == 7


def test_next_attempt_differs_in_nothing_else():
    assert ITEM.next_attempt() == replace(ITEM, attempt=1)
    assert ITEM.next_attempt().next_attempt().attempt == 2
