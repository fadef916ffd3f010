"""The page in docs/ lists exactly the codes there are."""

from __future__ import annotations

import re

from scripts.reachability import PAGE, page
from shared.reachability.codes import EXPLANATIONS, ReachCode, Stage


def test_page_is_as_the_code_has_it() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text, "run `python -m scripts.reachability`"


def test_page_lists_exactly_all_codes() -> None:
    listed = re.findall(r"^\| `([A-Z_]+)` \|", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sorted(listed) == sorted(ReachCode)


def test_page_explains_every_step() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"| `{stage}` |" in text for stage in Stage)


def test_codes_that_may_stop_a_connection_have_a_fix() -> None:
    without = {code for code, explanation in EXPLANATIONS.items() if not explanation.fix}
    assert without == {
        ReachCode.DNS_RESOLVED,
        ReachCode.DNS_PUBLIC_NAME,
        ReachCode.ROUTE_VIA_FIREWALL,
        ReachCode.PEERING_CONNECTED,
        ReachCode.FIREWALL_ALLOWED,
        ReachCode.FIREWALL_BYPASSED,
        ReachCode.NSG_PASSED,
        ReachCode.RETURN_PATH_OK,
        ReachCode.CLUSTER_RUNNING,
    }
