"""What the asker has in hand: the questions of each round, alone or in batches. Guarded by the asker's lock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from metrics.types import AnyCheck, Group, Reading, Target

WAIT_SECONDS = 10.0
"""For a place in a lane: who has had none by then is told so."""

Answered = Callable[[Sequence[Reading]], None]


@dataclass(slots=True, eq=False)
class Round:
    """What one canary waits for."""

    since: float
    answered: Answered
    readings: list[Reading | None]


@dataclass(slots=True, eq=False)
class Question:
    """One check of a round."""

    round: Round
    place: int  # of its reading in the round
    target: Target
    check: AnyCheck
    alone: bool = False  # whether it was put into a lane by itself
    asked: bool = False  # and left it

    @property
    def is_answered(self) -> bool:
        """Whether its round has its reading."""
        return self.round.readings[self.place] is not None

    @property
    def until(self) -> float:
        """When it must have had a place in a lane, by the clock."""
        return self.round.since + WAIT_SECONDS


@dataclass(slots=True, eq=False)
class Batch:
    """Questions that are asked as one."""

    group: Group
    questions: Sequence[Question]
    late_at: float = field(default=float("inf"))  # when those without an answer are asked alone as well
