"""From the JSON that Resource Manager answers to the values of the world.

Tolerant of what may be missing or in another case; ids that cannot be parsed raise InvalidResourceId.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Any

from shared.model.resource_id import ResourceId
from shared.model.world import (
    AgentPool,
    Cluster,
    Link,
    Peering,
    Route,
    RouteTable,
    Subnet,
    VirtualNetwork,
    is_ours,
)

Wire = Mapping[str, Any]


def properties(wire: Wire) -> Wire:
    """The `properties` object, empty when missing."""
    found = wire.get("properties")
    return found if isinstance(found, Mapping) else {}


def reference(wire: Any) -> ResourceId | None:
    """The id in a `{"id": ...}` reference, or None."""
    text = wire.get("id") if isinstance(wire, Mapping) else wire
    return ResourceId.parse(text) if text else None


def cluster(wire: Wire) -> Cluster:
    """A managed cluster. The zone mode is `system` when a private cluster does not say, `none` for a public one."""
    facts = properties(wire)
    access = facts.get("apiServerAccessProfile") or {}
    network = facts.get("networkProfile") or {}
    # A public cluster with API server VNet integration has an endpoint in its VNet, but no private zone.
    private = bool(access.get("enablePrivateCluster"))
    zone = str(access.get("privateDNSZone") or ("system" if private or facts.get("privateFQDN") else "none"))
    lockdown = (facts.get("nodeResourceGroupProfile") or {}).get("restrictionLevel") or ""
    return Cluster(
        id=ResourceId.parse(wire["id"]),
        location=str(wire.get("location") or ""),
        provisioning_state=str(facts.get("provisioningState") or "Succeeded"),
        power_state=str((facts.get("powerState") or {}).get("code") or "Running"),
        node_resource_group=str(facts.get("nodeResourceGroup") or ""),
        node_group_locked=lockdown.lower() == "readonly",
        private=private,
        vnet_integration=bool(access.get("enableVnetIntegration")),
        zone_mode="custom" if zone.startswith("/") else zone.lower(),
        zone_id=ResourceId.parse(zone) if zone.startswith("/") else None,
        private_fqdn=facts.get("privateFQDN") or None,
        fqdn=facts.get("fqdn") or None,
        outbound_type=str(network.get("outboundType") or "loadBalancer"),
        network_plugin=str(network.get("networkPlugin") or ""),
        api_server_subnet=reference(access.get("subnetId")),
        pools=tuple(_pool(pool) for pool in facts.get("agentPoolProfiles") or []),
        identity=_identity(wire.get("identity")),
    )


def _identity(wire: Any) -> str:
    """The object id of a cluster's managed identity; AKS takes one that the user assigned, or makes its own."""
    given = wire if isinstance(wire, Mapping) else {}
    assigned = (given.get("userAssignedIdentities") or {}).values()
    found = [given.get("principalId"), *(item.get("principalId") for item in assigned if isinstance(item, Mapping))]
    return next((str(item).lower() for item in found if item), "")


def _pool(wire: Wire) -> AgentPool:
    return AgentPool(
        name=str(wire.get("name") or ""),
        node_subnet=reference(wire.get("vnetSubnetID")),
        pod_subnet=reference(wire.get("podSubnetID")),
    )


def link(wire: Wire) -> Link | None:
    """A virtual network link; None when it names no VNet (it is being made or deleted)."""
    facts = properties(wire)
    vnet = reference(facts.get("virtualNetwork"))
    if vnet is None:
        return None
    return Link(
        id=ResourceId.parse(wire["id"]),
        vnet=vnet,
        provisioning_state=str(facts.get("provisioningState") or "Succeeded"),
        link_state=str(facts.get("virtualNetworkLinkState") or "Completed"),
        ours=is_ours(wire.get("tags") or {}),
        registers=bool(facts.get("registrationEnabled")),
    )


def addresses(wire: Wire) -> tuple[IPv4Address, ...]:
    """The addresses of an A record set, in order; text that is no IPv4 address is left out."""
    facts = properties(wire)
    records = facts.get("aRecords") or facts.get("ARecords") or []
    found = (_address(record.get("ipv4Address")) for record in records if isinstance(record, Mapping))
    return tuple(sorted(address for address in found if address is not None))


def _address(text: Any) -> IPv4Address | None:
    try:
        return IPv4Address(text) if isinstance(text, str) else None
    except AddressValueError:
        return None


