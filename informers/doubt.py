"""When a server whose watch is silent must be asked for its version (contract R25).

An API server whose etcd was restored from a backup has lower versions than before. It accepts a watch from a version
that is still to come, and says nothing, not even a bookmark, until its versions have caught up: to its client that
looks like a kind in which nothing happens. Source: ``cacheWatcher.process`` of kube-apiserver, and
kubernetes/kubernetes#107457.
"""

import logging
from collections.abc import Callable

from informers.identity import is_older
from informers.source import Source
from informers.stop import Stop

log = logging.getLogger(__name__)

SILENT_SECONDS = 300.0
"""As long as the shortest watch. A kind without any change has a bookmark a minute, so that nobody asks at rest."""


class Doubt:
    """Arises from an outage, and from silence over several watches. For one thread."""

    def __init__(self, source: Source, *, was_away: Callable[[], bool], monotonic: Callable[[], float]) -> None:
        """Take whom to ask, whether it could not be reached since the cache was like it, and a clock in seconds."""
        self._source = source
        self._was_away = was_away
        self._monotonic = monotonic
        self.settle()

    def settle(self) -> None:
        """Note that the server has said something which only one that has not gone back can say."""
        self._settled = self._monotonic()

    def is_right(self, newest: Callable[[], str], stop: Stop) -> bool:
        """Ask the server for its version if there is doubt; return whether it is lower than the newest that we know.

        A list of a single object says it: read from etcd, or by a cache that has made sure to be as new.
        """
        if stop.is_set() or not self._arises():
            return False
        version = newest()  # before the question: what we write after it may be newer than the answer
        page = self._source.list(resource_version="", limit=1, continue_token="", take=lambda _: None, stop=stop)
        self.settle()
        if not is_older(page.resource_version, version):
            return False
        extra = {"resource": self._source.name, "before": version, "now": page.resource_version}
        log.warning("The API server went back to lower versions, listing again", extra=extra)
        return True

    def _arises(self) -> bool:
        return self._was_away() or self._monotonic() - self._settled >= SILENT_SECONDS
