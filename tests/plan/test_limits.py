"""Limits of Azure are told before they bite."""

from __future__ import annotations

import pytest

from shared.plan.finding import Code, Severity
from shared.plan.limits import (
    LINKS_PER_ZONE,
    ROUTES_PER_TABLE,
    ZONES_PER_VNET,
    links_of_zone,
    routes_of_table,
    zones_of_vnet,
)
from tests.builders import HUB_ID, OUR_TABLE_ID, ZONE_ID


@pytest.mark.parametrize(
    ("told", "resource", "limit"),
    [
        (zones_of_vnet, HUB_ID, ZONES_PER_VNET),
        (links_of_zone, ZONE_ID, LINKS_PER_ZONE),
        (routes_of_table, OUR_TABLE_ID, ROUTES_PER_TABLE),
    ],
    ids=["zones of a VNet", "links of a zone", "routes of a table"],
)
def test_limit_is_told_from_80_percent_on(told, resource, limit):
    assert told(resource, limit * 8 // 10 - 1) is None
    for used, severity in ((limit * 8 // 10, Severity.WARNING), (limit, Severity.WARNING), (limit + 1, Severity.ERROR)):
        finding = told(resource, used)
        assert (finding.code, finding.severity, finding.resource) == (Code.LIMIT_NEAR, severity, resource)
        assert f"{used:,} of {limit:,}" in finding.message
        assert finding.fix
