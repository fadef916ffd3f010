"""Every answer that a step can give: one stable code per cause, with its meaning and its fix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Stage(StrEnum):
    """The steps of an analysis, in the order a connection takes them."""

    DNS = "dns"
    ROUTE = "route"
    PEERING = "peering"
    FIREWALL = "firewall"
    NSG = "nsg"
    RETURN_PATH = "return_path"
    CLUSTER = "cluster"


class Outcome(StrEnum):
    """What a step says: it lets the connection pass, it stops it, or Resource Manager cannot tell."""

    OK = "ok"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


class ReachCode(StrEnum):
    """The codes. They are part of the interface: a meaning never changes, new causes get new codes."""

    DNS_RESOLVED = "DNS_RESOLVED"
    DNS_PUBLIC_NAME = "DNS_PUBLIC_NAME"
    DNS_ZONE_NOT_LINKED = "DNS_ZONE_NOT_LINKED"
    DNS_LINK_NOT_COMPLETED = "DNS_LINK_NOT_COMPLETED"
    DNS_ZONE_MISSING = "DNS_ZONE_MISSING"
    DNS_ZONE_UNREAD = "DNS_ZONE_UNREAD"
    DNS_RECORD_MISSING = "DNS_RECORD_MISSING"
    DNS_OVERLAPPING_ZONE = "DNS_OVERLAPPING_ZONE"
    DNS_CUSTOM_SERVER = "DNS_CUSTOM_SERVER"
    DNS_PROXY_OFF = "DNS_PROXY_OFF"
    DNS_SERVER_UNREACHABLE = "DNS_SERVER_UNREACHABLE"
    DNS_NAME_UNKNOWN = "DNS_NAME_UNKNOWN"
    ADDRESS_STALE = "ADDRESS_STALE"
    ROUTE_VIA_FIREWALL = "ROUTE_VIA_FIREWALL"
    ROUTE_DIRECT = "ROUTE_DIRECT"
    ROUTE_NOT_VIA_FIREWALL = "ROUTE_NOT_VIA_FIREWALL"
    ROUTE_NONE = "ROUTE_NONE"
    ROUTE_ECMP = "ROUTE_ECMP"
    ROUTE_UNCERTAIN = "ROUTE_UNCERTAIN"
    PEERING_CONNECTED = "PEERING_CONNECTED"
    PEERING_MISSING = "PEERING_MISSING"
    PEERING_NOT_CONNECTED = "PEERING_NOT_CONNECTED"
    PEERING_NO_ACCESS = "PEERING_NO_ACCESS"
    PEERING_OUT_OF_SYNC = "PEERING_OUT_OF_SYNC"
    PEERING_PARTIAL = "PEERING_PARTIAL"
    PEERING_NO_FORWARDED_TRAFFIC = "PEERING_NO_FORWARDED_TRAFFIC"
    PEERING_HUB_ROUTE_ASTRAY = "PEERING_HUB_ROUTE_ASTRAY"
    PEERING_UNREAD = "PEERING_UNREAD"
    FIREWALL_ALLOWED = "FIREWALL_ALLOWED"
    FIREWALL_BYPASSED = "FIREWALL_BYPASSED"
    FIREWALL_NO_MATCH = "FIREWALL_NO_MATCH"
    FIREWALL_DENIED = "FIREWALL_DENIED"
    FIREWALL_PARTLY = "FIREWALL_PARTLY"
    FIREWALL_UNCERTAIN = "FIREWALL_UNCERTAIN"
    FIREWALL_UNREAD = "FIREWALL_UNREAD"
    NSG_PASSED = "NSG_PASSED"
    NSG_DENIED_OUTBOUND = "NSG_DENIED_OUTBOUND"
    NSG_DENIED_INBOUND = "NSG_DENIED_INBOUND"
    NSG_UNCERTAIN = "NSG_UNCERTAIN"
    RETURN_PATH_OK = "RETURN_PATH_OK"
    RETURN_NOT_VIA_FIREWALL = "RETURN_NOT_VIA_FIREWALL"
    RETURN_HUB_ROUTE_ASTRAY = "RETURN_HUB_ROUTE_ASTRAY"
    RETURN_UNCERTAIN = "RETURN_UNCERTAIN"
    CLUSTER_RUNNING = "CLUSTER_RUNNING"
    CLUSTER_STOPPED = "CLUSTER_STOPPED"
    CLUSTER_NOT_READY = "CLUSTER_NOT_READY"
    CLUSTER_NOT_PRIVATE = "CLUSTER_NOT_PRIVATE"
    ADDRESS_UNKNOWN = "ADDRESS_UNKNOWN"


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What a code means, at which step it comes, and what to do about it; no fix where nothing is to be mended."""

    stage: Stage
    meaning: str
    fix: str = ""


def _all(*rows: tuple[ReachCode, Stage, str, str]) -> Mapping[ReachCode, Explanation]:
    found = {code: Explanation(stage=stage, meaning=meaning, fix=fix) for code, stage, meaning, fix in rows}
    return MappingProxyType(found)


