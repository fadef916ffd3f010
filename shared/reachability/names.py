"""Step DNS: which DNS servers a machine in a VNet asks for the API server's name, and what they answer.

A server that gives no answer is followed by the next one, as resolvers do; "no such name" is an answer. A VNet with
custom DNS servers never consults its own links, but those of the VNet in which the server asks Azure
(https://learn.microsoft.com/azure/dns/private-dns-virtual-network-links). Of several servers of its own the firewall
takes any (.../azure/firewall/dns-settings). Inbound endpoints of a DNS Private Resolver answer as Azure DNS does in
their VNet, and nothing else is in their subnet (.../azure/dns/private-resolver-endpoints-rulesets).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import AddressValueError, IPv4Address
from itertools import islice

from shared.model.resource_id import ResourceId
from shared.model.world import VirtualNetwork
from shared.reachability.codes import Outcome, ReachCode
from shared.reachability.verdict import Step, blocked, doubted, noted, ok, unknown
from shared.reachability.world import allow_access, are_connected, is_up
from shared.reachability.zones import Lookup, Question, azure_dns, from_linked_zones, usable

AZURE_DNS = "168.63.129.16"
_MOST_RESOLVERS = 10
"""Linked VNets that are looked at for where a custom server could forward to; one is enough to be named."""


def look_up(question: Question, vnet: VirtualNetwork) -> Lookup:
    """Look a name up from a machine in a VNet: of several DNS servers the first that answers counts."""
    servers = vnet.dns_servers or (AZURE_DNS,)
    silent: list[Lookup] = []
    for server in servers:
        found = _ask(question, vnet, server)
        if not found.silent:
            break
        silent.append(found)
    else:
        return silent[0]
    if silent:
        return _after_silence(found, vnet, servers[: len(silent)], server, silent[0])
    if len(servers) == 1 or found.step.outcome is Outcome.BLOCKED:
        return found
    assumption = f"{vnet.id.name} has {len(servers)} DNS servers; the first, {servers[0]}, answers"
    return replace(found, step=noted(found.step, assumption))


def _after_silence(found: Lookup, vnet: VirtualNetwork, silent: tuple[str, ...], server: str, first: Lookup) -> Lookup:
    step = replace(found.step, message=f"{first.step.message} Then {server} is asked: {found.step.message}")
    if step.outcome is Outcome.BLOCKED:
        return replace(found, step=step)
    wait = f"wait for {', '.join(silent)}, which does not answer, and then ask {server}"
    return replace(found, step=noted(step, f"machines in {vnet.id.name} {wait}"))


def look_up_from_firewall(question: Question) -> Lookup:
    """Look a name up as the firewall does, for its clients and for the names in its own rules."""
    firewall = question.world.firewall
    hub, policy = question.world.vnets.get(firewall.vnet), firewall.policy
    servers = tuple(dict.fromkeys(policy.dns_servers if policy else ())) or (AZURE_DNS,)
    answers = [
        azure_dns(question, firewall.vnet) if server == AZURE_DNS else _custom(question, hub, server)
        for server in servers
    ]
    order = (Outcome.BLOCKED, Outcome.UNKNOWN, Outcome.OK)
    worst = min(answers, key=lambda answer: order.index(answer.step.outcome))
    good = [answer for answer in answers if answer.step.outcome is not Outcome.BLOCKED]
    if worst.step.outcome is not Outcome.BLOCKED or not good:
        return worst
    assumption = f"the firewall asks one of its {len(servers)} DNS servers at random, and each finds {question.host}"
    return Lookup(step=doubted(worst.step, assumption), addresses=good[0].addresses)


def _ask(question: Question, vnet: VirtualNetwork, server: str) -> Lookup:
    firewall = question.world.firewall
    if server == AZURE_DNS:
        return azure_dns(question, vnet.id)
    if firewall.is_azure_firewall and server == str(firewall.address):
        return _over(question, vnet, firewall.vnet, _firewall_proxy(question, vnet))
    return _custom(question, vnet, server)


def _over(question: Question, vnet: VirtualNetwork, holder: ResourceId, found: Lookup) -> Lookup:
    """An answer that comes from another VNet, if it comes."""
    other = question.world.vnets.get(holder)
    if vnet.id == holder:
        return found
    ours = vnet.peering_to(holder)
    if ours is None or not is_up(ours) or (other and not are_connected(vnet, other)):
        message = f"{vnet.id.name} asks for names in {holder.name}, but is not connected with it."
        return Lookup(step=blocked(ReachCode.DNS_SERVER_UNREACHABLE, message, vnet.id), silent=True)
    if other and allow_access(vnet, other):
        return found
    why = "over a peering that does not allow access" if other else "which could not be read"
    assumption = f"DNS passes the peering {vnet.id.name} - {holder.name}, both ways, and finds {question.host}"
    message = f"{vnet.id.name} asks for names in {holder.name}, {why}."
    step = unknown(ReachCode.DNS_SERVER_UNREACHABLE, message, vnet.id, assumption)
    return Lookup(step=step, addresses=found.addresses or question.true_address)


def _firewall_proxy(question: Question, vnet: VirtualNetwork) -> Lookup:
    firewall, policy = question.world.firewall, question.world.firewall.policy
    if policy is None:
        assumption = f"the firewall's DNS proxy is on and resolves {question.host} ({firewall.policy_id.name} unread)"
        message = "The VNet asks the firewall for names, whose policy could not be read."
        step = unknown(ReachCode.DNS_CUSTOM_SERVER, message, firewall.policy_id, assumption)
        return Lookup(step=step, addresses=question.true_address)
    if policy.dns_proxy_enabled:
        return look_up_from_firewall(question)
    message = f"{vnet.id.name} asks the firewall for names, and its DNS proxy is off."
    if any(each.dns_proxy_enabled for each in policy.lineage()):
        assumption = f"{firewall.policy_id.name} inherits the DNS proxy from its parent policy"
        step = unknown(ReachCode.DNS_PROXY_OFF, message, firewall.policy_id, assumption)
        return Lookup(step=step, addresses=question.true_address)
    return Lookup(step=blocked(ReachCode.DNS_PROXY_OFF, message, firewall.policy_id), silent=True)


def _custom(question: Question, vnet: VirtualNetwork | None, server: str) -> Lookup:
    """A DNS server of the owner's. What it knows and where it forwards to cannot be read."""
    address = _address(server)
    holder = question.world.holder_of(address, vnet) if vnet and address else None
    if vnet and holder and address and question.world.is_resolver(holder, address):
        return _over(question, vnet, holder, _inbound_endpoint(question, holder, server))
    where = f"the DNS server {server} in {holder.name}" if holder else f"the DNS server {server}"
    if question.is_public_name:
        says = f"{where} resolves public names"
        step = ok(ReachCode.DNS_PUBLIC_NAME, f"{says[0].upper()}{says[1:]}.", holder, says)
        return Lookup(step=step, addresses=question.true_address)
    return _forwarding(question, where, holder)


