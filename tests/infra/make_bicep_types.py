"""Makes bicep_types.json anew: `python -m tests.infra.make_bicep_types FOLDER`, after a template uses another type.

FOLDER holds Markdown files in the form of the `types.md` that Azure/bicep-types-az generates, one for each provider.
Only what the templates reach is kept: names, types, and whether a property is required or read-only.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from tests.infra.bicep import FILES, declarations
from tests.infra.resource_types import TABLE, Check

_PROPERTY = re.compile(r"^\* \*\*(.+?)\*\*: (.*)$")
_CONSTRAINT = re.compile(
    r" \{(?:sensitive|minLength|maxLength|minValue|maxValue|pattern)[^\"}]*(?:\"(?:[^\"\\]|\\.)*\"[^\"}]*)?\}"
)
_ATOM = r"(?:\([^()]*\)|\[[^\]]*\]\(#[^)]*\)|'[^']*'|\w+)(?:\[\])*"
_TYPE = re.compile(rf"({_ATOM}(?: \| {_ATOM})*)(?: \(([^)]*)\))?(?::|$)")
_FURTHER = "* **Additional Properties Type**: "
_DISCRIMINATOR = "* **Discriminator**: "
_NOT_PROPERTIES = {"Readable Scope(s)", "Writable Scope(s)", "Resource", "ApiVersion", "Input", "Output"}
# So common and so small that its own file is not worth having.
_RESOURCE_GROUP = {
    "p": {"name": "!string", "location": "!string", "managedBy": "string", "tags": "object", "id": "-string"},
    "n": "resources",
}


def _type(written: str) -> str:
    found = _TYPE.match(_CONSTRAINT.sub("", written, count=1))
    if not found:
        raise ValueError(f"cannot read the type in: {written[:100]}")
    flags = (found[2] or "").split(", ")
    kind = re.sub(r"\[[^\]]*\]\(#([^)]*)\)", r"#\1", found[1]).replace(" | ", "|")
    kind = re.sub(r"^\((.*)\)\[\]$", r"\1[]", kind)
    return "!" * ("Required" in flags) + "-" * ("ReadOnly" in flags) + kind


class _Reader:
    """Reads one file, line by line."""

    def __init__(self, space: str, into: dict[str, Any]) -> None:
        self._space = space
        self._into = into
        self._current: dict[str, Any] = {"p": {}}
        self._bucket: dict[str, str] = {}

    def line(self, line: str) -> None:
        """Read a line."""
        if line.startswith("## "):
            self._open(line[3:].strip())
        elif line.startswith(_DISCRIMINATOR):
            self._current["d"] = line.removeprefix(_DISCRIMINATOR).strip()
        elif line.startswith(_FURTHER):
            self._current["a"] = _type(line.removeprefix(_FURTHER))
        elif line.startswith("### ") and "d" in self._current and line not in {"### Base Properties", "### Properties"}:
            self._bucket = {}
            self._current.setdefault("v", []).append(self._bucket)
        elif (found := _PROPERTY.match(line)) and found[1] not in _NOT_PROPERTIES:
            self._bucket[found[1]] = _type(found[2])

    def _open(self, title: str) -> None:
        self._current = {"p": {}}
        if title.startswith("Resource "):
            self._current["n"] = self._space
            self._into["resources"][title.removeprefix("Resource ")] = self._current
        elif not title.startswith("Function "):
            anchor = re.sub(r"[^a-z0-9_-]", "", title.lower())
            self._current = self._into["types"].setdefault(f"{self._space}#{anchor}", self._current)
        self._bucket = self._current["p"]


def read(folder: Path) -> dict[str, Any]:
    """Everything in the folder."""
    found: dict[str, Any] = {
        "resources": {"Microsoft.Resources/resourceGroups@2021-04-01": _RESOURCE_GROUP},
        "types": {},
    }
    for number, path in enumerate(sorted(folder.glob("*.md"))):
        reader = _Reader(str(number), found)
        for line in path.read_text().splitlines():
            reader.line(line)
    for item in [*found["resources"].values(), *found["types"].values()]:
        if "d" in item:
            item["v"] = {one[item["d"]].strip("!-'"): one for one in item["v"]}
    return found


def reached(everything: dict[str, Any]) -> dict[str, Any]:
    """What the templates use of it."""
    check = Check(types=everything)
    resources = {item.target for path in FILES for item in declarations(path) if item.kind == "resource"}
    for path in FILES:
        for item in declarations(path):
            if item.kind == "resource":
                check.resource(item)
    return {
        "resources": {name: everything["resources"][name] for name in sorted(resources)},
        "types": {name: everything["types"][name] for name in sorted(check.reached)},
    }


def main() -> None:
    """Write the table."""
    kept = reached(read(Path(sys.argv[1])))
    parts = []
    for kind, items in kept.items():
        lines = ",\n".join(
            f"{json.dumps(name)}: {json.dumps(item, separators=(',', ':'))}" for name, item in items.items()
        )
        parts.append(f'"{kind}": {{\n{lines}\n}}')
    TABLE.write_text("{\n" + ",\n".join(parts) + "\n}\n")


if __name__ == "__main__":
    main()
