"""Lists and watches over HTTP (contracts R9, R18, R19, R23, R24), and which versions are served."""

import json
import socket
import threading

import pytest

from controller.resources import CANARIES
from informers import kube_source as kube_source_module
from informers.client import KubeClient
from informers.discovery import ServedVersion
from informers.errors import KindNotServedError, ServerError, TransportError
from informers.inflight import InFlight, shut
from informers.kube_source import KubeSource
from informers.stop import Stop
from router.istio import VIRTUAL_SERVICES
from tests.fakes.api import FakeApi, hangs_up, refuses, says, streams

PATH = "/apis/flagger.app/v1beta1/canaries"


@pytest.fixture
def api():
    with FakeApi() as it:
        yield it


@pytest.fixture
def client(api, tmp_path):
    it = KubeClient(api.login(tmp_path), user_agent="x", pool_size=4)
    yield it
    it.close()


@pytest.fixture
def source(client):
    return KubeSource(client, lambda: CANARIES, kind="Canary", plural="canaries")


def listed(source, **request):
    taken = []
    page = source.list(
        **{"resource_version": "0", "limit": 500, "continue_token": "", "take": taken.append, "stop": Stop(), **request}
    )
    return page, taken


def canary_list(*items, **meta):
    return {"kind": "CanaryList", "metadata": {"resourceVersion": "7", **meta}, "items": list(items)}


def event(kind, name="a"):
    return json.dumps({"type": kind, "object": {"metadata": {"name": name}}}).encode() + b"\n"


def watched(source, stop=None, **request):
    with source.watch(**{"resource_version": "7", "timeout_seconds": 300, "stop": stop or Stop(), **request}) as events:
        return [(e.type, e.object["metadata"]["name"]) for e in events]


def test_page_of_a_list(api, source):
    api.default = says(canary_list({"n": 1}, {"n": 2}, **{"continue": "more"}))
    page, taken = listed(source)
    assert (page.resource_version, page.continue_token, taken) == ("7", "more", [{"n": 1}, {"n": 2}])
    assert (api.requests[0].path, api.requests[0].query) == (PATH, {"resourceVersion": "0", "limit": "500"})


@pytest.mark.parametrize(
    ("request_", "query"),
    [
        ({"continue_token": "x"}, {"continue": "x", "limit": "500"}),
        ({"resource_version": "", "limit": 0}, {}),
        ({"resource_version": "12", "limit": 0}, {"resourceVersion": "12"}),
    ],
    ids=["continue page", "consistent", "relist"],
)
def test_queries_of_lists(api, source, request_, query):  # contracts R1, R4
    api.default = says(canary_list())
    listed(source, **request_)
    assert api.requests[0].query == query


def test_namespace_is_part_of_path_and_name(api, client):
    api.default = says(canary_list())
    source = KubeSource(client, lambda: CANARIES, kind="Canary", plural="canaries", namespace="test")
    listed(source)
    assert api.requests[0].path == "/apis/flagger.app/v1beta1/namespaces/test/canaries"
    assert source.name == "canaries in test"


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (says({"kind": "Table", "metadata": {}}), ServerError, "the answer is a 'Table', not a CanaryList"),
        (says({"kind": "CanaryList"}), ServerError, "not a CanaryList"),
        (says(b"<html>"), TransportError, "is not a list"),
        (streams([b'{"items": [']), TransportError, "is not a list: the answer ended in the middle"),
        (refuses(500, "InternalError"), ServerError, "500"),
        (hangs_up, TransportError, "broke off"),
    ],
    ids=["table", "no metadata", "html", "ends early", "refused", "hangs up"],
)
def test_answer_that_is_not_the_list_is_an_error(api, source, answer, error, text):  # contract R9
    api.default = answer
    with pytest.raises(error, match=text):
        listed(source)


def test_list_that_stalls_is_an_error(api, source, monkeypatch):  # contract C4
    monkeypatch.setattr(kube_source_module, "READ_SECONDS", 0.1)
    over = threading.Event()
    api.default = streams([b'{"kind": '], then=over)
    with pytest.raises(TransportError, match="list canaries: the answer stalled"):
        listed(source)
    over.set()


def test_kind_that_is_not_installed_says_what_to_install(api, client):  # contract R22
    forgotten = []
    source = KubeSource(
        client, lambda: CANARIES, kind="Canary", plural="canaries", forget=lambda: forgotten.append(True)
    )
    api.default = says(b"404 page not found", 404)
    with pytest.raises(
        KindNotServedError, match=r"canaries.flagger.app is not served .* install the CustomResourceDef"
    ):
        listed(source)
    assert forgotten == [True]


def test_watch_asks_for_bookmarks_and_a_timeout(api, source):  # contract R10
    api.default = streams([event("ADDED")])
    assert watched(source) == [("ADDED", "a")]
    assert api.requests[0].query == {
        "watch": "true",
        "resourceVersion": "7",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": "300",
    }


def test_chunk_boundaries_mean_nothing(api, source):  # contract R18
    data = event("ADDED", "ü") + event("MODIFIED") + event("DELETED")
    api.default = streams([data[i : i + 7] for i in range(0, len(data), 7)])
    assert watched(source) == [("ADDED", "ü"), ("MODIFIED", "a"), ("DELETED", "a")]


