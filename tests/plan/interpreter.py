"""What a plan does to a world, in plain Python: the world as it is once every action has been carried out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

from shared.model.resource_id import ResourceId
from shared.model.world import ApiServer, Hub, Link, Route, RouteTable, VirtualNetwork, World, Zone
from shared.plan.action import Action, ActionKind, Plan
from shared.plan.names import DEFAULT_ROUTE_NAME
from tests.builders import NOW, default_route


def carried_out(plan: Plan, world: World) -> World:
    """The world after a plan."""
    for action in plan.actions:
        world = _STEPS[action.kind](action, world)
    return world


def _in_zones(world: World, change: Callable[[Zone], Zone]) -> World:
    return replace(
        world,
        clusters=tuple(replace(item, zone=change(item.zone) if item.zone else None) for item in world.clusters),
        stray_zones=tuple(change(zone) for zone in world.stray_zones),
        retired_zones=tuple(change(zone) for zone in world.retired_zones),
    )


def _put_link(action: Action, world: World) -> World:
    assert action.after is not None
    made = Link(
        id=action.resource,
        vnet=ResourceId.parse(action.after["virtualNetwork"]),
        provisioning_state="Succeeded",
        link_state="Completed",
        ours=True,
    )

    def linked(zone: Zone) -> Zone:
        if zone.id != action.resource.parent:
            return zone
        return replace(zone, links=(*(link for link in zone.links if link.id != made.id), made))

    return _in_zones(world, linked)


def _delete_link(action: Action, world: World) -> World:
    def unlinked(zone: Zone) -> Zone:
        return replace(zone, links=tuple(link for link in zone.links if link.id != action.resource))

    return _in_zones(world, unlinked)


def _with_table(world: World, table: RouteTable) -> World:
    return replace(world, route_tables={**world.route_tables, table.id: table})


def _put_route_table(action: Action, world: World) -> World:
    assert action.after is not None
    route = default_route(next_hop_address=action.after["defaultNextHop"])
    known = world.route_tables.get(action.resource)
    if known is None:
        return _with_table(
            world,
            RouteTable(
                id=action.resource,
                location=action.after["location"],
                ours=True,
                routes=(route,),
                gateway_routes=False,
            ),
        )
    assert known.ours
    routes = known.routes if known.default_route else (*known.routes, route)
    return _with_table(world, replace(known, routes=routes, gateway_routes=False, provisioning_state="Succeeded"))


def _put_route(action: Action, world: World) -> World:
    assert action.after is not None
    table = world.route_tables[action.resource.parent]
    made = Route(
        name=action.resource.name,
        prefix=action.after["addressPrefix"],
        next_hop_type=action.after["nextHopType"],
        next_hop_address=action.after["nextHopIpAddress"],
    )
    assert made.name == DEFAULT_ROUTE_NAME or action.before is not None
    return _with_table(world, replace(table, routes=(*(r for r in table.routes if r.name != made.name), made)))


def _attach(action: Action, world: World) -> World:
    assert action.after is not None
    table = ResourceId.parse(action.after["routeTable"])
    assert table in world.route_tables, "a table is made before it is attached"

    def attached(vnet: VirtualNetwork) -> VirtualNetwork:
        subnets = (replace(s, route_table=table) if s.id == action.resource else s for s in vnet.subnets)
        return replace(vnet, subnets=tuple(subnets))

    hub: Hub = replace(
        world.hub, vnet=attached(world.hub.vnet), monitoring=tuple(attached(vnet) for vnet in world.hub.monitoring)
    )
    return replace(world, hub=hub, vnets={key: attached(vnet) for key, vnet in world.vnets.items()})


def _row(cluster: ResourceId, after: Mapping[str, Any]) -> ApiServer:
    return ApiServer(
        cluster=cluster,
        address=IPv4Address(after["address"]) if after["address"] else None,
        zone=ResourceId.parse(after["zone"]) if after["zone"] else None,
        subnets=tuple(ResourceId.parse(subnet) for subnet in after["subnets"]),
        outbound_type=after["outboundType"],
        stopped_at=NOW if after["stopped"] else None,
    )


def _register(action: Action, world: World) -> World:
    assert action.after is not None
    row = _row(action.resource, action.after)
    clusters = (replace(c, registered=row) if c.cluster.id == row.cluster else c for c in world.clusters)
    others = tuple(other for other in world.all_registered if other.cluster != row.cluster)
    return replace(world, clusters=tuple(clusters), all_registered=(*others, row))


def _forget(action: Action, world: World) -> World:
    return replace(
        world,
        retired=tuple(row for row in world.retired if row.cluster != action.resource),
        all_registered=tuple(row for row in world.all_registered if row.cluster != action.resource),
    )


_STEPS: Mapping[ActionKind, Callable[[Action, World], World]] = {
    ActionKind.PUT_LINK: _put_link,
    ActionKind.DELETE_LINK: _delete_link,
    ActionKind.PUT_ROUTE_TABLE: _put_route_table,
    ActionKind.PUT_ROUTE: _put_route,
    ActionKind.ATTACH_ROUTE_TABLE: _attach,
    ActionKind.REGISTER_API_SERVER: _register,
    ActionKind.FORGET_API_SERVER: _forget,
}
