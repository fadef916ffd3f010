"""What one process measures, in the environment that `python -m benchmarks` gave it. Prints its figures as JSON."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network
from typing import Any

from shared.clock import SystemClock
from shared.drift.fleet import FleetRows, fleet_world
from shared.drift.network import network_data
from shared.drift.verdicts import judge_fleet
from shared.firewall.desired import api_server_rules, difference, wanted_group
from shared.model.world import ApiServer, World
from shared.plan.planner import plan
from shared.reach_observer import ReachabilityObserver
from shared.reachability.world import Firewall
from shared.runtime import Runtime
from shared.settings import settings_from_environment

ROUNDS = 3


async def main() -> None:
    """Search the fleet, then measure what is computed on it, then sweep it."""
    settings = settings_from_environment()
    app = Runtime(settings=settings, clock=SystemClock(settings.time_scale))
    try:
        await app.storage.create_everything()
        started = time.perf_counter()
        rows, _ = await app.drift_detector.search()
        searched = time.perf_counter() - started
        firewall = await ReachabilityObserver(app.reader, settings).firewall()
        world = fleet_world(rows, await app.observer.hub(), [], settings)
        await _register(app, world)
        figures = {"search": searched, **_computed(app, world, rows, firewall)}
        asked = app.resource_graph.queries
        started = time.perf_counter()
        report = await app.drift_detector.run()
        if report is None:
            raise RuntimeError("another sweep is at work")
        figures["sweep"] = time.perf_counter() - started
    finally:
        await app.close()
    counts = {
        "clusters": report.clusters,
        "queries": app.resource_graph.queries - asked,
        "suspects": len(report.suspects),
        "verdicts": dict(report.verdicts),
    }
    print(json.dumps({"seconds": figures, **counts}))


async def _register(app: Runtime, world: World) -> None:
    """The registry of a fleet that the app has looked after for long."""
    free = asyncio.Semaphore(50)

    async def put(row: ApiServer) -> None:
        async with free:
            await app.registry.put(row)

    await asyncio.gather(*(put(row) for row in _rows(world)))


def _rows(world: World) -> list[ApiServer]:
    return [
        ApiServer(
            cluster=observed.cluster.id,
            address=observed.endpoint.address,
            zone=observed.zone.id if observed.zone else None,
            subnets=observed.cluster.subnets,
            outbound_type=observed.cluster.outbound_type,
        )
        for observed in world.clusters
        if observed.endpoint
    ]


def _computed(app: Runtime, world: World, rows: FleetRows, firewall: Firewall) -> Mapping[str, float]:
    settings, registered = app.settings, _rows(world)
    verdicts = judge_fleet(world, rows, firewall)
    rules = api_server_rules(registered, [IPv4Network("10.2.0.0/16")])
    live = wanted_group(None, rules, priority=400)
    return {
        "world": _best(lambda: fleet_world(rows, world.hub, registered, settings)),
        "plan": _best(lambda: plan(fleet_world(rows, world.hub, registered, settings), settings)),
        "judge": _best(lambda: judge_fleet(world, rows, firewall)),
        "network": _best(lambda: json.dumps(network_data(world, verdicts, firewall, settings))),
        "rules": _best(lambda: difference(live, wanted_group(live, api_server_rules(registered, []), priority=400))),
        "digest": _best(lambda: plan(world, settings).digest),
    }


def _best(work: Callable[[], Any]) -> float:
    """The shortest of a few rounds, in seconds: the others measure what else the machine was doing."""
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


if __name__ == "__main__":
    asyncio.run(main())
