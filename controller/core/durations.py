"""Durations as users write them: ``30s``, ``1m``, ``1h30m``, and how long a round may be. Pure.

Source: the syntax of Go's ``time.ParseDuration``, in which every Kubernetes flag and field is written.
"""

import re
from datetime import timedelta

_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|h|m|s)")
_SHORTEST_INTERVAL = timedelta(seconds=1)
_LONGEST_INTERVAL = timedelta(hours=24)
_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours"}


def parse_duration(text: str) -> timedelta:
    """Return the duration; ValueError, with an example of a right one, for anything else."""
    total = timedelta()
    position = 0
    for part in _PART.finditer(text):
        if part.start() != position:
            break
        try:
            total += timedelta(**{_UNITS[part[2]]: float(part[1])})
        except OverflowError as error:
            raise ValueError(f"{text!r} is too long") from error
        position = part.end()
    if not text or position != len(text):
        raise ValueError(f"{text!r} is not a duration such as 30s, 1m or 1h30m")
    return total


def parse_interval(text: str) -> timedelta:
    """Return the length of a round; ValueError, which says what would be right, if there can be none like it."""
    interval = parse_duration(text)
    if not _SHORTEST_INTERVAL <= interval <= _LONGEST_INTERVAL:
        raise ValueError(f"{text!r} is not between 1s and 24h")
    return interval
