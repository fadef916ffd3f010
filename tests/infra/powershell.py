"""Parses PowerShell files: `python tests/infra/powershell.py FILE...`, in the environment of scripts/check_infra.sh.

There is no PowerShell where the checks run; a grammar at least finds what no PowerShell could read.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

_PARSER = Parser(Language(tree_sitter_powershell.language()))


def mistakes(node: Node) -> Iterator[Node]:
    """What could not be read, and what is missing."""
    if node.type == "ERROR" or node.is_missing:
        yield node
    for child in node.children:
        yield from mistakes(child)


def main() -> int:
    """Say each mistake with its line."""
    found = [
        (path, node) for path in sys.argv[1:] for node in mistakes(_PARSER.parse(Path(path).read_bytes()).root_node)
    ]
    for path, node in found:
        print(f"{path}:{node.start_point[0] + 1}: {node.type} {(node.text or b'')[:60]!r}")
    print(f"PowerShell: {len(sys.argv) - 1} files, {len(found)} mistakes")
    return int(bool(found) or len(sys.argv) == 1)


if __name__ == "__main__":
    sys.exit(main())
