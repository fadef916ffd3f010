"""Rule: every AKS zone is linked to the hub VNet and the monitoring VNets."""

from __future__ import annotations

from collections.abc import Iterator

from shared.model.azure_types import AKS_ZONE_SUFFIXES
from shared.model.resource_id import ResourceId
from shared.model.world import Cluster, Link, ObservedCluster, World, Zone
from shared.plan.action import Action, ActionKind, Waiting
from shared.plan.finding import Code, Finding, Severity
from shared.plan.limits import links_of_zone
from shared.plan.names import link_name
from shared.settings import Settings

Item = Action | Finding | Waiting


def plan_zone_links(world: World, settings: Settings) -> Iterator[Item]:
    """Yield what is to be done for the zones in scope."""
    for observed in sorted(world.clusters, key=lambda item: item.cluster.id):
        if observed.zone is not None:
            yield from _zone_of_cluster(observed, observed.zone, world, settings)
            yield from _fullness(observed.zone)
    for zone in world.stray_zones:
        yield from _stray_zone(zone, world, settings)
        yield from _fullness(zone)
    for zone in world.retired_zones:
        yield from _retired_zone(zone, world, settings)


def _fullness(zone: Zone) -> Iterator[Item]:
    near = links_of_zone(zone.id, len(zone.links))
    if near:
        yield near


def _stray_zone(zone: Zone, world: World, settings: Settings) -> Iterator[Item]:
    """A zone that no known cluster uses: linked when it is trusted and a cluster has put its record there.

    An empty one is not linked: so it is left when its last cluster goes, and our own deletions of its links, which
    lead here as events, must not bring them back.
    """
    if zone.id in settings.trusted_zone_ids:
        yield from _links(zone, None, world) if zone.records else ()
    elif zone.name.endswith(AKS_ZONE_SUFFIXES):
        yield _not_aks(zone)


def _zone_of_cluster(observed: ObservedCluster, zone: Zone, world: World, settings: Settings) -> Iterator[Item]:
    cluster = observed.cluster
    if cluster.zone_id is None and cluster.private_fqdn is None and not cluster.running:
        # While a cluster is stopped AKS does not tell its private FQDN, so nothing says that this zone is its own.
        # What links there are stay; the start of the cluster leads here again.
        return
    refusal = zone_refusal(cluster, zone, settings, registered=observed.registered is not None)
    if refusal:
        yield refusal
    elif cluster.node_group_locked and cluster.zone_id is None:
        yield _locked(cluster, zone, [target for target in world.hub.link_targets if not zone.link_to(target)])
    else:
        yield from _links(zone, cluster, world)


def zone_refusal(cluster: Cluster, zone: Zone, settings: Settings, *, registered: bool = False) -> Finding | None:
    """Why a zone may not be linked for a cluster; None when it may. `registered`: the cluster has a rule already.

    Anybody with rights in a spoke can create a zone called like an AKS zone. Ours to link are only the zone in the
    node resource group of a cluster that really exists and names it, and the zones the settings trust.
    """
    if not settings.allows_subscription(cluster.id.subscription_id):
        return not_allowed(cluster, registered=registered)
    if cluster.zone_id is not None:
        if zone.id in settings.trusted_zone_ids:
            return None
        return Finding(
            code=Code.ZONE_NOT_TRUSTED,
            severity=Severity.ERROR,
            resource=zone.id,
            cluster=cluster.id,
            message=f"{cluster.id.name} uses this bring-your-own zone, which TRUSTED_ZONE_IDS does not name.",
            fix="Add the zone's resource id to TRUSTED_ZONE_IDS if it is yours.",
        )
    named = cluster.private_fqdn is not None and cluster.private_fqdn.lower().endswith("." + zone.name)
    if zone.id.group == cluster.node_group and named:
        return None
    return _not_aks(zone, cluster)


def not_allowed(cluster: Cluster, *, registered: bool = False) -> Finding:
    """The finding for a cluster in a subscription that is not looked after; `registered`: it was, and has a rule."""
    stays = "its rule stays as it is until the cluster is deleted"
    what = stays if registered else "nothing is linked or opened for it"
    return Finding(
        code=Code.SUBSCRIPTION_NOT_ALLOWED,
        severity=Severity.WARNING,
        resource=cluster.id,
        cluster=cluster.id,
        message=f"The cluster's subscription is not looked after; {what}.",
        fix="Add the subscription to SPOKE_SUBSCRIPTION_IDS if the cluster is yours.",
    )


