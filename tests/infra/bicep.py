"""Reads Bicep files: the syntax tree, and from it declarations and the keys of objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
FILES = sorted(INFRA.rglob("*.bicep"))
_PARSER = Parser(Language(tree_sitter_bicep.language()))
_DECLARATIONS = {
    "parameter_declaration": "param",
    "variable_declaration": "var",
    "resource_declaration": "resource",
    "module_declaration": "module",
    "output_declaration": "output",
}
_SCOPES = {"tenant", "managementGroup", "subscription", "resourceGroup"}


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """A declared param, var, resource, module or output, with its node."""

    kind: str
    name: str
    node: Node

    @property
    def body(self) -> Node:
        """What stands behind the name: for loops and conditions are left out of resources and modules."""
        return self.node.named_children[-1]

    @property
    def target(self) -> str:
        """The type and version of a resource, the path of a module."""
        return text(next(child for child in self.node.named_children if child.type == "string"))

    @property
    def existing(self) -> bool:
        """Whether a resource is declared `existing`."""
        return any(child.type == "existing" for child in self.node.children)

    @property
    def required(self) -> bool:
        """Whether a parameter has no default."""
        return self.kind == "param" and self.node.named_children[-1].type == "type"


@cache
def tree(path: Path) -> Node:
    """The syntax tree of a file."""
    return _PARSER.parse(path.read_bytes()).root_node


def text(node: Node) -> str:
    """The source of a node; of a string, what is between its quotes."""
    source = (node.text or b"").decode()
    return source[1:-1] if node.type == "string" else source


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    yield node
    for child in node.children:
        yield from walk(child)


@cache
def declarations(path: Path) -> tuple[Declaration, ...]:
    """Everything that a file declares at its top level."""
    found = []
    for node in tree(path).named_children:
        kind = _DECLARATIONS.get(node.type)
        name = next((child for child in node.named_children if child.type == "identifier"), None)
        if kind and name is not None:
            found.append(Declaration(kind=kind, name=text(name), node=node))
    return tuple(found)


def declared(path: Path, kind: str, name: str) -> Declaration:
    """One declaration. Raises StopIteration if there is none."""
    return next(item for item in declarations(path) if item.kind == kind and item.name == name)


def properties(node: Node) -> dict[str, Node]:
    """The properties of an object: name and value. An interpolated name keeps its `${`."""
    found = {}
    for item in node.named_children:
        if item.type == "object_property":
            key, value = (child for child in item.named_children if child.type not in {"comment", "diagnostic_comment"})
            found[text(key)] = value
    return found


def objects(node: Node) -> Iterator[Node]:
    """The objects that a value may turn out to be: of loops the body, of conditions both sides, of arrays each item."""
    if node.type == "object":
        yield node
    elif node.type == "ternary_expression":
        for side in ("consequence", "alternative"):
            child = node.child_by_field_name(side)
            if child is not None:
                yield from objects(child)
    elif node.type in {"for_statement", "if_statement", "array", "parenthesized_expression"}:
        for child in node.named_children:
            yield from objects(child)


def strings(node: Node) -> list[str]:
    """The string literals below a node."""
    return [text(item) for item in walk(node) if item.type == "string"]


def used_names(path: Path) -> set[str]:
    """All identifiers that are read somewhere in a file."""
    used = set()
    for node in walk(tree(path)):
        if node.type == "identifier" and node.parent is not None and not _is_only_named(node):
            used.add(text(node))
    return used


def _is_only_named(node: Node) -> bool:
    parent = node.parent
    if parent is None:
        return False
    first = next(child for child in parent.named_children if child.type == "identifier") == node
    declares = parent.type in _DECLARATIONS and first
    is_key = parent.type == "object_property" and parent.named_children[0] == node
    return declares or is_key


def target_scope(path: Path) -> str:
    """The scope that a file is deployed at."""
    for node in tree(path).named_children:
        words = text(node).split()
        if words[:1] == ["targetScope"]:
            return words[-1].strip("'")
    return "resourceGroup"


def scope_of(body: Node) -> str | None:
    """The scope function that a module is deployed with; None: the same as the file's, or a declared group."""
    value = properties(body).get("scope")
    if value is None or value.type != "call_expression":
        return None
    name = text(value.named_children[0])
    return name if name in _SCOPES else None
