"""A reflector against a server that forgets and fails at random (contracts R), and what the tables leave out.

The clock is fake, and waits cost nothing but are noted.
"""

from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from informers.backoff import Backoff
from informers.errors import Cause, ExpiredError, ForbiddenError, ServerError, TooManyRequestsError, TransportError
from informers.outage import Outage
from informers.reflector import Hooks, Reflector
from informers.source import Page, WatchEvent
from informers.stop import Stop
from informers.store import Store
from tests.fakes.source import Listed, ScriptedSource, added, bookmark, build, error, thing

EXPIRED = ExpiredError("410", code=410, reason="Expired")
TOO_LARGE = ServerError("504", code=504, causes=(Cause("ResourceVersionTooLarge", "x", ""),))
ONE = Listed([thing("a", 5)], 10)


class Told:
    """Everything that a reflector tells, and its store."""

    def __init__(self, source, listener=lambda _: None):
        self.source = source
        self.source = source
        self.failed, self.synced, self.broke = [], [], []
        self.store = Store(build, indexes={}, listener=listener)
        hooks = Hooks(
            self.failed.append,
            lambda: None,
            lambda: self.synced.append(len(self.store)),
            lambda: None,
            self.broke.append,
        )
        self.reflector = Reflector(
            source,
            self.store,
            hooks,
            monotonic=source.monotonic,
            random=source.random,
            wait=source.wait,
            outage=getattr(source, "outage", None),
        )

    def run(self, stop=None):
        self.reflector.run(stop or self.source.over)
        return self

    def held(self):
        return {view.name: view.resource_version for view in self.store.views()}


def played(lists, watches=(), **source):
    return Told(ScriptedSource(list(lists), list(watches), **source)).run()


class World:
    """An API server of one kind, whose luck is a script of what happens next."""

    name = "things"
    kind = "Thing"

    def __init__(self, script):
        self.script = list(script)
        self.version = 10
        self.objects = {}
        self.history = []  # version, event
        self.forgotten = 0
        self.backup = (self.version, {})
        self.asked = []  # versions, in order; "" is a consistent read
        self.seconds = 0.0
        self.waits = []
        self.over = Stop()
        self.outage = Outage(monotonic=self.monotonic)

    def monotonic(self):
        return self.seconds

    def random(self):
        return 0.5

    def wait(self, stop, seconds):
        self.waits.append(seconds)
        self.seconds += seconds
        return stop.is_set()

    def change(self, name, is_there):
        self.version += 1
        obj = thing(name, self.version)
        event = ("MODIFIED" if name in self.objects else "ADDED") if is_there else "DELETED"
        if not is_there and self.objects.pop(name, None) is None:
            return
        if is_there:
            self.objects[name] = obj
        self.history.append((self.version, WatchEvent(event, obj)))

    def forget(self):
        """Forget the history; nobody has seen the last two changes."""
        self.change("a", is_there=False)
        self.change("d", is_there=True)
        self.history.clear()
        self.forgotten = self.version

    def go_back(self):
        """Be restored from a backup, while nobody can connect."""
        self.version, self.objects = self.backup[0], dict(self.backup[1])
        self.history.clear()
        self.forgotten = self.version

    def _go_back_unnoticed(self):
        """Be restored beside a watch that stays open; another informer finds it."""
        self.script.pop(0)
        self.go_back()
        self.outage.note_restore(self.outage.restores)

    def list(self, *, resource_version, limit, continue_token, take, stop):
        self.asked.append("?" if limit == 1 else resource_version)
        if self.script and self.script[0] in {"list fails", "list expires"}:
            step = self.script.pop(0)
            raise ServerError("500") if step == "list fails" else EXPIRED
        if resource_version and int(resource_version) > self.version:
            raise TOO_LARGE
        for obj in list(self.objects.values())[: limit or None]:
            take(obj)
        return Page(str(self.version), "")

    @contextmanager
    def watch(self, *, resource_version, timeout_seconds, stop):
        self.asked.append(resource_version)
        self.seconds += 2
        if self.script and self.script[0] in {"refused", "throttled", "forbidden", "restored"}:
            step = self.script.pop(0)
            if step == "restored":
                self.go_back()
            refusals = {"throttled": TooManyRequestsError, "forbidden": ForbiddenError}
            raise refusals.get(step, TransportError)(step)
        yield self._events(int(resource_version), stop)

    def _events(self, at, stop):
        while True:
            if at < self.forgotten:
                yield error(410, "Expired")
                return
            yield from [event for version, event in self.history if version > at]
            at = max(at, self.version)  # a version that is still to come is waited for in silence
            if stop.is_set():
                return
            if not self.script:
                self.over.set()
                return
            if self.script[0] == "found":
                self._go_back_unnoticed()
                continue
            said = self._next()
            if said is None:
                return
            yield from said

    def _next(self):
        """Let happen what is next; return what the watch says of it by itself, or None if it ends."""
        match self.script.pop(0):
            case ("put", name):
                self.change(name, is_there=True)
            case ("delete", name):
                self.change(name, is_there=False)
            case "bookmark":
                return [bookmark(self.version)]
            case "backup":
                self.backup = (self.version, dict(self.objects))
            case "forget":
                self.forget()
            case "throttle" | "fail" as how:
                self.script.insert(0, "end")
                return [error(429, "TooManyRequests") if how == "throttle" else error(500, "InternalError")]
            case "nonsense":
                return [WatchEvent("ADDED", {"kind": "Other", "metadata": {"resourceVersion": "999999"}})]
            case _:
                return None  # the stream ends, or the step is for somebody else and comes too late
        return []


