"""The API server is restored from a backup in the midst of a rollout: what was written since has never happened.

That is what an administrator does with a snapshot of etcd: the API servers are stopped, the data is replaced, and they
are started again. The manuals of etcd and Kubernetes recommend the first two ways:

``bumped``: versions go on far above the last one, and the history is compacted: every client lists anew.
``restarted``: versions are lower than before, and whoever has a cache is stopped before and started after it.
``silent``: versions are lower, and nobody restarts the controller. A watch from its last version is accepted, and tells
nothing until the versions have caught up (kubernetes/kubernetes#107457). Between backup and restore the rest of the
cluster has written, too, as it does: were the controller's own writes all, they would have caught up before it asks.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from controller.lifecycle import USER_AGENT
from testbed.sandbox.api.store import Backup, Store
from testbed.sandbox.faults import Fault
from tests.chaos.play import Blow, Play

WAYS = ("bumped", "restarted", "silent")
BUMP = 1_000_000
DOWN_SECONDS = 0.5
OTHERS_WRITE = 500
LEASES = ("coordination.k8s.io", "leases")
NOT_PROMISED = frozenset({"passed"})
"""A revision that passed before the restore may be promoted by caches that are as old: its passing has been undone."""
CATCH_UP_SECONDS = 15.0  # three failures, after which an informer waits up to twice 0.8, 1.6 and 3.2 s, and a retry


def restored(way: str, then: str, now: str) -> Blow:
    """Go back to an earlier stage when a later one has been reached."""

    def strike(it: Play) -> None:
        it.forgiven = NOT_PROMISED
        with it.controller():
            it.until_stage(then)
            backup = it.on.cluster.api.store.backup()
            _others_write(it.on.cluster.api.store)
            if now == "ended":
                it.until(lambda: False)
            else:
                it.until_stage(now)
            if way != "restarted":
                with it.hindered():
                    _restore(it, backup, way)
                    it.wait(CATCH_UP_SECONDS)
                it.until(lambda: False)
        if way == "restarted":
            with it.hindered():
                _restore(it, backup, way)

    return strike


def _others_write(store: Store) -> None:
    for _ in range(OTHERS_WRITE):
        store.put(LEASES, ("elsewhere", "busy"), {"metadata": {"namespace": "elsewhere", "name": "busy"}})


def _restore(it: Play, backup: Backup, way: str) -> None:
    store = it.on.cluster.api.store
    with _down(it), store.changed:
        version = store.version + BUMP if way == "bumped" else backup.version
        it.recorder.goes_back(store.version - version)
        store.restore(backup, version=version)


@contextmanager
def _down(it: Play) -> Iterator[None]:
    """Stop the API server for a moment: no request gets through, and every watch ends."""
    api = it.on.cluster.api
    api.faults.add(Fault(user_agent=USER_AGENT, count=-1, drop="before"))
    api.cut_watches()
    try:
        it.wait(DOWN_SECONDS)
        yield
        it.wait(DOWN_SECONDS)
    finally:
        api.faults.clear()
