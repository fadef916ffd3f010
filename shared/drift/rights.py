"""Whether the identities of the fleet's clusters have the rights AKS needs on their networks.

Resource Graph says who was given what; an identity that seems to lack something is read from Resource Manager, which
also knows what its groups were given.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from shared.errors import HublinkError
from shared.model.rights import RoleAssignment
from shared.model.world import Cluster, World
from shared.observe.rights import RightsReader
from shared.plan.cluster_rights import Need, needs_of, rights_missing
from shared.plan.finding import Finding
from shared.telling import tell

log = logging.getLogger(__name__)

MOST_CONFIRMED = 100
"""Identities that one sweep reads from Resource Manager; one or two reads each."""
SIDE_BY_SIDE = 8


@dataclass(frozen=True, kw_only=True)
class RightsFound:
    """Findings about clusters whose identity lacks rights, and in words what could not be checked."""

    findings: tuple[Finding, ...] = ()
    gaps: tuple[str, ...] = ()


async def check_rights(world: World, assignments: Iterable[RoleAssignment], reader: RightsReader) -> RightsFound:
    """Check every cluster that AKS is done with and whose identity is a managed one."""
    clusters = [item.cluster for item in world.clusters if item.cluster.identity and not item.cluster.being_changed]
    wanted = [(cluster, needs) for cluster in clusters if (needs := needs_of(cluster, world))]
    given: dict[str, list[RoleAssignment]] = defaultdict(list)
    for assignment in assignments:
        given[assignment.principal].append(assignment)
    if wanted and not given:
        return RightsFound(gaps=("no role assignment can be read: the rights of clusters' identities are not checked",))
    free = asyncio.Semaphore(SIDE_BY_SIDE)
    gaps: dict[str, None] = {}

    async def is_doubtful(cluster: Cluster, needs: tuple[Need, ...]) -> bool:
        try:
            grants = await reader.grants(tuple(given[cluster.identity]), needs[0].resource)
        except HublinkError:
            return True
        return rights_missing(cluster, needs, grants) is not None

    async def confirm(cluster: Cluster, needs: tuple[Need, ...]) -> Finding | None:
        places = {need.resource.subscription_id.lower(): need.resource for need in needs}
        async with free:
            try:
                listed = [await reader.assignments(cluster.identity, place) for place in places.values()]
                own = tuple(item for each in listed for item in each)
                return rights_missing(cluster, needs, await reader.grants(own, needs[0].resource))
            except HublinkError as error:
                tell(log, "rights not read", level=logging.WARNING, cluster=str(cluster.id), why=error.message)
                gaps["the rights of some clusters' identities could not be read"] = None
                return None

    doubtful = [item for item in wanted if await is_doubtful(*item)]
    if len(doubtful) > MOST_CONFIRMED:
        gaps[f"the rights of {len(doubtful) - MOST_CONFIRMED} clusters' identities were not confirmed"] = None
    found = await asyncio.gather(*(confirm(*item) for item in doubtful[:MOST_CONFIRMED]))
    return RightsFound(findings=tuple(finding for finding in found if finding), gaps=tuple(gaps))
