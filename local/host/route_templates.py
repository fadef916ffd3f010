"""Route templates of HTTP functions, matched as ASP.NET Core matches them for the real host.

Source: https://learn.microsoft.com/aspnet/core/fundamentals/routing#route-templates; precedence as in
``RoutePrecedence.ComputeInbound``.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from urllib.parse import unquote
from uuid import UUID

from local.host.errors import HostError

_PARAMETER = re.compile(
    r"\{(?P<stars>\*{0,2})(?P<name>[^:=?*{}]+)(?P<constraints>(?::(?:[^(){}=?]+)(?:\((?:[^()]|\([^()]*\))*\))?)*)"
    r"(?:=(?P<default>[^{}?]*))?(?P<optional>\?)?\}"
)
_CONSTRAINT = re.compile(r":(?P<name>[^():]+)(?:\((?P<argument>(?:[^()]|\([^()]*\))*)\))?")
_ENCODED_SLASH = re.compile("%2f", re.IGNORECASE)


def _parses(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except (ValueError, InvalidOperation):
        return False
    return True


def _whole(text: str, bits: int) -> bool:
    return bool(re.fullmatch(r"[+-]?\d+", text)) and -(2 ** (bits - 1)) <= int(text) < 2 ** (bits - 1)


def _at_least(text: str, argument: str) -> bool:
    return _whole(text, 64) and int(text) >= int(argument)


def _at_most(text: str, argument: str) -> bool:
    return _whole(text, 64) and int(text) <= int(argument)


def _between(text: str, argument: str) -> bool:
    lowest, _, highest = argument.partition(",")
    return _at_least(text, lowest) and _at_most(text, highest)


def _has_length(text: str, argument: str) -> bool:
    shortest, comma, longest = argument.partition(",")
    return int(shortest) <= len(text) <= int(longest if comma else shortest)


_CHECKS: dict[str, Callable[[str, str], bool]] = {
    "int": lambda text, _: _whole(text, 32),
    "long": lambda text, _: _whole(text, 64),
    "bool": lambda text, _: text.lower() in {"true", "false"},
    "float": lambda text, _: _parses(float, text),
    "double": lambda text, _: _parses(float, text),
    "decimal": lambda text, _: _parses(Decimal, text),
    "guid": lambda text, _: _parses(UUID, text),
    "datetime": lambda text, _: _parses(datetime.fromisoformat, text),
    "alpha": lambda text, _: bool(re.fullmatch(r"[A-Za-z]*", text)),
    "required": lambda text, _: bool(text),
    "min": _at_least,
    "max": _at_most,
    "range": _between,
    "length": _has_length,
    "minlength": lambda text, argument: len(text) >= int(argument),
    "maxlength": lambda text, argument: len(text) <= int(argument),
    "regex": lambda text, argument: re.search(argument, text, re.IGNORECASE) is not None,
}


@dataclass(frozen=True, kw_only=True)
class _Parameter:
    name: str
    constraints: tuple[tuple[str, str], ...]
    default: str | None
    optional: bool
    catch_all: bool

    def accepts(self, value: str) -> bool:
        return all(_CHECKS[name](value, argument) for name, argument in self.constraints)


@dataclass(frozen=True, kw_only=True)
class _Segment:
    pattern: re.Pattern[str]
    parameters: tuple[_Parameter, ...]
    alone: bool

    @property
    def whole(self) -> _Parameter | None:
        """The parameter, if the segment is nothing but one parameter."""
        return self.parameters[0] if self.alone else None

    @property
    def rank(self) -> int:
        if not self.parameters:
            return 1
        if not self.alone:
            return 2
        parameter = self.parameters[0]
        return (2 if parameter.constraints else 3) + (2 if parameter.catch_all else 0)

    def values(self, text: str) -> dict[str, str] | None:
        match = self.pattern.fullmatch(text)
        if match is None:
            return None
        found = {p.name: match[f"p{index}"] for index, p in enumerate(self.parameters)}
        return found if all(p.accepts(found[p.name]) for p in self.parameters) else None


class RouteTemplate:
    """A template such as ``runs/{id:int}``, ``files/{*rest}`` or ``items/{id?}``.

    Args:
        template: The route of a function together with the host's route prefix.

    Raises:
        HostError: The template has a form or a constraint that the real host does not know either.
    """

    def __init__(self, template: str) -> None:
        self.template = template.strip("/")
        self._segments = [self._segment(text) for text in self._split(self.template)]

    @property
    def precedence(self) -> tuple[int, ...]:
        """Sorts templates: literals before typed parameters before untyped ones before catch-alls."""
        return tuple(segment.rank for segment in self._segments)

    def match(self, raw_path: str) -> dict[str, str] | None:
        """The route parameters of a path that is still percent-encoded, or None if it does not match.

        Values are decoded, except that an encoded slash stays ``%2F``, as in ASP.NET Core.
        """
        parts = [unquote(_ENCODED_SLASH.sub("%252F", part)) for part in raw_path.strip("/").split("/")]
        parts = [] if parts == [""] else parts
        values: dict[str, str] = {}
        for index, segment in enumerate(self._segments):
            whole = segment.whole
            if whole and whole.catch_all:
                return self._with_rest(values, whole, "/".join(parts[index:]))
            if index < len(parts):
                found = segment.values(parts[index])
                if found is None:
                    return None
                values |= found
            elif whole and whole.default is not None:
                values[whole.name] = whole.default
            elif not (whole and whole.optional):
                return None
        return values if len(parts) <= len(self._segments) else None

    @staticmethod
    def _with_rest(values: dict[str, str], parameter: _Parameter, rest: str) -> dict[str, str] | None:
        if not rest:
            return values if parameter.default is None else values | {parameter.name: parameter.default}
        return values | {parameter.name: rest} if parameter.accepts(rest) else None

    @staticmethod
    def _split(template: str) -> list[str]:
        """Split at slashes that are not inside braces: a regex constraint may hold some."""
        parts, depth = [""], 0
        for character in template:
            depth += {"{": 1, "}": -1}.get(character, 0)
            if character == "/" and depth == 0:
                parts.append("")
            else:
                parts[-1] += character
        return [part for part in parts if part]

    def _segment(self, text: str) -> _Segment:
        plain = text.replace("{{", "{").replace("}}", "}")  # braces of a regex are written twice
        pattern, position = "", 0
        parameters: list[_Parameter] = []
        for match in _PARAMETER.finditer(plain):
            pattern += re.escape(plain[position : match.start()]) + f"(?P<p{len(parameters)}>.+?)"
            parameters.append(self._parameter(match))
            position = match.end()
        rest = plain[position:]
        if "{" in rest or "}" in rest:
            raise HostError(resource=f"route {self.template!r}", cause=f"has {text!r}.", fix="Check the braces.")
        compiled = re.compile(pattern + re.escape(rest), re.IGNORECASE)
        alone = len(parameters) == 1 and _PARAMETER.fullmatch(plain) is not None
        return _Segment(pattern=compiled, parameters=tuple(parameters), alone=alone)

    def _parameter(self, match: re.Match[str]) -> _Parameter:
        constraints = tuple((c["name"], c["argument"] or "") for c in _CONSTRAINT.finditer(match["constraints"]))
        for name, _ in constraints:
            if name not in _CHECKS:
                raise HostError(
                    resource=f"route {self.template!r}",
                    cause=f"has the unknown constraint {name!r}.",
                    fix=f"Use one of {', '.join(sorted(_CHECKS))}.",
                )
        return _Parameter(
            name=match["name"],
            constraints=constraints,
            default=match["default"],
            optional=match["optional"] is not None,
            catch_all=bool(match["stars"]),
        )
