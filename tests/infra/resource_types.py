"""Compares a resource's body with the properties that its type has, as the Bicep compiler does.

`bicep_types.json` says, for each type and version in use and each object type that a template reaches: `p` properties,
`d` the discriminator and `v` its variants, `a` the type of further properties. A property is `!` if required, `-` if
read-only, then its type: `string`, `int`, `bool`, `any`, `object`, literals in quotes, `#name` of an object type, `[]`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tree_sitter import Node

from tests.infra.bicep import Declaration, objects, properties, text

TABLE = Path(__file__).with_name("bicep_types.json")
OF_BICEP = {"parent", "scope", "dependsOn"}
_LITERALS = {"string": "string", "number": "int", "boolean": "bool", "array": "array", "object": "object"}


@cache
def table() -> dict[str, Any]:
    """The table of types."""
    return json.loads(TABLE.read_text())


@dataclass
class Check:
    """Collects what is wrong with one resource, and which object types it has reached."""

    types: dict[str, Any]
    mistakes: list[str] = field(default_factory=list)
    reached: set[str] = field(default_factory=set)

    def resource(self, declaration: Declaration) -> None:
        """Check a resource."""
        known = self.types["resources"].get(declaration.target)
        if known is None:
            self.mistakes.append(f"{declaration.target} is not in the table")
            return
        if declaration.existing:
            return
        for body in objects(declaration.body):
            self._object(body, known, known["n"], declaration.target, at_top=True)

    def _object(self, body: Node, known: dict[str, Any], space: str, path: str, *, at_top: bool = False) -> None:
        written = properties(body)
        expected = self._expected(written, known, path)
        for name, value in written.items():
            if at_top and name in OF_BICEP:
                continue
            found = expected.get(name, known.get("a"))
            if found is None:
                self.mistakes.append(f"{path}.{name} does not exist")
            elif found.lstrip("!").startswith("-"):
                self.mistakes.append(f"{path}.{name} is read-only")
            else:
                self._value(value, found.lstrip("!"), space, f"{path}.{name}")
        missing = [name for name, kind in expected.items() if kind.startswith("!") and name not in written]
        self.mistakes.extend(f"{path}.{name} is missing" for name in missing)

    def _expected(self, written: dict[str, Node], known: dict[str, Any], path: str) -> dict[str, str]:
        if "d" not in known:
            return known["p"]
        chosen = text(written[known["d"]]) if known["d"] in written else ""
        if chosen not in known["v"]:
            self.mistakes.append(f"{path}.{known['d']} is '{chosen}', which is none of {', '.join(known['v'])}")
            return known["p"]
        return known["p"] | known["v"][chosen]

    def _value(self, value: Node, kind: str, space: str, path: str) -> None:
        if reference := re.match(r"#([a-z0-9_-]+)", kind):
            self._reference(value, f"{space}#{reference[1]}", space, path)
            return
        for leaf in _leaves(value):
            actual = _LITERALS.get(leaf.type)
            if actual and not _fits(actual, text(leaf), kind):
                self.mistakes.append(f"{path} is {text(leaf)[:40]!r}, not {kind}")

    def _reference(self, value: Node, name: str, space: str, path: str) -> None:
        self.reached.add(name)
        known = self.types["types"].get(name)
        if known is None:
            self.mistakes.append(f"{path}: {name} is not in the table: make it again")
            return
        for leaf in objects(value):
            self._object(leaf, known, space, path)
        self.mistakes.extend(f"{path} is {text(leaf)}" for leaf in _leaves(value) if leaf.type in {"string", "number"})


def _leaves(value: Node) -> list[Node]:
    if value.type == "ternary_expression":
        sides = [value.child_by_field_name("consequence"), value.child_by_field_name("alternative")]
        return [leaf for side in sides if side is not None for leaf in _leaves(side)]
    return [value]


def _fits(actual: str, written: str, kind: str) -> bool:
    if kind in {"any", "object"}:
        return True
    if kind.endswith("[]"):
        return actual == "array"
    options = kind.split("|")
    if actual == "string":
        return "string" in options or "${" in written or f"'{written}'" in options
    return actual in options
