"""Durations as Go prints them: ``823ms``, ``1.567s``, ``2m0s``. Pure.

Source: the documented format of Go's ``time.Duration.String``, which events show.
"""

_MS_PER_SECOND = 1000
_SECONDS_PER_MINUTE = 60
_MINUTES_PER_HOUR = 60


def go_duration(milliseconds: int) -> str:
    """Return a duration of whole milliseconds (at least 0) as Go prints it."""
    if milliseconds == 0:
        return "0s"
    if milliseconds < _MS_PER_SECOND:
        return f"{milliseconds}ms"
    seconds, ms = divmod(milliseconds, _MS_PER_SECOND)
    minutes, seconds = divmod(seconds, _SECONDS_PER_MINUTE)
    hours, minutes = divmod(minutes, _MINUTES_PER_HOUR)
    fraction = f".{ms:03}".rstrip("0") if ms else ""
    text = f"{seconds}{fraction}s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text
