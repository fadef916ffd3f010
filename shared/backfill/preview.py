"""What the firewall writer would do once a plan is applied; read-only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from ipaddress import IPv4Address

from shared.clock import Clock
from shared.errors import UnsafePlan
from shared.firewall.desired import cluster_of_rule, rules_of
from shared.firewall.group_body import Wire
from shared.firewall.targets import Targets
from shared.model.resource_id import ResourceId
from shared.model.world import ApiServer
from shared.observe.observer import Observer
from shared.observe.reader import Reader
from shared.plan.action import Action, ActionKind, Plan
from shared.plan.combined import CombinedPlan, FirewallChange
from shared.plan.finding import Code, Finding, Severity
from shared.settings import Settings
from shared.storage.registry import Registry, RegistryRow


class _PlannedRegistry(Registry):
    """The registry as it will be once the plan is applied."""

    def __init__(self, rows: Iterable[RegistryRow]) -> None:
        self._rows = sorted(rows, key=lambda row: row.api_server.cluster.key)

    async def all(self) -> list[RegistryRow]:
        return self._rows


class FirewallPreview:
    """Compares the live groups with what the writer would want after a plan."""

    def __init__(
        self, *, reader: Reader, observer: Observer, registry: Registry, settings: Settings, clock: Clock
    ) -> None:
        self._reader = reader
        self._observer = observer
        self._registry = registry
        self._settings = settings
        self._clock = clock

    async def complete(self, combined: CombinedPlan, *, registry_is_kept: bool = True) -> CombinedPlan:
        """The plan with the firewall's changes.

        Without a kept registry every cluster looks unregistered; then the rules that the firewall already has stand
        for it, and only clusters without their rule remain in the plan.
        """
        rows = after_plan(await self._registry.all(), combined.plan, self._clock.now())
        targets = Targets(
            reader=self._reader,
            observer=self._observer,
            registry=_PlannedRegistry(rows),
            settings=self._settings,
            clock=self._clock,
        )
        try:
            found = [target for target in (await targets.read()).targets if target]
        except UnsafePlan as error:
            return replace(combined, refused=(*combined.refused, _refused(error, targets.api_group)))
        if not registry_is_kept:
            combined = replace(combined, plan=without_allowed(combined.plan, found[0].live))
        differences = [target.difference for target in found]
        change = FirewallChange(
            added=tuple(sorted({name for item in differences for name in item.added})),
            removed=tuple(sorted({name for item in differences for name in item.removed})),
            changed=tuple(sorted({name for item in differences for name in item.changed})),
            settings=tuple(sorted({name for item in differences for name in item.settings})),
        )
        return replace(combined, firewall=change)


def after_plan(rows: Iterable[RegistryRow], plan: Plan, now: datetime) -> list[RegistryRow]:
    """The registry's rows once the actions of a plan are done."""
    known = {row.api_server.cluster: row for row in rows}
    for action in plan.actions:
        if action.kind is ActionKind.FORGET_API_SERVER:
            known.pop(action.resource, None)
        elif action.kind is ActionKind.REGISTER_API_SERVER:
            known[action.resource] = RegistryRow(api_server=_planned(action, now), changed_at=now)
    return list(known.values())


def _planned(action: Action, now: datetime) -> ApiServer:
    after = action.after or {}
    return ApiServer(
        cluster=action.resource,
        address=IPv4Address(str(after["address"])) if after.get("address") else None,
        zone=ResourceId.parse(after["zone"]) if after.get("zone") else None,
        subnets=tuple(ResourceId.parse(subnet) for subnet in after.get("subnets", ())),
        outbound_type=str(after.get("outboundType", "")),
        stopped_at=now if after.get("stopped") else None,
    )


def without_allowed(plan: Plan, live: Wire | None) -> Plan:
    """A plan without the registrations of clusters whose address the live group already allows."""
    allowed = {cluster_of_rule(rule): rule.get("destinationAddresses") for rule in rules_of(live)}

    def is_news(action: Action) -> bool:
        if action.kind is not ActionKind.REGISTER_API_SERVER:
            return True
        return allowed.get(action.resource) != [(action.after or {}).get("address")]

    return replace(plan, actions=tuple(action for action in plan.actions if is_news(action)))


def _refused(error: UnsafePlan, group: ResourceId) -> Finding:
    return Finding(code=Code(error.code), severity=Severity.ERROR, resource=group, message=error.message, fix=error.fix)
