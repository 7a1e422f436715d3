"""The store (contracts S)."""

import pytest

from informers.change import Change
from informers.identity import is_older
from informers.keys import split_key
from informers.store import Store
from informers.types import IdentityError, Unreadable
from tests.fakes.source import Thing, build, thing


def labels(view):
    return view.labels


class Held:
    def __init__(self):
        self.heard: list[Change[Thing]] = []
        self.seen: list[bool] = []
        self.store = Store(
            build, indexes={"label": labels}, orders={"label": lambda view: view.name}, listener=self._hear
        )

    def _hear(self, change):
        self.heard.append(change)
        held = self.store.get(*split_key(change.key))
        self.seen.append(held == change.new)

    def put(self, *args, **more):
        self.store.put(self.store.view(thing(*args, **more)))

    def replace(self, *objects, version="100"):
        self.store.replace([self.store.view(obj) for obj in objects], version)


@pytest.fixture
def held():
    return Held()


def test_add_or_update_decided_by_store(held):  # contract S2
    held.put("a", 1)
    held.put("a", 2)
    first, second = held.heard
    assert (first.old, first.new.resource_version) == (None, "1")
    assert (second.old.resource_version, second.new.resource_version) == ("1", "2")


def test_store_updated_before_handler(held):  # contract S3
    held.put("a", 1)
    held.put("a", 2)
    held.store.delete("test", "a")
    held.replace(thing("b"), thing("c"))
    assert all(held.seen)


def test_delete_of_what_is_not_held_calls_nobody(held):  # contract S2
    held.store.delete("test", "a")
    assert held.heard == []


def test_tombstone_on_missed_delete(held):  # contract S4
    held.put("a", 1)
    held.put("b", 1)
    held.replace(thing("b", 1))
    gone, kept = held.heard[2:]
    assert (gone.key, gone.old.name, gone.new) == ("test/a", "a", None)
    assert kept.is_sync
    assert held.store.get("test", "a") is None


def test_relist_unchanged_objects_marked_as_sync(held):  # contract S13
    held.put("a", 1)
    held.replace(thing("a", 1))
    assert held.heard[-1].is_sync
    held.replace(thing("a", 2))
    assert not held.heard[-1].is_sync


def test_deleted_and_created_again_is_one_update(held):  # contract S5
    held.put("a", 5, uid="first")
    held.replace(thing("a", 2, uid="second"))
    assert (held.heard[-1].old.uid, held.heard[-1].new.uid) == ("first", "second")


def test_indexer_moves_key_on_update_and_drops_empty_sets(held):  # contract S16
    held.put("a", 1, labels=["x", "y"])
    held.put("b", 1, labels=["x"])
    assert [view.name for view in held.store.by_index("label", "x")] == ["a", "b"]
    held.put("a", 2, labels=["z"])
    assert [view.name for view in held.store.by_index("label", "x")] == ["b"]
    assert [view.name for view in held.store.by_index("label", "z")] == ["a"]
    assert held.store.by_index("label", "y") == []
    assert [value for value in "xyz" if value in held.store._filed["label"]] == ["x", "z"]
    held.store.delete("test", "a")
    assert [value for value in "xyz" if value in held.store._filed["label"]] == ["x"]


def test_unknown_index_is_an_error(held):  # contract S15
    with pytest.raises(KeyError):
        held.store.by_index("colour", "red")


def test_older_event_after_write_through_is_passed_over(held):  # contract S20
    held.put("a", 10)
    held.store.write_through(thing("a", 20))
    held.put("a", 15)
    assert held.store.get("test", "a").resource_version == "20"
    assert len(held.heard) == 2
    held.put("a", 20)
    assert len(held.heard) == 3


def test_older_object_of_a_list_is_passed_over(held):  # contract S20
    held.put("a", 20)
    held.replace(thing("a", 15), version="17")
    assert held.store.get("test", "a").resource_version == "20"
    assert len(held.heard) == 1


def test_list_does_not_delete_what_was_written_after_it(held):  # contract S20
    held.put("a", 20)
    held.replace(version="15")
    assert held.store.get("test", "a") is not None
    held.replace(version="20")
    assert held.store.get("test", "a") is None


@pytest.mark.parametrize("known", [[], [thing("a", 1, uid="another")]], ids=["deleted", "another object"])
def test_write_through_never_brings_back_what_is_gone(held, known):  # contract S19
    held.replace(*known)
    before = len(held.heard)
    held.store.write_through(thing("a", 20))
    assert len(held.heard) == before


def test_object_whose_view_cannot_be_built_is_held_as_unreadable(held, caplog):  # contract S18
    broken = thing("a", 3)
    broken["labels"] = 7
    view = held.store.view(broken)
    held.store.put(view)
    assert held.store.get("test", "a") == Unreadable("test", "a", "a-uid", "3", view.reason)
    assert "TypeError" in view.reason
    assert "Object cannot be read" in caplog.messages
    held.put("a", 4, labels=["x"])
    assert held.store.get("test", "a").labels == ("x",)


def test_object_without_metadata_raises(held):  # contract R17
    with pytest.raises(IdentityError):
        held.store.view({"kind": "Thing"})


def test_object_of_cluster_scope_has_its_name_as_key(held):  # contract S1
    held.store.put(Thing("", "node", "u", "1"))
    assert held.store.get("", "node").name == "node"
    assert len(held.store) == 1


def test_snapshot_shows_everything(held):  # contract S9
    held.put("a", 1)
    seen = []
    held.store.snapshot(seen.extend)
    assert seen == ["test/a"]


