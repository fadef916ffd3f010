"""What the tests of the writer do over and over."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Any

from local.azure.firewall.models import effective_groups
from shared.firewall.writer import Sync
from shared.model.resource_id import ResourceId
from shared.model.world import ApiServer
from shared.runtime import Runtime
from shared.storage.work import SyncRequest
from tests.app.conftest import Contoso

GROUP = "rcg-aks-api-servers"
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
        await contoso.app.registry.put(api_server(contoso, number, **more))


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
