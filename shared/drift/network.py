"""The network of the fleet as JSON data: what the report page draws, and every cluster with its verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from shared.drift.verdicts import ClusterVerdict
from shared.model.resource_id import ResourceId
from shared.model.world import Hub, Link, ObservedCluster, VirtualNetwork, World
from shared.plan.names import rule_name
from shared.reachability.verdict import Answer
from shared.reachability.world import Firewall
from shared.settings import Settings

Data = dict[str, Any]


def verdict_counts(found: Iterable[ClusterVerdict]) -> dict[str, int]:
    """How many clusters have each verdict, by its name; all three are there."""
    counted = Counter(item.answer for item in found)
    return {str(answer): counted[answer] for answer in Answer}


def network_data(world: World, found: Iterable[ClusterVerdict], firewall: Firewall, settings: Settings) -> Data:
    """Hub, VNets with private clusters, and clusters; docs/drift-report.md describes every member."""
    judged = tuple(found)
    rules = _our_rules(firewall, settings)
    homes = {home for item in judged if (home := _home(item.observed))}
    spokes = sorted(homes - {world.hub.vnet.id, *(vnet.id for vnet in world.hub.monitoring)})
    vnets = [(vnet, "monitoring") for vnet in world.hub.monitoring]
    vnets += [(world.vnets[spoke], "spoke") for spoke in spokes if spoke in world.vnets]
    return {
        "hub": _hub(world.hub, firewall, len(rules), settings),
        "vnets": [_vnet(vnet, role, world.hub) for vnet, role in vnets],
        "clusters": [_cluster(item, world, rules) for item in judged],
    }


def _our_rules(firewall: Firewall, settings: Settings) -> frozenset[str]:
    """The names of the rules that are live in our rule collection group."""
    wanted = settings.firewall_rule_collection_group.lower()
    groups = firewall.policy.groups if firewall.policy else ()
    ours = (group for group in groups if group.name.lower() == wanted)
    return frozenset(rule.name for group in ours for collection in group.collections for rule in collection.rules)


def _hub(hub: Hub, firewall: Firewall, rules: int, settings: Settings) -> Data:
    return {
        "id": str(hub.vnet.id),
        "addressSpace": [str(prefix) for prefix in hub.vnet.address_space],
        "firewall": {
            "address": str(firewall.address) if firewall.address else None,
            "policy": str(firewall.policy_id),
            "group": settings.firewall_rule_collection_group,
            "state": firewall.policy_state,
            "rules": rules,
        },
    }


def _vnet(vnet: VirtualNetwork, role: str, hub: Hub) -> Data:
    return {
        "id": str(vnet.id),
        "role": role,
        "addressSpace": [str(prefix) for prefix in vnet.address_space],
        "peering": _peering(vnet, hub.vnet),
    }


def _peering(vnet: VirtualNetwork, hub: VirtualNetwork) -> str:
    """The worse side of the peering with the hub: `connected`, `missing`, or Azure's own word in lower case."""
    if vnet.id == hub.id:
        return "connected"
    sides = (vnet.peering_to(hub.id), hub.peering_to(vnet.id))
    if any(side is None for side in sides):
        return "missing"
    states = [side.state.lower() if side.allows_access else "access denied" for side in sides if side]
    return next((state for state in states if state != "connected"), "connected")


def _cluster(item: ClusterVerdict, world: World, rules: frozenset[str]) -> Data:
    observed, worst = item.observed, item.worst
    cluster, endpoint = observed.cluster, observed.endpoint
    decided = worst.decided_by if worst else None
    home = _home(observed)
    name = rule_name(cluster.id)
    return {
        "id": str(cluster.id),
        "vnet": str(home) if home else None,
        "verdict": str(item.answer),
        "code": str(decided.code) if decided else None,
        "message": decided.message if decided else "",
        "fix": decided.fix if decided else "",
        "confirmed": item.confirmed,
        "power": cluster.power_state,
        "state": cluster.provisioning_state,
        "outboundType": cluster.outbound_type,
        "host": worst.host if worst else cluster.private_fqdn,
        "address": str(endpoint.address) if endpoint else None,
        "zone": str(observed.zone.id) if observed.zone else None,
        "links": [_link(observed, vnet) for vnet in world.hub.link_targets] if observed.zone else [],
        "routes": [_route(subnet, world) for subnet in cluster.subnets],
        "rule": name if name in rules else None,
        "from": [
            {
                "subnet": str(verdict.source),
                "verdict": str(verdict.answer),
                "code": str(verdict.decided_by.code) if verdict.decided_by else None,
            }
            for verdict in item.verdicts
        ],
        "steps": [step.as_data() for step in worst.steps] if worst and item.answer is not Answer.REACHABLE else [],
    }


def _home(observed: ObservedCluster) -> ResourceId | None:
    """The VNet to draw a cluster in: that of its API server, or else the first it has nodes in."""
    if observed.endpoint and observed.endpoint.subnet:
        return observed.endpoint.subnet.parent
    return min(observed.cluster.vnets, default=None)


def _link(observed: ObservedCluster, vnet: ResourceId) -> Data:
    link = observed.zone.link_to(vnet) if observed.zone else None
    return {"vnet": str(vnet), "state": _link_state(link)}


def _link_state(link: Link | None) -> str:
    if link is None:
        return "missing"
    return "failed" if link.broken else link.link_state.lower()


def _route(subnet_id: ResourceId, world: World) -> Mapping[str, str | None]:
    vnet = world.vnet_of(subnet_id)
    subnet = vnet.subnet(subnet_id) if vnet else None
    table = world.table_of(subnet) if subnet else None
    default = table.default_route if table else None
    return {
        "subnet": str(subnet_id),
        "routeTable": str(subnet.route_table) if subnet and subnet.route_table else None,
        "nextHop": (default.next_hop_address or default.next_hop_type) if default else None,
    }
