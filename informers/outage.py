"""What the informers of a process know together of an API server that cannot be reached (contract R26).

After an outage each informer would wait as long as its own backoff says, up to a minute. In between, some caches are up
to date and others as old as the outage, and a decision would rest on both. So the first one that is answered wakes the
others, and until all of them are back, what is known is doubtful.
"""

import threading
import time
from collections.abc import Callable, Hashable

from informers.stop import Stop

SETTLE_SECONDS = 10.0
"""Since the first one is back: whoever is not by then has a trouble of its own, which stops nobody."""


class Outage:
    """Shared by the informers of one server, each of which is known by a key of its choice. Thread-safe."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._behind: set[Hashable] = set()  # who may have missed something: no answer, or a version that is gone
        self._working: set[Hashable] = set()  # whose last list or watch works
        self._wakes = 0
        self._back_at: float | None = None

    def note_failure(self, who: Hashable, *, behind: bool) -> None:
        """Note that a list or a watch failed; ``behind``: so that something may have been missed since."""
        with self._changed:
            self._working.discard(who)
            if behind:
                self._behind.add(who)

    def note_answer(self, who: Hashable) -> None:
        """Note that a list or a watch works, and wake the others if nobody answered before."""
        with self._changed:
            self._working.add(who)
            if who in self._behind:
                self._wakes += 1
                self._back_at = self._monotonic()
                self._changed.notify_all()

    def note_caught_up(self, who: Hashable) -> None:
        """Note that a cache is like the server's state again."""
        with self._changed:
            self._behind.discard(who)

    def is_behind(self, who: Hashable) -> bool:
        """Whether a cache may have missed something, and has not caught up since."""
        with self._changed:
            return who in self._behind

    def is_doubtful(self) -> bool:
        """Whether nothing should be decided by the caches: nobody is answered, or the first one has just been."""
        with self._changed:
            settling = self._back_at is not None and self._monotonic() - self._back_at < SETTLE_SECONDS
            return bool(self._behind) and (settling or not self._working)

    def wait(self, stop: Stop, seconds: float) -> bool:
        """Wait that long, or until another is answered, or until stop; return whether stop is set."""
        with self._changed:
            before = self._wakes
            with stop.waking(self._wake):
                self._changed.wait_for(lambda: stop.is_set() or self._wakes != before, seconds)
        return stop.is_set()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
