"""The app against the local Azure and Azurite, in the test's own process: real SDK clients, real queues."""

from __future__ import annotations

import base64
import contextlib
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob.aio import BlobLeaseClient

from local.azure.azure import Azure
from local.azure.dataplane.packets import Outcome, connect
from local.azure.rbac import OPERATOR
from local.azure.seed.bodies import cluster_body, link_body, subnet_body
from local.azure.seed.grants import identity_of, network_contributor
from local.azure.server import IDENTITY_HEADER
from local.azure.simulation import Simulation, simulate
from local.azurite import Azurite
from shared.clock import SystemClock
from shared.loop import Report
from shared.model.resource_id import ResourceId
from shared.model.scope import scope_of
from shared.model.world import ApiServer
from shared.runtime import Runtime
from shared.settings import load_settings
from shared.storage import names
from shared.storage.work import SyncRequest, WorkItem
from tests.conftest import CERTIFICATES

SPEED = 300.0
"""Simulated seconds per real second: a firewall update of 240 s takes less than one."""


@dataclass(kw_only=True)
class Contoso:
    """Contoso's network, the app's parts, and short ways to what tests ask for."""

    simulation: Simulation
    seed: dict[str, Any]
    app: Runtime
    connection_string: str
    apps: list[Runtime] = field(default_factory=list)

    @property
    def azure(self) -> Azure:
        return self.simulation.azure

    @property
    def spoke(self) -> dict[str, Any]:
        """Spoke 1."""
        return self.seed["spokes"]["vnet-spoke-1"]

    def cluster_id(self, name: str = "aks-1", spoke: str = "vnet-spoke-1") -> str:
        group = self.seed["spokes"][spoke]["group"]
        return f"{group}/providers/Microsoft.ContainerService/managedClusters/{name}"

    @property
    def our_group(self) -> str:
        """Our rule collection group."""
        return f"{self.seed['firewall_policy']}/ruleCollectionGroups/rcg-aks-api-servers"

    def operator(self, method: str, resource_id: str, body: Any = None, *, action: str = "") -> Any:
        """A call by the network team, over the same front door; raises AssertionError when refused."""
        version = "2025-10-01" if "containerservice" in resource_id.lower() else "2025-05-01"
        answer = self.simulation.gateway.handle(
            method=method,
            path=resource_id + action,
            query={"api-version": "2024-06-01" if "privatednszones" in resource_id.lower() else version},
            headers={},
            body=body,
            principal=OPERATOR,
        )
        assert answer.status < 400, answer.body
        return answer.body

    def put(self, resource_id: str, body: dict[str, Any], *, wait: float = 30.0) -> Any:
        """Write as the network team and let `wait` simulated seconds pass."""
        answer = self.operator("PUT", resource_id, body)
        self.azure.clock.advance(wait)
        return answer

    def get(self, resource_id: str) -> Any:
        return self.operator("GET", resource_id)

    def create_cluster(
        self, name: str = "aks-1", spoke: str = "vnet-spoke-1", *, wait: float = 400.0, **more: Any
    ) -> str:
        """A private cluster on the spoke's node subnet; by default all of AKS's timeline has passed."""
        cluster, entry = self.cluster_id(name, spoke), self.seed["spokes"][spoke]
        made = self.operator("PUT", cluster, cluster_body(entry["node_subnet"], prefix=name, **more))
        scope = self.table_id_on(entry["node_subnet"]) if more.get("plugin") == "kubenet" else None
        for place in (entry["vnet"], *([scope] if scope else [])):
            path, body = network_contributor(place, identity_of(made))
            self.operator("PUT", path, body)
        self.azure.clock.advance(wait)
        return cluster

    def make_node_subnet(self, spoke: str = "vnet-spoke-1") -> str:
        entry = self.seed["spokes"][spoke]
        self.put(entry["node_subnet"], subnet_body(entry["node_prefix"]))
        return str(entry["node_subnet"])

    def post(self, resource_id: str, action: str, *, wait: float = 400.0) -> None:
        """Run an action such as `stop` and let `wait` simulated seconds pass."""
        self.operator("POST", resource_id, action=f"/{action}")
        self.azure.clock.advance(wait)

    def delete(self, resource_id: str, *, wait: float = 400.0) -> None:
        """Delete something and let `wait` simulated seconds pass."""
        self.operator("DELETE", resource_id)
        self.azure.clock.advance(wait)

    def put_zone(self, group: str, name: str) -> str:
        """A private DNS zone made by a person."""
        zone = f"{group}/providers/Microsoft.Network/privateDnsZones/{name}"
        self.put(zone, {"location": "global"})
        return zone

    def put_record(self, zone: str, name: str, address: str) -> None:
        """An A record written by a person."""
        self.put(f"{zone}/A/{name}", {"properties": {"ttl": 300, "aRecords": [{"ipv4Address": address}]}})

    def put_link(self, zone: str, name: str, vnet: str) -> None:
        """A link made by a person."""
        self.put(f"{zone}/virtualNetworkLinks/{name}", link_body(vnet), wait=60)

    def zone_of(self, cluster: str) -> str:
        """The zone in a cluster's node resource group, lower-cased group and all."""
        properties = self.get(cluster)["properties"]
        subscription, name = cluster.split("/")[2], properties["privateFQDN"].split(".", 1)[1]
        group = f"/subscriptions/{subscription}/resourceGroups/{properties['nodeResourceGroup'].lower()}"
        return f"{group}/providers/Microsoft.Network/privateDnsZones/{name}"

    def links(self, zone: str) -> dict[str, str]:
        """The links of a zone that work: the VNet's name, and whose the link is."""
        found = self.azure.store.of_type("Microsoft.Network/privateDnsZones/virtualNetworkLinks", below=zone)
        return {
            link.properties["virtualNetwork"]["id"].rsplit("/", 1)[-1]: (link.body.get("tags") or {}).get(
                "managedBy", "theirs"
            )
            for link in found
            if link.properties["virtualNetworkLinkState"] == "Completed"
        }

    def rules(self) -> dict[str, list[str]]:
        """What the firewall enforces of our group right now: clusters' names and their addresses."""
        group = self.azure.store.get(self.our_group)
        enforced = (group.hidden.get("effective") if group else None) or {"ruleCollections": []}
        return {
            rule["description"].rsplit("/", 1)[-1]: rule["destinationAddresses"]
            for collection in enforced["ruleCollections"]
            for rule in collection["rules"]
        }

    async def rows(self) -> dict[str, str]:
        """The registry: clusters' names and their addresses."""
        rows = [row.api_server for row in await self.app.registry.all()]
        return {row.cluster.name: str(row.address) for row in rows}

    def table_id_on(self, subnet: str) -> str | None:
        """The id of a subnet's route table, in lower case."""
        reference = self.get(subnet)["properties"].get("routeTable")
        return str(reference["id"]).lower() if reference else None

    def table_on(self, subnet: str) -> str | None:
        """The name of a subnet's route table."""
        table = self.table_id_on(subnet)
        return table.rsplit("/", 1)[-1] if table else None

    def default_hop(self, table: str) -> str | None:
        """Where a route table sends 0.0.0.0/0."""
        routes = [route["properties"] for route in self.get(table)["properties"]["routes"]]
        return next((route.get("nextHopIpAddress") for route in routes if route["addressPrefix"] == "0.0.0.0/0"), None)

    async def prepare(self, spoke: str = "vnet-spoke-1") -> str:
        """A node subnet in a spoke and the VM's subnet, both with their route tables, as the app makes them."""
        subnet = self.make_node_subnet(spoke)
        await self.look_at(subnet)
        await self.look_at(self.seed["vm_subnet"])
        self.azure.clock.advance(30)
        return subnet

    async def settle(self, *resources: str) -> list[Report]:
        """Look at each resource, sync the firewall, and let a little time pass."""
        reports = [await self.look_at(resource) for resource in resources]
        await self.sync()
        self.azure.clock.advance(60)
        return reports

    def foreign(self) -> dict[str, Any]:
        """Everything that is not the app's, without what the app may change in it."""
        found = {}
        for resource in self.azure.store:
            body = resource.snapshot()
            properties = body.get("properties", {})
            if (body.get("tags") or {}).get("managedBy") == "aks-hublink" or resource.key == self.our_group.lower():
                continue
            for name in ("routeTable", "provisioningState", "ruleCollectionGroups"):
                properties.pop(name, None)
            found[resource.key] = body
        return {key: body for key, body in found.items() if "/rt-aks-hublink-" not in key}

    async def look_at(self, resource_id: str, *, asked_by: str = "test") -> Report:
        """Run the loop on the scope of a resource."""
        scope = scope_of(ResourceId.parse(resource_id))
        assert scope is not None
        item = WorkItem(scope=scope, asked_by=asked_by, correlation_id=str(uuid.uuid4()), first_asked=datetime.now(UTC))
        return await self.app.reconciler.run(item)

    async def sync(self) -> Any:
        """Ask the firewall writer for a sync, now."""
        request = SyncRequest(
            policy=self.app.settings.firewall_policy_id,
            requested_at=datetime.now(UTC),
            asked_by="test",
            correlation_id=str(uuid.uuid4()),
        )
        return await self.app.firewall_writer.sync(request)

    async def register(self, api_server: ApiServer) -> None:
        """Write a row of the registry, whatever it says now."""
        assert await self.app.registry.put(api_server, over=await self.app.registry.get(api_server.cluster))

    async def unregister(self) -> None:
        """Forget every cluster."""
        for row in await self.app.registry.all():
            assert await self.app.registry.remove(row)

    def reach(self, cluster: str) -> Outcome:
        """Whether the VM in the monitoring spoke gets to a cluster's API server, as the data plane has it."""
        found = self.azure.store.get(cluster)
        assert found is not None
        host = self.get(cluster)["properties"].get("privateFQDN") or self.get(cluster)["properties"]["fqdn"]
        return connect(self.azure, self.seed["vm_subnet"], host)

    def writes(self, *, refused: bool = False) -> list[str]:
        """What the app has written, or tried to and was `refused`: method and path, oldest first."""
        return [
            f"{item.method} {item.path}"
            for item in self.azure.requests
            if item.principal == "aks-hublink"
            and item.method != "GET"
            and (item.status >= 400) == refused
            and "ResourceGraph" not in item.path
        ]

    def refusals(self) -> set[int]:
        """The statuses of the app's writes that Azure refused."""
        return {
            item.status
            for item in self.azure.requests
            if item.principal == "aks-hublink" and item.method != "GET" and item.status >= 400
        }

    def reads(self) -> int:
        """How many reads the app has made, polls of operations left out."""
        return sum(
            item.principal == "aks-hublink" and item.method == "GET" and "operation" not in item.path.lower()
            for item in self.azure.requests
        )

    async def messages(self, queue: str = names.RECONCILE_QUEUE) -> list[dict[str, Any]]:
        """The messages on a queue that are not hidden."""
        client = await self.app.storage.queue(queue)
        return [
            json.loads(base64.b64decode(item.content)) async for item in client.receive_messages(visibility_timeout=1)
        ]

    def app_with(self, **settings: Any) -> Runtime:
        """The app with other settings, on the same Azure and storage."""
        values = {name.lower(): value for name, value in self.seed["settings"].items()}
        values |= {
            "arm_endpoint": self.azure.base_url,
            "storage_connection_string": self.connection_string,
            "time_scale": SPEED,
            **settings,
        }
        loaded = load_settings(**values)
        self.apps.append(Runtime(settings=loaded, clock=SystemClock(loaded.time_scale)))
        return self.apps[-1]


