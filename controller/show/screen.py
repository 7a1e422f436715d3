"""Draws lines: live on a terminal, as text anywhere else. The one module that knows Rich.

A terminal that was resized holds lines that it has wrapped anew, of which nobody knows how many there are: what is on
the screen is cleared then, and drawn afresh.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from controller.show.lines import Line, Style, plain

Draw = Callable[[int], Sequence[Line]]
"""Makes the lines for a number of columns."""

_STYLES: Mapping[Style, str] = {
    "": "none",
    "good": "green",
    "bad": "red",
    "warning": "yellow",
    "dim": "dim",
    "bold": "bold",
}
_DUMB = frozenset({"dumb", "unknown"})
PLAIN_WIDTH = 80
"""Columns where nobody says how wide the output is."""


class Screen:
    """Lines that stay, and on a terminal that can, a picture below them that is drawn anew."""

    def __init__(self, out: TextIO, environ: Mapping[str, str] = os.environ) -> None:
        """Take where to draw, and the environment: NO_COLOR, TERM and COLUMNS are heeded."""
        self._out = out
        self.is_live = out.isatty() and environ.get("TERM", "").lower() not in _DUMB
        self._console = Console(
            file=out, highlight=False, soft_wrap=False, no_color=bool(environ.get("NO_COLOR")), _environ=environ
        )
        self._live: Live | None = None
        self._width = 0
        self._drawn: Sequence[Line] = ()

    @property
    def width(self) -> int:
        """Columns to draw in, now."""
        return self._console.width if self._out.isatty() else PLAIN_WIDTH

    def say(self, lines: Sequence[Line]) -> None:
        """Print lines that stay, above the picture if there is one."""
        if not self.is_live:
            self._out.write(plain(lines))
            self._out.flush()
            return
        self._console.print(_text(lines), soft_wrap=True)

    def show(self, draw: Draw) -> None:
        """Draw the picture, in the place of the one before."""
        if not self.is_live:
            self._out.write(plain(draw(self.width)))
            self._out.flush()
            return
        width = self.width
        if self._live is not None and width != self._width:
            self.keep()
            self._console.clear()
        self._width = width
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, vertical_overflow="crop")
            self._live.start()
        lines = draw(width)
        if lines != self._drawn:
            self._drawn = lines
            self._live.update(_text(lines), refresh=True)

    def keep(self) -> None:
        """Leave the picture where it is; the next one is drawn below it."""
        if self._live is not None:
            self._live.stop()
            self._live = None
            self._drawn = ()


def _text(lines: Sequence[Line]) -> Text:
    rows = [Text.assemble(*((span.text, _STYLES[span.style]) for span in line)) for line in lines]
    return Text("\n").join(rows)