@pytest.mark.parametrize(
    ("version", "than", "older"), [("9", "10", True), ("10", "10", False), ("11", "10", False), ("x", "10", False)]
)
def test_versions_compare_as_integers(version, than, older):  # contract S20
    assert is_older(version, than) is older


def test_consistent_list_is_believed_whatever_its_versions_are(held):  # contract S20: etcd was restored from a backup
    held.put("changed", 900)
    held.put("created", 950)
    held.put("same", 300)
    views = [held.store.view(obj) for obj in (thing("changed", 400), thing("same", 300), thing("deleted", 450))]
    held.store.replace(views, "500", consistent=True)
    assert {v.name: v.resource_version for v in held.store.views()} == {
        "changed": "400",
        "same": "300",
        "deleted": "450",
    }


def test_consistent_list_does_not_undo_what_was_written_since_it_was_asked_for(held):  # contract S20
    held.put("before", 900)
    held.put("since", 900)
    held.put("gone", 900)
    held.store.write_through(thing("before", 910))
    held.store.list_is_asked_for()
    held.store.write_through(thing("since", 920))
    held.store.write_through(thing("gone", 921))
    views = [held.store.view(obj) for obj in (thing("before", 905), thing("since", 905))]
    held.store.replace(views, "915", consistent=True)
    versions = {v.name: v.resource_version for v in held.store.views()}
    assert versions == {"before": "905", "since": "920", "gone": "921"}


def test_list_that_is_newer_than_the_entry_is_believed(held):  # contract S20: restored with a revision that was raised
    held.put("a", 900)
    held.replace(thing("a", 400), version="1000000500")
    assert held.store.get("test", "a").resource_version == "400"


def test_version_that_is_no_number_of_etcds_outlives_nothing(held):  # contract S20
    held.put("a", "9" * 400)
    held.put("a", 7)
    assert held.store.get("test", "a").resource_version == "7"
    held.put("b", "9" * 400)
    held.replace(version="8")
    assert len(held.store) == 0


class OddError(Exception):
    """What no library raises."""


@pytest.mark.parametrize(
    "error",
    [
        OverflowError("date value out of range"),
        ZeroDivisionError(),
        RecursionError(),
        OddError(),
        MemoryError(),
        StopIteration(),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("where", ["view", "index"])
def test_whatever_is_raised_over_one_object_costs_it_alone(where, error):  # contract S18
    def raising(view):
        if view.name == "bad":
            raise error
        return ("all",)

    def built(obj, previous):
        view = build(obj, previous)
        if where == "view":
            raising(view)
        return view

    store = Store(built, indexes={"all": raising if where == "index" else lambda _: ("all",)}, listener=lambda _: None)
    store.replace([store.view(thing("bad")), store.view(thing("good"))], "10")
    assert store.get("test", "bad") == Unreadable("test", "bad", "bad-uid", "1", f"{type(error).__name__}: {error}")
    assert [view.name for view in store.by_index("all", "all")] == ["good"]
    assert store.count_unreadable() == 1
    store.delete("test", "bad")
    assert store.count_unreadable() == 0


def test_reason_is_short_and_can_be_written_as_text():  # contract S18
    def built(obj, previous):
        raise ValueError("\ud800" + "x" * 10_000)

    store = Store(built, indexes={}, listener=lambda _: None)
    reason = store.view(thing("a")).reason
    assert reason.encode().startswith(b"ValueError: \\ud800xxx")
    assert len(reason) < 1000


@pytest.mark.parametrize(
    "meta",
    [
        None,
        [],
        {},
        {"name": "a", "uid": "u"},
        {"name": "", "uid": "u", "resourceVersion": "1"},
        {"name": "a", "uid": 7, "resourceVersion": "1"},
        {"name": "a", "uid": "u", "resourceVersion": "1", "namespace": 7},
    ],
    ids=repr,
)
def test_object_of_which_nobody_can_tell_which_it_is_is_refused(held, meta):
    with pytest.raises(IdentityError):
        held.store.view({"kind": "Thing", "metadata": meta})
    with pytest.raises(IdentityError):
        held.store.view(7)


def test_first_of_a_value_is_known_whatever_comes_and_goes(held):  # contract S16
    def first():
        found = held.store.first("label", "in")
        return found and found.name

    assert first() is None
    held.put("m", 1, labels=["in"])
    held.put("x", 2, labels=["in"])
    assert first() == "m"
    held.put("b", 3, labels=["in"])
    assert first() == "b"
    held.put("b", 4, labels=["out"])
    assert first() == "m"
    held.put("m", 5, labels=["in"])
    held.put("a", 6, labels=["out"])
    assert first() == "m"
    held.store.delete("test", "m")
    assert first() == "x"
    held.replace(thing("n", 7, labels=["in"]), thing("z", 7, labels=["in"]))
    assert first() == "n"


def test_what_cannot_be_read_is_never_the_first(held):
    held.put("b", 1, labels=["in"])
    assert held.store.first("label", "in").name == "b"
    held.store.put(Unreadable("test", "b", "b-uid", "2", "no labels"))
    assert held.store.first("label", "in") is None


def test_first_is_found_without_a_look_at_all_that_is_filed_beside_it():
    compared = []
    store = Store(
        build, indexes={"label": labels}, orders={"label": lambda view: compared.append(1) or view.name}, listener=id
    )
    for number in range(1000):
        store.put(store.view(thing(f"n{number:04}", 1, labels=["in"])))
    store.first("label", "in")
    compared.clear()
    for number in range(1, 1000):
        store.put(store.view(thing(f"n{number:04}", 2, labels=["in"])))
        store.first("label", "in")
    assert len(compared) < 5000