_C, _S = ReachCode, Stage
EXPLANATIONS: Mapping[ReachCode, Explanation] = _all(
    (_C.DNS_RESOLVED, _S.DNS, "The private name resolves to the API server's address.", ""),
    (_C.DNS_PUBLIC_NAME, _S.DNS, "The public name resolves to the private address, without any link.", ""),
    (
        _C.DNS_ZONE_NOT_LINKED,
        _S.DNS,
        "The VNet whose Azure DNS answers is not linked to the cluster's private DNS zone.",
        "Link the zone to that VNet (registration off). The app does so for hub and monitoring VNets.",
    ),
    (
        _C.DNS_LINK_NOT_COMPLETED,
        _S.DNS,
        "There is a link, but it has failed or is still being made.",
        "Wait a few minutes; if it stays so, write the link again.",
    ),
    (
        _C.DNS_ZONE_MISSING,
        _S.DNS,
        "The private DNS zone of the cluster's private name does not exist.",
        "Reconcile the cluster (`az aks update`), which makes the zone again; wait if it is being created.",
    ),
    (
        _C.DNS_ZONE_UNREAD,
        _S.DNS,
        "The cluster's private DNS zone could not be read.",
        "Assign the app's role at the zone's resource group.",
    ),
    (
        _C.DNS_RECORD_MISSING,
        _S.DNS,
        "The zone is linked but has no A record for the API server.",
        "Reconcile the cluster (`az aks update`), which writes the record.",
    ),
    (
        _C.DNS_OVERLAPPING_ZONE,
        _S.DNS,
        "Another linked zone answers for the name, and it has no record of this API server.",
        "Remove that zone's link from the VNet, or move the record: a VNet sees one zone per name, the longest.",
    ),
    (
        _C.DNS_CUSTOM_SERVER,
        _S.DNS,
        "A custom DNS server answers; where it forwards to is not visible in Resource Manager.",
        "Let it forward the AKS zones to Azure DNS from a linked VNet, or use the firewall's DNS proxy.",
    ),
    (
        _C.DNS_PROXY_OFF,
        _S.DNS,
        "The VNet's DNS server is the firewall, and its DNS proxy is off.",
        "Switch the DNS proxy on in the firewall policy (`dnsSettings.enableProxy`).",
    ),
    (
        _C.DNS_SERVER_UNREACHABLE,
        _S.DNS,
        "The VNet's DNS server is in a VNet that is not connected with it.",
        "Repair the peering with the DNS server's VNet, in both directions.",
    ),
    (
        _C.DNS_NAME_UNKNOWN,
        _S.DNS,
        "The cluster shows no name now; Azure hides the private name while a cluster is stopped.",
        "Start the cluster and look again.",
    ),
    (
        _C.ADDRESS_STALE,
        _S.DNS,
        "The name resolves to an address that is not the API server's.",
        "Reconcile the cluster (`az aks update`) so that AKS rewrites the record; remove hand-made records.",
    ),
    (_C.ROUTE_VIA_FIREWALL, _S.ROUTE, "The subnet's route to the address leads to the firewall.", ""),
    (
        _C.ROUTE_DIRECT,
        _S.ROUTE,
        "The VNets are the same or directly peered, so the connection goes around the firewall.",
        "Remove the direct peering if everything is to go through the firewall.",
    ),
    (
        _C.ROUTE_NOT_VIA_FIREWALL,
        _S.ROUTE,
        "The route that wins leads elsewhere, not to the firewall.",
        "Point the route at the firewall, or attach a route table with 0.0.0.0/0 to the firewall to the subnet.",
    ),
    (
        _C.ROUTE_NONE,
        _S.ROUTE,
        "The route that wins drops the packets (next hop None).",
        "Attach a route table with 0.0.0.0/0 to the firewall; that also cancels Azure's own None routes.",
    ),
    (
        _C.ROUTE_ECMP,
        _S.ROUTE,
        "The route spreads over several appliances (VirtualApplianceEcmp).",
        "Make sure that every one of them lets the connection pass and keeps both directions.",
    ),
    (
        _C.ROUTE_UNCERTAIN,
        _S.ROUTE,
        "Not everything that decides the route could be read.",
        "Give the app its role at what the assumption names, or look at the effective routes of a running VM.",
    ),
    (_C.PEERING_CONNECTED, _S.PEERING, "Every VNet on the way is connected with the next, both ways.", ""),
    (_C.PEERING_MISSING, _S.PEERING, "A VNet has no peering with the next one.", "Create the peering, on both sides."),
    (
        _C.PEERING_NOT_CONNECTED,
        _S.PEERING,
        "A peering is Initiated or Disconnected.",
        "Delete and create it again on the side named, so that both sides are Connected.",
    ),
    (
        _C.PEERING_NO_ACCESS,
        _S.PEERING,
        "A peering forbids access to the remote VNet; Azure then only takes it out of the service tag VirtualNetwork.",
        "Set `allowVirtualNetworkAccess` on it.",
    ),
    (
        _C.PEERING_OUT_OF_SYNC,
        _S.PEERING,
        "A peering does not know the remote address space of today.",
        "Sync the peering (`az network vnet peering sync`).",
    ),
    (
        _C.PEERING_PARTIAL,
        _S.PEERING,
        "A peering connects only some subnets of the VNets.",
        "Make sure that the subnets on the way are among them.",
    ),
    (
        _C.PEERING_NO_FORWARDED_TRAFFIC,
        _S.PEERING,
        "A spoke's peering with the hub does not allow forwarded traffic; Azure does not dependably drop it.",
        "Set `allowForwardedTraffic` on the spoke's side.",
    ),
    (
        _C.PEERING_HUB_ROUTE_ASTRAY,
        _S.PEERING,
        "The firewall's own subnet sends the packets elsewhere than to the cluster's VNet.",
        "Remove the route from the route table of AzureFirewallSubnet.",
    ),
    (
        _C.PEERING_UNREAD,
        _S.PEERING,
        "A VNet on the way could not be read.",
        "Assign the app's role at that VNet.",
    ),
    (_C.FIREWALL_ALLOWED, _S.FIREWALL, "A rule allows the connection for the whole source subnet.", ""),
    (_C.FIREWALL_BYPASSED, _S.FIREWALL, "The connection does not pass the firewall.", ""),
    (
        _C.FIREWALL_NO_MATCH,
        _S.FIREWALL,
        "No rule matches, so the firewall denies by default.",
        "Allow TCP 443 from the source to the address. The app writes that rule for the monitoring VNets.",
    ),
    (
        _C.FIREWALL_DENIED,
        _S.FIREWALL,
        "A deny rule matches before any rule that allows.",
        "Change the rule named, or give the allow rule a place before it (a parent policy always goes first).",
    ),
    (
        _C.FIREWALL_PARTLY,
        _S.FIREWALL,
        "Only a part of the source subnet is allowed.",
        "Widen the allow rule to the whole subnet, or ask for the subnet of the clients only.",
    ),
    (
        _C.FIREWALL_UNCERTAIN,
        _S.FIREWALL,
        "A rule that cannot be judged from here could decide otherwise.",
        "Put a plain allow rule (addresses, TCP 443) before the rule named.",
    ),
    (
        _C.FIREWALL_UNREAD,
        _S.FIREWALL,
        "The rules are not known: an appliance of another maker, or a policy that could not be read.",
        "Check the appliance's own rules, or assign the app's role at the firewall policy.",
    ),
    (_C.NSG_PASSED, _S.NSG, "No network security group that was read stops the connection.", ""),
    (
        _C.NSG_DENIED_OUTBOUND,
        _S.NSG,
        "The security group of the source subnet denies it.",
        "Allow TCP 443 outbound to the API server's address before the rule named.",
    ),
    (
        _C.NSG_DENIED_INBOUND,
        _S.NSG,
        "The security group of the API server's subnet denies it.",
        "Allow TCP 443 inbound from the source before the rule named.",
    ),
    (
        _C.NSG_UNCERTAIN,
        _S.NSG,
        "A security group could not be read or has a rule that cannot be judged from here.",
        "Put a plain allow rule before the rule named, or assign the app's role at the group.",
    ),
    (_C.RETURN_PATH_OK, _S.RETURN_PATH, "Answers come back the way the connection went.", ""),
    (
        _C.RETURN_NOT_VIA_FIREWALL,
        _S.RETURN_PATH,
        "The API server's subnet sends answers elsewhere, not back through the firewall.",
        "Point the route of the API server's subnet for the source at the firewall.",
    ),
    (
        _C.RETURN_HUB_ROUTE_ASTRAY,
        _S.RETURN_PATH,
        "The firewall's own subnet sends answers elsewhere than to the source's VNet.",
        "Remove the route from the route table of AzureFirewallSubnet.",
    ),
    (
        _C.RETURN_UNCERTAIN,
        _S.RETURN_PATH,
        "Which way the answers of a VNet-integrated API server take is not visible in Resource Manager.",
        "Give the API server's subnet a route for the source's network to the firewall.",
    ),
    (_C.CLUSTER_RUNNING, _S.CLUSTER, "The cluster runs and its API server has an address.", ""),
    (_C.CLUSTER_STOPPED, _S.CLUSTER, "The cluster is stopped; its API server does not answer.", "Start the cluster."),
    (
        _C.CLUSTER_NOT_READY,
        _S.CLUSTER,
        "AKS is creating, starting, stopping or deleting the cluster.",
        "Wait until AKS is done.",
    ),
    (
        _C.CLUSTER_NOT_PRIVATE,
        _S.CLUSTER,
        "The API server is public; how it is reached over the Internet is not analysed.",
        "Nothing for a private network to mend; use a private cluster.",
    ),
    (
        _C.ADDRESS_UNKNOWN,
        _S.CLUSTER,
        "The API server has no private endpoint or internal load balancer, so no address.",
        "Wait while the cluster is created; otherwise stop and start it, which makes the endpoint again.",
    ),
)
"""All codes with their explanations, in the order of the steps."""
