"""The story, act by act."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from local.azure.seed.bodies import subnet_body
from local.demo.drift import DriftStory, play_drift
from local.demo.ledger import Written, writes
from local.demo.show import Show
from local.demo.stage import Stage
from local.demo.watch import Attempt, attempts, create_cluster, wait_for_route_table


@dataclass(kw_only=True)
class ClusterStory:
    """What happened to one cluster: the moments at which the VM's connection attempt changed."""

    name: str
    spoke: str
    turns: list[Attempt] = field(default_factory=list)

    @property
    def reached_at(self) -> float | None:
        """When the VM reached it, in simulated seconds after it was asked for; None if it never did."""
        return self.turns[-1].at if self.turns and self.turns[-1].reached else None

    def moment(self, stage: str) -> float | None:
        """When a stage was first seen."""
        return next((turn.at for turn in self.turns if turn.stage == stage), None)


@dataclass(frozen=True, kw_only=True)
class Result:
    """How the story ended."""

    clusters: list[ClusterStory]
    writes: list[Written]
    drift: DriftStory | None = None

    @property
    def well(self) -> bool:
        """Whether the monitoring spoke reaches every cluster, and what was undone by hand is repaired."""
        return all(cluster.reached_at is not None for cluster in self.clusters) and bool(self.drift and self.drift.well)


async def play(stage: Stage, show: Show) -> Result:
    """Play the whole story."""
    started = await stage.now()
    # In real time: the functions host is cold, and the seconds it needs should not be multiplied.
    await stage.control.set_speed(1)
    show.act(1, "The network team creates the subnet aks-nodes in spoke 1 and saves the monitoring VNet (real time)")
    await _subnets(stage, show, ["vnet-spoke-1"], with_monitoring=True)
    await stage.control.set_speed(stage.speed)

    show.act(2, "A team creates the private cluster aks-1 in spoke 1 (outbound type userDefinedRouting)")
    clusters = [await _cluster(stage, show, "vnet-spoke-1", "aks-1")]

    show.act(3, "The same for spoke 3, and the monitoring cluster in spoke 2, side by side")
    await _subnets(stage, show, ["vnet-spoke-3"], with_monitoring=False)
    clusters += await asyncio.gather(
        _cluster(stage, show, "vnet-spoke-3", "aks-3"), _cluster(stage, show, "vnet-monitoring", "aks-mon")
    )
    if any(cluster.reached_at is None for cluster in clusters):
        return Result(clusters=clusters, writes=await writes(stage, since=started))

    show.act(4, "A colleague undoes three things by hand, and Event Grid loses the events: the timer finds and repairs")
    drift = await play_drift(stage, show)
    return Result(clusters=clusters, writes=await writes(stage, since=started), drift=drift)


async def _subnets(stage: Stage, show: Show, spokes: list[str], *, with_monitoring: bool) -> None:
    started = await stage.now()
    wanted = []
    for spoke in spokes:
        entry = stage.seed["spokes"][spoke]
        await stage.operator.put(entry["node_subnet"], subnet_body(entry["node_prefix"]))
        wanted.append(entry["node_subnet"])
    if with_monitoring:
        vm_subnet = stage.seed["vm_subnet"]
        await stage.operator.put(vm_subnet, await stage.operator.get(vm_subnet))
        wanted += [vm_subnet, stage.seed["spokes"]["vnet-monitoring"]["node_subnet"]]
    for subnet in wanted:
        with show.busy(f"waiting for the route table of {'/'.join(subnet.split('/')[8::2])}"):
            attached = await wait_for_route_table(stage, subnet)
        vnet, name = subnet.split("/")[8::2]
        words = "sends everything else to the firewall" if attached else "got no route table"
        show.line(await stage.now() - started, f"{vnet}/{name} {words}", good=attached)


async def _cluster(stage: Stage, show: Show, spoke: str, name: str) -> ClusterStory:
    started = await stage.now()
    story = ClusterStory(name=name, spoke=spoke)
    host = await create_cluster(stage, spoke, name)
    zone = host.split(".", 1)[1]
    show.line(0.0, f"{name}: AKS starts; its zone will be {zone[:8]}….{zone.split('.', 1)[1]}")
    with show.busy(f"{name}: trying from the VM in the monitoring spoke") as status:
        async for attempt in attempts(stage, host, since=started):
            status.update(attempt.at, f"{name}: {attempt.headline}")
            if not story.turns or (story.turns[-1].stage, story.turns[-1].reached) != (attempt.stage, attempt.reached):
                story.turns.append(attempt)
                detail = "" if attempt.reached else f" [dim]({attempt.detail})[/dim]"
                show.line(attempt.at, f"{name}: {attempt.headline}{detail}", good=attempt.reached)
    return story
