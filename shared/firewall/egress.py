"""What private clusters need of the Internet, as rules of our own and as a question to the effective policy. Pure.

Source: AKS outbound network and FQDN rules (learn: aks/outbound-rules-control-egress, aks/limit-egress-traffic).
Private clusters need neither UDP 1194 nor TCP 9000: their nodes reach the API server inside the VNet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network
from shlex import quote

from shared.firewall.addresses import AddressSet, union
from shared.firewall.decision import Flow
from shared.firewall.evaluate import CompiledPolicy
from shared.firewall.group_body import Collection, Wire
from shared.firewall.policy import ApplicationRule, FirewallPolicy, IpGroup
from shared.firewall.selectors import Directory
from shared.model.resource_id import ResourceId
from shared.model.world import VirtualNetwork
from shared.plan.finding import Code, Finding, Severity

AKS_TAG = "AzureKubernetesService"
APPLICATION_COLLECTION = "allow-aks-egress"
NETWORK_COLLECTION = "allow-aks-egress-network"
COLLECTION_NAMES = (APPLICATION_COLLECTION, NETWORK_COLLECTION)
TIME_SERVER = "ntp.ubuntu.com"
_MOST_NAMED = 10
_PROBES = ("mcr.microsoft.com", "packages.aks.azure.com", "login.microsoftonline.com")
"""Names that every cluster needs and that the tag covers."""
_INTERNET = IPv4Address("203.0.113.10")
"""An address of the documentation range, standing for anywhere on the Internet."""


def egress_collections(prefixes: Sequence[IPv4Network], *, dns_proxy: bool) -> list[Collection]:
    """Our egress rules for the AKS subnets; none without subnets.

    Time is allowed by name, and a firewall understands names in network rules only as DNS proxy
    (learn: firewall/dns-settings).
    """
    if not prefixes:
        return []
    sources = [str(prefix) for prefix in prefixes]
    found = [Collection(name=APPLICATION_COLLECTION, priority=2000, rules=[_tag_rule(sources)])]
    if dns_proxy:
        found.append(Collection(name=NETWORK_COLLECTION, priority=1000, rules=[_time_rule(sources)]))
    return found


def _tag_rule(sources: list[str]) -> Wire:
    return {
        "ruleType": "ApplicationRule",
        "name": "aks-fqdn-tag",
        "description": "aks-hublink: what AKS nodes need of the Internet",
        "protocols": [{"protocolType": "Https", "port": 443}, {"protocolType": "Http", "port": 80}],
        "sourceAddresses": sources,
        "fqdnTags": [AKS_TAG],
    }


def _time_rule(sources: list[str]) -> Wire:
    return {
        "ruleType": "NetworkRule",
        "name": "aks-time",
        "description": "aks-hublink: time for nodes whose clock is not synchronised by the host",
        "ipProtocols": ["UDP"],
        "sourceAddresses": sources,
        "destinationFqdns": [TIME_SERVER],
        "destinationPorts": ["123"],
    }


def dns_proxy_on(policy: FirewallPolicy) -> bool:
    """Whether the firewall answers DNS, by this policy or one it inherits from."""
    return any(each.dns_proxy_enabled for each in policy.lineage())


def egress_findings(
    policy: FirewallPolicy,
    compiled: CompiledPolicy,
    ip_groups: Mapping[str, IpGroup],
    prefixes: Mapping[ResourceId, Sequence[IPv4Network]],
    *,
    own_group: str | None,
) -> list[Finding]:
    """What the effective policy, parents included, does not let the AKS subnets (by id) have."""
    resource = ResourceId.parse(policy.id)
    tagged = _tagged_sources(policy, Directory(ip_groups, None))
    found = [
        _missing(subnet, networks, resource, own_group)
        for subnet, networks in sorted(prefixes.items())
        if networks and not _gets_out(networks, tagged, compiled)
    ]
    if prefixes and not dns_proxy_on(policy):
        found.append(_no_proxy(resource, own_group))
    return found


def unanswered(policy: FirewallPolicy, vnets: Iterable[VirtualNetwork], firewall: IPv4Address | None) -> list[Finding]:
    """VNets whose DNS server is the firewall although nothing answers there: a firewall answers as DNS proxy only.

    Source: https://learn.microsoft.com/azure/firewall/dns-settings, "DNS proxy". `firewall` is its private address.
    """
    asking = {vnet.id for vnet in vnets if firewall and str(firewall) in vnet.dns_servers}
    if not asking or dns_proxy_on(policy):
        return []
    resource = ResourceId.parse(policy.id)
    names = sorted(vnet.name for vnet in asking)
    many = f"{len(names)} VNets use" if len(names) > 1 else "One VNet uses"
    return [
        Finding(
            code=Code.FIREWALL_DNS_PROXY_NEEDED,
            severity=Severity.ERROR,
            resource=resource,
            message=(
                f"{many} the firewall {firewall} as DNS server, and its DNS proxy is off, so no name resolves there: "
                f"{_some(names)}. Expected enableProxy true; found false."
            ),
            fix=(
                f"`az network firewall policy update --ids {quote(str(resource))} --enable-dns-proxy true`, or give "
                "these VNets another DNS server."
            ),
        )
    ]


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _tagged_sources(policy: FirewallPolicy, directory: Directory) -> AddressSet:
    """The sources that an allow rule gives the AKS tag; denies before it are left to the evaluation of the probes."""
    rules = (
        rule
        for each in policy.lineage()
        for group in each.groups
        for collection in group.collections
        for rule in collection.rules
        if collection.action == "Allow" and isinstance(rule, ApplicationRule)
    )
    return union(
        directory.side(rule.source_addresses, rule.source_ip_groups).sure
        for rule in rules
        if any(tag.casefold() == AKS_TAG.casefold() for tag in rule.fqdn_tags)
    )


def _gets_out(networks: Iterable[IPv4Network], tagged: AddressSet, compiled: CompiledPolicy) -> bool:
    """Whether nothing says that the subnet cannot reach what AKS needs; what is not known counts as reachable."""
    for network in networks:
        if not AddressSet.covering(network) - tagged:
            continue
        for name in _PROBES:
            flow = Flow(source=network, destination=_INTERNET, port=443, fqdn=name)
            if compiled.evaluate(flow).verdict in ("denied", "partly"):
                return False
    return True


def _missing(subnet: ResourceId, networks: Sequence[IPv4Network], policy: ResourceId, own_group: str | None) -> Finding:
    listed = ", ".join(map(str, networks))
    setting = "set FIREWALL_EGRESS_GROUP, or " if own_group is None else ""
    return Finding(
        code=Code.FIREWALL_EGRESS_MISSING,
        severity=Severity.WARNING,
        resource=subnet,
        message=f"The effective policy {policy.name} does not allow {listed} what AKS nodes need of the Internet.",
        fix=f"To mend it, {setting}allow the FQDN tag {AKS_TAG} from this subnet by an application rule.",
    )


def _no_proxy(policy: ResourceId, own_group: str | None) -> Finding:
    return Finding(
        code=Code.FIREWALL_DNS_PROXY_OFF,
        severity=Severity.INFO if own_group is None else Severity.WARNING,
        resource=policy,
        message=(
            "DNS proxy is off in the effective policy, so network rules cannot name a server; time (NTP) is not "
            "allowed by a rule of ours."
        ),
        fix="Turn DNS proxy on and let the VNets use the firewall as their DNS server, or allow your own time servers.",
    )
