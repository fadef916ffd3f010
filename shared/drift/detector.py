"""The sweep: a constant number of queries for the fleet, reads of Resource Manager for suspects only."""

from __future__ import annotations

import asyncio
import logging
import uuid
from datetime import datetime
from typing import Any

from shared.clock import Clock
from shared.drift.firewall import FirewallCheck
from shared.drift.fleet import FleetRows, fleet_world, subnet_prefixes
from shared.drift.network import network_data, verdict_counts
from shared.drift.obstacles import Obstacles, being_repaired
from shared.drift.report import DriftReport, incomplete, of_the_hub
from shared.drift.rights import check_rights
from shared.drift.suspects import suspects
from shared.drift.verdicts import ClusterVerdict, confirm, judge_fleet, unconfirmed, unreachable
from shared.errors import ResourceGone, TemporaryError
from shared.events import is_looked_after
from shared.firewall.inspection import Fleet
from shared.model.world import World
from shared.observe.observer import Observer
from shared.observe.reader import Reader
from shared.observe.resource_graph import ResourceGraph
from shared.observe.rights import RightsReader
from shared.plan.combined import CombinedPlan, combine
from shared.plan.limits import linked_zones
from shared.plan.planner import plan
from shared.reach_observer import ReachabilityObserver, sources_in
from shared.reachability.world import Firewall
from shared.reporter import Reporter
from shared.settings import Settings
from shared.storage.drift_reports import DriftReports
from shared.storage.locks import Locks
from shared.storage.registry import Registry
from shared.storage.work import SyncRequest, WorkItem, WorkQueues
from shared.survey import Surveyor
from shared.telemetry import telemetry
from shared.telling import tell, tell_finding, working_for

log = logging.getLogger(__name__)

FUNCTION = "detect_drift"
LOCK = "drift"


