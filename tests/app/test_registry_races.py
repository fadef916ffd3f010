"""Two workers see one cluster at different moments: the registry keeps what was seen last, not written last."""

from __future__ import annotations

from shared.model.resource_id import ResourceId
from shared.model.scope import Scope, ScopeKind
from shared.plan.planner import plan
from tests.app.conftest import Contoso

ABOUT_NOTHING = 0.00001
"""Hours after which the rule of a stopped cluster goes: at once."""


async def reachable(contoso: Contoso) -> str:
    await contoso.prepare()
    await contoso.look_at(contoso.seed["monitoring_vnet"])
    cluster = contoso.create_cluster()
    await contoso.settle(cluster)
    contoso.azure.clock.advance(300)
    assert contoso.reach(cluster).reached
    return cluster


async def test_slow_worker_does_not_write_over_what_another_has_seen_since(contoso: Contoso) -> None:
    cluster = await reachable(contoso)
    contoso.post(cluster, "stop")
    seen_stopped = await contoso.app.observer.observe(Scope(kind=ScopeKind.CLUSTER, resource=ResourceId.parse(cluster)))
    stale = plan(seen_stopped, contoso.app.settings)
    assert [str(action.kind) for action in stale.actions] == ["register_api_server"]
    contoso.create_cluster("aks-2")  # takes the address, so that the start moves the API server
    contoso.post(cluster, "start")
    await contoso.look_at(cluster)
    moved = await contoso.app.registry.get(ResourceId.parse(cluster))

    (outcome,) = await contoso.app.executor.apply(stale)

    assert str(outcome.result) == "later"
    assert "Another worker" in outcome.message
    assert await contoso.app.registry.get(ResourceId.parse(cluster)) == moved
    await contoso.sync()
    contoso.azure.clock.advance(300)
    assert contoso.reach(cluster).reached


async def test_row_that_was_made_or_removed_meanwhile_is_not_overwritten(contoso: Contoso) -> None:
    await reachable(contoso)
    registry = contoso.app.registry
    (row,) = await registry.all()
    assert not await registry.put(row.api_server, over=None)
    assert await registry.put(row.api_server, over=row)
    assert not await registry.put(row.api_server, over=row)
    assert not await registry.remove(row)
    await contoso.unregister()
    assert not await registry.put(row.api_server, over=row)


async def test_rule_of_a_cluster_that_runs_again_outlives_the_retention(contoso: Contoso) -> None:
    """Its new address cannot be verified: the clock of the stop must not go on while people use the cluster."""
    cluster = await reachable(contoso)
    contoso.post(cluster, "stop")
    await contoso.look_at(cluster)
    contoso.post(cluster, "start")
    zone, record = contoso.zone_of(cluster), contoso.get(cluster)["properties"]["privateFQDN"].split(".", 1)[0]
    addresses = contoso.get(f"{zone}/A/{record}")["properties"]["aRecords"]
    doubtful = [*addresses, {"ipv4Address": "10.1.4.200"}]
    contoso.put(f"{zone}/A/{record}", {"properties": {"ttl": 300, "aRecords": doubtful}})

    report = await contoso.look_at(cluster)
    contoso.app = contoso.app_with(stopped_rule_retention_hours=ABOUT_NOTHING)
    await contoso.sync()

    assert report.plan.waiting
    assert list(contoso.rules()) == ["aks-1"]
