"""What is counted against the limits of VNets: every zone that is linked, and every peering."""

from __future__ import annotations

import pytest

from shared.plan.finding import Code, Severity
from shared.plan.limits import PEERINGS_PER_VNET, linked_zones, peerings_of_vnet
from tests.builders import BYO_ZONE_ID, HUB_ID, MONITORING_ID, SPOKE_ID, ZONE_ID, link


def test_every_zone_counts_once_for_each_vnet_it_is_linked_to():
    links = [
        link(HUB_ID),
        link(HUB_ID, name="by-hand"),
        link(MONITORING_ID),
        link(HUB_ID, BYO_ZONE_ID, ours=False),
        link(SPOKE_ID, BYO_ZONE_ID),
    ]
    assert linked_zones(links) == {HUB_ID: 2, MONITORING_ID: 1, SPOKE_ID: 1}
    assert ZONE_ID != BYO_ZONE_ID


def test_link_that_is_not_done_takes_its_place_all_the_same():
    assert linked_zones([link(HUB_ID, provisioning_state="Failed", link_state="InProgress")]) == {HUB_ID: 1}


@pytest.mark.parametrize(
    ("used", "limit", "severity"),
    [
        (399, None, None),
        (400, 500, Severity.WARNING),
        (500, 500, Severity.WARNING),
        (501, None, None),
        (800, 1000, Severity.WARNING),
        (1001, 1000, Severity.ERROR),
    ],
)
def test_peerings_are_told_from_80_percent_on_and_more_than_500_are_those_of_a_network_manager(used, limit, severity):
    finding = peerings_of_vnet(HUB_ID, used)

    assert PEERINGS_PER_VNET == 500
    if severity is None:
        assert finding is None
        return
    assert (finding.code, finding.severity, finding.resource) == (Code.LIMIT_NEAR, severity, HUB_ID)
    assert f"{used:,} of {limit:,} peerings" in finding.message
    assert "Virtual Network Manager" in finding.fix
