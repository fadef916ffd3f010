"""Everything put together, once per process and as late as possible."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import cached_property

from shared.apply.executor import Executor
from shared.apply.writer import NetworkWriter
from shared.azure_clients import AzureClients
from shared.clock import Clock, SystemClock
from shared.drift.detector import DriftDetector
from shared.drift.firewall import FirewallCheck
from shared.drift.obstacles import Obstacles
from shared.firewall.inspection import Inspector
from shared.firewall.targets import Targets
from shared.firewall.writer import FirewallWriter
from shared.loop import Reconciler
from shared.observe.observer import Observer
from shared.observe.reader import Reader
from shared.observe.resource_graph import ResourceGraph
from shared.observe.rights import RightsReader
from shared.own_events import Publisher
from shared.process import open_storage
from shared.reporter import Reporter
from shared.run_log import RunReporter
from shared.settings import Settings, settings_from_environment
from shared.storage.account import StorageAccount
from shared.storage.changes import Changes
from shared.storage.drift_reports import DriftReports
from shared.storage.firewall_history import FirewallHistory
from shared.storage.firewall_state import FirewallState
from shared.storage.locks import Locks
from shared.storage.refusals import Refusals
from shared.storage.registry import Registry
from shared.storage.runs import Runs
from shared.storage.work import WorkQueues
from shared.survey import Surveyor


@dataclass
class Runtime:
    """The app's parts for one set of settings; each is made when first asked for."""

    settings: Settings
    clock: Clock

    @cached_property
    def storage(self) -> StorageAccount:
        """The storage account."""
        return open_storage(self.settings)

    @cached_property
    def clients(self) -> AzureClients:
        """The management clients."""
        return AzureClients(self.settings)

    @cached_property
    def queues(self) -> WorkQueues:
        """The work queues."""
        return WorkQueues(self.storage, self.clock)

    @cached_property
    def registry(self) -> Registry:
        """The registry of API servers."""
        return Registry(self.storage, self.clock)

    @cached_property
    def firewall_state(self) -> FirewallState:
        """What is remembered of the firewall."""
        return FirewallState(self.storage)

    @cached_property
    def firewall_history(self) -> FirewallHistory:
        """The bodies that our groups had before."""
        return FirewallHistory(self.storage)

    @cached_property
    def locks(self) -> Locks:
        """The locks."""
        return Locks(self.storage)

    @cached_property
    def reader(self) -> Reader:
        """Reads of single resources."""
        return Reader(self.clients)

    @cached_property
    def observer(self) -> Observer:
        """Reads of scopes."""
        return Observer(self.reader, self.registry, self.settings, self.clock)

    @cached_property
    def executor(self) -> Executor:
        """Carries out plans."""
        return Executor(NetworkWriter(self.clients), self.registry, self.locks, self.clock)

    @cached_property
    def reconciler(self) -> Reconciler:
        """The loop."""
        return Reconciler(
            observer=self.observer,
            executor=self.executor,
            registry=self.registry,
            firewall_state=self.firewall_state,
            queues=self.queues,
            settings=self.settings,
            clock=self.clock,
            runs=self.run_log,
            reporter=self.reporter,
        )

    @cached_property
    def resource_graph(self) -> ResourceGraph:
        """Searches over the whole fleet."""
        return ResourceGraph(self.clients, self.clock)

    @cached_property
    def surveyor(self) -> Surveyor:
        """Looks at many places and changes nothing."""
        return Surveyor(
            graph=self.resource_graph, observer=self.observer, registry=self.registry, settings=self.settings
        )

    @cached_property
    def changes(self) -> Changes:
        """The journal of changes."""
        return Changes(self.storage)

    @cached_property
    def publisher(self) -> Publisher:
        """The way to the topic of our own events."""
        return Publisher(self.settings)

    @cached_property
    def reporter(self) -> Reporter:
        """What tells others what was found and done."""
        return Reporter(self.changes, self.refusals, self.publisher, self.clock)

    @cached_property
    def refusals(self) -> Refusals:
        """What Azure refused at the last try."""
        return Refusals(self.storage)

    @cached_property
    def runs(self) -> Runs:
        """What is remembered of runs."""
        return Runs(self.storage, self.clock)

    @cached_property
    def run_log(self) -> RunReporter:
        """What the loop tells about runs."""
        return RunReporter(self.runs, self.clock)

    @cached_property
    def firewall_writer(self) -> FirewallWriter:
        """The writer of the firewall policy."""
        return FirewallWriter(
            clients=self.clients,
            reader=self.reader,
            observer=self.observer,
            registry=self.registry,
            state=self.firewall_state,
            history=self.firewall_history,
            queues=self.queues,
            locks=self.locks,
            settings=self.settings,
            clock=self.clock,
        )

    @cached_property
    def drift_reports(self) -> DriftReports:
        """The drift reports."""
        return DriftReports(self.storage)

    @cached_property
    def drift_detector(self) -> DriftDetector:
        """The sweep of the drift timer."""
        targets = Targets(
            reader=self.reader,
            observer=self.observer,
            registry=self.registry,
            settings=self.settings,
            clock=self.clock,
        )
        return DriftDetector(
            graph=self.resource_graph,
            reader=self.reader,
            rights=RightsReader(self.clients),
            obstacles=Obstacles(self.reader, self.refusals),
            firewall=FirewallCheck(
                targets=targets,
                inspector=Inspector(self.reader, self.settings, self.clock),
                state=self.firewall_state,
                history=self.firewall_history,
                settings=self.settings,
            ),
            observer=self.observer,
            surveyor=self.surveyor,
            registry=self.registry,
            queues=self.queues,
            reports=self.drift_reports,
            reporter=self.reporter,
            locks=self.locks,
            settings=self.settings,
            clock=self.clock,
        )

    async def close(self) -> None:
        """Close every client that was opened."""
        opened = [self.__dict__[name] for name in ("clients", "publisher", "storage") if name in self.__dict__]
        await asyncio.gather(*(part.close() for part in opened))


_runtimes: dict[asyncio.AbstractEventLoop, Runtime] = {}


def current_runtime() -> Runtime:
    """The runtime of this process and event loop.

    Raises:
        SettingsError: the settings are wrong; asked again at the next call.
    """
    running = asyncio.get_running_loop()
    if running not in _runtimes:
        settings = settings_from_environment()
        _runtimes[running] = Runtime(settings=settings, clock=SystemClock(settings.time_scale))
    return _runtimes[running]
