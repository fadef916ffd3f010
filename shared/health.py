"""Whether the app can work: settings and storage. Names settings, never values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.errors import SettingsError
from shared.runtime import current_runtime
from shared.storage import names


@dataclass(frozen=True, kw_only=True)
class Health:
    """What was checked and what is wrong."""

    mistakes: tuple[str, ...] = ()
    queues: dict[str, int] | None = None

    @property
    def healthy(self) -> bool:
        """Whether everything checked is right."""
        return not self.mistakes

    def as_data(self) -> dict[str, Any]:
        """The answer as JSON data. `queues` are approximate numbers of waiting messages."""
        status = "healthy" if self.healthy else "unhealthy"
        return {"status": status, "mistakes": list(self.mistakes), "queues": self.queues or {}}


async def check_health() -> Health:
    """Check settings and storage."""
    from azure.core.exceptions import AzureError  # noqa: PLC0415  # cold start

    try:
        runtime = current_runtime()
    except SettingsError as error:
        return Health(mistakes=error.mistakes)
    try:
        lengths = {}
        for name in names.QUEUES:
            queue = await runtime.storage.queue(name)
            properties = await queue.get_queue_properties()
            lengths[name] = int(properties.approximate_message_count or 0)
    except (AzureError, ValueError) as error:
        return Health(mistakes=(f"the storage of {names.CONNECTION} does not answer: {type(error).__name__}",))
    return Health(queues=lengths)
