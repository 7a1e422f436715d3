"""A lane: so many threads, and what waits for one of them. The namespaces take turns."""

import itertools
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from controller.work.turns import Turns, most_of_one

log = logging.getLogger(__name__)

J = TypeVar("J")


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[J]):
    job: J
    until: float  # by the clock, in seconds


class Lane(Generic[J]):
    """Thread-safe. Threads are started when they are needed, and stay."""

    def __init__(self, name: str, *, most: int, run: Callable[[J], None]) -> None:
        """Take what the threads are called, how many there may be, and what they do, which never raises."""
        self._name = name
        self._most = most
        self._run = run
        self._turns = Turns(most_of_one(most))
        self._waiting: dict[str, _Waiting[J]] = {}
        self._order = itertools.count()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._closing = False
        self._changed = threading.Condition()

    def put(self, job: J, *, namespace: str, until: float) -> None:
        """Have a job done by the next thread that is free.

        Args:
            job: what to do.
            namespace: whose turn it takes.
            until: when it is not worth doing any more, by the clock; nothing is done after the lane was closed.
        """
        with self._changed:
            if self._closing:
                return
            key = f"{namespace}/{next(self._order)}"
            self._waiting[key] = _Waiting(job, until)
            self._turns.append(key)
            self._changed.notify()
            if self._idle < len(self._waiting) and len(self._threads) < self._most:
                self._start_another()

    def expired(self, now: float) -> list[J]:
        """Take the jobs out that are not worth doing any more, and return them."""
        with self._changed:
            keys = [key for key, waiting in self._waiting.items() if waiting.until <= now]
            return [self._waiting.pop(key).job for key in keys]

    def __len__(self) -> int:
        """Return how many jobs wait for a thread."""
        with self._changed:
            return len(self._waiting)

    def alive(self) -> bool:
        """Whether every thread that was started still runs."""
        with self._changed:
            return all(thread.is_alive() for thread in self._threads)

    def close(self) -> None:
        """Drop what waits, and wait for the threads to end what they are at."""
        with self._changed:
            self._closing = True
            self._waiting.clear()
            self._changed.notify_all()
            threads = tuple(self._threads)
        for thread in threads:
            thread.join()

    def _start_another(self) -> None:
        thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads)}")
        try:
            thread.start()
        except RuntimeError as error:  # the process can have no more: those that there are have more to do
            log.warning("No thread for a query", extra={"error": str(error)})
        else:
            self._threads.append(thread)

    def _work(self) -> None:
        while (key := self._next()) is not None:
            try:
                waiting = self._take(key)
                if waiting is not None:
                    self._run(waiting.job)
            finally:
                self._done(key)

    def _next(self) -> str | None:
        """Return the key of the next job, or None at the end."""
        with self._changed:
            while not self._closing:
                if self._turns.anybody:
                    return self._turns.popleft()
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
            return None

    def _take(self, key: str) -> _Waiting[J] | None:
        with self._changed:
            return self._waiting.pop(key, None)

    def _done(self, key: str) -> None:
        with self._changed:
            self._turns.done(key)
            self._changed.notify()
