"""Rule: the default route to the firewall decides; what takes its place is told, with what it takes."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from shared.model.world import World
from shared.plan.finding import Code, Severity
from tests.builders import (
    CLUSTER_ID,
    FIREWALL,
    FOREIGN_TABLE_ID,
    HUB_ID,
    MONITORING_ID,
    NETWORKS,
    NODES_ID,
    OUR_TABLE_ID,
    SPOKE_ID,
    api_server,
    cluster,
    default_route,
    hub,
    observed,
    peering,
    planned,
    pool,
    subnet,
    table,
    the_finding,
    vnet,
    world,
)

VM_SUBNET = MONITORING_ID.child("subnets", "vms")
INTERNET = {"next_hop_type": "Internet", "next_hop_address": None}
NONE = {"next_hop_type": "None", "next_hop_address": None}
NVA = {"next_hop_address": "10.9.9.9"}


def route(prefix, name="by-hand", **values):
    return default_route(name=name, prefix=prefix, **values)


def on_the_nodes(*routes, ours=True, **values):
    """What is found when the table of the cluster's nodes has these routes beside the default one."""
    place = OUR_TABLE_ID if ours else FOREIGN_TABLE_ID
    default = default_route(name="aks-hublink-default" if ours else "theirs")
    found = world(subnets=(subnet(route_table=place),), tables=(table(place, default, *routes, ours=ours),), **values)
    made = planned(found)
    assert made.empty
    return made


def monitoring_world(*routes, ours=True, **values):
    """A scope of the monitoring VNet, as Resource Manager shows it: no cluster is known, the hub's peerings are."""
    place = OUR_TABLE_ID if ours else FOREIGN_TABLE_ID
    vms = subnet(VM_SUBNET, "10.50.1.0/24", route_table=place)
    home = vnet(MONITORING_ID, "10.50.0.0/16", subnets=(vms,), peerings=(peering(HUB_ID),))
    to_spoke = peering(SPOKE_ID, remote_space=(IPv4Network("10.20.0.0/16"),))
    middle = vnet(HUB_ID, "10.0.0.0/16", peerings=(peering(MONITORING_ID), to_spoke))
    default = default_route(name="aks-hublink-default" if ours else "theirs")
    known = {
        "hub": hub(vnet=middle, monitoring=(home,)),
        "vnets": {MONITORING_ID: home},
        "subnets_in_scope": (VM_SUBNET,),
        "route_tables": {place: table(place, default, *routes, ours=ours)},
    }
    return World(**{**known, **values})


@pytest.mark.parametrize("ours", [True, False], ids=["our table", "a foreign table"])
def test_two_halves_of_the_internet_are_an_error_each(ours):
    made = on_the_nodes(route("0.0.0.0/1", "low", **INTERNET), route("128.0.0.0/1", "high", **INTERNET), ours=ours)

    assert [item.code for item in made.findings] == [Code.ROUTE_BYPASSES_FIREWALL] * 2
    assert {item.resource.name for item in made.findings} == {"low", "high"}
    for finding in made.findings:
        assert finding.severity is Severity.ERROR
        assert "the Internet (half of it or more, all such routes together)" in finding.message
        assert f"Expected VirtualAppliance {FIREWALL}; found Internet." in finding.message
        assert f"az network route-table route delete --ids {finding.resource}" in finding.fix
        assert f"--next-hop-ip-address {FIREWALL}" in finding.fix
        assert not finding.repaired


@pytest.mark.parametrize(
    ("prefixes", "told"),
    [
        (["0.0.0.0/1"], ["0.0.0.0/1"]),
        (["0.0.0.0/2", "192.0.0.0/2"], ["0.0.0.0/2", "192.0.0.0/2"]),
        (["64.0.0.0/2", "128.0.0.0/3"], []),
        (["0.0.0.0/1", "128.0.0.0/1", "20.40.0.0/16"], ["0.0.0.0/1", "128.0.0.0/1"]),
        (["0.0.0.0/1", "10.0.0.0/8"], ["0.0.0.0/1"]),
    ],
    ids=["one half", "two quarters", "less than half", "a small one beside", "private space carved out"],
)
def test_what_counts_is_half_of_the_internet_by_whatever_routes(prefixes, told):
    routes = [route(prefix, prefix.replace("/", "-"), **INTERNET) for prefix in prefixes if prefix != "10.0.0.0/8"]
    if "10.0.0.0/8" in prefixes:
        routes.append(route("10.0.0.0/8", "private"))  # leads to the firewall
    made = on_the_nodes(*routes, ours=False)

    assert sorted(item.resource.name for item in made.findings) == sorted(name.replace("/", "-") for name in told)


