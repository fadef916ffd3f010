"""Several instances of the app at once on the same ground: each thing is made once, and by one of them."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime

from local.azure.seed.bodies import peering_body, subnet_body, vnet_body
from shared.model.resource_id import ResourceId
from shared.model.scope import scope_of
from shared.runtime import Runtime
from shared.storage.work import WorkItem
from tests.app.conftest import Contoso

INSTANCES = 3


def vnet_in_a_group_of_its_own(contoso: Contoso, number: int) -> str:
    """A spoke in the subscription and region of spoke 1; gives its node subnet, without a table yet."""
    subscription = contoso.spoke["group"].split("/resourceGroups/")[0]
    group = f"{subscription}/resourceGroups/rg-team-{number}"
    contoso.put(group, {"location": "westeurope"})
    vnet = f"{group}/providers/Microsoft.Network/virtualNetworks/vnet-team-{number}"
    contoso.put(vnet, vnet_body(f"10.{100 + number}.0.0/16"))
    subnet = f"{vnet}/subnets/aks-nodes"
    contoso.put(subnet, subnet_body(f"10.{100 + number}.0.0/20"))
    hub = contoso.seed["hub_vnet"]
    contoso.put(f"{vnet}/virtualNetworkPeerings/to-hub", peering_body(hub, forwarded=True))
    contoso.put(f"{hub}/virtualNetworkPeerings/to-team-{number}", peering_body(vnet))
    return subnet


async def look(app: Runtime, resource: str) -> None:
    """One instance works a resource's scope until it need not look again."""
    scope = scope_of(ResourceId.parse(resource))
    assert scope is not None
    async with asyncio.timeout(30):
        while True:
            now = datetime.now(UTC)
            item = WorkItem(scope=scope, asked_by="test", correlation_id=str(uuid.uuid4()), first_asked=now)
            report = await app.reconciler.run(item)
            if report.looks_again_in is None:
                return
            await asyncio.sleep(0.2)


async def test_one_route_table_for_a_subscription_and_region(contoso: Contoso) -> None:
    subnets = [vnet_in_a_group_of_its_own(contoso, number) for number in range(INSTANCES)]
    apps = [contoso.app_with() for _ in subnets]

    await asyncio.gather(*(look(app, subnet) for app, subnet in zip(apps, subnets, strict=True)))

    made = [item for item in contoso.writes() if "/routeTables/" in item]
    assert len(made) == 1
    assert {contoso.table_id_on(subnet) for subnet in subnets} == {made[0].removeprefix("PUT ").lower()}
    assert contoso.refusals() <= {409}, "Azure may be busy with a VNet; nothing else is refused"


async def test_each_link_is_written_once(contoso: Contoso) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    apps = [contoso.app_with() for _ in range(INSTANCES)]

    await asyncio.gather(*(look(app, contoso.zone_of(cluster)) for app in apps))

    assert len([item for item in contoso.writes() if "/virtualNetworkLinks/" in item]) == 2
    assert contoso.links(contoso.zone_of(cluster)).keys() == {"vnet-hub", "vnet-monitoring", "vnet-spoke-1"}
    assert contoso.refusals() <= {412}
