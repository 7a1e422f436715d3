"""What goes over the wire, how often, and for how long at most (contracts C1 to C4, C7, C14, L8, R24)."""

import contextlib
import gzip
import json
import socket
import threading
import time

import pytest

from controller.resources import CANARIES, LEASES
from informers.client import KubeClient
from informers.credentials import find_login
from informers.errors import ApiError, ServerError, TransportError
from informers.inflight import cut
from informers.kube_source import KubeSource
from informers.stop import Stop
from tests.fakes.api import FakeApi, hangs_up, kept, refuses, says, streams

PATIENCE = 10.0
EMPTY = json.dumps({"kind": "CanaryList", "metadata": {"resourceVersion": "7"}, "items": []}).encode()


@pytest.fixture
def api():
    with FakeApi() as it:
        yield it


@pytest.fixture
def make_client(api, tmp_path):
    made = []

    def make(**more):
        made.append(KubeClient(api.login(tmp_path), **{"user_agent": "x", "pool_size": 4, **more}))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client):
    return make_client()


WRITES = [
    pytest.param(lambda c: c.replace(LEASES, "test", "a", {}), id="replace"),
    pytest.param(lambda c: c.create(LEASES, "test", {}), id="create"),
    pytest.param(lambda c: c.json_patch(LEASES, "test", "a", []), id="JSON patch"),
    pytest.param(lambda c: c.merge_patch(LEASES, "test", "a", {}, subresource="status"), id="merge patch"),
]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("warm", [True, False], ids=["on a kept connection", "on a new one"])
def test_write_sent_once_on_dropped_connection(api, client, write, warm):  # contract C1
    if warm:
        client.get(CANARIES, "test", "a")
    before = len(api.requests)
    api.default = hangs_up
    with pytest.raises(TransportError, match="broke off"):
        write(client)
    assert len(api.requests) == before + 1


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("code", [429, 503, 500, 409])
def test_write_that_is_refused_is_not_repeated_and_waits_for_nothing(api, client, write, code):  # contracts C1, C3
    api.default = refuses(code, headers={"Retry_After": "3600"})
    with pytest.raises(ApiError) as raised:
        write(client)
    assert raised.value.code == code
    assert len(api.requests) == 1


def test_replace_is_a_put_of_the_whole_object(api, client):  # contract C12
    client.replace(LEASES, "test", "flagger", {"spec": {"unknown": None}})
    (request,) = api.requests
    assert (request.method, request.headers["content-type"]) == ("PUT", "application/json")
    assert request.path == "/apis/coordination.k8s.io/v1/namespaces/test/leases/flagger"
    assert request.json() == {"spec": {"unknown": None}}


@pytest.mark.parametrize(
    ("answers", "sent"),
    [
        pytest.param([hangs_up, says(kept())], 2, id="once more after a hang-up"),
        pytest.param([hangs_up, hangs_up], 2, id="not a third time"),
        pytest.param([refuses(503)], 1, id="not at all after an answer"),
        pytest.param([refuses(429)], 1, id="not even after a 429"),
    ],
)
def test_read_is_repeated(api, client, answers, sent):  # contracts C2, C3
    api.answers = answers
    api.default = hangs_up
    with contextlib.suppress(ApiError):
        client.get(CANARIES, "test", "a")
    assert len(api.requests) == sent


def test_redirect_is_not_followed(api, client):  # contract C14
    api.default = says(b"", 307, Location=f"{api.url}/elsewhere")
    with pytest.raises(ServerError, match="307"):
        client.get(CANARIES, "test", "a")
    assert len(api.requests) == 1


def test_response_that_is_read_to_its_end_has_nothing_left_to_cut(api, client):  # contract P8
    response = client.open("list", CANARIES, "/x", {}, read_seconds=5)
    assert json.loads(response.read()) == kept()
    cut(response)
    assert client.get(CANARIES, "test", "a") == kept()


class RecordingPool:
    """Hands requests on and notes their timeouts."""

    def __init__(self, pool):
        self.pool = pool
        self.timeouts = []

    def urlopen(self, method, url, *, timeout, **more):
        self.timeouts.append((timeout.connect_timeout, timeout.read_timeout))
        return self.pool.urlopen(method, url, timeout=timeout, **more)

    def clear(self):
        self.pool.clear()


def recorded(client):
    client._credentials._pool = RecordingPool(client._credentials._pool)
    return client._credentials._pool.timeouts


def test_every_request_has_timeouts(client):  # contracts C4, R19
    timeouts = recorded(client)
    client.get(CANARIES, "test", "a")
    client.merge_patch(CANARIES, "test", "a", {})
    client.open("watch", CANARIES, "/x", {}, read_seconds=70).close()
    assert timeouts == [(5.0, 30.0), (5.0, 30.0), (5.0, 70)]


