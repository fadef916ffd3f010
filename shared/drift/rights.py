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
    """Check every cluster that AKS is done with and whose identity is a managed one.

    Args:
        world: the fleet.
        assignments: what Resource Graph found of role assignments, of whomever.
        reader: asks Resource Manager.
    """
    clusters = (item.cluster for item in world.clusters if item.cluster.identity and not item.cluster.being_changed)
    cases = [_Case(cluster, needs) for cluster in clusters if (needs := needs_of(cluster, world))]
    given: dict[str, list[RoleAssignment]] = defaultdict(list)
    for assignment in assignments:
        given[assignment.principal].append(assignment)
    if cases and not given:
        return RightsFound(gaps=("no role assignment can be read: the rights of clusters' identities are not checked",))
    doubtful = [case for case in cases if await case.is_doubtful(given[case.cluster.identity], reader)]
    free = asyncio.Semaphore(SIDE_BY_SIDE)

    async def confirm(case: _Case) -> Finding | str | None:
        async with free:
            return await case.confirm(reader)

    told = await asyncio.gather(*(confirm(case) for case in doubtful[:MOST_CONFIRMED]))
    gaps = dict.fromkeys(item for item in told if isinstance(item, str))
    if len(doubtful) > MOST_CONFIRMED:
        gaps[f"the rights of {len(doubtful) - MOST_CONFIRMED} clusters' identities were not confirmed"] = None
    return RightsFound(findings=tuple(item for item in told if isinstance(item, Finding)), gaps=tuple(gaps))


@dataclass(frozen=True)
class _Case:
    """One cluster and what its identity needs."""

    cluster: Cluster
    needs: tuple[Need, ...]

    async def is_doubtful(self, given: Iterable[RoleAssignment], reader: RightsReader) -> bool:
        """Whether something seems to be missing in what Resource Graph found, or a role cannot be read."""
        try:
            return await self._finding(given, reader) is not None
        except HublinkError:
            return True

    async def confirm(self, reader: RightsReader) -> Finding | str | None:
        """What Resource Manager says: a finding, None when all is well, or in words why it could not be asked."""
        places = {need.resource.subscription_id.lower(): need.resource for need in self.needs}
        try:
            listed = [await reader.assignments(self.cluster.identity, place) for place in places.values()]
            return await self._finding([item for each in listed for item in each], reader)
        except HublinkError as error:
            tell(log, "rights not read", level=logging.WARNING, cluster=str(self.cluster.id), why=error.message)
            return "the rights of some clusters' identities could not be read"

    async def _finding(self, given: Iterable[RoleAssignment], reader: RightsReader) -> Finding | None:
        grants = await reader.grants(given, self.needs[0].resource)
        return rights_missing(self.cluster, self.needs, grants)
