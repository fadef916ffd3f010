"""What `GET /api/reachability` answers: the question checked, the world read, the verdicts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from shared.errors import InvalidResourceId
from shared.model.azure_types import MANAGED_CLUSTER, SUBNET
from shared.model.resource_id import ResourceId
from shared.problem import Problem, ProblemError
from shared.reach_observer import ReachabilityObserver, is_source
from shared.reachability.analyse import analyse
from shared.reachability.verdict import VERSION
from shared.reachability.world import ReachabilityWorld
from shared.runtime import current_runtime
from shared.settings import Settings

_LONGEST_ECHO = 300
_STRANGE = re.compile(r"[^\x20-\x7e]")


async def check_reachability(params: Mapping[str, str]) -> dict[str, Any]:
    """Answer a request: `cluster` and, if it is about one subnet only, `from`.

    Returns:
        JSON data: a verdict for every subnet asked about.

    Raises:
        ProblemError: the request is wrong, or names what is not there or not looked after.
        HublinkError: the settings are wrong, or Azure does not answer or refuses a read that nothing goes without.
    """
    runtime = current_runtime()
    cluster, source = _question(params, runtime.settings)
    observer = ReachabilityObserver(runtime.reader, runtime.settings)
    sources = (source,) if source else await observer.sources()
    world = await observer.observe(cluster, sources)
    if world is None:
        raise _problem(404, "no-such-cluster", f"There is no cluster {_echo(str(cluster))}.")
    if source:
        _check_source(world, source)
    verdicts = [analyse(world, each, cluster) for each in sources]
    return {
        "version": VERSION,
        "cluster": str(world.clusters[cluster].cluster.id),
        "verdicts": [verdict.as_data() for verdict in verdicts],
    }


def _question(params: Mapping[str, str], settings: Settings) -> tuple[ResourceId, ResourceId | None]:
    mistakes: list[str] = []
    cluster = _resource(params, "cluster", MANAGED_CLUSTER, mistakes)
    source = _resource(params, "from", SUBNET, mistakes) if params.get("from") else None
    mistakes += [f"{_echo(name)}: is not a parameter" for name in sorted(set(params) - {"cluster", "from", "code"})]
    if mistakes or cluster is None:
        detail = "The request is wrong. Ask with ?cluster=<cluster id> and, if you like, &from=<subnet id>."
        raise ProblemError(Problem(status=400, code="bad-request", detail=detail, mistakes=mistakes))
    if not settings.allows_subscription(cluster.subscription_id):
        raise _not_looked_after("cluster")
    if source and not _may_ask_from(source, settings):
        raise _not_looked_after("subnet")
    return cluster, source


def _resource(params: Mapping[str, str], name: str, resource_type: str, mistakes: list[str]) -> ResourceId | None:
    text = params.get(name)
    if not text:
        mistakes.append(f"{name}: is required")
        return None
    try:
        found = ResourceId.parse(text)
    except InvalidResourceId:
        mistakes.append(f"{name}: is not a resource id")
        return None
    if not found.is_type(resource_type):
        mistakes.append(f"{name}: is not the id of a {resource_type}")
        return None
    return found


def _may_ask_from(source: ResourceId, settings: Settings) -> bool:
    known = (settings.hub_vnet_id, *settings.monitoring_vnet_ids)
    return source.parent in known or settings.allows_subscription(source.subscription_id)


def _check_source(world: ReachabilityWorld, source: ResourceId) -> None:
    subnet = world.subnet(source)
    if subnet is None:
        raise _problem(404, "no-such-subnet", f"There is no subnet {_echo(str(source))}.")
    if not is_source(subnet):
        detail = f"{_echo(subnet.id.name)} belongs to Azure's own appliances; nobody asks from there."
        raise _problem(422, "platform-subnet", detail)


def _not_looked_after(what: str) -> ProblemError:
    detail = f"The {what} is in a subscription that the app does not look after (SPOKE_SUBSCRIPTION_IDS)."
    return _problem(403, "not-looked-after", detail)


def _problem(status: int, code: str, detail: str) -> ProblemError:
    return ProblemError(Problem(status=status, code=code, detail=detail))


def _echo(text: str) -> str:
    return _STRANGE.sub("?", text)[:_LONGEST_ECHO]