def test_lists_wait_thirty_seconds_and_watches_seventy(api, client):  # contracts C4, R19
    timeouts = recorded(client)
    source = KubeSource(client, lambda: CANARIES, kind="Canary", plural="canaries")
    api.answers = [says(EMPTY), streams([])]
    source.list(resource_version="0", limit=0, continue_token="", take=print, stop=Stop())
    with source.watch(resource_version="7", timeout_seconds=300, stop=Stop()) as events:
        assert list(events) == []
    assert timeouts == [(5.0, 30.0), (5.0, 70.0)]


def test_client_with_a_deadline_waits_no_longer_than_that(make_client):  # contracts C4, L8
    client = make_client(total_seconds=2.5)
    timeouts = recorded(client)
    client.get(CANARIES, "test", "a")
    assert timeouts == [(2.5, 2.5)]


OK = b"HTTP/1.1 200 OK\r\n"
TRICKLES = {
    "header": (OK + b"X: ", b"x"),
    "body": (OK + b"Content-Length: 1000\r\n\r\n", b"x"),
    "chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "one chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\nFFFFFF\r\n", b" "),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


def trickles(part):
    """Answer with a header, a body, or heads of answers to come, that never end."""

    def answer(handler):
        first, again = TRICKLES[part]
        handler.wfile.write(first)
        while True:
            handler.wfile.write(again)
            handler.wfile.flush()
            threading.Event().wait(0.02)

    return answer


@pytest.mark.parametrize("part", TRICKLES)
def test_answer_that_trickles_is_cut_off_when_its_time_is_up(api, make_client, part):  # contracts C4, L8, P9
    api.default = trickles(part)
    client = make_client(total_seconds=0.3)
    began = time.monotonic()
    with pytest.raises(TransportError, match=r"patch canaries a: .* did not finish its answer within 0.3 s"):
        client.merge_patch(CANARIES, "test", "a", {})
    assert time.monotonic() - began < 5.0
    assert not [thread for thread in threading.enumerate() if thread.name == "deadline"]


@pytest.mark.parametrize("part", TRICKLES)
@pytest.mark.parametrize("verb", ["list", "watch"])
def test_stream_that_trickles_is_cut_off_when_its_time_is_up(api, make_client, monkeypatch, part, verb):
    # contracts C4, P9
    monkeypatch.setattr("informers.kube_source.LIST_SECONDS", 0.3)
    monkeypatch.setattr("informers.kube_source.SILENCE_SECONDS", 0.3)
    api.default = trickles(part)
    source = KubeSource(make_client(total_seconds=0.3), lambda: CANARIES, kind="Canary", plural="canaries")
    began = time.monotonic()
    with contextlib.suppress(TransportError):  # a watch that is cut off ends like any other
        if verb == "list":
            read_list(source)
        with source.watch(resource_version="7", timeout_seconds=0, stop=Stop()) as events:
            assert list(events) == []
    assert time.monotonic() - began < 5.0
    assert not [thread for thread in threading.enumerate() if thread.name == "deadline"]


def test_every_client_has_a_deadline(client):  # contract C4
    assert client._total_seconds == 60.0


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(lambda c: c.get(CANARIES, "test", "a"), id="get"),
        pytest.param(lambda c: read_list(KubeSource(c, lambda: CANARIES, kind="Canary", plural="canaries")), id="list"),
    ],
)
def test_encoded_answer_is_refused_since_none_was_asked_for(api, client, read):
    bomb = gzip.compress(gzip.compress(b" " * 10_000_000))
    api.default = says(bomb, Content_Encoding="gzip, gzip")
    with pytest.raises(ServerError, match="encoded as 'gzip, gzip', which was not asked for"):
        read(client)
    assert [request.headers["accept-encoding"] for request in api.requests] == ["identity"]


@pytest.mark.parametrize("code", [200, 500])
def test_answer_that_is_too_large_for_an_object_is_refused(api, client, monkeypatch, code):
    monkeypatch.setattr("informers.client.MOST_BYTES", 100_000)
    api.default = says(b" " * 100_001, code)
    with pytest.raises(ServerError, match="answered with more than 0 MiB"):
        client.get(CANARIES, "test", "a")


def test_answer_that_nests_too_deeply_is_an_error(api, client):
    api.default = says(b'{"a":' * 100_000)
    with pytest.raises(ServerError, match="which is not JSON"):
        client.get(CANARIES, "test", "a")


def test_stream_that_is_refused_in_a_trickle_is_cut_off(api, make_client):  # contract C4
    def refuses_slowly(handler):
        handler.wfile.write(b"HTTP/1.1 500 No\r\nContent-Length: 1000\r\n\r\n")
        while True:
            handler.wfile.write(b"x")
            threading.Event().wait(0.02)

    api.default = refuses_slowly
    with pytest.raises(TransportError, match="did not finish"):
        make_client(total_seconds=0.3).open("list", CANARIES, "/x", {}, read_seconds=5)


