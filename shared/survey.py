"""Looking at many places without changing any: where to look, and what each place needs.

Backfill, the drift timer and the command line start from here. Resource Graph says which places there are; every plan
comes from Resource Manager's own answers about its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from shared.errors import HublinkError, NotReady, PermanentError, ResourceGone, TemporaryError, UnsafePlan
from shared.events import is_looked_after
from shared.model.resource_id import ResourceId
from shared.model.scope import Scope, ScopeKind
from shared.model.world import Cluster, VirtualNetwork
from shared.observe.observer import Observer
from shared.observe.resource_graph import ResourceGraph
from shared.plan.action import Plan, Waiting
from shared.plan.combined import ScopePlan
from shared.plan.finding import Code, Finding, Severity
from shared.plan.guard import guard
from shared.plan.planner import plan
from shared.settings import Settings
from shared.storage.registry import Registry

SIDE_BY_SIDE = 12
"""Places looked at together. Each takes about a dozen reads; Azure refills 25 reads a second and subscription."""
Progress = Callable[[ScopePlan], None]


@dataclass(frozen=True, kw_only=True)
class Places:
    """The places to look at, in a fixed order, and what the search for them may have missed."""

    scopes: tuple[Scope, ...]
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which part of the fleet is meant; both empty: all that is looked after."""

    subscriptions: frozenset[str] = frozenset()
    clusters: tuple[ResourceId, ...] = ()

    def takes(self, resource: ResourceId) -> bool:
        """Whether a resource lies in the selected subscriptions."""
        return not self.subscriptions or resource.subscription_id.lower() in self.subscriptions


class Surveyor:
    """Looks at places and changes nothing."""

    def __init__(self, *, graph: ResourceGraph, observer: Observer, registry: Registry, settings: Settings) -> None:
        self._graph = graph
        self._observer = observer
        self._registry = registry
        self._settings = settings

    async def places(self, selection: Selection) -> Places:
        """Where to look: clusters that exist or are registered, and VNets with subnets to keep right."""
        if selection.clusters:
            named = sorted(set(selection.clusters))
            return Places(scopes=tuple(Scope(kind=ScopeKind.CLUSTER, resource=cluster) for cluster in named))
        wanted = selection.subscriptions or self._settings.spoke_subscription_ids
        clusters, vnets, rows = await asyncio.gather(
            self._graph.clusters(wanted), self._graph.virtual_networks(wanted), self._registry.all()
        )
        registered = [row.api_server.cluster for row in rows]
        scopes = choose_scopes(clusters.items, vnets.items, registered, selection, self._settings)
        return Places(scopes=scopes, gaps=tuple(dict.fromkeys((*clusters.gaps, *vnets.gaps))))

    async def look(self, scope: Scope) -> ScopePlan:
        """Observe, plan and guard one place. What is wrong there becomes data, never an exception."""
        try:
            world = await self._observer.observe(scope)
            wanted = plan(world, self._settings)
        except (NotReady, TemporaryError) as error:
            entry = Waiting(resource=scope.resource, message=error.message, fix=error.fix)
            return ScopePlan(scope=scope, plan=Plan(waiting=(entry,)))
        except ResourceGone:
            return ScopePlan(scope=scope)
        except PermanentError as error:
            return ScopePlan(scope=scope, refused=_error(scope, error.code, error.message, error.fix))
        except (AttributeError, HublinkError, KeyError, TypeError, ValueError) as error:
            # One resource that Azure describes in a way nobody expects must not hide all the others.
            message = f"It could not be read: {type(error).__name__}: {error}"
            return ScopePlan(scope=scope, refused=_error(scope, Code.CHANGE_FAILED, message, "Report it as a mistake."))
        try:
            return ScopePlan(scope=scope, plan=guard(wanted, world, self._settings))
        except UnsafePlan as error:
            rest = replace(wanted, actions=())
            return ScopePlan(scope=scope, plan=rest, refused=_error(scope, error.code, error.message, error.fix))

    async def survey(self, scopes: Iterable[Scope], progress: Progress | None = None) -> list[ScopePlan]:
        """Look at many places, a few at a time.

        Raises:
            NotReady, TemporaryError, PermanentError: the hub itself cannot be read, so nothing can be said.
        """
        await self._observer.hub()
        free = asyncio.Semaphore(SIDE_BY_SIDE)

        async def one(scope: Scope) -> ScopePlan:
            async with free:
                found = await self.look(scope)
            if progress:
                progress(found)
            return found

        return list(await asyncio.gather(*(one(scope) for scope in scopes)))


def choose_scopes(
    clusters: Iterable[Cluster],
    vnets: Iterable[VirtualNetwork],
    registered: Iterable[ResourceId],
    selection: Selection,
    settings: Settings,
) -> tuple[Scope, ...]:
    """Clusters first, then VNets, each in id order.

    A VNet is a place of its own when it is a monitoring VNet, or has a subnet that is named like an AKS subnet and no
    cluster uses; the subnets that clusters use are looked at with them.
    """
    known = list(clusters)
    found = {*(cluster.id for cluster in known), *registered}
    in_use = {subnet for cluster in known for subnet in cluster.subnets}
    spare = {
        vnet.id
        for vnet in vnets
        if any(settings.names_aks_subnet(subnet.id.name) and subnet.id not in in_use for subnet in vnet.subnets)
    }
    scopes = [
        *(Scope(kind=ScopeKind.CLUSTER, resource=cluster) for cluster in sorted(found)),
        *(
            Scope(kind=ScopeKind.VIRTUAL_NETWORK, resource=vnet)
            for vnet in sorted({*spare, *settings.monitoring_vnet_ids})
        ),
    ]
    return tuple(scope for scope in scopes if selection.takes(scope.resource) and is_looked_after(scope, settings))


def _error(scope: Scope, code: str, message: str, fix: str) -> Finding:
    return Finding(code=Code(code), severity=Severity.ERROR, resource=scope.resource, message=message, fix=fix)
