"""Shapes change what an object costs, and nothing that is seen of it: whatever JSON it is (contracts S17, S18, R17)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.kinds import BUILT_IN
from hack.bench import resting
from informers.nesting import decode_event
from informers.streaming import decode_list
from informers.types import Slim

KINDS = {kind.api.kind: kind for kind in (BUILT_IN.canary, *BUILT_IN.parts.values()) if kind.shape}
FORMS = {f"{form.kind} {form.name}": form for form in resting.forms()}
ODD = st.sampled_from(
    [2**63, 2**64, -(2**70), 10**400, 1e300, -0.0, 1.5, True, None, "", "\ud800", "ä\x7f\u2028", [], {}]
)
VALUES = st.recursive(
    ODD | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)


def places(value, path=()):
    """Every place in an object."""
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))


def put(value, path, new):
    """An object with another value at a place."""
    if not path:
        return new
    key, *rest = path
    if isinstance(value, dict):
        return {**value, key: put(value[key], rest, new)}
    return [put(inner, rest, new) if index == key else inner for index, inner in enumerate(value)]


def seen(kind, obj):
    """The view of an object, or what is wrong with it."""
    try:
        return KINDS[kind].view(obj, None)
    except Exception as error:  # noqa: BLE001  # as a store does
        return type(error), str(error)


def test_every_built_in_kind_but_the_template_of_a_metric_has_a_shape():
    assert {*BUILT_IN.parts, "Canary"} - set(KINDS) == {"HelmRelease", "Function", "MetricTemplate"}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_what_nobody_reads_is_not_decoded(form):  # contract S17
    found = KINDS[form.kind].shape.object(form.object(7, 1).decode())
    assert "managedFields" not in found["metadata"]
    assert len(json.dumps(found)) < 0.6 * len(form.object(7, 1))
    assert seen(form.kind, found) == seen(form.kind, json.loads(form.object(7, 1)))


@given(st.sampled_from(list(FORMS.values())), st.data())
def test_any_object_is_seen_as_without_a_shape(form, data):  # contracts S17, S18
    obj = json.loads(form.object(7, 1))
    for _ in range(data.draw(st.integers(1, 2))):
        obj = put(obj, data.draw(st.sampled_from(list(places(obj))[1:])), data.draw(VALUES))
    event = json.dumps({"type": "MODIFIED", "object": obj}, ensure_ascii=data.draw(st.booleans()))
    line = event.encode(errors="surrogatepass")
    shape = KINDS[form.kind].shape
    told = shape.event(line)
    if told is not None:
        plain = decode_event(line)["object"]
        assert told[0] == "MODIFIED"
        assert told[1].get("kind") == plain.get("kind")
        assert repr(seen(form.kind, told[1])) == repr(seen(form.kind, plain))


@pytest.mark.parametrize("event", ["ERROR", "NEW", "", "BOOKMARK", "DELETED"])
def test_what_an_error_says_is_decoded_whole(event):  # contracts R15, R17
    line = json.dumps({"type": event, "object": {"kind": "Status", "code": 410, "metadata": {}}}).encode()
    assert (KINDS["Service"].shape.event(line) is None) == (event in ("ERROR", "NEW", ""))


@pytest.mark.parametrize("size", [1, 7, 1000, 10**6], ids=lambda size: f"chunks of {size}")
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")], ids=["dense", "with spaces"])
def test_items_of_a_list_are_told_apart_whatever_they_hold(size, separators):  # contract P2
    inner = [{"metadata": {"name": "claim"}}, {"metadata": {"name": "claim"}}]
    items = [
        {
            "metadata": {"name": f"a{number}", "labels": {"x": ',{"metadata": {"name'}},
            "spec": {"type": number, "b": inner},
        }
        for number in range(5)
    ]
    whole = json.dumps({"kind": "ServiceList", "items": [*items, 7, None]}, separators=separators).encode()
    taken = []
    chunks = [whole[at : at + size] for at in range(0, len(whole), size)]
    rest = decode_list(chunks, taken.append, KINDS["Service"].shape)
    assert rest == {"kind": "ServiceList"}
    assert [item["spec"]["type"] for item in taken[:5]] == [0, 1, 2, 3, 4]
    assert taken[5:] == [7, None]
    slim = sum(isinstance(item, Slim) for item in taken)
    assert slim == (4 if separators == (",", ":") else 0)
