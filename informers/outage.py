"""What the informers of a process know together of an API server that cannot be reached (contract R26).

After an outage each informer would wait as long as its own backoff says, up to a minute. In between, some caches are up
to date and others as old as the outage, and a decision would rest on both. So the first one that is answered wakes the
others, and until all of them are back, what is known is doubtful.

It is an outage only while nobody is answered: an informer that has a trouble of its own wakes nobody and makes nothing
doubtful.
"""

import math
import threading
import time
from collections.abc import Callable, Hashable

from informers.stop import Stop

SETTLE_SECONDS = 10.0
"""Since the first one is back: whoever is not by then has a trouble of its own. Nor is another outage over before."""


class Outage:
    """Shared by the informers of one server, each of which is known by a key of its choice. Thread-safe."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._behind: dict[Hashable, int] = {}  # who may have missed something → how many outages were over by then
        self._working: set[Hashable] = set()  # whose last list or watch works
        self._over = 0  # outages
        self._back_at = -math.inf  # when the last one was over

    def note_failure(self, who: Hashable, *, behind: bool) -> None:
        """Note that a list or a watch failed; ``behind``: so that something may have been missed since."""
        with self._changed:
            self._working.discard(who)
            if behind:
                self._behind[who] = self._over

    def note_answer(self, who: Hashable) -> None:
        """Note that a list or a watch works, and wake the others if nobody was answered before."""
        with self._changed:
            if who in self._behind and not self._working and not self._is_settling():
                self._over += 1
                self._back_at = self._monotonic()
                self._changed.notify_all()
            self._working.add(who)

    def note_caught_up(self, who: Hashable) -> None:
        """Note that a cache is like the server's state again."""
        with self._changed:
            self._behind.pop(who, None)

    def is_behind(self, who: Hashable) -> bool:
        """Whether a cache may have missed something, and has not caught up since."""
        with self._changed:
            return who in self._behind

    def is_doubtful(self) -> bool:
        """Whether nothing should be decided by the caches: nobody is answered, or the first one has just been."""
        with self._changed:
            return bool(self._behind) and (self._is_settling() or not self._working)

    def wait(self, who: Hashable, stop: Stop, seconds: float) -> bool:
        """Wait that long, or until an outage is over that began before, or until stop; return whether stop is set."""
        with self._changed:
            before = self._behind.get(who, self._over)
            with stop.waking(self._wake):
                self._changed.wait_for(lambda: stop.is_set() or self._over != before, seconds)
        return stop.is_set()

    def _is_settling(self) -> bool:
        return self._monotonic() - self._back_at < SETTLE_SECONDS

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
