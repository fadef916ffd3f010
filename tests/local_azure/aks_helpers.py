"""Contoso with a still clock and real AKS clients: what the tests of clusters and of the data plane begin with."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from azure.mgmt.containerservice.aio import ContainerServiceClient
from azure.mgmt.privatedns.aio import PrivateDnsManagementClient

from local.azure.azure import Activity, Azure
from local.azure.dataplane.packets import Outcome, connect
from local.azure.managed_clusters.node_group import zone_id
from local.azure.rbac import OPERATOR, Principal
from local.azure.seed.bodies import (
    cluster_body,
    link_body,
    network_rule,
    route_table_body,
    rule_group_body,
    subnet_body,
)
from local.azure.seed.calls import Caller, no_waiting
from local.azure.seed.contoso import FIREWALL_IP, POLICY, SPOKES, Spoke, contoso, group_id, subscription
from local.azure.simulation import run
from local.azure.store import Resource
from local.azure.tls import Certificates
from tests.local_azure.conftest import StaticCredential

SPOKE = SPOKES[0]
NODE_SUBNET = f"{SPOKE.vnet_id}/subnets/aks-nodes"
FOREVER = 3600.0


@dataclass
class World:
    """A running Contoso. Time moves only through `azure.clock.advance`; `call` makes the operator's own calls."""

    azure: Azure
    certificates: Certificates
    facts: dict[str, Any]
    call: Caller = field(init=False)

    def __post_init__(self) -> None:
        self.call = Caller(self.azure)

    @contextlib.asynccontextmanager
    async def aks(self, number: int = 1, principal: Principal = OPERATOR) -> AsyncIterator[ContainerServiceClient]:
        """The real AKS client for a spoke's subscription. It does not retry."""
        async with ContainerServiceClient(**self._options(number, principal)) as client:
            yield client

    @contextlib.asynccontextmanager
    async def dns(self, number: int = 1, principal: Principal = OPERATOR) -> AsyncIterator[PrivateDnsManagementClient]:
        """The real private DNS client for a spoke's subscription."""
        async with PrivateDnsManagementClient(**self._options(number, principal)) as client:
            yield client

    def _options(self, number: int, principal: Principal) -> dict[str, Any]:
        return {
            "credential": StaticCredential(principal),
            "subscription_id": subscription(number),
            "base_url": self.azure.base_url,
            "credential_scopes": [f"{self.azure.base_url}/.default"],
            "connection_verify": str(self.certificates.ca),
            "polling_interval": 0,
            "retry_total": 0,
        }

    def route_nodes(self, spoke: Spoke = SPOKE, *, hop: str = FIREWALL_IP, subnet: str = "aks-nodes") -> str:
        """Attach a route table with 0/0 to the firewall to a spoke's subnet; answers the table's id."""
        group = group_id(spoke.number, spoke.group)
        table = f"{group}/providers/Microsoft.Network/routeTables/rt-{subnet}"
        prefix = f"10.{spoke.number}.0.0/24" if subnet == "vm" else spoke.node_prefix
        with no_waiting(self.azure):
            self.call.put(table, route_table_body(hop))
            self.call.put(f"{spoke.vnet_id}/subnets/{subnet}", subnet_body(prefix, route_table=table))
        return table

    def make(self, name: str = "aks-1", *, spoke: Spoke = SPOKE, wait: float = FOREVER, **options: Any) -> Resource:
        """Ask for a cluster in a spoke as the operator, and let time pass."""
        options.setdefault("outbound", "loadBalancer")
        subnet = options.pop("subnet", f"{spoke.vnet_id}/subnets/aks-nodes")
        self.call.put(cluster_path(name, spoke), cluster_body(subnet, **options))
        self.azure.clock.advance(wait)
        return self.cluster(name, spoke=spoke)

    def cluster(self, name: str = "aks-1", *, spoke: Spoke = SPOKE) -> Resource:
        """A cluster as the simulation keeps it."""
        found = self.azure.store.get(cluster_path(name, spoke))
        assert found is not None, f"{name} does not exist"
        return found

    def state(self, name: str = "aks-1", *, spoke: Spoke = SPOKE) -> str:
        """The provisioning state of a cluster."""
        return str(self.cluster(name, spoke=spoke).properties["provisioningState"])

    def address(self, name: str = "aks-1", *, spoke: Spoke = SPOKE) -> str:
        """The address in the cluster's A record."""
        cluster = self.cluster(name, spoke=spoke)
        found = self.azure.store.of_type("Microsoft.Network/privateDnsZones/A", below=zone_id(cluster) or "")
        return str(found[0].properties["aRecords"][0]["ipv4Address"])

    def error(self, name: str = "aks-1", *, spoke: Spoke = SPOKE) -> str:
        """The code of the error that the cluster's last operation ended with."""
        operation = self.azure.operations.get(self.cluster(name, spoke=spoke).hidden["operation"])
        assert operation is not None
        return str((operation.error or {}).get("code", ""))

    def link(self, name: str, vnet: str, *, cluster: str = "aks-1", spoke: Spoke = SPOKE) -> None:
        """Link the cluster's zone to a VNet as the operator."""
        zone = zone_id(self.cluster(cluster, spoke=spoke))
        with no_waiting(self.azure):
            self.call.put(f"{zone}/virtualNetworkLinks/{name}", link_body(vnet))

    def allow(self, address: str, *, name: str = "rcg-test", priority: int = 400, **options: Any) -> None:
        """Write a rule collection group with one rule from the monitoring VNet to an address."""
        rule = network_rule("api", ["10.2.0.0/16"], [address], ["443"])
        policy = options.pop("policy", POLICY)
        with no_waiting(self.azure):
            self.call.put(f"{policy}/ruleCollectionGroups/{name}", rule_group_body(priority, rule, **options))

    def kubectl(self, name: str = "aks-1", *, spoke: Spoke = SPOKE, host: str = "") -> Outcome:
        """What becomes of a connection from the monitoring VM to a cluster's API server."""
        return connect(
            self.azure, self.facts["vm_subnet"], host or self.cluster(name, spoke=spoke).properties["privateFQDN"]
        )

    def written_by(self, principal: Principal) -> list[tuple[float, Activity]]:
        """What a principal did, with the simulated seconds."""
        start = self.azure.clock.now().timestamp() - self.azure.clock.seconds()
        return [
            (round(item.at.timestamp() - start, 3), item)
            for item in self.azure.activities
            if item.principal.name == principal.name
        ]


def cluster_path(name: str = "aks-1", spoke: Spoke = SPOKE) -> str:
    """The id of a cluster in a spoke."""
    return f"{group_id(spoke.number, spoke.group)}/providers/Microsoft.ContainerService/managedClusters/{name}"


@contextlib.asynccontextmanager
async def contoso_world(folder: Path, **options: Any) -> AsyncIterator[World]:
    """Contoso with node subnets, served over HTTPS, its clock standing still."""
    async with run(folder=folder, speed=0) as (azure, certificates):
        facts = contoso(azure, {"with_subnets": True, **options})
        yield World(azure=azure, certificates=certificates, facts=facts)
