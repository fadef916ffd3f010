"""Rules of route tables and routes."""

from __future__ import annotations

import ipaddress
from typing import Any

from local.azure.azure import Azure
from local.azure.errors import invalid
from local.azure.http import ArmRequest
from local.azure.network import checks, writes
from local.azure.operations import Operation
from local.azure.store import Resource

TABLE = "Microsoft.Network/routeTables"
ROUTE = "Microsoft.Network/routeTables/routes"
MAX_ROUTES = 400
HOPS = ("VirtualNetworkGateway", "VnetLocal", "Internet", "VirtualAppliance", "VirtualApplianceEcmp", "None")
KINDS: checks.Kinds = {"routes": list, "disableBgpRoutePropagation": bool, "disablePeeringRoute": str}
ROUTE_KINDS: checks.Kinds = {"addressPrefix": str, "nextHopType": str, "nextHopIpAddress": str, "nextHop": dict}
READ_ONLY = ("provisioningState", "resourceGuid", "subnets")
ROUTE_READ_ONLY = ("provisioningState", "hasBgpOverride")
FIREWALL_SUBNET = "azurefirewallsubnet"
GATEWAY_SUBNET = "gatewaysubnet"


def routes_of(table: Resource) -> dict[str, Resource]:
    """The table's routes by lower-cased name, in the order of their creation."""
    found: dict[str, Resource] = table.hidden.setdefault("routes", {})
    return found


def put_table(azure: Azure, request: ArmRequest) -> tuple[Resource, Operation, bool]:
    """Create or replace a route table with its routes; an identical PUT succeeds at once (recorded)."""
    table_id = request.path.rstrip("/")
    existing = azure.store.get(table_id)
    body = checks.body_of(request)
    checks.check_name(table_id.rsplit("/", 1)[-1])
    checks.check_location(body, existing)
    checks.check_etag(request, table_id, existing)
    checks.expect(body["properties"], KINDS, "properties")
    inline = body["properties"].get("routes", [])
    checks.expect_items(inline, "properties.routes")
    wanted = {item["name"]: clean_route(item) for item in inline}
    check_routes(wanted)
    if existing:
        _refuse_busy(azure, existing)
        _check_attached(azure, existing, wanted)
    table = existing or azure.store.put(Resource(id=table_id, type=TABLE, body={"location": body["location"]}))
    properties = checks.without(body["properties"], (*READ_ONLY, "routes"))
    properties.setdefault("disableBgpRoutePropagation", False)
    same = existing is not None and _same(existing, body, properties, wanted)
    _store(azure, table, body, properties, wanted, state="Succeeded" if same else "Updating")
    return table, _begin(azure, table, "PutRouteTableOperation", request, same=same), existing is None


def _same(table: Resource, body: dict[str, Any], properties: dict[str, Any], wanted: dict[str, dict[str, Any]]) -> bool:
    kept = checks.without(table.properties, ("provisioningState", "resourceGuid"))
    routes = {name: checks.without(item.properties, ("provisioningState",)) for name, item in routes_of(table).items()}
    return (
        table.properties["provisioningState"] == "Succeeded"
        and kept == properties
        and routes == {name.lower(): item for name, item in wanted.items()}
        and table.body.get("tags", {}) == body.get("tags", {})
    )


def _store(
    azure: Azure,
    table: Resource,
    body: dict[str, Any],
    properties: dict[str, Any],
    wanted: dict[str, dict[str, Any]],
    *,
    state: str,
) -> None:
    table.body["tags"] = body.get("tags", {})
    table.body["properties"] = {
        "provisioningState": state,
        "resourceGuid": writes.guid(table.id),
        **properties,
    }
    if state == "Succeeded":
        return
    table.touch()
    kept = routes_of(table)
    names = {name.lower() for name in wanted}
    for name in [name for name in kept if name not in names]:
        azure.store.remove(kept.pop(name).id)
    for name, route in wanted.items():
        store_route(azure, table, name, route)