def _not_aks(zone: Zone, cluster: Cluster | None = None) -> Finding:
    why = f"{cluster.id.name} does not name it in its private FQDN" if cluster else "no managed cluster owns it"
    return Finding(
        code=Code.ZONE_NOT_AKS,
        severity=Severity.WARNING,
        resource=zone.id,
        cluster=cluster.id if cluster else None,
        message=f"The zone is called like an AKS zone, but {why}; it is not linked.",
        fix="Delete it, or add it to TRUSTED_ZONE_IDS if it is a bring-your-own zone of yours.",
    )


def _links(zone: Zone, cluster: Cluster | None, world: World) -> Iterator[Item]:
    for target in world.hub.link_targets:
        link = zone.link_to(target)
        if link is None:
            yield from _missing(zone, target, cluster)
        elif not link.healthy:
            yield from _unhealthy(link, cluster)
        elif link.ours and link.registers:
            yield _registering(link, cluster)


def _missing(zone: Zone, target: ResourceId, cluster: Cluster | None) -> Iterator[Item]:
    if cluster and cluster.provisioning_state.lower() != "succeeded" and target in cluster.vnets:
        # AKS links the cluster's own VNet itself, also when a failed creation is repeated, and fails if somebody
        # else has linked it first.
        message = f"AKS has not linked {zone.name} to the cluster's own VNet {target.name} yet."
        yield Waiting(resource=cluster.id, message=message)
        return
    resource = zone.id.child("virtualNetworkLinks", link_name(target))
    after = {"virtualNetwork": str(target), "registrationEnabled": False}
    yield Action(
        kind=ActionKind.PUT_LINK,
        resource=resource,
        before=None,
        after=after,
        reason=f"{zone.name} is not linked to {target.name}",
        cluster=cluster.id if cluster else None,
    )


def _registering(link: Link, cluster: Cluster | None) -> Action:
    """Somebody switched auto-registration on: every machine of the VNet would write into AKS's zone."""
    before = {"virtualNetwork": str(link.vnet), "registrationEnabled": True}
    return Action(
        kind=ActionKind.PUT_LINK,
        resource=link.id,
        before=before,
        after={**before, "registrationEnabled": False},
        reason=f"the link to {link.vnet.name} registers the VNet's machines in the zone",
        cluster=cluster.id if cluster else None,
    )


def _unhealthy(link: Link, cluster: Cluster | None) -> Iterator[Item]:
    cluster_id = cluster.id if cluster else None
    if not link.broken:
        yield Waiting(resource=link.id, message=f"The link is {link.provisioning_state}, {link.link_state}.")
    elif link.ours:
        yield Action(
            kind=ActionKind.PUT_LINK,
            resource=link.id,
            before={"virtualNetwork": str(link.vnet), "provisioningState": link.provisioning_state},
            after={"virtualNetwork": str(link.vnet), "registrationEnabled": False},
            reason=f"the link to {link.vnet.name} is {link.provisioning_state}",
            cluster=cluster_id,
        )
    else:
        yield Finding(
            code=Code.LINK_FOREIGN_BROKEN,
            severity=Severity.ERROR,
            resource=link.id,
            cluster=cluster_id,
            message=f"A link that is not ours to {link.vnet.name} is {link.provisioning_state}.",
            fix="Delete it, or repeat its last write; then a working link follows by itself.",
        )


def _locked(cluster: Cluster, zone: Zone, missing: list[ResourceId]) -> Finding:
    names = ", ".join(vnet.name for vnet in missing) or "nothing at the moment"
    return Finding(
        code=Code.NODE_GROUP_LOCKED,
        severity=Severity.ERROR if missing else Severity.INFO,
        resource=zone.id,
        cluster=cluster.id,
        message=f"The node resource group is locked down, so its zone cannot be linked; missing: {names}.",
        fix="Use a bring-your-own private DNS zone and name it in TRUSTED_ZONE_IDS.",
    )


def _retired_zone(zone: Zone, world: World, settings: Settings) -> Iterator[Item]:
    """Our links in a bring-your-own zone go when the last cluster has left it, never before."""
    retired = {row.cluster for row in world.retired}
    in_use = any(row.zone == zone.id for row in world.all_registered if row.cluster not in retired)
    if in_use or zone.records or zone.id not in settings.trusted_zone_ids:
        return
    for link in zone.links:
        if link.ours:
            yield Action(
                kind=ActionKind.DELETE_LINK,
                resource=link.id,
                before={"virtualNetwork": str(link.vnet)},
                after=None,
                reason="no cluster uses the zone any more",
            )