NAMES = st.sampled_from("abcd")
WORDS = ("end", "bookmark", "backup", "forget", "throttle", "fail", "nonsense", "found")
REFUSALS = ("refused", "throttled", "forbidden", "restored", "list fails", "list expires")
STEPS = st.one_of(
    st.tuples(st.sampled_from(["put", "put", "delete"]), NAMES), st.sampled_from(WORDS), st.sampled_from(REFUSALS)
)


@given(st.lists(STEPS, max_size=40))
def test_store_equals_the_server_whatever_happened_and_no_version_goes_back_by_itself(script):
    # contracts R2, R8, R10, R11, R14, R15, R16, R17, R25, R26
    world = World(script)
    told = Told(world).run()
    assert told.held() == {name: obj["metadata"]["resourceVersion"] for name, obj in world.objects.items()}
    asked = " ".join(version or "|" for version in world.asked if version != "?")
    for between in asked.split("|"):  # what follows a consistent list may be lower
        versions = [int(version) for version in between.split()]
        assert versions == sorted(versions)
    assert asked.split().count("0") <= 1 + script.count("list fails") + script.count("list expires")
    assert "" not in world.asked or {"list expires", "restored", "found"} & {*script}
    assert "?" not in world.asked or {"refused", "restored"} & {*script}
    assert len(told.failed) <= sum(step in REFUSALS for step in script)


def test_reflector_very_short_watch_backs_off():  # contract R13
    source = ScriptedSource([ONE] * 9, [[] for _ in range(9)], watch_takes=0.0, seconds=0.0)
    stop, began = Stop(), []

    class Watched(ScriptedSource):
        def wait(self, stop, seconds):
            if self.seconds + seconds > 1.5:
                stop.set()
            return super().wait(stop, seconds)

    source.__class__ = Watched
    Told(source, began.append).run(stop)
    assert len(source.listed) <= 2
    assert len(source.watched) <= 2


@pytest.mark.parametrize(("seconds", "waits"), [(0.9, 1), (1.0, 0), (30.0, 0)])
def test_watch_without_an_event_is_useless_only_within_a_second(seconds, waits):  # contracts R12, R13
    assert len(played([ONE, ONE], [[]], watch_takes=seconds).source.waits) == waits


def test_first_round_starts_at_once_and_every_end_of_a_session_backs_off():  # contract R21
    run = played([ONE, ONE, ONE], [[error(500, "x")], [error(410, "Expired")]])
    assert len(run.source.waits) == 2
    assert run.source.listed[0] == ("0", 500, "")
    assert run.failed == []


def test_list_that_expired_is_repeated_in_the_same_attempt():  # contract R5
    run = played([EXPIRED, ONE])
    assert [version for version, _, _ in run.source.listed] == ["0", ""]
    assert (run.source.waits, run.failed, run.held()) == ([], [], {"a": "5"})


