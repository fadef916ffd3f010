"""From what the planner wants on the fleet's world to the places that somebody must look at. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.model.resource_id import ResourceId
from shared.model.scope import Scope, ScopeKind, scope_of
from shared.model.world import World
from shared.plan.action import Plan


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A place where something seems wrong, and what."""

    scope: Scope
    reasons: tuple[str, ...]


def suspects(plan: Plan, world: World, registered: Iterable[ResourceId]) -> tuple[Suspect, ...]:
    """Every place that an action, a finding or a wait of the plan points at, and clusters that seem to be gone.

    A place is the cluster, where one is named; else what the resource belongs to.
    """
    reasons: dict[Scope, dict[str, None]] = defaultdict(dict)
    for action in plan.actions:
        _add(reasons, action.cluster or action.resource, action.reason)
    for finding in plan.findings:
        _add(reasons, finding.cluster or finding.resource, str(finding.code))
    for waiting in plan.waiting:
        _add(reasons, _cluster_of(waiting.resource, world) or waiting.resource, waiting.message)
    known = {observed.cluster.id for observed in world.clusters}
    for cluster in registered:
        if cluster not in known:
            _add(reasons, cluster, "it is registered, and was not found")
    ordered = sorted(reasons.items(), key=lambda entry: (entry[0].kind, entry[0].resource.key))
    return tuple(Suspect(scope=scope, reasons=tuple(texts)) for scope, texts in ordered)


def _add(reasons: Mapping[Scope, dict[str, None]], resource: ResourceId, reason: str) -> None:
    scope = scope_of(resource)
    if scope is not None:
        reasons[scope][reason] = None


def _cluster_of(resource: ResourceId, world: World) -> ResourceId | None:
    """The cluster a zone or a link of a zone belongs to; looking at the cluster looks at its zone, too."""
    scope = scope_of(resource)
    if scope is None or scope.kind is not ScopeKind.ZONE:
        return None
    owners = (item.cluster.id for item in world.clusters if item.zone and item.zone.id == scope.resource)
    return next(owners, None)
