"""VNets in rows: every row as wide as the picture and its boxes of one height, so that no holes are left. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.report_page.boxes import Load

GAP = 18
"""Between boxes that stand side by side."""
CORRIDOR = 36
"""Between rows; the lines to the hub run there."""
_STRETCH, _ROOMY = 1.7, 300
"""A box may become so much wider than it must be, or this wide."""
_WASTE = 120
"""What a row that is all empty costs, in units of height."""


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """A row: what stands in it, how wide each is, and how high all of it."""

    loads: tuple[Load, ...]
    widths: tuple[float, ...]
    height: float

    @property
    def width(self) -> float:
        """From the left edge of the first to the right edge of the last."""
        return sum(self.widths) + GAP * (len(self.widths) - 1)

    def waste(self, room: float) -> float:
        """The share of the row that is empty, beside the boxes and in those that need not be as high as others."""
        used = sum((width + GAP) * load.height(width) for load, width in zip(self.loads, self.widths, strict=True))
        return max(0.0, 1 - used / ((room + GAP) * self.height))


def make_shelves(loads: Sequence[Load], room: float) -> list[Shelf]:
    """Cut the loads, in their order, into rows that make the lowest picture with the least empty space."""
    best: list[tuple[float, list[Shelf]]] = [(0.0, [])]
    for end in range(1, len(loads) + 1):
        choices = []
        for start in range(end - 1, -1, -1):
            shelf = _shelf(loads[start:end], room)
            if shelf is None:
                break
            cost, shelves = best[start]
            cost += shelf.height + CORRIDOR + _WASTE * shelf.waste(room) ** 2
            choices.append((cost, [*shelves, shelf]))
        best.append(min(choices, key=lambda choice: choice[0]))
    return best[-1][1]


def _shelf(loads: Sequence[Load], room: float) -> Shelf | None:
    """A row as low as it can be; None when these do not fit side by side. One box alone always does."""
    free = room - GAP * (len(loads) - 1)
    highest = max(1, *(len(load.clusters) for load in loads))
    for rows in range(1, highest + 1):
        widths = [load.narrowest(rows) for load in loads]
        if sum(widths) <= free:
            stretched = tuple(_stretched(width, free / sum(widths)) for width in widths)
            height = max(load.height(width) for load, width in zip(loads, stretched, strict=True))
            return Shelf(loads=tuple(loads), widths=stretched, height=height)
    return None


def _stretched(width: float, factor: float) -> float:
    return min(width * factor, max(width * _STRETCH, _ROOMY))
