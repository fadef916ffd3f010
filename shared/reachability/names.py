"""Step DNS: what a machine in a VNet gets when it looks up the API server's name.

Azure DNS answers from the zones that are linked to the VNet it is asked from, the longest zone name first; a VNet
with custom DNS servers never consults its own links, but those of the VNet in which the server asks Azure
(https://learn.microsoft.com/azure/dns/private-dns-virtual-network-links, .../azure/firewall/dns-settings).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import AddressValueError, IPv4Address

from shared.model.resource_id import ResourceId
from shared.model.world import Link, ObservedCluster, VirtualNetwork, Zone
from shared.reachability.codes import Outcome, ReachCode
from shared.reachability.verdict import Step, blocked, ok, unknown
from shared.reachability.world import ReachabilityWorld

AZURE_DNS = "168.63.129.16"


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """The step, and the addresses that the name resolves to; none when it does not resolve."""

    step: Step
    addresses: tuple[IPv4Address, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Question:
    """A name of a cluster's API server, to be looked up."""

    world: ReachabilityWorld
    observed: ObservedCluster
    host: str

    @property
    def is_public_name(self) -> bool:
        """Whether this is the name that public DNS knows."""
        return self.host == (self.observed.cluster.fqdn or "").lower()

    def candidates(self) -> list[Zone]:
        """The zones that could answer for the name, the longest name first."""
        known = {zone.id: zone for zone in self.world.zones}
        if self.observed.zone:
            known.setdefault(self.observed.zone.id, self.observed.zone)
        found = [zone for zone in known.values() if self.host == zone.name or self.host.endswith(f".{zone.name}")]
        return sorted(found, key=lambda zone: (-len(zone.name), zone.id.key))


def look_up(question: Question, vnet: VirtualNetwork) -> Lookup:
    """Look a name up from a machine in a VNet; of several DNS servers the first counts."""
    if not vnet.dns_servers:
        return _azure_dns(question, vnet.id)
    found = _ask(question, vnet, vnet.dns_servers[0])
    if len(vnet.dns_servers) == 1 or found.step.outcome is Outcome.BLOCKED:
        return found
    assumption = f"{vnet.id.name} has {len(vnet.dns_servers)} DNS servers; the first, {vnet.dns_servers[0]}, answers"
    return replace(found, step=replace(found.step, assumptions=(*found.step.assumptions, assumption)))


def look_up_from_firewall(question: Question) -> Lookup:
    """Look a name up as the firewall does for its application rules and FQDNs."""
    firewall = question.world.firewall
    hub, policy = question.world.vnets.get(firewall.vnet), firewall.policy
    servers = policy.dns_servers if policy else ()
    if not servers or servers[0] == AZURE_DNS:
        return _azure_dns(question, firewall.vnet)
    return _custom(question, hub, servers[0])


def _ask(question: Question, vnet: VirtualNetwork, server: str) -> Lookup:
    firewall = question.world.firewall
    if server == AZURE_DNS:
        return _azure_dns(question, vnet.id)
    if firewall.is_azure_firewall and server == str(firewall.address):
        return _firewall_proxy(question, vnet)
    return _custom(question, vnet, server)


def _firewall_proxy(question: Question, vnet: VirtualNetwork) -> Lookup:
    world, firewall = question.world, question.world.firewall
    hub = world.vnets.get(firewall.vnet)
    if vnet.id != firewall.vnet and (hub is None or not _connected(vnet, hub)):
        message = f"{vnet.id.name} asks the firewall for names, but is not connected with {firewall.vnet.name}."
        return Lookup(step=blocked(ReachCode.DNS_SERVER_UNREACHABLE, message, vnet.id))
    policy = firewall.policy
    if policy is None:
        assumption = f"the firewall's DNS proxy is on and resolves {question.host} ({firewall.policy_id.name} unread)"
        message = "The VNet asks the firewall for names, whose policy could not be read."
        step = unknown(ReachCode.DNS_CUSTOM_SERVER, message, firewall.policy_id, assumption)
        return Lookup(step=step, addresses=_true_address(question))
    if policy.dns_proxy_enabled:
        return look_up_from_firewall(question)
    message = f"{vnet.id.name} asks the firewall for names, and its DNS proxy is off."
    if any(each.dns_proxy_enabled for each in policy.lineage()):
        assumption = f"{firewall.policy_id.name} inherits the DNS proxy from its parent policy"
        step = unknown(ReachCode.DNS_PROXY_OFF, message, firewall.policy_id, assumption)
        return Lookup(step=step, addresses=_true_address(question))
    return Lookup(step=blocked(ReachCode.DNS_PROXY_OFF, message, firewall.policy_id))


def _connected(one: VirtualNetwork, other: VirtualNetwork) -> bool:
    there, back = one.peering_to(other.id), other.peering_to(one.id)
    return there is not None and back is not None and there.connected and back.connected


def _custom(question: Question, vnet: VirtualNetwork | None, server: str) -> Lookup:
    """A DNS server of the owner's. What it forwards to cannot be read, only what it could find from where it is."""
    holder = _holder(question.world, vnet, server)
    where = f"the DNS server {server} in {holder.name}" if holder else f"the DNS server {server}"
    if question.is_public_name and _true_address(question):
        step = ok(
            ReachCode.DNS_PUBLIC_NAME, f"{where} resolves public names.", holder, f"{where} resolves public names"
        )
        return Lookup(step=step, addresses=_true_address(question))
    inner = _azure_dns(question, holder) if holder else None
    if inner and inner.step.outcome is not Outcome.BLOCKED:
        assumption = f"{where} forwards {question.host} to Azure DNS"
        message = f"Names are resolved by {where}; a link is there, its forwarding cannot be read."
        step = unknown(ReachCode.DNS_CUSTOM_SERVER, message, holder, assumption)
        return Lookup(step=step, addresses=inner.addresses)
    return _elsewhere(question, where, holder, inner)


