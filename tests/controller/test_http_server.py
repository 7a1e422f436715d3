"""/healthz, /readyz, /metrics."""

import logging
import select
import socket
import struct
import threading
from contextlib import ExitStack

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from controller import bounded_server
from controller.bounded_server import CONNECTION_SECONDS, MOST_CONNECTIONS, PortError
from controller.http_server import HttpServer


class Pages:
    def __init__(self):
        self.now = 0.0
        self.healthy: list[str] = []
        self.ready: list[str] = []
        self.registry = CollectorRegistry()
        self.server = HttpServer(
            0, registry=self.registry, healthy=lambda: self.healthy, ready=self._ready, monotonic=lambda: self.now
        )

    def _ready(self):
        if self.ready == ["bug"]:
            raise RuntimeError("a bug")
        return self.ready

    def get(self, path, **headers):
        return httpx.get(f"http://127.0.0.1:{self.server.port}{path}", headers=headers, timeout=10)

    def connect(self, sent=b""):
        client = socket.create_connection(("127.0.0.1", self.server.port), timeout=5)
        client.sendall(sent)
        return client


@pytest.fixture
def pages():
    it = Pages()
    it.server.start()
    yield it
    it.server.stop()


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/readyz?verbose"])
def test_all_is_well(pages, path):
    answer = pages.get(path)
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_problems_are_listed(pages):
    pages.ready = ["cache of canaries: forbidden", "stopping"]
    answer = pages.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "cache of canaries: forbidden\nstopping\n")
    assert pages.get("/healthz").status_code == 200
    pages.healthy = ["a worker has died"]
    assert pages.get("/healthz").status_code == 503


@pytest.mark.parametrize(
    ("accept", "kind"), [("", "text/plain"), ("application/openmetrics-text; version=1.0.0", "application/openmetrics")]
)
def test_metrics_are_what_the_registry_holds(pages, accept, kind):
    Counter("flagger_things", "Things.", registry=pages.registry).inc(3)
    answer = pages.get("/metrics", Accept=accept)
    assert answer.headers["content-type"].startswith(kind)
    assert "flagger_things_total 3.0" in answer.text


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip, deflate", True),
        ("identity", False),
        ("", False),
        ("deflate, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip ; q=0.000, *", False),
        ("*", True),
        ("*;q=0", False),
        ("identity;q=1, *;q=0", False),
        ("x-gzip-of-ours", False),
        ("gzip;q=none", False),
    ],
)
def test_long_page_is_packed_for_those_who_accept_it(pages, accepted, packed):
    counter = Counter("x", "A counter.", ["label"], registry=pages.registry)
    for number in range(1000):
        counter.labels(str(number)).inc()
    answer = pages.get("/metrics", **{"Accept-Encoding": accepted})
    assert (answer.headers.get("Content-Encoding") == "gzip") == packed
    assert (int(answer.headers["Content-Length"]) < len(answer.text) / 5) == packed
    assert 'x_total{label="999"} 1.0' in answer.text
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"
    assert "Content-Encoding" not in pages.get("/readyz", **{"Accept-Encoding": accepted}).headers


def test_unknown_page_says_which_there_are(pages):
    answer = pages.get("/")
    assert (answer.status_code, answer.text) == (404, "try /healthz, /readyz, /metrics\n")


def test_bug_in_a_page_is_an_answer_and_a_log_line(pages, caplog):
    pages.ready = ["bug"]
    assert pages.get("/readyz").status_code == 500
    assert "Page failed" in caplog.messages


def test_port_that_is_taken_is_a_clear_error(pages):
    with pytest.raises(PortError, match=f"cannot listen on port {pages.server.port}: .*; choose another with --port"):
        HttpServer(pages.server.port, registry=pages.registry, healthy=list, ready=list)


def test_server_that_never_started_can_be_stopped():
    server = HttpServer(0, registry=CollectorRegistry(), healthy=list, ready=list)
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))


def test_one_port_answers_on_both_families(pages):
    for host in ("127.0.0.1", "[::1]"):
        assert httpx.get(f"http://{host}:{pages.server.port}/healthz").text == "ok\n"


