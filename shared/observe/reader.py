"""Reads of single resources through Resource Manager. A resource that is not there is None, never an error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable
from ipaddress import IPv4Address
from typing import Any, TypeVar

from shared.azure_clients import AzureClients
from shared.azure_errors import azure_errors
from shared.errors import ResourceGone
from shared.model.azure_types import API_SERVER_NAME, LOAD_BALANCER, PRIVATE_ENDPOINT
from shared.model.resource_id import ResourceId
from shared.model.security_groups import SecurityGroup
from shared.model.world import Cluster, Endpoint, RouteTable, VirtualNetwork, Zone
from shared.observe import parse
from shared.observe.security_groups import security_group

T = TypeVar("T")
Wire = dict[str, Any]


async def _wire(call: Awaitable[Any], resource: ResourceId) -> Wire | None:
    try:
        with azure_errors(resource):
            answer: Wire = (await call).as_dict()
            return answer
    except ResourceGone:
        return None


async def _wires(items: AsyncIterable[Any], resource: ResourceId) -> list[Wire]:
    try:
        with azure_errors(resource):
            return [item.as_dict() async for item in items]
    except ResourceGone:
        return []


class Reader:
    """Typed reads. Every method names in its docstring what it calls, as each costs a part of a quota."""

    def __init__(self, clients: AzureClients) -> None:
        self._clients = clients

    async def cluster(self, cluster: ResourceId) -> Cluster | None:
        """One managed cluster (1 call)."""
        client = self._clients.container_service(cluster.subscription_id)
        wire = await _wire(client.managed_clusters.get(cluster.resource_group, cluster.name), cluster)
        return parse.cluster(wire) if wire else None

    async def clusters_of_subscription(self, resource: ResourceId) -> list[Cluster]:
        """All managed clusters of the subscription that `resource` is in (1 call a page)."""
        client = self._clients.container_service(resource.subscription_id)
        return [parse.cluster(wire) for wire in await _wires(client.managed_clusters.list(), resource)]

    async def is_confirmed_gone(self, cluster: ResourceId) -> bool:
        """Whether a cluster that GET did not find is missing from its group's list, too (1 or 2 calls).

        One 404 alone proves nothing: it may come from a replica that lags behind.
        """
        client = self._clients.container_service(cluster.subscription_id)
        listed = await _wires(client.managed_clusters.list_by_resource_group(cluster.resource_group), cluster)
        return all(ResourceId.parse(wire["id"]) != cluster for wire in listed)

    async def owner_of_group(self, group: ResourceId) -> ResourceId | None:
        """The id in `managedBy` of a resource group, if it is one (1 call)."""
        client = self._clients.resources(group.subscription_id)
        try:
            with azure_errors(group):
                found = await client.resource_groups.get(group.resource_group)
        except ResourceGone:
            return None
        return ResourceId.parse(found.managed_by) if found.managed_by else None

    async def zone(self, zone: ResourceId) -> Zone | None:
        """A zone with its links and A records (3 calls, more when there are over 100 of either)."""
        client = self._clients.private_dns(zone.subscription_id)
        group, name = zone.resource_group, zone.name
        wire = await _wire(client.private_zones.get(group, name), zone)
        if wire is None:
            return None
        links, records = await asyncio.gather(
            _wires(client.virtual_network_links.list(group, name), zone),
            _wires(client.record_sets.list_by_type(group, name, "A"), zone),
        )
        parsed = (parse.link(item) for item in links)
        return Zone(
            id=zone,
            links=tuple(link for link in parsed if link),
            records={str(item["name"]).lower(): parse.addresses(item) for item in records},
        )

    async def zones_of_group(self, group: ResourceId) -> list[ResourceId]:
        """The ids of the private DNS zones in a resource group (1 call a page)."""
        client = self._clients.private_dns(group.subscription_id)
        listed = await _wires(client.private_zones.list_by_resource_group(group.resource_group), group)
        return [ResourceId.parse(wire["id"]) for wire in listed]

    async def zones_of_subscription(self, resource: ResourceId) -> list[ResourceId]:
        """The ids of the private DNS zones in the subscription that `resource` is in (1 call a page)."""
        client = self._clients.private_dns(resource.subscription_id)
        listed = await _wires(client.private_zones.list(), resource)
        return [ResourceId.parse(wire["id"]) for wire in listed]

    async def virtual_network(self, vnet: ResourceId) -> VirtualNetwork | None:
        """A VNet with its subnets and peerings (1 call)."""
        client = self._clients.network(vnet.subscription_id)
        wire = await _wire(client.virtual_networks.get(vnet.resource_group, vnet.name), vnet)
        return parse.virtual_network(wire) if wire else None

    async def route_table(self, table: ResourceId) -> RouteTable | None:
        """A route table with its routes (1 call)."""
        client = self._clients.network(table.subscription_id)
        wire = await _wire(client.route_tables.get(table.resource_group, table.name), table)
        return parse.route_table(wire) if wire else None

    async def route_tables_of_subscription(self, resource: ResourceId) -> list[RouteTable]:
        """All route tables of the subscription that `resource` is in (1 call a page)."""
        client = self._clients.network(resource.subscription_id)
        return [parse.route_table(wire) for wire in await _wires(client.route_tables.list_all(), resource)]

    async def endpoint(self, cluster: Cluster) -> Endpoint | None:
        """The API server's private endpoint (2 calls) or internal load balancer (1 call)."""
        if cluster.vnet_integration:
            return await self._load_balancer(cluster.node_group.resource(LOAD_BALANCER, API_SERVER_NAME))
        return await self._private_endpoint(cluster.node_group.resource(PRIVATE_ENDPOINT, API_SERVER_NAME))

    async def _load_balancer(self, balancer: ResourceId) -> Endpoint | None:
        client = self._clients.network(balancer.subscription_id)
        wire = await _wire(client.load_balancers.get(balancer.resource_group, balancer.name), balancer)
        address = parse.private_address(wire) if wire else None
        if wire is None or address is None:
            return None
        return Endpoint(id=balancer, address=address, subnet=parse.frontend_subnet(wire))

    async def _private_endpoint(self, endpoint: ResourceId) -> Endpoint | None:
        client = self._clients.network(endpoint.subscription_id)
        wire = await _wire(client.private_endpoints.get(endpoint.resource_group, endpoint.name), endpoint)
        interfaces = parse.properties(wire).get("networkInterfaces") if wire else None
        interface = parse.reference(interfaces[0]) if interfaces else None
        if wire is None or interface is None:
            return None
        subnet = parse.frontend_subnet(wire)
        wire = await _wire(client.network_interfaces.get(interface.resource_group, interface.name), interface)
        address = parse.private_address(wire) if wire else None
        return Endpoint(id=endpoint, address=address, subnet=subnet) if address else None

    async def firewall_address(self, policy: ResourceId) -> IPv4Address | None:
        """The private address of the first firewall that uses a policy (2 calls)."""
        wire = await self.firewall_policy(policy)
        firewalls = parse.properties(wire).get("firewalls") if wire else None
        firewall = parse.reference(firewalls[0]) if firewalls else None
        found = await self.firewall(firewall) if firewall else None
        return parse.private_address(found) if found else None

    async def firewall(self, firewall: ResourceId) -> Wire | None:
        """A firewall as Azure answers it (1 call)."""
        client = self._clients.network(firewall.subscription_id)
        return await _wire(client.azure_firewalls.get(firewall.resource_group, firewall.name), firewall)

    async def security_group(self, group: ResourceId) -> SecurityGroup | None:
        """A network security group (1 call)."""
        client = self._clients.network(group.subscription_id)
        wire = await _wire(client.network_security_groups.get(group.resource_group, group.name), group)
        return security_group(wire) if wire else None

    async def firewall_policy(self, policy: ResourceId) -> Wire | None:
        """A firewall policy as Azure answers it (1 call)."""
        client = self._clients.network(policy.subscription_id)
        return await _wire(client.firewall_policies.get(policy.resource_group, policy.name), policy)

    async def rule_collection_groups(self, policy: ResourceId) -> list[Wire]:
        """All rule collection groups of a policy as Azure answers them (1 call a page)."""
        client = self._clients.network(policy.subscription_id)
        operations = client.firewall_policy_rule_collection_groups
        return await _wires(operations.list(policy.resource_group, policy.name), policy)

    async def rule_collection_group(self, group: ResourceId) -> Wire | None:
        """One rule collection group as Azure answers it, with every property (1 call)."""
        client = self._clients.network(group.subscription_id)
        operations = client.firewall_policy_rule_collection_groups
        return await _wire(operations.get(group.resource_group, group.names[0], group.name), group)

    async def ip_group(self, group: ResourceId) -> Wire | None:
        """An IP group as Azure answers it (1 call)."""
        client = self._clients.network(group.subscription_id)
        return await _wire(client.ip_groups.get(group.resource_group, group.name), group)