def virtual_network(wire: Wire) -> VirtualNetwork:
    """A VNet with the subnets and peerings it lists."""
    facts = properties(wire)
    return VirtualNetwork(
        id=ResourceId.parse(wire["id"]),
        location=str(wire.get("location") or ""),
        address_space=_networks((facts.get("addressSpace") or {}).get("addressPrefixes")),
        dns_servers=tuple((facts.get("dhcpOptions") or {}).get("dnsServers") or ()),
        subnets=tuple(subnet(item) for item in facts.get("subnets") or []),
        peerings=tuple(peering(item) for item in facts.get("virtualNetworkPeerings") or []),
        provisioning_state=str(facts.get("provisioningState") or "Succeeded"),
    )


def subnet(wire: Wire) -> Subnet:
    """A subnet; its prefixes may come in the single or in the plural form."""
    facts = properties(wire)
    prefixes = facts.get("addressPrefixes") or [facts.get("addressPrefix")]
    delegations = (properties(item).get("serviceName") for item in facts.get("delegations") or [])
    return Subnet(
        id=ResourceId.parse(wire["id"]),
        prefixes=_networks(prefixes),
        route_table=reference(facts.get("routeTable")),
        delegations=tuple(str(name) for name in delegations if name),
        provisioning_state=str(facts.get("provisioningState") or "Succeeded"),
        security_group=reference(facts.get("networkSecurityGroup")),
        endpoint_policies=str(facts.get("privateEndpointNetworkPolicies") or "Disabled"),
    )


def peering(wire: Wire) -> Peering:
    """One side of a peering."""
    facts = properties(wire)
    return Peering(
        name=str(wire.get("name") or ""),
        remote_vnet=ResourceId.parse((facts.get("remoteVirtualNetwork") or {}).get("id")),
        state=str(facts.get("peeringState") or ""),
        sync_level=str(facts.get("peeringSyncLevel") or ""),
        allows_access=bool(facts.get("allowVirtualNetworkAccess", True)),
        allows_forwarded_traffic=bool(facts.get("allowForwardedTraffic", False)),
        remote_space=_networks((facts.get("remoteAddressSpace") or {}).get("addressPrefixes")),
        complete_vnets=facts.get("peerCompleteVnets") is not False,
        uses_remote_gateways=bool(facts.get("useRemoteGateways", False)),
    )


def route_table(wire: Wire) -> RouteTable:
    """A route table with its routes and the subnets it is attached to."""
    facts = properties(wire)
    attached = (reference(item) for item in facts.get("subnets") or [])
    return RouteTable(
        id=ResourceId.parse(wire["id"]),
        location=str(wire.get("location") or ""),
        ours=is_ours(wire.get("tags") or {}),
        routes=tuple(_route(item) for item in facts.get("routes") or []),
        subnets=tuple(sorted(item for item in attached if item)),
        provisioning_state=str(facts.get("provisioningState") or "Succeeded"),
        gateway_routes=facts.get("disableBgpRoutePropagation") is not True,
        peering_routes=str(facts.get("disablePeeringRoute") or "None").lower() == "none",
    )


def _route(wire: Wire) -> Route:
    facts = properties(wire)
    return Route(
        name=str(wire.get("name") or ""),
        prefix=str(facts.get("addressPrefix") or ""),
        next_hop_type=str(facts.get("nextHopType") or ""),
        next_hop_address=facts.get("nextHopIpAddress") or None,
        provisioning_state=str(facts.get("provisioningState") or "Succeeded"),
    )


def private_address(wire: Wire) -> IPv4Address | None:
    """The private address of a NIC, of a load balancer's frontend or of a firewall."""
    facts = properties(wire)
    configurations = facts.get("ipConfigurations") or facts.get("frontendIPConfigurations") or []
    found = (
        _address(properties(item).get("privateIPAddress") or properties(item).get("privateIpAddress"))
        for item in configurations
    )
    return next((address for address in found if address is not None), None)


def frontend_subnet(wire: Wire) -> ResourceId | None:
    """The subnet of a private endpoint, of a load balancer's first frontend, or of a firewall."""
    facts = properties(wire)
    if facts.get("subnet"):
        return reference(facts["subnet"])
    configurations = facts.get("ipConfigurations") or facts.get("frontendIPConfigurations") or []
    found = (reference(properties(item).get("subnet")) for item in configurations)
    return next((subnet for subnet in found if subnet), None)


def _networks(prefixes: Any) -> tuple[IPv4Network, ...]:
    # IPv6 prefixes of dual-stack VNets are left out: API servers and firewall rules here are IPv4.
    return tuple(IPv4Network(prefix) for prefix in prefixes or [] if prefix and ":" not in prefix)
