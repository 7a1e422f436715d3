"""Informer and handlers (contracts S), with threads."""

import threading
from contextlib import contextmanager

import pytest

from informers.errors import ForbiddenError, KindNotServedError, ServerError
from informers.informer import Informer, LifecycleError
from informers.source import Page
from tests.fakes.source import added, bookmark, build, deleted, error, modified, thing

PATIENCE = 10.0


class LiveSource:
    """A source that a test drives while the informer runs on its own thread."""

    name = "things"
    kind = "Thing"

    def __init__(self):
        self.items = []
        self.version = "1"
        self.token = ""
        self.list_errors = []
        self.list_gate = threading.Event()
        self.list_gate.set()
        self._changed = threading.Condition()
        self._events = []
        self._taken = 0
        self.watching = threading.Event()

    def list(self, *, resource_version, limit, continue_token, take, stop):
        while not self.list_gate.wait(0.01):
            if stop.is_set():
                return Page("0", "")
        if self.list_errors:
            raise self.list_errors.pop(0)
        with self._changed:
            items, token, self.token = tuple(self.items), self.token, ""
        for item in items:
            take(item)
        return Page(self.version, token)

    @contextmanager
    def watch(self, *, resource_version, timeout_seconds, stop):
        with stop.waking(self._wake):
            self.watching.set()
            yield self._stream(stop)

    def send(self, *events):
        with self._changed:
            self._events.extend(events)
            self._changed.notify_all()

    def settle(self):
        """Wait until everything that was sent has been stored."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._taken == len(self._events), PATIENCE)

    def _wake(self):
        with self._changed:
            self._changed.notify_all()

    def _stream(self, stop):
        while not stop.is_set():
            with self._changed:
                self._changed.wait_for(lambda: len(self._events) > self._taken or stop.is_set(), PATIENCE)
                if len(self._events) <= self._taken:
                    return
                event = self._events[self._taken]
            try:
                yield event
            finally:  # whoever comes back has stored it; whoever closes the stream does not want it again
                with self._changed:
                    self._taken += 1
                    self._changed.notify_all()


class Heard:
    """A handler that notes what it hears and can be held."""

    def __init__(self):
        self.changes = []
        self.gate = threading.Event()
        self.gate.set()
        self._changed = threading.Condition()

    def __call__(self, change):
        assert self.gate.wait(PATIENCE)
        with self._changed:
            self.changes.append(change)
            self._changed.notify_all()

    def wait_for(self, count):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.changes) >= count, PATIENCE), self.changes
        return self.changes

    def keys(self):
        return [change.key for change in self.changes]


@pytest.fixture
def source():
    return LiveSource()


@pytest.fixture
def informer(source):
    it = Informer(source, build, indexes={"name": lambda view: (view.name,)}, wait=lambda stop, _: stop.wait(0.001))
    yield it
    it.stop()


def started(informer):
    informer.start()
    assert informer.wait_for_sync(PATIENCE)
    return informer


def test_informer_has_synced_after_full_first_list(source, informer):  # contract S6
    source.items, source.token = [thing("a")], "next"
    source.list_gate.clear()
    informer.start()
    assert not informer.has_synced
    source.list_gate.set()
    assert informer.wait_for_sync(PATIENCE)
    source.send(error(410, "Expired"))
    source.settle()
    assert informer.has_synced
    assert informer.get("test", "a").name == "a"
    assert [view.name for view in informer.by_index("name", "a")] == ["a"]
    assert len(informer) == 1


def test_handler_has_synced_waits_for_callbacks(source, informer):  # contract S7
    source.items = [thing("a")]
    heard = Heard()
    heard.gate.clear()
    registration = informer.add_handler(heard)
    assert not registration.has_synced
    started(informer)
    assert not registration.has_synced
    heard.gate.set()
    heard.wait_for(1)
    while not registration.has_synced:
        pass
    assert heard.changes[0].initial
    assert len(registration) == 0


def test_handler_of_an_empty_cluster_has_synced(informer):  # contract S7
    heard = Heard()
    registration = informer.add_handler(heard)
    started(informer)
    while not registration.has_synced:
        pass
    assert heard.changes == []


def test_per_key_order_preserved(source, informer):  # contract S8
    heard = Heard()
    informer.add_handler(heard)
    started(informer)
    source.send(*[modified(f"k{n % 100}", n + 2) for n in range(10_000)])
    heard.wait_for(10_000)
    versions = {}
    for change in heard.changes:
        version = int(change.new.resource_version)
        assert versions.get(change.key, 0) < version
        versions[change.key] = version


def test_late_handler_gets_full_state_then_live(source, informer):  # contract S9
    source.items = [thing(f"old{n}") for n in range(50)]
    started(informer)
    source.send(*[added(f"new{n}", n + 2) for n in range(200)])
    heard = Heard()
    registration = informer.add_handler(heard)
    heard.wait_for(250)
    assert len(heard.keys()) == len(set(heard.keys())) == 250
    initial = [change for change in heard.changes if change.initial]
    assert heard.changes[: len(initial)] == initial
    assert len(initial) >= 50
    assert registration.has_synced


def test_remove_handler_idempotent(source, informer):  # contract S10
    heard, others = Heard(), Heard()
    registration = informer.add_handler(heard)
    informer.add_handler(others)
    started(informer)
    informer.remove_handler(registration)
    informer.remove_handler(registration)
    source.send(added("a", 2))
    others.wait_for(1)
    assert heard.changes == []
    stranger = Informer(LiveSource(), build)
    foreign = stranger.add_handler(heard)
    informer.remove_handler(foreign)
    stranger.stop()
    informer.stop()
    informer.remove_handler(registration)


def test_handler_may_remove_itself(source, informer):  # contract S10
    done = threading.Event()

    def once(_change):
        informer.remove_handler(registration)
        done.set()

    registration = informer.add_handler(once)
    started(informer)
    source.send(added("a", 2), added("b", 3))
    assert done.wait(PATIENCE)


def test_handler_exception_does_not_stop_informer(source, informer, caplog):  # contract S11
    heard = Heard()

    def broken(change):
        if change.key == "test/a":
            raise RuntimeError("a bug")
        heard(change)

    source.items = [thing("a")]
    registration = informer.add_handler(broken)
    started(informer)
    source.send(added("b", 2))
    heard.wait_for(1)
    assert heard.keys() == ["test/b"]
    assert registration.has_synced
    (record,) = [r for r in caplog.records if r.message == "Handler failed"]
    assert record.key == "test/a"


def test_slow_handler_does_not_block_others(source, informer):  # contract S12
    slow, quick = Heard(), Heard()
    slow.gate.clear()
    held = informer.add_handler(slow)
    informer.add_handler(quick)
    started(informer)
    source.send(*[added(f"k{n}", n + 2) for n in range(10)])
    quick.wait_for(10)
    assert informer.get("test", "k9") is not None
    assert slow.changes == []
    assert len(held) >= 9
    slow.gate.set()
    slow.wait_for(10)


def test_tombstone_on_missed_delete(source, informer):  # contract S4
    source.items = [thing("a", 5), thing("b", 6)]
    source.version = "6"
    heard = Heard()
    informer.add_handler(heard)
    started(informer)
    heard.wait_for(2)
    source.items, source.version = [thing("b", 6)], "9"
    source.send(error(410, "Expired"))
    heard.wait_for(4)
    gone, same = heard.changes[2:4]
    assert (gone.key, gone.old.resource_version, gone.new) == ("test/a", "5", None)
    assert same.is_sync


def test_write_through_is_heard_and_moves_no_version(source, informer):  # contracts S21, S22
    source.items = [thing("a", 5)]
    heard = Heard()
    informer.add_handler(heard)
    started(informer)
    informer.write_through(thing("a", 20))
    informer.write_through_view(build(thing("a", 21), None))
    source.send(modified("a", 15))
    source.settle()
    assert informer.get("test", "a").resource_version == "21"
    heard.wait_for(3)
    assert [c.new.resource_version for c in heard.changes] == ["5", "20", "21"]


def test_filter_makes_adds_and_deletes_of_what_crosses_it(source, informer):  # contract S24
    heard = Heard()
    informer.add_handler(heard, accepts=lambda view: "in" in view.labels)
    started(informer)
    source.send(
        added("a", 2, labels=["out"]),
        modified("a", 3, labels=["in"]),
        modified("a", 4, labels=["in"]),
        modified("a", 5, labels=["out"]),
        deleted("a", 6, labels=["out"]),
    )
    source.settle()
    heard.wait_for(3)
    assert [(c.old and c.old.resource_version, c.new and c.new.resource_version) for c in heard.changes] == [
        (None, "3"),
        ("3", "4"),
        ("4", None),
    ]


def test_nothing_is_heard_after_stop(source, informer):  # contract S8
    heard = Heard()
    informer.add_handler(heard)
    started(informer)
    informer.stop()
    before = threading.active_count()
    informer.write_through(thing("a", 2))
    assert heard.changes == []
    assert threading.active_count() == before


def test_run_twice_refused(informer):  # contract S23
    started(informer)
    with pytest.raises(LifecycleError, match="runs once"):
        informer.start()
    informer.stop()
    with pytest.raises(LifecycleError, match="runs once"):
        informer.start()


def test_stopped_before_it_started_stays_stopped(informer):  # contract S23
    informer.stop()
    with pytest.raises(LifecycleError):
        informer.start()


def test_add_handler_after_stop_refused(informer):  # contract S23
    informer.stop()
    with pytest.raises(LifecycleError, match="would never be called"):
        informer.add_handler(Heard())


def test_watch_error_handler_called_and_single(source, informer):  # contract R16
    told = []
    informer.set_error_hook(told.append)
    with pytest.raises(LifecycleError):
        informer.set_error_hook(told.append)
    source.list_errors = [ServerError("500")]
    started(informer)
    with pytest.raises(LifecycleError):
        informer.set_error_hook(told.append)
    assert [str(e) for e in told] == ["500"]


@pytest.mark.parametrize(
    ("refusal", "level", "text"),
    [
        (
            ForbiddenError("list things: 403"),
            "ERROR",
            "list things: 403; grant list and watch of things to this service account",
        ),
        (KindNotServedError("install the CRD"), "ERROR", "install the CRD"),
        (ServerError("list things: 500"), "WARNING", "list things: 500"),
    ],
    ids=["forbidden", "not installed", "failing"],
)
def test_problem_is_one_line_when_it_begins_and_one_when_it_ends(source, informer, caplog, refusal, level, text):
    # contract R22
    caplog.set_level("INFO")
    source.list_errors = [refusal] * 3
    source.list_gate.clear()
    informer.start()
    assert informer.problem is None
    source.list_gate.set()
    assert informer.wait_for_sync(PATIENCE)
    began, ended = [r for r in caplog.records if "watch" in r.message]
    assert (began.levelname, began.message, began.error) == (level, "Cannot list or watch, trying again", text)
    assert ended.message == "List and watch work again"
    assert informer.problem is None


def test_problem_is_known_while_it_lasts(source, informer):
    source.list_errors = [ServerError("500")] * 100_000
    informer.start()
    while informer.problem is None:
        pass
    assert informer.problem == "500"


def test_age_of_the_last_event(source):
    now = [100.0]
    informer = Informer(source, build, monotonic=lambda: now[0])
    started(informer)
    assert informer.seconds_since_event() is None
    source.send(bookmark(2))
    source.settle()
    now[0] = 130.0
    assert informer.seconds_since_event() == 30.0
    informer.stop()


def test_bug_in_the_reflector_starts_it_over_and_is_a_problem_while_it_lasts(source, caplog):  # contracts S18, R16
    waits, gate = [], threading.Event()

    def wait(stop, seconds):
        waits.append(seconds)
        if len(waits) == 3:
            gate.set()
            return stop.wait(PATIENCE) if source.list_errors else False
        return False

    source.list_errors = [RuntimeError("a bug")] * 4
    informer = Informer(source, build, random=lambda: 0.0, wait=wait)
    informer.start()
    assert gate.wait(PATIENCE)
    assert informer.problem == "unexpected RuntimeError, see the log; listing again"
    assert waits == pytest.approx([0.8, 1.6, 3.2])
    assert informer.alive()
    bugs = [record for record in caplog.records if record.message == "Informer failed, starting over"]
    assert [record.exc_info is not None for record in bugs] == [True, False, False]
    informer.stop()


def test_bug_that_is_over_is_no_problem_any_more(source, informer):
    source.list_errors = [RuntimeError("a bug")]
    started(informer)
    assert informer.problem is None


def test_error_hook_that_fails_costs_itself_alone(source, informer, caplog):  # contract R16
    def hook(_error):
        raise RuntimeError("a bug")

    informer.set_error_hook(hook)
    source.list_errors = [ServerError("500")]
    started(informer)
    assert "Error hook failed" in caplog.messages


def test_handler_that_is_added_while_the_first_list_is_applied_has_synced_in_the_end(source, informer):  # contract S7
    class Between:
        """Has the first list applied at the one moment in which a handler could be missed, if another thread can."""

        def __init__(self, event):
            self.event, self.applied = event, False

        def is_set(self):
            before = self.event.is_set()
            if not before and informer._lock.acquire(blocking=False):
                informer._lock.release()
                self.applied = True
                informer._is_synced()
            return before

        def __getattr__(self, name):
            return getattr(self.event, name)

    informer._synced = between = Between(informer._synced)
    registration = informer.add_handler(Heard())
    if not between.applied:
        informer._is_synced()
    assert registration.has_synced


@pytest.mark.parametrize("where", ["list", "watch"])
def test_stop_ends_what_is_under_way_within_a_second(source, where):  # contracts R23, T2
    informer = Informer(source, build)
    if where == "list":
        source.list_gate.clear()
        informer.start()
    else:
        started(informer)
        assert source.watching.wait(PATIENCE)
    stopping = threading.Thread(target=informer.stop)
    stopping.start()
    stopping.join(1.0)
    assert not stopping.is_alive()


def test_stop_during_backoff_returns_within_a_second(source):  # contracts R23, T2
    source.list_errors = [ServerError("500")] * 10
    informer = Informer(source, build)
    informer.start()
    while informer.problem is None:
        pass
    stopping = threading.Thread(target=informer.stop)
    stopping.start()
    stopping.join(1.0)
    assert not stopping.is_alive()