@pytest.mark.parametrize(
    "bad", [b"{broken\n", b'"text"\n', b'{"type": "ADDED"}\n', b"\xff\n", b'{"type": "ADDED", "obj'], ids=repr
)
def test_reflector_malformed_line_is_stream_error(api, source, bad):  # contract R18
    api.default = streams(
        [event("ADDED"), bad, event("ADDED", "never")] if bad.endswith(b"\n") else [event("ADDED"), bad]
    )
    assert watched(source) == [("ADDED", "a")]


@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "plain"])
def test_watch_not_chunked_delivers_at_once(api, source, chunked):  # contract P3
    over = threading.Event()
    api.default = streams([event("ADDED")], chunked=chunked, then=over)
    with source.watch(resource_version="7", timeout_seconds=300, stop=Stop()) as events:
        assert next(events).type == "ADDED"
        over.set()
        assert list(events) == []


@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "plain"])
def test_stop_unblocks_idle_watch_quickly(api, source, chunked):  # contracts R23, P8
    over, stop = threading.Event(), Stop()
    api.default = streams([event("ADDED")], chunked=chunked, then=over)
    seen, ended = threading.Event(), threading.Event()

    def read():
        with source.watch(resource_version="7", timeout_seconds=300, stop=stop) as events:
            for _ in events:
                seen.set()
        ended.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert seen.wait(10)
    stop.set()
    assert ended.wait(1.0)
    reader.join()
    over.set()


def test_stop_unblocks_a_list(api, source):  # contracts R23, P8
    over, stop, begun = threading.Event(), Stop(), threading.Event()
    api.default = streams([b'{"kind": "CanaryList", "items": [1, '], then=over)
    raised = []

    def read():
        try:
            source.list(resource_version="0", limit=0, continue_token="", take=lambda _: begun.set(), stop=stop)
        except TransportError as error:
            raised.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    assert begun.wait(10)
    stop.set()
    reader.join(1.0)
    assert not reader.is_alive()
    assert len(raised) == 1
    over.set()


def test_silent_watch_is_ended(api, source, monkeypatch):  # contract R19
    monkeypatch.setattr(kube_source_module, "SILENCE_SECONDS", 0.1)
    over = threading.Event()
    api.default = streams([event("ADDED")], then=over)
    assert watched(source) == [("ADDED", "a")]
    over.set()


def discovery(**served):
    versions = [{"version": version} for version in served]
    answers = {f"/apis/{VIRTUAL_SERVICES.group}": {"versions": versions}}
    for version, plurals in served.items():
        resources = [{"name": plural} for plural in plurals]
        answers[f"/apis/{VIRTUAL_SERVICES.group}/{version}"] = {"resources": resources}
    return answers


class FakeDiscovery:
    def __init__(self, answers):
        self.answers = answers
        self.asked = []

    def get_path(self, path):
        self.asked.append(path)
        if path not in self.answers:
            raise KindNotServedError(path, code=404)
        return self.answers[path]


def served(fake):
    return ServedVersion(fake, VIRTUAL_SERVICES)


@pytest.mark.parametrize(
    ("found", "version"),
    [
        ({"v1alpha3": ["virtualservices"], "v1beta1": ["virtualservices"], "v1": ["virtualservices"]}, "v1"),
        ({"v1alpha3": ["virtualservices"], "v1beta1": ["virtualservices"]}, "v1beta1"),
        ({"v1alpha3": ["gateways", "virtualservices"], "v1": ["gateways"]}, "v1alpha3"),
    ],
    ids=["newest", "older", "newest that has the kind"],
)
def test_newest_served_version_is_used_and_remembered(found, version):  # contract C15
    fake = FakeDiscovery(discovery(**found))
    resource = served(fake)
    assert resource().version == version
    asked = len(fake.asked)
    assert resource().version == version
    assert len(fake.asked) == asked
    resource.forget()
    resource()
    assert len(fake.asked) == 2 * asked


@pytest.mark.parametrize("found", [{}, {"v1": ["gateways"]}], ids=["no group", "no kind"])
def test_kind_that_is_absent_is_asked_for_again(found):  # contract C15
    fake = FakeDiscovery(discovery(**found) if found else {})
    resource = served(fake)
    for _ in range(2):
        with pytest.raises(
            KindNotServedError, match=r"virtualservices.networking.istio.io is not served .* VirtualService"
        ):
            resource()
    fake.answers = discovery(v1=["virtualservices"])
    assert resource().version == "v1"


@pytest.mark.parametrize("verb", ["list", "watch"])
def test_stop_unblocks_a_request_whose_answer_has_not_begun(api, source, verb):  # contracts R23, P8
    over, stop, asked = threading.Event(), Stop(), threading.Event()

    def silent(handler):
        asked.set()
        over.wait(10)
        hangs_up(handler)

    api.default = silent
    raised = []

    def read():
        try:
            listed(source, stop=stop) if verb == "list" else watched(source, stop)
        except TransportError as error:
            raised.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    assert asked.wait(10)
    stop.set()
    reader.join(1.0)
    assert not reader.is_alive()
    assert len(raised) == 1
    over.set()


def test_stop_before_the_request_sends_none(api, source):  # contract R23
    stop = Stop()
    stop.set()
    with pytest.raises(TransportError, match="cut off"):
        listed(source, stop=stop)
    assert api.requests == []


def test_request_may_be_cut_when_it_is_over(api):
    flight = InFlight()
    flight.uses(object())
    flight.cut()
    flight.cut()
    closed = socket.socket()
    closed.close()
    shut(closed)
