"""Limits are told from 80 % on, with use, limit and what to do."""

from __future__ import annotations

import pytest

from shared.model.resource_id import ResourceId
from shared.plan.finding import Severity
from shared.plan.limits import limit_near, links_of_zone, routes_of_table, zones_of_vnet

ID = ResourceId.parse("/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg/providers/A.B/c/d")


@pytest.mark.parametrize(
    ("used", "severity"),
    [(0, None), (799, None), (800, Severity.WARNING), (1000, Severity.WARNING), (1001, Severity.ERROR)],
)
def test_severity_grows_with_use(used: int, severity: Severity | None) -> None:
    finding = limit_near(ID, what="things", used=used, limit=1000, advice="Use fewer.")
    assert (finding.severity if finding else None) == severity


@pytest.mark.parametrize(
    ("function", "used", "limit"),
    [(zones_of_vnet, 900, "1,000"), (links_of_zone, 850, "1,000"), (routes_of_table, 320, "400")],
)
def test_message_has_use_and_limit_and_the_fix_a_way_out(function, used, limit) -> None:
    finding = function(ID, used)
    assert f"{used} of {limit}" in finding.message
    assert finding.fix
    assert function(ID, used // 2) is None