def test_token_that_expires_on_a_relist_is_made_good_at_the_version_first_asked_for():  # contract R7
    first = [Listed([thing("a", 5)], 10, "more"), Listed([thing("b", 6)], 10)]
    second = [Listed([thing("a", 5)], 20, "more"), EXPIRED, Listed([thing("c", 21)], 21)]
    run = played([*first, *second], [[added("x", 12), error(500, "x")]])
    assert run.source.listed[2:] == [("12", 500, ""), ("", 500, "more"), ("12", 0, "")]
    assert run.held() == {"c": "21"}
    assert run.source.watched[-1][0] == "21"


def test_full_list_that_expires_too_becomes_a_consistent_read():  # contracts R5, R7
    run = played([Listed([thing("a")], 10, "more"), EXPIRED, EXPIRED, Listed([thing("b")], 12)])
    assert [version for version, _, _ in run.source.listed] == ["0", "", "0", ""]
    assert run.held() == {"b": "1"}
    assert run.failed == []


def test_later_pages_are_not_what_says_that_the_server_pages():  # contract R3
    pages = [Listed([thing("a")], 10), Listed([thing("a")], 20, "more"), Listed([thing("b")], 21), Listed([], 30)]
    run = played(pages, [[error(500, "x")], [error(500, "x")]])
    assert run.source.listed[3] == ("20", 0, "")


class Peeking(ScriptedSource):
    """Notes what the store holds whenever a page is asked for."""

    def list(self, **request):
        self.seen.append(self.told.held())
        return super().list(**request)


def test_store_keeps_its_old_content_whole_until_the_list_is_complete():  # contract R8
    pages = [Listed([thing("b")], 20, "more"), Listed([thing("c")], 20, "more"), Listed([thing("d")], 20)]
    source = Peeking([ONE, *pages], [[error(500, "x")]])
    source.seen, source.told = [], Told(source)
    source.told.run()
    assert source.seen[:4] == [{}, {"a": "5"}, {"a": "5"}, {"a": "5"}]
    assert source.told.held() == {"b": "1", "c": "1", "d": "1"}
    assert source.told.synced == [1, 3]


def test_empty_list_empties_the_store():  # contracts R8, S4
    run = played([ONE, Listed([], 20)], [[error(500, "x")]])
    assert run.held() == {}


@given(st.floats(0, 1, exclude_max=True))
def test_reflector_backoff_sequence(random):  # contract R20
    backoff = Backoff(monotonic=lambda: 0.0, random=lambda: random)
    for low in (0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0, 30.0):
        assert low <= backoff.seconds() < 2 * low + 1e-9


def test_one_back_off_serves_lists_and_watches():  # contract R20
    run = played([ServerError("500"), ONE, ServerError("500"), ONE], [TransportError("refused"), ServerError("500")])
    assert [wait / 1.5 for wait in run.source.waits] == pytest.approx([0.8, 1.6, 3.2, 6.4])


def test_stop_that_was_set_before_means_that_no_request_starts():  # contract R23
    stop = Stop()
    stop.set()
    source = ScriptedSource([ONE])
    Told(source).run(stop)
    assert (source.listed, source.watched) == ([], [])


def test_stop_between_list_and_watch_opens_no_watch():  # contract R23
    stop = Stop()
    source = ScriptedSource([ONE])
    told = Told(source, lambda _: stop.set())
    told.run(stop)
    assert source.watched == []


@pytest.mark.parametrize(
    ("lists", "watches"),
    [
        pytest.param([ServerError("500")], [], id="after a list"),
        pytest.param([ONE], [TransportError("refused")], id="after a watch"),
    ],
)
def test_stop_during_a_back_off_ends_it(lists, watches):  # contract R23
    class Stopped(ScriptedSource):
        def wait(self, stop, seconds):
            stop.set()
            return super().wait(stop, seconds)

    source = Stopped(list(lists), list(watches))
    Told(source).run()
    assert (len(source.listed), len(source.watched), len(source.waits)) == (1, len(watches), 1)


def test_event_that_the_store_refuses_is_skipped_and_the_stream_goes_on(caplog):  # contract R17
    def refuse(change):
        if change.key == "test/b":
            raise ValueError("refused")

    source = ScriptedSource([ONE], [[added("b", 11), added("c", 12)]])
    told = Told(source, refuse).run()
    assert told.held()["c"] == "12"
    assert "Bad watch event skipped" in caplog.messages
    assert len(source.listed) == 1