def store_route(azure: Azure, table: Resource, name: str, properties: dict[str, Any]) -> Resource:
    """Keep a route as Updating."""
    route = azure.store.get(f"{table.id}/routes/{name}")
    if route is None:
        route = azure.store.put(Resource(id=f"{table.id}/routes/{name}", type=ROUTE, body={}))
        routes_of(table)[name.lower()] = route
    route.body["properties"] = {**properties, "provisioningState": "Updating"}
    route.touch()
    return route


def clean_route(body: dict[str, Any]) -> dict[str, Any]:
    """A route's properties as they are kept, checked one by one."""
    properties = checks.without(body.get("properties", {}), ROUTE_READ_ONLY)
    checks.expect(properties, ROUTE_KINDS, "properties")
    prefix, hop = properties.get("addressPrefix"), properties.get("nextHopType")
    if not prefix or not hop:
        missing = "addressPrefix" if not prefix else "nextHopType"
        raise checks.unreadable(f"Required property '{missing}' not found in JSON. Path 'properties'.")
    if hop not in HOPS:
        raise checks.unreadable(f"Error converting value '{hop}' to type 'NextHopType'. Path 'properties.nextHopType'.")
    if prefix[0].isdigit() or ":" in prefix:
        checks.network(prefix, "InvalidAddressPrefixFormat", f"Address prefix {prefix} of the route is not valid.")
    _check_hop(hop, properties)
    return properties


def _check_hop(hop: str, properties: dict[str, Any]) -> None:
    # The words are Azure's (hubnetworking#48); the code of this refusal is not confirmed.
    address = properties.get("nextHopIpAddress")
    if hop == "VirtualAppliance":
        if not address:
            message = "NextHopIpAddress cannot be Null or Empty in route when NextHopType is VirtualAppliance"
            raise invalid("NextHopIpAddressRequired", message)
        try:
            ipaddress.ip_address(address)
        except ValueError as error:
            raise invalid("InvalidIPAddressFormat", f"Next hop IP address {address} is not valid.") from error
    elif address:
        message = f"NextHopIpAddress must be empty in route when NextHopType is {hop}"
        raise invalid("NextHopIpAddressNotAllowed", message)
    if hop == "VirtualApplianceEcmp" and "nextHop" not in properties:
        raise checks.unreadable("Required property 'nextHop' not found in JSON. Path 'properties'.")


def check_routes(wanted: dict[str, dict[str, Any]]) -> None:
    """Raise 400 for too many routes and for two of the same prefix (RouteConflict)."""
    if len(wanted) > MAX_ROUTES:
        message = f"The number of routes {len(wanted)} exceeds the maximum of {MAX_ROUTES} in a route table."
        raise invalid("RouteCountLimitReached", message)
    seen: dict[str, str] = {}
    for name, route in wanted.items():
        first = seen.setdefault(route["addressPrefix"].lower(), name)
        if first != name:
            message = f"Route: {name} conflicts with Route: {first}. Routes cannot have the same AddressPrefix."
            raise invalid("RouteConflict", message)


def put_route(azure: Azure, request: ArmRequest) -> tuple[Resource, Operation, bool]:
    """Create or replace one route."""
    table = find_table(azure, request.path.rstrip("/").rsplit("/", 2)[0])
    name = request.params["route"]
    checks.check_name(name)
    properties = clean_route(checks.body_of(request))
    _refuse_busy(azure, table)
    after = {item.name: item.properties for item in routes_of(table).values() if item.name.lower() != name.lower()}
    after[name] = properties
    check_routes(after)
    _check_attached(azure, table, after)
    existing = routes_of(table).get(name.lower())
    same = existing is not None and existing.properties == {**properties, "provisioningState": "Succeeded"}
    route = existing if existing and same else store_route(azure, table, name, properties)
    if not same:
        writes.settle(table, "Updating")
    return route, _begin(azure, table, "PutRouteOperation", request, same=same), existing is None


def delete_route(azure: Azure, route: Resource, request: ArmRequest) -> Operation:
    """Start deleting one route."""
    table = find_table(azure, route.id.rsplit("/", 2)[0])
    _refuse_busy(azure, table)
    after = {item.name: item.properties for item in routes_of(table).values() if item is not route}
    _check_attached(azure, table, after)
    writes.settle(route, "Deleting")
    writes.settle(table, "Updating")

    def finish() -> None:
        routes_of(table).pop(route.name.lower(), None)
        azure.store.remove(route.id)

    return _begin(azure, table, "DeleteRouteOperation", request, same=False, finish=finish)