def test_half_that_more_specific_routes_bring_back_to_the_firewall_takes_nothing():
    back = (route("0.0.0.0/2", "a"), route("64.0.0.0/2", "b"))

    assert on_the_nodes(route("0.0.0.0/1", "low", **INTERNET), *back, ours=False).findings == ()


@pytest.mark.parametrize("ours", [True, False], ids=["our table", "a foreign table"])
def test_black_hole_towards_monitoring_is_an_error(ours):
    finding = the_finding(on_the_nodes(route("10.50.0.0/16", **NONE), ours=ours))

    assert (finding.code, finding.severity) == (Code.ROUTE_BLACK_HOLE, Severity.ERROR)
    assert finding.resource == (OUR_TABLE_ID if ours else FOREIGN_TABLE_ID).child("routes", "by-hand")
    assert "drops" in finding.message
    assert "the monitoring VNet vnet-monitoring" in finding.message


@pytest.mark.parametrize("prefix", ["10.50.0.0/16", "10.50.1.0/24", "10.0.0.0/8", "10.50.0.0/15"])
def test_route_that_covers_monitoring_in_whole_or_in_part_and_leads_elsewhere_is_an_error(prefix):
    finding = the_finding(on_the_nodes(route(prefix, **NVA), ours=False))

    assert (finding.code, finding.severity) == (Code.ROUTE_BYPASSES_FIREWALL, Severity.ERROR)
    assert "found VirtualAppliance 10.9.9.9" in finding.message


def test_next_hop_type_that_is_not_known_is_called_unknown_and_a_warning():
    ecmp = {"next_hop_type": "VirtualApplianceEcmp", "next_hop_address": None}
    finding = the_finding(on_the_nodes(route("10.50.0.0/16", **ecmp), ours=False))

    assert (finding.code, finding.severity) == (Code.ROUTE_BYPASSES_FIREWALL, Severity.WARNING)
    assert "unknown" in finding.message


def test_route_of_the_hub_is_a_warning_and_of_the_firewalls_own_address_an_error():
    """Answers of application rules and DNS come from the firewall's subnet, over the peering."""
    gateway = the_finding(on_the_nodes(route("10.0.2.0/24", **NONE), ours=False))
    firewall = the_finding(on_the_nodes(route("10.0.1.0/24", **NONE), ours=False))
    alone = the_finding(on_the_nodes(route("10.0.1.4/32", **NONE), ours=False))

    assert gateway.severity is Severity.WARNING
    assert "the hub VNet vnet-hub" in gateway.message
    assert firewall.severity is alone.severity is Severity.ERROR
    assert "the firewall's own address 10.0.1.4" in alone.message


def test_wider_route_does_not_decide_where_the_systems_route_is_more_specific():
    """The peering's 10.0.0.0/16 beats 10.0.0.0/8: only monitoring, which is not peered with the spoke, is lost."""
    finding = the_finding(on_the_nodes(route("10.0.0.0/8", **NONE), ours=False))

    assert "vnet-monitoring" in finding.message
    assert "vnet-hub" not in finding.message


def test_direct_peering_with_monitoring_is_the_systems_route_too():
    direct = vnet(peerings=(peering(HUB_ID), peering(MONITORING_ID)))

    assert on_the_nodes(route("10.0.0.0/8", **NONE), ours=False, spoke=direct).findings == ()
    assert on_the_nodes(route("10.50.0.0/16", **NONE), ours=False, spoke=direct).findings
    off = table(FOREIGN_TABLE_ID, default_route(name="theirs"), route("10.0.0.0/8", **NONE), ours=False)
    place = world(
        subnets=(subnet(route_table=FOREIGN_TABLE_ID),), tables=(replace(off, peering_routes=False),), spoke=direct
    )
    assert planned(place).findings  # disablePeeringRoute takes the peerings' routes away


