"""/healthz, /readyz, /metrics."""

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from controller.http_server import HttpServer, PortError


class Pages:
    def __init__(self):
        self.healthy: list[str] = []
        self.ready: list[str] = []
        self.registry = CollectorRegistry()
        self.server = HttpServer(0, registry=self.registry, healthy=lambda: self.healthy, ready=self._ready)

    def _ready(self):
        if self.ready == ["bug"]:
            raise RuntimeError("a bug")
        return self.ready

    def get(self, path, **headers):
        return httpx.get(f"http://127.0.0.1:{self.server.port}{path}", headers=headers, timeout=10)


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
    HttpServer(0, registry=CollectorRegistry(), healthy=list, ready=list).stop()
