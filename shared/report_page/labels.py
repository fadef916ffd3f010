"""Text in the picture: SVG does not wrap or cut it, so it is cut here. Pure.

How wide a text is depends on the reader's fonts. These are the widths of DejaVu Sans Bold, which is wider than what
Windows, macOS and Android have; so a text that fits here fits there.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import takewhile

NAME, BOLD, SOFT = 13.0, 12.0, 11.3
"""Font sizes in the picture, as in map.css: 13 px bold, 12 px bold, and 12 px regular, which is narrower."""
_WIDTHS = (
    (" ',./\\|ijlIJ·", 0.39),
    (":;-", 0.43),
    ("!()[]f", 0.47),
    ("tr_`", 0.51),
    ('"*?zcs', 0.61),
    ("Lvxy", 0.67),
    ("akeoEFT$0123456789", 0.71),
    ("bdghnpquCPSYZ{}", 0.74),
    ("ABKRVX", 0.79),
    ("DGHNOQU#+<=>^~✓✕→", 0.88),
    ("&w", 0.94),
    ("mM%@…", 1.06),
)
_OTHER = 1.2
_LEAST = 3
"""Letters that stay at either end of a name that is cut."""


@cache
def _letter(letter: str) -> float:
    return next((width for letters, width in _WIDTHS if letter in letters), _OTHER)


def width(text: str, size: float) -> float:
    """How wide a text is at most."""
    return size * sum(map(_letter, text))


def fit(text: str, room: float, size: float = NAME) -> str:
    """The text, cut in the middle if it is too wide: names of clusters differ at their ends."""
    return text if width(text, size) <= room else _cut(text, room, size, head=0.5)


def fit_end(text: str, room: float, size: float = SOFT) -> str:
    """The text, cut at its end if it is too wide."""
    return text if width(text, size) <= room else _cut(text, room, size, head=1.0)


def fit_apart(names: Sequence[str], rooms: Sequence[float]) -> list[str]:
    """Names that stand together, cut so that they still differ."""
    cut = [fit(name, room) for name, room in zip(names, rooms, strict=True)]
    for text in {text for text in cut if cut.count(text) > 1}:
        alike = [place for place, other in enumerate(cut) if other == text]
        start = _shared([names[place] for place in alike])
        for place in alike:
            if start < len(names[place]):
                cut[place] = _from(names[place], start, rooms[place])
    return cut


def _shared(names: Sequence[str]) -> int:
    """How many letters all of them begin with."""
    return sum(1 for _ in takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False)))


def _from(text: str, start: int, room: float) -> str:
    """The first letters of a text, and what comes from a place on."""
    head = f"{text[: min(start, _LEAST)]}{'…' if start > _LEAST else ''}"
    return head + fit_end(text[min(start, max(start, _LEAST)) :], room - width(head, NAME), NAME)


def _cut(text: str, room: float, size: float, *, head: float) -> str:
    """The beginning and the end of a text; `head` is the share of the room that the beginning gets."""
    left = room - width("…", size)
    start, end = 0, len(text)
    ahead, behind = 0.0, 0.0
    while start < end:
        wants_head = head == 1 or start < _LEAST or (ahead <= (ahead + behind) * head and head > 0)
        letter = text[start] if wants_head else text[end - 1]
        more = width(letter, size)
        if ahead + behind + more > left:
            break
        if wants_head:
            start, ahead = start + 1, ahead + more
        else:
            end, behind = end - 1, behind + more
    return f"{text[:start].rstrip()}…{text[end:].lstrip()}"
