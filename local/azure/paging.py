"""Pages of a list: `value` and, while there is more, an opaque `nextLink`."""

from __future__ import annotations

from typing import Any

from local.azure.azure import Azure
from local.azure.http import ArmRequest, ArmResponse
from local.azure.operations import decode_token, encode_token


def page(azure: Azure, request: ArmRequest, items: list[dict[str, Any]], *, size: int) -> ArmResponse:
    """The page the caller asks for with `$skipToken`, whose case does not matter."""
    token = next((value for name, value in request.query.items() if name.lower() == "$skiptoken"), "")
    start = int(decode_token(token) or 0) if token else 0
    body: dict[str, Any] = {"value": items[start : start + size]}
    if start + size < len(items):
        body["nextLink"] = next_link(azure, request, start + size)
    return ArmResponse(status=200, body=body)


def next_link(azure: Azure, request: ArmRequest, start: int) -> str:
    """The URL of the page that begins with item number `start`."""
    token = encode_token(str(start))
    return f"{azure.base_url}{request.path}?api-version={request.api_version}&$skipToken={token}"
