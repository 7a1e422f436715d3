"""Workers: take a key, reconcile the canary, give the key back. One switch says what follows from the outcome."""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from enum import Enum, StrEnum
from typing import Protocol

from controller.applier import LeadLostError
from controller.reconcile_id import new_reconcile
from controller.work.workqueue import WorkQueue
from informers.errors import ApiError, ConflictError

log = logging.getLogger(__name__)


class Awaits(Enum):
    """Why a reconcile has come to no end, without an error."""

    READINGS = "readings"  # the key is queued when they are there


Reconcile = Callable[[str], timedelta | Awaits | None]
"""Reconciles one canary; returns when to do so again, or None; raises ``ApiError`` if a write failed."""


class Result(StrEnum):
    """How a reconcile ended, as metrics count it."""

    SUCCESS = "success"
    ASKED = "asked"  # for readings: goes on when they are there
    CONFLICT = "conflict"  # somebody wrote meanwhile: retried, part of normal work
    ERROR = "error"  # the API server refused, failed, or could not be reached: retried
    BUG = "bug"  # what nobody expected: retried
    STOPPED = "stopped"  # the process ends, or leads no more


class WorkerMetrics(Protocol):
    """Who counts what workers do. Thread-safe."""

    def reconcile_began(self) -> None:
        """A worker took a key."""

    def reconcile_ended(self, result: Result, error: str) -> None:
        """A worker gave it back; ``error`` is the class of what went wrong, "" for nothing."""


class Workers:
    """N threads on one queue. No key is ever with two of them: the queue sees to that."""

    def __init__(self, queue: WorkQueue, reconcile: Reconcile, *, count: int, metrics: WorkerMetrics) -> None:
        """Take the queue, what to do with a key, how many threads, and who counts."""
        self._queue = queue
        self._reconcile = reconcile
        self._metrics = metrics
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
                    self._counted(key)
            finally:
                self._queue.done(key)

    def _counted(self, key: str) -> None:
        self._metrics.reconcile_began()
        error: Exception | None = None
        result = Result.BUG
        try:
            with new_reconcile():
                result, error = self._work(key)
        finally:
            self._metrics.reconcile_ended(result, type(error).__name__ if error else "")

    def _work(self, key: str) -> tuple[Result, Exception | None]:
        """Reconcile one canary and switch on the outcome (contract W1)."""
        try:
            again = self._reconcile(key)
        except LeadLostError as error:
            log.debug("Stopping, reconcile ended", extra={"key": key, "error": str(error)})
            return Result.STOPPED, None
        except ConflictError as error:
            # Somebody has written since the caches were read. No error: the next reconcile sees it.
            log.debug("Conflict, retrying", extra={"key": key, "error": str(error)})
            self._queue.add_rate_limited(key)
            return Result.CONFLICT, error
        except ApiError as error:
            log.warning("Reconcile failed, retrying", extra={"key": key, "error": str(error)})
            self._queue.add_rate_limited(key, at_least=error.retry_after or 0.0)
            return Result.ERROR, error
        except Exception as error:
            log.exception("Reconcile failed unexpectedly, retrying", extra={"key": key})
            self._queue.add_rate_limited(key)
            return Result.BUG, error
        if isinstance(again, Awaits):
            return Result.ASKED, None  # what has failed before may fail again after the readings: no new start
        self._queue.forget(key)
        if again is not None:
            self._queue.add_after(key, again.total_seconds())
        return Result.SUCCESS, None
