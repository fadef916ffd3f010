"""A running local Azure, real SDK clients against it, and the small network most tests begin with."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.mgmt.network.aio import NetworkManagementClient

from local.azure.azure import Azure
from local.azure.rbac import OPERATOR, Principal, issue_token
from local.azure.resource_groups.models import put_group
from local.azure.simulation import run
from local.azure.tls import Certificates

SUBSCRIPTION = "5ab00000-0000-4000-8000-000000000001"
OTHER_SUBSCRIPTION = "5ab00000-0000-4000-8000-000000000002"
GROUP = "rg-network"
SPEED = 400.0


class StaticCredential:
    """An async credential that issues the local Azure's own tokens."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        now = int(time.time())
        return AccessToken(issue_token(self._principal, audience=scopes[0], issued=now), now + 3600)

    async def close(self) -> None:
        return None

    async def __aenter__(self) -> StaticCredential:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


@dataclass(frozen=True, kw_only=True)
class Lab:
    """A running local Azure and the way in."""

    azure: Azure
    certificates: Certificates

    @contextlib.asynccontextmanager
    async def network(
        self, principal: Principal = OPERATOR, subscription: str = SUBSCRIPTION
    ) -> AsyncIterator[NetworkManagementClient]:
        """The real async network client, as this principal. It does not retry, so that refusals are seen."""
        async with NetworkManagementClient(
            StaticCredential(principal),
            subscription,
            base_url=self.azure.base_url,
            credential_scopes=[f"{self.azure.base_url}/.default"],
            connection_verify=str(self.certificates.ca),
            polling_interval=0.05,
            retry_total=0,
        ) as client:
            yield client

    def id(self, kind: str, name: str, *, group: str = GROUP, subscription: str = SUBSCRIPTION) -> str:
        """The id of a Microsoft.Network resource."""
        return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/{kind}/{name}"


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    """An empty tenant of two subscriptions, each with one resource group, on a fast clock."""
    async with run(folder=tmp_path, speed=SPEED) as (azure, certificates):
        azure.subscriptions |= {SUBSCRIPTION, OTHER_SUBSCRIPTION}
        for subscription in (SUBSCRIPTION, OTHER_SUBSCRIPTION):
            put_group(azure, subscription, GROUP, location="westeurope")
        yield Lab(azure=azure, certificates=certificates)


@pytest.fixture
async def client(lab: Lab) -> AsyncIterator[NetworkManagementClient]:
    """The network client of the operator."""
    async with lab.network() as client:
        yield client


async def make_vnet(
    client: NetworkManagementClient, name: str, space: str, subnets: dict[str, str] | None = None, **more: Any
) -> Any:
    """A VNet in westeurope with subnets by name, done."""
    inline = [{"name": key, "properties": {"addressPrefix": prefix}} for key, prefix in (subnets or {}).items()]
    body = {
        "location": "westeurope",
        "properties": {"addressSpace": {"addressPrefixes": [space]}, "subnets": inline, **more},
    }
    return await (await client.virtual_networks.begin_create_or_update(GROUP, name, body)).result()


async def make_table(client: NetworkManagementClient, name: str, *, location: str = "westeurope") -> Any:
    """A route table with 0/0 to an appliance, done."""
    route = {
        "name": "default",
        "properties": {
            "addressPrefix": "0.0.0.0/0",
            "nextHopType": "VirtualAppliance",
            "nextHopIpAddress": "10.0.1.4",
        },
    }
    body = {"location": location, "properties": {"routes": [route], "disableBgpRoutePropagation": True}}
    return await (await client.route_tables.begin_create_or_update(GROUP, name, body)).result()
