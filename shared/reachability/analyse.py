"""The analysis: from a subnet to the API server of a cluster, step by step."""

from __future__ import annotations

from dataclasses import replace

from shared.firewall.selectors import Truth
from shared.model.resource_id import ResourceId
from shared.model.world import Cluster, ObservedCluster
from shared.reachability.codes import Outcome, ReachCode, Stage
from shared.reachability.filters import judge_firewall, judge_security_groups
from shared.reachability.names import look_up
from shared.reachability.path import judge_peering, judge_return, judge_route
from shared.reachability.trip import Trip
from shared.reachability.verdict import Answer, Step, Verdict, answer_of, blocked, doubted, ok, unknown
from shared.reachability.world import ReachabilityWorld
from shared.reachability.zones import Lookup, Question

_BETWEEN = ("creating", "deleting", "starting", "stopping")


def analyse(world: ReachabilityWorld, source: ResourceId, cluster: ResourceId) -> Verdict:
    """Whether a machine in a subnet reaches a cluster's API server on TCP 443.

    Every step is judged, also behind one that stops the connection, so that all that is to be mended shows at once.

    Args:
        world: what was read around both.
        source: the subnet.
        cluster: the managed cluster.

    Raises:
        KeyError: the world has no such cluster, or no such subnet.
    """
    observed = world.clusters[cluster]
    host = _host(observed.cluster)
    verdict = _judge(world, source, observed, host)
    public = observed.cluster.fqdn
    if not public or public.lower() == host or not observed.cluster.private:
        return verdict
    by_public_name = _judge(world, source, observed, public.lower()).answer
    return replace(_hinted(verdict, public, by_public_name), by_public_name=by_public_name)


def _host(cluster: Cluster) -> str | None:
    """The name that kubeconfig has: the private one, or the public one when there is no zone."""
    if cluster.private_fqdn:
        return cluster.private_fqdn.lower()
    return cluster.fqdn.lower() if cluster.fqdn and cluster.zone_mode == "none" else None


def _hinted(verdict: Verdict, public: str, answer: Answer) -> Verdict:
    """Say in the fix of a failed look-up that the public name works."""
    first = verdict.steps[0]
    if first.outcome is not Outcome.BLOCKED or answer is not Answer.REACHABLE:
        return verdict
    hint = f"{first.fix} Until then {public} works from there (`az aks get-credentials --public-fqdn`)."
    return replace(verdict, steps=(replace(first, fix=hint), *verdict.steps[1:]))


def _judge(world: ReachabilityWorld, source: ResourceId, observed: ObservedCluster, host: str | None) -> Verdict:
    vnet, subnet = world.vnets[source.parent], world.subnet(source)
    if subnet is None:
        raise KeyError(str(source))
    last = _cluster_step(world, observed)
    if last.code is ReachCode.CLUSTER_NOT_PRIVATE:
        return Verdict(cluster=observed.cluster.id, source=source, answer=answer_of((last,)), steps=(last,), host=host)
    lookup = _resolve(world, observed, host, source)
    endpoint = observed.endpoint
    address = endpoint.address if endpoint else next(iter(lookup.addresses), None)
    if address is None:
        between: tuple[Step, ...] = _no_address()
    else:
        trip = Trip(world=world, observed=observed, vnet=vnet, subnet=subnet, address=address, host=host)
        between = _travel(trip)
    steps = (lookup.step, *between, last)
    return Verdict(
        cluster=observed.cluster.id, source=source, answer=answer_of(steps), steps=steps, host=host, address=address
    )


def _resolve(world: ReachabilityWorld, observed: ObservedCluster, host: str | None, source: ResourceId) -> Lookup:
    if host is None:
        message = f"{observed.cluster.id.name} shows no private name now."
        assumption = "its private name resolves as soon as it has one"
        return Lookup(step=unknown(ReachCode.DNS_NAME_UNKNOWN, message, observed.cluster.id, assumption))
    return look_up(Question(world=world, observed=observed, host=host), world.vnets[source.parent])


def _travel(trip: Trip) -> tuple[Step, ...]:
    route = judge_route(trip)
    trip = replace(trip, direct=route.code is ReachCode.ROUTE_DIRECT)
    peering, passage = judge_peering(trip), judge_firewall(trip)
    later: tuple[Step, ...] = (peering, passage.step, *_behind_firewall(trip, passage.translated))
    if route.outcome is Outcome.UNKNOWN:
        later = tuple(_only_if_by_firewall(step) for step in later)
    return (route, *later)


def _behind_firewall(trip: Trip, translated: Truth) -> tuple[Step, ...]:
    """Security groups and the way back, which depend on whose address the API server sees."""
    kept = (judge_security_groups(trip), judge_return(trip))
    if translated is Truth.NO:
        return kept
    own = replace(trip, translated=True)
    changed = (judge_security_groups(own), judge_return(own))
    if translated is Truth.YES:
        return changed
    return tuple(_either(one, other) for one, other in zip(kept, changed, strict=True))


def _either(kept: Step, changed: Step) -> Step:
    """A step that is one or the other; certain only where both say the same."""
    if kept.outcome is changed.outcome:
        return kept
    if changed.outcome is Outcome.BLOCKED or kept.outcome is Outcome.OK:
        return doubted(changed, "the firewall keeps the client's address")
    return doubted(kept, "the firewall puts its own address in the place of the client's")


def _only_if_by_firewall(step: Step) -> Step:
    """Behind an unknown next hop, what would stop the connection at the firewall need not stop it."""
    if step.outcome is not Outcome.BLOCKED or step.code is ReachCode.NSG_DENIED_OUTBOUND:
        return step
    assumption = "the connection does not go through the firewall's VNet, where it would be stopped"
    return doubted(step, assumption)


def _no_address() -> tuple[Step, ...]:
    assumption = "nothing on the way stops a connection to the address that the API server will have"
    step = unknown(ReachCode.ADDRESS_UNKNOWN, "There is no address to judge.", None, assumption)
    stages = (Stage.ROUTE, Stage.PEERING, Stage.FIREWALL, Stage.NSG, Stage.RETURN_PATH)
    return tuple(replace(step, stage=stage, fix="") for stage in stages)


def _cluster_step(world: ReachabilityWorld, observed: ObservedCluster) -> Step:
    cluster, endpoint = observed.cluster, observed.endpoint
    name, state = cluster.id.name, cluster.provisioning_state
    if not cluster.private:
        assumption = f"the public API server of {name} is reached over the Internet"
        return unknown(ReachCode.CLUSTER_NOT_PRIVATE, f"{name} is not a private cluster.", cluster.id, assumption)
    if not cluster.running:
        return blocked(ReachCode.CLUSTER_STOPPED, f"{name} is {cluster.power_state}.", cluster.id)
    if endpoint is None:
        if cluster.node_group in world.unread:
            assumption = f"the API server of {name} answers at the address that its name resolves to"
            message = "The API server's endpoint could not be read."
            return unknown(ReachCode.ADDRESS_UNKNOWN, message, cluster.node_group, assumption)
        return blocked(ReachCode.ADDRESS_UNKNOWN, f"The API server of {name} has no endpoint ({state}).", cluster.id)
    if state.lower() in _BETWEEN:
        return unknown(ReachCode.CLUSTER_NOT_READY, f"{name} is {state}.", cluster.id, "its API server already answers")
    notes = () if state.lower() == "succeeded" else (f"the API server of {name} answers although AKS says {state}",)
    return ok(ReachCode.CLUSTER_RUNNING, f"{name} runs, its API server is at {endpoint.address}.", endpoint.id, *notes)
