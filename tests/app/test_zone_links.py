"""Links: what other people's links, other zones of the same name, locks and missing rights make of them."""

from __future__ import annotations

from typing import Any

from local.azure.rbac import AKS, APP, DenyAssignment, RoleAssignment
from local.azure.seed.bodies import cluster_body
from tests.app.conftest import SPEED, Contoso, codes

OURS = {"vnet-hub": "aks-hublink", "vnet-monitoring": "aks-hublink"}


def identity(contoso: Contoso) -> str:
    return f"{contoso.spoke['group']}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/aks"


def shared_zone(contoso: Contoso) -> str:
    return contoso.put_zone(contoso.spoke["group"], "privatelink.westeurope.azmk8s.io")


def trusting(contoso: Contoso, zone: str) -> None:
    contoso.app = contoso.app_with(trusted_zone_ids=zone)


def take_away(contoso: Contoso, *actions: str) -> None:
    """Take actions out of every role assignment of the app."""
    access = contoso.azure.access
    access.assignments[:] = [
        RoleAssignment(principal_id=item.principal_id, scope=item.scope, actions=item.actions, not_actions=(*actions,))
        if item.principal_id == APP.object_id
        else item
        for item in access.assignments
    ]


async def test_hub_that_is_linked_under_another_name_is_not_linked_again(contoso: Contoso) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    zone = contoso.zone_of(cluster)
    contoso.put_link(zone, "by-hand", contoso.seed["hub_vnet"])

    (report,) = await contoso.settle(cluster)

    assert report.findings == ()
    assert contoso.links(zone) | {"vnet-spoke-1": ""} == {
        "vnet-hub": "theirs",
        "vnet-monitoring": "aks-hublink",
        "vnet-spoke-1": "",
    }
    assert contoso.writes(refused=True) == []
    assert contoso.reach(cluster).reached


async def test_link_made_by_somebody_else_meanwhile_is_taken_as_done(contoso: Contoso) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    zone = contoso.zone_of(cluster)
    # The plan is made from a world without the link; by the time of the write it is there.
    conflict = {"status": 409, "code": "Conflict", "count": 1}
    contoso.azure.faults.add({"kind": "status", "method": "PUT", "path": "/virtualNetworkLinks/.*hub", **conflict})
    reader = contoso.app.reader
    read_zone = reader.zone

    async def read_then_link(resource: Any) -> Any:
        found = await read_zone(resource)
        contoso.put_link(zone, "by-hand", contoso.seed["hub_vnet"])
        return found

    reader.zone = read_then_link  # type: ignore[method-assign]
    report = await contoso.look_at(cluster)

    assert report.findings == ()
    assert report.looks_again_in is None
    assert contoso.links(zone)["vnet-hub"] == "theirs"


async def test_zone_of_the_same_name_is_reported_and_does_not_stop_the_other_link(contoso: Contoso) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    zone = contoso.zone_of(cluster)
    other = contoso.put_zone(contoso.seed["spokes"]["vnet-spoke-3"]["group"], zone.rsplit("/", 1)[-1])
    contoso.put_link(other, "first", contoso.seed["hub_vnet"])
    before = len(contoso.writes()) + len(contoso.writes(refused=True))

    (report,) = await contoso.settle(cluster)

    assert codes(report) == {"ZONE_OVERLAPPING"}
    assert report.looks_again_in is None
    assert contoso.links(zone).keys() == {"vnet-monitoring", "vnet-spoke-1"}
    assert contoso.links(other) == {"vnet-hub": "theirs"}
    # Two links tried, one rule: nothing is tried twice.
    assert len(contoso.writes()) + len(contoso.writes(refused=True)) - before == 3
    assert contoso.reach(cluster).reached


async def test_locked_node_group_is_reported_and_not_written_to(contoso: Contoso) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster("aks-locked", locked=True)

    (report,) = await contoso.settle(cluster)

    assert codes(report) == {"NODE_GROUP_LOCKED"}
    assert contoso.links(contoso.zone_of(cluster)).keys() == {"vnet-spoke-1"}
    assert [write for write in contoso.writes() if "virtualNetworkLinks" in write] == []
    assert contoso.writes(refused=True) == []
    assert list(contoso.rules()) == ["aks-locked"]


