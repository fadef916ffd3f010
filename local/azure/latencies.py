"""How long things take in the simulated Azure, in simulated seconds.

The figures are this project's working assumptions: a firewall policy update of about four minutes is what users and
Microsoft's own staff report; the others are round numbers of the right size. None is a measurement of Azure.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Latencies:
    """Durations in simulated seconds."""

    private_dns_zone: float = 5.0
    private_dns_link: float = 30.0
    private_dns_link_gone: float = 10.0
    virtual_network: float = 4.0
    subnet: float = 4.0
    peering: float = 4.0
    route_table: float = 3.0
    firewall_policy: float = 240.0
    firewall_policy_unattached: float = 14.0
    ip_group: float = 30.0
    firewall: float = 300.0
    private_endpoint: float = 20.0
    resource_group_delete: float = 60.0
    cluster_node_group: float = 5.0
    cluster_zone: float = 20.0
    cluster_endpoint: float = 45.0
    cluster_record: float = 60.0
    cluster_own_link: float = 65.0
    cluster_nodes: float = 150.0
    cluster_create: float = 360.0
    cluster_update: float = 60.0
    cluster_stop: float = 120.0
    cluster_start: float = 180.0
    cluster_delete: float = 240.0
    event: float = 1.0
    resource_graph_lag: float = 10.0
