"""What cannot be read now is not taken away: DNS proxy, and sources that no parser of ours understands."""

from __future__ import annotations

from typing import Any

import pytest

from local.azure.seed.contoso import policy_body
from shared.model.resource_id import ResourceId
from shared.runtime import Runtime
from tests.app.conftest import Contoso
from tests.app.test_faults import THROTTLED
from tests.firewall_writer.helpers import addresses, enforced, firewall_writes, group_id, register, sync

EGRESS = "rcg-aks-egress"
BOTH = ["aks-fqdn-tag", "aks-time"]


@pytest.fixture
async def app(contoso: Contoso) -> Runtime:
    """The app with an egress group; DNS proxy is on in the parent policy."""
    base = contoso.seed["firewall_policy"].replace("fp-hub", "fp-base")
    contoso.put(base, policy_body(proxy=True))
    contoso.put(contoso.seed["firewall_policy"], policy_body(proxy=False, base=base), wait=300)
    contoso.make_node_subnet()
    await register(contoso, [1], subnets=(ResourceId.parse(contoso.spoke["node_subnet"]),))
    # With the firewall's address given, nothing but the egress group asks for the policy.
    app = contoso.app_with(firewall_egress_group=EGRESS, firewall_private_ip="10.0.1.4")
    await sync(contoso, app)
    assert sorted(enforced(contoso, EGRESS)) == BOTH
    return app


@pytest.mark.parametrize(
    "fault",
    [
        {"path": "firewallPolicies/fp-base$", "status": 403, "code": "AuthorizationFailed"},
        {"path": "firewallPolicies/fp-base$", "status": 404, "code": "ResourceNotFound"},
        {"path": "firewallPolicies/fp-hub$", "status": 404, "code": "ResourceNotFound"},
    ],
)
async def test_policy_that_cannot_be_read_leaves_the_rule_that_needs_dns_proxy(
    contoso: Contoso, app: Runtime, fault: dict[str, Any]
) -> None:
    writes = firewall_writes(contoso)
    contoso.azure.faults.add({"kind": "status", "method": "GET", "count": 1, **fault})
    assert (await sync(contoso, app)).writes == 0
    assert sorted(enforced(contoso, EGRESS)) == BOTH
    contoso.azure.faults.clear()
    assert (await sync(contoso, app)).writes == 0
    assert firewall_writes(contoso) == writes


async def test_dns_proxy_that_is_off_for_sure_takes_the_rule_away(contoso: Contoso, app: Runtime) -> None:
    contoso.put(contoso.seed["firewall_policy"].replace("fp-hub", "fp-base"), policy_body(proxy=False), wait=300)
    assert (await sync(contoso, app)).writes == 1
    assert sorted(enforced(contoso, EGRESS)) == ["aks-fqdn-tag"]


@pytest.mark.parametrize("source", ["10.9.0.1-10.9.0.9", "AzureCloud.westeurope", "fd00::/64", "*", "10.9.0.9/33"])
async def test_strange_source_and_an_unreadable_subnet_stop_no_api_rules(
    contoso: Contoso, app: Runtime, source: str
) -> None:
    def widen(properties: dict[str, Any]) -> None:
        for collection in properties["ruleCollections"]:
            for rule in collection["rules"]:
                rule["sourceAddresses"].append(source)

    body = contoso.azure.store.get(group_id(contoso, EGRESS))
    assert body is not None
    widen(body.body["properties"])  # past the local Azure's own checks, whatever Azure would let in
    contoso.azure.faults.add(
        {
            "kind": "status",
            "method": "GET",
            "path": "vnet-spoke-1$",
            "status": 404,
            "code": "ResourceNotFound",
            "count": 9,
        }
    )
    await register(contoso, [2])
    fresh = contoso.app_with(firewall_egress_group=EGRESS)
    await sync(contoso, fresh)
    assert addresses(contoso) == {"10.1.4.1", "10.1.4.2"}
    egress = contoso.get(group_id(contoso, EGRESS))["properties"]["ruleCollections"]
    assert {tuple(rule["sourceAddresses"]) for item in egress for rule in item["rules"]} == {("10.1.4.0/22",)}


async def test_spoke_that_is_throttled_for_an_hour_keeps_no_rule_from_being_written(contoso: Contoso) -> None:
    """Nothing but the egress group needs the prefixes of a spoke's subnets, and that one can wait."""
    contoso.make_node_subnet()
    await register(contoso, [1], subnets=(ResourceId.parse(contoso.spoke["node_subnet"]),))
    contoso.azure.faults.add({**THROTTLED, "method": "GET", "path": "virtualNetworks/vnet-spoke-1$", "count": 100})

    assert (await sync(contoso)).writes == 1
    assert list(contoso.rules()) == ["aks-001"]
    assert await contoso.app.firewall_state.setback(contoso.app.settings.firewall_policy_id) is None


async def test_cluster_that_nobody_can_ask_for_keeps_its_rule(contoso: Contoso) -> None:
    await register(contoso, [1])
    await sync(contoso)
    await contoso.unregister()
    contoso.azure.faults.add({**THROTTLED, "method": "GET", "path": "managedClusters", "count": 100})

    assert (await sync(contoso)).writes == 0
    assert list(contoso.rules()) == ["aks-001"]
