"""A hundred clusters, three hosts, one writer."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from local.azure.dataplane.filtering import Flow, judge
from shared.firewall.coalescing import Coalescer
from shared.firewall.writer import SyncResult
from shared.model.world import ApiServer
from shared.storage import names
from shared.storage.firewall_state import SyncState
from shared.storage.registry import RegistryRow, _entity
from tests.app.conftest import Contoso
from tests.firewall_writer.helpers import (
    UPDATE_SECONDS,
    addresses,
    api_server,
    enforced,
    firewall_writes,
    hosts,
    register,
    request,
    sync,
    until,
)


async def test_request_older_than_the_last_read_costs_no_call(contoso: Contoso) -> None:
    await register(contoso, [1])
    early = request(contoso)
    await asyncio.sleep(0.05)
    await sync(contoso)
    before = len(contoso.azure.requests)
    served = await contoso.app.firewall_writer.sync(early)
    assert served.result is SyncResult.SATISFIED
    assert len(contoso.azure.requests) == before


async def test_requests_during_a_write_cost_one_next_write_and_only_one_of_them_waits(contoso: Contoso) -> None:
    contoso.azure.latencies.firewall_policy = 600.0
    await register(contoso, [1])
    running = asyncio.create_task(sync(contoso))
    await until(lambda: firewall_writes(contoso) == 1, seconds=20)
    others = [contoso.app_with() for _ in range(5)]
    await register(contoso, range(2, 12))
    found = await asyncio.gather(*(sync(contoso, app) for app in others))
    results = sorted(item.result for item in found)
    assert results == [SyncResult.BUSY] + [SyncResult.COVERED] * 4
    first = await running
    assert first.writes == 2
    assert len(addresses(contoso)) == 11
    assert firewall_writes(contoso) == 2


async def test_acknowledged_request_is_served_even_when_the_registry_shows_no_newer_row(contoso: Contoso) -> None:
    """A hand edit during the write changes no row: the note in the waiting row makes the writer look again."""
    contoso.azure.latencies.firewall_policy = 600.0
    await register(contoso, [1])
    running = asyncio.create_task(sync(contoso))
    await until(lambda: firewall_writes(contoso) == 1, seconds=20)
    late = request(contoso)
    assert (await contoso.app_with().firewall_writer.sync(late)).result is SyncResult.BUSY
    assert (await running).result is SyncResult.WRITTEN
    last = await contoso.app.firewall_state.last_sync(contoso.app.settings.firewall_policy_id)
    assert last is not None
    assert last.read_at > late.requested_at


async def test_request_that_waits_answers_for_those_who_count_on_it(contoso: Contoso) -> None:
    """Served means: the last sync read late enough for the latest of them, not only for the one that waits."""
    state, policy = contoso.app.firewall_state, contoso.app.settings.firewall_policy_id
    coalescer = Coalescer(state, policy, contoso.app.clock)
    waits, counts_on_it = request(contoso), request(contoso)
    assert await coalescer.join(waits)
    assert not await coalescer.join(counts_on_it)
    between = waits.requested_at + (counts_on_it.requested_at - waits.requested_at) / 2 + timedelta(seconds=0.05)
    later = datetime.now(UTC) + timedelta(seconds=1)
    for read_at, served in ((between - timedelta(seconds=1), False), (later, True)):
        await state.completed(policy, SyncState(read_at=read_at, completed_at=read_at, digest="", rules=0))
        assert await coalescer.is_served(waits) is served
    assert await state.waiting(policy) is None


async def test_request_that_stopped_waiting_is_replaced(contoso: Contoso) -> None:
    state, policy = contoso.app.firewall_state, contoso.app.settings.firewall_policy_id
    coalescer = Coalescer(state, policy, contoso.app.clock)
    assert await coalescer.join(request(contoso))
    row = await state.waiting(policy)
    assert row is not None
    await state.wait(policy, replace(row, seen_at=row.seen_at - timedelta(minutes=5)))
    assert await coalescer.join(request(contoso))


async def test_hundred_clusters_in_a_minute_on_three_hosts_cost_three_writes_at_most(contoso: Contoso) -> None:
    real = await _real_clusters(contoso)
    registered = [api_server(contoso, number) for number in range(3, 101)]
    registered[50:50] = [row.api_server for row in await contoso.app.registry.all()]
    await contoso.unregister()
    await (await contoso.app.storage.queue(names.SYNC_FIREWALL_QUEUE)).clear_messages()
    async with hosts(contoso, 3, speed=12.0):
        assert firewall_writes(contoso) == 0
        assert {contoso.reach(cluster).stage for cluster in real} == {"firewall"}
        clock = contoso.azure.clock
        begun = clock.seconds()
        appeared = [
            _appear(contoso, registered[first : first + 10], begun + 0.4 * first) for first in range(0, 100, 10)
        ]
        last = max(await asyncio.gather(*appeared))
        print(f"appeared within {last - begun:.0f} simulated seconds")
        await until(lambda: len(enforced(contoso)) == 100, seconds=4 * UPDATE_SECONDS / clock.speed)
        took = clock.seconds() - last
        print(f"writes {firewall_writes(contoso)}, {took:.0f} simulated seconds after the last address")
        assert last - begun <= 60
        assert {tuple(found) for found in enforced(contoso).values()} == {(str(item.address),) for item in registered}
        assert [contoso.reach(cluster).reached for cluster in real] == [True, True]
        assert all(_passes(contoso, str(item.address)) for item in registered)
        assert not _passes(contoso, "10.1.7.250")
        assert took <= 2.2 * UPDATE_SECONDS
        assert firewall_writes(contoso) <= 3
        refused = [item for item in contoso.azure.requests if item.method == "PUT" and item.status >= 400]
        assert refused == []


async def _real_clusters(contoso: Contoso) -> list[str]:
    """Two clusters that lack nothing but their rule; the others of the hundred are but rows in the registry."""
    await contoso.prepare()
    clusters = [contoso.create_cluster(f"aks-{number:03d}") for number in (1, 2)]
    for cluster in clusters:
        await contoso.look_at(cluster)
    return clusters


def _passes(contoso: Contoso, address: str) -> bool:
    """Whether the firewall lets the VM in the monitoring spoke through to an address."""
    flow = Flow(source="10.2.0.10", destination=address, port=443, host="")
    return judge(contoso.azure, contoso.seed["firewall_policy"], flow, lambda _name: None).allowed


async def _appear(contoso: Contoso, api_servers: list[ApiServer], moment: float) -> float:
    """Ten clusters are registered at their moment within the minute, each asking for a sync of its own."""
    clock = contoso.azure.clock
    await asyncio.sleep(max(0.0, moment - clock.seconds()) / clock.speed)
    table = await contoso.app.storage.table(names.REGISTRY_TABLE)
    rows = [RegistryRow(api_server=item, changed_at=datetime.now(UTC)) for item in api_servers]
    await table.submit_transaction([("upsert", _entity(row)) for row in rows])
    registered = clock.seconds()
    await asyncio.gather(*(contoso.app.queues.sync_firewall(request(contoso)) for _ in api_servers))
    return registered


async def test_killed_writer_is_succeeded_when_its_lease_ends_and_no_rule_is_lost(contoso: Contoso) -> None:
    async with hosts(contoso, 3, speed=40.0) as running:
        await register(contoso, [1])
        await contoso.app.queues.sync_firewall(request(contoso))
        await until(lambda: firewall_writes(contoso) == 1, seconds=30)
        assert firewall_writes(contoso) == 1
        writer = next(host for host in running if any("writing the firewall" in line for line in host.output))
        await writer.akill()
        await register(contoso, [2])
        await until(lambda: len(addresses(contoso)) == 2, seconds=50)
        assert addresses(contoso) == {"10.1.4.1", "10.1.4.2"}
        assert firewall_writes(contoso) == 2
