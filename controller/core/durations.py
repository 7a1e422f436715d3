"""Durations as users write them: ``30s``, ``1m``, ``1h30m``. Pure.

Source: the syntax of Go's ``time.ParseDuration``, in which every Kubernetes flag and field is written.
"""

import re
from datetime import timedelta

_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|h|m|s)")
_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours"}


def parse_duration(text: str) -> timedelta:
    """Return the duration; ValueError, with an example of a right one, for anything else."""
    total = timedelta()
    position = 0
    for part in _PART.finditer(text):
        if part.start() != position:
            break
        total += timedelta(**{_UNITS[part[2]]: float(part[1])})
        position = part.end()
    if not text or position != len(text):
        raise ValueError(f"{text!r} is not a duration such as 30s, 1m or 1h30m")
    return total
