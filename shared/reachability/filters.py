"""Steps firewall and NSG: whether somebody on the way forbids the connection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from shared.firewall.addresses import EVERYWHERE, NOWHERE, AddressSet
from shared.firewall.decision import Decision, Flow, RuleRef
from shared.firewall.evaluate import CompiledPolicy, compile_policy
from shared.firewall.policy import FirewallPolicy
from shared.firewall.selectors import Truth
from shared.model.resource_id import ResourceId
from shared.model.world import Subnet, VirtualNetwork
from shared.reachability.codes import Outcome, ReachCode
from shared.reachability.names import look_up_from_firewall
from shared.reachability.public_terms import NOTE, without_public_terms
from shared.reachability.routes import gateway_routes_possible, routing_of
from shared.reachability.security import Connection, Filtered, addresses_of, filter_connection
from shared.reachability.translation import translates
from shared.reachability.trip import Trip
from shared.reachability.verdict import Step, blocked, noted, ok, unknown, worst
from shared.reachability.world import is_up
from shared.reachability.zones import Question

API_PORT = 443


@dataclass(frozen=True, kw_only=True)
class Passage:
    """The firewall step, and whether the firewall puts its own address in the place of the source."""

    step: Step
    translated: Truth = Truth.NO


def judge_firewall(trip: Trip) -> Passage:
    """What the firewall does with the connection of every address of the source subnet."""
    firewall = trip.world.firewall
    if trip.direct:
        step = ok(ReachCode.FIREWALL_BYPASSED, "The connection goes around the firewall.", firewall.policy_id)
        return Passage(step=step)
    if not firewall.is_azure_firewall or firewall.policy is None:
        what = "the policy could not be read" if firewall.is_azure_firewall else "it is no Azure Firewall"
        assumption = f"the firewall at {firewall.address} allows TCP {API_PORT} to {trip.address} ({what})"
        step = unknown(ReachCode.FIREWALL_UNREAD, "The firewall's rules are not known.", firewall.policy_id, assumption)
        return Passage(step=step, translated=Truth.MAYBE)
    compiled = _compiled(trip, firewall.policy)
    decisions = [compiled.evaluate(_flow(trip, prefix)) for prefix in trip.subnet.prefixes]
    return Passage(step=_judge_decisions(trip, decisions), translated=_translated(trip, firewall.policy, decisions))


def _flow(trip: Trip, source: IPv4Network) -> Flow:
    return Flow(source=source, destination=trip.address, port=API_PORT, fqdn=trip.host)


def _compiled(trip: Trip, policy: FirewallPolicy) -> CompiledPolicy:
    firewall, fqdns = trip.world.firewall, _fqdns(trip)
    private_name = trip.host != (trip.observed.cluster.fqdn or "").lower()
    key = (trip.address.is_private, private_name, tuple(sorted(fqdns.items())))
    if key not in firewall.compiled:
        own = [firewall.address] if firewall.address else None
        if trip.address.is_private:
            policy = without_public_terms(policy, private_name=private_name)
        firewall.compiled[key] = compile_policy(policy, firewall.ip_groups, fqdns=fqdns, firewall_addresses=own)
    return firewall.compiled[key]


def _fqdns(trip: Trip) -> dict[str, tuple[IPv4Address, ...]]:
    """The API server's own names in rules, as the firewall resolves them; those it surely does not find are empty."""
    found = {}
    cluster = trip.observed.cluster
    names = {name.lower() for name in (trip.host, cluster.private_fqdn, cluster.fqdn) if name}
    for name in names & trip.world.firewall.names_in_rules:
        answer = look_up_from_firewall(Question(world=trip.world, observed=trip.observed, host=name))
        if answer.step.outcome is not Outcome.UNKNOWN:
            found[name] = answer.addresses
    return found


def _translated(trip: Trip, policy: FirewallPolicy, decisions: list[Decision]) -> Truth:
    """Application rules translate always; network rules, and what is not known to be one, as the policy says."""
    by_network_rule = translates(policy, trip.address)
    parts = [part for decision in decisions for part in decision.parts if part.verdict == "allowed"]
    found = {Truth.YES if trip.world.firewall.is_application_rule(part.rule) else by_network_rule for part in parts}
    if any(decision.verdict == "ambiguous" for decision in decisions):
        found |= {Truth.YES, by_network_rule}
    return found.pop() if len(found) == 1 else Truth.MAYBE if found else by_network_rule


