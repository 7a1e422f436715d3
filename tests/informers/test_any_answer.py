"""Any bytes as a watch or a list, any JSON as an event: items, or a defined error (contracts R9, R17, R18)."""

import io
import json
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from informers.kube_source import _events
from informers.nesting import decode_event, decode_object
from informers.source import WatchEvent
from informers.streaming import decode_list
from informers.types import IdentityError
from tests.fakes.source import Listed, ScriptedSource, thing
from tests.informers.test_reflector_worlds import Told

WORDS = st.sampled_from(["Thing", "Status", "7"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | WORDS
META = ["metadata", "name", "namespace", "uid", "resourceVersion"]
KEYS = st.sampled_from(["kind", *META, "code", "details", "causes", "x"])
ANY = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=10
)
OBJECTS = st.dictionaries(KEYS, ANY, max_size=6)
TYPES = st.sampled_from(["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]) | st.text(max_size=5)
WHOLE = [b'{"type":"ADDED","object":', b'{"items":[', b'"metadata":{', b"null", b"NaN", b"1e999", b'"\\ud800"', b"\xff"]
DEEP = [b"9" * 5000, b"[" * 2000, b'{"a":' * 2000, b"]" * 2000]
PIECES = st.sampled_from([b"{", b"}", b"[", b"]", b'"', b"\\", b":", b",", b"\n", *WHOLE, *DEEP])
BYTES = st.lists(PIECES | st.binary(max_size=8), max_size=12).map(b"".join)


class Answer:
    """A response that is all there."""

    chunked = False

    def __init__(self, data):
        self.read1 = io.BytesIO(data).read


@given(BYTES)
def test_any_bytes_as_a_watch_are_events_until_they_end(data):  # contract R18
    for event in _events(Answer(data)):
        assert isinstance(event.type, str)
        assert isinstance(event.object, dict)


@given(BYTES)
def test_any_bytes_as_a_list_or_an_object_are_items_or_an_error(data):  # contract R9
    with suppress(ValueError):
        assert isinstance(decode_list([data], [].append), dict)
    for decode in (decode_object, decode_event):
        with suppress(ValueError):
            decode(data)


@given(st.lists(st.builds(WatchEvent, TYPES, OBJECTS), max_size=6), st.lists(ANY, max_size=4))
def test_any_json_as_items_and_events_is_taken_or_skipped(events, items):  # contracts R17, S18
    source = ScriptedSource([Listed([thing("a", 5), *items], 10), Listed([thing("a", 5)], 20)], [list(events)])
    told = Told(source).run()
    assert told.broke == []
    assert "a" in {view.name for view in told.store.views()} or any(e.type == "DELETED" for e in events)


@given(st.lists(OBJECTS, max_size=3))
def test_write_through_of_any_answer_is_taken_or_refused(answers):  # contract S19
    told = Told(ScriptedSource([Listed([thing("a", 5)], 10)])).run()
    for answer in answers:
        try:
            told.store.write_through(json.loads(json.dumps(answer)))
        except IdentityError:
            continue
    assert told.store.get("test", "a").name == "a"
