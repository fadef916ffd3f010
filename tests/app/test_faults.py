"""Whatever goes wrong with a write: the same end state, nothing foreign touched, a bounded number of writes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from local.azure.seed.bodies import route_table_body, subnet_body
from tests.app.conftest import SPEED, Contoso, codes, end_leases

STEPS = {
    "link": "/virtualNetworkLinks/",
    "route table": "/routeTables/rt-aks-hublink[^/]*$",
    "route": "/routeTables/rt-theirs/routes/",
    "subnet": "/subnets/[^/]*$",
    "firewall": "/ruleCollectionGroups/",
}
REFUSALS: list[dict[str, Any]] = [
    {"status": 429, "code": "TooManyRequests", "headers": {"retry-after-ms": "20"}},
    {"status": 409, "code": "AnotherOperationInProgress"},
    {"status": 412, "code": "PreconditionFailed"},
    {"status": 503, "code": "ServiceUnavailable"},
]
BUSY = {"status": 400, "code": "FirewallPolicyRuleCollectionGroupUpdateNotAllowed"}
IN_OPERATION: dict[str, dict[str, Any]] = {
    "operation failed": {"kind": "operation_failed", "code": "InternalServerError"},
    "operation superseded": {"kind": "superseded"},
}
OTHERS = [*IN_OPERATION, "lost response"]


@dataclass(frozen=True, kw_only=True)
class Story:
    """A spoke whose subnets lack everything, with a cluster that AKS has just made."""

    contoso: Contoso
    cluster: str
    subnets: tuple[str, str]

    async def play(self) -> list[set[str]]:
        """What the events of the story lead to."""
        contoso = self.contoso
        reports = [await contoso.look_at(place) for place in (contoso.spoke["vnet"], self.cluster)]
        reports.append(await contoso.look_at(contoso.seed["vm_subnet"]))
        sync = await contoso.sync()
        contoso.azure.clock.advance(60)
        return [*(codes(report) for report in reports), {str(finding.code) for finding in sync.findings}]

    async def end(self) -> dict[str, Any]:
        """All that the app is there for."""
        contoso = self.contoso
        return {
            "links": contoso.links(contoso.zone_of(self.cluster)),
            "tables": [contoso.table_on(subnet) for subnet in (*self.subnets, contoso.seed["vm_subnet"])],
            "hops": [contoso.default_hop(resource) for resource in self._tables()],
            "rows": await contoso.rows(),
            "rules": contoso.rules(),
            "reached": contoso.reach(self.cluster).reached,
            "failed": [item.id for item in contoso.azure.store if item.properties.get("provisioningState") == "Failed"],
        }

    def _tables(self) -> list[str]:
        return [item.id for item in self.contoso.azure.store.of_type("Microsoft.Network/routeTables")]


@pytest.fixture
async def story(contoso: Contoso) -> Story:
    theirs = f"{contoso.spoke['group']}/providers/Microsoft.Network/routeTables/rt-theirs"
    other = f"{contoso.spoke['vnet']}/subnets/aks-other"
    latencies = contoso.azure.latencies
    latencies.subnet = latencies.route_table = latencies.private_dns_link = latencies.firewall_policy = 2.0
    contoso.put(theirs, route_table_body(None))
    contoso.put(other, subnet_body("10.1.12.0/24", route_table=theirs))
    subnet = contoso.make_node_subnet()
    cluster = contoso.create_cluster(outbound="none")
    return Story(contoso=contoso, cluster=cluster, subnets=(subnet, other))


def the_goal() -> dict[str, Any]:
    return {
        "links": {"vnet-hub": "aks-hublink", "vnet-monitoring": "aks-hublink", "vnet-spoke-1": "theirs"},
        "tables": ["rt-aks-hublink-westeurope-c0170500", "rt-theirs", "rt-aks-hublink-westeurope-c0170500"],
        "hops": ["10.0.1.4"] * 3,
        "rows": {"aks-1": "10.1.4.4"},
        "rules": {"aks-1": ["10.1.4.4"]},
        "reached": True,
        "failed": [],
    }


NOTHING_WRONG: list[set[str]] = [set()] * 4
WRITES = 9
"""Two links, two tables of ours with their route, a route in somebody else's, three subnets, one firewall write."""


