"""One correlation id leads from an event to the last write, in the app's messages and in Azure's activity log."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

from shared.model.resource_id import ResourceId
from shared.model.scope import Scope, ScopeKind
from shared.storage import names
from shared.storage.work import SyncRequest, WorkItem
from shared.workers import serve_sync
from tests.app.conftest import Contoso

CORRELATION = "c0ffee00-0000-4000-8000-00000000beef"


async def test_every_write_for_an_event_carries_its_correlation_id(contoso: Contoso) -> None:
    await contoso.prepare()
    cluster = contoso.create_cluster()
    before = len(contoso.azure.requests)
    item = WorkItem(
        scope=Scope(kind=ScopeKind.CLUSTER, resource=ResourceId.parse(cluster)),
        asked_by="allow_api_server",
        correlation_id=CORRELATION,
        first_asked=datetime.now(UTC),
    )

    await contoso.app.reconciler.run(item)
    queue = await contoso.app.storage.queue(names.SYNC_FIREWALL_QUEUE)
    (message,) = [message async for message in queue.receive_messages()]
    await serve_sync(contoso.app, SyncRequest.decode(base64.b64decode(message.content)))

    ours = [call for call in list(contoso.azure.requests)[before:] if call.principal == "aks-hublink"]
    written = [call for call in ours if call.method == "PUT"]
    assert {call.path.split("/")[-2] for call in written} >= {"virtualNetworkLinks", "ruleCollectionGroups"}
    assert {call.correlation_id for call in written} == {CORRELATION}
    assert all("(allow_api_server)" in call.user_agent for call in written)
