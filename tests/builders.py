"""Real frozen values of Contoso's network, each healthy unless a test says otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from shared.model import azure_types
from shared.model.resource_id import ResourceId
from shared.model.world import (
    AgentPool,
    ApiServer,
    Cluster,
    Endpoint,
    Hub,
    Link,
    ObservedCluster,
    Peering,
    Route,
    RouteTable,
    Subnet,
    VirtualNetwork,
    World,
    Zone,
)
from shared.plan.action import Action, ActionKind, Plan
from shared.plan.finding import Finding
from shared.plan.names import link_name
from shared.plan.next_hops import VIRTUAL_APPLIANCE
from shared.plan.planner import plan
from shared.settings import Settings, load_settings

HUB_SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"
SPOKE_SUBSCRIPTION = "22222222-2222-4222-8222-222222222222"
MONITORING_SUBSCRIPTION = "33333333-3333-4333-8333-333333333333"
STRANGE_SUBSCRIPTION = "99999999-9999-4999-8999-999999999999"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FIREWALL = IPv4Address("10.0.1.4")
API_ADDRESS = IPv4Address("10.20.1.4")
GUID = "5cef6058-b6b5-414d-8cb1-4bd14eb0b15c"


def group(name: str, subscription: str = SPOKE_SUBSCRIPTION) -> ResourceId:
    return ResourceId.parse(f"/subscriptions/{subscription}/resourceGroups/{name}")


NETWORKS = group("rg-network")
HUB_ID = group("rg-hub", HUB_SUBSCRIPTION).resource(azure_types.VIRTUAL_NETWORK, "vnet-hub")
MONITORING_ID = group("rg-mon", MONITORING_SUBSCRIPTION).resource(azure_types.VIRTUAL_NETWORK, "vnet-monitoring")
POLICY_ID = group("rg-hub", HUB_SUBSCRIPTION).resource(azure_types.FIREWALL_POLICY, "fwp-hub")
SPOKE_ID = NETWORKS.resource(azure_types.VIRTUAL_NETWORK, "vnet-spoke-1")
NODES_ID = SPOKE_ID.child("subnets", "nodes")
PODS_ID = SPOKE_ID.child("subnets", "pods")
CLUSTER_ID = group("rg-aks").resource(azure_types.MANAGED_CLUSTER, "aks-1")
NODE_GROUP = group("MC_rg-aks_aks-1_westeurope")
ZONE_NAME = f"{GUID}.privatelink.westeurope.azmk8s.io"
ZONE_ID = NODE_GROUP.resource(azure_types.PRIVATE_DNS_ZONE, ZONE_NAME)
PRIVATE_FQDN = f"demo-1a2b3c4d.{ZONE_NAME}"
BYO_ZONE_ID = group("rg-dns", HUB_SUBSCRIPTION).resource(
    azure_types.PRIVATE_DNS_ZONE, "privatelink.westeurope.azmk8s.io"
)
OUR_TABLE_ID = NETWORKS.resource(azure_types.ROUTE_TABLE, "rt-aks-hublink-westeurope-22222222")
FOREIGN_TABLE_ID = NETWORKS.resource(azure_types.ROUTE_TABLE, "rt-of-the-network-team")


def settings(**values: Any) -> Settings:
    known: dict[str, Any] = {
        "hub_vnet_id": str(HUB_ID),
        "monitoring_vnet_ids": str(MONITORING_ID),
        "firewall_policy_id": str(POLICY_ID),
        "spoke_subscription_ids": SPOKE_SUBSCRIPTION,
        "storage_connection_string": "UseDevelopmentStorage=true",
    }
    return load_settings(**{**known, **values})


def peering(remote: ResourceId, **values: Any) -> Peering:
    usual = {"name": f"to-{remote.name}", "remote_vnet": remote, "state": "Connected", "allows_forwarded_traffic": True}
    return Peering(**{**usual, **values})


def vnet(vnet_id: ResourceId = SPOKE_ID, space: str = "10.20.0.0/16", **values: Any) -> VirtualNetwork:
    defaults: dict[str, Any] = {
        "id": vnet_id,
        "location": "westeurope",
        "address_space": (IPv4Network(space),),
        "peerings": () if vnet_id == HUB_ID else (peering(HUB_ID),),
    }
    return VirtualNetwork(**{**defaults, **values})


def subnet(subnet_id: ResourceId = NODES_ID, prefix: str = "10.20.1.0/24", **values: Any) -> Subnet:
    defaults = {"id": subnet_id, "prefixes": (IPv4Network(prefix),), "route_table": OUR_TABLE_ID}
    return Subnet(**{**defaults, **values})


def hub(*spokes: ResourceId, **values: Any) -> Hub:
    """The hub, peered with the monitoring VNet and the given spokes (spoke 1 when none is given)."""
    peerings = tuple(peering(remote) for remote in (MONITORING_ID, *(spokes or (SPOKE_ID,))))
    defaults = {
        "vnet": vnet(HUB_ID, "10.0.0.0/16", peerings=peerings),
        "monitoring": (vnet(MONITORING_ID, "10.50.0.0/16"),),
        "firewall_address": FIREWALL,
    }
    return Hub(**{**defaults, **values})


def pool(nodes: ResourceId | None = NODES_ID, pods: ResourceId | None = None) -> AgentPool:
    return AgentPool(name="system", node_subnet=nodes, pod_subnet=pods)


def cluster(cluster_id: ResourceId = CLUSTER_ID, **values: Any) -> Cluster:
    defaults: dict[str, Any] = {
        "id": cluster_id,
        "location": "westeurope",
        "provisioning_state": "Succeeded",
        "power_state": "Running",
        "node_resource_group": f"MC_{cluster_id.resource_group}_{cluster_id.name}_westeurope",
        "node_group_locked": False,
        "private": True,
        "vnet_integration": False,
        "zone_mode": "system",
        "zone_id": None,
        "private_fqdn": PRIVATE_FQDN,
        "fqdn": None,
        "outbound_type": "userDefinedRouting",
        "network_plugin": "azure",
        "api_server_subnet": None,
        "pools": (pool(),),
    }
    return Cluster(**{**defaults, **values})


def link(target: ResourceId, zone_id: ResourceId = ZONE_ID, *, name: str = "", **values: Any) -> Link:
    defaults: dict[str, Any] = {
        "id": zone_id.child("virtualNetworkLinks", name or link_name(target)),
        "vnet": target,
        "provisioning_state": "Succeeded",
        "link_state": "Completed",
        "ours": True,
    }
    return Link(**{**defaults, **values})


def zone(zone_id: ResourceId = ZONE_ID, **values: Any) -> Zone:
    """A zone linked to hub and monitoring VNet by us, with the record of the one cluster."""
    defaults: dict[str, Any] = {
        "links": (link(HUB_ID, zone_id), link(MONITORING_ID, zone_id)),
        "records": {"demo-1a2b3c4d": (API_ADDRESS,)},
    }
    return Zone(id=zone_id, **{**defaults, **values})


def endpoint(address: IPv4Address = API_ADDRESS, node_group: ResourceId = NODE_GROUP) -> Endpoint:
    return Endpoint(id=node_group.resource(azure_types.PRIVATE_ENDPOINT, "kube-apiserver"), address=address)


def api_server(**values: Any) -> ApiServer:
    defaults: dict[str, Any] = {
        "cluster": CLUSTER_ID,
        "address": API_ADDRESS,
        "zone": ZONE_ID,
        "subnets": (NODES_ID,),
        "outbound_type": "userDefinedRouting",
    }
    return ApiServer(**{**defaults, **values})


def observed(**values: Any) -> ObservedCluster:
    """The cluster of `world`, fully done: linked, recorded, registered."""
    defaults = {"cluster": cluster(), "zone": zone(), "endpoint": endpoint(), "registered": api_server()}
    return ObservedCluster(**{**defaults, **values})


def default_route(**values: Any) -> Route:
    defaults = {
        "name": "aks-hublink-default",
        "prefix": "0.0.0.0/0",
        "next_hop_type": VIRTUAL_APPLIANCE,
        "next_hop_address": str(FIREWALL),
    }
    return Route(**{**defaults, **values})


def table(table_id: ResourceId = OUR_TABLE_ID, *routes: Route, **values: Any) -> RouteTable:
    defaults = {
        "id": table_id,
        "location": "westeurope",
        "ours": True,
        "routes": routes or (default_route(),),
        "gateway_routes": False,
    }
    return RouteTable(**{**defaults, **values})


def world(
    *,
    cluster: ObservedCluster | None = None,
    spoke: VirtualNetwork | None = None,
    subnets: tuple[Subnet, ...] | None = None,
    tables: tuple[RouteTable, ...] = (table(),),
    **values: Any,
) -> World:
    """One cluster in one peered spoke, all as it should be, so that its plan is empty."""
    seen = cluster or observed()
    network = replace(spoke or vnet(), subnets=subnets if subnets is not None else (subnet(),))
    defaults: dict[str, Any] = {
        "hub": hub(),
        "clusters": (seen,),
        "vnets": {network.id: network},
        "subnets_in_scope": tuple(item.id for item in network.subnets),
        "route_tables": {item.id: item for item in tables},
    }
    return World(**{**defaults, **values})


def planned(place: World, **values: Any) -> Plan:
    """The plan for a world under the usual settings."""
    return plan(place, settings(**values))


def actions(made: Plan, kind: ActionKind) -> list[Action]:
    return [action for action in made.actions if action.kind is kind]


def the_finding(made: Plan) -> Finding:
    """The one finding of a plan."""
    [found] = made.findings
    return found