def _judge_decisions(trip: Trip, decisions: list[Decision]) -> Step:
    if not decisions:
        message = "The source subnet has no IPv4 prefix."
        assumption = "the firewall allows the client's address"
        return unknown(ReachCode.FIREWALL_UNCERTAIN, message, trip.subnet.id, assumption)
    order = ("denied", "partly", "ambiguous", "allowed")
    verdicts = [decision.verdict for decision in decisions]
    worst = min(decisions, key=lambda decision: order.index(decision.verdict))
    if "denied" in verdicts and len(set(verdicts)) > 1:
        return _partly(trip, worst)
    by_name = worst.verdict == "allowed" and trip.world.firewall.is_application_rule(worst.rule)
    return _by_application_rule(trip, worst) if by_name and trip.host else _filtered(trip, worst)


def _filtered(trip: Trip, decision: Decision) -> Step:
    policy_id = trip.world.firewall.policy_id
    message = f"TCP {API_PORT} from {trip.subnet.id.name} to {trip.address}: {decision.reason}."
    rule = str(decision.rule) if decision.rule else ""
    match decision.verdict:
        case "allowed":
            notes = (*_rollout(trip), *decision.assumptions)
            return ok(ReachCode.FIREWALL_ALLOWED, message, policy_id, *notes, rule=rule)
        case "denied" if decision.rule:
            resource = _policy_of(decision.rule) or policy_id
            return noted(blocked(ReachCode.FIREWALL_DENIED, message, resource, rule=rule), *_rollout(trip))
        case "denied":
            return noted(blocked(ReachCode.FIREWALL_NO_MATCH, message, policy_id), *_rollout(trip), *_tags(trip))
        case "partly":
            return _partly(trip, decision)
    doubted = ", ".join(str(each) for each in decision.unknowns) or rule
    assumption = f"the firewall allows it in spite of {doubted}"
    return unknown(ReachCode.FIREWALL_UNCERTAIN, message, policy_id, assumption, rule=rule)


def _rollout(trip: Trip) -> Iterator[str]:
    firewall = trip.world.firewall
    if firewall.policy_state.lower() != "succeeded":
        yield f"{firewall.policy_id.name} is {firewall.policy_state}; the rules that were read are taken to be in force"


def _tags(trip: Trip) -> Iterator[str]:
    policy = trip.world.firewall.policy
    if policy and without_public_terms(policy, private_name=True) != policy:
        yield NOTE


def _partly(trip: Trip, decision: Decision) -> Step:
    denied = ", ".join(str(network) for network in decision.denied_sources[:5])
    message = f"TCP {API_PORT} to {trip.address} is not allowed from all of {trip.subnet.id.name}: not from {denied}."
    assumption = f"the client's address is not in {denied}"
    rule = str(decision.rule) if decision.rule else ""
    return unknown(ReachCode.FIREWALL_PARTLY, message, trip.world.firewall.policy_id, assumption, rule=rule)


def _by_application_rule(trip: Trip, decision: Decision) -> Step:
    """Application rules lead to the address that the firewall itself finds for the name."""
    question = Question(world=trip.world, observed=trip.observed, host=trip.host or "")
    found = look_up_from_firewall(question)
    step = _filtered(trip, decision)
    endpoint = trip.observed.endpoint
    right = endpoint is not None and found.addresses[:1] == (endpoint.address,)
    if right and found.step.outcome is Outcome.OK:
        return noted(step, *found.step.assumptions)
    message = f"{step.message} It leads to where the firewall itself finds {trip.host}: {found.step.message}"
    assumption = f"the firewall finds {trip.host} at {trip.address}"
    return unknown(ReachCode.FIREWALL_UNCERTAIN, message, step.resource, assumption, rule=step.rule)


def _policy_of(ref: RuleRef) -> ResourceId | None:
    try:
        return ResourceId.parse(ref.policy_id)
    except ValueError:
        return None


