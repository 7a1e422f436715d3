"""What handlers hear, and what readers see meanwhile (contracts S3 to S24)."""

import threading

import pytest

from informers.caches import Informers
from informers.change import Change
from informers.informer import Informer, LifecycleError, Registration
from informers.store import Store
from informers.types import Unreadable
from tests.fakes.source import Listed, ScriptedSource, Thing, added, bookmark, build, error, modified, thing

PATIENCE = 10.0


class ScriptThenSilence(ScriptedSource):
    """Plays its script and then falls silent until stop; ``done`` says when all of it is in the store."""

    def __init__(self, items, *events):
        super().__init__()
        self.items, self.events = items, list(events)
        self.between_pages = None  # called before the second page of the first list; without it there is one page
        self.done = threading.Event()

    def list(self, *, take, continue_token, **more):
        if continue_token:
            self.between_pages()
            self.between_pages = None
        self.lists = [Listed([] if continue_token else self.items, 10, "more" if self.between_pages else "")]
        return super().list(take=take, continue_token=continue_token, **more)

    def watch(self, *, stop, **more):
        if self.events:
            self.watches = [self.events.pop(0)]
        else:
            self.done.set()
            self.watches = [[lambda: stop.wait(PATIENCE)]]
        return super().watch(stop=stop, **more)


class Heard:
    """A handler that can be waited for, and held."""

    def __init__(self):
        self.changes = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self._changed = threading.Condition()

    def __call__(self, change):
        self.entered.set()
        assert self.gate.wait(PATIENCE)
        with self._changed:
            self.changes.append(change)
            self._changed.notify_all()

    def wait_for(self, count):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.changes) >= count, PATIENCE), self.changes
        return [change.key for change in self.changes]


@pytest.fixture
def make():
    """Make an informer over a script."""
    made = []

    def it(source, **more):
        made.append(Informer(source, build, wait=lambda stop, _: stop.wait(0.001), **more))
        return made[-1]

    yield it
    for informer in made:
        informer.stop()


def played(informer, source):
    informer.start()
    assert source.done.wait(PATIENCE)
    return informer


def test_store_updated_before_handler(make):  # contract S3
    source = ScriptThenSilence([thing("a", 5, labels=["x"])], [modified("a", 11, labels=["y"]), added("b", 12)])
    informer = make(source, indexes={"label": lambda view: view.labels})
    seen = []

    def look(change):
        now = informer.get("test", change.new.name)
        filed = {label: [view.name for view in informer.by_index("label", label)] for label in ("x", "y")}
        seen.append((int(now.resource_version) >= int(change.new.resource_version), filed))

    informer.add_handler(look)
    heard = Heard()
    informer.add_handler(heard)
    played(informer, source)
    heard.wait_for(3)
    informer.stop()
    assert all(is_new for is_new, _ in seen)
    assert all(filed != {"x": ["a"], "y": ["a"]} for _, filed in seen)


def test_informer_has_synced_after_full_first_list(make):  # contract S6
    source = ScriptThenSilence([thing("a", 5)], [error(500, "x")])
    informer = make(source)
    states = []
    source.between_pages = lambda: states.append((informer.has_synced, len(informer)))
    source.events.append([bookmark(11), lambda: states.append((informer.has_synced, len(informer)))])
    played(informer, source)
    assert states == [(False, 0), (True, 1)]
    assert [token for _, _, token in source.listed] == ["", "more", ""]


def test_older_event_after_write_through_is_passed_over(make):  # contracts S20, S21
    informer = None

    def write():
        informer.write_through(thing("a", 20))

    source = ScriptThenSilence([thing("a", 5)], [write, modified("a", 15)])
    informer = make(source)
    heard = Heard()
    informer.add_handler(heard)
    played(informer, source)
    assert informer.get("test", "a").resource_version == "20"
    assert [version for version, _ in source.watched] == ["10", "15"]
    heard.wait_for(2)
    assert [change.new.resource_version for change in heard.changes] == ["5", "20"]


def test_each_registration_is_its_own_even_of_the_same_function(make):  # contract S10
    source = ScriptThenSilence([thing("a", 5)])
    informer = make(source)
    heard = Heard()
    first, second = informer.add_handler(heard), informer.add_handler(heard)
    played(informer, source)
    assert heard.wait_for(2) == ["test/a"] * 2
    informer.remove_handler(first)
    informer.write_through(thing("a", 20))
    assert heard.wait_for(3) == ["test/a"] * 3
    informer.remove_handler(second)
    informer.write_through(thing("a", 21))
    informer.add_handler(heard)
    heard.wait_for(4)
    assert [change.new.resource_version for change in heard.changes] == ["5", "5", "20", "21"]


