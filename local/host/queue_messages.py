"""Turns queue messages into what the Python worker receives, and output values into queue messages."""

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.functions.meta import Datum
from azure.storage.queue import QueueMessage

from local.host.errors import UndecodableMessageError

_KEYS = ("Id", "DequeueCount", "ExpirationTime", "InsertionTime", "NextVisibleTime", "PopReceipt")


def decode_body(content: str, *, base64_encoded: bool) -> bytes:
    """The bytes of a message as ``messageEncoding`` has them.

    Raises:
        UndecodableMessageError: Base64 was promised and the message is something else.
    """
    if not base64_encoded:
        return content.encode()
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UndecodableMessageError("Message decoding has failed! Check MessageEncoding settings.") from error


def encode_body(text: str, *, base64_encoded: bool) -> str:
    """The content to send for a body."""
    return base64.b64encode(text.encode()).decode() if base64_encoded else text


def body_datum(body: bytes) -> Datum:
    """A body as the host sends it to the worker: text if it is UTF-8."""
    try:
        return Datum(body.decode(), "string")
    except UnicodeDecodeError:
        return Datum(body, "bytes")


def binding_data(message: QueueMessage, body: Datum) -> dict[str, Datum]:
    """The trigger metadata of a message.

    The real host then offers the members of a JSON message as binding data too, and a member called like a system
    property (in any case: ``id``, ``dequeueCount``) replaces it. Functions had better see that here than in Azure.
    """
    data = {
        "Id": _text(message.id),
        "DequeueCount": Datum(message.dequeue_count, "int"),
        "ExpirationTime": _moment(message.expires_on),
        "InsertionTime": _moment(message.inserted_on),
        "NextVisibleTime": _moment(message.next_visible_on),
        "PopReceipt": _text(message.pop_receipt),
    }
    return data | _members(body)


def handmade_binding_data(body: Datum, message_id: str) -> dict[str, Datum]:
    """The trigger metadata of a message that never was in a queue: a run asked for under ``/admin/functions``."""
    now = datetime.now(UTC)
    data = {
        "Id": _text(message_id),
        "DequeueCount": Datum(0, "int"),
        "ExpirationTime": _moment(now + timedelta(days=7)),
        "InsertionTime": _moment(now),
        "NextVisibleTime": _moment(now),
        "PopReceipt": _text(""),
    }
    return data | _members(body)


def _members(body: Datum) -> dict[str, Datum]:
    try:
        document = json.loads(body.value)
    except ValueError:
        return {}
    members: dict[str, Any] = document if isinstance(document, dict) else {}
    system = {key.lower(): key for key in _KEYS}
    return {
        system.get(name.lower(), name): _member(value)
        for name, value in members.items()
        if value is not None and not isinstance(value, list)
    }


def _member(value: Any) -> Datum:
    if isinstance(value, int) and not isinstance(value, bool):
        return Datum(value, "int")
    return _text(value if isinstance(value, str) else json.dumps(value))


def _text(value: str | None) -> Datum:
    return Datum(value, None if value is None else "string")


def _moment(value: datetime | None) -> Datum:
    return _text(value.astimezone(UTC).isoformat() if value else None)


def output_texts(datum: Datum) -> list[str]:
    """The messages that a queue output makes of one value: a JSON array becomes one message per element."""
    text = datum.value.decode() if isinstance(datum.value, bytes) else str(datum.value)
    try:
        document = json.loads(text)
    except ValueError:
        return [text]
    if isinstance(document, list):
        return [_output_text(item) for item in document]
    if datum.type == "json":
        return [_output_text(document)]
    return [text]


def _output_text(item: Any) -> str:
    if isinstance(item, Mapping) and set(item) == {"id", "body"}:  # how azure-functions writes a QueueMessage
        return str(item["body"])
    return item if isinstance(item, str) else json.dumps(item)
