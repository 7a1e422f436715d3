"""Scripted readings: what Prometheus answers in each round of a story."""

import threading
from collections.abc import Sequence

GOOD = (1.0, 0.02)
BAD = (0.5, 0.02)


class Script:
    """Answers rate and duration queries, one round after the other; the last round repeats."""

    def __init__(self, rounds: Sequence[tuple[float | None, float | None]]) -> None:
        """Take for each round the success ratio (0..1) and the duration in seconds, whatever the metric's unit is."""
        self._rounds = list(rounds)
        self._asked = {"rate": 0, "duration": 0}
        self._lock = threading.Lock()

    def __call__(self, query: str) -> float | None:
        name = "duration" if "histogram_quantile" in query else "rate"
        with self._lock:
            index = min(self._asked[name], len(self._rounds) - 1)
            self._asked[name] += 1
        rate, seconds = self._rounds[index]
        if name == "rate":
            return rate
        return seconds * 1000 if seconds is not None and "milliseconds" in query else seconds


def rates(*percents: float) -> list[tuple[float, float]]:
    return [(percent / 100, GOOD[1]) for percent in percents]


def durations(*seconds: float) -> list[tuple[float, float]]:
    return [(GOOD[0], second) for second in seconds]


PROMOTION = [
    *[GOOD] * 2,
    *durations(2.525, 1.567, 0.823),
    *[GOOD] * 3,
    *rates(82.33, 87.22, 94.74),
    GOOD,
]
ROLLBACK = [*[GOOD] * 2, *rates(69.17, 61.39, 55.06, 47.00, 45.5, 44.1, 42.2, 41.7, 40.3, 38.08)]
