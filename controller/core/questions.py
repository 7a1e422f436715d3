"""Which round has asked for readings, and whether it is still the one that decides. Pure.

A worker does not wait for Prometheus: the round asks, and goes on when the readings are there. Meanwhile the world may
have changed. What was asked for in one round is never used in another.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.core.canary import CanarySpec
from controller.core.pacing import interval
from controller.core.plan import Plan
from controller.core.world import Shifted, World
from metrics.types import AnyCheck, Target

LONGEST_USE = timedelta(seconds=30)
"""They would be older only where the canary had to wait after they came, because it costs too much (contract D9)."""

MOST_PATIENCE = timedelta(milliseconds=500)
PATIENCE = 0.05
"""This part of an interval a question may wait for those of other canaries, to be asked as one query."""


@dataclass(frozen=True, slots=True)
class Round:
    """What tells a round from every other one of a canary: it begins a new one to write any of these."""

    started: datetime | None  # the rollout
    revision: str
    weight: int
    last_check_time: datetime | None
    shifted: Shifted | None


@dataclass(frozen=True, slots=True)
class Question:
    """What a round asks for."""

    round: Round
    target: Target
    checks: tuple[AnyCheck, ...]
    asked_at: datetime  # not before the round was due

    def serves(self, now: "Question") -> bool:
        """Whether the readings are those that a later question asks for."""
        same = (self.round, self.target, self.checks) == (now.round, now.target, now.checks)
        return same and self.asked_at <= now.asked_at <= self.asked_at + LONGEST_USE


def question_of(world: World, plan: Plan) -> Question:
    """Return the question of a plan that wants readings."""
    canary, spec, status = world.canary, world.canary.spec, world.canary.status
    assert isinstance(spec, CanarySpec), "checks are named by a valid spec"  # noqa: S101
    return Question(
        Round(
            status.start_time,
            status.canary_revision,
            status.canary_weight,
            status.last_check_time,
            world.memory.shifted,
        ),
        Target(canary.namespace, spec.canary.name, spec.reporter, canary.name),
        plan.observe,
        world.now,
    )


def patience(world: World) -> timedelta:
    """Return for how long the questions of a canary may wait for those of others."""
    spec = world.canary.spec
    assert isinstance(spec, CanarySpec), "checks are named by a valid spec"  # noqa: S101
    return min(PATIENCE * interval(world, spec), MOST_PATIENCE)
