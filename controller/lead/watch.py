"""News of the Lease for who stands by: what is released is taken at once, and who renews is not asked about.

A help only. Without news the lease is read as often as ever, and nobody takes it without having read it.
"""

import logging
import threading
from collections.abc import Callable

from controller.lead.leases import LEASE_NAME
from controller.resources import LEASES
from informers.client import KubeClient
from informers.errors import ApiError, ForbiddenError
from informers.kube_source import KubeSource
from informers.source import Source
from informers.stop import Stop
from informers.types import Json

log = logging.getLogger(__name__)

_WATCH_SECONDS = 300  # until the server ends it
_AGAIN_SECONDS = 2.0
_FORBIDDEN_SECONDS = 60.0
_CHANGES = frozenset({"ADDED", "MODIFIED"})


def lease_source(client: KubeClient, namespace: str) -> Source:
    """Return what reads the one lease."""
    return KubeSource(
        client, lambda: LEASES, kind=LEASES.kind, plural=LEASES.plural, namespace=namespace, only=LEASE_NAME
    )


class LeaseWatch:
    """A thread that watches until it is stopped."""

    def __init__(self, source: Source) -> None:
        """Take what reads the lease."""
        self._source = source
        self._stop = Stop()
        self._thread: threading.Thread | None = None

    def start(self, heard: Callable[[Json], None]) -> None:
        """Begin to watch.

        Args:
            heard: given the lease, first as it is and then whenever it changes; an empty one if it was deleted.
        """
        self._thread = threading.Thread(target=self._run, args=(heard,), name="election-watch")
        self._thread.start()

    def stop(self) -> None:
        """End the watch. Safe to call again, and by the thread of the election."""
        self._stop.set()

    def join(self) -> None:
        """Wait for the thread, after ``stop``."""
        if self._thread is not None:
            self._thread.join()

    def alive(self) -> bool:
        """Whether the thread runs; True before it is started and after ``stop``."""
        return self._thread is None or self._stop.is_set() or self._thread.is_alive()

    def _run(self, heard: Callable[[Json], None]) -> None:
        pause, told = _AGAIN_SECONDS, False
        while not self._stop.is_set():
            try:
                self._watch(heard)
                pause = _AGAIN_SECONDS
            except ForbiddenError as error:
                pause = _FORBIDDEN_SECONDS
                if not told:
                    log.warning("Lease cannot be watched, it is read every few seconds", extra={"error": str(error)})
                told = True
            except ApiError as error:
                pause = _AGAIN_SECONDS
                log.debug("Lease cannot be watched", extra={"error": str(error)})
            self._stop.wait(pause)

    def _watch(self, heard: Callable[[Json], None]) -> None:
        # Without a version the server begins with the lease as it is.
        with self._source.watch(resource_version="", timeout_seconds=_WATCH_SECONDS, stop=self._stop) as events:
            for event in events:
                if event.type in _CHANGES:
                    heard(event.object)
                elif event.type == "DELETED":
                    heard({})
                elif event.type == "ERROR":
                    return