async def test_deny_assignment_is_reported_after_one_try(contoso: Contoso) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    group = contoso.zone_of(cluster).split("/providers/")[0]
    contoso.azure.access.denials.append(DenyAssignment(scope=group, except_principals=(AKS.object_id,)))

    (report,) = await contoso.settle(cluster)

    assert codes(report) == {"NODE_GROUP_LOCKED"}
    assert len(contoso.writes(refused=True)) == 2
    assert report.looks_again_in is None
    assert list(contoso.rules()) == ["aks-1"]


async def test_missing_right_is_named_and_the_rest_is_done(contoso: Contoso) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    take_away(contoso, "Microsoft.Network/privateDnsZones/virtualNetworkLinks/write")

    (report,) = await contoso.settle(cluster)

    assert codes(report) == {"RIGHTS_MISSING"}
    assert all(
        "Microsoft.Network/privateDnsZones/virtualNetworkLinks/write" in item.message for item in report.findings
    )
    assert list(contoso.rules()) == ["aks-1"]


async def test_missing_right_on_the_linked_vnet_is_named(contoso: Contoso) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    take_away(contoso, "Microsoft.Network/virtualNetworks/join/action")

    (report,) = await contoso.settle(cluster)

    assert codes(report) == {"RIGHTS_MISSING"}
    assert all("Microsoft.Network/virtualNetworks/join/action" in item.message for item in report.findings)


async def test_missing_right_to_read_is_named(contoso: Contoso) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    take_away(contoso, "Microsoft.ContainerService/managedClusters/read")

    (report,) = await contoso.settle(cluster)

    assert codes(report) == {"RIGHTS_MISSING"}
    assert "Microsoft.ContainerService/managedClusters/read" in report.findings[0].message


async def test_missing_right_on_routes_is_named_and_the_links_are_made(contoso: Contoso) -> None:
    contoso.app = contoso.app_with(aks_subnet_name_pattern="")
    subnet = contoso.make_node_subnet()
    cluster = contoso.create_cluster(outbound="none")
    take_away(contoso, "Microsoft.Network/routeTables/write")

    (report,) = await contoso.settle(cluster)

    assert codes(report) == {"RIGHTS_MISSING"}
    assert "Microsoft.Network/routeTables/write" in report.findings[0].message
    assert contoso.links(contoso.zone_of(cluster)) | OURS == contoso.links(contoso.zone_of(cluster))
    assert contoso.table_on(subnet) is None


async def test_untrusted_zone_of_one_s_own_is_reported(contoso: Contoso) -> None:
    await contoso.prepare()
    zone = shared_zone(contoso)
    cluster = contoso.create_cluster(zone=zone, identity=identity(contoso))

    (report,) = await contoso.settle(cluster)

    assert codes(report) == {"ZONE_NOT_TRUSTED"}
    assert contoso.links(zone).keys() == {"vnet-spoke-1"}
    assert contoso.rules() == {}


async def test_shared_zone_keeps_its_links_until_its_last_cluster_is_gone(contoso: Contoso) -> None:
    await contoso.prepare()
    zone = shared_zone(contoso)
    trusting(contoso, zone)
    clusters = [contoso.create_cluster(name, zone=zone, identity=identity(contoso)) for name in ("aks-1", "aks-2")]
    await contoso.settle(*clusters)
    assert [contoso.reach(cluster).reached for cluster in clusters] == [True, True]

    contoso.delete(clusters[0])
    await contoso.settle(clusters[0])
    assert contoso.links(zone) | OURS == contoso.links(zone)
    assert list(contoso.rules()) == ["aks-2"]
    assert contoso.reach(clusters[1]).reached

    contoso.delete(clusters[1])
    await contoso.settle(clusters[1])
    contoso.azure.clock.advance(60)
    # What our own deletions say as events, and what anybody says of the zone later, does not bring them back.
    await contoso.settle(f"{zone}/virtualNetworkLinks/any", zone)
    assert contoso.links(zone) == {"vnet-spoke-1": "theirs"}
    assert await contoso.rows() == {}
    assert contoso.rules() == {}