def test_more_specific_route_to_the_firewall_saves_what_it_covers():
    saved = (route("10.50.0.0/17", "a"), route("10.50.128.0/17", "b"))

    assert on_the_nodes(route("10.50.0.0/16", **NVA), *saved, ours=False).findings == ()
    assert on_the_nodes(route("10.50.0.0/16", **NVA), saved[0], ours=False).findings


@pytest.mark.parametrize(
    "harmless",
    [
        route("10.50.0.0/16"),
        route("10.50.0.0/16", next_hop_type="virtualappliance"),
        route("10.20.0.0/16", next_hop_type="VnetLocal", next_hop_address=None),
        route("10.50.0.0/16", provisioning_state="Failed", **NONE),
    ],
    ids=["to the firewall", "in lower case", "the VNet itself", "holds nowhere"],
)
def test_route_that_takes_nothing_is_no_finding(harmless):
    assert on_the_nodes(harmless).findings == ()


@pytest.mark.parametrize(
    "other",
    [
        route("192.168.0.0/16", **NVA),
        route("192.168.0.0/16", next_hop_type="VirtualNetworkGateway", next_hop_address=None),
        route("52.1.2.3/32", **INTERNET),
        route("ApiManagement", **INTERNET),
        route("2001:db8::/32", **INTERNET),
        route("10.20.9.9/32", **NVA),
    ],
    ids=["on-premises", "gateway", "the firewall's public address", "service tag", "IPv6", "private endpoint"],
)
def test_other_route_is_a_warning_in_our_table_and_nobodys_business_in_a_foreign_one(other):
    finding = the_finding(on_the_nodes(other))

    assert (finding.code, finding.severity) == (Code.ROUTE_BYPASSES_FIREWALL, Severity.WARNING)
    assert finding.resource == OUR_TABLE_ID
    assert f"by-hand ({other.prefix} to " in finding.message
    assert f"az network route-table route delete --ids {OUR_TABLE_ID}/routes/by-hand" in finding.fix
    assert on_the_nodes(other, ours=False).findings == ()


def test_many_other_routes_are_one_finding_for_each_code():
    others = [route(f"192.168.{n}.0/24", f"r{n}", **NVA) for n in range(30)]
    holes = [route(f"172.16.{n}.0/24", f"h{n}", **NONE) for n in range(2)]
    made = on_the_nodes(*others, *holes)

    assert [item.code for item in made.findings] == [Code.ROUTE_BLACK_HOLE, Code.ROUTE_BYPASSES_FIREWALL]
    assert made.findings[0].message.startswith("2 routes")
    assert made.findings[1].message.startswith("30 routes")
    assert "and 20 more" in made.findings[1].message


def test_pod_routes_of_kubenet_are_akss_own():
    kubenet = cluster(network_plugin="kubenet")
    place = observed(cluster=kubenet, registered=api_server())
    pods = [route(f"10.244.{n}.0/24", f"aks-nodepool1-{n}", next_hop_address=f"10.20.1.{n + 4}") for n in range(3)]

    assert on_the_nodes(*pods, ours=False, cluster=place).findings == ()
    assert on_the_nodes(*pods, cluster=place).findings == ()
    assert on_the_nodes(*pods).findings  # nobody's pods


def test_foreign_default_route_is_told_once_and_not_again_for_its_more_specific_routes():
    theirs = table(FOREIGN_TABLE_ID, default_route(name="theirs", **NVA), route("10.50.0.0/16", **NVA), ours=False)
    made = planned(world(subnets=(subnet(route_table=FOREIGN_TABLE_ID),), tables=(theirs,)))

    assert the_finding(made).code is Code.ROUTE_FOREIGN_NEXT_HOP


