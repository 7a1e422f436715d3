"""Lines of text with styles, as wide as a terminal and no wider. Pure; whoever draws them decides on colours.

Whatever comes from the cluster goes through ``printable`` here, so that nobody has to think of it.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from controller.printable import printable

Style = Literal["", "good", "bad", "warning", "dim", "bold"]

NARROWEST = 20
"""Columns of a terminal below which lines are as wide as this: nothing sensible fits there."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line in one style."""

    text: str
    style: Style = ""


Line = tuple[Span, ...]

EMPTY: Line = ()


def line(*spans: str | Span) -> Line:
    """Return a line of texts and spans, safe to print."""
    return tuple(Span(printable(s), "") if isinstance(s, str) else Span(printable(s.text), s.style) for s in spans)


def plain(lines: Iterable[Line]) -> str:
    """Return lines as text without styles."""
    return "".join("".join(span.text for span in line).rstrip() + "\n" for line in lines)


def cells(text: str) -> int:
    """Return how many columns a text takes."""
    return sum(_cells_of(c) for c in text)


def padded(text: str, width: int) -> str:
    """Return a text that takes at least so many columns."""
    return text + " " * (width - cells(text))


def wrapped(first: Line, text: str, width: int, style: Style = "") -> Iterator[Line]:
    """Yield a paragraph: its first line begins with a label, the others are indented by the label's width.

    Words are kept whole unless one is wider than a line.
    """
    indent = sum(cells(span.text) for span in first)
    room = max(width, NARROWEST) - indent
    if room < NARROWEST // 2:  # the label leaves no room: below it then
        yield first
        first, indent, room = line("  "), 2, max(width, NARROWEST) - 2
    for number, piece in enumerate(_pieces(printable(text), room)):
        lead = first if number == 0 else (Span(" " * indent),)
        yield (*lead, Span(piece, style))


def table(rows: Sequence[Sequence[str]], *, gap: int = 3) -> Iterator[str]:
    """Yield rows with aligned columns, as kubectl prints them."""
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(cells(row[column]) for row in shown) for column in range(len(shown[0]))]
    for row in shown:
        yield (" " * gap).join(padded(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _pieces(text: str, room: int) -> Iterator[str]:
    piece = ""
    for word in text.split(" "):
        if piece and cells(piece) + 1 + cells(word) > room:
            yield piece
            piece = ""
        piece = f"{piece} {word}" if piece else word
        while cells(piece) > room:
            head, piece = _split(piece, room)
            yield head
    yield piece


def _split(text: str, room: int) -> tuple[str, str]:
    at = next(at for at in range(len(text) + 1) if cells(text[:at]) > room) - 1
    return text[:at], text[at:]


def _cells_of(c: str) -> int:
    if unicodedata.combining(c):
        return 0
    return 2 if unicodedata.east_asian_width(c) in {"W", "F"} else 1
