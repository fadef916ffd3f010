"""The picture's geometry, for networks of all shapes."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.report_page.boxes import Box
from shared.report_page.layout import HUB_WIDTH, WIDTH, Drawing, draw
from tests.report_page.reports import cluster_entry, make_report, report_of

SHAPES = st.tuples(st.lists(st.integers(0, 12), max_size=6), st.lists(st.integers(0, 90), max_size=40))
"""Clusters in each monitoring VNet, and in each spoke."""


def network(monitoring: list[int], spokes: list[int], *, strays: int = 0) -> dict[str, Any]:
    counts = [*monitoring, *spokes]
    homes = [vnet for vnet, count in enumerate(counts) for _ in range(count)]
    entries = [cluster_entry(number, vnet) for number, vnet in enumerate([*homes, *[len(counts) + 7] * strays])]
    drawn: dict[str, Any] = report_of(entries, spokes=len(counts) - 1)["network"]
    for place, vnet in enumerate(drawn["vnets"]):
        vnet["role"] = "monitoring" if place < len(monitoring) else "spoke"
    return drawn


def corners(drawing: Drawing, index: int) -> list[tuple[float, float]]:
    """The points of a line, rounded corners taken as what they round."""
    numbers = [float(text) for text in re.findall(r"-?\d+(?:\.\d+)?", drawing.routes[index].path)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def behind(box: Box, one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether a stretch of a line runs inside a box, deeper than its edge."""
    left, right = sorted((one[0], other[0]))
    top, bottom = sorted((one[1], other[1]))
    return left < box.right - 1 and right > box.x + 1 and top < box.bottom - 1 and bottom > box.y + 1


@settings(deadline=None, max_examples=60)
@given(SHAPES, st.integers(0, 2))
def test_lines_run_between_the_boxes_and_end_at_their_own(shape: tuple[list[int], list[int]], strays: int) -> None:
    drawing = draw(network(*shape, strays=strays))
    for box in drawing.boxes:
        if box.index is None:
            continue
        points = corners(drawing, box.index)
        for one, other in pairwise(points):
            assert not [crossed for crossed in (*drawing.boxes, drawing.hub) if behind(crossed, one, other)]
            assert 0 <= one[0] <= drawing.width
            assert 0 <= one[1] <= drawing.height
        x, y = points[-1]
        on_edge = min(abs(x - box.x), abs(x - box.right), abs(y - box.y), abs(y - box.bottom))
        assert on_edge < 0.11
        assert box.x - 0.1 <= x <= box.right + 0.1
        assert box.y - 0.1 <= y <= box.bottom + 0.1


@settings(deadline=None, max_examples=60)
@given(SHAPES, st.integers(0, 2))
def test_boxes_stand_apart_and_hold_their_clusters(shape: tuple[list[int], list[int]], strays: int) -> None:
    drawn = network(*shape, strays=strays)
    drawing = draw(drawn)
    boxes = [*drawing.boxes, drawing.hub]
    for place, box in enumerate(boxes):
        assert box.x >= 0
        assert box.right <= drawing.width
        assert box.bottom <= drawing.height
        for other in boxes[place + 1 :]:
            assert not behind(box, (other.x, other.y), (other.right, other.bottom))
        for mark in box.marks:
            assert box.x <= mark.x
            assert mark.x + mark.width <= box.right
            assert box.y <= mark.y
            assert mark.y + mark.height <= box.bottom
    shown = sorted(mark.index for box in boxes for mark in box.marks)
    assert shown == list(range(len(drawn["clusters"])))


def test_three_clusters_use_both_halves_of_a_low_picture() -> None:
    drawing = draw(make_report(clusters=3, spokes=2)["network"])
    assert min(box.x for box in drawing.boxes) < 60
    assert max(box.right for box in drawing.boxes) > WIDTH - 60
    assert drawing.height < 300


def test_one_large_vnet_leaves_no_hole() -> None:
    drawing = draw(network([0], [300, *[5] * 40]))
    used = sum(box.width * box.height for box in (*drawing.boxes, drawing.hub))
    assert used > 0.55 * drawing.width * drawing.height
    assert drawing.height < 1400
    large = next(box for box in drawing.boxes if len(box.marks) == 300)
    assert large.height < large.width / 2


def test_few_spokes_stand_at_the_hubs_side_and_many_around_it() -> None:
    few, many = draw(network([0], [1, 1])), draw(network([0], [20] * 25))
    assert all(box.x > few.hub.right for box in few.boxes if box.index)
    above = [box for box in many.boxes if box.bottom < many.hub.y]
    below = [box for box in many.boxes if box.y > many.hub.bottom]
    assert abs(len(above) - len(below)) <= 1
    assert many.hub.centre[0] == WIDTH / 2
    assert many.hub.width == HUB_WIDTH
