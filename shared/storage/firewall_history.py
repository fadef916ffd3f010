"""Every body our groups had before a write, and the last one that was written, as blobs."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote

from shared.firewall.group_body import body_digest, collections_of
from shared.model.resource_id import ResourceId
from shared.plan.names import short_hash
from shared.storage import names
from shared.storage.account import StorageAccount

Wire = dict[str, Any]

KEPT_MOST = 500
"""Entries of a group; the oldest go. Storage costs nothing, but somebody has to find their way in it."""
_LONGEST_SUMMARY = 300
_NAME = re.compile(r"[0-9a-f]{12}/\d{18}-\d{8}T\d{6}Z-([0-9a-f]{16})\.json")
_END_OF_TIME = 10**17
"""Names count down from here, in microseconds, so that the newest entry is listed first."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One entry of the history: what the group held at `at`, and what for it was to be replaced then.

    `replaced`: Azure has accepted that write. Not so when it was refused, or when nobody got an answer.
    """

    name: str
    at: datetime
    digest: str
    reason: str
    rules: int
    replaced: bool

    def as_data(self) -> dict[str, Any]:
        """The entry as JSON data."""
        return {
            "at": self.at.isoformat(),
            "digest": self.digest,
            "reason": self.reason,
            "rules": self.rules,
            "replaced": self.replaced,
        }


class FirewallHistory:
    """Bodies of our own groups. A group has its own folder, so nobody else's body can be found in it."""

    def __init__(self, account: StorageAccount) -> None:
        self._account = account

    async def keep(self, group: ResourceId, body: Mapping[str, Any], *, at: datetime, reason: str, summary: str) -> str:
        """Keep a body that is about to be replaced; answers the entry's name.

        A body that is kept already, for a write that has not come about, is not kept again: while Azure is busy, a
        write is tried many times.
        """
        from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415  # cold start

        digest = body_digest(body)
        entries = await self.list(group, limit=KEPT_MOST * 2)
        if entries and entries[0].digest == digest and not entries[0].replaced:
            return entries[0].name
        countdown = _END_OF_TIME - int(at.timestamp() * 1_000_000)
        name = f"{_folder(group)}{countdown:018d}-{at:%Y%m%dT%H%M%SZ}-{digest[:16]}.json"
        record = {"group": str(group), "at": at.isoformat(), "digest": digest, "reason": reason, "body": dict(body)}
        rules = sum(len(item.get("rules") or []) for item in collections_of(body))
        metadata = {
            "at": at.isoformat(),
            "digest": digest,
            "rules": str(rules),
            # Metadata travels in headers: ASCII, and not much of it.
            "reason": quote(summary[:_LONGEST_SUMMARY], safe=" ,;:/()"),
            "replaced": "no",
        }
        container = await self._account.container(names.HISTORY_CONTAINER)
        await container.upload_blob(name, json.dumps(record, indent=2).encode(), overwrite=True, metadata=metadata)
        for old in entries[KEPT_MOST - 1 :]:
            with contextlib.suppress(ResourceNotFoundError):
                await container.delete_blob(old.name)
        return name

    async def replaced(self, name: str) -> None:
        """Note that Azure has accepted the write an entry was kept for."""
        container = await self._account.container(names.HISTORY_CONTAINER)
        blob = container.get_blob_client(name)
        metadata = (await blob.get_blob_properties()).metadata
        await blob.set_blob_metadata({**metadata, "replaced": "yes"})

    async def list(self, group: ResourceId, *, limit: int, before: str = "") -> list[Kept]:
        """The newest entries of a group, newest first; `before` is the name of the last entry of the page before."""
        container = await self._account.container(names.HISTORY_CONTAINER)
        size = KEPT_MOST if before else min(limit, KEPT_MOST)
        blobs = container.list_blobs(name_starts_with=_folder(group), include=["metadata"], results_per_page=size)
        found: list[Kept] = []
        async for blob in blobs:
            if _NAME.fullmatch(blob.name) and blob.name > before:
                found.append(_kept(blob.name, blob.metadata or {}))
            if len(found) >= limit:
                break
        return found

    async def body(self, group: ResourceId, digest: str) -> Wire | None:
        """The newest kept body of a group with this digest; None when there is none, or when it was tampered with."""
        container = await self._account.container(names.HISTORY_CONTAINER)
        async for name in container.list_blob_names(name_starts_with=_folder(group)):
            found = _NAME.fullmatch(name)
            if not (found and digest.startswith(found[1])):
                continue
            record = json.loads(await (await container.download_blob(name)).readall())
            same_group = str(record.get("group", "")).lower() == group.key
            if same_group and record.get("digest") == digest == body_digest(record["body"]):
                body: Wire = record["body"]
                return body
        return None

    async def intend(self, group: ResourceId, *, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> None:
        """Write down what a group is about to become, before the write: whatever else it holds later was not us."""
        container = await self._account.container(names.HISTORY_CONTAINER)
        record = {"group": str(group), "before": before, "after": dict(after)}
        await container.upload_blob(_intent_name(group), json.dumps(record).encode(), overwrite=True)

    async def intended(self, group: ResourceId) -> tuple[Wire | None, Wire] | None:
        """What the group was before our last write and what it should be since; None before the first write."""
        from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415  # cold start

        container = await self._account.container(names.HISTORY_CONTAINER)
        try:
            record = json.loads(await (await container.download_blob(_intent_name(group))).readall())
        except ResourceNotFoundError:
            return None
        return record["before"], record["after"]


def _folder(group: ResourceId) -> str:
    return f"{short_hash(group, 12)}/"


def _intent_name(group: ResourceId) -> str:
    return f"written/{short_hash(group, 40)}.json"


def _kept(name: str, metadata: Mapping[str, str]) -> Kept:
    return Kept(
        name=name,
        at=datetime.fromisoformat(metadata["at"]),
        digest=metadata["digest"],
        reason=unquote(metadata["reason"]),
        rules=int(metadata["rules"]),
        replaced=metadata["replaced"] == "yes",
    )
