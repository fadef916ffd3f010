"""Finds the queue service behind a binding's ``connection``."""

from collections.abc import Mapping

from azure.storage.queue.aio import QueueServiceClient

from local.azurite import development_connection_string
from local.host.errors import HostError

_DEFAULT = "AzureWebJobsStorage"
_IDENTITY_PARTS = ("accountName", "queueServiceUri", "serviceUri")


def connection_string(connection: str | None, environment: Mapping[str, str]) -> str:
    """The connection string that a binding's ``connection`` names.

    As in the real host the setting may be called ``<connection>`` or ``AzureWebJobs<connection>``.
    ``UseDevelopmentStorage=true``, which the Python SDK does not understand, becomes Azurite on its usual ports.

    Raises:
        HostError: The setting is missing, or describes a connection by identity, which is not needed locally.
    """
    name = connection or _DEFAULT
    for candidate in (name, f"AzureWebJobs{name}"):
        value = environment.get(candidate)
        if value:
            wanted = value.replace(" ", "").lower()
            return development_connection_string() if "usedevelopmentstorage=true" in wanted else value
        by_identity = [part for part in _IDENTITY_PARTS if environment.get(f"{candidate}__{part}")]
        if by_identity:
            raise HostError(
                resource=f"{candidate}__{by_identity[0]}",
                cause="is a connection by identity, which the local host does not make.",
                fix=f"Set {candidate} to UseDevelopmentStorage=true or to a connection string.",
            )
    raise HostError(
        resource=name,
        cause="is not set.",
        fix="Set it to UseDevelopmentStorage=true and start Azurite with 'python -m local.azurite'.",
    )


class QueueServices:
    """One client for each connection, shared by all listeners and output bindings.

    Args:
        environment: Settings.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._clients: dict[str, QueueServiceClient] = {}

    def service(self, connection: str | None) -> QueueServiceClient:
        """The service client of a binding's ``connection``.

        Raises:
            HostError: See `connection_string`; also when the string is malformed.
        """
        name = connection or _DEFAULT
        if name not in self._clients:
            text = connection_string(connection, self._environment)
            try:
                # The SDK's own first retry comes after 15 s: too slow for a laptop's queue that restarts.
                self._clients[name] = QueueServiceClient.from_connection_string(
                    text, retry_total=3, initial_backoff=1, increment_base=2
                )
            except ValueError as error:
                raise HostError(
                    resource=name, cause=f"is not a connection string: {error}", fix="Correct the setting."
                ) from error
        return self._clients[name]

    async def close(self) -> None:
        """Close every client."""
        for client in self._clients.values():
            await client.close()
