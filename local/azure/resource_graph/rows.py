"""Rows of Resource Graph: what a GET body becomes in there."""

from __future__ import annotations

import re
import zlib
from typing import Any

from local.azure.rbac import TENANT_ID
from local.azure.resource_graph.query import GROUP_TYPE

Row = dict[str, Any]
_GROUP = re.compile(r"(?<=/resourcegroups/)[^/]+", re.IGNORECASE)
_ENVELOPE = ("kind", "managedBy", "sku", "plan", "identity", "zones", "tags")


def type_of(resource_type: str) -> str:
    """The type as Resource Graph names it, in lower case."""
    lowered = resource_type.lower()
    return GROUP_TYPE if lowered == "microsoft.resources/resourcegroups" else lowered


def row_of(resource_id: str, resource_type: str, body: dict[str, Any]) -> Row:
    """The row of a resource. `body` is what GET answers; what is unset there is missing here."""
    parts = resource_id.split("/")
    row: Row = {
        "id": graph_id(resource_id),
        "name": body.get("name") or parts[-1],
        "type": type_of(resource_type),
        "tenantId": TENANT_ID,
        "location": str(body.get("location", "")).lower(),
        "resourceGroup": parts[4].lower() if len(parts) > 4 and parts[3].lower() == "resourcegroups" else "",
        "subscriptionId": parts[2],
        "properties": _without_nulls(body.get("properties", {})),
    }
    return row | {name: body[name] for name in _ENVELOPE if body.get(name)}


def graph_id(resource_id: str) -> str:
    """The id in Resource Graph's case: about every second one has its resource group in lower case.

    The choice depends on the id only, so it is the same in every answer.
    """
    if zlib.crc32(resource_id.lower().encode()) % 2:
        return resource_id
    return _GROUP.sub(lambda found: found[0].lower(), resource_id)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
