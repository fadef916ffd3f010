"""Locks across instances: blob leases, renewed while they are held.

A lease does not fence: a holder that was frozen past its end may wake up and write. So whoever writes under a lock
checks `still_held` and reads again right before the write.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from shared.errors import LeaseLost
from shared.storage import names
from shared.storage.account import StorageAccount
from shared.telling import tell

if TYPE_CHECKING:
    from azure.storage.blob.aio import BlobClient, BlobLeaseClient

log = logging.getLogger(__name__)

LEASE_SECONDS = 15
"""Leases last 15 to 60 seconds; a short one lets the next writer take over soon after a crash."""
RENEW_SECONDS = 5.0


class Lock:
    """A lock that is held."""

    def __init__(self, name: str, lease: BlobLeaseClient) -> None:
        self.name = name
        self._lease = lease
        self._lost = False

    def still_held(self) -> None:
        """Raise LeaseLost when the lease could not be renewed."""
        if self._lost:
            raise LeaseLost("the lock was lost while working", resource=self.name)

    async def confirm(self) -> None:
        """Renew right now, before a write: a process that was frozen may hold a lease that ended long ago.

        Raises:
            LeaseLost: somebody else may hold the lock, or the storage does not answer.
        """
        from azure.core.exceptions import AzureError  # noqa: PLC0415  # cold start

        self.still_held()
        try:
            await self._lease.renew()
        except AzureError as error:
            self._lost = True
            raise LeaseLost("the lock was lost while working", resource=self.name) from error

    async def keep_renewing(self) -> None:
        """Renew until cancelled or refused. Real seconds: leases run on the storage service's clock."""
        from azure.core.exceptions import AzureError, HttpResponseError  # noqa: PLC0415  # cold start

        failures = 0
        while not self._lost:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await self._lease.renew()
                failures = 0
            except HttpResponseError:
                self._lost = True
            except AzureError:
                failures += 1
                self._lost = failures * RENEW_SECONDS >= LEASE_SECONDS
        tell(log, "lock lost", level=logging.WARNING, lock=self.name)


class Locks:
    """Takes locks by name."""

    def __init__(self, account: StorageAccount) -> None:
        self._account = account

    @contextlib.asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[Lock | None]:
        """Hold a lock while the block runs; gives None when somebody else holds it."""
        blob = await self._blob(name)
        lease = await self._acquire(blob)
        if lease is None:
            yield None
            return
        lock = Lock(name, lease)
        renewing = asyncio.create_task(lock.keep_renewing(), name=f"renew {name}")
        try:
            yield lock
        finally:
            renewing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await renewing
            await self._release(lease)

    async def _blob(self, name: str) -> BlobClient:
        from azure.core.exceptions import HttpResponseError  # noqa: PLC0415  # cold start

        container = await self._account.container(names.LOCK_CONTAINER)
        blob = container.get_blob_client(name)
        # Exists already, or is leased right now: either way it is there.
        with contextlib.suppress(HttpResponseError):
            await blob.upload_blob(b"", overwrite=False)
        return blob

    async def _acquire(self, blob: BlobClient) -> BlobLeaseClient | None:
        from azure.core.exceptions import HttpResponseError  # noqa: PLC0415  # cold start

        try:
            return await blob.acquire_lease(LEASE_SECONDS)
        except HttpResponseError as error:
            if error.status_code == 409:
                return None
            raise

    async def _release(self, lease: BlobLeaseClient) -> None:
        from azure.core.exceptions import AzureError  # noqa: PLC0415  # cold start

        # A lease that cannot be released ends by itself within seconds.
        with contextlib.suppress(AzureError):
            await lease.release()
