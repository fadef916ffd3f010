"""The writes of the app, and every one of them. Each starts from a fresh read and sends a whole body.

There is no other place that changes Azure but `shared/firewall/writer.py`.
"""

from __future__ import annotations

import logging
from typing import Any

from shared.azure_clients import AzureClients
from shared.azure_errors import azure_errors
from shared.errors import NotReady, ResourceGone, TemporaryError
from shared.model.azure_types import DEFAULT_ROUTE_PREFIX
from shared.model.resource_id import ResourceId
from shared.model.world import OWNER, OWNER_TAG, is_ours
from shared.observe import parse
from shared.plan.action import Action
from shared.plan.names import DEFAULT_ROUTE_NAME
from shared.plan.next_hops import VIRTUAL_APPLIANCE

log = logging.getLogger(__name__)
Wire = dict[str, Any]


class NetworkWriter:
    """Links, route tables, routes and subnet associations. Each method answers whether it wrote anything."""

    def __init__(self, clients: AzureClients) -> None:
        self._clients = clients

    async def put_link(self, action: Action) -> bool:
        """Link a zone to a VNet. No auto-registration: a VNet can have that in one zone only.

        A link that somebody made meanwhile, under whatever name, is taken as it is; one that is being made is waited
        for with another look. A new link is sent with If-None-Match, which private DNS honours with 412: of several
        instances that saw none, one writes.
        """
        from azure.core import MatchConditions  # noqa: PLC0415  # cold start

        link = action.resource
        zone = link.parent
        vnet = (action.after or {})["virtualNetwork"]
        body: Any = {
            "location": "global",
            "tags": {OWNER_TAG: OWNER},
            "properties": {"registrationEnabled": False, "virtualNetwork": {"id": vnet}},
        }
        operations = self._clients.private_dns(link.subscription_id).virtual_network_links
        with azure_errors(link):
            live = [parse.link(item.as_dict()) async for item in operations.list(zone.resource_group, zone.name)]
            present = next((item for item in live if item and item.vnet == ResourceId.parse(vnet)), None)
            spoilt = present is not None and present.ours and present.registers
            if present and present.healthy and not spoilt:
                return False
            if present and not present.broken and not spoilt:
                raise NotReady("The link is being made.", resource=str(present.id))
            only_if: dict[str, Any] = {} if present else {"etag": "*", "match_condition": MatchConditions.IfMissing}
            poller = await operations.begin_create_or_update(zone.resource_group, zone.name, link.name, body, **only_if)
            await poller.result()
        return True

    async def delete_link(self, action: Action) -> bool:
        """Delete a link of ours; a link that lost our mark since the plan stays."""
        link = action.resource
        zone = link.parent
        operations = self._clients.private_dns(link.subscription_id).virtual_network_links
        with azure_errors(link):
            live = (await operations.get(zone.resource_group, zone.name, link.name)).as_dict()
            if not is_ours(live.get("tags") or {}):
                return False
            await (await operations.begin_delete(zone.resource_group, zone.name, link.name)).result()
        return True

    async def put_route_table(self, action: Action) -> bool:
        """Make our route table with its default route, in one write; repeat a write that failed or was undone.

        A table that exists by now and is well, or is not ours, stays as it is. Another is sent as it was read, with
        all its routes and tags, and with If-Match, which route tables honour with 412: a route that somebody adds
        meanwhile is not lost.
        """
        table, after = action.resource, action.after or {}
        operations = self._clients.network(table.subscription_id).route_tables
        body: Any = await self._live_table(table)
        headers: dict[str, str] = {}
        if body is None:
            await self._refuse_second_table(table, after["location"])
            body = {
                "location": after["location"],
                "tags": {OWNER_TAG: OWNER},
                "properties": {"routes": []},
            }
        elif not _is_ours_and_in_need(body.as_dict()):
            return False
        else:
            headers = {"If-Match": body.etag} if body.etag else {}
        # Routes that a gateway learns would otherwise lead around the firewall.
        body["properties"]["disableBgpRoutePropagation"] = True
        routes = body["properties"].get("routes") or []
        if not any(parse.properties(route).get("addressPrefix") == DEFAULT_ROUTE_PREFIX for route in routes):
            wanted = {"name": DEFAULT_ROUTE_NAME, "properties": _default_route(after["defaultNextHop"])}
            body["properties"]["routes"] = [*routes, wanted]
        with azure_errors(table):
            poller = await operations.begin_create_or_update(table.resource_group, table.name, body, headers=headers)
            await poller.result()
        return True

    async def _refuse_second_table(self, table: ResourceId, location: str) -> None:
        """One table of ours per subscription and region is enough: routes and VNets would differ by chance."""
        operations = self._clients.network(table.subscription_id).route_tables
        with azure_errors(table):
            live = [parse.route_table(item.as_dict()) async for item in operations.list_all()]
        made = [item.id for item in live if item.ours and item.location.lower() == location.lower()]
        if made:
            raise NotReady(f"The route table {made[0]} of the app was made meanwhile.", resource=str(table))

    async def _live_table(self, table: ResourceId) -> Any:
        operations = self._clients.network(table.subscription_id).route_tables
        try:
            with azure_errors(table):
                return await operations.get(table.resource_group, table.name)
        except ResourceGone:
            return None

    async def put_route(self, action: Action) -> bool:
        """Set the default route of a table, keeping what else the route says."""
        route, after = action.resource, action.after or {}
        table = route.parent
        client = self._clients.network(route.subscription_id)
        with azure_errors(route):
            live = (await client.route_tables.get(table.resource_group, table.name)).as_dict()
            routes = parse.properties(live).get("routes") or []
            same_name = [item for item in routes if str(item.get("name", "")).lower() == route.name.lower()]
            body: Wire = dict(parse.properties(same_name[0])) if same_name else {}
            wanted = {**body, **after}
            if same_name and wanted == body and not _is_failed(same_name[0]):
                return False
            self._refuse_second_default(routes, route)
            parameters: Any = {"name": route.name, "properties": wanted}
            poller = await client.routes.begin_create_or_update(
                table.resource_group, table.name, route.name, parameters
            )
            await poller.result()
        return True

    @staticmethod
    def _refuse_second_default(routes: list[Wire], route: ResourceId) -> None:
        others = [item for item in routes if str(item.get("name", "")).lower() != route.name.lower()]
        if any(parse.properties(item).get("addressPrefix") == DEFAULT_ROUTE_PREFIX for item in others):
            # Somebody added a default route since the plan was made; the next plan will see it.
            raise NotReady("The table has got another default route meanwhile.", resource=str(route.parent))

    async def attach_route_table(self, action: Action) -> bool:
        """Attach a table to a subnet that still has none, re-sending everything that was read; repeat a failed write.

        A subnet PUT replaces the whole subnet. The SDK's models carry properties they do not know, so nothing is
        lost; If-Match is sent where the service may honour it and not relied on.
        """
        subnet, table = action.resource, str((action.after or {})["routeTable"])
        vnet = subnet.parent
        operations = self._clients.network(subnet.subscription_id).subnets
        with azure_errors(subnet):
            live = await operations.get(vnet.resource_group, vnet.name, subnet.name)
            attached = parse.reference(parse.properties(live.as_dict()).get("routeTable"))
            if attached is not None:
                if attached != ResourceId.parse(table):
                    raise NotReady(f"The subnet got the route table {attached.name} meanwhile.", resource=str(subnet))
                if not _is_failed(live.as_dict()):
                    return False
            live["properties"]["routeTable"] = {"id": table}
            headers = {"If-Match": live.etag} if live.etag else {}
            poller = await operations.begin_create_or_update(
                vnet.resource_group, vnet.name, subnet.name, live, headers=headers
            )
            await poller.result()
        await self._settled(subnet)
        return True

    async def _settled(self, subnet: ResourceId) -> None:
        """Read back: another writer's PUT may have replaced ours without either noticing."""
        vnet = subnet.parent
        with azure_errors(subnet):
            operations = self._clients.network(subnet.subscription_id).subnets
            live = (await operations.get(vnet.resource_group, vnet.name, subnet.name)).as_dict()
        if not parse.properties(live).get("routeTable"):
            raise TemporaryError("The route table was taken off again by another write.", resource=str(subnet))


def _is_failed(wire: Wire) -> bool:
    return str(parse.properties(wire).get("provisioningState") or "").lower() == "failed"


def _is_ours_and_in_need(wire: Wire) -> bool:
    takes_gateway_routes = parse.properties(wire).get("disableBgpRoutePropagation") is not True
    return is_ours(wire.get("tags") or {}) and (_is_failed(wire) or takes_gateway_routes)


def _default_route(next_hop: str) -> Wire:
    return {"addressPrefix": DEFAULT_ROUTE_PREFIX, "nextHopType": VIRTUAL_APPLIANCE, "nextHopIpAddress": next_hop}
