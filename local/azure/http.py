"""Requests, responses and routes as every provider sees them; no server in here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.azure.operations import Operation
from local.azure.rbac import Principal

if TYPE_CHECKING:
    from local.azure.azure import Azure


@dataclass(frozen=True, kw_only=True)
class ArmRequest:
    """One call to Resource Manager. `params` are the `{...}` segments of the route, in the caller's case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    principal: Principal
    correlation_id: str
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def api_version(self) -> str:
        """The api-version the caller asked for."""
        return self.query.get("api-version", "")

    @property
    def if_match(self) -> str | None:
        """The If-Match header, or None."""
        return self.headers.get("If-Match")

    @property
    def if_none_match(self) -> str | None:
        """The If-None-Match header, or None."""
        return self.headers.get("If-None-Match")


@dataclass(kw_only=True)
class ArmResponse:
    """An answer. `operation` adds the headers of a long-running operation and postpones the event to its end.

    `escape_slashes` writes a slash as backslash-slash, as private DNS does; `indent` pretty-prints, as AKS does;
    `event=False` keeps a write from raising an event of its own. A header with an empty value is not sent, which keeps
    away one that all answers have.
    """

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    operation: Operation | None = None
    escape_slashes: bool = False
    indent: int | None = None
    event: bool = True


Handler = Callable[["Azure", ArmRequest], ArmResponse]


@dataclass(frozen=True)
class Route:
    """A call the simulation knows: method, path template, handler, and the action the caller must be allowed.

    Literal segments match in any case. `{name}` takes one segment, `{name:path}` the rest.
    `action` is the operation name of role definitions and events; its last word says what kind of event is raised.
    """

    method: str
    template: str
    handler: Handler
    action: str

    def pattern(self) -> re.Pattern[str]:
        """The template as a regular expression."""
        parts = []
        for segment in self.template.strip("/").split("/"):
            if segment.startswith("{") and segment.endswith(":path}"):
                parts.append(f"(?P<{segment[1:-6]}>.+)")
            elif segment.startswith("{"):
                parts.append(f"(?P<{segment[1:-1]}>[^/]+)")
            else:
                parts.append(re.escape(segment))
        return re.compile("^/" + "/".join(parts) + "/?$", re.IGNORECASE)


class Router:
    """Finds the route of a call."""

    def __init__(self, routes: list[Route]) -> None:
        self._routes = [(route, route.pattern()) for route in routes]

    def match(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route and its parameters, or None when the simulation does not know the call."""
        for route, pattern in self._routes:
            found = pattern.match(path) if route.method == method else None
            if found:
                return route, found.groupdict()
        return None
