"""From an event to a message on the queue, in well under a second and without a single call to Azure's control plane.

Event Grid sends again after 30 seconds and punishes slow or failing endpoints with hours of delay, so irrelevant,
malformed and foreign events are acknowledged with one log line. Only a queue that refuses raises: then Event Grid's
own retries keep the event.
"""

from __future__ import annotations

import logging
import uuid
from datetime import UTC, datetime
from typing import Protocol

from shared.errors import HublinkError, IrrelevantEvent, SettingsError
from shared.events import ResourceEvent, read_event, require_ours
from shared.process import current_queues
from shared.settings import settings_from_environment
from shared.storage.work import WorkItem
from shared.telling import tell

log = logging.getLogger(__name__)


class GridEvent(Protocol):
    """What azure-functions hands over: `EventGridEvent`, as far as we use it."""

    @property
    def id(self) -> str:
        """The event's id."""

    @property
    def event_type(self) -> str:
        """The event's type."""

    @property
    def subject(self) -> str:
        """What it is about."""

    @property
    def event_time(self) -> datetime | None:
        """When it happened."""

    def get_json(self) -> object:
        """Its data."""


async def accept_event(event: GridEvent, *, function: str) -> WorkItem | None:
    """Put the event's scope on the reconcile queue; None when the event is not ours.

    Raises:
        azure.core.exceptions.AzureError: the queue refuses; Event Grid will send again.
    """
    try:
        checked = _check(event, function)
    except IrrelevantEvent as error:
        tell(log, "event ignored", function=function, reason=error.message)
        return None
    item = WorkItem(
        scope=checked.scope,
        asked_by=function,
        correlation_id=checked.correlation_id or str(uuid.uuid4()),
        first_asked=datetime.now(UTC),
        event_time=checked.time,
    )
    await current_queues().reconcile(item)
    tell(log, "event accepted", function=function, scope=str(item.scope), correlation=item.correlation_id)
    return item


def _check(event: GridEvent, function: str) -> ResourceEvent:
    try:
        checked = read_event(
            event_id=str(event.id),
            event_type=str(event.event_type or ""),
            subject=str(event.subject or ""),
            data=event.get_json(),
            time=event.event_time,
            function=function,
        )
        _ = checked.scope
    except IrrelevantEvent:
        raise
    except (HublinkError, AttributeError, TypeError, ValueError) as error:
        raise IrrelevantEvent(f"malformed: {type(error).__name__}") from error
    try:
        require_ours(checked, settings_from_environment())
    except SettingsError:
        # With wrong settings nobody can say whose event it is. The message waits on the queue until they are right,
        # and the worker asks the same question again.
        tell(log, "settings are wrong, event kept unchecked", level=logging.WARNING, function=function)
    return checked
