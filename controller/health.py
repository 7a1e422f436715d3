"""Whether the process does its work: which threads are dead or stuck, and which caches see nothing.

A thread that dies takes the process with it (contract T4): half a controller holds the lease and looks alive.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from controller.in_hand import InHand

STUCK_SECONDS = 600.0  # a reconcile takes a few requests, each of which has an end within a minute
SILENT_SECONDS = 900.0  # a bookmark comes every minute or so, and a watch ends after ten at most


class WatchedCache(Protocol):
    """What is asked of an informer."""

    @property
    def problem(self) -> str | None:
        """What keeps lists or watches from working now, or None."""

    @property
    def has_synced(self) -> bool:
        """Whether the first list has been applied."""

    def alive(self) -> bool:
        """Whether every thread that was started still runs."""

    def seconds_since_event(self) -> float | None:
        """Return the age of the last event, bookmarks included; None before the first."""


def cache_problem(cache: WatchedCache) -> str | None:
    """Return why a cache is not kept up to date, or None if it is."""
    if not cache.alive():
        return "a thread of it has died, see the log"
    if cache.problem is not None:
        return cache.problem
    if not cache.has_synced:
        return "the first list is under way"
    age = cache.seconds_since_event()
    if age is not None and age > SILENT_SECONDS:
        return f"its watch has said nothing for {age:.0f}s, not even that nothing has changed"
    return None


@dataclass(frozen=True, slots=True)
class Health:
    """What the process lives on."""

    alive: Mapping[str, Callable[[], bool]]  # by what it is: whether its threads run
    caches: Callable[[], Mapping[str, WatchedCache]]  # by name: those without which nothing can be decided now
    in_hand: InHand
    waits: Mapping[str, Callable[[], float]]  # by what waits for another thread: for how many seconds

    def problems(self) -> list[str]:
        """Return what is dead or stuck: nothing mends it but a restart."""
        dead = [f"{name} has died, see the log" for name, alive in self.alive.items() if not alive()]
        stuck = self.in_hand.longer_than(STUCK_SECONDS)
        stuck += [what for what, seconds in self.waits.items() if seconds() > STUCK_SECONDS]
        return dead + [f"{what} has not come to an end for {STUCK_SECONDS:.0f}s" for what in stuck]

    def cache_problems(self) -> list[str]:
        """Return which caches see nothing, and why: what may mend itself."""
        found = [(name, cache_problem(cache)) for name, cache in self.caches().items()]
        return [f"cache of {name}: {problem}" for name, problem in found if problem is not None]
