"""Finding things through Azure Resource Graph: a handful of queries for a whole fleet.

Resource Graph lags behind Resource Manager without a stated bound, so what it says only tells *where to look*: a plan
is always made from Resource Manager's own answers about that place.

Limits: 15 queries in 5 seconds for each user, pages of 1,000 rows, up to 300 subscriptions a query
(https://learn.microsoft.com/azure/governance/resource-graph/concepts/guidance-for-throttled-requests).
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any, Generic, TypeVar

from shared.azure_clients import AzureClients
from shared.azure_errors import azure_errors
from shared.clock import Clock
from shared.errors import InvalidResourceId, PermanentError, ResourceGone
from shared.model import azure_types
from shared.model.resource_id import ResourceId
from shared.model.rights import RoleAssignment
from shared.model.security_groups import SecurityGroup
from shared.model.world import Cluster, Endpoint, Link, RouteTable, VirtualNetwork
from shared.observe import parse
from shared.observe.rights import role_assignment
from shared.observe.security_groups import security_group
from shared.retry import try_again
from shared.settings import ALL_SUBSCRIPTIONS
from shared.telling import tell

log = logging.getLogger(__name__)
T = TypeVar("T")
Row = dict[str, Any]
Page = tuple[Any, Mapping[str, str]]

PAGE_ROWS = 1000
SUBSCRIPTIONS_PER_QUERY = 300
MOST_ROWS = {azure_types.ROLE_ASSIGNMENT: 20_000}
"""Where a search stops: every subscription can have 4,000 role assignments, of which a few are of interest here."""
TIME_BOX_SECONDS = 120.0
COLUMNS = ("id", "name", "type", "location", "resourceGroup", "subscriptionId", "identity", "tags", "properties")
_TABLE_OF = {
    azure_types.PRIVATE_DNS_A_RECORD: "dnsresources",
    azure_types.ROLE_ASSIGNMENT: "authorizationresources",
    azure_types.RULE_COLLECTION_GROUP: "networkresources",
}
_DURATION = re.compile(r"(\d+):(\d{1,2}):(\d{1,2})")
_SERVICE = ResourceId("tenant", "resource-graph", "Microsoft.ResourceGraph", ("resources",), ("query",))
"""What errors of a query name: it has no id of its own."""


@dataclass(frozen=True, kw_only=True)
class Found(Generic[T]):
    """What a search found, in id order. `gaps` says in words what it may have missed; empty when nothing."""

    items: tuple[T, ...] = ()
    gaps: tuple[str, ...] = ()


def query_for(resource_type: str) -> str:
    """The one shape of our queries: a type and the standard columns, in id order; no logic in there."""
    table = _TABLE_OF.get(resource_type, "resources")
    return f"{table} | where type =~ '{resource_type.lower()}' | project {', '.join(COLUMNS)} | order by id asc"


class ResourceGraph:
    """Searches by resource type. Costs one query for each type, 300 subscriptions and 1,000 rows."""

    def __init__(self, clients: AzureClients, clock: Clock) -> None:
        self._clients = clients
        self._clock = clock
        self.queries = 0
        """How many queries were sent so far, pages counted one by one."""

    async def clusters(self, subscriptions: Iterable[str]) -> Found[Cluster]:
        """Managed clusters with a private API server: by private endpoint or by VNet integration."""
        found = await self._search(azure_types.MANAGED_CLUSTER, subscriptions, parse.cluster)
        private = tuple(item for item in found.items if item.private or item.vnet_integration)
        return Found(items=private, gaps=found.gaps)

    async def virtual_networks(self, subscriptions: Iterable[str]) -> Found[VirtualNetwork]:
        """VNets with their subnets and peerings."""
        return await self._search(azure_types.VIRTUAL_NETWORK, subscriptions, parse.virtual_network)

    async def route_tables(self, subscriptions: Iterable[str]) -> Found[RouteTable]:
        """Route tables with their routes."""
        return await self._search(azure_types.ROUTE_TABLE, subscriptions, parse.route_table)

    async def zones(self, subscriptions: Iterable[str]) -> Found[ResourceId]:
        """The ids of private DNS zones, AKS's and others."""
        return await self._search(
            azure_types.PRIVATE_DNS_ZONE, subscriptions, lambda row: ResourceId.parse(row.get("id"))
        )

    async def links(self, subscriptions: Iterable[str]) -> Found[Link]:
        """Virtual network links; their zone is the parent of their id."""
        return await self._search(azure_types.PRIVATE_DNS_LINK, subscriptions, parse.link)

    async def a_records(self, subscriptions: Iterable[str]) -> Found[tuple[ResourceId, tuple[IPv4Address, ...]]]:
        """A record sets with their addresses; those whose addresses cannot be read are left out."""

        def read(row: Row) -> tuple[ResourceId, tuple[IPv4Address, ...]] | None:
            addresses = parse.addresses(row)
            return (ResourceId.parse(row.get("id")), addresses) if addresses else None

        return await self._search(azure_types.PRIVATE_DNS_A_RECORD, subscriptions, read)

    async def security_groups(self, subscriptions: Iterable[str]) -> Found[SecurityGroup]:
        """Network security groups with the rules that people wrote."""
        return await self._search(azure_types.SECURITY_GROUP, subscriptions, security_group)

    async def role_assignments(self, subscriptions: Iterable[str]) -> Found[RoleAssignment]:
        """Who was given which role where, at, below and above the subscriptions."""
        return await self._search(azure_types.ROLE_ASSIGNMENT, subscriptions, role_assignment)

    async def api_server_endpoints(self, subscriptions: Iterable[str]) -> Found[Endpoint]:
        """The private endpoints and internal load balancers of API servers, with address and subnet."""
        wanted = tuple(subscriptions)
        interfaces = await self._search(azure_types.NETWORK_INTERFACE, wanted, _with_private_address)
        balancers = await self._search(azure_types.LOAD_BALANCER, wanted, _balancer)
        endpoints = await self._search(azure_types.PRIVATE_ENDPOINT, wanted, _with_interface)
        address_of = dict(interfaces.items)
        found = [
            Endpoint(id=endpoint, address=address_of[interface], subnet=subnet)
            for endpoint, interface, subnet in endpoints.items
            if interface in address_of
        ]
        named = tuple(
            item for item in (*found, *balancers.items) if item.id.name.lower() == azure_types.API_SERVER_NAME
        )
        return Found(items=named, gaps=(*interfaces.gaps, *balancers.gaps, *endpoints.gaps))

    async def _search(
        self, resource_type: str, subscriptions: Iterable[str], read: Callable[[Row], T | None]
    ) -> Found[T]:
        """Search all batches of subscriptions; what cannot be searched or read becomes a gap, not an error."""
        gaps: dict[str, None] = {}
        items: list[T] = []
        for batch in batches(subscriptions):
            try:
                rows = await self._rows(resource_type, batch, gaps)
            except (PermanentError, ResourceGone) as error:
                gaps[f"{len(batch or ())} subscriptions could not be searched: {error.message}"] = None
                continue
            items += _read_rows(rows, read, gaps)
        if gaps:
            tell(log, "search may be incomplete", level=logging.WARNING, type=resource_type, gaps=list(gaps))
        return Found(items=tuple(items), gaps=tuple(gaps))

    async def _rows(self, resource_type: str, batch: tuple[str, ...] | None, gaps: dict[str, None]) -> list[Row]:
        rows: list[Row] = []
        token: str | None = None
        while True:
            answer, headers = await self._page(resource_type, batch, token)
            rows += [row for row in answer.data or [] if isinstance(row, dict)]
            token = answer.skip_token
            if str(headers.get("x-ms-tenant-subscription-limit-hit", "")).lower() == "true":
                gaps["the tenant has more subscriptions than one query covers"] = None
            if not token:
                if str(getattr(answer.result_truncated, "value", answer.result_truncated)).lower() == "true":
                    gaps["an answer was cut short without a way to go on"] = None
                return rows
            if len(rows) >= MOST_ROWS.get(resource_type, sys.maxsize):
                gaps[f"only the first {len(rows)} rows of {resource_type} were read"] = None
                return rows

    async def _page(self, resource_type: str, subscriptions: tuple[str, ...] | None, token: str | None) -> Page:
        options: dict[str, Any] = {"$top": PAGE_ROWS, "resultFormat": "objectArray"}
        if token:
            options["$skipToken"] = token
        if resource_type == azure_types.ROLE_ASSIGNMENT:
            # Rights of a management group hold in its subscriptions, too.
            options["authorizationScopeFilter"] = "AtScopeAboveAndBelow"
        request: dict[str, Any] = {"query": query_for(resource_type), "options": options}
        if subscriptions is None:
            options["allowPartialScopes"] = True
        else:
            request["subscriptions"] = list(subscriptions)
        body: Any = json.dumps(request).encode()

        async def ask() -> Page:
            self.queries += 1
            client = self._clients.resource_graph()
            with azure_errors(_SERVICE):
                page: Any = await client.resources(body, cls=_with_headers)
            return page[0], page[1]

        answer, headers = await try_again(ask, clock=self._clock, seconds=TIME_BOX_SECONDS)
        await self._respect_quota(headers)
        return answer, headers

    async def _respect_quota(self, headers: Mapping[str, str]) -> None:
        """Wait when the last query of the window is spent: a refused one would count against the next window."""
        seconds = quota_wait(headers)
        if seconds:
            # The header is real time already; the clock's sleep would scale it.
            await self._clock.sleep(seconds / self._clock.scaled(1.0))


