"""What looks like a reason to write and is none: nothing is written, and a finding says why."""

from __future__ import annotations

import pytest

from local.azure.seed.bodies import cluster_body, peering_body, subnet_body, vnet_body
from tests.app.conftest import Contoso, codes

LOOKALIKE = "0ddba11.privatelink.westeurope.azmk8s.io"


async def test_zone_that_only_looks_like_aks_is_refused(contoso: Contoso) -> None:
    zone = contoso.put_zone(contoso.spoke["group"], LOOKALIKE)

    report = await contoso.look_at(zone)

    assert codes(report) == {"ZONE_NOT_AKS"}
    assert contoso.writes() == []
    assert contoso.links(zone) == {}


async def test_zone_of_another_service_is_nobody_s_business(contoso: Contoso) -> None:
    zone = contoso.put_zone(contoso.spoke["group"], "privatelink.blob.core.windows.net")

    report = await contoso.look_at(zone)

    assert report.findings == ()
    assert contoso.writes() == []


@pytest.mark.parametrize("name", [LOOKALIKE, None])
async def test_group_that_claims_a_real_cluster_does_not_get_its_zone_linked(
    contoso: Contoso, name: str | None
) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    before = contoso.writes()
    forged = contoso.spoke["group"].replace("rg-spoke-1", "MC_forged")
    contoso.put(forged, {"location": "westeurope", "managedBy": cluster})
    contoso.azure.store.get(forged).body["managedBy"] = cluster
    zone = contoso.put_zone(forged, name or contoso.zone_of(cluster).rsplit("/", 1)[-1])

    report = await contoso.look_at(zone)

    assert codes(report) == {"ZONE_NOT_AKS"}
    assert contoso.writes() == before
    assert contoso.links(zone) == {}


@pytest.mark.parametrize(
    "owner", ["", "not an id", "/subscriptions/{sub}", "/subscriptions/{sub}/resourceGroups/rg-spoke-1", "{cluster}/x"]
)
async def test_group_managed_by_nonsense_owns_no_zone(contoso: Contoso, owner: str) -> None:
    group = contoso.spoke["group"].replace("rg-spoke-1", "MC_odd")
    contoso.put(group, {"location": "westeurope"})
    owner = owner.replace("{sub}", group.split("/")[2]).replace("{cluster}", contoso.cluster_id())
    contoso.azure.store.get(group).body["managedBy"] = owner
    zone = contoso.put_zone(group, LOOKALIKE)

    report = await contoso.look_at(zone)

    assert codes(report) == {"ZONE_NOT_AKS"}
    assert contoso.writes() == []


@pytest.mark.parametrize("address", ["10.0.1.4", "10.3.4.4", "203.0.113.7"])
async def test_record_that_points_out_of_the_cluster_s_vnet_opens_nothing(contoso: Contoso, address: str) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    zone = contoso.zone_of(cluster)
    contoso.put_record(zone, contoso.get(cluster)["properties"]["privateFQDN"].split(".")[0], address)

    report = await contoso.look_at(cluster)
    await contoso.sync()

    assert codes(report) == {"ADDRESS_OUTSIDE_VNET"}
    assert await contoso.rows() == {}
    assert contoso.rules() == {}


async def test_record_that_disagrees_with_the_endpoint_is_waited_for(contoso: Contoso) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    zone, label = contoso.zone_of(cluster), contoso.get(cluster)["properties"]["privateFQDN"].split(".")[0]
    contoso.put_record(zone, label, "10.1.4.200")

    report = await contoso.look_at(cluster)

    assert report.looks_again_in == 5.0
    assert await contoso.rows() == {}


async def test_second_address_in_the_record_opens_nothing(contoso: Contoso) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    zone, label = contoso.zone_of(cluster), contoso.get(cluster)["properties"]["privateFQDN"].split(".")[0]
    right = contoso.get(f"{zone}/A/{label}")["properties"]["aRecords"][0]
    records = [right, {"ipv4Address": "10.0.1.4"}]
    contoso.put(f"{zone}/A/{label}", {"properties": {"ttl": 300, "aRecords": records}})

    assert codes(await contoso.look_at(cluster)) == {"ADDRESS_OUTSIDE_VNET"}
    assert await contoso.rows() == {}


async def test_subscription_that_is_not_looked_after_is_left_alone(contoso: Contoso) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    contoso.app = contoso.app_with(spoke_subscription_ids=contoso.seed["subscriptions"]["vnet-spoke-3"])
    before, reads = contoso.writes(), contoso.reads()

    await contoso.look_at(cluster)
    await contoso.look_at(contoso.zone_of(cluster))

    assert (contoso.writes(), contoso.reads()) == (before, reads)


async def test_vnet_that_is_not_peered_is_reported_until_it_is(contoso: Contoso) -> None:
    lonely = f"{contoso.spoke['group']}/providers/Microsoft.Network/virtualNetworks/vnet-lonely"
    subnet = f"{lonely}/subnets/aks-nodes"
    contoso.put(lonely, vnet_body("10.9.0.0/16"))
    contoso.put(subnet, subnet_body("10.9.4.0/22"))
    cluster = contoso.cluster_id("aks-lonely")
    contoso.put(cluster, cluster_body(subnet, prefix="lonely", outbound="none"), wait=400)

    reports = [await contoso.look_at(place) for place in (subnet, cluster)]
    await contoso.sync()

    assert [codes(report) for report in reports] == [{"VNET_NOT_PEERED"}, {"VNET_NOT_PEERED"}]
    assert contoso.table_on(subnet) is None
    assert await contoso.rows() == {}
    assert contoso.rules() == {}

    contoso.put(f"{contoso.seed['hub_vnet']}/virtualNetworkPeerings/hub-to-lonely", peering_body(lonely))
    peering = f"{lonely}/virtualNetworkPeerings/lonely-to-hub"
    contoso.put(peering, peering_body(contoso.seed["hub_vnet"], forwarded=True))
    await contoso.look_at(contoso.seed["vm_subnet"])
    await contoso.settle(peering)
    assert contoso.reach(cluster).reached
