"""What nobody wants is kept packed: told to nobody, and seen as any other once somebody asks (contracts S17, S18)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.kinds import BUILT_IN
from hack.bench import resting
from informers.packed import Packed, packed, restored
from informers.store import Store
from informers.types import Slim, Unreadable

(FORM, *_) = (form for form in resting.forms() if form.kind == "Deployment")
DEPLOYMENT = BUILT_IN.parts["Deployment"]
WHERE, NAME = FORM.key(7)


def at(version, **spec):
    obj = DEPLOYMENT.shape.object(FORM.object(7, version).decode())
    return Slim({**obj, "spec": {**obj["spec"], **spec}})


class Held:
    def __init__(self):
        self.wanted = set()
        self.built, self.heard = [], []
        self.store = Store(self._build, indexes={}, listener=self.heard.append, wanted=lambda *key: key in self.wanted)

    def _build(self, obj, previous):
        self.built.append(obj["metadata"]["resourceVersion"])
        return DEPLOYMENT.view(obj, previous)

    def put(self, obj):
        self.store.put(self.store.view(obj))

    def told(self):
        return [tuple(view and view.resource_version for view in (change.old, change.new)) for change in self.heard]


@pytest.fixture
def held():
    return Held()


def test_what_nobody_wants_is_not_built_and_told_to_nobody(held):  # contract S17
    for version in (1, 2):
        held.put(at(version))
    held.store.replace([held.store.view(at(3))], "3")
    held.put(at(2))
    held.store.delete(WHERE, NAME)
    held.put(at(4))
    assert (held.built, held.heard, len(held.store)) == ([], [], 1)
    assert held.store.newest("1") == "4"


def test_packed_object_is_seen_as_if_it_had_been_wanted_from_the_beginning(held):  # contract S17
    held.put(at(1))
    found = held.store.get(WHERE, NAME)
    assert found == DEPLOYMENT.view(json.loads(FORM.object(7, 1)), None)
    assert held.store.get(WHERE, NAME) is found
    assert held.store.views() == (found,)
    assert held.built == ["1"]


def test_who_wants_it_hears_of_it_from_then_on(held):  # contracts S3, S22
    held.put(at(1))
    held.wanted.add((WHERE, NAME))
    held.put(at(2))
    held.put(at(1))
    held.store.delete(WHERE, NAME)
    assert held.told() == [("1", "2"), ("2", None)]


def test_who_wants_it_while_it_is_put_hears_of_it(held):  # contract S3
    unseen = held.store.view(at(1))
    assert isinstance(unseen, Packed)
    held.wanted.add((WHERE, NAME))
    held.store.put(unseen)
    assert held.told() == [(None, "1")]
    held.store.replace([], "9")
    assert held.told()[1:] == [("1", None)]


def test_write_through_replaces_what_is_packed(held):  # contract S19
    held.put(at(1))
    held.store.write_through(json.loads(FORM.object(7, 2)))
    assert held.store.get(WHERE, NAME).resource_version == "2"


def test_packed_object_that_cannot_be_read_is_unreadable_when_somebody_asks(held):  # contract S18
    held.put(at(1, replicas="three"))
    assert held.store.count_unreadable() == 0
    found = held.store.get(WHERE, NAME)
    assert isinstance(found, Unreadable)
    assert "spec.replicas" in found.reason
    assert held.store.count_unreadable() == 1


def test_own_write_that_comes_back_is_not_looked_at_again(held):  # contract S19
    held.wanted.add((WHERE, NAME))
    held.put(at(1))
    held.store.write_through(at(2))
    assert held.store.has(at(2))
    assert not held.store.has(at(3))
    held.store.write_through_view(held.store.view(at(3)))
    assert not held.store.has(at(3)), "what was amended is not the whole object"
    held.put(at(3))
    assert held.store.has(at(3))


def test_list_of_a_server_that_went_back_is_believed_at_the_same_version(held):  # contract S20
    held.wanted.add((WHERE, NAME))
    held.put(at(5, replicas=1))
    held.store.replace([held.store.view(at(5, replicas=4))], "5", consistent=True)
    assert held.store.get(WHERE, NAME).replicas == 4


@pytest.mark.parametrize(
    "identity",
    [("", "a", "u", "1"), ("a/b", "c", "u", "1"), ("a", "b/c", "u", "1"), ("a", "b", "u" * 300, "1")],
    ids=["of cluster scope", "a slash in the namespace", "a slash in the name", "a long uid"],
)
def test_odd_identity_is_not_packed(identity):  # contract S18
    assert packed(at(1), *identity) is None


NAMES = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1, max_size=9)


@given(NAMES, NAMES, NAMES, NAMES)
def test_packed_object_is_restored_as_it_was(namespace, name, uid, version):
    meta = {"namespace": namespace, "name": name, "uid": uid, "resourceVersion": version, "generation": 3}
    obj = Slim({"kind": "Deployment", "metadata": meta, "spec": {"replicas": 1}})
    found = restored(f"{namespace}/{name}", packed(obj, namespace, name, uid, version).stored())
    assert found.object() == obj
    assert (found.uid, found.resource_version) == (uid, version)


def test_packed_deployment_takes_a_tenth_of_the_object():
    unseen = packed(at(1), *(at(1)["metadata"][key] for key in ("namespace", "name", "uid", "resourceVersion")))
    assert len(unseen.stored()) < 420