def test_kernel_without_ipv6_is_served_on_ipv4(monkeypatch):
    monkeypatch.setattr(bounded_server, "_FAMILIES", (socket.AF_X25, socket.AF_INET))
    server = HttpServer(0, registry=CollectorRegistry(), healthy=list, ready=list)
    server.start()
    assert httpx.get(f"http://127.0.0.1:{server.port}/healthz").text == "ok\n"
    server.stop()


def test_port_that_is_taken_on_ipv4_alone_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PortError):
        HttpServer(taken.getsockname()[1], registry=CollectorRegistry(), healthy=list, ready=list)


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text; version=x",
        "application/openmetrics-text; version=1.0.0.x; escaping=?",
        "text/plain; version=..",
        ";;;,,,===",
        "é",
    ],
)
def test_accept_header_that_makes_no_sense_is_answered(pages, accept, caplog):
    Counter("flagger_things", "Things.", registry=pages.registry).inc(3)
    answer = httpx.get(f"http://127.0.0.1:{pages.server.port}/metrics", headers={"Accept": accept.encode()})
    assert answer.status_code == 200
    assert "flagger_things_total 3.0" in answer.text
    assert complaints(caplog) == []


def complaints(caplog):
    ours = [record for record in caplog.records if record.name.startswith("controller")]
    return [record.message for record in ours if record.levelno > logging.DEBUG]


def test_clients_that_reset_leave_nothing_on_standard_error(pages, capfd, caplog):
    caplog.set_level(logging.DEBUG)
    for _ in range(20):
        client = pages.connect(b"GET /metrics HTTP/1.1\r\n")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    assert pages.get("/healthz").status_code == 200
    pages.server.stop()
    assert capfd.readouterr().err == ""
    assert complaints(caplog) == []


def ended(client):
    """Wait until the server has ended a connection; return whether it did so without an answer."""
    with client:
        try:
            return client.recv(1) == b""
        except ConnectionResetError:
            return True


def test_probe_is_answered_while_silent_clients_sit_there(pages):
    with ExitStack() as stack:
        silent = [stack.enter_context(pages.connect(b"G")) for _ in range(4 * MOST_CONNECTIONS)]
        assert pages.get("/healthz").text == "ok\n"
        assert all(map(ended, silent[: 3 * MOST_CONNECTIONS]))  # the oldest have gone


def test_threads_are_as_bounded_as_connections(pages):
    before = threading.active_count()
    with ExitStack() as stack:
        silent = [stack.enter_context(pages.connect(b"G")) for _ in range(4 * MOST_CONNECTIONS)]
        assert all(map(ended, silent[: 3 * MOST_CONNECTIONS]))
        assert pages.get("/healthz").text == "ok\n"
        assert threading.active_count() - before <= 2 * MOST_CONNECTIONS


def test_whoever_has_asked_goes_after_the_silent(pages):
    answering, go_on = threading.Event(), threading.Event()

    class Slow:
        def collect(self):
            answering.set()
            assert go_on.wait(20)
            return ()

    pages.registry.register(Slow())
    answering.clear()
    with ExitStack() as stack:
        scrape = stack.enter_context(pages.connect(b"GET /metrics HTTP/1.1\r\n\r\n"))
        assert answering.wait(20)
        for _ in range(2 * MOST_CONNECTIONS):
            stack.enter_context(pages.connect())
        assert pages.get("/healthz").text == "ok\n"
        go_on.set()
        assert scrape.recv(12) == b"HTTP/1.0 200"


@pytest.mark.parametrize("sent", [b"", b"GET /healthz", b"GET /healthz HTTP/1.1\r\nA: b\r\n"])
def test_request_that_never_ends_is_cut_off_however_often_a_byte_comes(pages, sent):
    with pages.connect(sent) as client:
        assert pages.get("/healthz").text == "ok\n"  # so the silent one has been accepted
        pages.now = CONNECTION_SECONDS - 1
        assert pages.get("/healthz").text == "ok\n"
        assert select.select([client], [], [], 0.0)[0] == []
        pages.now = CONNECTION_SECONDS + 1
        assert ended(client)


@pytest.mark.parametrize("sent", [b"", b"GET /healthz"])
def test_stop_waits_for_no_client(pages, sent):
    with pages.connect(sent) as client:
        assert pages.get("/healthz").text == "ok\n"
        pages.server.stop()
        assert ended(client)
