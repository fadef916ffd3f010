"""Every kind of private cluster, made by the local AKS, against the data plane."""

from __future__ import annotations

from typing import Any

import pytest

from local.azure.seed.bodies import cluster_body, subnet_body
from local.azure.seed.contoso import FIREWALL_IP, MONITORING
from shared.reachability.codes import ReachCode
from shared.reachability.verdict import Answer
from tests.reachability import breakages as b
from tests.reachability.estate import Estate, make_estate
from tests.reachability.test_against_the_data_plane import compare

C = ReachCode
R, A = Answer.REACHABLE, Answer.AMBIGUOUS


def made(*, integrated: bool = False, table: bool = False, linked: bool = True, **body: Any) -> Estate:
    """An estate with one more cluster, allowed by the firewall, its zone, if it has one, linked as it should be."""
    estate = make_estate()
    nodes = b.node_subnet(estate)
    if integrated:
        api = f"{estate.spoke_vnet}/subnets/api"
        on = estate.call.get(nodes)["properties"]["routeTable"]["id"] if table else None
        estate.put(api, subnet_body("10.10.40.0/28", delegated=True, route_table=on))
        body["api_subnet"] = api
        body["identity"] = f"{estate.cluster.split('/providers/')[0]}/providers/{_IDENTITY}/aks"
    path = estate.cluster.replace("aks-10-0", "aks-made")
    estate.put(path, cluster_body(nodes, prefix="made", **body))
    estate.azure.clock.advance(3000)
    estate.seed["clusters"].insert(0, path)
    b.rules("made", 320, "Allow", b.api_rule(["10.2.0.0/16"]))(estate)
    if linked:
        for name, vnet in (("hub", estate.seed["hub_vnet"]), ("monitoring", MONITORING.vnet_id)):
            estate.put(f"{estate.zone}/virtualNetworkLinks/{name}", b.link_body(vnet))
    return estate


_IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"


def test_system_zone_is_reachable_and_reached() -> None:
    verdict, reached = compare(made())
    assert (verdict.answer, reached.reached) == (R, True)


def test_zone_mode_none_is_reached_by_the_public_name_alone() -> None:
    verdict, reached = compare(made(zone="none", public_fqdn=True, linked=False))
    assert (verdict.answer, verdict.codes[0], reached.reached) == (R, C.DNS_PUBLIC_NAME, True)


def test_without_a_public_name_there_is_no_second_answer() -> None:
    verdict, _ = compare(made(public_fqdn=False))
    assert (verdict.answer, verdict.by_public_name) == (R, None)


@pytest.mark.parametrize(("table", "answer"), [(True, R), (False, A)])
def test_integrated_api_server_needs_a_way_back(table: bool, answer: Answer) -> None:
    estate = made(integrated=True, table=table)
    verdict, reached = compare(estate)
    assert (verdict.answer, reached.reached) == (answer, True)
    assert (C.RETURN_PATH_OK in verdict.codes) is table


def test_moved_address_is_followed_by_the_verdict_and_missed_by_the_old_rule() -> None:
    estate = made()
    before = estate.address
    b.stop(estate)
    assert compare(estate)[0].codes[-1] is C.CLUSTER_STOPPED
    estate.post(f"{estate.cluster}/start")
    verdict, _ = compare(estate)
    assert estate.address != before
    assert C.FIREWALL_NO_MATCH in verdict.codes
    assert str(verdict.address) == estate.address


def test_dns_by_the_firewall_works_for_every_kind() -> None:
    for estate in (made(), made(zone="none", public_fqdn=True, linked=False)):
        b.dns_servers(MONITORING.vnet_id, FIREWALL_IP)(estate)
        verdict, reached = compare(estate)
        assert (verdict.answer, reached.reached) == (R, True)
