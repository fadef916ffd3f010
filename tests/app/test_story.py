"""The story: a private cluster appears in a spoke, and the monitoring spoke can reach it."""

from __future__ import annotations

from tests.app.conftest import Contoso


async def test_new_cluster_becomes_reachable_from_the_monitoring_spoke(contoso: Contoso) -> None:
    subnet = contoso.make_node_subnet()
    await contoso.look_at(subnet)
    await contoso.look_at(contoso.seed["vm_subnet"])
    contoso.azure.clock.advance(30)
    cluster = contoso.create_cluster()

    assert contoso.reach(cluster).stage == "dns"

    report = await contoso.look_at(cluster)
    assert report.findings == ()
    assert contoso.reach(cluster).stage == "firewall"

    assert (await contoso.sync()).writes == 1
    assert contoso.reach(cluster).reached


async def test_second_look_writes_nothing(contoso: Contoso) -> None:
    subnet = contoso.make_node_subnet()
    await contoso.look_at(subnet)
    contoso.azure.clock.advance(30)
    cluster = contoso.create_cluster()
    await contoso.look_at(cluster)
    await contoso.sync()
    before = contoso.writes()

    report = await contoso.look_at(cluster)
    await contoso.look_at(subnet)
    sync = await contoso.sync()

    assert report.plan.empty
    assert str(report.plan) == "No changes. Everything is as it should be."
    assert (sync.result, sync.writes) == ("unchanged", 0)
    assert contoso.writes() == before


async def test_new_cluster_costs_no_more_writes_than_it_must(contoso: Contoso) -> None:
    subnet = contoso.make_node_subnet()
    await contoso.look_at(subnet)
    contoso.azure.clock.advance(30)
    cluster = contoso.create_cluster()
    await contoso.look_at(cluster)
    await contoso.sync()

    kinds = sorted(write.split("/providers/")[-1].split("/")[1] for write in contoso.writes())
    # A route table with its route in one write, the subnet, two links, one firewall write.
    assert kinds == ["firewallPolicies", "privateDnsZones", "privateDnsZones", "routeTables", "virtualNetworks"]