@pytest.mark.parametrize("end", ["removed", "stopped"])
def test_what_is_queued_is_dropped_and_a_call_under_way_may_finish(make, end):  # contracts S8, S10
    source = ScriptThenSilence([thing(f"k{n}", 5) for n in range(10)])
    informer = make(source)
    heard = Heard()
    heard.gate.clear()
    registration = informer.add_handler(heard)
    played(informer, source)
    assert heard.entered.wait(PATIENCE)
    ending = threading.Thread(
        target=informer.stop if end == "stopped" else lambda: informer.remove_handler(registration)
    )
    ending.start()
    with registration._ready:
        assert registration._ready.wait_for(lambda: registration._closed, PATIENCE)
    heard.gate.set()
    ending.join(PATIENCE)
    assert len(heard.changes) == 1
    assert len(registration) == 0


def test_change_that_comes_after_the_end_is_not_noted_down():  # contract S8
    heard = []
    registration = Registration("handler", heard.append, None)
    registration.start()
    registration.close()
    registration.join()
    registration.offer(Change("test/a", None, Thing("test", "a", "u", "1")))
    assert (len(registration), heard) == (0, [])


def test_handler_may_stop_the_informer(make):  # contracts S8, S10
    source = ScriptThenSilence([thing("a", 5), thing("b", 6)])
    informer = make(source)
    stopped, heard = threading.Event(), []

    def stop(change):
        heard.append(change.key)
        informer.stop()
        stopped.set()

    informer.add_handler(stop)
    informer.start()
    assert stopped.wait(PATIENCE)
    informer.stop()
    assert len(heard) == 1


