"""What ``kubectl describe canary/podinfo`` shows of status and events, in kubectl's layout. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

Json = dict[str, Any]

_MINUTE, _HOUR = 60, 3600
_COLUMNS = ("Type", "Reason", "Age", "From", "Message")


def describe(status: Json, events: Sequence[Json], now: datetime) -> list[str]:
    """Return the part of kubectl's text that tells how the canary stands.

    Args:
        status: of the canary object.
        events: in the order in which they are to be shown.
        now: ages are counted from here.
    """
    fields = (
        ("Canary Revision", status.get("canaryRevision", "")),
        ("Failed Checks", status.get("failedChecks", 0)),
        ("State", status.get("state", "")),
    )
    rows = [_COLUMNS, tuple("-" * len(column) for column in _COLUMNS), *[_row(event, now) for event in events]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_COLUMNS))]
    return [
        "Status:",
        *[f"  {name + ':':<17} {value}" for name, value in fields],
        "Events:",
        *[
            "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ],
    ]


def _row(event: Json, now: datetime) -> tuple[str, ...]:
    return (event["type"], event["reason"], _age(event, now), event["source"]["component"], event["message"])


def _age(event: Json, now: datetime) -> str:
    last = _short(now, event["lastTimestamp"])
    count = event.get("count", 1)
    return last if count == 1 else f"{last} (x{count} over {_short(now, event['firstTimestamp'])})"


def _short(now: datetime, then: str) -> str:
    seconds = max(0, int((now - datetime.fromisoformat(then)).total_seconds()))
    if seconds < 2 * _MINUTE:
        return f"{seconds}s"
    return f"{seconds // _MINUTE}m" if seconds < 2 * _HOUR else f"{seconds // _HOUR}h"
