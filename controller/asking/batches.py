"""Questions that wait to be asked together. Pure, for one thread at a time; the clock is an argument.

The first question of a group is asked at once. Those that come soon after it wait until some time has passed since, so
that a group is asked a few times a second however many canaries are due, and a single canary waits for nobody.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

MOST_TOGETHER = 50
"""Workloads of one query: an answer of some kilobytes, and a query that every server takes."""

G = TypeVar("G", bound=Hashable)
Q = TypeVar("Q")


@dataclass(slots=True)
class _Open(Generic[Q]):
    due: float
    questions: list[Q] = field(default_factory=list)


class Batches(Generic[G, Q]):
    """Collects questions by group."""

    def __init__(self, most: int = MOST_TOGETHER) -> None:
        """Take how many questions a batch may have."""
        self._most = most
        self._open: dict[G, _Open[Q]] = {}
        self._closed_at: dict[G, float] = {}  # when a batch of a group was last complete

    def put(self, group: G, question: Q, *, now: float, patience: float) -> list[Q] | None:
        """Add a question; return its batch if that is complete.

        Args:
            group: of the question.
            question: to be asked.
            now: by the clock, in seconds.
            patience: how long it may wait for others, in seconds.
        """
        due = max(self._closed_at.get(group, float("-inf")) + patience, now)
        batch = self._open.setdefault(group, _Open(due))
        batch.due = min(batch.due, due)
        batch.questions.append(question)
        if batch.due > now and len(batch.questions) < self._most:
            return None
        return self._close(group, now)

    def due(self, now: float) -> list[tuple[G, list[Q]]]:
        """Return the batches that wait no longer."""
        groups = [group for group, batch in self._open.items() if batch.due <= now]
        return [(group, self._close(group, now)) for group in groups]

    def next_due(self) -> float | None:
        """Return when the next batch is due; None if nothing waits."""
        return min((batch.due for batch in self._open.values()), default=None)

    def _close(self, group: G, now: float) -> list[Q]:
        # A group of which nothing has come for long need not be remembered: it may be asked at once.
        self._closed_at = {g: at for g, at in self._closed_at.items() if now < at + _REMEMBERED_SECONDS}
        self._closed_at[group] = now
        return self._open.pop(group).questions


_REMEMBERED_SECONDS = 60.0
