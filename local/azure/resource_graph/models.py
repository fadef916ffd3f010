"""Rules of Resource Graph queries: request, scope, what the caller may see, pages."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from local.azure.azure import Azure
from local.azure.errors import ArmError
from local.azure.operations import decode_token, encode_token
from local.azure.rbac import Principal
from local.azure.resource_graph.journal import Journal
from local.azure.resource_graph.query import SUBSCRIPTION_TYPE, InvalidQueryError, Query, parse, table_of
from local.azure.resource_graph.rows import Row, row_of

MAX_TOP = 1000
KEPT_ANSWERS = 16
_OPTIONS = {"$top", "$skip", "$skipToken", "resultFormat", "allowPartialScopes", "authorizationScopeFilter"}


@dataclass(frozen=True, kw_only=True)
class Search:
    """A checked request. `subscriptions` None means all that the caller can see."""

    query: Query
    subscriptions: frozenset[str] | None
    start: int
    top: int
    digest: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of rows; `token` leads to the next."""

    total: int
    rows: list[Row]
    token: str | None


def bad_request(code: str, message: str) -> ArmError:
    """400 in Resource Graph's shape: a general error, the reason in its details."""
    general = (
        "Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix the error "
        "before retrying."
    )
    details = [{"code": "InvalidQuery", "message": general}, {"code": code, "message": message}]
    return ArmError(400, "BadRequest", "Please provide below info when asking for support.", details=details)


def read_request(body: Any) -> Search:
    """Check a request body.

    Raises:
        ArmError: 400 for a query or an option that is not understood.
    """
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        raise bad_request("InvalidRequest", "A query is required.")
    options = body.get("options") or {}
    unknown = set(options) - _OPTIONS
    if unknown or body.get("facets"):
        raise bad_request("InvalidRequest", f"Not simulated: {', '.join(sorted(unknown)) or 'facets'}.")
    if options.get("resultFormat", "objectArray") != "objectArray":
        raise bad_request("InvalidRequest", "The local Azure answers in resultFormat objectArray only.")
    try:
        query = parse(body["query"])
    except InvalidQueryError as error:
        raise bad_request(error.code, str(error)) from error
    digest = hashlib.sha256(body["query"].encode()).hexdigest()[:16]
    return Search(
        query=query,
        subscriptions=_scope(body),
        start=_start(options, digest),
        top=_number(options, "$top", MAX_TOP, low=1, high=MAX_TOP),
        digest=digest,
    )


def _scope(body: dict[str, Any]) -> frozenset[str] | None:
    # One management group holds the whole tenant here, so naming it is the same as naming nothing.
    if body.get("subscriptions") and body.get("managementGroups"):
        raise bad_request("InvalidRequest", "Only one of subscriptions and managementGroups can be given.")
    subscriptions = body.get("subscriptions")
    return frozenset(item.lower() for item in subscriptions) if subscriptions else None


def _start(options: dict[str, Any], digest: str) -> int:
    token = options.get("$skipToken")
    if not token:
        return _number(options, "$skip", 0, low=0, high=10**9)
    made_for, _, start = decode_token(str(token)).partition(":")
    if made_for != digest or not start.isdigit():
        raise bad_request("InvalidSkipToken", "The skip token does not belong to this query.")
    return int(start)


def _number(options: dict[str, Any], name: str, default: int, *, low: int, high: int) -> int:
    value = options.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or not low <= value <= high:
        raise bad_request("InvalidRequest", f"{name} must be a number from {low} to {high}.")
    return value


class Searcher:
    """Answers searches. What was found stays at hand, so that the pages of one answer cost one search."""

    def __init__(self, azure: Azure, journal: Journal) -> None:
        self._azure = azure
        self._journal = journal
        self._found: OrderedDict[Hashable, list[Row]] = OrderedDict()
        azure.on_reset.append(self._found.clear)

    def run(self, search: Search, principal: Principal) -> Page:
        """The page that was asked for, of what the caller may see, as the world was a little while ago."""
        rows = self._rows(search, principal)
        end = search.start + search.top
        columns = search.query.columns
        page = [{name: row[name] for name in columns if name in row} for row in rows[search.start : end]]
        token = encode_token(f"{search.digest}:{end}") if end < len(rows) else None
        return Page(total=len(rows), rows=page, token=token)

    def _rows(self, search: Search, principal: Principal) -> list[Row]:
        moment = self._journal.moment()
        types = tuple(name for name in search.query.types if table_of(name) == search.query.table)
        granted = {name: self._azure.access.scopes(principal, f"{name}/read") for name in types}
        if SUBSCRIPTION_TYPE in types:
            return self._search(search, granted, moment)
        key = (tuple(granted.items()), search.subscriptions, self._journal.version(moment))
        if key not in self._found:
            self._found[key] = self._search(search, granted, moment)
        self._found.move_to_end(key)
        while len(self._found) > KEPT_ANSWERS:
            self._found.popitem(last=False)
        return self._found[key]

    def _search(self, search: Search, granted: dict[str, frozenset[str]], moment: float) -> list[Row]:
        rows: Iterable[Row] = self._journal.rows(tuple(granted), moment)
        if SUBSCRIPTION_TYPE in granted:
            rows = [*rows, *_subscription_rows(self._azure)]
        scope = search.subscriptions
        if scope is not None:
            rows = (row for row in rows if row["subscriptionId"].lower() in scope)
        visible = (row for row in rows if not granted[row["type"]].isdisjoint(_scopes(row["id"].lower())))
        return sorted(visible, key=lambda row: str(row["id"]))


def _subscription_rows(azure: Azure) -> Iterator[Row]:
    for subscription in sorted(azure.subscriptions):
        properties = {"state": "Enabled", "managementGroupAncestorsChain": [{"name": azure.tenant_id}]}
        body = {"name": f"subscription-{subscription[-4:]}", "properties": properties}
        yield row_of(f"/subscriptions/{subscription}", SUBSCRIPTION_TYPE, body)


def _scopes(key: str) -> Iterator[str]:
    """The resource's id and every id prefix that a role can be assigned at."""
    yield ""
    parts = key.split("/")
    for end in range(3, len(parts) + 1, 2):
        yield "/".join(parts[:end])