def test_subnet_that_is_not_routed_to_the_firewall_keeps_its_routes():
    lb = cluster(outbound_type="loadBalancer")
    place = observed(cluster=lb, registered=api_server(outbound_type="loadBalancer"))
    made = on_the_nodes(route("0.0.0.0/1", **INTERNET), cluster=place)

    assert the_finding(made).code is Code.OUTBOUND_TYPE_NOT_ROUTED


def test_table_that_several_clusters_share_is_told_once_for_nobody():
    other = NETWORKS.resource(SPOKE_ID.type, "vnet-spoke-2")
    nodes = subnet(other.child("subnets", "nodes"), "10.21.1.0/24")
    place = world(tables=(table(OUR_TABLE_ID, default_route(), route("10.50.0.0/16", **NONE)),))
    place = replace(
        place,
        hub=hub(SPOKE_ID, other),
        vnets={**place.vnets, other: vnet(other, "10.21.0.0/16", subnets=(nodes,))},
        subnets_in_scope=(NODES_ID, nodes.id),
        neighbours=(cluster(CLUSTER_ID.parent.resource(CLUSTER_ID.type, "aks-2"), pools=(pool(nodes.id),)),),
    )

    assert the_finding(planned(place)).cluster is None


@pytest.mark.parametrize("ours", [True, False], ids=["our table", "a foreign table"])
def test_monitoring_table_that_takes_a_spoke_off_the_firewall_is_an_error(ours):
    """The whole registry is not known here, so any spoke of the hub may have a cluster."""
    finding = the_finding(planned(monitoring_world(route("10.20.0.0/16", **NVA), ours=ours)))

    assert (finding.code, finding.severity) == (Code.ROUTE_BYPASSES_FIREWALL, Severity.ERROR)
    assert "the spoke VNet vnet-spoke-1" in finding.message


def test_with_the_registry_known_only_spokes_with_clusters_count():
    aside = api_server(subnets=(NETWORKS.resource(SPOKE_ID.type, "vnet-spoke-2").child("subnets", "nodes"),))
    there = route("10.20.0.0/16", **NVA)

    assert planned(monitoring_world(there, ours=False, all_registered=(aside,))).findings == ()
    assert planned(monitoring_world(there, ours=False, all_registered=(api_server(),))).findings


def test_single_address_counts_when_it_is_an_api_servers():
    address = route("10.20.1.4/32", **NONE)
    finding = the_finding(planned(monitoring_world(address, ours=False, all_registered=(api_server(),))))

    assert (finding.code, finding.severity) == (Code.ROUTE_BLACK_HOLE, Severity.ERROR)
    assert "the API server of aks-1" in finding.message
    elsewhere = api_server(address=IPv4Address("10.20.1.5"))
    assert planned(monitoring_world(address, ours=False, all_registered=(elsewhere,))).findings == ()


def test_monitoring_table_may_say_what_it_likes_about_its_own_vnet():
    assert planned(monitoring_world(route("10.50.2.0/24", **NVA), ours=False)).findings == ()


def test_many_spokes_are_named_in_short():
    spokes = [NETWORKS.resource(SPOKE_ID.type, f"vnet-spoke-{n}") for n in range(9)]
    sides = tuple(peering(spoke, remote_space=(IPv4Network(f"10.{20 + n}.0.0/16"),)) for n, spoke in enumerate(spokes))
    place = monitoring_world(route("10.16.0.0/12", **NVA))
    place = replace(place, hub=replace(place.hub, vnet=replace(place.hub.vnet, peerings=sides)))
    place = replace(
        place, hub=replace(place.hub, vnet=replace(place.hub.vnet, peerings=(*sides, peering(MONITORING_ID))))
    )

    assert "and 6 more" in the_finding(planned(place)).message


def test_id_in_a_command_is_safe_to_paste():
    group = replace(NETWORKS, resource_group="rg(1)")
    odd = table(group.resource(OUR_TABLE_ID.type, "rt"), default_route(), route("10.50.0.0/16", **NONE))
    made = planned(world(subnets=(subnet(route_table=odd.id),), tables=(odd,)))

    assert f"--ids '{odd.id}/routes/by-hand'" in the_finding(made).fix
