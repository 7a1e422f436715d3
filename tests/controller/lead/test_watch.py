"""News of the Lease: what is heard of it, and what becomes of the thread."""

import threading
from contextlib import contextmanager
from queue import SimpleQueue

import pytest

from controller.lead import watch as watch_module
from controller.lead.watch import LeaseWatch
from informers.errors import ForbiddenError, TransportError
from informers.source import WatchEvent

PATIENCE = 10.0
LEASE = {"spec": {"holderIdentity": "us"}}


class FakeSource:
    """Fulfils what is needed of ``informers.source.Source``: a list of events for each watch, or an error."""

    def __init__(self, *watches):
        self.watches = list(watches)
        self.opened = 0

    @contextmanager
    def watch(self, *, resource_version, timeout_seconds, stop):
        assert resource_version == ""
        self.opened += 1
        found = self.watches.pop(0) if self.watches else ()
        if isinstance(found, Exception):
            raise found
        yield iter(found)


@pytest.fixture
def listen(monkeypatch):
    monkeypatch.setattr(watch_module, "_AGAIN_SECONDS", 0.01)
    watches = []

    def start(*given):
        said = SimpleQueue()
        watch = LeaseWatch(FakeSource(*given))
        watches.append(watch)
        watch.start(said.put)
        return watch, said

    yield start
    for watch in watches:
        watch.stop()
        watch.join()


def test_changes_are_heard(listen):
    events = [WatchEvent("ADDED", LEASE), WatchEvent("BOOKMARK", {}), WatchEvent("MODIFIED", {}), WatchEvent("NEW", {})]
    _, said = listen([*events, WatchEvent("DELETED", LEASE)])
    assert [said.get(timeout=PATIENCE) for _ in range(3)] == [LEASE, {}, {}]


def test_watch_that_says_that_it_failed_is_over(listen):
    _, said = listen([WatchEvent("ERROR", {}), WatchEvent("ADDED", {})], [WatchEvent("ADDED", LEASE)])
    assert said.get(timeout=PATIENCE) == LEASE


def test_watch_is_opened_again_after_an_error(listen):
    _, said = listen(TransportError("no answer"), [WatchEvent("ADDED", LEASE)])
    assert said.get(timeout=PATIENCE) == LEASE


def test_who_may_not_watch_says_so_once_and_asks_rarely(listen, monkeypatch, caplog):
    monkeypatch.setattr(watch_module, "_FORBIDDEN_SECONDS", 0.01)
    monkeypatch.setattr(watch_module, "_AGAIN_SECONDS", 60.0)
    _, said = listen(*[ForbiddenError("leases: 403 Forbidden", code=403)] * 3, [WatchEvent("ADDED", LEASE)])
    assert said.get(timeout=PATIENCE) == LEASE
    (record,) = caplog.records
    assert (record.message, record.error) == (
        "Lease cannot be watched, it is read every few seconds",
        "leases: 403 Forbidden",
    )


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_thread_that_dies_is_noticed_and_one_that_was_stopped_has_not_died(listen):
    never_started = LeaseWatch(FakeSource())
    assert never_started.alive()
    never_started.join()
    broken, _ = listen(ValueError("a bug"))
    broken.join()
    assert not broken.alive()
    running, said = listen([WatchEvent("ADDED", LEASE)])
    said.get(timeout=PATIENCE)
    assert running.alive()
    running.stop()
    running.join()
    assert running.alive()
    assert not [thread for thread in threading.enumerate() if thread.name == "election-watch"]
