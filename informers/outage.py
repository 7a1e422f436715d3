"""What the informers of a process know together of an API server that was away, or that went back (contract R26).

After an outage each informer would wait as long as its own backoff says, up to a minute. In between, some caches are up
to date and others as old as the outage, and a decision would rest on both. So the first one that is answered wakes the
others, and until all of them are back, what is known is doubtful.

It is an outage only while nobody is answered: an informer that has a trouble of its own wakes nobody and makes nothing
doubtful.

A server that was restored from a backup has gone back for all of them. The first one that notices (contract R25) tells
the others, whose watches may have outlived it and would say nothing until the versions have caught up.
"""

import math
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

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
        self._over = 0  # outages and restores
        self._back_at = -math.inf  # when the last one was over
        self._restores = 0
        self._watches: set[Stop] = set()  # that are open

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

    def note_caught_up(self, who: Hashable, restores: int) -> None:
        """Note that a cache is like the server's state was after that many restores."""
        with self._changed:
            if restores == self._restores:
                self._behind.pop(who, None)

    @property
    def restores(self) -> int:
        """How often the server was found to have gone back."""
        return self._restores

    def note_restore(self, restores: int) -> None:
        """Note that the server went back after that many restores: ends all watches, since every cache is behind."""
        with self._changed:
            if restores != self._restores:
                return  # another informer has said so
            self._restores += 1
            self._over += 1
            self._back_at = self._monotonic()
            self._behind = dict.fromkeys(self._working | self._behind.keys(), self._over)
            self._changed.notify_all()
            watches = tuple(self._watches)
        for watch in watches:
            watch.set()

    @contextmanager
    def watching(self, stop: Stop, restores: int) -> Iterator[Stop]:
        """Give what ends a watch: it is set with stop, and by a restore after that many."""
        watch = Stop()
        with stop.waking(watch.set):
            with self._changed:
                self._watches.add(watch)
                if restores != self._restores:
                    watch.set()
            try:
                yield watch
            finally:
                with self._changed:
                    self._watches.discard(watch)

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
