"""When the next round is due, and when a complaint may be repeated. Pure; the time is part of the world.

A round happens when ``lastCheckTime`` plus the interval has passed, whatever woke the controller: a restart, a relist
or a burst of watch events never advances a rollout early.
"""

import zlib
from datetime import datetime, timedelta

from controller.core.canary import Canary, CanarySpec
from controller.core.plan import Complaint
from controller.core.world import World

SPREAD = 0.1
"""At most this part of an interval is added, by key, so that a thousand canaries don't tick in the same instant."""

REPEAT_AT_REST = timedelta(minutes=10)
"""Outside of a rollout an unchanged complaint is repeated at most this often."""

SOON = timedelta(milliseconds=1)


def interval(world: World, spec: CanarySpec) -> timedelta:
    """Return the length of a round of this canary: its own, or the default, plus its share of the spread."""
    length = spec.interval or world.default_interval
    return length * (1 + SPREAD * _fraction(world.canary))


def round_due_at(world: World, spec: CanarySpec) -> datetime:
    """Return when the next round may happen; in the past if there was none yet in this rollout."""
    last = world.canary.status.last_check_time
    length = interval(world, spec)
    if last is None or last > world.now + length:  # a clock that was set back must not stop a rollout for ever
        return world.now
    return last + length


def wait_may_be_said(world: World, spec: CanarySpec) -> bool:
    """Whether a workload that has not converged is worth a word: once a round, after a whole one has passed."""
    return world.now >= _last_word(world) + interval(world, spec)


def complaint_may_be_said(world: World, text: str, pace: timedelta) -> bool:
    """Whether a complaint is new, or old enough to be repeated."""
    last = world.complaint
    return last is None or last.text != text or world.now >= last.at + pace


def remembered(world: World, text: str, *, said: bool) -> Complaint | None:
    """Return what to remember of a complaint that was, or was not, said now."""
    return Complaint(text=text, at=world.now) if said else world.complaint


def until(world: World, when: datetime) -> timedelta:
    """Return the time from now until then, never zero: a wake-up of zero would be a loop."""
    return max(when - world.now, SOON)


def _last_word(world: World) -> datetime:
    status = world.canary.status
    times = [status.start_time, status.last_check_time, world.complaint.at if world.complaint else None]
    return max((t for t in times if t is not None and t <= world.now), default=world.now)


def _fraction(canary: Canary) -> float:
    return zlib.crc32(f"{canary.namespace}/{canary.name}".encode()) / 2**32
