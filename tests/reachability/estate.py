"""A fleet in the local Azure, in process: breakages by the network team, the app's verdict, what packets do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from local.azure.azure import Azure
from local.azure.clock import SimulatedClock
from local.azure.dataplane.packets import Outcome as Reached
from local.azure.dataplane.packets import connect
from local.azure.seed.calls import Caller, RefusedError, no_waiting
from local.azure.seed.fleet import fleet
from shared.model.azure_types import API_SERVER_NAME, LOAD_BALANCER, PRIVATE_ENDPOINT
from shared.model.resource_id import ResourceId
from shared.model.security_groups import SecurityGroup
from shared.model.world import Cluster, Endpoint, RouteTable, VirtualNetwork, Zone
from shared.observe import parse
from shared.observe.security_groups import security_group
from shared.reach_observer import ReachabilityObserver
from shared.reachability.analyse import analyse
from shared.reachability.verdict import Verdict
from shared.reachability.world import ReachabilityWorld
from shared.settings import Settings, load_settings

Wire = dict[str, Any]
NETWORK = "Microsoft.Network"


class GatewayReader:
    """The app's reads, straight at the local Azure's gateway: thousands of worlds are too many for HTTPS."""

    def __init__(self, call: Caller) -> None:
        self._call = call
        self.reads: list[str] = []

    def wire(self, resource: ResourceId | str) -> Wire | None:
        self.reads.append(str(resource))
        try:
            return self._call.get(str(resource))
        except RefusedError as error:
            if error.status != 404:
                raise
            return None

    def listed(self, path: str) -> list[Wire]:
        found = self.wire(path)
        return list(found["value"]) if found else []

    async def cluster(self, cluster: ResourceId) -> Cluster | None:
        wire = self.wire(cluster)
        return parse.cluster(wire) if wire else None

    async def zone(self, zone: ResourceId) -> Zone | None:
        if self.wire(zone) is None:
            return None
        links = [parse.link(item) for item in self.listed(f"{zone}/virtualNetworkLinks")]
        records = {str(item["name"]).lower(): parse.addresses(item) for item in self.listed(f"{zone}/A")}
        return Zone(id=zone, links=tuple(link for link in links if link), records=records)

    async def zones_of_subscription(self, resource: ResourceId) -> list[ResourceId]:
        listed = self.listed(f"/subscriptions/{resource.subscription_id}/providers/{NETWORK}/privateDnsZones")
        return [ResourceId.parse(item["id"]) for item in listed]

    async def virtual_network(self, vnet: ResourceId) -> VirtualNetwork | None:
        wire = self.wire(vnet)
        return parse.virtual_network(wire) if wire else None

    async def route_table(self, table: ResourceId) -> RouteTable | None:
        wire = self.wire(table)
        return parse.route_table(wire) if wire else None

    async def security_group(self, group: ResourceId) -> SecurityGroup | None:
        wire = self.wire(group)
        return security_group(wire) if wire else None

    async def endpoint(self, cluster: Cluster) -> Endpoint | None:
        kind = LOAD_BALANCER if cluster.vnet_integration else PRIVATE_ENDPOINT
        wire = self.wire(cluster.node_group.resource(kind, API_SERVER_NAME))
        if wire is None:
            return None
        cards = parse.properties(wire).get("networkInterfaces")
        address = parse.private_address(self.wire(cards[0]["id"]) or {} if cards else wire)
        return Endpoint(id=ResourceId.parse(wire["id"]), address=address, subnet=parse.frontend_subnet(wire))  # type: ignore[arg-type]

    async def firewall_policy(self, policy: ResourceId) -> Wire | None:
        return self.wire(policy)

    async def firewall(self, firewall: ResourceId) -> Wire | None:
        return self.wire(firewall)

    async def rule_collection_groups(self, policy: ResourceId) -> list[Wire]:
        return self.listed(f"{policy}/ruleCollectionGroups")

    async def ip_group(self, group: ResourceId) -> Wire | None:
        return self.wire(group)


@dataclass(kw_only=True)
class Estate:
    """One spoke with two clusters that the monitoring spoke reaches, until somebody breaks something."""

    azure: Azure
    seed: dict[str, Any]
    call: Caller
    settings: Settings
    reads: list[str] = field(default_factory=list)

    @property
    def cluster(self) -> str:
        return str(self.seed["clusters"][0])

    @property
    def source(self) -> str:
        return str(self.seed["vm_subnet"])

    @property
    def spoke_vnet(self) -> str:
        return next(item["vnet"] for name, item in self.seed["spokes"].items() if name != "vnet-monitoring")

    @property
    def zone(self) -> str:
        name = self.host.split(".", 1)[1]
        group = self.call.get(self.cluster)["properties"]["nodeResourceGroup"]
        subscription = "/".join(self.cluster.split("/")[:3])
        return f"{subscription}/resourceGroups/{group}/providers/{NETWORK}/privateDnsZones/{name}"

    @property
    def host(self) -> str:
        properties = self.call.get(self.cluster)["properties"]
        resource = self.azure.store.get(self.cluster)
        assert resource is not None
        return str(properties.get("privateFQDN") or resource.hidden.get("private_fqdn") or properties.get("fqdn"))

    @property
    def address(self) -> str:
        resource = self.azure.store.get(self.cluster)
        assert resource is not None
        return str(resource.hidden["address"])

    def put(self, path: str, body: dict[str, Any]) -> Wire:
        with no_waiting(self.azure):
            answer = self.call.put(path, body)
        self.azure.clock.advance(1)
        return answer

    def delete(self, path: str) -> None:
        with no_waiting(self.azure):
            self.call.delete(path)
        self.azure.clock.advance(1)

    def post(self, path: str) -> None:
        with no_waiting(self.azure):
            self.call.post(path)
        self.azure.clock.advance(600)

    def change(self, path: str, **properties: Any) -> None:
        """Write a resource back with some properties changed."""
        now = self.call.get(path)
        kept = {key: now[key] for key in ("location", "tags") if key in now}
        self.put(path, {**kept, "properties": {**now["properties"], **properties}})

    def world(self, source: str | None = None) -> ReachabilityWorld:
        reader = GatewayReader(self.call)
        observer = ReachabilityObserver(reader, self.settings)  # type: ignore[arg-type]
        asked = ResourceId.parse(source or self.source)
        world = asyncio.run(observer.observe(ResourceId.parse(self.cluster), (asked,)))
        self.reads = reader.reads
        assert world is not None
        return world

    def verdict(self, source: str | None = None) -> Verdict:
        asked = ResourceId.parse(source or self.source)
        return analyse(self.world(source), asked, ResourceId.parse(self.cluster))

    def reach(self, source: str | None = None) -> Reached:
        return connect(self.azure, source or self.source, self.host)


def make_estate(**options: Any) -> Estate:
    """A fleet of one spoke and two clusters in which everything is as it should be."""
    azure = Azure(clock=SimulatedClock())
    seed = fleet(azure, {"spokes": 1, "clusters_per_spoke": 2, "compliant": True, **options})
    values = {name.lower(): value for name, value in seed["settings"].items()}
    settings = load_settings(**values, storage_connection_string="UseDevelopmentStorage=true")
    return Estate(azure=azure, seed=seed, call=Caller(azure), settings=settings)