def _elsewhere(question: Question, where: str, holder: ResourceId | None, inner: Lookup | None) -> Lookup:
    own = question.observed.cluster.vnets
    zones = question.candidates()
    links = [link for zone in zones[:1] for link in zone.links if usable(link) and link.vnet not in own]
    for link in links:
        found = _azure_dns(question, link.vnet)
        if found.step.outcome is not Outcome.BLOCKED:
            assumption = f"{where} forwards {question.host} to a resolver in {link.vnet.name}"
            message = f"Names are resolved by {where}; whether it asks a resolver in a linked VNet cannot be read."
            step = unknown(ReachCode.DNS_CUSTOM_SERVER, message, holder or link.vnet, assumption)
            return Lookup(step=step, addresses=found.addresses)
    if inner:
        return inner
    return _azure_dns(question, question.world.firewall.vnet)


def _holder(world: ReachabilityWorld, vnet: VirtualNetwork | None, server: str) -> ResourceId | None:
    try:
        address = IPv4Address(server)
    except AddressValueError:
        return None
    return world.holder_of(address, vnet) if vnet else None


def usable(link: Link) -> bool:
    """Whether Azure DNS answers over a link."""
    return link.link_state.lower() == "completed" and not link.broken


def _azure_dns(question: Question, vnet: ResourceId) -> Lookup:
    for zone in question.candidates():
        link = zone.link_to(vnet)
        if link and usable(link):
            return _from_zone(question, zone, vnet)
    if question.is_public_name:
        return _public(question)
    return Lookup(step=_not_linked(question, vnet))


def _public(question: Question) -> Lookup:
    addresses = _true_address(question)
    assumption = f"public DNS answers {question.host} with the API server's present address"
    step = ok(ReachCode.DNS_PUBLIC_NAME, f"{question.host} is a public name.", question.observed.cluster.id, assumption)
    return Lookup(step=step, addresses=addresses)


def _true_address(question: Question) -> tuple[IPv4Address, ...]:
    endpoint = question.observed.endpoint
    return (endpoint.address,) if endpoint else ()


def _not_linked(question: Question, vnet: ResourceId) -> Step:
    zone, cluster = question.observed.zone, question.observed.cluster
    if zone is None:
        if cluster.zone_id in question.world.unread or cluster.node_group in question.world.unread:
            unread = cluster.zone_id or cluster.node_group
            assumption = f"the zone of {question.host} is linked to {vnet.name} and its record is right"
            return unknown(ReachCode.DNS_ZONE_UNREAD, "The zone could not be read.", unread, assumption)
        return blocked(ReachCode.DNS_ZONE_MISSING, f"No private DNS zone holds {question.host}.", cluster.id)
    link = zone.link_to(vnet)
    if link is None:
        message = f"{vnet.name} is not linked to the zone {zone.name}, so {question.host} does not resolve there."
        return blocked(ReachCode.DNS_ZONE_NOT_LINKED, message, zone.id)
    state = f"{link.provisioning_state}, {link.link_state}"
    return blocked(ReachCode.DNS_LINK_NOT_COMPLETED, f"The link to {vnet.name} is not there yet: {state}.", link.id)


def _from_zone(question: Question, zone: Zone, vnet: ResourceId) -> Lookup:
    label = question.host.removesuffix(zone.name).rstrip(".") or "@"
    addresses = zone.records.get(label, ())
    own = question.observed.zone
    foreign = own is None or zone.id != own.id
    if not addresses:
        return Lookup(step=_no_record(question, zone, vnet, foreign=foreign))
    true = _true_address(question)
    wrong = [address for address in addresses if true and address not in true]
    if not wrong:
        note = (_searched(question.world),) if not foreign else (f"{zone.id.name} is a zone of the owner's",)
        message = f"{question.host} resolves to {addresses[0]} in {zone.name}, linked to {vnet.name}."
        step = ok(ReachCode.DNS_RESOLVED, message, zone.id, *(text for text in note if text))
        return Lookup(step=step, addresses=addresses)
    return Lookup(step=_stale(question, zone, addresses, wrong), addresses=addresses)


def _no_record(question: Question, zone: Zone, vnet: ResourceId, *, foreign: bool) -> Step:
    if foreign:
        message = f"{zone.name} of {zone.id.resource_group} is linked to {vnet.name} and does not know {question.host}."
        return blocked(ReachCode.DNS_OVERLAPPING_ZONE, message, zone.id)
    message = f"{zone.name} is linked to {vnet.name} but has no record for {question.host}."
    return blocked(ReachCode.DNS_RECORD_MISSING, message, zone.id)


def _stale(question: Question, zone: Zone, addresses: tuple[IPv4Address, ...], wrong: list[IPv4Address]) -> Step:
    true = _true_address(question)[0]
    listed = ", ".join(str(address) for address in wrong)
    message = f"{question.host} resolves to {listed} in {zone.name}; the API server is at {true}."
    if len(wrong) == len(addresses):
        return blocked(ReachCode.ADDRESS_STALE, message, zone.id)
    return unknown(ReachCode.ADDRESS_STALE, message, zone.id, f"clients take {true} of the record's addresses")


def _searched(world: ReachabilityWorld) -> str:
    if not world.zones_searched:
        return ""
    searched = len(world.zones_searched)
    return f"no zone outside of the {searched} subscriptions searched covers the name and is linked there"
