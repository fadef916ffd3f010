"""One simulated tenant: the clock, what exists, what runs, who may do what, and what has happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from local.azure.clock import SimulatedClock
from local.azure.errors import ArmError, resource_group_not_found
from local.azure.faults import Faults
from local.azure.latencies import Latencies
from local.azure.operations import Operations
from local.azure.rbac import TENANT_ID, AccessControl, Principal
from local.azure.store import Resource, Store

ActivityKind = str
"""`Write`, `Delete` or `Action`, as in `Microsoft.Resources.Resource<kind>Success`."""


@dataclass(frozen=True, kw_only=True)
class Activity:
    """Something that was done to a resource, as the activity log has it; Event Grid makes events of it.

    `created` says that the write made the resource: events of creations carry no `httpRequest`.
    """

    kind: ActivityKind
    outcome: str
    resource_id: str
    operation_name: str
    principal: Principal
    correlation_id: str
    at: datetime
    http: Mapping[str, str] | None = None
    created: bool = False


@dataclass(frozen=True, kw_only=True)
class LoggedRequest:
    """One line of the request log."""

    at: float
    method: str
    path: str
    query: str
    status: int
    principal: str
    user_agent: str = ""
    correlation_id: str = ""
    error_code: str | None = None
    body: Any = None


@dataclass
class Azure:
    """The simulated tenant. Providers keep their resources in `store` and change them through its clock."""

    clock: SimulatedClock
    base_url: str = "https://localhost:0"
    tenant_id: str = TENANT_ID
    store: Store = field(default_factory=Store)
    latencies: Latencies = field(default_factory=Latencies)
    access: AccessControl = field(default_factory=AccessControl)
    faults: Faults = field(default_factory=Faults)
    subscriptions: set[str] = field(default_factory=set)
    requests: list[LoggedRequest] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)
    listeners: list[Callable[[Activity], None]] = field(default_factory=list)
    on_reset: list[Callable[[], None]] = field(default_factory=list)
    on_seeded: list[Callable[[], None]] = field(default_factory=list)
    subnet_if_match: bool = False
    """Whether subnets honour If-Match; not confirmed of Azure, so nobody may rely on it."""
    firewall_if_match: bool = False
    """Whether firewall policies and rule collection groups honour If-Match; not confirmed of Azure either."""
    operations: Operations = field(init=False)

    def __post_init__(self) -> None:
        self.operations = Operations(self.clock)
        self.operations.failures.append(self.faults.for_operation)
        self.access.reset()

    def reset(self) -> None:
        """Back to an empty tenant; listeners stay and are told through `on_reset`."""
        self.clock.clear()
        self.store.clear()
        self.operations.clear()
        self.faults.clear()
        self.access.assignments.clear()
        self.access.reset()
        self.subscriptions.clear()
        self.requests.clear()
        self.activities.clear()
        self.latencies = Latencies()
        self.subnet_if_match = self.firewall_if_match = False
        for callback in self.on_reset:
            callback()

    def record(self, activity: Activity) -> None:
        """Write an activity down and tell the listeners (Event Grid, Resource Graph)."""
        self.activities.append(activity)
        for listener in self.listeners:
            listener(activity)

    def record_write(
        self,
        resource_id: str,
        operation_name: str,
        principal: Principal,
        *,
        kind: ActivityKind = "Write",
        outcome: str = "Success",
        correlation_id: str = "",
        http: Mapping[str, str] | None = None,
    ) -> None:
        """Record something done now by `principal` outside of a request (AKS acting in a node resource group)."""
        self.record(
            Activity(
                kind=kind,
                outcome=outcome,
                resource_id=resource_id,
                operation_name=operation_name,
                principal=principal,
                correlation_id=correlation_id,
                at=self.clock.now(),
                http=http,
            )
        )

    def resource_group(self, subscription: str, name: str) -> Resource:
        """The resource group, or ArmError 404."""
        found = self.store.get(f"/subscriptions/{subscription}/resourceGroups/{name}")
        if found is None:
            raise resource_group_not_found(name)
        return found

    def require_subscription(self, subscription: str) -> None:
        """Raise 404 for a subscription that is not of this tenant."""
        if subscription.lower() not in self.subscriptions:
            message = f"The subscription '{subscription}' could not be found."
            raise ArmError(404, "SubscriptionNotFound", message)
