"""Looking everywhere the app looks, and collecting what it finds."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from shared.model.resource_id import ResourceId
from shared.model.scope import scope_of
from shared.plan.finding import Code, Finding
from shared.runtime import Runtime
from shared.storage.work import SyncRequest, WorkItem
from tests.app.conftest import Contoso
from tests.drift.test_sweep import LAG

Provoke = Callable[[Contoso, str, pytest.MonkeyPatch], Awaitable[list[Finding]]]
PROVOCATIONS: dict[Code, Provoke] = {}
"""What brings the local Azure into the situation of a code, and answers what is found then."""


def provokes(code: Code) -> Callable[[Provoke], Provoke]:
    """Remember a provocation."""

    def remember(provoke: Provoke) -> Provoke:
        PROVOCATIONS[code] = provoke
        return provoke

    return remember


async def swept(contoso: Contoso, app: Runtime | None = None) -> list[Finding]:
    """What a sweep finds."""
    contoso.azure.clock.advance(LAG)
    report = await (app or contoso.app).drift_detector.run()
    assert report is not None
    return list(report.findings)


async def looked(
    contoso: Contoso, resource: str, app: Runtime | None = None, *, ago: timedelta = timedelta()
) -> list[Finding]:
    """What a look at one resource finds, for a message that was first asked for some time `ago`."""
    scope = scope_of(ResourceId.parse(resource))
    assert scope is not None
    first = datetime.now(UTC) - ago
    item = WorkItem(scope=scope, asked_by="test", correlation_id=str(uuid.uuid4()), first_asked=first)
    report = await (app or contoso.app).reconciler.run(item)
    return list(report.findings)


async def synced(contoso: Contoso, app: Runtime | None = None) -> list[Finding]:
    """What a sync of the firewall finds."""
    request = SyncRequest(
        policy=contoso.app.settings.firewall_policy_id,
        requested_at=datetime.now(UTC),
        asked_by="test",
        correlation_id=str(uuid.uuid4()),
    )
    return list((await (app or contoso.app).firewall_writer.sync(request)).findings)


async def everything(contoso: Contoso, cluster: str) -> list[Finding]:
    """What all of these find."""
    return [*await swept(contoso), *await looked(contoso, cluster), *await synced(contoso)]
