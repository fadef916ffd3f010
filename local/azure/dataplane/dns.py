"""What a machine in a VNet gets when it looks up a name."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from local.azure.azure import Azure
from local.azure.dataplane.topology import firewall_at, peered_vnets, policy_of
from local.azure.private_dns.models import LINK, RECORD
from local.azure.store import Resource
from local.azure.virtual_networks.common import space_of

AZURE_DNS = "168.63.129.16"
CLUSTER = "Microsoft.ContainerService/ManagedClusters"


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """The answer: an address, or None and why."""

    address: str | None
    why: str


class _SilentError(Exception):
    """A server gives no answer."""


def resolve(azure: Azure, vnet_id: str, host: str) -> Resolution:
    """Look a name up from a VNet.

    With Azure DNS the zones linked to this VNet count. With custom DNS servers they do not: then the zones linked to
    the VNet that holds the server do, and the VNet's own links are never consulted. A server that gives no answer is
    followed by the next one; "no such name" is an answer.
    """
    vnet = azure.store.get(vnet_id)
    if vnet is None:
        return Resolution(address=None, why=f"the VNet {vnet_id} does not exist")
    servers = (vnet.properties.get("dhcpOptions") or {}).get("dnsServers") or [AZURE_DNS]
    silence = []
    for server in servers:
        try:
            return _ask_server(azure, vnet, server, host, depth=0)
        except _SilentError as error:
            silence.append(str(error))
    return Resolution(address=None, why="; ".join(silence))


def _ask_server(azure: Azure, vnet: Resource, server: str, host: str, *, depth: int) -> Resolution:
    if server == AZURE_DNS:
        return _ask_azure_dns(azure, vnet, host)
    if depth > 3:
        raise _SilentError("DNS servers forward to each other")
    holder = _holder(azure, vnet, server)
    if holder is None:
        raise _SilentError(f"the DNS server {server} is in no VNet that {vnet.name} reaches")
    firewall = firewall_at(azure, server)
    if firewall is None:
        return _ask_azure_dns(azure, holder, host)
    policy = policy_of(azure, firewall)
    settings = (policy.properties.get("dnsSettings") or {}) if policy else {}
    if not settings.get("enableProxy"):
        raise _SilentError(f"the firewall at {server} answers no DNS: its proxy is off")
    behind = settings.get("servers") or [AZURE_DNS]
    return _ask_server(azure, holder, behind[0], host, depth=depth + 1)


def _holder(azure: Azure, vnet: Resource, server: str) -> Resource | None:
    address = ipaddress.ip_address(server)
    candidates = [vnet, *peered_vnets(azure, vnet)]
    return next((item for item in candidates if any(address in prefix for prefix in space_of(item))), None)


def _ask_azure_dns(azure: Azure, vnet: Resource, host: str) -> Resolution:
    name = host.rstrip(".").lower()
    link, zone = _linked_zone(azure, vnet, name)
    if link is not None:
        label = name.removesuffix(zone).rstrip(".") or "@"
        record = _record(azure, link.id.rsplit("/", 2)[0], label)
        if record is not None:
            address = str(record.properties["aRecords"][0]["ipv4Address"])
            return Resolution(address=address, why=f"record {label} in zone {zone}, linked to {vnet.name}")
        # Falling back to public DNS is there for privatelink zones only.
        if link.properties.get("resolutionPolicy") != "NxDomainRedirect" or "privatelink" not in zone.split("."):
            return Resolution(address=None, why=f"zone {zone}, linked to {vnet.name}, has no record {label}")
    return _public(azure, name) or Resolution(address=None, why=f"no zone linked to {vnet.name} knows {host}")


def _record(azure: Azure, zone_id: str, label: str) -> Resource | None:
    """The record of a name, or the wildcard of its nearest ancestor that exists (RFC 4592)."""
    found = azure.store.get(f"{zone_id}/A/{label}")
    if found is not None or label == "@":
        return found
    start = f"{zone_id.lower()}/a/"
    names = [record.key.removeprefix(start) for record in azure.store.of_type(RECORD) if record.key.startswith(start)]
    ancestor = label
    while ancestor:
        _, _, ancestor = ancestor.partition(".")
        if not ancestor or any(f".{name}".endswith(f".{ancestor}") for name in names):
            return azure.store.get(f"{zone_id}/A/{f'*.{ancestor}' if ancestor else '*'}")
    return None


def _linked_zone(azure: Azure, vnet: Resource, name: str) -> tuple[Resource | None, str]:
    best: tuple[Resource | None, str] = (None, "")
    for link in azure.store.of_type(LINK):
        properties = link.properties
        zone = link.key.split("/")[8]
        if (
            properties["virtualNetwork"]["id"].lower() == vnet.key
            and properties["virtualNetworkLinkState"] == "Completed"
            and (name == zone or name.endswith("." + zone))
            and len(zone) > len(best[1])
        ):
            best = (link, zone)
    return best


def _public(azure: Azure, name: str) -> Resolution | None:
    # The public name of a private cluster resolves for everybody, to the private address.
    for cluster in azure.store.of_type(CLUSTER):
        if str(cluster.properties.get("fqdn", "")).lower() == name:
            address = cluster.hidden.get("address")
            return Resolution(address=address, why=f"public record of cluster {cluster.name}")
    return None
