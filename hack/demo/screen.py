"""Where the demonstration is shown: lines that stay, and below them the picture of ``flagger watch``."""

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, TextIO

from controller.show import screen
from controller.show.facts import Snapshot
from controller.show.lines import Line, Span, line, wrapped
from controller.show.picture import in_one_line, picture

Json = dict[str, Any]


class Screen:
    """Prints texts and events as lines that stay and, on a terminal, the picture as it is now under them."""

    def __init__(self, out: TextIO = sys.stdout, environ: Mapping[str, str] = os.environ) -> None:
        self._screen = screen.Screen(out, environ)
        self._last_line: Line = ()

    def say(self, *texts: str) -> None:
        """Print lines that stay."""
        self._screen.say([line(text) for text in texts])

    def title(self, text: str) -> None:
        """Print what comes next."""
        self._screen.say([(), line(Span(text, "bold")), ()])

    def show(self, events: Iterable[Json], snapshot: Snapshot) -> None:
        """Print events that are new, and the picture, or where it cannot be redrawn one line for each change."""
        for event in events:
            at = datetime.fromisoformat(event["lastTimestamp"]).astimezone().strftime("%H:%M:%S")
            kind = Span(f"{event['type']:<7}", "warning" if event["type"] == "Warning" else "good")
            self._screen.say(list(wrapped(line(f"  {at}  ", kind, "  "), event["message"], self._screen.width)))
        if self._screen.is_live:
            self._screen.show(partial(_below_the_events, snapshot))
        elif (stands := in_one_line(snapshot)) != self._last_line:
            self._last_line = stands
            self._screen.say([(*line(" " * 12), *stands)])

    def keep(self) -> None:
        """Leave the picture where it is."""
        self._screen.keep()


def _below_the_events(snapshot: Snapshot, width: int) -> list[Line]:
    """Return the picture without the last events, which stand above it already."""
    return [(), *picture(replace(snapshot, events=()), width)]
