"""Ends what takes too long: one thread for all that is under way (contract P9).

A thread per request, as ``threading.Timer`` has it, costs as much as the request. This one is started by the first
deadline, and ends by itself when nothing was under way for a second: nobody is woken at rest.
"""

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_LINGERS_SECONDS = 1.0


@dataclass(slots=True, order=True)
class _Deadline:
    at: float
    number: int
    end: Callable[[], None] | None = field(compare=False)  # None: it is over, or was called
    called: threading.Event | None = field(default=None, compare=False)  # set once the call has returned
    _lock: threading.Lock = field(default_factory=threading.Lock, compare=False)

    def expire(self) -> None:
        """Call what is to be called, unless it is over."""
        with self._lock:
            end, self.end = self.end, None
            if end is None:
                return
            called = self.called = threading.Event()
        try:
            end()
        finally:
            called.set()

    def cancel(self) -> None:
        """Return once nothing is called any more."""
        with self._lock:
            self.end, called = None, self.called
        if called is not None:
            called.wait()


class Deadlines:
    """Thread-safe."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Take a clock in seconds, at whose pace conditions wait."""
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._waiting: list[_Deadline] = []  # a heap, with those that are over
        self._order = itertools.count()
        self._thread: threading.Thread | None = None
        self._closed = False

    @contextmanager
    def cut_off_after(self, seconds: float, end: Callable[[], None]) -> Iterator[None]:
        """Call ``end`` from another thread if the block takes longer; it has returned when the block is left."""
        deadline = _Deadline(self._monotonic() + seconds, next(self._order), end)
        with self._changed:
            heapq.heappush(self._waiting, deadline)
            if self._thread is None and not self._closed:
                thread = threading.Thread(target=self._keep, name="deadlines")
                thread.start()
                self._thread = thread
            elif self._waiting[0] is deadline:
                self._changed.notify()
        try:
            yield
        finally:
            deadline.cancel()

    def close(self) -> None:
        """End the thread. What is under way has no deadline any more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _keep(self) -> None:
        while (due := self._next()) is not None:
            for deadline in due:
                deadline.expire()

    def _next(self) -> list[_Deadline] | None:
        """Return what is due; None at the end, when there is no thread any more."""
        with self._changed:
            while not self._closed:
                now = self._monotonic()
                due = []
                while self._waiting and (self._waiting[0].end is None or self._waiting[0].at <= now):
                    due.append(heapq.heappop(self._waiting))
                if due:
                    return due
                soon = self._waiting[0].at - now if self._waiting else _LINGERS_SECONDS
                self._changed.wait(min(soon, _LINGERS_SECONDS))
                if not self._waiting:
                    break
            self._waiting.clear()
            self._thread = None
            return None
