"""The app's parts in this process: with storage as deployed, or without, for reading only."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property

from cli.options import Loaded
from shared.backfill.preview import FirewallPreview
from shared.clock import SystemClock
from shared.model.resource_id import ResourceId
from shared.plan.combined import CombinedPlan, ScopePlan, combine
from shared.runtime import Runtime
from shared.storage.registry import Registry, RegistryRow
from shared.survey import Places, Progress, Selection


class EmptyRegistry(Registry):
    """A registry without a storage account: nothing is known, nothing is remembered."""

    def __init__(self) -> None:
        pass

    async def get(self, cluster: ResourceId) -> RegistryRow | None:  # noqa: ARG002  # the registry's signature
        """Nothing."""
        return None

    async def all(self) -> list[RegistryRow]:
        """No rows."""
        return []


class ReadOnlyRuntime(Runtime):
    """The app's parts without storage."""

    @cached_property
    def registry(self) -> Registry:
        """A registry that knows nothing."""
        return EmptyRegistry()


@asynccontextmanager
async def opened(loaded: Loaded) -> AsyncIterator[Runtime]:
    """The parts for these settings; everything is closed at the end."""
    kind = Runtime if loaded.has_storage else ReadOnlyRuntime
    app = kind(settings=loaded.settings, clock=SystemClock(loaded.settings.time_scale))
    try:
        yield app
    finally:
        await app.close()


async def make_plan(
    app: Runtime, places: Places, *, has_storage: bool, progress: Progress | None = None
) -> CombinedPlan:
    """Look at all places and say what would be done, in the firewall too."""
    found: list[ScopePlan] = await app.surveyor.survey(places.scopes, progress)
    preview = FirewallPreview(
        reader=app.reader, observer=app.observer, registry=app.registry, settings=app.settings, clock=app.clock
    )
    return await preview.complete(combine(found, gaps=places.gaps), registry_is_kept=has_storage)


def selection_of(app: Runtime, subscriptions: list[str], clusters: list[str]) -> Selection:
    """The part of the fleet that is meant.

    Raises:
        ProblemError: naming every mistake.
    """
    from shared.backfill.request import read_request  # noqa: PLC0415  # pydantic models cost time that --help has not

    body = json.dumps({"subscriptions": subscriptions, "clusters": clusters}).encode()
    return read_request(body, {}, app.settings).selection
