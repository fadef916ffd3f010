"""Rule: what must hold between the hub, the spokes and the monitoring VNets. Not ours to write, so only told.

Peerings belong to the network team. Forwarded traffic, access and sync state:
https://learn.microsoft.com/azure/virtual-network/virtual-network-manage-peering.
"""

from __future__ import annotations

from collections.abc import Iterator

from shared.model.resource_id import ResourceId
from shared.model.world import Cluster, Peering, VirtualNetwork, World
from shared.plan.finding import Code, Finding, Severity
from shared.settings import Settings

IN_SYNC = "fullyinsync"


def plan_networks(world: World, settings: Settings) -> Iterator[Finding]:
    """Yield findings about peerings with the hub, and clusters that no monitoring VNet has a path to."""
    homes = {vnet for cluster in world.known_clusters for vnet in cluster.vnets}
    for vnet in sorted(world.vnets.values(), key=lambda vnet: vnet.id):
        ours = settings.allows_subscription(vnet.id.subscription_id) and vnet.id in homes
        if vnet.id != world.hub.vnet.id and (ours or world.hub.is_monitoring(vnet.id)):
            yield from _peering(vnet, world)
    for observed in sorted(world.clusters, key=lambda item: item.cluster.id):
        yield from _monitoring_path(observed.cluster, world, settings)


def _peering(vnet: VirtualNetwork, world: World) -> Iterator[Finding]:
    there, back = world.hub.vnet.peering_to(vnet.id), vnet.peering_to(world.hub.vnet.id)
    if there is None or back is None or not (there.connected and back.connected):
        return  # VNET_NOT_PEERED, which the rules that need the peering tell
    for owner, peering in ((vnet, back), (world.hub.vnet, there)):
        if peering.sync_level and peering.sync_level.lower() != IN_SYNC:
            yield _out_of_sync(vnet, owner, peering)
    if not back.allows_forwarded_traffic:
        yield _no_forwarded_traffic(vnet, back)


def _out_of_sync(vnet: VirtualNetwork, owner: VirtualNetwork, peering: Peering) -> Finding:
    name = f"{owner.id.name}/{peering.name}"
    return Finding(
        code=Code.PEERING_OUT_OF_SYNC,
        severity=Severity.WARNING,
        resource=vnet.id,
        message=f"The peering {name} is {peering.sync_level}, expected FullyInSync: newer prefixes are not routed.",
        fix=f"`az network vnet peering sync --ids {owner.id}/virtualNetworkPeerings/{peering.name}`",
    )


def _no_forwarded_traffic(vnet: VirtualNetwork, peering: Peering) -> Finding:
    return Finding(
        code=Code.PEERING_NO_FORWARDED_TRAFFIC,
        severity=Severity.WARNING,
        resource=vnet.id,
        message=(
            f"The peering {vnet.id.name}/{peering.name} has allowForwardedTraffic false, expected true: what the "
            "firewall forwards from other spokes may not be taken."
        ),
        fix=(
            f"`az network vnet peering update --ids {vnet.id}/virtualNetworkPeerings/{peering.name} "
            "--set allowForwardedTraffic=true`"
        ),
    )


def _monitoring_path(cluster: Cluster, world: World, settings: Settings) -> Iterator[Finding]:
    if not settings.allows_subscription(cluster.id.subscription_id) or not cluster.vnets:
        return
    if any(_leads_to(monitoring, cluster, world) for monitoring in world.hub.monitoring):
        return
    names = ", ".join(vnet.id.name for vnet in world.hub.monitoring)
    yield Finding(
        code=Code.MONITORING_PATH_MISSING,
        severity=Severity.ERROR,
        resource=cluster.id,
        cluster=cluster.id,
        message=f"No monitoring VNet ({names}) has connected peerings with the hub or with the cluster's VNet.",
        fix="Create or repair the peerings between the monitoring VNet and the hub, in both directions.",
    )


def _leads_to(monitoring: VirtualNetwork, cluster: Cluster, world: World) -> bool:
    """Whether a monitoring VNet is the hub or the cluster's own, or peered with one of them."""
    if monitoring.id == world.hub.vnet.id or monitoring.id in cluster.vnets:
        return True
    if _connected(monitoring, world.hub.vnet):
        return True
    homes = (world.vnets[vnet] for vnet in cluster.vnets if vnet in world.vnets)
    return any(_connected(monitoring, home) for home in homes)


def _connected(one: VirtualNetwork, other: VirtualNetwork) -> bool:
    there, back = one.peering_to(other.id), other.peering_to(one.id)
    return there is not None and back is not None and there.connected and back.connected


def side_in_words(owner: VirtualNetwork, remote: ResourceId) -> str:
    """One side of a peering and what is wrong with it; empty when nothing is."""
    peering = owner.peering_to(remote)
    if peering is None:
        return f"{owner.id.name} → {remote.name} is missing"
    if not peering.allows_access:
        return f"{owner.id.name} → {remote.name} has allowVirtualNetworkAccess false"
    return "" if peering.connected else f"{owner.id.name} → {remote.name} is {peering.state}, expected Connected"
