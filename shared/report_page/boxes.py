"""A VNet as a box: how large it is with its clusters in it, and where each of them stands. Pure.

Units are those of the SVG's viewBox. Few clusters are drawn as chips with their names, many as small marks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

PADDING = 12
HEADER = 46
"""From the box's upper edge to its first cluster: name, role and address space."""
NARROWEST = 168
"""A VNet's name needs some room."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """Of one cluster's mark: at least so wide, and at most, when there is room."""

    width: int
    widest: int
    height: int
    gap: int


CHIP = Size(width=128, widest=400, height=30, gap=8)
CHIP_INSET = 38
"""What a chip needs besides its name: the verdict's glyph, and room at both ends."""
MARK = Size(width=18, widest=18, height=18, gap=8)


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A cluster's place; `index` is its position in the report."""

    index: int
    x: float
    y: float
    width: float
    height: float


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
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height

    @property
    def centre(self) -> tuple[float, float]:
        """Its middle."""
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a box must hold, before it has a place."""

    index: int | None
    clusters: tuple[int, ...]
    size: Size

    def narrowest(self, rows: int) -> float:
        """The width that keeps the clusters within so many rows."""
        columns = max(1, math.ceil(len(self.clusters) / rows))
        return max(2 * PADDING + columns * (self.size.width + self.size.gap) - self.size.gap, NARROWEST)

    def height(self, width: float) -> float:
        """How high a box of this width is."""
        if not self.clusters:
            return HEADER + PADDING / 2
        rows = math.ceil(len(self.clusters) / self._columns(width))
        return HEADER + PADDING + rows * (self.size.height + self.size.gap) - self.size.gap

    def box(self, x: float, y: float, width: float, height: float = 0) -> Box:
        """The box at its place; `height` makes it higher than it must be."""
        marks = tuple(self._marks(x + PADDING, y + HEADER, width))
        height = max(height, self.height(width))
        return Box(index=self.index, x=x, y=y, width=width, height=height, marks=marks)

    def _columns(self, width: float) -> int:
        fit = max(1, int((width - 2 * PADDING + self.size.gap) // (self.size.width + self.size.gap)))
        if self.size.width == self.size.widest:
            return fit
        # Chips share the width: three rows of two look better than two rows of three and none.
        rows = max(1, math.ceil(len(self.clusters) / fit))
        return max(1, math.ceil(len(self.clusters) / rows))

    def _marks(self, x: float, y: float, width: float) -> list[Mark]:
        size, columns = self.size, self._columns(width)
        share = (width - 2 * PADDING - size.gap * (columns - 1)) / columns
        wide = max(size.width, min(share, size.widest)) if size.width < size.widest else size.width
        return [
            Mark(
                index=cluster,
                x=x + number % columns * (wide + size.gap),
                y=y + number // columns * (size.height + size.gap),
                width=wide,
                height=size.height,
            )
            for number, cluster in enumerate(self.clusters)
        ]
