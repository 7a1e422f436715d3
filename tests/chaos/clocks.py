"""The wall clock of the controller is set in the midst of a rollout, by an hour; nobody else's is.

Controllers take their wall clock by its name in ``controller.lifecycle`` when they are built, so one that can be set
takes its place there. Everybody's monotonic clock goes on.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from controller import lifecycle
from testbed.sandbox.cluster import wall_clock
from tests.chaos.play import Blow, Play

HOUR = timedelta(hours=1)
A_WHILE = 1.0
WAYS = ("forward", "back", "forward-and-back", "back-and-forward")
WHOSE = ("running", "next")
NOT_PROMISED = frozenset({"steps", "drained", "passed"})
"""A clock that is set forward cuts intervals, drains and windows short: it tells how long they have lasted."""


class Clock:
    """Shows the time, and something besides."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return wall_clock() + self.ahead


@contextmanager
def going_by(clock: Clock) -> Iterator[None]:
    """Have the controllers that are built meanwhile go by this clock."""
    before, lifecycle.utc_now = lifecycle.utc_now, clock
    try:
        yield
    finally:
        lifecycle.utc_now = before


def clock(way: str, stage: str, whose: str) -> Blow:
    """Set the clock of the controller that runs at a stage; or another controller goes on, by another clock."""

    def strike(it: Play) -> None:
        own, it.forgiven = Clock(), frozenset() if way == "back" else NOT_PROMISED
        with going_by(own):
            with it.controller():
                it.until_stage(stage)
                if whose == "running":
                    _set(it, own, way)
            with it.controller():
                if whose == "next":
                    _set(it, own, way)
                it.until(lambda: False)

    return strike


def _set(it: Play, own: Clock, way: str) -> None:
    first, _, then = way.partition("-and-")
    own.ahead = HOUR if first == "forward" else -HOUR
    if then:
        it.wait(A_WHILE)
        own.ahead = timedelta()
    it.until(lambda: False)