async def test_story_without_faults_takes_as_many_writes_as_it_must(contoso: Contoso, story: Story) -> None:
    before = contoso.foreign()
    reads = contoso.reads()

    assert await story.play() == NOTHING_WRONG

    assert await story.end() == the_goal()
    assert len(contoso.writes()) == WRITES
    changed = {key for key, body in contoso.foreign().items() if before.get(key) != body}
    assert [key.rsplit("/", 3)[1:] for key in changed] == [["rt-theirs", "routes", "aks-hublink-default"]]
    again = await story.play()
    assert (again, len(contoso.writes())) == (NOTHING_WRONG, WRITES)
    print(f"\nwhole story: {len(contoso.writes())} writes, {contoso.reads() - reads} reads")


@pytest.mark.parametrize("step", STEPS)
async def test_refusals_that_pass_change_nothing_of_the_end(contoso: Contoso, story: Story, step: str) -> None:
    """429 with its Retry-After, 409, 412, 503, and for the firewall 400: one after the other, on the same step."""
    refusals = [*REFUSALS, BUSY] if step == "firewall" else REFUSALS
    call = {"kind": "status", "method": "PUT", "path": STEPS[step]}
    standing = [contoso.azure.faults.add({**call, **refusal}) for refusal in refusals]

    assert await story.play() == NOTHING_WRONG

    assert [fault.hits for fault in standing] == [1] * len(refusals)
    assert await story.end() == the_goal()
    assert len(contoso.writes()) == WRITES


@pytest.mark.parametrize("fault", OTHERS)
@pytest.mark.parametrize("step", STEPS)
async def test_write_of_unknown_or_bad_end_changes_nothing_of_the_end(
    contoso: Contoso, story: Story, step: str, fault: str
) -> None:
    # The operation of a route is one on its table.
    path = STEPS[step].removesuffix("/routes/") if fault in IN_OPERATION else STEPS[step]
    order = IN_OPERATION.get(fault) or {"kind": "lost_response", "method": "PUT"}
    standing = contoso.azure.faults.add({"path": path, "count": 2, **order})

    assert await story.play() == NOTHING_WRONG

    assert standing.hits == 2
    assert await story.end() == the_goal()
    assert len(contoso.writes()) + len(contoso.writes(refused=True)) <= WRITES + 2


@pytest.mark.parametrize("step", STEPS)
async def test_write_that_azure_refuses_for_good_is_tried_once_a_look_and_told(
    contoso: Contoso, story: Story, step: str
) -> None:
    refusal = {"status": 400, "code": "SomethingNew", "message": "No."}
    contoso.azure.faults.add({"kind": "status", "path": STEPS[step], "method": "PUT", "count": 100, **refusal})

    found: list[set[str]] = []
    try:
        found = await story.play()
    except Exception as error:
        found = [{str(getattr(error, "code", ""))}]

    assert "CHANGE_FAILED" in set().union(*found)
    assert len(contoso.writes(refused=True)) <= 4
    contoso.azure.faults.clear()
    await story.play()
    assert await story.end() == the_goal()


THROTTLED = {
    "kind": "status",
    "status": 429,
    "code": "SubscriptionRequestsThrottled",
    "headers": {"Retry-After": "3600"},
}


async def test_read_that_is_throttled_for_an_hour_holds_no_worker(contoso: Contoso, story: Story) -> None:
    contoso.azure.faults.add({**THROTTLED, "method": "GET", "path": "managedClusters/aks-1$"})

    async with asyncio.timeout(10):
        report = await contoso.look_at(story.cluster)

    assert report.looks_again_in == pytest.approx(3600 * SPEED)
    assert await contoso.messages() == []  # hidden for the hour
    assert await story.play() == NOTHING_WRONG
    assert await story.end() == the_goal()


async def test_write_that_is_throttled_for_an_hour_stops_nothing_else(contoso: Contoso, story: Story) -> None:
    contoso.azure.faults.add({**THROTTLED, "method": "PUT", "path": "/virtualNetworkLinks/.*hub-"})

    async with asyncio.timeout(20):
        report = await contoso.look_at(story.cluster)

    assert [str(outcome.result) for outcome in report.outcomes].count("later") == 1
    assert report.looks_again_in == 5.0
    assert await story.play() == NOTHING_WRONG
    assert await story.end() == the_goal()


