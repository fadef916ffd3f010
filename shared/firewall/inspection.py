"""Looking at the whole effective policy after a sync: is a rule of ours hidden, is something missing, is it full?

It costs a handful of reads, so it is done when the policy changed, when we changed it, or every ten minutes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Address

from shared.clock import Clock
from shared.errors import PermanentError
from shared.firewall.effective import EffectivePolicy, read_effective
from shared.firewall.egress import dns_proxy_on, egress_findings, unanswered
from shared.firewall.evaluate import compile_policy
from shared.firewall.findings import policy_limits, shadowed
from shared.firewall.targets import Snapshot
from shared.model.resource_id import ResourceId
from shared.model.world import VirtualNetwork
from shared.observe.reader import Reader
from shared.plan.finding import Finding
from shared.plan.limits import peerings_of_vnet, zones_of_vnet
from shared.settings import Settings
from shared.telling import tell

log = logging.getLogger(__name__)

INSPECT_EVERY_SECONDS = 600.0


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """What a sweep knows of the fleet and a sync does not read.

    `vnets`: the spokes' VNets; those that are peered with the hub count. `zones_of`: how many private DNS zones each
    VNet is linked to, see `shared.plan.limits.linked_zones`.
    """

    vnets: tuple[VirtualNetwork, ...] = ()
    zones_of: Mapping[ResourceId, int] = field(default_factory=dict)


NOTHING_MORE = Fleet()


class Inspector:
    """Remembers what it found last and when a look is due."""

    def __init__(self, reader: Reader, settings: Settings, clock: Clock) -> None:
        self._reader = reader
        self._settings = settings
        self._clock = clock
        self._seen: tuple[str, datetime] | None = None
        self._findings: tuple[Finding, ...] = ()

    @property
    def last(self) -> tuple[Finding, ...]:
        """What the last look found."""
        return self._findings

    async def inspect(self, snapshot: Snapshot, *, changed: bool, fleet: Fleet = NOTHING_MORE) -> tuple[Finding, ...]:
        """What is wrong with the policy around our groups (1 call; more when a look is due).

        Args:
            snapshot: our groups, the hub and the registry as they were read.
            changed: a look is due whatever the policy's etag says.
            fleet: what the caller knows of the spokes; without it hub and monitoring VNets are judged alone.

        Raises:
            TemporaryError: Azure does not answer now; the look stays due.
        """
        policy = self._settings.firewall_policy_id
        if changed:
            self._seen = None
        try:
            wire = await self._reader.firewall_policy(policy)
        except PermanentError as error:
            tell(log, "policy not inspected", level=logging.WARNING, cause=str(error))
            return self._findings
        if wire is None:
            return self._findings
        etag = str(wire.get("etag") or "")
        if self._is_due(etag):
            effective = await read_effective(self._reader, policy, wire)
            for target in snapshot.targets:
                if target.live is not None or not target.difference.empty:
                    effective = effective.with_group(target.group, target.body)
            answering = await self._answering(effective, snapshot)
            self._findings = tuple(judge(effective, snapshot, self._settings, fleet=fleet, answering=answering))
            self._seen = (etag, self._clock.now())
        return self._findings

    async def _answering(self, effective: EffectivePolicy, snapshot: Snapshot) -> IPv4Address | None:
        """Where the policy's firewall would answer DNS (2 calls when FIREWALL_PRIVATE_IP is set and it does not).

        That setting may name an appliance of another maker, of which the policy says nothing.
        """
        if self._settings.firewall_private_ip is None or dns_proxy_on(effective.policy):
            return snapshot.hub.firewall_address
        try:
            return await self._reader.firewall_address(self._settings.firewall_policy_id)
        except PermanentError as error:
            tell(log, "firewall not inspected", level=logging.WARNING, cause=str(error))
            return None

    def _is_due(self, etag: str) -> bool:
        age = timedelta(seconds=self._clock.scaled(INSPECT_EVERY_SECONDS))
        return self._seen is None or self._seen[0] != etag or self._clock.now() - self._seen[1] >= age


def judge(
    effective: EffectivePolicy,
    snapshot: Snapshot,
    settings: Settings,
    *,
    fleet: Fleet = NOTHING_MORE,
    answering: IPv4Address | None = None,
) -> list[Finding]:
    """Everything an effective policy, a snapshot and the fleet say. Pure.

    `answering`: the private address of the policy's firewall, at which it answers DNS as proxy.
    """
    compiled = compile_policy(effective.policy, effective.ip_groups)
    bodies = {target.group.name: target.body for target in snapshot.targets}
    found = shadowed(compiled, snapshot.api_servers, snapshot.sources, snapshot.api_target.group)
    found += egress_findings(
        effective.policy,
        compiled,
        effective.ip_groups,
        snapshot.subnets,
        own_group=settings.firewall_egress_group,
    )
    found += unanswered(effective.policy, _resolving(snapshot, fleet), answering)
    found += policy_limits(effective.policy, bodies)
    return [*found, *_network_limits(snapshot, fleet)]


def _resolving(snapshot: Snapshot, fleet: Fleet) -> Iterator[VirtualNetwork]:
    """The hub, the monitoring VNets, and the spokes: elsewhere the firewall's address may be somebody else's."""
    hub = snapshot.hub
    yield from (hub.vnet, *hub.monitoring)
    yield from (vnet for vnet in fleet.vnets if hub.vnet.peering_to(vnet.id))


def _network_limits(snapshot: Snapshot, fleet: Fleet) -> Iterator[Finding]:
    """Zones on the hub and the monitoring VNets, and the hub's peerings.

    The registry knows the zones that we link to each of these, a sweep all that are linked, as far as it sees.
    """
    hub = snapshot.hub
    near = [zones_of_vnet(vnet, max(snapshot.zones, fleet.zones_of.get(vnet, 0))) for vnet in hub.link_targets]
    near.append(peerings_of_vnet(hub.vnet.id, len(hub.vnet.peerings)))
    yield from (finding for finding in near if finding)
