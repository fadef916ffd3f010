"""Drift reports in blob storage: the latest and the ones before it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.storage import names
from shared.storage.account import StorageAccount

KEPT = 100
"""How many reports are kept."""


class DriftReports:
    """Keeps reports as compressed JSON, a few kB for a hundred clusters; their names sort by time."""

    def __init__(self, account: StorageAccount) -> None:
        self._account = account

    async def keep(self, report: Mapping[str, Any], *, at: datetime) -> str:
        """Keep a report and drop the oldest beyond `KEPT`; answers its name."""
        container = await self._account.container(names.DRIFT_CONTAINER)
        name = f"{at:%Y%m%dT%H%M%S.%f}Z.json.gz"
        body = gzip.compress(json.dumps(report).encode())
        await container.upload_blob(name, body, overwrite=True, metadata=_headline(report))
        for old in (await self.names())[KEPT:]:
            await container.delete_blob(old)
        return name

    async def names(self) -> list[str]:
        """The names of all reports, newest first."""
        container = await self._account.container(names.DRIFT_CONTAINER)
        return sorted([blob.name async for blob in container.list_blobs()], reverse=True)

    async def headlines(self, most: int) -> list[dict[str, Any]]:
        """The newest reports in numbers: `endedAt`, `verdicts`, `findings`, `actions`; newest first, one call."""
        container = await self._account.container(names.DRIFT_CONTAINER)
        kept = [(blob.name, blob.metadata or {}) async for blob in container.list_blobs(include=["metadata"])]
        newest = sorted(kept, key=lambda blob: blob[0], reverse=True)[:most]
        return [json.loads(metadata["headline"]) for _, metadata in newest if "headline" in metadata]

    async def latest(self) -> dict[str, Any] | None:
        """The newest report, or None before the first sweep."""
        found = await self.names()
        return await self.read(found[0]) if found else None

    async def read(self, name: str) -> dict[str, Any] | None:
        """A report by its name, or None."""
        from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415  # cold start

        container = await self._account.container(names.DRIFT_CONTAINER)
        try:
            blob = await container.download_blob(name)
            report: dict[str, Any] = json.loads(gzip.decompress(await blob.readall()))
        except ResourceNotFoundError:
            return None
        return report


def _headline(report: Mapping[str, Any]) -> dict[str, str]:
    """A report in numbers, as metadata of its blob: told without reading megabytes."""
    numbers = {
        "endedAt": report["endedAt"],
        "verdicts": report["verdicts"],
        "findings": len(report["findings"]),
        "actions": len(report["actions"]),
    }
    return {"headline": json.dumps(numbers)}
