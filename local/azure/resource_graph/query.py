"""The one query shape: table, filter by type, standard columns, ordered by id. Everything else is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass

TABLES = ("resources", "authorizationresources", "dnsresources", "networkresources", "resourcecontainers")
COLUMNS = (
    "id",
    "name",
    "type",
    "tenantId",
    "kind",
    "location",
    "resourceGroup",
    "subscriptionId",
    "managedBy",
    "sku",
    "plan",
    "properties",
    "tags",
    "identity",
    "zones",
)
_SHAPE = re.compile(
    r"""\s* (?P<table>\w+)
        \s* \| \s* where \s+ type \s* (?: =~ \s* (?P<one>'[^']*'|"[^"]*") | in~ \s* \( (?P<many>[^()]*) \) )
        \s* \| \s* project \s+ (?P<columns>[\w\s,]+?)
        \s* \| \s* order \s+ by \s+ id \s+ asc \s* """,
    re.VERBOSE,
)
_LITERAL = re.compile(r"\s*('[^']*'|\"[^\"]*\")\s*")
DNS_TYPES = frozenset(
    f"microsoft.network/privatednszones/{kind}" for kind in ("a", "aaaa", "cname", "mx", "ptr", "soa", "srv", "txt")
)
GROUP_TYPE = "microsoft.resources/subscriptions/resourcegroups"
SUBSCRIPTION_TYPE = "microsoft.resources/subscriptions"
RULE_GROUP_TYPE = "microsoft.network/firewallpolicies/rulecollectiongroups"
ROLE_ASSIGNMENT_TYPE = "microsoft.authorization/roleassignments"
LINK_TYPE = "microsoft.network/privatednszones/virtualnetworklinks"


class InvalidQueryError(Exception):
    """A query that is not understood; `code` is the detail code that Resource Graph answers with."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Query:
    """A parsed query; types in lower case."""

    table: str
    types: tuple[str, ...]
    columns: tuple[str, ...]


def parse(text: str) -> Query:
    """Read a query.

    Raises:
        InvalidQueryError: It has another shape, or names a table or column that does not exist.
    """
    found = _SHAPE.fullmatch(text)
    if found is None:
        raise InvalidQueryError(
            "ParserFailure",
            "The local Azure reads one shape only: <table> | where type =~ '...' (or in~ ('...', '...')) "
            "| project <columns> | order by id asc",
        )
    table = found["table"].lower()
    if table not in TABLES:
        raise InvalidQueryError("UnknownTable", f"Table {found['table']} is invalid, unsupported or disallowed.")
    return Query(table=table, types=_types(found["one"] or found["many"]), columns=_columns(found["columns"]))


def _types(text: str) -> tuple[str, ...]:
    parts = [_LITERAL.fullmatch(part) for part in text.split(",")]
    if not all(parts):
        raise InvalidQueryError("ParserFailure", f"not a list of string literals: {text}")
    return tuple(dict.fromkeys(part[1][1:-1].lower() for part in parts if part))


def _columns(text: str) -> tuple[str, ...]:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in COLUMNS:
            raise InvalidQueryError("SemanticError", f"Failed to resolve scalar expression named '{name}'")
    if "id" not in names:
        raise InvalidQueryError("SemanticError", "Failed to resolve scalar expression named 'id'")
    return tuple(names)


def table_of(resource_type: str) -> str | None:
    """The table that holds a type (in lower case); None for what Resource Graph has no row for."""
    if resource_type in DNS_TYPES:
        return "dnsresources"
    if resource_type == ROLE_ASSIGNMENT_TYPE:
        return "authorizationresources"
    if resource_type == RULE_GROUP_TYPE:
        return "networkresources"
    if resource_type in (GROUP_TYPE, SUBSCRIPTION_TYPE):
        return "resourcecontainers"
    # Child resources have no row of their own, except links.
    return "resources" if resource_type.count("/") == 1 or resource_type == LINK_TYPE else None
