"""A stop that also ends blocked reads (contracts R23, P8)."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stop:
    """Set once, for ever. Whoever is about to block registers what wakes it."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._wakers: list[Callable[[], None]] = []

    def set(self) -> None:
        """Stop: every wait ends now, and every registered read is cut. Safe to call again."""
        self._event.set()
        with self._lock:
            wakers = tuple(self._wakers)
        for wake in wakers:
            wake()

    def is_set(self) -> bool:
        """Whether stop was set, whenever that was."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait that long, or until stop is set; return whether it is."""
        return self._event.wait(seconds)

    @contextmanager
    def waking(self, wake: Callable[[], None]) -> Iterator[None]:
        """Have ``wake`` called when stop is set, also if that was just before: registered first, looked at after."""
        with self._lock:
            self._wakers.append(wake)
        try:
            if self.is_set():
                wake()
            yield
        finally:
            with self._lock:
                self._wakers.remove(wake)
