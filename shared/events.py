"""Subscription events: read, checked, and reduced to where to look.

Events are untrusted. Nothing of one is believed but the place it points at, and that is read again from Resource
Manager. The claims in an event are personal data: they are never read, logged or passed on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from shared.errors import InvalidResourceId, IrrelevantEvent
from shared.model.resource_id import ResourceId
from shared.model.scope import Scope, ScopeKind, scope_of
from shared.settings import Settings

_TABLE = Path(__file__).with_name("event_subscriptions.json")
_MAX_FIELD = 2048
_CORRELATION = re.compile(r"[0-9A-Za-z-]{1,64}")


@dataclass(frozen=True, kw_only=True)
class ResourceEvent:
    """A subscription event, reduced to what we use. `operation` and `event_type` are in lower case."""

    event_id: str
    event_type: str
    operation: str
    resource: ResourceId
    tenant_id: str
    correlation_id: str
    time: datetime | None

    @property
    def scope(self) -> Scope:
        """Where to look. Raises IrrelevantEvent for a resource nobody looks at."""
        scope = scope_of(self.resource)
        if scope is None:
            raise IrrelevantEvent("a resource type nobody looks at", resource=self.resource.type)
        return scope


@dataclass(frozen=True)
class EventFilter:
    """Which event types and operation names a function wants, in lower case."""

    event_types: frozenset[str]
    operations: frozenset[str]


@cache
def event_filters() -> Mapping[str, EventFilter]:
    """The table of infra/event_subscriptions.json: the functions check again what Event Grid has filtered."""
    table = json.loads(_TABLE.read_text())
    return {
        function: EventFilter(
            frozenset(name.lower() for name in entry["eventTypes"]),
            frozenset(name.lower() for name in entry["operationNames"]),
        )
        for function, entry in table.items()
    }


def read_event(
    *, event_id: str, event_type: str, subject: str, data: object, time: datetime | None, function: str
) -> ResourceEvent:
    """Check that an event is one `function` wants and that it points at a resource.

    Raises:
        IrrelevantEvent: for anything else, with the reason for the log.
    """
    wanted = event_filters()[function]
    if event_type.lower() not in wanted.event_types:
        raise IrrelevantEvent("event type not wanted")
    if not isinstance(data, Mapping):
        raise IrrelevantEvent("event without data")
    operation = _text(data, "operationName").lower()
    if operation not in wanted.operations:
        raise IrrelevantEvent("operation not wanted")
    try:
        resource = ResourceId.parse(subject or _text(data, "resourceUri"))
    except InvalidResourceId as error:
        raise IrrelevantEvent("subject is no resource id") from error
    return ResourceEvent(
        event_id=event_id[:_MAX_FIELD],
        event_type=event_type.lower(),
        operation=operation,
        resource=resource,
        tenant_id=_text(data, "tenantId").lower(),
        correlation_id=_correlation_id(data),
        time=time,
    )


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) and len(value) <= _MAX_FIELD else ""


def _correlation_id(data: Mapping[str, Any]) -> str:
    # It goes on as a header of every call to Azure, so nothing but a plain id may pass.
    text = _text(data, "correlationId")
    return text if _CORRELATION.fullmatch(text) else ""


def require_ours(event: ResourceEvent, settings: Settings) -> None:
    """Check tenant and subscription against the settings.

    Raises:
        IrrelevantEvent: for another tenant, or a place that is not looked after.
    """
    if settings.tenant_id and event.tenant_id != settings.tenant_id.lower():
        raise IrrelevantEvent("another tenant")
    if not is_looked_after(event.scope, settings):
        raise IrrelevantEvent("a subscription that is not looked after", resource=str(event.resource))


def is_looked_after(scope: Scope, settings: Settings) -> bool:
    """Whether a scope lies in an allowed subscription, in a monitoring VNet, in the hub, or is a trusted zone.

    Of firewall policies only the one we write counts, wherever it is. A route table counts beside a monitoring VNet,
    whose subnets may use it; what it is to them is found out by reading it.
    """
    if scope.kind is ScopeKind.FIREWALL_POLICY:
        return scope.resource == settings.firewall_policy_id
    named = (*settings.trusted_zone_ids, *settings.monitoring_vnet_ids, settings.hub_vnet_id)
    subscription = scope.resource.subscription_id
    if scope.kind is ScopeKind.ROUTE_TABLE and any(
        vnet.subscription_id.lower() == subscription.lower() for vnet in settings.monitoring_vnet_ids
    ):
        return True
    return settings.allows_subscription(subscription) or scope.resource in named
