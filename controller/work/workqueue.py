"""The queue between watch events and workers: deduplicating, delaying, rate-limited.

State: one FIFO per namespace, a *dirty* set, a *processing* set, a heap of keys that wait for their time, one lock with
a condition.
Invariant: what is in a FIFO is dirty and not processing. There is no timer thread: ``get`` looks into the heap.

Model: client-go's util/workqueue; the promises are contracts Q1 to Q12 and D1 to D8.
"""

import heapq
import itertools
import threading
from collections.abc import Callable
from typing import Protocol

from controller.work.ratelimit import Limiter
from controller.work.turns import Turns

_LONGEST_WAIT_SECONDS = 3600.0
"""Of one wait for the condition: what is due later is found by another. Longer than centuries is an error there."""


class QueueMetrics(Protocol):
    """Who counts; called under the queue's lock, so it must be quick."""

    def added(self) -> None:
        """An add was accepted: not a duplicate."""

    def got(self, waited_seconds: float) -> None:
        """A key was handed out that long after its accepted add."""

    def done(self, worked_seconds: float) -> None:
        """A key was given back after that long."""

    def retried(self) -> None:
        """An ``add_after`` was accepted."""


class NoMetrics:
    """Counts nothing."""

    def added(self) -> None:
        """Do nothing."""

    def got(self, waited_seconds: float) -> None:
        """Do nothing."""

    def done(self, worked_seconds: float) -> None:
        """Do nothing."""

    def retried(self) -> None:
        """Do nothing."""


class WorkQueue:
    """Thread-safe. Keys are strings; ``None`` from ``get`` means shut down."""

    def __init__(
        self,
        *,
        limiter: Limiter,
        monotonic: Callable[[], float],
        metrics: QueueMetrics | None = None,
        most_of_one: int | None = None,
    ) -> None:
        """Take what keeps the time and counts.

        Args:
            limiter: what failures pay.
            monotonic: clock in seconds.
            metrics: who counts.
            most_of_one: how many keys of one namespace may be processed at once; None: any number.
        """
        self._limiter = limiter
        self._monotonic = monotonic
        self._metrics: QueueMetrics = metrics or NoMetrics()
        self._turns = Turns(most_of_one)
        self._dirty: set[str] = set()
        self._processing: dict[str, float] = {}  # key → when it was handed out
        self._added_at: dict[str, float] = {}  # of dirty keys
        self._waiting: dict[str, float] = {}  # key → its time
        self._heap: list[tuple[float, int, str]] = []  # stale entries differ from _waiting and are skipped
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._shutting_down = False
        self._draining = False

    def __len__(self) -> int:
        """Return how many keys are in line: not what is processed, marked or delayed."""
        with self._changed:
            return len(self._turns)

    @property
    def shutting_down(self) -> bool:
        """Whether adds are ignored from now on."""
        with self._changed:
            return self._shutting_down

    def add(self, key: str) -> None:
        """Queue a key; one that is queued already stays once, one that is processed comes again after it is done."""
        with self._changed:
            self._add(key)

    def add_after(self, key: str, seconds: float) -> None:
        """Queue a key in that many seconds; of several times the earliest wins. Zero or less is now."""
        with self._changed:
            if self._shutting_down:
                return
            self._metrics.retried()
            if seconds <= 0:
                self._add(key)
                return
            when = self._monotonic() + seconds
            if when >= self._waiting.get(key, float("inf")):
                return
            self._waiting[key] = when
            heapq.heappush(self._heap, (when, next(self._order), key))
            self._changed.notify()

    def add_rate_limited(self, key: str, *, at_least: float = 0.0) -> None:
        """Queue a key that failed, when its back-off is over and not before ``at_least`` seconds have passed.

        A plain add leads past the back-off, also one from before the failure: it is somebody else's change. That its
        holder's own writes add nothing is promised by whoever adds (contract W6).
        """
        with self._changed:
            seconds = self._limiter.seconds(key)
        self.add_after(key, max(seconds, at_least))

    def forget(self, key: str) -> None:
        """Start the back-off of a key over; it stays held or queued as it is."""
        with self._changed:
            self._limiter.forget(key)

    def num_requeues(self, key: str) -> int:
        """Return how many failures of a key are remembered."""
        with self._changed:
            return self._limiter.failures(key)

    def get(self) -> str | None:
        """Return the next key, which nobody else gets until ``done``; block until there is one. None: shut down."""
        with self._changed:
            while True:
                wait = self._queue_due()
                if self._turns.anybody:
                    return self._hand_out()
                if self._shutting_down and not self._turns and not (self._draining and self._marked()):
                    return None
                self._changed.wait(None if wait is None else min(wait, _LONGEST_WAIT_SECONDS))

    def done(self, key: str) -> None:
        """Give a key back; if it was added meanwhile, it goes to the end of its line.

        Raises:
            KeyError: the key is not held: a caller's bug.
        """
        with self._changed:
            began = self._processing.pop(key)
            self._turns.done(key)
            self._metrics.done(self._monotonic() - began)
            if key in self._dirty:
                self._turns.append(key)
            self._changed.notify_all()

    def shut_down(self) -> None:
        """Ignore adds, hand out what is left, then say "shut down". Returns at once; ends a drain."""
        with self._changed:
            self._shut_down()
            self._draining = False
            self._changed.notify_all()

    def shut_down_with_drain(self) -> None:
        """Likewise, and wait until nothing is processed; a plain ``shut_down`` ends the wait."""
        with self._changed:
            self._draining = True
            self._shut_down()
            while self._draining and self._processing:
                self._changed.wait()

    def unfinished_seconds(self) -> tuple[float, float]:
        """Return sum and maximum of how long the keys in process have been there."""
        with self._changed:
            now = self._monotonic()
            ages = [now - began for began in self._processing.values()]
        return sum(ages), max(ages, default=0.0)

    def depth(self) -> int:
        """Return how many accepted adds were not handed out yet: marked keys count."""
        with self._changed:
            return len(self._dirty)

    def _add(self, key: str) -> None:
        if self._shutting_down or key in self._dirty:
            return
        self._metrics.added()
        self._dirty.add(key)
        self._added_at[key] = self._monotonic()
        if key not in self._processing:
            self._turns.append(key)
            self._changed.notify()

    def _queue_due(self) -> float | None:
        """Queue what is due; return the seconds until the next one, or None if nothing waits."""
        now = self._monotonic()
        while self._heap:
            when, _, key = self._heap[0]
            if self._waiting.get(key) != when:
                heapq.heappop(self._heap)
                continue
            if when > now:
                return when - now
            heapq.heappop(self._heap)
            del self._waiting[key]
            self._add(key)
        return None

    def _hand_out(self) -> str:
        key = self._turns.popleft()
        self._dirty.remove(key)
        now = self._monotonic()
        self._metrics.got(now - self._added_at.pop(key))
        self._processing[key] = now
        if self._turns or self._waiting:
            # This thread may have been the one with the shortest timeout: a colleague must take over its watch.
            self._changed.notify()
        return key

    def _marked(self) -> bool:
        return any(key in self._dirty for key in self._processing)

    def _shut_down(self) -> None:
        self._shutting_down = True
        self._waiting.clear()
        self._heap.clear()
        self._changed.notify_all()
