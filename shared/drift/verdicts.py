"""Whether the monitoring VNets reach every cluster of the fleet.

Every cluster is judged on what Resource Graph found, which costs nothing more. What does not seem reachable there is
read from Resource Manager and judged again, as Resource Graph may only lag behind.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from shared.drift.fleet import FleetRows, fleet_zones
from shared.errors import HublinkError
from shared.model.resource_id import ResourceId
from shared.model.world import Cluster, Hub, ObservedCluster, World, Zone
from shared.plan.finding import Code, Finding, Severity
from shared.reach_observer import ReachabilityObserver, sources_in
from shared.reachability.analyse import analyse
from shared.reachability.codes import ReachCode
from shared.reachability.verdict import Answer, Step, Verdict
from shared.reachability.world import Firewall, ReachabilityWorld
from shared.telling import tell

log = logging.getLogger(__name__)

MOST_CONFIRMED = 100
"""Clusters that one sweep reads from Resource Manager for their verdicts; about 15 reads each."""
SIDE_BY_SIDE = 8
_WORST_FIRST = (Answer.UNREACHABLE, Answer.AMBIGUOUS, Answer.REACHABLE)


@dataclass(frozen=True, kw_only=True)
class ClusterVerdict:
    """What was found about one cluster: a verdict for every subnet of the monitoring VNets.

    `confirmed`: Resource Manager was asked; otherwise the verdicts rest on Resource Graph.
    """

    observed: ObservedCluster
    verdicts: tuple[Verdict, ...]
    confirmed: bool = False

    @property
    def worst(self) -> Verdict | None:
        """The verdict that counts; None when there is no subnet to ask from."""
        return min(self.verdicts, key=lambda verdict: _WORST_FIRST.index(verdict.answer), default=None)

    @property
    def answer(self) -> Answer:
        """Unreachable if from any subnet; ambiguous when there is none."""
        return self.worst.answer if self.worst else Answer.AMBIGUOUS


def judge_fleet(world: World, rows: FleetRows, firewall: Firewall) -> tuple[ClusterVerdict, ...]:
    """Judge every cluster on what Resource Graph found. Pure; a millisecond or two for each cluster and subnet."""
    sources = sources_in(world.hub.monitoring)
    zones: dict[str, list[Zone]] = defaultdict(list)
    for zone in fleet_zones(rows).values():
        zones[zone.name].append(zone)
    groups = {group.id: group for group in rows.security_groups}
    fleet = ReachabilityWorld(
        firewall=firewall, clusters={}, vnets=world.vnets, route_tables=world.route_tables, security_groups=groups
    )
    return tuple(_judge(_around(observed, fleet, world.hub, zones), observed, sources) for observed in world.clusters)


def _around(
    observed: ObservedCluster, fleet: ReachabilityWorld, hub: Hub, zones: Mapping[str, list[Zone]]
) -> ReachabilityWorld:
    """What one cluster's analysis looks at; with all VNets and zones in every world, a fleet would take hours."""
    near = {zone.id: zone for name in _suffixes(observed) for zone in zones.get(name, ())}
    if observed.zone:
        near[observed.zone.id] = observed.zone
    home = observed.endpoint.subnet.parent if observed.endpoint and observed.endpoint.subnet else hub.vnet.id
    wanted = {hub.vnet.id, *(vnet.id for vnet in hub.monitoring), fleet.firewall.vnet, *observed.cluster.vnets, home}
    vnets = {vnet: fleet.vnets[vnet] for vnet in wanted if vnet in fleet.vnets}
    clusters = {observed.cluster.id: observed}
    return replace(fleet, clusters=clusters, vnets=vnets, zones=tuple(near.values()))


def _suffixes(observed: ObservedCluster) -> Iterable[str]:
    """The names of zones that could answer for the cluster's names."""
    for host in (observed.cluster.private_fqdn, observed.cluster.fqdn):
        labels = (host or "").lower().split(".")
        yield from (".".join(labels[start:]) for start in range(len(labels)))


