"""What each canary has asked for, and what it was brought.

In memory only: after a restart the round just asks again.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from controller.core.questions import Question
from metrics.types import AnyCheck, Reading, Target


class Asks(Protocol):
    """Who brings readings; see ``asker.Asker``."""

    def ask(
        self,
        target: Target,
        checks: Sequence[AnyCheck],
        *,
        patience_seconds: float,
        answered: Callable[[Sequence[Reading]], None],
    ) -> None:
        """Have readings brought."""


@dataclass(slots=True, eq=False)
class _Asked:
    question: Question
    readings: Sequence[Reading] | None = None  # None: they are on their way


class Inquiries:
    """One question of each canary at a time. Thread-safe."""

    def __init__(self, asker: Asks, wake: Callable[[str], None]) -> None:
        """Take who brings readings, and what queues a key once they are there."""
        self._asker = asker
        self._wake = wake
        self._lock = threading.Lock()
        self._asked: dict[str, _Asked] = {}

    def take(self, key: str, question: Question) -> Sequence[Reading] | None:
        """Return the readings that a question was answered with, once; None if they are not there."""
        with self._lock:
            asked = self._asked.get(key)
            if asked is None or asked.readings is None:
                return None
            del self._asked[key]
        return asked.readings if asked.question.serves(question) else None

    def ask(self, key: str, question: Question, patience: timedelta) -> bool:
        """Ask, and queue the key when the readings are there; return False if they are on their way already."""
        with self._lock:
            under_way = self._asked.get(key)
            if under_way is not None and under_way.question.serves(question):
                return False
            asked = self._asked[key] = _Asked(question)

        def answered(readings: Sequence[Reading]) -> None:
            with self._lock:
                if self._asked.get(key) is not asked:
                    return
                asked.readings = readings
            self._wake(key)

        self._asker.ask(question.target, question.checks, patience_seconds=patience.total_seconds(), answered=answered)
        return True

    def forget(self, key: str) -> None:
        """Drop what was asked for."""
        with self._lock:
            self._asked.pop(key, None)
