"""What the tests of the writer do over and over."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Any

from local.azure.environment import app_environment
from local.azure.firewall.models import effective_groups
from local.host.process import HostProcess
from shared.firewall.writer import Sync
from shared.model.resource_id import ResourceId
from shared.model.world import ApiServer
from shared.runtime import Runtime
from shared.storage.work import SyncRequest
from tests.app.conftest import Contoso
from tests.conftest import CERTIFICATES

GROUP = "rcg-aks-api-servers"
UPDATE_SECONDS = 240.0
"""How long a firewall takes for an update, with the hosts at work."""
COLLECTION = "allow-aks-api-servers"


def group_id(contoso: Contoso, name: str = GROUP) -> str:
    return f"{contoso.seed['firewall_policy']}/ruleCollectionGroups/{name}"


def api_server(contoso: Contoso, number: int, *, address: str | None = None, **more: Any) -> ApiServer:
    """An API server as a queue worker registers it; its cluster need not exist for the writer."""
    cluster = ResourceId.parse(contoso.cluster_id(f"aks-{number:03d}"))
    return ApiServer(
        cluster=cluster, address=IPv4Address(address or f"10.1.{4 + number // 250}.{number % 250}"), **more
    )


async def register(contoso: Contoso, numbers: Iterable[int], **more: Any) -> None:
    for number in numbers:
        await contoso.register(api_server(contoso, number, **more))


def request(contoso: Contoso) -> SyncRequest:
    return SyncRequest(
        policy=contoso.app.settings.firewall_policy_id,
        requested_at=datetime.now(UTC),
        asked_by="test",
        correlation_id=str(uuid.uuid4()),
    )


async def sync(contoso: Contoso, app: Runtime | None = None) -> Sync:
    return await (app or contoso.app).firewall_writer.sync(request(contoso))


def enforced(contoso: Contoso, name: str = GROUP) -> dict[str, list[str]]:
    """The rules that the firewall enforces right now of a group: name to destination addresses."""
    groups = effective_groups(contoso.azure, contoso.seed["firewall_policy"])
    return {
        rule["name"]: rule.get("destinationAddresses", [])
        for group in groups
        if group["name"] == name
        for collection in group["ruleCollections"]
        for rule in collection["rules"]
    }


def addresses(contoso: Contoso) -> set[str]:
    return {address for found in enforced(contoso).values() for address in found}


def firewall_writes(contoso: Contoso, name: str = "ruleCollectionGroups") -> int:
    """Writes of rule collection groups by the app that Azure accepted."""
    return sum(f"{name}/" in write or write.endswith(name) for write in contoso.writes())


def edit_by_hand(contoso: Contoso, change: Any, name: str = GROUP, *, wait: float = 300.0) -> None:
    """Somebody opens the group in the portal, changes it and saves."""
    body = copy.deepcopy(contoso.get(group_id(contoso, name)))
    change(body["properties"])
    contoso.put(group_id(contoso, name), {"properties": body["properties"]}, wait=wait)


def codes(outcome: Sync) -> list[str]:
    return [str(finding.code) for finding in outcome.findings]


@contextlib.asynccontextmanager
async def hosts(contoso: Contoso, count: int, *, speed: float) -> AsyncIterator[list[HostProcess]]:
    """Functions hosts of the app side by side, on a clock slow enough for processes, warmed up."""
    contoso.azure.clock.set_speed(speed)
    contoso.azure.latencies.firewall_policy = UPDATE_SECONDS
    environment = {
        **app_environment(contoso.azure.base_url, CERTIFICATES.ca),
        **contoso.seed["settings"],
        "AzureWebJobsStorage": contoso.connection_string,
        "TIME_SCALE": str(speed),
        # The clusters of these tests are only registered; the timer would find out.
        "AzureWebJobs.detect_drift.Disabled": "true",
    }
    started = [HostProcess(env=environment, speed=speed, ready_within=90) for _ in range(count)]
    try:
        await asyncio.gather(*(host.astart() for host in started))
        while not all(any("firewall synced" in line for line in host.output) for host in started):
            await contoso.app.queues.sync_firewall(request(contoso))
            await asyncio.sleep(0.3)
        yield started
    finally:
        await asyncio.gather(*(host.astop() for host in started), return_exceptions=True)


async def until(condition: Callable[[], bool], *, seconds: float) -> None:
    """Wait for something to become true; the assertion that follows says what did not."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110  # the world outside
        await asyncio.sleep(0.05)
