"""What host.json, local.settings.json and the environment say."""

import json
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from local.host.errors import HostError

_TIME_SPAN = re.compile(r"(?:(?P<d>\d+)\.)?(?P<h>\d{1,2}):(?P<m>\d{1,2}):(?P<s>\d{1,2}(?:\.\d+)?)")
_SETTING = re.compile(r"%([^%]+)%")


@dataclass(frozen=True, kw_only=True)
class QueueOptions:
    """host.json's ``extensions.queues``; the defaults are the real host's."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    visibility_timeout: timedelta = timedelta(0)
    max_polling_interval: timedelta = timedelta(minutes=1)
    max_dequeue_count: int = 5
    base64: bool = True


@dataclass(frozen=True, kw_only=True)
class HostOptions:
    """The parts of host.json that change behaviour here; ``function_timeout`` is None for "unbounded"."""

    route_prefix: str = "api"
    function_timeout: timedelta | None = timedelta(minutes=30)
    queues: QueueOptions = field(default_factory=QueueOptions)


def read_host_options(app_dir: Path) -> HostOptions:
    """Read ``host.json`` of a function app.

    Raises:
        HostError: The file is missing, is not JSON, or holds a value that the real host would refuse.
    """
    path = app_dir / "host.json"
    if not path.is_file():
        raise HostError(resource=str(path), cause="does not exist.", fix="Point --app-dir at the function app.")
    document = _read_json(path)
    extensions = document.get("extensions", {})
    timeout = document.get("functionTimeout", "00:30:00")
    return HostOptions(
        route_prefix=str(extensions.get("http", {}).get("routePrefix", "api")).strip("/"),
        function_timeout=None if timeout == "-1" else _time_span(timeout, "functionTimeout"),
        queues=_queue_options(extensions.get("queues", {})),
    )


def _queue_options(queues: Mapping[str, Any]) -> QueueOptions:
    batch_size = _whole_number(queues, "batchSize", default=16, lowest=1, highest=32)
    encoding = str(queues.get("messageEncoding", "base64")).lower()
    if encoding not in {"base64", "none"}:
        raise HostError(resource="host.json messageEncoding", cause=f"is {encoding!r}.", fix="Use 'base64' or 'none'.")
    polling = _time_span(queues.get("maxPollingInterval", "00:01:00"), "maxPollingInterval")
    return QueueOptions(
        batch_size=batch_size,
        new_batch_threshold=_whole_number(queues, "newBatchThreshold", default=batch_size // 2, lowest=0),
        visibility_timeout=_time_span(queues.get("visibilityTimeout", "00:00:00"), "visibilityTimeout"),
        max_polling_interval=max(polling, timedelta(milliseconds=100)),
        max_dequeue_count=_whole_number(queues, "maxDequeueCount", default=5, lowest=1),
        base64=encoding == "base64",
    )


def _whole_number(
    values: Mapping[str, Any], name: str, *, default: int, lowest: int, highest: int | None = None
) -> int:
    value = values.get(name, default)
    fits = isinstance(value, int) and value >= lowest and (highest is None or value <= highest)
    if not fits:
        limits = f"at least {lowest}" if highest is None else f"from {lowest} to {highest}"
        raise HostError(resource=f"host.json {name}", cause=f"is {value!r}.", fix=f"Use a whole number {limits}.")
    return int(value)


def _time_span(text: object, name: str) -> timedelta:
    match = _TIME_SPAN.fullmatch(str(text))
    if match is None:
        raise HostError(
            resource=f"host.json {name}", cause=f"is {text!r}, not a time span.", fix="Write it as hh:mm:ss."
        )
    return timedelta(
        days=int(match["d"] or 0), hours=int(match["h"]), minutes=int(match["m"]), seconds=float(match["s"])
    )


def read_local_settings(path: Path) -> dict[str, str]:
    """Read ``Values`` of a ``local.settings.json``; an absent file has none.

    Raises:
        HostError: The file is encrypted or a value is not a string, which Core Tools refuses too.
    """
    if not path.is_file():
        return {}
    document = _read_json(path)
    if document.get("IsEncrypted"):
        raise HostError(resource=str(path), cause="is encrypted.", fix="Run 'func settings decrypt' first.")
    values = document.get("Values", {})
    for name, value in values.items():
        if not isinstance(value, str):
            raise HostError(resource=f"{path} Values.{name}", cause="is not a string.", fix="Put it in quotes.")
    return dict(values)


def add_to_environment(values: Mapping[str, str], environment: MutableMapping[str, str]) -> None:
    """Put settings into the environment; what is already set there wins, as with Core Tools."""
    for name, value in values.items():
        environment.setdefault(name, value)


def expand_settings(text: str, environment: Mapping[str, str], *, used_in: str) -> str:
    """Replace every ``%SETTING%`` in a binding property by the setting's value.

    Raises:
        HostError: A named setting does not exist.
    """

    def value_of(match: re.Match[str]) -> str:
        value = environment.get(match[1])
        if value is None:
            raise HostError(
                resource=used_in, cause=f"'%{match[1]}%' does not resolve to a value.", fix=f"Set {match[1]}."
            )
        return value

    return _SETTING.sub(value_of, text)


def is_disabled(function_name: str, environment: Mapping[str, str]) -> bool:
    """Tell whether ``AzureWebJobs.<name>.Disabled`` switches a function's trigger off."""
    value = environment.get(f"AzureWebJobs.{function_name}.Disabled", "")
    return value.strip().lower() in {"true", "1"}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise HostError(resource=str(path), cause=f"is not JSON: {error}.", fix="Correct the file.") from error
    if not isinstance(document, dict):
        raise HostError(resource=str(path), cause="is not a JSON object.", fix="Correct the file.")
    return document
