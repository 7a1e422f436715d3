"""Paths to fields: how they are written, read, and changed by a JSON patch."""

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.paths import at, keeping, parse_path, pointer, put, set_operations, shown, without
from informers.types import FieldError

OBJ = {"spec": {"image": "a", "values": {"name": "n", "x": {"y": 1}}, "none": None, "list": [1]}}
STEPS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\\"), min_size=1, max_size=4)


@given(st.lists(STEPS, min_size=1, max_size=5).map(tuple))
def test_path_is_read_as_it_is_written(path):
    assert parse_path(shown(path)) == path


def test_key_may_hold_a_dot():
    assert parse_path(r"spec.labels.example\.com/role") == ("spec", "labels", "example.com/role")
    assert pointer(("spec", "labels", "example.com/role~")) == "/spec/labels/example.com~1role~0"


@pytest.mark.parametrize("text", ["", ".", "spec.", ".spec", "spec..image"])
def test_empty_step_is_refused(text):
    with pytest.raises(ValueError, match="has an empty step"):
        parse_path(text)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("spec.image", "a"),
        ("spec.values.x.y", 1),
        ("spec.nothing", None),
        ("spec.nothing.below", None),
        ("spec.none.below", None),
    ],
)
def test_what_stands_at_a_path(path, found):
    assert at(OBJ, parse_path(path)) == found


@pytest.mark.parametrize("path", ["spec.list.x", "spec.image.x.y"])
def test_path_that_leads_through_something_else_is_named(path):
    with pytest.raises(FieldError, match=f"{path[: path.index('.x')]} must be an object, for {path} is a field in it"):
        at(OBJ, parse_path(path))


def test_put_leaves_what_is_given_alone():
    before = repr(OBJ)
    assert put(OBJ, ("spec", "values", "name"), "m")["spec"]["values"]["name"] == "m"
    assert put(OBJ, ("spec", "new", "deep"), 1)["spec"]["new"] == {"deep": 1}
    assert "image" not in put(OBJ, ("spec", "image"), None)["spec"]
    assert put(OBJ, ("spec", "nothing", "deep"), None) == OBJ
    assert put(None, ("a", "b"), None) is None
    assert repr(OBJ) == before


def test_own_values_are_left_out_or_kept():
    paths = [("name",), ("x", "y")]
    values = {"name": "n", "x": {"y": 1}, "z": 2}
    assert without(values, paths) == {"z": 2}
    assert keeping(values, paths, {"name": "m"}) == {"name": "m", "z": 2}
    assert without({"name": "n"}, paths) is without({}, paths) is without(None, paths) is None
    assert keeping(None, paths, {"name": "m", "z": 3}) == {"name": "m"}
    assert keeping(None, paths, None) is None


@pytest.mark.parametrize(
    ("path", "item"),
    [
        pytest.param("spec.image", "b", id="another value"),
        pytest.param("spec.values", {"a": None}, id="another object"),
        pytest.param("spec.values.x.y", None, id="no value"),
        pytest.param("spec.nothing", None, id="no value where there is none"),
        pytest.param("spec.new.deep.er", 1, id="a value in objects that are missing"),
        pytest.param("spec.none.deep", 1, id="a value in an object that is null"),
        pytest.param(r"spec.values.a\.b/c~d", 1, id="a key with every character that has a meaning"),
    ],
)
def test_patch_does_what_put_does(path, item):
    steps = parse_path(path)
    patched = jsonpatch.apply_patch(OBJ, list(set_operations(OBJ, steps, item)))
    assert at(patched, steps) == item
    assert put(patched, steps, None) == put(OBJ, steps, None)
