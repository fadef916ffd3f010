"""Event subscriptions and what they let through."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parents[3] / "infra" / "event_subscriptions.json"
MAX_FILTER_VALUES = 25


@dataclass(frozen=True, kw_only=True)
class EventSubscription:
    """Events of one subscription that go to one function of one endpoint.

    Types and operation names are compared in any case: Event Grid's advanced `StringIn` ignores case. A set
    `echo_filter_app_id` stands for an advanced filter `data.claims.appid StringNotIn [...]`.
    """

    function: str
    subscription: str
    endpoint: str
    event_types: frozenset[str]
    operation_names: frozenset[str]
    echo_filter_app_id: str | None = None

    @property
    def name(self) -> str:
        """Function and subscription, as the control API prints it."""
        return f"{self.function}@{self.subscription}"

    @property
    def url(self) -> str:
        """Where the functions host takes events for this function."""
        return f"{self.endpoint.rstrip('/')}/runtime/webhooks/EventGrid?functionName={self.function}"

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether the event passes all filters."""
        data = event["data"]
        return (
            str(data["subscriptionId"]).lower() == self.subscription.lower()
            and event["eventType"].lower() in self.event_types
            and data["operationName"].lower() in self.operation_names
            and not self._is_echo(data.get("claims"))
        )

    def _is_echo(self, claims: Any) -> bool:
        # A missing key passes StringNotIn.
        if self.echo_filter_app_id is None or not isinstance(claims, dict):
            return False
        return str(claims.get("appid", "")).lower() == self.echo_filter_app_id.lower()


def load_table(path: Path = TABLE) -> dict[str, dict[str, list[str]]]:
    """The table of functions, event types and operation names.

    Raises:
        ValueError: A function has more filter values than an event subscription may hold (25 in total).
    """
    table: dict[str, dict[str, list[str]]] = json.loads(path.read_text(encoding="utf-8"))
    for function, row in table.items():
        if len(row["operationNames"]) > MAX_FILTER_VALUES:
            raise ValueError(f"{function} has more than {MAX_FILTER_VALUES} operation names; Event Grid refuses that")
    return table


def subscriptions_for(
    endpoint: str, subscription: str, *, table: Mapping[str, Mapping[str, list[str]]], echo_filter_app_id: str | None
) -> list[EventSubscription]:
    """One event subscription per function of the table."""
    return [
        EventSubscription(
            function=function,
            subscription=subscription,
            endpoint=endpoint,
            event_types=frozenset(name.lower() for name in row["eventTypes"]),
            operation_names=frozenset(name.lower() for name in row["operationNames"]),
            echo_filter_app_id=echo_filter_app_id,
        )
        for function, row in table.items()
    ]
