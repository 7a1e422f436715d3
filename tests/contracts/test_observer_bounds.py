"""An observer's time and memory are bounded, whatever a server does, and closing it ends what is under way."""

import gzip
import socket
import threading
import time
from contextlib import closing, contextmanager

import pytest

from metrics import prometheus as prometheus_module
from metrics.prometheus import PrometheusObserver
from metrics.types import Check, ObserverClosedError, Target, Unavailable
from tests.fakes.api import FakeApi, says, streams
from tests.fakes.raw import RawServer, again_and_again, says_bytes, says_nothing

TARGET = Target("test", "podinfo-canary")
RATE = Check("istio_requests_total", 99.0, "1m")
SECONDS = Check("istio_request_duration_seconds_bucket", 500.0, "1m")
IN_ALL = 0.5
GENEROUS = 5.0  # for a machine that is busy

HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n"
SLOW = {
    "headers byte by byte": again_and_again(b"x", first=b"HTTP/1.1 200 OK\r\nx: "),
    "100 Continue again and again": again_and_again(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body byte by byte": again_and_again(b" ", first=HEADERS + b"\r\n"),
    "chunks byte by byte": again_and_again(
        b"1\r\n \r\n", first=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    ),
    "trailers without an end": again_and_again(
        b"x: y\r\n", first=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    ),
    "nothing": says_nothing,
}
slow = pytest.mark.parametrize("speak", SLOW.values(), ids=SLOW.keys())


@pytest.fixture
def half_a_second(monkeypatch):
    monkeypatch.setattr(prometheus_module, "TIMEOUT_SECONDS", IN_ALL)


def observed(url, *checks):
    with closing(PrometheusObserver(url, threads=2, environ={})) as observer:
        return observer.observe(TARGET, checks or (RATE,))


@contextmanager
def listens_but_never_accepts():
    """Yield an address whose queue of connections is full: what is sent there is lost."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        with socket.socket() as first, socket.socket() as second:
            for waiting in (first, second):
                waiting.setblocking(False)
                waiting.connect_ex(listener.getsockname())
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@slow
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_request_ends_at_its_deadline_and_its_connection_with_it(speak, scheme, half_a_second):
    with RawServer(speak) as server:
        url = server.url.replace("http", scheme)
        began = time.monotonic()
        (reading,) = observed(url)
        assert time.monotonic() - began < IN_ALL + GENEROUS
        assert server.left.wait(GENEROUS)
    assert isinstance(reading, Unavailable)
    assert reading.reason.startswith(url)
    if scheme == "http":
        assert "within 0.5s" in reading.reason


def test_a_connection_that_is_never_accepted_ends_at_the_deadline(half_a_second):
    with listens_but_never_accepts() as url:
        assert observed(url) == (Unavailable(f"{url} did not answer within 0.5s"),)


def test_a_name_that_is_never_resolved_ends_at_the_deadline(half_a_second, monkeypatch):
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: over.wait(30) and [])
    url = "http://prometheus.invalid:9090"
    assert observed(url, RATE, SECONDS) == (Unavailable(f"{url} did not answer within 0.5s"),) * 2
    over.set()


def test_names_that_are_never_resolved_take_a_bounded_number_of_threads(monkeypatch):
    monkeypatch.setattr(prometheus_module, "TIMEOUT_SECONDS", 0.05)
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: over.wait(30) and [])
    with closing(PrometheusObserver("http://prometheus.invalid", threads=1, environ={})) as observer:
        reasons = [observer.observe(TARGET, (RATE,))[0].reason for _ in range(5)]
    over.set()
    assert reasons[3] == "http://prometheus.invalid did not answer within 0.05s"
    assert reasons[4] == "http://prometheus.invalid cannot be reached: earlier attempts to connect still hang"


@pytest.mark.parametrize(
    ("broken", "error"), [("Thread.start", RuntimeError("no threads")), ("socket.dup", OSError("no files"))]
)
def test_a_process_without_threads_or_files_left_gets_readings(api, monkeypatch, broken, error):
    api.default = says(b"null")
    with closing(PrometheusObserver(api.url, threads=1, environ={})) as observer:
        observer.ask(["vector(1)"])  # the pool has its thread
        observer._servers[api.url]._wire._client._transport.close()  # and no connection

        def fail(*_):
            raise error

        monkeypatch.setattr(*((threading.Thread, "start") if "Thread" in broken else (socket.socket, "dup")), fail)
        for _ in range(10):
            (reading,) = observer.ask(["vector(1)"])
            assert reading == Unavailable(f"{api.url} failed: {type(error).__name__}")
        monkeypatch.undo()
        (reading,) = observer.ask(["vector(1)"])
        assert "where JSON of Prometheus was expected" in reading.reason


def test_a_process_that_can_start_no_thread_at_all_has_measured_nothing(api, monkeypatch):
    def fail(*_):
        raise RuntimeError("no threads")

    with closing(PrometheusObserver(api.url, threads=1, environ={})) as observer:
        monkeypatch.setattr(threading.Thread, "start", fail)
        with pytest.raises(RuntimeError, match="no threads"):
            observer.observe(TARGET, (RATE, SECONDS))
        monkeypatch.undo()


@slow
def test_closing_ends_a_query_at_once(speak):
    with RawServer(speak) as server:
        assert_closing_ends_it(server.url, server.spoken_to)
        assert server.left.wait(GENEROUS)


def test_closing_ends_a_handshake_at_once():
    with RawServer(says_nothing) as server:
        assert_closing_ends_it(server.url.replace("http", "https"), server.spoken_to)
        assert server.left.wait(GENEROUS)


def test_closing_ends_a_query_that_is_still_connecting():
    with listens_but_never_accepts() as url:
        assert_closing_ends_it(url)


def test_closing_ends_a_query_that_still_resolves_a_name(monkeypatch):
    over, asked = threading.Event(), threading.Event()

    def never(*_args, **_more):
        asked.set()
        over.wait(30)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", never)
    assert_closing_ends_it("http://prometheus.invalid:9090", asked)
    over.set()


def assert_closing_ends_it(url, asked=None):
    """Have four queries wait on two threads, and close: an observer that is closed has measured nothing."""
    observer = PrometheusObserver(url, threads=2, environ={})
    outcomes = []

    def observe():
        try:
            outcomes.append(observer.observe(TARGET, (RATE, SECONDS)))
        except ObserverClosedError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=observe) for _ in range(2)]
    for thread in threads:
        thread.start()
    if asked is not None:
        assert asked.wait(GENEROUS)
    began = time.monotonic()
    observer.close()
    for thread in threads:
        thread.join(GENEROUS)
    assert time.monotonic() - began < 2.0
    assert [type(outcome) for outcome in outcomes] == [ObserverClosedError] * 2


@pytest.fixture
def api():
    with FakeApi() as it:
        yield it


def test_content_encoding_is_neither_asked_for_nor_taken(api):
    bomb = gzip.compress(gzip.compress(b"0" * 64 * 1024 * 1024))
    api.default = says(bomb, Content_Encoding="gzip, gzip")
    assert observed(api.url) == (
        Unavailable(f"{api.url} answered with Content-Encoding gzip, gzip, which it was not asked for"),
    )
    assert api.requests[0].headers["accept-encoding"] == "identity"


def test_content_that_is_as_it_is_may_say_so(api):
    api.default = says(
        {"status": "success", "data": {"resultType": "vector", "result": []}}, Content_Encoding="identity"
    )
    assert "Unavailable" not in str(observed(api.url))


def test_an_answer_is_not_read_beyond_its_bound(api):
    sent = []

    def pieces():
        for number in range(1000):
            sent.append(number)
            yield b"x" * 65536

    api.default = streams(pieces())
    assert observed(api.url) == (Unavailable(f"{api.url} answered with more than 1024 KiB, is it Prometheus?"),)
    assert len(sent) < 500


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 100_000 + b"\r\n",
        b"HTTP/1.1 999999 \xff\r\n\r\n",
        b"\x16\x03\x01\x00\x00",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nrest",
        b"HTTP/1.1 204 No Content\r\n\r\n",
    ],
    ids=["nothing", "half a body", "bad chunk", "endless headers", "bad status", "TLS", "upgrade", "no content"],
)
def test_what_is_no_http_answer_is_unavailable_in_our_own_words(answer):
    with RawServer(says_bytes(answer)) as server:
        (reading,) = observed(server.url)
    assert isinstance(reading, Unavailable)
    assert reading.reason.isprintable()
    assert len(reading.reason) < 300


def test_many_connections_are_opened_and_none_stays(api):
    def sockets():
        return len([None for _ in _open_files()])

    observed(api.url)
    before = sockets()
    for _ in range(5):
        observed(api.url, RATE, SECONDS)
    deadline = time.monotonic() + 10
    while sockets() > before + 1 and time.monotonic() < deadline:
        threading.Event().wait(0.01)  # the server of the test closes its ends in threads of its own
    assert sockets() <= before + 1


def _open_files():
    from pathlib import Path  # noqa: PLC0415

    return [link for link in Path("/proc/self/fd").iterdir() if "socket" in str(_target(link))]


def _target(link):
    try:
        return link.readlink()
    except OSError:
        return ""