def delete_table(azure: Azure, table: Resource, request: ArmRequest) -> Operation:
    """Start deleting a table; refused while a subnet has it."""
    _refuse_busy(azure, table)
    if attached(azure, table):
        message = f"Route table {table.name} is in use and cannot be deleted."
        raise invalid("InUseRouteTableCannotBeDeleted", message)
    operation = writes.begin_delete(
        azure,
        table,
        "DeleteRouteTableOperation",
        azure.latencies.route_table,
        location=table.body["location"],
        api_version=request.api_version,
    )
    table.hidden["operation"] = operation
    return operation


def find_table(azure: Azure, table_id: str) -> Resource:
    """The table, or 404 as for writing below it."""
    found = azure.store.get(table_id)
    if found is None:
        raise writes.parent_not_found("routeTables/routes", table_id)
    return found


def remember_subnet(azure: Azure, table_id: str, subnet_id: str) -> None:
    """Note that a subnet refers to the table; whether it still does is looked up when asked."""
    table = azure.store.get(table_id)
    if table:
        table.hidden.setdefault("subnets", {})[subnet_id.lower()] = subnet_id


def attached(azure: Azure, table: Resource) -> list[Resource]:
    """The subnets that have the table now."""
    subnets = [azure.store.get(key) for key in table.hidden.get("subnets", {})]
    return [
        subnet
        for subnet in subnets
        if subnet and subnet.properties.get("routeTable", {}).get("id", "").lower() == table.key
    ]


def check_special_subnet(table: Resource, subnet_name: str, after: dict[str, dict[str, Any]] | None = None) -> None:
    """Raise 400 for a table that a firewall or gateway subnet may not have.

    The firewall needs its own way to the Internet, so its table must send 0/0 there; a gateway subnet must not have
    a 0/0 route (documented; the code for it is not confirmed).
    """
    routes = after if after is not None else {item.name: item.properties for item in routes_of(table).values()}
    default = [route["nextHopType"] for route in routes.values() if route["addressPrefix"] == "0.0.0.0/0"]
    if subnet_name.lower() == FIREWALL_SUBNET and default != ["Internet"]:
        message = (
            f"Route Table {table.name} on firewall subnet {subnet_name} must have 0.0.0.0/0 route with next hop "
            "Internet."
        )
        raise invalid("AzureFirewallSubnetRouteTableMustHaveDefaultRouteToInternet", message)
    if subnet_name.lower() == GATEWAY_SUBNET and default:
        message = f"Route Table {table.name} on gateway subnet {subnet_name} cannot have a 0.0.0.0/0 route."
        raise invalid("GatewaySubnetRouteTableCannotHaveDefaultRoute", message)


def _check_attached(azure: Azure, table: Resource, after: dict[str, dict[str, Any]]) -> None:
    for subnet in attached(azure, table):
        check_special_subnet(table, subnet.name, after)


def _refuse_busy(azure: Azure, table: Resource) -> None:
    running: Operation | None = table.hidden.get("operation")
    if running and not running.over:
        raise writes.in_progress(azure, running)


def _begin(
    azure: Azure, table: Resource, name: str, request: ArmRequest, *, same: bool, finish: Any = None
) -> Operation:
    def settle() -> None:
        if finish:
            finish()
        for route in routes_of(table).values():
            route.properties["provisioningState"] = "Succeeded"

    def fail(_error: Any) -> None:
        for route in routes_of(table).values():
            if route.properties["provisioningState"] != "Succeeded":
                route.properties["provisioningState"] = "Failed"

    operation = writes.begin(
        azure,
        table,
        name,
        0.0 if same else azure.latencies.route_table,
        location=table.body["location"],
        api_version=request.api_version,
        finish=settle,
        fail=fail,
    )
    if not same:
        table.hidden["operation"] = operation
    return operation
