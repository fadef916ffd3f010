"""The shape of a JSON body: its sorted key paths, each with the kind of its value."""

from __future__ import annotations

from typing import Any

EXACT = ("code", "status", "provisioningState", "type")
"""Keys whose value is part of the contract, not only its kind."""


def shape_of(value: Any) -> dict[str, str]:
    """Key paths (`properties.subnets[].name`) to kinds (`string`, `array`, ...) or, for exact keys, to `= value`."""
    found: dict[str, str] = {}
    _walk(value, "", found)
    return dict(sorted(found.items()))


def _walk(value: Any, path: str, found: dict[str, str]) -> None:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            _walk(item, f"{path}.{key}" if path else key, found)
        return
    found[path] = _kind(value, path)
    if isinstance(value, list):
        for item in value:
            _walk(item, f"{path}[]", found)


def _kind(value: Any, path: str) -> str:
    if isinstance(value, str):
        return f"= {value}" if path.rsplit(".", 1)[-1] in EXACT else "string"
    if isinstance(value, bool):
        return "boolean"
    names = {dict: "object", list: "array", int: "number", float: "number", type(None): "null"}
    return names[type(value)]


def compare(expected: dict[str, str] | None, actual: dict[str, str] | None) -> list[str]:
    """Every difference between two shapes, in words."""
    if expected is None or actual is None:
        return [] if expected == actual else [f"body is {_word(actual)}, recorded {_word(expected)}"]
    missing = [f"body lacks {path}" for path in expected if path not in actual]
    extra = [f"body adds {path}" for path in actual if path not in expected]
    changed = [
        f"body has {path} {actual[path]}, recorded {kind}"
        for path, kind in expected.items()
        if path in actual and actual[path] != kind
    ]
    return missing + extra + changed


def _word(shape: dict[str, str] | None) -> str:
    return "empty" if shape is None else "there"