def test_stop_may_be_called_by_several_threads(make):  # contract S23
    source = ScriptThenSilence([])
    informer = played(make(source), source)
    threads = [threading.Thread(target=informer.stop) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    with pytest.raises(LifecycleError):
        informer.start()


def test_filter_holds_for_what_a_late_handler_gets_first(make):  # contracts S9, S24
    source = ScriptThenSilence([thing("a", 5, labels=["in"]), thing("b", 6)])
    informer = played(make(source), source)
    heard = Heard()
    registration = informer.add_handler(heard, accepts=lambda view: "in" in view.labels)
    assert heard.wait_for(1) == ["test/a"]
    assert heard.changes[0].initial
    informer.write_through(thing("b", 20, labels=["in"]))
    heard.wait_for(2)
    assert heard.changes[1] == Change("test/b", None, informer.get("test", "b"))
    assert registration.has_synced


def test_unreadable_object_is_told_and_found_but_filed_nowhere(make):  # contracts S18, S16
    broken = {**thing("a", 5), "labels": 7}
    source = ScriptThenSilence([broken, thing("b", 6, labels=["x"])])
    informer = make(source, indexes={"label": lambda view: view.labels})
    heard = Heard()
    informer.add_handler(heard)
    played(informer, source)
    heard.wait_for(2)
    assert isinstance(informer.get("test", "a"), Unreadable)
    assert len(informer) == 2
    assert [view.name for view in informer.by_index("label", "x")] == ["b"]


def test_bookmarks_wake_no_handler(make):  # contract R11
    source = ScriptThenSilence([thing("a", 5)], [bookmark(50)])
    informer = make(source)
    heard = Heard()
    informer.add_handler(heard)
    played(informer, source)
    informer.stop()
    assert [version for version, _ in source.watched] == ["10", "50"]
    assert len(heard.changes) <= 1


def test_several_namespaces_are_one_cache(make):  # contract S15
    informers = {}
    for namespace in ("a", "b"):
        source = ScriptThenSilence([thing("x", 5, namespace=namespace), thing(f"only-{namespace}", 6)])
        informers[namespace] = played(make(source), source)
    cache = Informers(informers)
    assert len(cache) == 4
    assert cache.get("a", "x").namespace == "a"
    cache.write_through(thing("x", 20, namespace="b"))
    assert cache.get("b", "x").resource_version == "20"
    assert cache.get("a", "x").resource_version == "5"


def test_one_empty_cache_for_all_namespaces_is_asked_all_the_same(make):
    source = ScriptThenSilence([])
    cache = Informers({"": played(make(source), source)})
    assert len(cache) == 0
    assert cache.get("test", "a") is None
    cache.write_through(thing("a", 20))
    assert len(cache) == 0


# --- the store alone ---


def stored(**more):
    told = []
    return told, Store(
        **{"build": build, "indexes": {"label": lambda view: view.labels}, "listener": told.append, **more}
    )


def test_list_is_stored_as_a_whole_then_deletions_are_told_then_the_rest():  # contracts S3, S4
    seen = []

    def look(change):
        names = sorted(view.name for view in store.views())
        seen.append((change.key, change.new is None, names))

    store = Store(build, indexes={}, listener=look)
    for name in ("a", "b", "c"):
        store.put(store.view(thing(name, 1)))
    del seen[:]
    store.replace([store.view(thing(name, 2)) for name in ("z", "b")], "100")
    assert {names == ["b", "z"] for _, _, names in seen} == {True}
    assert [gone for _, gone, _ in seen] == [True, True, False, False]
    assert {key for key, gone, _ in seen if gone} == {"test/a", "test/c"}


def test_readers_see_all_of_a_list_or_nothing_of_it():  # contract S15
    _, store = stored()
    first = [store.view(thing(f"a{n}", 1, labels=["all"])) for n in range(50)]
    second = [store.view(thing(f"b{n}", 1, labels=["all"])) for n in range(70)]
    sizes, over = set(), threading.Event()

    def read():
        while not over.is_set():
            sizes.add(len(store.by_index("label", "all")))

    reader = threading.Thread(target=read)
    reader.start()
    for version in range(1, 200):
        store.replace(second if version % 2 else first, str(version))
    over.set()
    reader.join()
    assert sizes <= {0, 50, 70}


def test_builder_is_lent_the_view_before_unless_there_is_none():  # contracts S17, P4
    lent = []

    def lending(obj, previous):
        lent.append(previous)
        return build(obj, previous)

    _, store = stored(build=lending)
    store.put(store.view(thing("a", 1)))
    store.put(store.view(thing("a", 2)))
    store.put(Unreadable("test", "a", "a-uid", "3", "broken"))
    store.view(thing("a", 4))
    assert [view and view.resource_version for view in lent] == [None, "1", None]


@pytest.mark.parametrize("failure", [KeyError, TypeError, ValueError, AttributeError])
def test_object_that_cannot_be_read_costs_only_itself(failure):  # contract S18
    def picky(obj, previous):
        if obj["metadata"]["name"] == "broken":
            raise failure("no view of this")
        return build(obj, previous)

    _, store = stored(build=picky)
    store.replace([store.view(thing(name, 5)) for name in ("a", "broken", "c")], "10")
    assert len(store) == 3
    assert "no view of this" in store.get("test", "broken").reason


def test_unreadable_entry_is_replaced_and_deleted_like_any_other():  # contracts S18, S20
    told, store = stored()
    store.put(Unreadable("test", "a", "a-uid", "3", "broken"))
    store.put(store.view(thing("a", 2)))
    assert isinstance(store.get("test", "a"), Unreadable)
    store.put(store.view(thing("a", 4)))
    assert store.get("test", "a") == Thing("test", "a", "a-uid", "4")
    store.delete("test", "a")
    assert [change.new is None for change in told] == [False, False, True]


@pytest.mark.parametrize(
    ("version", "stored_version"),
    [
        pytest.param("19", "20", id="older is passed over"),
        pytest.param("20", "20", id="equal is stored"),
        pytest.param("21", "21", id="newer is stored"),
        pytest.param("x", "x", id="where one is no integer the word of the server wins"),
        pytest.param("100", "100", id="versions are no words"),
    ],
)
@pytest.mark.parametrize("way", ["watch", "list", "write"])
def test_versions_are_ordered_alike_whatever_the_way(version, stored_version, way):  # contract S20
    told, store = stored()
    store.put(store.view(thing("a", 20)))
    del told[:]
    obj = thing("a", version)
    {
        "watch": lambda: store.put(store.view(obj)),
        "list": lambda: store.replace([store.view(obj)], version),
        "write": lambda: store.write_through(obj),
    }[way]()
    assert store.get("test", "a").resource_version == stored_version
    assert len(told) == (version != "19")


def test_another_uid_is_another_object_whatever_its_version():  # contracts S5, S20
    told, store = stored()
    store.put(store.view(thing("a", 20, uid="first")))
    store.put(store.view(thing("a", 3, uid="second")))
    assert (told[-1].old.uid, told[-1].new.uid) == ("first", "second")


def test_index_may_give_no_value_at_all():  # contract S16
    _, store = stored()
    store.put(store.view(thing("a", 1)))
    assert store.by_index("label", "x") == []
    store.put(store.view(thing("a", 2, labels=["x"])))
    assert [view.name for view in store.by_index("label", "x")] == ["a"]
    store.put(store.view(thing("a", 3)))
    assert store.by_index("label", "x") == []


def test_miss_is_none():  # contract S15
    _, store = stored()
    assert store.get("test", "a") is None
    assert store.get("", "a") is None
