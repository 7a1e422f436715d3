"""Objects that the decoder cannot follow cost only themselves (contracts S18, R17)."""

import json
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from informers import kube_source as kube_source_module
from informers.client import KubeClient
from informers.errors import ServerError
from informers.informer import Informer
from informers.kube_source import KubeSource
from informers.nesting import RECURSION_LIMIT, STACK_BYTES, allow_deep_json, decode_event, decode_object
from informers.types import Partial, Unreadable
from router.services import SERVICES, view
from router.types import Service
from tests.fakes.api import FakeApi, says, streams

PATIENCE = 10.0
DIGITS = "9" * 5000  # Python converts no more than 4,300


def deep(levels, end="1"):
    """Return JSON text that is nested so deep."""
    return '{"f:a":' * levels + end + "}" * levels


def service(name, version, *, managed="{}", more="1"):
    meta = f'"namespace":"test","name":"{name}","uid":"{name}-uid","resourceVersion":"{version}"'
    fields = f'"managedFields":[{{"manager":"x","fieldsV1":{managed}}}]'
    return f'{{"kind":"Service","metadata":{{{meta},{fields}}},"spec":{{"ports":[{{"name":"http"}}],"more":{more}}}}}'


def service_list(*items, version=7):
    return f'{{"kind":"ServiceList","metadata":{{"resourceVersion":"{version}"}},"items":[{",".join(items)}]}}'.encode()


def event(kind, obj):
    return f'{{"type":"{kind}","object":{obj}}}\n'.encode()


@pytest.fixture(params=[False, True], ids=["as Python is", "as the controller sets it"])
def limit(request):
    before, stack = sys.getrecursionlimit(), threading.stack_size()
    if request.param:
        allow_deep_json()
    yield request.param
    sys.setrecursionlimit(before)
    threading.stack_size(stack)


@pytest.fixture
def api():
    with FakeApi() as it:
        yield it


@pytest.fixture
def informer(api, tmp_path):
    client = KubeClient(api.login(tmp_path), user_agent="x", pool_size=4)
    it = Informer(KubeSource(client, lambda: SERVICES.newest, kind="Service", plural="services"), view)
    yield it
    it.stop()
    client.close()


class Heard:
    """A handler that can be waited for."""

    def __init__(self):
        self.keys = []
        self._changed = threading.Condition()

    def __call__(self, change):
        with self._changed:
            self.keys.append(change.key)
            self._changed.notify_all()

    def wait_for(self, key):
        with self._changed:
            assert self._changed.wait_for(lambda: key in self.keys, PATIENCE), self.keys


@pytest.mark.parametrize("levels", [500, 990, 9_900])
def test_object_with_deep_managed_fields_is_read_like_any_other(api, informer, limit, levels):
    over = threading.Event()
    api.answers = [
        says(service_list(service("listed", 5, managed=deep(levels)), service("victim", 6))),
        streams(
            [event("ADDED", service("watched", 8, managed=deep(levels))), event("ADDED", service("after", 9))],
            then=over,
        ),
    ]
    heard = Heard()
    informer.add_handler(heard)
    informer.start()
    heard.wait_for("test/after")
    assert [type(informer.get("test", name)) for name in ("listed", "victim", "watched", "after")] == [Service] * 4
    assert informer.problem is None
    assert [request.query.get("watch") for request in api.requests] == [None, "true"]
    over.set()


@pytest.mark.parametrize(
    "more", [deep(500), deep(990), deep(9_900), DIGITS], ids=["500", "990", "9900", "a number of 5000 digits"]
)
def test_object_that_cannot_be_decoded_whole_is_held_and_costs_only_itself(api, informer, limit, more):
    over = threading.Event()
    api.answers = [
        says(service_list(service("listed", 5, more=more), service("victim", 6))),
        streams([event("ADDED", service("watched", 8, more=more)), event("ADDED", service("after", 9))], then=over),
    ]
    heard = Heard()
    informer.add_handler(heard)
    informer.start()
    heard.wait_for("test/after")
    assert isinstance(informer.get("test", "victim"), Service)
    whole = more != DIGITS and (limit or more == deep(500))
    for name, version in (("listed", "5"), ("watched", "8")):
        found = informer.get("test", name)
        assert (found.uid, found.resource_version) == (f"{name}-uid", version)
        assert isinstance(found, Service if whole else Unreadable)
    assert informer.count_unreadable() == (0 if whole else 2)
    assert informer.problem is None
    assert len(api.requests) == 2
    over.set()


def test_list_whose_deep_item_comes_in_small_pieces(api, informer, monkeypatch):
    monkeypatch.setattr(kube_source_module, "_CHUNK", 1000)
    data = service_list(service("deep", 5, more=deep(9_900, end='"]\\"}"')), service("victim", 6))
    over = threading.Event()
    api.answers = [streams([data[i : i + 1000] for i in range(0, len(data), 1000)]), streams([], then=over)]
    informer.start()
    assert informer.wait_for_sync(PATIENCE)
    assert isinstance(informer.get("test", "deep"), Unreadable)
    assert isinstance(informer.get("test", "victim"), Service)
    over.set()


def test_answer_to_a_write_that_is_nested_too_deeply_is_an_error(api, tmp_path):
    client = KubeClient(api.login(tmp_path), user_agent="x", pool_size=1)
    api.default = says(service("a", 5, more=deep(9_900)).encode())
    with pytest.raises(ServerError, match="nested too deeply"):
        client.get(SERVICES.newest, "test", "a")
    api.default = says(service("a", 5, managed=deep(9_900)).encode())
    assert "managedFields" not in client.get(SERVICES.newest, "test", "a")["metadata"]
    client.close()


@pytest.mark.parametrize(
    "text",
    ["[" * 2000, '{"a":' * 2000, "]" * 2000, deep(2000)[:-1], f'{{"a":{DIGITS}', f"{deep(2000)}x"],
    ids=["lists without an end", "objects without an end", "ends", "one end missing", "digits", "more behind"],
)
def test_deep_text_that_is_not_json_is_an_error(text):
    for decode in (decode_object, lambda line: decode_event(line.encode())):
        with pytest.raises(ValueError, match=r".+"):
            decode(text)


def test_what_is_no_object_is_handed_on_as_it_is():
    assert type(decode_object("[" * 2000 + "]" * 2000)) is list
    assert type(decode_event(f"[{DIGITS}]".encode())) is list
    assert decode_event(f'{{"type":"ADDED","object":{DIGITS}}}'.encode())["type"] == "ADDED"
    assert isinstance(decode_object(f'{{"metadata":7,"a":{DIGITS}}}'), Partial)


ANY = st.recursive(
    st.text() | st.integers() | st.booleans() | st.none(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
)


@given(ANY)
def test_what_stands_beside_something_deep_is_kept(value):
    text = f'{{"deep": {deep(2000, json.dumps(value))}, "value": {json.dumps(value)}}}'
    found = decode_object(text)
    assert isinstance(found, Partial)
    assert found["value"] == value


def test_controller_gives_threads_room_and_never_lowers_a_limit():
    before, stack = sys.getrecursionlimit(), threading.stack_size()
    try:
        sys.setrecursionlimit(RECURSION_LIMIT + 1)
        allow_deep_json()
        assert sys.getrecursionlimit() == RECURSION_LIMIT + 1
        assert threading.stack_size() == STACK_BYTES
    finally:
        sys.setrecursionlimit(before)
        threading.stack_size(stack)
