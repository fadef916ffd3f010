"""Looking at the whole effective policy after a sync: is a rule of ours hidden, is something missing, is it full?

It costs a handful of reads, so it is done when the policy changed, when we changed it, or every ten minutes.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.errors import PermanentError
from shared.firewall.effective import EffectivePolicy, read_effective
from shared.firewall.egress import egress_findings
from shared.firewall.evaluate import compile_policy
from shared.firewall.findings import policy_limits, shadowed
from shared.firewall.targets import Snapshot
from shared.observe.reader import Reader
from shared.plan.finding import Finding
from shared.plan.limits import zones_of_vnet
from shared.settings import Settings
from shared.telling import tell

log = logging.getLogger(__name__)

INSPECT_EVERY_SECONDS = 600.0


class Inspector:
    """Remembers what it found last and when a look is due."""

    def __init__(self, reader: Reader, settings: Settings, clock: Clock) -> None:
        self._reader = reader
        self._settings = settings
        self._clock = clock
        self._seen: tuple[str, datetime] | None = None
        self._findings: tuple[Finding, ...] = ()

    async def inspect(self, snapshot: Snapshot, *, changed: bool) -> tuple[Finding, ...]:
        """What is wrong with the policy around our groups (1 call; more when a look is due)."""
        policy = self._settings.firewall_policy_id
        try:
            wire = await self._reader.firewall_policy(policy)
        except PermanentError as error:
            tell(log, "policy not inspected", level=logging.WARNING, cause=str(error))
            return self._findings
        if wire is None:
            return self._findings
        etag = str(wire.get("etag") or "")
        if changed or self._is_due(etag):
            effective = await read_effective(self._reader, policy, wire)
            for target in snapshot.targets:
                if target.live is not None or not target.difference.empty:
                    effective = effective.with_group(target.group, target.body)
            self._findings = tuple(judge(effective, snapshot, self._settings))
            self._seen = (etag, self._clock.now())
        return self._findings

    def _is_due(self, etag: str) -> bool:
        age = timedelta(seconds=self._clock.scaled(INSPECT_EVERY_SECONDS))
        return self._seen is None or self._seen[0] != etag or self._clock.now() - self._seen[1] >= age


def judge(effective: EffectivePolicy, snapshot: Snapshot, settings: Settings) -> list[Finding]:
    """Everything an effective policy and a snapshot say. Pure."""
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
    found += policy_limits(effective.policy, bodies)
    zones = zones_of_vnet(snapshot.hub.vnet.id, snapshot.zones)
    return [*found, zones] if zones else found