def _judge(world: ReachabilityWorld, observed: ObservedCluster, sources: tuple[ResourceId, ...]) -> ClusterVerdict:
    verdicts = tuple(analyse(world, source, observed.cluster.id) for source in sources)
    return ClusterVerdict(observed=observed, verdicts=verdicts)


def unreachable(
    found: Iterable[ClusterVerdict], being_repaired: Collection[ResourceId], *, rules_are_synced: bool
) -> tuple[Finding, ...]:
    """A finding for every cluster that should answer and is not reached, as Resource Manager confirmed.

    Args:
        found: the verdicts.
        being_repaired: the clusters that somebody was asked to look at.
        rules_are_synced: whether the firewall's rules are made those of the registry.
    """

    def is_repaired(item: ClusterVerdict, step: Step) -> bool:
        row = item.observed.registered
        missing = step.code is ReachCode.FIREWALL_NO_MATCH and row is not None and row.address is not None
        return item.observed.cluster.id in being_repaired or (rules_are_synced and missing)

    return tuple(
        Finding(
            code=Code.CLUSTER_UNREACHABLE,
            severity=Severity.ERROR,
            resource=item.observed.cluster.id,
            cluster=item.observed.cluster.id,
            message=f"{item.worst.source.parent.name}/{item.worst.source.name} does not reach it: {step.message}",
            fix=step.fix,
            repaired=is_repaired(item, step),
        )
        for item in found
        if item.confirmed and _should_answer(item.observed.cluster) and item.answer is Answer.UNREACHABLE
        if item.worst and (step := item.worst.decided_by)
    )


def unconfirmed(found: Iterable[ClusterVerdict]) -> tuple[str, ...]:
    """In words, how many clusters seem unreachable and were not looked at closely."""
    left = [item for item in found if item.answer is Answer.UNREACHABLE and not item.confirmed]
    left = [item for item in left if _should_answer(item.observed.cluster)]
    return (f"{len(left)} clusters seem unreachable and could not be looked at closely",) if left else ()


def _urgency(item: ClusterVerdict) -> tuple[bool, int, str]:
    """Clusters that should answer and do not come first, stopped ones last."""
    cluster = item.observed.cluster
    return not _should_answer(cluster), _WORST_FIRST.index(item.answer), cluster.id.key


def _should_answer(cluster: Cluster) -> bool:
    """Whether a cluster runs and AKS is done with it: while it is being created nobody can reach it yet."""
    return cluster.running and not cluster.being_changed


async def confirm(
    found: tuple[ClusterVerdict, ...], observer: ReachabilityObserver, sources: tuple[ResourceId, ...]
) -> tuple[ClusterVerdict, ...]:
    """Judge again, on Resource Manager's answers, what does not seem reachable; the worst `MOST_CONFIRMED` of it.

    A cluster that is gone by now is left out. One that cannot be read keeps its verdict, unconfirmed.
    """
    doubtful = sorted((item for item in found if item.answer is not Answer.REACHABLE), key=_urgency)[:MOST_CONFIRMED]
    free = asyncio.Semaphore(SIDE_BY_SIDE)

    async def again(item: ClusterVerdict) -> ClusterVerdict | None:
        cluster = item.observed.cluster.id
        async with free:
            try:
                world = await observer.observe(cluster, sources)
            except HublinkError as error:
                tell(log, "verdict not confirmed", level=logging.WARNING, cluster=str(cluster), why=error.message)
                return item
        if world is None:
            return None
        observed = replace(world.clusters[cluster], registered=item.observed.registered)
        return replace(await asyncio.to_thread(_judge, world, observed, sources), confirmed=True)

    read = await asyncio.gather(*(again(item) for item in doubtful))
    by_cluster = {item.observed.cluster.id: better for item, better in zip(doubtful, read, strict=True)}
    checked = (by_cluster.get(item.observed.cluster.id, item) for item in found)
    return tuple(item for item in checked if item)
