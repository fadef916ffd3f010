"""What Azure DNS answers in a VNet: from the private zones that are linked to it, else from public DNS.

The longest zone name answers, and it alone: what it does not know does not exist. Forwarding rulesets of a DNS Private
Resolver count only where no linked zone covers the name (https://learn.microsoft.com/azure/dns/dns-private-resolver-overview).
Falling back to the Internet (`resolutionPolicy` NxDomainRedirect) changes nothing here: it holds for privatelink zones
only, and public DNS does not know the names in those of AKS (.../azure/dns/private-dns-fallback).
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

from shared.model.resource_id import ResourceId
from shared.model.world import Link, ObservedCluster, Zone
from shared.reachability.codes import ReachCode
from shared.reachability.verdict import Step, blocked, doubted, noted, ok, unknown
from shared.reachability.world import ReachabilityWorld


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """The step, and the addresses that the name resolves to; none when it does not resolve.

    `silent`: the server surely gives no answer at all, so that the next one is asked.
    """

    step: Step
    addresses: tuple[IPv4Address, ...] = ()
    silent: bool = False


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

    @property
    def true_address(self) -> tuple[IPv4Address, ...]:
        """The API server's address, if it is known."""
        endpoint = self.observed.endpoint
        return (endpoint.address,) if endpoint else ()

    def candidates(self) -> list[Zone]:
        """The zones that could answer for the name, the longest name first."""
        known = {zone.id: zone for zone in self.world.zones}
        if self.observed.zone:
            known.setdefault(self.observed.zone.id, self.observed.zone)
        found = [zone for zone in known.values() if self.host == zone.name or self.host.endswith(f".{zone.name}")]
        return sorted(found, key=lambda zone: (-len(zone.name), zone.id.key))


def azure_dns(question: Question, vnet: ResourceId) -> Lookup:
    """What a machine in a VNet gets from Azure DNS."""
    found = from_linked_zones(question, vnet)
    if found:
        return found
    if question.is_public_name:
        return _public(question)
    step = _not_linked(question, vnet)
    if question.world.has_resolver:
        assumption = f"a DNS forwarding ruleset that is linked to {vnet.name} leads {question.host} to who knows it"
        return Lookup(step=doubted(step, assumption), addresses=question.true_address)
    assumption = f"no DNS forwarding ruleset is linked to {vnet.name} that leads {question.host} elsewhere"
    return Lookup(step=noted(step, assumption))


def from_linked_zones(question: Question, vnet: ResourceId) -> Lookup | None:
    """What the zones say that are linked to a VNet; None when none of them covers the name."""
    for zone in question.candidates():
        link = zone.link_to(vnet)
        if link and usable(link):
            return _from_zone(question, zone, vnet)
    return None


def usable(link: Link) -> bool:
    """Whether Azure DNS answers over a link."""
    return link.link_state.lower() == "completed" and not link.broken


def _public(question: Question) -> Lookup:
    assumption = f"public DNS answers {question.host} with the API server's present address"
    step = ok(ReachCode.DNS_PUBLIC_NAME, f"{question.host} is a public name.", question.observed.cluster.id, assumption)
    return Lookup(step=step, addresses=question.true_address)


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
    addresses = _addresses(zone, question.host.removesuffix(zone.name).rstrip("."))
    own = question.observed.zone
    foreign = own is None or zone.id != own.id
    if not addresses:
        return Lookup(step=_no_record(question, zone, vnet, foreign=foreign))
    true = question.true_address
    wrong = [address for address in addresses if true and address not in true]
    if not wrong:
        note = f"{zone.id.name} is a zone of the owner's" if foreign else _searched(question.world)
        message = f"{question.host} resolves to {addresses[0]} in {zone.name}, linked to {vnet.name}."
        step = ok(ReachCode.DNS_RESOLVED, message, zone.id, *([note] if note else []))
        return Lookup(step=step, addresses=addresses)
    return Lookup(step=_stale(question, zone, addresses, wrong), addresses=addresses)


def _addresses(zone: Zone, label: str) -> tuple[IPv4Address, ...]:
    """The A record of a name, or the wildcard above it, unless a nearer name exists (RFC 4592)."""
    if not label or label in zone.records:
        return zone.records.get(label or "@", ())
    labels = label.split(".")
    for above in (".".join(labels[start:]) for start in range(1, len(labels) + 1)):
        wildcard = f"*.{above}" if above else "*"
        if wildcard in zone.records:
            return zone.records[wildcard]
        if any(name == above or name.endswith(f".{above}") for name in zone.records):
            return ()
    return ()


def _no_record(question: Question, zone: Zone, vnet: ResourceId, *, foreign: bool) -> Step:
    if foreign:
        message = f"{zone.name} of {zone.id.resource_group} is linked to {vnet.name} and does not know {question.host}."
        return blocked(ReachCode.DNS_OVERLAPPING_ZONE, message, zone.id)
    message = f"{zone.name} is linked to {vnet.name} but has no record for {question.host}."
    return blocked(ReachCode.DNS_RECORD_MISSING, message, zone.id)


def _stale(question: Question, zone: Zone, addresses: tuple[IPv4Address, ...], wrong: list[IPv4Address]) -> Step:
    true = question.true_address[0]
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
