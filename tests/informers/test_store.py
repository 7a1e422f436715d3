"""The store (contracts S)."""

import pytest

from informers.keys import split_key
from informers.store import Change, Store, is_older
from informers.types import Unreadable
from tests.fakes.source import Thing, build, thing


def labels(view):
    return view.labels


class Held:
    def __init__(self):
        self.heard: list[Change[Thing]] = []
        self.seen: list[bool] = []
        self.store = Store(build, indexes={"label": labels}, listener=self._hear)

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
    assert set(held.store._filed["label"]) == {"x", "z"}
    held.store.delete("test", "a")
    assert set(held.store._filed["label"]) == {"x"}


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
    held.replace(thing("a", 15))
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
    with pytest.raises((KeyError, TypeError)):
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
