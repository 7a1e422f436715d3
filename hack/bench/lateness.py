"""How late rounds were, read from the statuses of a canary as they were stored. Pure.

A status says when its round was judged. The next is due one interval later, so what the time between the two has more
than an interval is lateness: waiting for a worker, for Prometheus and for the writes of the round before. That is more
than ``flagger_round_lateness_seconds`` counts, which leaves the writes out, and it is known for each canary.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

Json = Mapping[str, Any]

_ONE_ROUND = ("canaryWeight", "failedChecks", "inconclusiveChecks")
"""What differs between two rounds. A status may correct the time of its round later; that is no other round."""


@dataclass(frozen=True, slots=True)
class Round:
    """A round that was held."""

    at: datetime
    inconclusive: bool = False


@dataclass(frozen=True, slots=True)
class Rounds:
    """The rounds of a time span."""

    held: int
    skipped: int  # that were due and came a whole interval late, or never
    inconclusive: int  # of those that were held
    late: tuple[timedelta, ...]

    @property
    def due(self) -> int:
        """How many should have been held."""
        return self.held + self.skipped

    def quantile(self, share: float) -> timedelta:
        """Return the lateness that this share of the rounds did not exceed, by the nearest rank; 0 without rounds."""
        ranked = sorted(self.late)
        return ranked[max(math.ceil(share * len(ranked)) - 1, 0)] if ranked else timedelta()


def rounds_of(statuses: Iterable[Json]) -> list[Round]:
    """Return the rounds that a sequence of statuses tells of, in order."""
    found: dict[tuple[object, ...], Round] = {}
    before = 0
    for status in statuses:
        if not status.get("lastCheckTime"):
            continue
        key = tuple(status.get(field, 0) for field in _ONE_ROUND)
        inconclusive = int(status.get("inconclusiveChecks", 0))
        at = datetime.fromisoformat(status["lastCheckTime"])
        known = found.get(key)
        found[key] = Round(at, known.inconclusive if known else inconclusive > before)
        before = inconclusive
    return list(found.values())


def within(rounds: Sequence[Round], begin: datetime, end: datetime, length: timedelta) -> Rounds:
    """Return what was held of the rounds that were due in a time span.

    Args:
        rounds: all that were held, in order.
        begin: of the time span.
        end: of it.
        length: of a round, the spread included.
    """
    held = [one for one in rounds if begin <= one.at < end]
    late, skipped = [], 0
    for gap in _gaps(rounds, begin, end):
        skipped += max(gap // length - 1, 0)
        late.append(max(gap - length, timedelta()))
    tail = end - max([begin, *(one.at for one in held)])
    if tail >= 2 * length:  # not one that is a little late, but one that is missing
        skipped += tail // length - 1
        late.append(tail - length)
    return Rounds(len(held), skipped, sum(one.inconclusive for one in held), tuple(late))


def _gaps(rounds: Sequence[Round], begin: datetime, end: datetime) -> Iterator[timedelta]:
    """Yield the time before each round of a time span since the one before, which may lie before the span."""
    for before, after in pairwise(rounds):
        if begin <= after.at < end:
            yield after.at - before.at
