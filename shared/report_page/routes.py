"""The lines from the hub to the VNets: along the corridors between the rows, never behind a box. Pure.

A line leaves the hub, runs along the corridor next to it, for a farther row up or down at the picture's edge, along
that row's own corridor, and from there into its box. Lines share their way like the wires of a bus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_CORNER = 9.0
Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Route:
    """A line as an SVG path, from the hub to a VNet; `end` is where it meets the VNet's edge."""

    path: str
    end: Point


def route(points: Sequence[Point]) -> Route:
    """A line through points, each right, left, above or below the one before, with rounded corners."""
    corners = _corners(points)
    path = [f"M{_at(corners[0])}"]
    for before, here, after in zip(corners, corners[1:], corners[2:], strict=False):
        radius = min(_CORNER, _distance(before, here) / 2, _distance(here, after) / 2)
        path.append(f"L{_at(_towards(here, before, radius))}Q{_at(here)} {_at(_towards(here, after, radius))}")
    path.append(f"L{_at(corners[-1])}")
    return Route(path="".join(path), end=corners[-1])


def _corners(points: Sequence[Point]) -> list[Point]:
    """The points without those that the line passes straight on."""
    kept = [points[0]]
    for here, after in zip(points[1:], [*points[2:], None], strict=True):
        if here == kept[-1] and after is not None:
            continue
        straight = after is not None and (kept[-1][0] == here[0] == after[0] or kept[-1][1] == here[1] == after[1])
        if not straight:
            kept.append(here)
    return kept


def _distance(one: Point, other: Point) -> float:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])


def _towards(here: Point, there: Point, by: float) -> Point:
    far = _distance(here, there) or 1.0
    return here[0] + (there[0] - here[0]) * by / far, here[1] + (there[1] - here[1]) * by / far


def _at(point: Point) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"