class DriftDetector:
    """Runs sweeps."""

    def __init__(
        self,
        *,
        graph: ResourceGraph,
        reader: Reader,
        rights: RightsReader,
        obstacles: Obstacles,
        firewall: FirewallCheck,
        observer: Observer,
        surveyor: Surveyor,
        registry: Registry,
        queues: WorkQueues,
        reports: DriftReports,
        reporter: Reporter,
        locks: Locks,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._graph = graph
        self._reader = reader
        self._rights = rights
        self._obstacles = obstacles
        self._firewall = firewall
        self._observer = observer
        self._surveyor = surveyor
        self._registry = registry
        self._queues = queues
        self._reports = reports
        self._reporter = reporter
        self._locks = locks
        self._settings = settings
        self._clock = clock

    async def run(self) -> DriftReport | None:
        """Sweep once; None when another sweep is still at work.

        Nothing is kept between sweeps, so one that was cut off is simply done again by the next.

        Raises:
            NotReady, TemporaryError, PermanentError: hub or Resource Graph cannot be read; nothing was decided.
        """
        correlation = str(uuid.uuid4())
        async with self._locks.hold(LOCK) as lock:
            if lock is None:
                tell(log, "previous sweep still at work")
                return None
            with working_for(function=FUNCTION, asked_by=FUNCTION, correlation=correlation):
                return await self._sweep(correlation)

    async def _sweep(self, correlation: str) -> DriftReport:
        started, asked = self._clock.now(), self._graph.queries
        rows, gaps = await self.search()
        hub = await self._observer.hub(fresh=True)
        registered = {row.api_server.cluster: row.api_server for row in await self._registry.all()}
        world = fleet_world(rows, hub, registered.values(), self._settings)
        wanted = await asyncio.to_thread(plan, world, self._settings)
        found = suspects(wanted, world, registered)
        scopes = [item.scope for item in found]
        # A registered cluster counts although its subscription was taken out of care: its rule goes when it goes.
        places = [scope for scope in scopes if is_looked_after(scope, self._settings) or scope.resource in registered]
        confirmed = combine(await self._surveyor.survey(places), gaps=gaps)
        repairs = await self._ask_for_repairs(confirmed, correlation, started)
        obstacles = await self._obstacles.of(confirmed.plan, rows.links, everything_seen=not gaps)
        firewall = await self._firewall.check(
            subnet_prefixes(world), Fleet(vnets=tuple(world.vnets.values()), zones_of=linked_zones(rows.links))
        )
        verdicts, network, unread = await self._judge(world, rows)
        not_reached = unreachable(
            verdicts,
            being_repaired(confirmed, obstacles),
            rules_are_synced=firewall.rules_are_written,
        )
        rights = await check_rights(world, rows.role_assignments, self._rights)
        blind = tuple(dict.fromkeys((*gaps, *firewall.gaps, *unread, *unconfirmed(verdicts))))
        report = DriftReport(
            correlation=correlation,
            started_at=started,
            ended_at=self._clock.now(),
            mode=str(self._settings.mode),
            clusters=len(world.clusters),
            suspects=found,
            plan=confirmed,
            repairs=repairs,
            queries=self._graph.queries - asked,
            gaps=(*blind, *rights.gaps),
            verdicts=verdict_counts(verdicts),
            network=network,
            obstacles=obstacles,
            others=(
                *of_the_hub(wanted, hub),
                *firewall.findings,
                *not_reached,
                *rights.findings,
                *incomplete(blind, rights.gaps, hub),
            ),
        )
        await self._publish(report)
        return report

    async def _publish(self, report: DriftReport) -> None:
        """Tell of a sweep; the log first, which needs no storage."""
        _tell(report)
        telemetry().judged(report.verdicts)
        previous, data = await self._reports.latest(), report.as_data()
        await self._reporter.swept(previous, data)
        await self._reports.keep(data, at=report.ended_at)

    async def _judge(
        self, world: World, rows: FleetRows
    ) -> tuple[tuple[ClusterVerdict, ...], dict[str, Any], tuple[str, ...]]:
        """Whether the monitoring VNets reach every cluster, the network as the report shows it, and what was unread."""
        observer, gaps = ReachabilityObserver(self._reader, self._settings), tuple[str, ...]()
        try:
            firewall = await observer.firewall()
        except (ResourceGone, TemporaryError) as error:
            hub, gaps = world.hub, (f"the firewall policy could not be read: {error.message}",)
            policy = self._settings.firewall_policy_id
            firewall = Firewall(address=hub.firewall_address, policy_id=policy, vnet=hub.vnet.id)
        judged = await asyncio.to_thread(judge_fleet, world, rows, firewall)
        verdicts = await confirm(judged, observer, sources_in(world.hub.monitoring))
        return verdicts, network_data(world, verdicts, firewall, self._settings), gaps

    async def search(self) -> tuple[FleetRows, tuple[str, ...]]:
        """What Resource Graph knows of the fleet, and what the search may have missed.

        Zones are looked for beyond the spokes, where people keep their own: with the hub and the trusted zones.
        One query after the other: Resource Graph takes 15 queries in 5 seconds, and a sweep is in no hurry.
        """
        graph, wanted = self._graph, self._settings.spoke_subscription_ids
        settings = self._settings
        named = (settings.hub_vnet_id, *settings.monitoring_vnet_ids, *settings.trusted_zone_ids)
        wide = frozenset(wanted) | {resource.subscription_id for resource in named}
        clusters = await graph.clusters(wanted)
        vnets = await graph.virtual_networks(wanted)
        zones = await graph.zones(wide)
        links = await graph.links(wide)
        records = await graph.a_records(wide)
        endpoints = await graph.api_server_endpoints(wanted)
        tables = await graph.route_tables(wide)
        groups = await graph.security_groups(wide)
        assignments = await graph.role_assignments(wanted)
        searches = (clusters, vnets, zones, links, records, endpoints, tables, groups, assignments)
        gaps = tuple(dict.fromkeys(gap for search in searches for gap in search.gaps))
        rows = FleetRows(
            clusters=clusters.items,
            vnets=vnets.items,
            zones=zones.items,
            links=links.items,
            records=dict(records.items),
            endpoints=endpoints.items,
            route_tables=tables.items,
            security_groups=groups.items,
            role_assignments=assignments.items,
        )
        return rows, gaps

    async def _ask_for_repairs(self, confirmed: CombinedPlan, correlation: str, at: datetime) -> tuple[str, ...]:
        """Put confirmed places on the queue, and ask the firewall writer to compare; it writes only on a difference."""
        places = [place for place in confirmed.places if place.wants_work]
        for place in places:
            item = WorkItem(scope=place.scope, asked_by=FUNCTION, correlation_id=correlation, first_asked=at)
            await self._queues.reconcile(item)
        request = SyncRequest(
            policy=self._settings.firewall_policy_id, requested_at=at, asked_by=FUNCTION, correlation_id=correlation
        )
        await self._queues.sync_firewall(request)
        return tuple(str(place.scope.resource) for place in places)


def _tell(report: DriftReport) -> None:
    for finding in report.findings:
        tell_finding(log, finding)
    tell(
        log,
        "fleet swept",
        clusters=report.clusters,
        suspects=len(report.suspects),
        findings=len(report.findings),
        actions=len(report.plan.plan.actions),
        repairs=len(report.repairs),
        queries=report.queries,
        **report.verdicts,
        seconds=round((report.ended_at - report.started_at).total_seconds(), 3),
    )
