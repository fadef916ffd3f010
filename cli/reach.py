"""`reach`: verdicts about one cluster, by name or id."""

from __future__ import annotations

from typing import Any

from cli.options import Loaded
from cli.session import opened
from shared.errors import HublinkError
from shared.model.resource_id import ResourceId
from shared.reach_observer import ReachabilityObserver
from shared.reachability.analyse import analyse
from shared.reachability.verdict import VERSION
from shared.runtime import Runtime


async def verdicts(loaded: Loaded, name: str, source: str | None) -> dict[str, Any]:
    """The verdicts for a cluster, from one subnet or from all monitoring subnets.

    Raises:
        HublinkError: there is no such cluster, or several.
    """
    async with opened(loaded) as app:
        cluster = await _cluster(app, name)
        observer = ReachabilityObserver(app.reader, app.settings)
        sources = (ResourceId.parse(source),) if source else await observer.sources()
        world = await observer.observe(cluster, sources)
        if world is None:
            raise HublinkError("There is no such cluster.", resource=str(cluster))
        found = [analyse(world, each, cluster) for each in sources]
        return {"version": VERSION, "cluster": str(cluster), "verdicts": [verdict.as_data() for verdict in found]}


async def _cluster(app: Runtime, name: str) -> ResourceId:
    if name.startswith("/"):
        return ResourceId.parse(name)
    found = await app.resource_graph.clusters(app.settings.spoke_subscription_ids)
    named = [cluster.id for cluster in found.items if cluster.id.name.lower() == name.lower()]
    if len(named) == 1:
        return named[0]
    if not named:
        raise HublinkError(f"There is no private cluster called {name}.", fix="Give its resource id.")
    listed = ", ".join(str(cluster) for cluster in named)
    raise HublinkError(f"There are {len(named)} clusters called {name}: {listed}.", fix="Give the resource id.")
