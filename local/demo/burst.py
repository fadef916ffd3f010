"""Many clusters at once: how many firewall writes they cost, and when the last of them is reachable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from local.azure.seed.bodies import subnet_body
from local.demo.stage import Stage
from local.demo.watch import LOOK_EVERY, create_cluster, wait_for_route_table

SPREAD_SECONDS = 60.0
"""The clusters are asked for within one simulated minute."""
PATIENCE = 3600.0
_AT_A_TIME = 8
_RECORD = "Microsoft.Network/privateDnsZones/A"


@dataclass(frozen=True, kw_only=True)
class BurstResult:
    """What a burst came to. Times are simulated seconds.

    `update_seconds`: how long the firewall takes for one update. `last_address_at`: when the last cluster's address
    was in DNS, counted from the first request. `all_reachable_at`: when the VM reached the last of them, None if it
    did not.
    """

    clusters: int
    reachable: int
    firewall_writes: int
    refused_writes: int
    update_seconds: float
    last_address_at: float
    all_reachable_at: float | None

    @property
    def after_last_address(self) -> float | None:
        """Seconds from the last address to the last cluster reachable."""
        return None if self.all_reachable_at is None else self.all_reachable_at - self.last_address_at

    @property
    def updates(self) -> float | None:
        """The same, in firewall updates."""
        after = self.after_last_address
        return None if after is None else after / self.update_seconds

    @property
    def well(self) -> bool:
        """Whether every cluster is reachable."""
        return self.reachable == self.clusters


async def run_burst(stage: Stage, clusters: int, *, tell: Callable[[str], None] = lambda _text: None) -> BurstResult:
    """Create so many clusters in Contoso's spokes within a simulated minute, and watch them become reachable."""
    await _make_subnets(stage)
    update = (await stage.control.latencies())["firewall_policy"]
    started = await stage.now()
    tell(f"asking AKS for {clusters} clusters")
    hosts = await _create(stage, clusters, started)
    last_address = await _last_address(stage, clusters, started)
    tell(f"all addresses are in DNS after {last_address:.0f} s")
    reached_at = await _watch(stage, hosts, started, tell)
    writes, refused = await _firewall_writes(stage, started)
    everybody = len(reached_at) == clusters
    return BurstResult(
        clusters=clusters,
        reachable=len(reached_at),
        firewall_writes=writes,
        refused_writes=refused,
        update_seconds=update,
        last_address_at=last_address,
        all_reachable_at=max(reached_at.values()) if everybody else None,
    )


async def _make_subnets(stage: Stage) -> None:
    """Subnets and route tables come first: AKS demands the default route when it creates a cluster."""
    vm_subnet, monitoring = stage.seed["vm_subnet"], stage.seed["monitoring_vnet"]
    await stage.operator.put(vm_subnet, await stage.operator.get(vm_subnet))
    await wait_for_route_table(stage, vm_subnet)
    for entry in stage.seed["spokes"].values():
        # The monitoring spoke has its node subnet already, and the app is at work on that VNet.
        if entry["vnet"] != monitoring:
            await stage.operator.put(entry["node_subnet"], subnet_body(entry["node_prefix"]))
        await wait_for_route_table(stage, entry["node_subnet"])


async def _create(stage: Stage, clusters: int, started: float) -> list[str]:
    spokes = list(stage.seed["spokes"])
    busy = asyncio.Semaphore(_AT_A_TIME)

    async def one(number: int) -> str:
        due = started + SPREAD_SECONDS * number / clusters
        await asyncio.sleep(max(0.0, due - await stage.now()) / stage.speed)
        async with busy:
            return await create_cluster(stage, spokes[number % len(spokes)], f"aks-burst-{number + 1:03d}")

    return list(await asyncio.gather(*(one(number) for number in range(clusters))))


async def _last_address(stage: Stage, clusters: int, started: float) -> float:
    """When the last cluster's A record was written, by the activity log; patience is not endless."""
    while True:
        written = [event for event in await stage.control.events() if event["operation_name"] == f"{_RECORD}/write"]
        clock = await stage.control.clock()
        if len(written) >= clusters or clock["seconds"] - started > PATIENCE:
            break
        await asyncio.sleep(LOOK_EVERY / stage.speed)
    now = datetime.fromisoformat(clock["now"])
    last = max((datetime.fromisoformat(event["at"]) for event in written), default=now)
    return float(clock["seconds"] - (now - last).total_seconds() - started)


async def _watch(stage: Stage, hosts: list[str], started: float, tell: Callable[[str], None]) -> dict[str, float]:
    reached: dict[str, float] = {}
    while len(reached) < len(hosts) and await stage.now() - started < PATIENCE:
        before = len(reached)
        for host in hosts:
            if host not in reached and (await stage.control.connect(stage.seed["vm_subnet"], host))["reached"]:
                reached[host] = await stage.now() - started
        if len(reached) > before:
            tell(f"{len(reached)} of {len(hosts)} clusters are reachable after {max(reached.values()):.0f} s")
        await asyncio.sleep(LOOK_EVERY / stage.speed)
    return reached


async def _firewall_writes(stage: Stage, since: float) -> tuple[int, int]:
    log = await stage.control.requests(principal="aks-hublink", method="PUT", since=since)
    status = [line["status"] for line in log if "/ruleCollectionGroups/" in line["path"]]
    return sum(code < 400 for code in status), sum(code >= 400 for code in status)