def _inbound_endpoint(question: Question, holder: ResourceId, server: str) -> Lookup:
    found = azure_dns(question, holder)
    assumption = f"{server} is an inbound endpoint of a DNS Private Resolver, whose subnet it is in"
    return replace(found, step=noted(found.step, assumption))


def _forwarding(question: Question, where: str, holder: ResourceId | None) -> Lookup:
    for vnet in islice(_resolvers(question, holder), _MOST_RESOLVERS):
        found = from_linked_zones(question, vnet)
        if found and found.step.outcome is not Outcome.BLOCKED:
            to = "Azure DNS" if vnet == holder else f"a resolver in {vnet.name}"
            assumption = f"{where} forwards {question.host} to {to}"
            message = f"Names are resolved by {where}; {vnet.name} is linked, its forwarding cannot be read."
            return Lookup(step=_uncertain(message, holder or vnet, assumption), addresses=found.addresses)
    assumption = f"{where} knows {question.host} itself or forwards it to who knows it"
    message = f"Names are resolved by {where}; Azure DNS finds {question.host} in no VNet that it could ask."
    resource = holder or (question.observed.zone.id if question.observed.zone else None)
    return Lookup(step=_uncertain(message, resource, assumption), addresses=question.true_address)


def _uncertain(message: str, resource: ResourceId | None, assumption: str) -> Step:
    return unknown(ReachCode.DNS_CUSTOM_SERVER, message, resource, assumption)


def _resolvers(question: Question, holder: ResourceId | None) -> Iterator[ResourceId]:
    """The VNets in which a server could ask Azure: where it stands, and all that are linked, AKS's own last."""
    own = question.observed.cluster.vnets
    linked = {link.vnet for zone in question.candidates() for link in zone.links if usable(link)}
    ordered = sorted(linked, key=lambda vnet: (vnet in own, vnet))
    yield from dict.fromkeys([*([holder] if holder else []), *ordered])


def _address(server: str) -> IPv4Address | None:
    try:
        return IPv4Address(server)
    except AddressValueError:
        return None
