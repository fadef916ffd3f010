"""Everything in processes of its own, as people run it: Azurite, the local Azure, the functions host, Event Grid."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.azure.control_client import ControlClient
from local.azure.process import start
from local.azure.seed.bodies import cluster_body, subnet_body
from local.azure.seed.grants import identity_of, network_contributor
from local.azurite import Azurite
from local.demo.operator import Operator
from local.host.process import HostProcess

ROOT = Path(__file__).parents[2]
SPEED = 60.0


@dataclass(kw_only=True)
class Product:
    """What runs. `seed` holds the ids of Contoso's resources."""

    control: ControlClient
    operator: Operator
    seed: dict[str, Any]
    host: HostProcess
    environment: dict[str, str]

    async def until(self, condition: Callable[[], Awaitable[Any]], *, within: float = 90.0) -> None:
        """Wait until a condition holds; the host's last lines are in the error otherwise."""
        try:
            async with asyncio.timeout(within):
                while not await condition():  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
        except TimeoutError:
            pytest.fail("\n".join(self.host.output[-40:]))

    async def make_cluster(self, name: str, spoke: str) -> str:
        """A node subnet and, once the app has given it its route table, a cluster on it."""
        place = self.seed["spokes"][spoke]
        subnet = place["node_subnet"]
        await self.operator.put(subnet, subnet_body(place["node_prefix"]))

        async def routed() -> bool:
            vnet = await self.operator.get(place["vnet"])
            here = next(item for item in vnet["properties"]["subnets"] if item["id"].lower() == subnet.lower())
            return "routeTable" in here["properties"] and vnet["properties"]["provisioningState"] == "Succeeded"

        await self.until(routed)
        cluster = f"{place['group']}/providers/Microsoft.ContainerService/managedClusters/{name}"
        made, _ = await self.operator.call("PUT", cluster, cluster_body(subnet, prefix=name))
        await self.operator.call("PUT", *network_contributor(place["vnet"], identity_of(made)))
        return cluster

    async def reached(self, cluster: str) -> bool:
        """Whether the VM in the monitoring spoke gets to the API server."""
        host = (await self.operator.get(cluster))["properties"]["privateFQDN"]
        return bool((await self.control.connect(self.seed["vm_subnet"], host))["reached"])

    async def firewall_writes(self) -> int:
        """How many writes of the firewall the app has begun."""
        found = await self.control.requests(principal="aks-hublink", method="PUT")
        return sum("ruleCollectionGroups" in item["path"] and item["status"] < 400 for item in found)


@pytest.fixture
async def product(tmp_path: Path) -> AsyncIterator[Product]:
    async with AsyncExitStack() as stack:
        azurite = await stack.enter_async_context(Azurite())
        azure = await stack.enter_async_context(start(folder=tmp_path, speed=SPEED, seed="contoso"))
        environment = {
            **azure.environment(),
            **azure.seed["settings"],
            "AzureWebJobsStorage": azurite.connection_string,
            "TIME_SCALE": str(SPEED),
        }
        host = await HostProcess(env=environment, speed=SPEED).astart()
        control = await stack.enter_async_context(azure.control())
        token = await control.token("operator")
        operator = await stack.enter_async_context(Operator(azure.base_url, azure.ca, token, speed=SPEED))
        await control.register_events(host.base_url)
        running = Product(control=control, operator=operator, seed=azure.seed, host=host, environment=environment)
        yield running
        await running.host.astop()


async def test_clusters_become_reachable_by_events_alone_even_if_the_host_is_killed(product: Product) -> None:
    await product.operator.put(product.seed["vm_subnet"], subnet_body("10.2.0.0/24"))
    first = await product.make_cluster("aks-1", "vnet-spoke-1")
    await product.until(lambda: product.reached(first))
    assert await product.firewall_writes() == 1

    second = await product.make_cluster("aks-3", "vnet-spoke-3")

    async def writing() -> bool:
        return await product.firewall_writes() == 2

    await product.until(writing)
    port = int(product.host.base_url.rpartition(":")[2])
    await product.host.akill()
    assert not await product.reached(second)

    product.host = await HostProcess(env=product.environment, speed=SPEED, port=port).astart()
    await product.until(lambda: product.reached(second))
    assert await product.reached(first)


def test_importing_the_function_app_imports_no_management_sdk() -> None:
    code = (
        "import sys, time; started = time.perf_counter(); import function_app; "
        "print(round((time.perf_counter() - started) * 1000)); "
        "print(*sorted(name for name in sys.modules if name.startswith('azure.mgmt')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    milliseconds, _, found = done.stdout.partition("\n")

    print(f"\nimport function_app: {milliseconds} ms")
    assert found.strip() == ""
