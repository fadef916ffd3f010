"""A small made-up world in which everything is as it should be, for what the local Azure does not have."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from shared.firewall.policy import (
    ApplicationProtocol,
    ApplicationRule,
    FirewallPolicy,
    NetworkRule,
    RuleCollection,
    RuleCollectionGroup,
)
from shared.model import azure_types
from shared.model.resource_id import ResourceId
from shared.model.world import (
    AgentPool,
    Cluster,
    Endpoint,
    Link,
    ObservedCluster,
    Peering,
    Route,
    RouteTable,
    Subnet,
    VirtualNetwork,
    Zone,
)
from shared.reachability.analyse import analyse
from shared.reachability.verdict import Verdict
from shared.reachability.world import Firewall, ReachabilityWorld

HUB = "11111111-1111-4111-8111-111111111111"
SPOKE = "22222222-2222-4222-8222-222222222222"
GUID = "5cef6058-b6b5-414d-8cb1-4bd14eb0b15c"
FIREWALL = IPv4Address("10.0.1.4")
ADDRESS = IPv4Address("10.1.8.4")


def group(name: str, subscription: str = SPOKE) -> ResourceId:
    return ResourceId.parse(f"/subscriptions/{subscription}/resourceGroups/{name}")


HUB_VNET = group("rg-hub", HUB).resource(azure_types.VIRTUAL_NETWORK, "vnet-hub")
VM_VNET = group("rg-mon").resource(azure_types.VIRTUAL_NETWORK, "vnet-mon")
AKS_VNET = group("rg-aks").resource(azure_types.VIRTUAL_NETWORK, "vnet-aks")
VM = VM_VNET.child("subnets", "vm")
NODES = AKS_VNET.child("subnets", "nodes")
API = AKS_VNET.child("subnets", "api")
CLUSTER = group("rg-aks").resource(azure_types.MANAGED_CLUSTER, "aks-1")
NODE_GROUP = group("MC_aks")
POLICY = group("rg-hub", HUB).resource(azure_types.FIREWALL_POLICY, "fp")
TABLE = group("rg-mon").resource(azure_types.ROUTE_TABLE, "rt-mon")
API_TABLE = group("rg-aks").resource(azure_types.ROUTE_TABLE, "rt-api")
ZONE_NAME = f"{GUID}.privatelink.westeurope.azmk8s.io"
ZONE = NODE_GROUP.resource(azure_types.PRIVATE_DNS_ZONE, ZONE_NAME)


def network(text: str) -> tuple[IPv4Network, ...]:
    return (IPv4Network(text),)


def peering(remote: ResourceId, space: str) -> Peering:
    return Peering(
        name=f"to-{remote.name}",
        remote_vnet=remote,
        state="Connected",
        allows_forwarded_traffic=True,
        remote_space=network(space),
    )


def vnet(vnet_id: ResourceId, space: str, subnets: tuple[Subnet, ...], *peerings: Peering) -> VirtualNetwork:
    return VirtualNetwork(
        id=vnet_id, location="westeurope", address_space=network(space), subnets=subnets, peerings=peerings
    )


def cluster(**more: Any) -> Cluster:
    values: dict[str, Any] = {
        "id": CLUSTER,
        "location": "westeurope",
        "provisioning_state": "Succeeded",
        "power_state": "Running",
        "node_resource_group": NODE_GROUP.resource_group,
        "node_group_locked": False,
        "private": True,
        "vnet_integration": False,
        "zone_mode": "system",
        "zone_id": None,
        "private_fqdn": f"demo.{ZONE_NAME}",
        "fqdn": "demo.hcp.westeurope.azmk8s.io",
        "outbound_type": "userDefinedRouting",
        "network_plugin": "azure",
        "api_server_subnet": None,
        "pools": (AgentPool(name="system", node_subnet=NODES),),
    }
    return Cluster(**{**values, **more})


def table(table_id: ResourceId, *routes: Route, **more: Any) -> RouteTable:
    return RouteTable(id=table_id, location="westeurope", ours=True, routes=routes, **more)


def default_route(address: IPv4Address = FIREWALL) -> Route:
    return Route(name="default", prefix="0.0.0.0/0", next_hop_type="VirtualAppliance", next_hop_address=str(address))


def policy(*rules: NetworkRule, **more: Any) -> FirewallPolicy:
    allow = NetworkRule(
        name="api",
        protocols=("TCP",),
        source_addresses=("10.2.0.0/16",),
        destination_addresses=(str(ADDRESS),),
        destination_ports=("443",),
    )
    collection = RuleCollection(name="allow", priority=100, action="Allow", rules=(*rules, allow))
    found = RuleCollectionGroup(
        name="rcg", id=f"{POLICY}/ruleCollectionGroups/rcg", priority=100, collections=(collection,)
    )
    return FirewallPolicy(id=str(POLICY), groups=(found,), threat_intel_mode="Alert", dns_proxy_enabled=True, **more)


def by_application_rule(**more: Any) -> FirewallPolicy:
    """Nothing but an application rule allows."""
    rule = ApplicationRule(
        name="by-name",
        protocols=(ApplicationProtocol(type="Https", port=443),),
        source_addresses=("10.2.0.0/16",),
        target_fqdns=(f"demo.{ZONE_NAME}",),
    )
    allowing = policy(**more)
    collection = replace(allowing.groups[0].collections[0], rules=(rule,))
    return replace(allowing, groups=(replace(allowing.groups[0], collections=(collection,)),))


def good_world(**changes: Any) -> ReachabilityWorld:
    """Hub, monitoring VNet and AKS VNet with one cluster; `changes` replace parts of the world."""
    hub = vnet(
        HUB_VNET,
        "10.0.0.0/16",
        (
            Subnet(
                id=HUB_VNET.child("subnets", "AzureFirewallSubnet"), prefixes=network("10.0.1.0/24"), route_table=None
            ),
        ),
        peering(VM_VNET, "10.2.0.0/16"),
        peering(AKS_VNET, "10.1.0.0/16"),
    )
    monitoring = vnet(
        VM_VNET,
        "10.2.0.0/16",
        (Subnet(id=VM, prefixes=network("10.2.0.0/24"), route_table=TABLE),),
        peering(HUB_VNET, "10.0.0.0/16"),
    )
    subnets = (
        Subnet(id=NODES, prefixes=network("10.1.4.0/22"), route_table=None),
        Subnet(id=API, prefixes=network("10.1.8.0/28"), route_table=API_TABLE),
    )
    aks = vnet(AKS_VNET, "10.1.0.0/16", subnets, peering(HUB_VNET, "10.0.0.0/16"))
    endpoint = Endpoint(
        id=NODE_GROUP.resource(azure_types.PRIVATE_ENDPOINT, "kube-apiserver"), address=ADDRESS, subnet=API
    )
    zone = Zone(id=ZONE, links=(link(VM_VNET), link(HUB_VNET)), records={"demo": (ADDRESS,)})
    firewall = Firewall(
        address=FIREWALL,
        policy_id=POLICY,
        vnet=HUB_VNET,
        subnet=HUB_VNET.child("subnets", "AzureFirewallSubnet"),
        policy=policy(),
    )
    world = ReachabilityWorld(
        firewall=firewall,
        clusters={CLUSTER: ObservedCluster(cluster=cluster(), zone=zone, endpoint=endpoint)},
        vnets={item.id: item for item in (hub, monitoring, aks)},
        route_tables={TABLE: table(TABLE, default_route()), API_TABLE: table(API_TABLE, default_route())},
        zones=(zone,),
    )
    return replace(world, **changes)


def link(target: ResourceId) -> Link:
    return Link(
        id=ZONE.child("virtualNetworkLinks", f"to-{target.name}"),
        vnet=target,
        provisioning_state="Succeeded",
        link_state="Completed",
        ours=True,
    )


def with_cluster(world: ReachabilityWorld, **changes: Any) -> ReachabilityWorld:
    observed = world.clusters[CLUSTER]
    changed = replace(observed, cluster=replace(observed.cluster, **changes))
    return replace(world, clusters={CLUSTER: changed})


def with_vnet(world: ReachabilityWorld, vnet_id: ResourceId, **changes: Any) -> ReachabilityWorld:
    return replace(world, vnets={**world.vnets, vnet_id: replace(world.vnets[vnet_id], **changes)})


def with_zone(world: ReachabilityWorld, zone: Zone) -> ReachabilityWorld:
    """The cluster's zone in the place of the one there was."""
    changed = replace(world.clusters[CLUSTER], zone=zone)
    return replace(world, clusters={CLUSTER: changed}, zones=(zone,))


def with_links(world: ReachabilityWorld, *vnets: ResourceId) -> ReachabilityWorld:
    """The cluster's zone linked to these VNets and no other."""
    return with_zone(world, replace(world.zones[0], links=tuple(link(each) for each in vnets)))


def judge(world: ReachabilityWorld, source: ResourceId = VM) -> Verdict:
    return analyse(world, source, CLUSTER)
