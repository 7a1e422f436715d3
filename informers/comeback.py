"""The news that the API server can be reached again, passed between informers (contract R26).

After an outage each informer waits as long as its own backoff says, up to a minute. In between, some caches are up to
date and others as old as the outage, and a decision rests on both. So the first one that is answered wakes the others.
"""

import threading

from informers.stop import Stop


class Comeback:
    """Shared by the informers of a process. Thread-safe."""

    def __init__(self) -> None:
        self._told = threading.Condition()
        self._count = 0

    def tell(self) -> None:
        """Wake whoever waits."""
        with self._told:
            self._count += 1
            self._told.notify_all()

    def wait(self, stop: Stop, seconds: float) -> bool:
        """Wait that long, or until the server is back, or until stop; return whether stop is set."""
        with self._told:
            before = self._count
            with stop.waking(self._wake):
                self._told.wait_for(lambda: stop.is_set() or self._count != before, seconds)
        return stop.is_set()

    def _wake(self) -> None:
        with self._told:
            self._told.notify_all()
