"""Every system of the article has its row in docs/walkthrough.md, and what the rows name exists."""

from __future__ import annotations

import re

import pytest

from shared.plan.finding import Code
from shared.reachability.codes import ReachCode
from tests.infra.bicep import INFRA, ROOT
from tests.registered import registered_functions

PAGE = ROOT / "docs" / "walkthrough.md"
CODES = {str(code) for code in (*Code, *ReachCode)}
SYSTEMS = [
    r"Hub VNet `vnet-hub`",
    r"`AzureFirewallSubnet`",
    r"`GatewaySubnet`",
    r"VPN gateway `vpn-hub`",
    r"Azure Firewall `fw-hub`",
    r"Firewall policy `fp-hub`",
    r"DNS proxy",
    r"Network rules",
    r"Application rule with the FQDN tag `AzureKubernetesService`",
    r"Spoke 1 `vnet-spoke-1`",
    r"Spoke 2 `vnet-monitoring`",
    r"Spoke 3 `vnet-spoke-3`",
    r"Peerings",
    r"Route tables",
    r"Private AKS `aks-spoke-1`",
    r"Private AKS `aks-spoke-3`",
    r"Monitoring AKS `aks-monitoring`",
    r"Managed identity with Network Contributor",
    r"Private DNS zone",
    r"Virtual network links of each zone",
    r"A record and private endpoint",
    r"Test VM in each spoke",
    r"Public addresses",
]


def rows() -> list[list[str]]:
    table = PAGE.read_text().partition("| system |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


@pytest.mark.parametrize("system", SYSTEMS)
def test_system_of_the_article_has_its_row(system):
    assert [row[0] for row in rows() if re.search(system, row[0])], system


def test_every_row_says_what_it_is_where_it_is_made_and_what_watches_it():
    for row in rows():
        assert len(row) == 4, row
        assert all(row), row
        assert re.search(r"\.bicep\)|^AKS and the app$", row[2]), row
        watched = re.search(r"`[A-Z]+_[A-Z_]+`|aks-spoke-1", row[3])
        assert watched or re.search(r"never touched|foreign to the app", row[3]), row


def test_names_of_the_rows_are_names_of_the_lab():
    lab = "".join(path.read_text() for path in (INFRA / "lab").rglob("*.bicep"))
    for row in rows():
        for name in re.findall(r"`((?:vnet|fw|fp|vpn|aks)-[a-z0-9-]+|[A-Z][a-zA-Z]+Subnet)`", row[0]):
            assert f"'{name}'" in lab, name


def test_every_code_that_is_named_exists():
    named = {code for row in rows() for code in re.findall(r"`([A-Z]+_[A-Z_]*\*?)`", row[3])}
    assert len(named) > 20
    for code in named:
        assert any(known == code or (code[-1] == "*" and known.startswith(code[:-1])) for known in CODES), code


def test_every_function_that_is_named_exists():
    functions = {function.get_function_name() for function in registered_functions()}
    named = {name for row in rows() for name in re.findall(r"`([a-z]+_[a-z_]+)`", row[3])}
    assert {"link_dns_zone", "allow_api_server", "attach_route_table", "retire_cluster"} <= named
    assert named - functions == set()


@pytest.mark.parametrize("page", ["docs/walkthrough.md", "docs/deploy.md"])
def test_every_file_that_is_linked_exists(page):
    path = ROOT / page
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", path.read_text()) if "://" not in link]
    assert links
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_every_setting_of_the_lab_that_is_named_is_read_by_its_scripts():
    scripts = "".join(path.read_text() for path in (INFRA / "lab").glob("*.sh"))
    for name in set(re.findall(r"\bLAB_[A-Z0-9_]+\b", PAGE.read_text())):
        assert name in scripts, name
