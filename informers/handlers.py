"""A handler of an informer: it hears one change at a time, on a thread and from an unbounded buffer of its own.

So a slow one holds up neither the watch nor another handler (contract S12).
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic

from informers.change import Change
from informers.types import Unreadable, V

log = logging.getLogger(__name__)


class Registration(Generic[V]):
    """A handler with its buffer and thread."""

    def __init__(
        self, name: str, handle: Callable[[Change[V]], None], accepts: Callable[[V | Unreadable], bool] | None
    ) -> None:
        self._handle = handle
        self._accepts = accepts
        self._buffer: deque[Change[V]] = deque()
        self._ready = threading.Condition()
        self._closed = False
        self._initial_left = 0
        self._initial_queued = False
        self.thread = threading.Thread(target=self._run, name=name)

    def __len__(self) -> int:
        with self._ready:
            return len(self._buffer)

    @property
    def has_synced(self) -> bool:
        """Whether the handler has returned from every object of the initial state."""
        with self._ready:
            return self._initial_queued and self._initial_left == 0

    def start(self) -> None:
        """Start the thread."""
        self.thread.start()

    def offer(self, change: Change[V]) -> None:
        """Note a change down; never blocks."""
        filtered = self._filtered(change)
        if filtered is None:
            return
        with self._ready:
            if not self._closed:
                self._initial_left += filtered.initial
                self._buffer.append(filtered)
                self._ready.notify()

    def initial_is_queued(self) -> None:
        """All of the initial state has been offered."""
        with self._ready:
            self._initial_queued = True

    def close(self) -> None:
        """Drop what is queued; a call under way may finish."""
        with self._ready:
            self._closed = True
            self._buffer.clear()
            self._ready.notify()

    def join(self) -> None:
        """Wait for the thread; from the handler itself this returns at once."""
        if self.thread.ident is not None and self.thread is not threading.current_thread():
            self.thread.join()

    def _filtered(self, change: Change[V]) -> Change[V] | None:
        if self._accepts is None:
            return change
        old = change.old if change.old is not None and self._accepts(change.old) else None
        new = change.new if change.new is not None and self._accepts(change.new) else None
        return Change(change.key, old, new, change.initial) if old is not None or new is not None else None

    def _run(self) -> None:
        while True:
            with self._ready:
                while not self._buffer and not self._closed:
                    self._ready.wait()
                if self._closed:
                    return
                change = self._buffer.popleft()
            try:
                self._handle(change)
            except Exception:
                log.exception("Handler failed", extra={"key": change.key})
            if change.initial:
                with self._ready:
                    self._initial_left -= 1
