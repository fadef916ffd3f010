"""`GET /api/reachability`: real SDK clients over HTTPS, the app's own role, a functions host."""

from __future__ import annotations

import pytest

from local.azure.seed.contoso import FIREWALL_IP
from shared.reachability.verdict import VERSION
from tests.app.conftest import Contoso
from tests.app.hosting import Hosted, environment_of, hosting
from tests.reachability.breakages import security_rule

STRANGE = "/subscriptions/99999999-9999-4999-8999-999999999999/resourceGroups/rg"


async def ask(hosted: Hosted, **params: str) -> tuple[int, str, dict]:
    async with hosted.http.get("/api/reachability", params=params) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.status, answer.content_type, await answer.json()


async def verdict_of(hosted: Hosted, contoso: Contoso, cluster: str) -> tuple[str, str | None]:
    status, kind, body = await ask(hosted, cluster=cluster, **{"from": contoso.seed["vm_subnet"]})
    assert (status, kind, body["version"], len(body["verdicts"])) == (200, "application/json", VERSION, 1)
    return body["verdicts"][0]["verdict"], body["verdicts"][0]["code"]


async def test_answer_follows_the_cluster_from_its_birth_until_it_is_reachable(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch
) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    async with hosting(monkeypatch, environment_of(contoso), queues=False) as hosted:
        assert await verdict_of(hosted, contoso, cluster) == ("unreachable", "DNS_ZONE_NOT_LINKED")
        await contoso.look_at(cluster)
        assert await verdict_of(hosted, contoso, cluster) == ("unreachable", "FIREWALL_NO_MATCH")
        await contoso.sync()
        assert await verdict_of(hosted, contoso, cluster) == ("reachable", None)
        assert contoso.reach(cluster).reached

        writes = contoso.writes()
        status, _, body = await ask(hosted, cluster=cluster)
        names = {item["from"].rsplit("/", 1)[-1]: item["verdict"] for item in body["verdicts"]}
        assert (status, names) == (200, {"vm": "reachable", "aks-nodes": names["aks-nodes"]})
        assert contoso.writes() == writes

        contoso.post(cluster, "stop")
        assert await verdict_of(hosted, contoso, cluster) == ("unreachable", "CLUSTER_STOPPED")


async def test_security_groups_are_read_with_the_apps_own_role(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch
) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    await contoso.look_at(cluster)
    await contoso.sync()
    subnet = contoso.seed["vm_subnet"]
    group = f"{subnet.split('/providers/')[0]}/providers/Microsoft.Network/networkSecurityGroups/nsg-vm"
    rules = [security_rule("Outbound", "Deny", destinationAddressPrefix="10.1.0.0/16")]
    contoso.put(group, {"location": "westeurope", "properties": {"securityRules": rules}})
    now = contoso.get(subnet)["properties"]
    contoso.put(subnet, {"properties": {**now, "networkSecurityGroup": {"id": group}}})

    async with hosting(monkeypatch, environment_of(contoso), queues=False) as hosted:
        assert await verdict_of(hosted, contoso, cluster) == ("unreachable", "NSG_DENIED_OUTBOUND")


async def test_another_appliance_than_the_policys_firewall_makes_it_ambiguous(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch
) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    await contoso.look_at(cluster)
    await contoso.sync()
    async with hosting(monkeypatch, environment_of(contoso, FIREWALL_PRIVATE_IP="10.0.9.9"), queues=False) as hosted:
        status, _, body = await ask(hosted, cluster=cluster, **{"from": contoso.seed["vm_subnet"]})
    assert status == 200
    assert body["verdicts"][0]["verdict"] == "ambiguous"
    assert any(f"appliance at {FIREWALL_IP}" in text for text in body["verdicts"][0]["assumptions"])


async def test_wrong_requests_are_answered_with_problem_details(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, subnet = contoso.cluster_id(), contoso.seed["vm_subnet"]
    strange_cluster = f"{STRANGE}/providers/Microsoft.ContainerService/managedClusters/aks"
    strange_subnet = f"{STRANGE}/providers/Microsoft.Network/virtualNetworks/v/subnets/s"
    hub = f"{contoso.seed['hub_vnet']}/subnets/AzureFirewallSubnet"
    cases: list[tuple[dict[str, str], int, str]] = [
        ({}, 400, "cluster: is required"),
        ({"cluster": "aks-1"}, 400, "cluster: is not a resource id"),
        ({"cluster": subnet}, 400, "cluster: is not the id of a Microsoft.ContainerService/managedClusters"),
        ({"cluster": cluster, "from": "nowhere"}, 400, "from: is not a resource id"),
        ({"cluster": cluster, "form": subnet}, 400, "form: is not a parameter"),
        ({"cluster": "<script>alert(1)</script>", "from": cluster}, 400, "cluster: is not a resource id"),
        ({"cluster": strange_cluster}, 403, ""),
        ({"cluster": cluster, "from": strange_subnet}, 403, ""),
        ({"cluster": cluster}, 404, ""),
    ]
    async with hosting(monkeypatch, environment_of(contoso), queues=False) as hosted:
        for params, expected, mistake in cases:
            status, kind, body = await ask(hosted, **params)
            assert (status, kind, body["status"]) == (expected, "application/problem+json", expected), params
            assert not mistake or mistake in body["mistakes"]
            assert "<script>" not in str(body)
        await contoso.prepare()
        contoso.create_cluster(wait=0)
        nowhere = f"{contoso.seed['monitoring_vnet']}/subnets/nowhere"
        for source, expected in ((nowhere, 404), (hub, 422)):
            status, _, body = await ask(hosted, cluster=cluster, **{"from": source})
            assert (status, body["status"]) == (expected, expected)


async def test_what_azure_refuses_is_said_without_tokens(contoso: Contoso, monkeypatch: pytest.MonkeyPatch) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    contoso.azure.access.assignments[:] = [
        item for item in contoso.azure.access.assignments if "vnet-hub" not in item.scope
    ]
    async with hosting(monkeypatch, environment_of(contoso), queues=False) as hosted:
        status, kind, body = await ask(hosted, cluster=cluster)
    assert (status, kind) == (503, "application/problem+json")
    assert "vnet-hub" in body["resource"]
    assert "Bearer" not in str(body)
    assert "eyJ" not in str(body)