def test_handshake_that_never_ends_is_cut_off_when_its_time_is_up(tmp_path, api):  # contract L8
    with socket.create_server(("127.0.0.1", 0)) as silent:
        path = api.kubeconfig(tmp_path)
        path.write_text(path.read_text().replace(api.url, f"https://127.0.0.1:{silent.getsockname()[1]}"))
        login = find_login(str(path), None)
        client = KubeClient(login, user_agent="x", pool_size=1, total_seconds=0.3)
        began = time.monotonic()
        with pytest.raises(TransportError):
            client.get(CANARIES, "test", "a")
        assert time.monotonic() - began < 3.0
        client.close()


def test_answer_in_time_leaves_no_clock_behind(api, make_client):  # contracts L8, T1
    api.default = says(kept(come="in time"))
    client = make_client(total_seconds=60.0)
    assert client.get(CANARIES, "test", "a") == kept(come="in time")
    assert not [thread for thread in threading.enumerate() if thread.name == "deadline"]


def test_server_without_tls_is_named(api, tmp_path):
    path = api.kubeconfig(tmp_path)
    path.write_text(path.read_text().replace("http:", "https:"))
    client = KubeClient(find_login(str(path), None), user_agent="x", pool_size=1)
    with pytest.raises(TransportError, match=r"get canaries: https://.* TLS failed") as raised:
        client.get(CANARIES, "test", "a")
    assert raised.value.reason == "SSLError"
    client.close()


def from_ports(api, answer, ports):
    """Note which connection each request comes over."""

    def note(handler):
        ports.append(handler.client_address[1])
        answer(handler)

    api.default = note


def test_pool_discards_no_connection(api, client):  # contract C7
    ports, together = [], threading.Barrier(4)

    def all_at_once(handler):
        together.wait(PATIENCE)
        says(kept())(handler)

    from_ports(api, all_at_once, ports)
    for _ in range(3):
        threads = [threading.Thread(target=client.get, args=(CANARIES, "test", "a")) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (len(ports), len(set(ports))) == (12, 4)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda c: c.merge_patch(CANARIES, "test", "a", {}), id="write"),
        pytest.param(lambda c: c.get_path("/apis"), id="discovery"),
        pytest.param(
            lambda c: KubeSource(c, lambda: CANARIES, kind="Canary", plural="canaries").list(
                resource_version="0", limit=500, continue_token="", take=print, stop=Stop()
            ),
            id="list of known length",
        ),
    ],
)
def test_connection_is_used_again(api, client, call):  # contract C7
    ports = []
    from_ports(api, says({**json.loads(EMPTY), **kept()}), ports)
    for _ in range(3):
        call(client)
    assert (len(ports), len(set(ports))) == (3, 1)


class CountingClient(KubeClient):
    """Counts how often each stream is closed."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.closes = []

    def open(self, *args, **more):
        response = super().open(*args, **more)
        close, at = response.close, len(self.closes)
        self.closes.append(0)

        def counted():
            self.closes[at] += 1
            close()

        response.close = counted
        return response


def read_all(source):
    with source.watch(resource_version="7", timeout_seconds=300, stop=Stop()) as events:
        list(events)


def read_one(source):
    with source.watch(resource_version="7", timeout_seconds=300, stop=Stop()) as events:
        next(events)


def fail_while_reading(source):
    with source.watch(resource_version="7", timeout_seconds=300, stop=Stop()) as events:
        next(events)
        raise ServerError("whoever reads has an error")


def read_list(source, take=print):
    source.list(resource_version="0", limit=0, continue_token="", take=take, stop=Stop())


def fail_at_the_first_item(source):
    def take(_):
        raise ServerError("whoever takes has an error")

    read_list(source, take)


EVENT = b'{"type": "ADDED", "object": {}}\n'


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        pytest.param(says(EMPTY), read_list, id="a list that is read to its end"),
        pytest.param(streams([EMPTY]), read_list, id="a list in chunks"),
        pytest.param(says({"kind": "Table", "metadata": {}}), read_list, id="a list of another kind"),
        pytest.param(streams([b"<html>"]), read_list, id="a list that is none"),
        pytest.param(streams([b'{"items": [{}, ', b"{}]"]), fail_at_the_first_item, id="a list whose reader fails"),
        pytest.param(streams([EVENT]), read_all, id="a watch that ends"),
        pytest.param(streams([EVENT, b"{\n", EVENT]), read_all, id="a watch with a broken line"),
        pytest.param(streams([EVENT, EVENT]), read_one, id="a watch that is left in the middle"),
        pytest.param(streams([EVENT, EVENT], chunked=False), read_one, id="likewise, without chunks"),
        pytest.param(streams([EVENT, EVENT]), fail_while_reading, id="a watch whose reader fails"),
    ],
)
def test_each_response_is_closed_exactly_once(api, tmp_path, answer, read):  # contract R24
    client = CountingClient(api.login(tmp_path), user_agent="x", pool_size=1)
    api.default = answer
    with contextlib.suppress(ApiError):
        read(KubeSource(client, lambda: CANARIES, kind="Canary", plural="canaries"))
    assert client.closes == [1]
    client.close()
