"""Rule: the registry knows the verified address of every API server; the firewall writer allows what it knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

from shared.model.resource_id import ResourceId
from shared.model.world import ApiServer, Cluster, ObservedCluster, VirtualNetwork, World, Zone
from shared.plan.action import Action, ActionKind, Waiting
from shared.plan.finding import Code, Finding, Severity
from shared.plan.networks import side_in_words
from shared.plan.zone_links import not_allowed, zone_refusal
from shared.settings import Settings

Item = Action | Finding | Waiting


def plan_api_rules(world: World, settings: Settings) -> Iterator[Item]:
    """Yield what is to be registered, moved or forgotten."""
    for observed in sorted(world.clusters, key=lambda item: item.cluster.id):
        yield from _cluster(observed, world, settings)
    for row in world.retired:
        yield Action(
            kind=ActionKind.FORGET_API_SERVER,
            resource=row.cluster,
            before=row_state(row),
            after=None,
            reason="the cluster is gone",
            cluster=row.cluster,
        )


def _cluster(observed: ObservedCluster, world: World, settings: Settings) -> Iterator[Item]:
    cluster = observed.cluster
    if not cluster.running:
        yield from _stopped(observed)
        return
    if not settings.allows_subscription(cluster.id.subscription_id):
        yield not_allowed(cluster, registered=observed.registered is not None)
        return
    verdict = verified_address(observed, world, settings)
    if isinstance(verdict, IPv4Address):
        yield from _register(observed, verdict)
    else:
        yield from _restarted(observed, world, settings)
        yield verdict


def verified_address(observed: ObservedCluster, world: World, settings: Settings) -> IPv4Address | Finding | Waiting:
    """The address that record and endpoint agree on and that lies where it must; else why there is none.

    Anybody who can write to a zone could point a record at something in the hub: an address counts only if it lies
    in the cluster's own VNet and that VNet is peered with the hub.
    """
    cluster, endpoint = observed.cluster, observed.endpoint
    if cluster.zone_mode.lower() != "none":
        if observed.zone is None:
            return Waiting(resource=cluster.id, message="its private DNS zone is not there yet")
        refusal = zone_refusal(cluster, observed.zone, settings)
        if refusal:
            return refusal
    if endpoint is None:
        return Waiting(resource=cluster.id, message="its API server endpoint is not there yet")
    outside = _outside(cluster, endpoint.address, world, f"Its endpoint {endpoint.id.name}")
    if outside:
        return outside
    if observed.zone is not None:
        disagreement = _record_disagrees(observed, observed.zone, endpoint.address, world)
        if disagreement:
            return disagreement
    return endpoint.address


def _record_disagrees(
    observed: ObservedCluster, zone: Zone, address: IPv4Address, world: World
) -> Finding | Waiting | None:
    cluster = observed.cluster
    recorded = zone.records.get(record_name(cluster, zone), ())
    if not recorded:
        return Waiting(resource=zone.id, message=f"the A record of {cluster.id.name} is not there yet")
    for other in recorded:
        outside = _outside(cluster, other, world, f"Its A record in {zone.name}")
        if outside:
            return outside
    if recorded == (address,):
        return None
    listed = ", ".join(map(str, recorded))
    return Waiting(
        resource=zone.id,
        message=f"the A record of {cluster.id.name} says {listed}, its endpoint {address}",
        fix="Wait for AKS to rewrite the record, or run `az aks update` to make it do so.",
        code=Code.ADDRESS_MISMATCH,
    )


def record_name(cluster: Cluster, zone: Zone) -> str:
    """The name of a cluster's A record within a zone: its private FQDN without the zone's name."""
    fqdn = (cluster.private_fqdn or "").lower().rstrip(".")
    return fqdn.removesuffix("." + zone.name) if fqdn.endswith("." + zone.name) else ""


def _outside(cluster: Cluster, address: IPv4Address, world: World, source: str) -> Finding | Waiting | None:
    if not cluster.vnets:
        return _vnet_of_aks(cluster)
    vnets = [world.vnets[vnet] for vnet in sorted(cluster.vnets) if vnet in world.vnets]
    home = next((vnet for vnet in vnets if vnet.holds(address)), None)
    if home is None:
        names = ", ".join(vnet.id.name for vnet in vnets) or "not found"
        return Finding(
            code=Code.ADDRESS_OUTSIDE_VNET,
            severity=Severity.ERROR,
            resource=cluster.id,
            cluster=cluster.id,
            message=f"{source} says {address}, which is not in the cluster's own VNet ({names}); it is not allowed.",
            fix="Find out who wrote that address; the firewall rule follows once it lies in the cluster's VNet.",
        )
    return None if peered_both_ways(world, home) else not_peered(home, world, cluster.id)


def _vnet_of_aks(cluster: Cluster) -> Finding:
    return Finding(
        code=Code.VNET_NOT_PEERED,
        severity=Severity.ERROR,
        resource=cluster.id,
        cluster=cluster.id,
        message="AKS manages the cluster's VNet, which is not part of the hub-and-spoke network; nothing is opened.",
        fix="Create the cluster in a subnet of a spoke.",
    )


def peered_both_ways(world: World, vnet: VirtualNetwork) -> bool:
    """Whether hub and VNet have connected peerings in both directions; the hub is always with itself."""
    if vnet.id == world.hub.vnet.id:
        return True
    there, back = world.hub.vnet.peering_to(vnet.id), vnet.peering_to(world.hub.vnet.id)
    return there is not None and back is not None and there.connected and back.connected


def not_peered(vnet: VirtualNetwork, world: World, cluster: ResourceId | None = None) -> Finding:
    """The finding for a VNet that the hub does not reach."""
    hub = world.hub.vnet
    sides = "; ".join(filter(None, (side_in_words(vnet, hub.id), side_in_words(hub, vnet.id))))
    return Finding(
        code=Code.VNET_NOT_PEERED,
        severity=Severity.ERROR,
        resource=vnet.id,
        cluster=cluster,
        message=f"The VNet and the hub are not peered both ways ({sides}); nothing is opened for it.",
        fix="Create or repair both peerings with the hub, then it is picked up by itself.",
    )


def _register(observed: ObservedCluster, address: IPv4Address) -> Iterator[Item]:
    cluster = observed.cluster
    row = ApiServer(
        cluster=cluster.id,
        address=address,
        zone=observed.zone.id if observed.zone else None,
        subnets=cluster.subnets,
        outbound_type=cluster.outbound_type,
    )
    if row.says_the_same(observed.registered):
        return
    known = observed.registered.address if observed.registered else None
    reason = "the API server's address is verified" if known is None else "what is known of the cluster changed"
    if known not in (None, address):
        reason = f"the API server moved from {known} to {address}"
    yield _registration(observed, row, reason)


def _stopped(observed: ObservedCluster) -> Iterator[Item]:
    row = observed.registered
    if row is None or row.stopped_at is not None:
        return
    after = {**row_state(row), "stopped": True}
    yield Action(
        kind=ActionKind.REGISTER_API_SERVER,
        resource=observed.cluster.id,
        before=row_state(row),
        after=after,
        reason="the cluster was stopped; its rule stays as long as the settings say",
        cluster=observed.cluster.id,
    )


def _restarted(observed: ObservedCluster, world: World, settings: Settings) -> Iterator[Item]:
    """A cluster that runs again keeps its rule, however long its new address cannot be verified.

    A rule that is gone by now does not come back: its address may be somebody else's since.
    """
    row = observed.registered
    if row is None or row.stopped_at is None:
        return
    kept = world.still_has_rule(row, settings.stopped_rule_retention)
    running = replace(row, stopped_at=None, address=row.address if kept else None)
    yield _registration(observed, running, "the cluster runs again; its address is not verified yet")


def _registration(observed: ObservedCluster, row: ApiServer, reason: str) -> Action:
    return Action(
        kind=ActionKind.REGISTER_API_SERVER,
        resource=observed.cluster.id,
        before=row_state(observed.registered) if observed.registered else None,
        after=row_state(row),
        reason=reason,
        cluster=observed.cluster.id,
    )


def row_state(row: ApiServer) -> dict[str, Any]:
    """A registry row as the JSON state of an action."""
    return {
        "address": str(row.address) if row.address else None,
        "zone": str(row.zone) if row.zone else None,
        "subnets": [str(subnet) for subnet in sorted(row.subnets)],
        "outboundType": row.outbound_type,
        "stopped": row.stopped_at is not None,
    }