async def test_registry_that_does_not_answer_brings_the_message_back(contoso: Contoso, story: Story) -> None:
    registry = contoso.app.registry
    put, failures = registry.put, [1, 2]

    async def fail_twice(api_server: Any, **over: Any) -> Any:
        from azure.core.exceptions import ServiceResponseError

        if failures:
            failures.pop()
            raise ServiceResponseError("no answer")
        return await put(api_server, **over)

    registry.put = fail_twice  # type: ignore[method-assign]
    for _ in range(2):
        with pytest.raises(Exception, match="no answer"):
            await contoso.look_at(story.cluster)

    assert await story.play() == NOTHING_WRONG
    assert await story.end() == the_goal()
    assert len(contoso.writes()) == WRITES


@pytest.mark.parametrize("count", range(1, WRITES + 1))
async def test_worker_that_dies_after_any_write_leaves_nothing_undone(
    contoso: Contoso, story: Story, count: int
) -> None:
    playing = asyncio.create_task(story.play())
    while len(contoso.writes()) < count and not playing.done():  # noqa: ASYNC110
        await asyncio.sleep(0)
    playing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await playing

    # Another instance, which remembers nothing.
    contoso.app = contoso.app_with()
    contoso.azure.clock.advance(60)
    await end_leases(contoso.app)
    assert await story.play() == NOTHING_WRONG

    assert await story.end() == the_goal()
    assert len(contoso.writes()) <= WRITES + 2


async def test_worker_that_dies_between_row_and_request_leaves_a_rule_behind(contoso: Contoso, story: Story) -> None:
    """The row is written, the sync is never asked for: the message comes back and asks."""
    queues = contoso.app.queues
    ask = queues.sync_firewall

    async def die(*_args: Any, **_more: Any) -> None:
        raise asyncio.CancelledError

    queues.sync_firewall = die  # type: ignore[method-assign]
    with pytest.raises(asyncio.CancelledError):
        await contoso.look_at(story.cluster)
    queues.sync_firewall = ask  # type: ignore[method-assign]
    assert list(await contoso.rows()) == ["aks-1"]

    assert (await contoso.look_at(story.cluster)).asked_for_sync


async def test_worker_that_dies_after_forgetting_a_cluster_still_closes_its_rule(
    contoso: Contoso, story: Story
) -> None:
    await story.play()
    contoso.delete(story.cluster)
    queues = contoso.app.queues
    ask = queues.sync_firewall

    async def die(*_args: Any, **_more: Any) -> None:
        raise asyncio.CancelledError

    queues.sync_firewall = die  # type: ignore[method-assign]
    with pytest.raises(asyncio.CancelledError):
        await contoso.look_at(story.cluster)
    queues.sync_firewall = ask  # type: ignore[method-assign]
    assert await contoso.rows() == {}

    assert (await contoso.look_at(story.cluster)).asked_for_sync
    await contoso.sync()
    assert contoso.rules() == {}


async def test_two_workers_on_the_same_scopes_get_in_nobody_s_way(contoso: Contoso, story: Story) -> None:
    first, second = contoso.app, contoso.app_with()

    async def work(app: Any) -> list[set[str]]:
        mine = Contoso(
            simulation=contoso.simulation, seed=contoso.seed, app=app, connection_string=contoso.connection_string
        )
        return await Story(contoso=mine, cluster=story.cluster, subnets=story.subnets).play()

    found = await asyncio.gather(work(first), work(second))
    await story.play()

    assert found == [NOTHING_WRONG] * 2
    assert await story.end() == the_goal()
    assert len(contoso.writes()) <= WRITES + 5


async def test_reads_and_writes_of_one_cluster_are_bounded(contoso: Contoso, story: Story) -> None:
    numbers = {}
    for name, place in (
        ("cluster", story.cluster),
        ("zone", contoso.zone_of(story.cluster)),
        ("VNet", contoso.spoke["vnet"]),
        ("route table", f"{contoso.spoke['group']}/providers/Microsoft.Network/routeTables/rt-theirs"),
    ):
        await contoso.look_at(place)
        contoso.app = contoso.app_with()
        before = contoso.reads()
        await contoso.look_at(place)
        numbers[name] = contoso.reads() - before
    await contoso.sync()
    before = contoso.reads()
    await contoso.sync()
    numbers["firewall, nothing to do"] = contoso.reads() - before
    print(f"\nreads a look, with an empty cache: {numbers}")
    assert max(numbers.values()) <= 20
