"""Where everything is drawn: hub and monitoring VNets in the middle row, spokes in rows above and below. Pure.

Units are those of the SVG's viewBox. Few clusters are drawn as chips with their names, many as small marks.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

WIDTH = 1200
GAP = 18
PADDING = 12
HEADER = 40
MOST_CHIPS = 24
"""Fleets up to this size are drawn as chips that carry their names."""
HUB_WIDTH, HUB_HEIGHT = 250, 118


@dataclass(frozen=True, kw_only=True)
class Size:
    """Of one cluster's mark, and how many of them stand side by side at most."""

    width: int
    height: int
    gap: int
    columns: int


CHIP = Size(width=172, height=30, gap=8, columns=2)
MARK = Size(width=18, height=18, gap=8, columns=12)


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A cluster's place; `index` is its position in the report."""

    index: int
    x: float
    y: float
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Box:
    """A VNet's place, with the clusters in it. `index` is its position in the report; None: the VNet is not known."""

    index: int | None
    x: float
    y: float
    width: float
    height: float
    marks: tuple[Mark, ...] = ()

    @property
    def centre(self) -> tuple[float, float]:
        """Its middle."""
        return self.x + self.width / 2, self.y + self.height / 2

    def moved(self, x: float, y: float) -> Box:
        """The box and its marks at another place."""
        marks = tuple(replace(mark, x=mark.x + x - self.x, y=mark.y + y - self.y) for mark in self.marks)
        return replace(self, x=x, y=y, marks=marks)


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """The whole picture."""

    width: int
    height: int
    hub: Box
    boxes: tuple[Box, ...]
    chips: bool


def draw(network: Mapping[str, Any]) -> Drawing:
    """Lay out the network of a drift report."""
    chips = len(network["clusters"]) <= MOST_CHIPS
    boxes = list(_boxes(network, CHIP if chips else MARK))
    middle = [box for box in boxes if _role(network, box) == "monitoring"]
    around = [box for box in boxes if _role(network, box) != "monitoring"]
    rows = _rows(around)
    above = rows[: math.ceil(len(rows) / 2)]
    placed, y = _place(above, GAP)
    hub, beside, y = _middle_row(middle, y)
    placed += beside
    below, y = _place(rows[len(above) :], y)
    return Drawing(width=WIDTH, height=math.ceil(y), hub=hub, boxes=(*placed, *below), chips=chips)


def _role(network: Mapping[str, Any], box: Box) -> str:
    return str(network["vnets"][box.index]["role"]) if box.index is not None else "unknown"


def _boxes(network: Mapping[str, Any], size: Size) -> Iterable[Box]:
    """A box for every VNet, at no place yet; clusters of VNets that are not in the report share one."""
    places = {str(vnet["id"]).lower(): index for index, vnet in enumerate(network["vnets"])}
    inside: dict[int | None, list[int]] = defaultdict(list)
    for index, cluster in enumerate(network["clusters"]):
        inside[places.get(str(cluster["vnet"]).lower())].append(index)
    for place in (*places.values(), *([None] if None in inside else [])):
        yield _box(place, inside[place], size)


def _box(place: int | None, clusters: Sequence[int], size: Size) -> Box:
    columns = max(1, min(size.columns, math.ceil(math.sqrt(len(clusters) * 1.6))))
    if size is CHIP:
        columns = min(columns, 1 if len(clusters) < 4 else 2)
    step_x, step_y = size.width + size.gap, size.height + size.gap
    marks = tuple(
        Mark(
            index=cluster,
            x=PADDING + (number % columns) * step_x,
            y=HEADER + PADDING + (number // columns) * step_y,
            width=size.width,
            height=size.height,
        )
        for number, cluster in enumerate(clusters)
    )
    rows = math.ceil(len(clusters) / columns)
    width = max(2 * PADDING + columns * step_x - size.gap, 196)
    height = HEADER + 2 * PADDING + max(rows * step_y - size.gap, 0)
    return Box(index=place, x=0, y=0, width=width, height=height, marks=marks)


def _rows(boxes: Sequence[Box]) -> list[list[Box]]:
    """Boxes in their order, as many in a row as fit."""
    rows: list[list[Box]] = []
    left = 0.0
    for box in boxes:
        if not rows or left < box.width + GAP:
            rows.append([])
            left = WIDTH - GAP
        rows[-1].append(box)
        left -= box.width + GAP
    return _evened(boxes, max(len(rows), min(len(boxes), 2))) or rows


def _evened(boxes: Sequence[Box], rows: int) -> list[list[Box]] | None:
    """The same number in every row, if that fits: no row with one box below a row with many."""
    each = math.ceil(len(boxes) / rows) if rows else 0
    chunks = [list(boxes[start : start + each]) for start in range(0, len(boxes), each or 1)]
    fits = all(sum(box.width + GAP for box in chunk) <= WIDTH - GAP for chunk in chunks)
    return chunks if fits else None


def _place(rows: Iterable[Sequence[Box]], y: float) -> tuple[list[Box], float]:
    """Rows below each other from y on, each centred; answers where the next begins."""
    placed: list[Box] = []
    for row in rows:
        free = WIDTH - sum(box.width for box in row) - GAP * (len(row) - 1)
        x = max(free / 2, GAP)
        for box in row:
            placed.append(box.moved(x, y))
            x += box.width + GAP
        y += max(box.height for box in row) + GAP
    return placed, y


def _middle_row(monitoring: Sequence[Box], y: float) -> tuple[Box, list[Box], float]:
    """The hub in the middle, the monitoring VNets left of it, or in rows below it when they are many."""
    y += GAP
    hub = Box(index=None, x=(WIDTH - HUB_WIDTH) / 2, y=0, width=HUB_WIDTH, height=HUB_HEIGHT)
    room = hub.x - 3 * GAP
    if len(monitoring) == 1 and monitoring[0].width <= room:
        height = max(monitoring[0].height, hub.height)
        beside = monitoring[0].moved(2 * GAP, y + (height - monitoring[0].height) / 2)
        return hub.moved(hub.x, y + (height - hub.height) / 2), [beside], y + height + 2 * GAP
    placed, end = _place(_rows(monitoring), y + hub.height + 2 * GAP)
    return hub.moved(hub.x, y), placed, end + GAP
