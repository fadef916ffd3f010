"""Where everything is drawn: the hub in the middle, monitoring VNets beside it, spokes in rows above and below. Pure.

With few spokes these stand on the hub's other side, and there are no rows.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.report_page import labels
from shared.report_page.boxes import CHIP, CHIP_INSET, MARK, Box, Load, Size
from shared.report_page.routes import Point, Route, route
from shared.report_page.shelves import CORRIDOR, GAP, Shelf, make_shelves

WIDTH = 1200
MARGIN = 26
"""Left and right of the rows; lines to farther rows run there."""
MOST_CHIPS = 24
"""Fleets up to this size are drawn as chips that carry their names."""
HUB_WIDTH, HUB_HEIGHT = 280, 118
_BESIDE = 80
"""Between the hub and what stands left and right of it."""
_SIDE = (WIDTH - HUB_WIDTH) / 2 - MARGIN - _BESIDE
_TALL = 440
"""Up to this height all spokes stand at the hub's side."""
_EDGE = 8
"""Above the first and below the last row."""
_WIDE_CHIP = 240


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """The whole picture; `routes` has the line of every box, by the VNet's position in the report."""

    width: int
    height: int
    hub: Box
    boxes: tuple[Box, ...]
    routes: Mapping[int, Route]
    chips: bool


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A row at its place; `bus` is the height of the corridor that leads to it."""

    boxes: tuple[Box, ...]
    bus: float


def draw(network: Mapping[str, Any]) -> Drawing:
    """Lay out the network of a drift report."""
    chips = len(network["clusters"]) <= MOST_CHIPS
    loads = list(_loads(network, chips=chips))
    monitoring = [load for load in loads if _role(network, load) == "monitoring"]
    spokes = [load for load in loads if _role(network, load) != "monitoring"]
    left, right, before, after = _sides(monitoring, spokes)
    above, y = _place_rows(make_shelves(before, WIDTH - 2 * MARGIN), _EDGE, bus_below=True)
    hub, beside, y = _middle(left, right, y)
    below, y = _place_rows(make_shelves(after, WIDTH - 2 * MARGIN), y + CORRIDOR, bus_below=False)
    lines = [*_side_lines(hub, beside), *_row_lines(hub, above[::-1]), *_row_lines(hub, below)]
    boxes = (*_boxes(above), *beside, *_boxes(below))
    routes = {box.index: route(points) for box, points in lines if box.index is not None}
    return Drawing(
        width=WIDTH, height=math.ceil(y - CORRIDOR + _EDGE), hub=hub, boxes=boxes, routes=routes, chips=chips
    )


def _role(network: Mapping[str, Any], load: Load) -> str:
    return str(network["vnets"][load.index]["role"]) if load.index is not None else "unknown"


def _loads(network: Mapping[str, Any], *, chips: bool) -> Iterator[Load]:
    """One for every VNet; clusters whose VNet is not in the list (the hub is not, either) share one more."""
    places = {str(vnet["id"]).lower(): index for index, vnet in enumerate(network["vnets"])}
    inside: dict[int | None, list[int]] = defaultdict(list)
    for index, cluster in enumerate(network["clusters"]):
        inside[places.get(str(cluster["vnet"]).lower())].append(index)
    for place in (*places.values(), *([None] if None in inside else [])):
        names = [str(network["clusters"][index]["id"]).rsplit("/", 1)[-1] for index in inside[place]]
        yield Load(index=place, clusters=tuple(inside[place]), size=_chip(names) if chips else MARK)


def _chip(names: Sequence[str]) -> Size:
    """Chips as wide as the longest name in the VNet needs, within reason."""
    longest = max((labels.width(name, labels.NAME) for name in names), default=0.0)
    return replace(CHIP, width=math.ceil(min(max(CHIP.width, longest + CHIP_INSET), _WIDE_CHIP)))


def _sides(monitoring: list[Load], spokes: list[Load]) -> tuple[list[Load], list[Load], list[Load], list[Load]]:
    """What stands left and right of the hub, and in the rows above and below."""
    if spokes and max(_stack(monitoring), _stack(spokes)) <= _TALL:
        return monitoring, spokes, [], []
    half = math.ceil(len(monitoring) / 2)
    left, right = monitoring[:half], monitoring[half:]
    middle = len(spokes) // 2
    before, after = spokes[:middle], spokes[middle:]
    if not right and after and after[0].height(_SIDE) <= 1.6 * max(HUB_HEIGHT, _stack(left)):
        # The place opposite of a single monitoring VNet would be empty.
        right, after = after[:1], after[1:]
    return left, right, before, after


def _stack(loads: Sequence[Load]) -> float:
    return sum(load.height(_SIDE) for load in loads) + GAP * max(0, len(loads) - 1)


def _boxes(rows: Sequence[_Row]) -> Iterator[Box]:
    return (box for row in rows for box in row.boxes)


def _place_rows(shelves: Sequence[Shelf], y: float, *, bus_below: bool) -> tuple[list[_Row], float]:
    """Rows below each other from y on, each centred; answers where the next thing begins."""
    rows = []
    for shelf in shelves:
        x = (WIDTH - shelf.width) / 2
        boxes = []
        for load, width in zip(shelf.loads, shelf.widths, strict=True):
            boxes.append(load.box(x, y, width, shelf.height))
            x += width + GAP
        bus = y + shelf.height + CORRIDOR / 2 if bus_below else y - CORRIDOR / 2
        rows.append(_Row(boxes=tuple(boxes), bus=bus))
        y += shelf.height + CORRIDOR
    return rows, y


def _middle(left: Sequence[Load], right: Sequence[Load], y: float) -> tuple[Box, list[Box], float]:
    """The hub, and what stands left and right of it, all centred; answers where the next thing begins."""
    height = max(HUB_HEIGHT, _stack(left), _stack(right))
    hub = Box(
        index=None, x=(WIDTH - HUB_WIDTH) / 2, y=y + (height - HUB_HEIGHT) / 2, width=HUB_WIDTH, height=HUB_HEIGHT
    )
    beside = []
    for loads, x in ((left, MARGIN), (right, WIDTH - MARGIN - _SIDE)):
        top = y + (height - _stack(loads)) / 2
        for load in loads:
            beside.append(load.box(x, top, _SIDE))
            top = beside[-1].bottom + GAP
    return hub, beside, y + height


def _side_lines(hub: Box, beside: Sequence[Box]) -> Iterator[tuple[Box, list[Point]]]:
    middle = hub.centre[1]
    for box in beside:
        left = box.x < hub.x
        start, end = (hub.x, box.right) if left else (hub.right, box.x)
        bus, y = (start + end) / 2, box.centre[1]
        # What is nearly straight shall be straight.
        y = middle if abs(y - middle) < 2 * CORRIDOR / 3 and box.y < middle < box.bottom else y
        yield box, [(start, middle), (bus, middle), (bus, y), (end, y)]


def _row_lines(hub: Box, rows: Sequence[_Row]) -> Iterator[tuple[Box, list[Point]]]:
    """The lines to rows on one side of the hub, the nearest first."""
    if not rows:
        return
    centre, near = hub.centre[0], rows[0].bus
    start = (centre, hub.y if near < hub.y else hub.bottom)
    for row in rows:
        for box in row.boxes:
            x = box.centre[0]
            edge = MARGIN / 2 if x < centre else WIDTH - MARGIN / 2
            detour = [] if row is rows[0] else [(edge, near), (edge, row.bus)]
            end = (x, box.bottom if row.bus > box.y else box.y)
            yield box, [start, (centre, near), *detour, (x, row.bus), end]
