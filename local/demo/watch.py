"""Watching a cluster from the VM in the monitoring spoke: what a connection attempt comes to, moment by moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from local.azure.seed.bodies import cluster_body
from local.azure.seed.grants import identity_of, network_contributor
from local.demo.stage import Stage

PATIENCE = 1500.0
"""Simulated seconds until a cluster that is still not reachable counts as failed."""
LOOK_EVERY = 4.0


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A connection attempt `at` so many simulated seconds after the cluster was asked for."""

    at: float
    reached: bool
    stage: str
    detail: str

    @property
    def headline(self) -> str:
        """What a person at the VM sees."""
        if self.reached:
            return "kubectl works: the API server answers"
        headlines = {
            "dns": "the name does not resolve",
            "route": "the packet has no route",
            "peering": "the packet does not leave the network",
            "firewall": "the name resolves, the firewall denies",
            "endpoint": "the firewall allows, nothing answers yet",
        }
        return headlines.get(self.stage, self.stage)


async def create_cluster(stage: Stage, spoke: str, name: str) -> str:
    """Ask AKS for a private cluster with outbound type userDefinedRouting; answers the API server's host name."""
    entry = stage.seed["spokes"][spoke]
    body = cluster_body(entry["node_subnet"], prefix=name)
    answer, _ = await stage.operator.call("PUT", cluster_id(stage, spoke, name), body)
    await stage.operator.call("PUT", *network_contributor(entry["vnet"], identity_of(answer)))
    return str(answer["properties"]["privateFQDN"])


def cluster_id(stage: Stage, spoke: str, name: str) -> str:
    """The id of a cluster in a spoke."""
    group = stage.seed["spokes"][spoke]["group"]
    return f"{group}/providers/Microsoft.ContainerService/managedClusters/{name}"


async def attempts(stage: Stage, host: str, *, since: float) -> AsyncIterator[Attempt]:
    """Try to connect every few simulated seconds, until it works or PATIENCE is over."""
    while True:
        outcome = await stage.control.connect(subnet=stage.seed["vm_subnet"], host=host)
        at = await stage.now() - since
        detail = str(outcome["detail"]).replace(host, "it")
        yield Attempt(at=at, reached=outcome["reached"], stage=outcome["stage"], detail=detail)
        if outcome["reached"] or at > PATIENCE:
            return
        await asyncio.sleep(LOOK_EVERY / stage.speed)


async def wait_for_route_table(stage: Stage, subnet: str) -> bool:
    """Wait until a subnet has a route table and its VNet rests; False when PATIENCE is over."""
    started = await stage.now()
    vnet = subnet.rsplit("/subnets/", 1)[0]
    while await stage.now() - started < PATIENCE:
        found = (await stage.operator.get(subnet))["properties"]
        resting = (await stage.operator.get(vnet))["properties"]["provisioningState"] == "Succeeded"
        if found.get("routeTable") and resting:
            return True
        await asyncio.sleep(LOOK_EVERY / stage.speed)
    return False