def quota_wait(headers: Mapping[str, str]) -> float:
    """Seconds until the quota of queries is renewed, when the last answer spent the last of it; else 0."""
    remaining = str(headers.get("x-ms-user-quota-remaining", ""))
    duration = _DURATION.match(str(headers.get("x-ms-user-quota-resets-after", "")))
    if not remaining.isdigit() or int(remaining) > 0 or duration is None:
        return 0.0
    hours, minutes, seconds = (int(part) for part in duration.groups())
    return float(hours * 3600 + minutes * 60 + seconds)


def batches(subscriptions: Iterable[str]) -> Iterator[tuple[str, ...] | None]:
    """Subscriptions in sorted batches that one query takes; None, the whole tenant, for `*`."""
    wanted = sorted({subscription.lower() for subscription in subscriptions})
    if ALL_SUBSCRIPTIONS in wanted:
        yield None
        return
    for start in range(0, len(wanted), SUBSCRIPTIONS_PER_QUERY):
        yield tuple(wanted[start : start + SUBSCRIPTIONS_PER_QUERY])


def _with_private_address(row: Row) -> tuple[ResourceId, IPv4Address] | None:
    address = parse.private_address(row)
    return (ResourceId.parse(row.get("id")), address) if address else None


def _balancer(row: Row) -> Endpoint | None:
    address = parse.private_address(row)
    if address is None:
        return None
    return Endpoint(id=ResourceId.parse(row.get("id")), address=address, subnet=parse.frontend_subnet(row))


def _with_interface(row: Row) -> tuple[ResourceId, ResourceId, ResourceId | None] | None:
    interfaces = parse.properties(row).get("networkInterfaces") or []
    interface = parse.reference(interfaces[0]) if interfaces else None
    return (ResourceId.parse(row.get("id")), interface, parse.frontend_subnet(row)) if interface else None


def _with_headers(response: Any, body: Any, _: Any) -> Page:
    return body, response.http_response.headers


def _read_rows(rows: list[Row], read: Callable[[Row], T | None], gaps: dict[str, None]) -> Iterator[T]:
    for row in rows:
        try:
            item = read(row)
        except (AttributeError, InvalidResourceId, KeyError, TypeError, ValueError) as error:
            gaps[f"a row could not be read ({type(error).__name__}): {str(row.get('id'))[:200]}"] = None
            continue
        if item is not None:
            yield item
