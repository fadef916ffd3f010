"""The app's own events, and the topic they go to.

CloudEvents 1.0, published with the app's identity. docs/events.md describes the types, docs/schemas/own-events.json
their data. A topic that does not answer costs a log line and a few seconds, never a repair.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from shared.azure_clients import make_credential
from shared.settings import Settings
from shared.telling import tell

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.eventgrid.aio import EventGridPublisherClient

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 8.0
"""How long publishing may take, retries included."""
BATCH = 100
"""Events in one request: Event Grid takes 1 MB, and an event of ours has 2 kB."""
MOST = 1000
"""Events of one occasion; more is a storm, and the report tells it better."""
_NAMESPACE = uuid.UUID("6ce7d0b8-3f0b-5a52-8f24-1b1f0a1c9b51")
Data = Mapping[str, Any]


class EventType(StrEnum):
    """The types of our events; none changes its meaning."""

    DRIFT_FOUND = "AksHublink.DriftFound"
    DRIFT_REPAIRED = "AksHublink.DriftRepaired"
    CHANGE_REFUSED = "AksHublink.ChangeRefused"
    CLUSTER_REACHABLE = "AksHublink.ClusterReachable"
    CLUSTER_UNREACHABLE = "AksHublink.ClusterUnreachable"


@dataclass(frozen=True, kw_only=True)
class OwnEvent:
    """One event. `occasion` makes its id: the same thing told again in one sweep or piece of work has the same id."""

    type: EventType
    subject: str
    at: datetime
    occasion: str
    data: Data

    @property
    def id(self) -> str:
        """A UUID by which receivers recognise a repetition."""
        return str(uuid.uuid5(_NAMESPACE, f"{self.type}|{self.subject.lower()}|{self.occasion}"))


class Publisher:
    """Publishes to the topic of the settings; without one it does nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._source = str(settings.firewall_policy_id)
        self._client: EventGridPublisherClient | None = None
        self._credential: AsyncTokenCredential | None = None

    async def publish(self, events: Iterable[OwnEvent]) -> None:
        """Send events, a hundred at a time. What cannot be sent is told in the log and forgotten."""
        from azure.core.exceptions import AzureError  # noqa: PLC0415  # cold start

        found = list(events)
        endpoint = self._settings.drift_topic_endpoint
        if not found or endpoint is None:
            return
        if len(found) > MOST:
            tell(log, "own events left out", level=logging.WARNING, left_out=len(found) - MOST)
            found = found[:MOST]
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                for start in range(0, len(found), BATCH):
                    await self._send(endpoint, found[start : start + BATCH])
        except (AzureError, TimeoutError, ValueError) as error:
            kind = type(error).__name__
            tell(log, "own events lost", level=logging.WARNING, events=len(found), error=kind, why=str(error)[:300])

    async def _send(self, endpoint: str, events: Sequence[OwnEvent]) -> None:
        from azure.core.messaging import CloudEvent  # noqa: PLC0415  # cold start
        from azure.eventgrid.aio import EventGridPublisherClient  # noqa: PLC0415  # cold start

        if self._client is None:
            self._credential = make_credential(self._settings)
            self._client = EventGridPublisherClient(endpoint, self._credential, retry_total=1, retry_backoff_factor=0.5)
        await self._client.send(
            [
                CloudEvent(
                    id=event.id,
                    source=self._source,
                    type=str(event.type),
                    subject=event.subject,
                    time=event.at,
                    data=dict(event.data),
                )
                for event in events
            ]
        )

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._client is not None and self._credential is not None:
            await self._client.close()
            await self._credential.close()