async def test_shared_zone_is_linked_as_soon_as_a_cluster_has_its_record_there(contoso: Contoso) -> None:
    await contoso.prepare()
    zone = shared_zone(contoso)
    trusting(contoso, zone)
    contoso.create_cluster(zone=zone, identity=identity(contoso), wait=70)

    await contoso.look_at(f"{zone}/A/aks-1")

    assert contoso.links(zone) | OURS == contoso.links(zone)


async def test_zone_without_a_cluster_record_is_left_alone(contoso: Contoso) -> None:
    zone = shared_zone(contoso)
    trusting(contoso, zone)

    assert (await contoso.look_at(zone)).plan.empty


async def test_cluster_in_the_monitoring_vnet_is_linked_by_aks_itself(contoso: Contoso) -> None:
    await contoso.prepare()
    spoke = contoso.seed["spokes"]["vnet-monitoring"]
    await contoso.look_at(spoke["node_subnet"])
    contoso.azure.clock.advance(30)
    contoso.azure.clock.set_speed(5)
    contoso.azure.latencies.private_dns_link = 1
    cluster = contoso.create_cluster("aks-mon", "vnet-monitoring", wait=25)
    zone = contoso.zone_of(cluster)

    report = await contoso.look_at(zone)
    assert contoso.links(zone) == {"vnet-hub": "aks-hublink"}
    assert report.looks_again_in == 5.0

    contoso.azure.clock.set_speed(SPEED)
    contoso.azure.clock.advance(400)
    (report,) = await contoso.settle(cluster)
    assert contoso.get(cluster)["properties"]["provisioningState"] == "Succeeded"
    assert contoso.links(zone) == {"vnet-hub": "aks-hublink", "vnet-monitoring": "theirs"}
    assert contoso.reach(cluster).reached


async def test_link_of_ours_that_somebody_deleted_comes_back(contoso: Contoso) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    await contoso.settle(cluster)
    zone = contoso.zone_of(cluster)
    ours = next(
        link.id
        for link in contoso.azure.store.of_type("Microsoft.Network/privateDnsZones/virtualNetworkLinks", below=zone)
        if "vnet-monitoring" in link.id
    )
    contoso.delete(ours, wait=60)
    assert contoso.reach(cluster).stage == "dns"

    await contoso.look_at(ours)

    assert contoso.reach(cluster).reached


async def test_custom_dns_cluster_whose_hub_was_linked_late_fails(contoso: Contoso) -> None:
    """What the app is for: without the hub's link AKS gives up after ten minutes."""
    contoso.seed = contoso.simulation.seed("contoso", dns="firewall")
    contoso.app = contoso.app_with()
    await contoso.prepare()

    late = contoso.create_cluster("aks-late", wait=1200)
    assert contoso.get(late)["properties"]["provisioningState"] == "Failed"

    cluster = contoso.create_cluster("aks-in-time", wait=25)
    await contoso.look_at(contoso.zone_of(cluster))
    contoso.azure.clock.advance(1200)
    await contoso.settle(cluster)
    assert contoso.get(cluster)["properties"]["provisioningState"] == "Succeeded"
    assert contoso.reach(cluster).reached


async def test_failed_cluster_is_linked_and_heals_with_its_next_update(contoso: Contoso) -> None:
    contoso.seed = contoso.simulation.seed("contoso", dns="firewall")
    contoso.app = contoso.app_with()
    subnet = await contoso.prepare()
    cluster = contoso.create_cluster(wait=1200)
    await contoso.settle(cluster)

    contoso.put(cluster, cluster_body(subnet, prefix="aks-1"), wait=900)
    await contoso.settle(cluster)

    assert contoso.get(cluster)["properties"]["provisioningState"] == "Succeeded"
    assert contoso.reach(cluster).reached
