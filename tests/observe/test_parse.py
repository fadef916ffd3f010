"""From Azure's JSON, with its odd casing and missing members, to the values of the world."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from shared.errors import InvalidResourceId
from shared.model.resource_id import ResourceId
from shared.observe import parse
from tests.builders import (
    BYO_ZONE_ID,
    CLUSTER_ID,
    FIREWALL,
    HUB_ID,
    NODE_GROUP,
    NODES_ID,
    OUR_TABLE_ID,
    PODS_ID,
    PRIVATE_FQDN,
    SPOKE_ID,
    ZONE_ID,
)

CLUSTER = {
    "id": str(CLUSTER_ID).replace("resourceGroups", "resourcegroups"),
    "type": "Microsoft.ContainerService/ManagedClusters",
    "location": "westeurope",
    "properties": {
        "provisioningState": "Creating",
        "powerState": {"code": "Running"},
        "privateFQDN": PRIVATE_FQDN,
        "fqdn": "demo-5e6f7a8b.hcp.westeurope.azmk8s.io",
        "nodeResourceGroup": NODE_GROUP.resource_group,
        "nodeResourceGroupProfile": {"restrictionLevel": "ReadOnly"},
        "agentPoolProfiles": [
            {"name": "sys", "vnetSubnetID": str(NODES_ID), "podSubnetID": None},
            {"name": "user", "vnetSubnetID": str(NODES_ID).upper(), "podSubnetID": str(PODS_ID)},
        ],
        "networkProfile": {"networkPlugin": "azure", "outboundType": "userDefinedRouting"},
        "apiServerAccessProfile": {"enablePrivateCluster": True, "privateDNSZone": "system"},
    },
}


@pytest.mark.parametrize(
    ("identity", "principal"),
    [
        ({"type": "SystemAssigned", "principalId": "ABC", "tenantId": "t"}, "abc"),
        ({"type": "UserAssigned", "userAssignedIdentities": {"/id": {"clientId": "c", "principalId": "DEF"}}}, "def"),
        ({"type": "UserAssigned", "userAssignedIdentities": {"/id": {}}}, ""),
        ({"type": "None"}, ""),
        (None, ""),
    ],
)
def test_identity_of_a_cluster(identity, principal):
    assert parse.cluster({**CLUSTER, "identity": identity}).identity == principal


def with_access(**access):
    return {**CLUSTER, "properties": {**CLUSTER["properties"], "apiServerAccessProfile": access}}


def test_private_cluster():
    cluster = parse.cluster(CLUSTER)

    assert cluster.id == CLUSTER_ID
    assert "/resourcegroups/" in str(cluster.id)
    assert cluster.location == "westeurope"
    assert cluster.provisioning_state == "Creating"
    assert cluster.power_state == "Running"
    assert cluster.node_group == NODE_GROUP
    assert cluster.node_group_locked
    assert cluster.private
    assert not cluster.vnet_integration
    assert (cluster.zone_mode, cluster.zone_id) == ("system", None)
    assert cluster.private_fqdn == PRIVATE_FQDN
    assert cluster.fqdn == "demo-5e6f7a8b.hcp.westeurope.azmk8s.io"
    assert cluster.outbound_type == "userDefinedRouting"
    assert cluster.network_plugin == "azure"
    assert cluster.api_server_subnet is None
    assert [pool.name for pool in cluster.pools] == ["sys", "user"]
    assert cluster.subnets == (NODES_ID, PODS_ID)


@pytest.mark.parametrize("properties", [{}, None, "text", []])
def test_cluster_that_says_nothing_is_public_and_running(properties):
    cluster = parse.cluster({"id": str(CLUSTER_ID), "properties": properties})

    assert cluster.provisioning_state == "Succeeded"
    assert cluster.power_state == "Running"
    assert not cluster.private
    assert not cluster.node_group_locked
    assert cluster.zone_mode == "none"
    assert cluster.outbound_type == "loadBalancer"
    assert cluster.private_fqdn is None
    assert cluster.pools == ()


def test_members_that_are_null_count_as_missing():
    names = (
        "apiServerAccessProfile",
        "networkProfile",
        "nodeResourceGroupProfile",
        "agentPoolProfiles",
        "powerState",
        "privateFQDN",
    )
    cluster = parse.cluster({"id": str(CLUSTER_ID), "properties": dict.fromkeys(names)})

    assert cluster == parse.cluster({"id": str(CLUSTER_ID)})


@pytest.mark.parametrize(
    ("access", "mode", "zone"),
    [
        ({"enablePrivateCluster": True}, "system", None),
        ({"enablePrivateCluster": True, "privateDNSZone": "System"}, "system", None),
        ({"enablePrivateCluster": True, "privateDNSZone": "none"}, "none", None),
        ({"enablePrivateCluster": True, "privateDNSZone": str(BYO_ZONE_ID)}, "custom", BYO_ZONE_ID),
    ],
)
def test_zone_mode(access, mode, zone):
    cluster = parse.cluster(with_access(**access))

    assert (cluster.zone_mode, cluster.zone_id) == (mode, zone)


def test_public_cluster_with_vnet_integration_has_no_private_zone():
    wire = with_access(enableVnetIntegration=True, subnetId=str(PODS_ID))
    wire["properties"]["privateFQDN"] = None
    cluster = parse.cluster(wire)

    assert cluster.vnet_integration
    assert cluster.zone_mode == "none"
    assert cluster.api_server_subnet == PODS_ID


def test_stopped_cluster_has_no_private_fqdn():
    wire = {**CLUSTER, "properties": {**CLUSTER["properties"], "powerState": {"code": "Stopped"}, "privateFQDN": ""}}

    assert not parse.cluster(wire).running
    assert parse.cluster(wire).private_fqdn is None


def test_id_that_is_none_is_refused():
    for wire in ({"id": "aks-1"}, with_access(subnetId="subnet") | {"id": str(CLUSTER_ID)}):
        with pytest.raises(InvalidResourceId):
            parse.cluster(wire)


LINK = {
    "id": f"{ZONE_ID}/virtualNetworkLinks/hub-link",
    "etag": '"1"',
    "tags": {"managedby": "aks-hublink"},
    "properties": {
        "provisioningState": "Succeeded",
        "virtualNetworkLinkState": "InProgress",
        "registrationEnabled": False,
        "virtualNetwork": {"id": str(HUB_ID)},
    },
}


def test_link():
    link = parse.link(LINK)

    assert link is not None
    assert link.id.parent == ZONE_ID
    assert link.vnet == HUB_ID
    assert (link.provisioning_state, link.link_state) == ("Succeeded", "InProgress")
    assert link.ours
    assert not link.healthy


def test_link_without_states_or_tags_is_a_healthy_foreign_one():
    link = parse.link({"id": LINK["id"], "properties": {"virtualNetwork": {"id": str(HUB_ID)}}, "tags": None})

    assert link is not None
    assert link.healthy
    assert not link.ours


@pytest.mark.parametrize("properties", [{}, {"virtualNetwork": None}, {"virtualNetwork": {}}])
def test_link_that_names_no_vnet_is_none(properties):
    assert parse.link({"id": LINK["id"], "properties": properties}) is None


@pytest.mark.parametrize(
    ("properties", "found"),
    [
        ({"aRecords": [{"ipv4Address": "10.20.1.9"}, {"ipv4Address": "10.20.1.4"}]}, ["10.20.1.4", "10.20.1.9"]),
        ({"ARecords": [{"ipv4Address": "10.20.1.4"}]}, ["10.20.1.4"]),
        ({"aRecords": [{"ipv4Address": "no"}, {"ipv4Address": None}, {}, "10.20.1.4", {"ipv4Address": 7}]}, []),
        ({"aRecords": None}, []),
        ({}, []),
    ],
)
def test_addresses_of_a_record_set(properties, found):
    assert [str(address) for address in parse.addresses({"properties": properties})] == found


VNET = {
    "id": str(SPOKE_ID),
    "location": "westeurope",
    "properties": {
        "provisioningState": "Updating",
        "addressSpace": {"addressPrefixes": ["10.20.0.0/16", "fd00::/48"]},
        "dhcpOptions": {"dnsServers": ["10.0.1.4"]},
        "subnets": [
            {
                "id": str(NODES_ID),
                "properties": {
                    "addressPrefix": "10.20.0.0/22",
                    "routeTable": {"id": str(OUR_TABLE_ID)},
                    "delegations": [],
                    "provisioningState": "Succeeded",
                },
            },
            {
                "id": str(PODS_ID),
                "properties": {
                    "addressPrefixes": ["10.20.4.0/22", "fd00:0:0:4::/64"],
                    "delegations": [{"properties": {"serviceName": "Microsoft.ContainerService/managedClusters"}}, {}],
                    "networkSecurityGroup": {"id": f"{NODES_ID.group}/providers/Microsoft.Network/nsgs/nsg"},
                    "privateEndpointNetworkPolicies": "RouteTableEnabled",
                },
            },
        ],
        "virtualNetworkPeerings": [
            {
                "name": "spoke-to-hub",
                "properties": {
                    "peeringState": "Connected",
                    "peeringSyncLevel": "FullyInSync",
                    "remoteVirtualNetwork": {"id": str(HUB_ID).lower()},
                    "allowVirtualNetworkAccess": True,
                    "allowForwardedTraffic": True,
                    "remoteAddressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
                    "useRemoteGateways": True,
                    "peerCompleteVnets": False,
                },
            }
        ],
    },
}


def test_vnet_with_subnets_and_peerings():
    vnet = parse.virtual_network(VNET)

    assert (vnet.id, vnet.location, vnet.updating) == (SPOKE_ID, "westeurope", True)
    assert vnet.address_space == (IPv4Network("10.20.0.0/16"),)
    assert vnet.dns_servers == ("10.0.1.4",)
    nodes, pods = vnet.subnets
    assert (nodes.id, nodes.prefixes, nodes.route_table) == (NODES_ID, (IPv4Network("10.20.0.0/22"),), OUR_TABLE_ID)
    assert (nodes.delegations, nodes.security_group, nodes.endpoint_policies) == ((), None, "Disabled")
    assert pods.prefixes == (IPv4Network("10.20.4.0/22"),)
    assert pods.delegations == ("Microsoft.ContainerService/managedClusters",)
    assert pods.route_table is None
    assert pods.security_group is not None
    assert pods.endpoint_policies == "RouteTableEnabled"
    peering = vnet.peering_to(HUB_ID)
    assert peering is not None
    assert (peering.name, peering.state, peering.sync_level) == ("spoke-to-hub", "Connected", "FullyInSync")
    assert peering.connected
    assert peering.allows_forwarded_traffic
    assert peering.remote_space == (IPv4Network("10.0.0.0/16"),)
    assert peering.uses_remote_gateways
    assert not peering.complete_vnets


@pytest.mark.parametrize("properties", [{}, {"subnets": None, "virtualNetworkPeerings": None, "addressSpace": None}])
def test_vnet_that_says_nothing_is_empty(properties):
    vnet = parse.virtual_network({"id": str(SPOKE_ID), "properties": properties})

    assert (vnet.address_space, vnet.dns_servers, vnet.subnets, vnet.peerings) == ((), (), (), ())
    assert not vnet.updating


def test_subnet_without_a_prefix_is_read():
    assert parse.subnet({"id": str(NODES_ID)}).prefixes == ()


def test_peering_without_flags_allows_access_but_no_forwarded_traffic():
    peering = parse.peering({"properties": {"remoteVirtualNetwork": {"id": str(HUB_ID)}}})

    assert peering.allows_access
    assert not peering.allows_forwarded_traffic
    assert not peering.connected
    assert peering.complete_vnets
    assert (
        parse.peering(
            {"properties": {"remoteVirtualNetwork": {"id": str(HUB_ID)}, "allowVirtualNetworkAccess": False}}
        ).allows_access
        is False
    )


def test_peering_with_nothing_is_refused():
    with pytest.raises(InvalidResourceId):
        parse.peering({"name": "to-nowhere", "properties": {}})


def test_route_table():
    table = parse.route_table(
        {
            "id": str(OUR_TABLE_ID),
            "location": "westeurope",
            "tags": {"managedBy": "aks-hublink"},
            "properties": {
                "disableBgpRoutePropagation": True,
                "disablePeeringRoute": "All",
                "routes": [
                    {
                        "name": "default-to-fw",
                        "properties": {
                            "addressPrefix": "0.0.0.0/0",
                            "nextHopType": "VirtualAppliance",
                            "nextHopIpAddress": str(FIREWALL),
                        },
                    },
                    {"name": "out", "properties": {"addressPrefix": "8.8.8.8/32", "nextHopType": "Internet"}},
                ],
                "subnets": [{"id": str(PODS_ID)}, {"id": str(NODES_ID)}, {}],
            },
        }
    )

    assert (table.id, table.location, table.ours) == (OUR_TABLE_ID, "westeurope", True)
    assert table.default_route is not None
    assert (table.default_route.name, table.default_route.next_hop_address) == ("default-to-fw", str(FIREWALL))
    assert table.routes[1].next_hop_address is None
    assert table.subnets == (NODES_ID, PODS_ID)
    assert not table.gateway_routes
    assert not table.peering_routes


def test_route_table_that_says_nothing_is_empty_and_foreign():
    table = parse.route_table({"id": str(OUR_TABLE_ID)})

    assert (table.ours, table.routes, table.subnets, table.default_route) == (False, (), (), None)
    assert table.gateway_routes
    assert table.peering_routes


@pytest.mark.parametrize(
    ("properties", "address"),
    [
        ({"ipConfigurations": [{"properties": {"privateIPAddress": "10.20.1.4"}}]}, "10.20.1.4"),
        ({"frontendIPConfigurations": [{"properties": {"privateIPAddress": "10.20.1.5"}}]}, "10.20.1.5"),
        ({"ipConfigurations": [{"properties": {"privateIpAddress": "10.20.1.6"}}]}, "10.20.1.6"),
        ({"ipConfigurations": [{}, {"properties": {"privateIPAddress": "10.20.1.7"}}]}, "10.20.1.7"),
        ({"ipConfigurations": [{"properties": {"privateIPAddress": None}}]}, None),
        ({}, None),
    ],
)
def test_private_address_of_nic_load_balancer_or_firewall(properties, address):
    assert parse.private_address({"properties": properties}) == (IPv4Address(address) if address else None)


@pytest.mark.parametrize(
    ("properties", "subnet"),
    [
        ({"subnet": {"id": str(NODES_ID)}}, NODES_ID),
        ({"frontendIPConfigurations": [{}, {"properties": {"subnet": {"id": str(PODS_ID)}}}]}, PODS_ID),
        ({"ipConfigurations": [{"properties": {"subnet": {"id": str(NODES_ID)}}}]}, NODES_ID),
        ({}, None),
    ],
)
def test_subnet_of_an_endpoint(properties, subnet):
    assert parse.frontend_subnet({"properties": properties}) == subnet


@pytest.mark.parametrize(
    ("wire", "found"),
    [({"id": str(HUB_ID)}, HUB_ID), (str(HUB_ID), HUB_ID), ({"id": ""}, None), ({}, None), (None, None), ("", None)],
)
def test_reference(wire, found):
    assert parse.reference(wire) == found


def test_reference_keeps_the_casing():
    assert str(parse.reference({"id": str(HUB_ID).upper()})) == str(HUB_ID).upper()
    assert parse.reference({"id": str(HUB_ID).upper()}) == ResourceId.parse(str(HUB_ID))