def codes(report: Report) -> set[str]:
    """The codes of a report's findings."""
    return {str(finding.code) for finding in report.findings}


async def end_leases(app: Runtime) -> None:
    """What 15 seconds do to the locks of a worker that died; leases run on real time."""
    blobs = await app.storage.container(names.LOCK_CONTAINER)
    async for blob in blobs.list_blobs():
        with contextlib.suppress(HttpResponseError):  # it is not leased
            await BlobLeaseClient(blobs.get_blob_client(blob.name)).break_lease(0)


async def _empty_storage(app: Runtime) -> None:
    await app.storage.create_everything()
    for queue in names.QUEUES:
        await (await app.storage.queue(queue)).clear_messages()
    for table in names.TABLES:
        client = await app.storage.table(table)
        async for entity in client.list_entities():
            await client.delete_entity(entity["PartitionKey"], entity["RowKey"])
    await end_leases(app)
    for container in names.CONTAINERS:
        blobs = await app.storage.container(container)
        async for blob in blobs.list_blobs():
            await blobs.delete_blob(blob.name)


@pytest.fixture
async def contoso(tmp_path: Path, azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Contoso]:
    """Contoso's hub and spokes, empty of clusters, and the app with empty storage."""
    async with simulate(folder=tmp_path, speed=SPEED, certificates=CERTIFICATES) as simulation:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{simulation.azure.base_url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", IDENTITY_HEADER)
        seed = simulation.seed("contoso")
        # A firewall takes minutes, which is nobody's subject here but the tests' that say so.
        simulation.azure.latencies.firewall_policy = 30.0
        world = Contoso(
            simulation=simulation,
            seed=seed,
            app=None,
            connection_string=azurite.connection_string,  # type: ignore[arg-type]
        )
        world.app = world.app_with()
        await _empty_storage(world.app)
        yield world
        for app in world.apps:
            await app.close()
