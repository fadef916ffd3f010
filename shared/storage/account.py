"""The storage account: service clients by connection string (local) or by identity (Azure), made when first needed."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from shared.storage import names

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.data.tables.aio import TableClient, TableServiceClient
    from azure.storage.blob.aio import BlobServiceClient, ContainerClient
    from azure.storage.queue.aio import QueueClient, QueueServiceClient

DEVELOPMENT_STORAGE = "UseDevelopmentStorage=true"
AZURITE_ACCOUNT = "devstoreaccount1"
# The account key that Azurite and the old storage emulator publish for everybody; it protects nothing.
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

PATIENCE: dict[str, Any] = {
    "connection_timeout": 5,
    "retry_total": 2,
    "initial_backoff": 0.5,
    "increment_base": 1.5,
    "random_jitter_range": 1,
    "retry_backoff_factor": 0.5,
}
"""How long the storage clients try, in seconds and numbers. The SDK's own patience is over a minute, but Event Grid
gives a function 30 seconds and then sends the event once more; queue messages come back by themselves."""


class StorageAccount:
    """Clients of one storage account.

    Give either a connection string or an account name with a credential.
    """

    def __init__(
        self,
        *,
        connection_string: str | None = None,
        account_name: str | None = None,
        credential: AsyncTokenCredential | None = None,
        endpoint_suffix: str = "core.windows.net",
    ) -> None:
        self._endpoint_suffix = endpoint_suffix
        self._connection_string = expand_development_storage(connection_string) if connection_string else None
        self._account_name = account_name
        self._credential = credential
        self._services: dict[str, Any] = {}
        self._ready: set[str] = set()

    async def queue(self, name: str) -> QueueClient:
        """A queue, made when it is missing."""
        if "queue" not in self._services:
            from azure.storage.queue.aio import QueueServiceClient  # noqa: PLC0415  # cold start

            self._services["queue"] = self._open(QueueServiceClient, "queue")
        service: QueueServiceClient = self._services["queue"]
        client = service.get_queue_client(name)
        await self._ensure(f"queue/{name}", client.create_queue)
        return client

    async def table(self, name: str) -> TableClient:
        """A table, made when it is missing."""
        if "table" not in self._services:
            from azure.data.tables.aio import TableServiceClient  # noqa: PLC0415  # cold start

            self._services["table"] = self._open(TableServiceClient, "table")
        service: TableServiceClient = self._services["table"]
        client = service.get_table_client(name)
        await self._ensure(f"table/{name}", client.create_table)
        return client

    async def container(self, name: str) -> ContainerClient:
        """A blob container, made when it is missing."""
        if "blob" not in self._services:
            from azure.storage.blob.aio import BlobServiceClient  # noqa: PLC0415  # cold start

            self._services["blob"] = self._open(BlobServiceClient, "blob")
        service: BlobServiceClient = self._services["blob"]
        client = service.get_container_client(name)
        await self._ensure(f"container/{name}", client.create_container)
        return client

    async def create_everything(self) -> None:
        """Make all queues, tables and containers; a queue trigger never makes its own queue."""
        await asyncio.gather(
            *(self.queue(name) for name in names.QUEUES),
            *(self.table(name) for name in names.TABLES),
            *(self.container(name) for name in names.CONTAINERS),
        )

    def _open(self, service_class: Any, kind: str) -> Any:
        if self._connection_string:
            return service_class.from_connection_string(self._connection_string, **PATIENCE)
        endpoint = f"https://{self._account_name}.{kind}.{self._endpoint_suffix}"
        if kind == "table":
            return service_class(endpoint=endpoint, credential=self._credential, **PATIENCE)
        return service_class(account_url=endpoint, credential=self._credential, **PATIENCE)

    async def _ensure(self, key: str, create: Any) -> None:
        if key in self._ready:
            return
        from azure.core.exceptions import ResourceExistsError  # noqa: PLC0415  # cold start

        with contextlib.suppress(ResourceExistsError):
            await create()
        self._ready.add(key)

    async def close(self) -> None:
        """Close every client."""
        services = list(self._services.values())
        self._services.clear()
        await asyncio.gather(*(service.close() for service in services))
        if self._credential is not None:
            await self._credential.close()


def expand_development_storage(connection_string: str) -> str:
    """Spell out `UseDevelopmentStorage=true`, which the Python storage SDKs do not know."""
    if connection_string.strip().rstrip(";").lower() != DEVELOPMENT_STORAGE.lower():
        return connection_string
    endpoints = ((kind, 10000 + offset) for offset, kind in enumerate(("Blob", "Queue", "Table")))
    urls = ";".join(f"{kind}Endpoint=http://127.0.0.1:{port}/{AZURITE_ACCOUNT}" for kind, port in endpoints)
    return f"DefaultEndpointsProtocol=http;AccountName={AZURITE_ACCOUNT};AccountKey={AZURITE_KEY};{urls};"
