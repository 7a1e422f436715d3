"""Workers: take a key, look at the canary, give the key back. One switch says what follows from the outcome."""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from controller.applier import LeadLostError
from controller.workqueue import WorkQueue
from informers.errors import ApiError, ConflictError
from metrics.types import ObserverClosedError

log = logging.getLogger(__name__)

Reconcile = Callable[[str], timedelta | None]
"""Looks at one canary; returns when to look again, or None; raises ``ApiError`` if a write failed."""


class Workers:
    """N threads on one queue. No key is ever with two of them: the queue sees to that."""

    def __init__(self, queue: WorkQueue, reconcile: Reconcile, *, count: int, failed: Callable[[str], None]) -> None:
        """Take the queue, what to do with a key, how many threads, and who counts failures by the error's name."""
        self._queue = queue
        self._reconcile = reconcile
        self._failed = failed
        self._leaving = threading.Event()
        self._threads = [threading.Thread(target=self._run, name=f"worker-{i}") for i in range(count)]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def alive(self) -> bool:
        """Whether every thread that was started still runs."""
        return all(thread.is_alive() for thread in self._threads if thread.ident is not None)

    def stop(self) -> None:
        """Finish the keys in hand, take no other, and wait for the threads."""
        self._leaving.set()
        self._queue.shut_down()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _run(self) -> None:
        while (key := self._queue.get()) is not None:
            try:
                if not self._leaving.is_set():
                    self._work(key)
            finally:
                self._queue.done(key)

    def _work(self, key: str) -> None:
        """Look at one canary and switch on the outcome (CONTRACTS W1)."""
        try:
            again = self._reconcile(key)
        except LeadLostError as error:
            log.info("Reconcile ended", extra={"key": key, "error": str(error)})
        except ConflictError as error:
            # Somebody has written since the caches were read. No error: the next look sees it.
            log.debug("Conflict, retrying", extra={"key": key, "error": str(error)})
            self._retry(key, error)
        except ApiError as error:
            log.warning("Reconcile failed, retrying", extra={"key": key, "error": str(error)})
            self._retry(key, error)
        except ObserverClosedError:
            log.debug("Stopping, this round does not count", extra={"key": key})
        except Exception as error:
            log.exception("Reconcile failed unexpectedly, retrying", extra={"key": key})
            self._failed(type(error).__name__)
            self._queue.add_rate_limited(key)
        else:
            self._queue.forget(key)
            if again is not None:
                self._queue.add_after(key, again.total_seconds())

    def _retry(self, key: str, error: ApiError) -> None:
        self._failed(type(error).__name__)
        self._queue.add_rate_limited(key, at_least=error.retry_after or 0.0)
