"""Where the demonstration is shown: a terminal with a live picture, or plain lines."""

import os
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Any, TextIO

from hack.demo.picture import line, picture
from hack.demo.user import Snapshot

Json = dict[str, Any]

_COLOURS = {"green": "32", "yellow": "33", "red": "31", "dim": "2", "bold": "1"}
_CLEAR_BELOW = "\x1b[J"


class Screen:
    """Prints texts and events as lines that stay, and under them, on a terminal, the picture as it is now."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._live = out.isatty()
        self._coloured = self._live and "NO_COLOR" not in os.environ
        self._drawn: list[str] = []  # the picture that is on the screen
        self._last_line = ""

    def say(self, *texts: str) -> None:
        """Print lines that stay."""
        self._wipe()
        for text in texts:
            print(text, file=self._out)
        self._out.flush()

    def title(self, text: str) -> None:
        """Print what comes next."""
        self.say("", self._paint(text, "bold"), "")

    def show(self, events: Iterable[Json], snapshot: Snapshot) -> None:
        """Print events that are new, and the picture."""
        for event in events:
            kind = self._paint(f"{event['type']:<7}", "yellow" if event["type"] == "Warning" else "green")
            at = datetime.fromisoformat(event["lastTimestamp"]).astimezone().strftime("%H:%M:%S")
            self.say(f"  {at}  {kind}  {event['message']}")
        if self._live:
            self._redraw(picture(snapshot, self._paint))
        elif (text := line(snapshot)) != self._last_line:
            self._last_line = text
            self.say(f"            {text}")

    def keep(self) -> None:
        """Leave the picture where it is."""
        self._drawn = []

    def _redraw(self, lines: list[str]) -> None:
        if lines == self._drawn:
            return
        self._wipe()
        print("\n".join(lines), file=self._out, flush=True)
        self._drawn = lines

    def _wipe(self) -> None:
        if self._drawn:
            print(f"\x1b[{len(self._drawn)}F{_CLEAR_BELOW}", end="", file=self._out)
            self._drawn = []

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self._coloured and text else text