def judge_security_groups(trip: Trip) -> Step:
    """The groups of the source subnet and, where they hold, of the API server's subnet; the worst is the step."""
    steps = [*_outbound(trip), *_inbound(trip)]
    if steps:
        return worst(steps)
    assumption = "no security group of the client's network interface and no security admin rule stops it"
    return ok(ReachCode.NSG_PASSED, "No security group on the way stops it.", trip.subnet.security_group, assumption)


def _outbound(trip: Trip) -> Iterator[Step]:
    ends = addresses_of(trip.subnet.prefixes), AddressSet.covering(trip.address)
    yield from _judge_group(trip, trip.vnet, trip.subnet, ends, outbound=True)


def _inbound(trip: Trip) -> Iterator[Step]:
    endpoint, target = trip.observed.endpoint, trip.target
    subnet = trip.world.subnet(endpoint.subnet) if endpoint else None
    if subnet is None or target is None or not _group_holds(trip, subnet):
        return
    # Behind a load balancer packets have a backend's address, which is any of the API server's subnet.
    integrated = trip.observed.cluster.vnet_integration
    to = addresses_of(subnet.prefixes) if integrated else AddressSet.covering(trip.address)
    yield from _judge_group(trip, target, subnet, (addresses_of(trip.seen_sources), to), outbound=False)


def _group_holds(trip: Trip, subnet: Subnet) -> bool:
    """Private endpoints ignore security groups unless the subnet's network policies say otherwise."""
    integrated = trip.observed.cluster.vnet_integration
    return integrated or subnet.endpoint_policies.lower() in ("enabled", "networksecuritygroupenabled")


def _judge_group(
    trip: Trip, vnet: VirtualNetwork, subnet: Subnet, ends: tuple[AddressSet, AddressSet], *, outbound: bool
) -> Iterator[Step]:
    group_id = subnet.security_group
    if group_id is None:
        return
    group = trip.world.security_groups.get(group_id)
    if group is None:
        assumption = f"{group_id.name} allows TCP {API_PORT} to {trip.address}"
        yield unknown(ReachCode.NSG_UNCERTAIN, "A security group could not be read.", group_id, assumption)
        return
    sure, perhaps = _virtual_network(trip, vnet, subnet)
    connection = Connection(source=ends[0], destination=ends[1], port=API_PORT, virtual_network=sure, perhaps=perhaps)
    found = filter_connection(group, connection, outbound=outbound)
    yield from _judge_filtered(trip, group_id, found, outbound=outbound)


def _virtual_network(trip: Trip, vnet: VirtualNetwork, subnet: Subnet) -> tuple[AddressSet, AddressSet]:
    """What the service tag VirtualNetwork surely stands for in a subnet, and what it may stand for as well."""
    peerings = [peering for peering in vnet.peerings if is_up(peering)]
    near = [peering for peering in peerings if peering.allows_access]
    remote = (prefix for peering in near for prefix in trip.world.remote_space(vnet, peering.remote_vnet))
    routing = routing_of(trip.world, vnet, subnet)
    user = (route.prefix for route in routing.routes if route.user)
    forwarded = any(peering.allows_forwarded_traffic for peering in near)
    more = forwarded or routing.table_unread or gateway_routes_possible(vnet, None)
    return addresses_of((*vnet.address_space, *remote, *user)), EVERYWHERE if more else NOWHERE


def _judge_filtered(trip: Trip, group_id: ResourceId, found: Filtered, *, outbound: bool) -> Iterator[Step]:
    direction = "outbound" if outbound else "inbound"
    message = f"{group_id.name}/{found.rule} decides TCP {API_PORT} {direction} to {trip.address}"
    if found.doubts:
        how = "in spite of" if found.allowed else "by"
        assumption = f"{group_id.name} allows it {how} {', '.join(found.doubts)}"
        yield unknown(ReachCode.NSG_UNCERTAIN, f"{message}, unless an earlier rule does.", group_id, assumption)
    elif not found.allowed:
        code = ReachCode.NSG_DENIED_OUTBOUND if outbound else ReachCode.NSG_DENIED_INBOUND
        yield blocked(code, f"{message}: denied.", group_id, rule=found.rule)
