"""A custom Event Grid topic for CloudEvents, on this server's own address: it keeps what it is sent.

As strict as the documentation of publishing says: Entra tokens for the audience of Event Grid only (learn
event-grid/authenticate-with-microsoft-entra-id), CloudEvents 1.0 in batches (learn event-grid/cloud-event-schema), 1 MB
a request (learn event-grid/post-to-custom-topic).
"""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from local.azure.azure import Azure
from local.azure.rbac import PRINCIPALS, audience_of, principal_of
from local.azure.server import AZURE

PATH = "/api/events"
API_VERSION = "2018-01-01"
CONTENT_TYPE = "application/cloudevents-batch+json"
MOST_BYTES = 1_048_576
AUDIENCE = "https://eventgrid.azure.net"
_REQUIRED = ("id", "source", "type", "specversion")
_KNOWN = frozenset({*_REQUIRED, "subject", "time", "data", "data_base64", "datacontenttype", "dataschema"})


class Topic:
    """The topic and what was published to it."""

    def __init__(self, azure: Azure) -> None:
        self._azure = azure
        self.events: list[dict[str, Any]] = []
        azure.on_reset.append(self.events.clear)

    def install(self, app: web.Application) -> None:
        """Add the topic's address, and the way to look at it."""
        app.router.add_post(PATH, self.publish)
        app.router.add_get("/_sim/topic", self.show)

    async def show(self, _request: web.Request) -> web.Response:
        """Every event that was taken, oldest first."""
        return web.json_response(self.events)

    async def publish(self, request: web.Request) -> web.Response:
        """Take a batch, or refuse all of it."""
        fault = request.app[AZURE].faults.take("status", request.method, request.path)
        if fault:
            return _refused(fault.status, fault.code, fault.message)
        refused = _unauthorised(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if refused:
            return refused
        if request.query.get("api-version") != API_VERSION:
            return _refused(400, "BadRequest", f"api-version must be {API_VERSION}.")
        if request.content_type != CONTENT_TYPE:
            return _refused(415, "UnsupportedMediaType", f"The topic takes {CONTENT_TYPE}.")
        raw = await request.read()
        if len(raw) > MOST_BYTES:
            return _refused(413, "PayloadTooLarge", "The request has more than 1 MB.")
        return self._take(raw)

    def _take(self, raw: bytes) -> web.Response:
        try:
            events = json.loads(raw)
        except ValueError as error:
            return _refused(400, "BadRequest", f"The body is no JSON: {error}.")
        if not isinstance(events, list) or not events:
            return _refused(400, "BadRequest", "The body is no array of events.")
        mistakes = [text for event in events if (text := _mistake(event))]
        if mistakes:
            return _refused(400, "BadRequest", mistakes[0])
        self.events += events
        return web.Response(status=200)


def _unauthorised(token: str) -> web.Response | None:
    principal = principal_of(token)
    if principal is None or audience_of(token).rstrip("/") != AUDIENCE:
        return _refused(401, "Unauthorized", "The token is missing, or was not issued for Event Grid.")
    if principal is not PRINCIPALS["aks-hublink"]:
        return _refused(403, "Forbidden", f"{principal.app_id} has no role EventGrid Data Sender on this topic.")
    return None


def _mistake(event: Any) -> str | None:
    if not isinstance(event, dict):
        return "An event is no object."
    missing = [name for name in _REQUIRED if not isinstance(event.get(name), str) or not event[name]]
    if missing:
        return f"{', '.join(missing)}: is required."
    if event["specversion"] != "1.0":
        return "specversion must be 1.0."
    # Extension attributes are lower-case letters and digits (CloudEvents 1.0, naming conventions).
    strange = [name for name in event if name not in _KNOWN and not (name.isalnum() and name.islower())]
    return f"{', '.join(strange)}: is no attribute of CloudEvents." if strange else None


def _refused(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)
