"""An informer over HTTP: what a whole session does when the wire misbehaves (contracts R12 to R24, T1)."""

import json
import threading
import time

import pytest

from controller.resources import CANARIES
from informers import kube_source as kube_source_module
from informers.client import KubeClient
from informers.informer import Informer
from informers.kube_source import KubeSource
from informers.stop import Stop
from tests.fakes.api import FakeApi, hangs_up, refuses, says, streams
from tests.fakes.source import build, thing

PATIENCE = 10.0


def canary(name, version):
    return {**thing(name, version), "kind": "Canary"}


def page(*items, version="7", more=""):
    meta = {"resourceVersion": version, **({"continue": more} if more else {})}
    return says({"kind": "CanaryList", "metadata": meta, "items": list(items)})


def line(kind, obj):
    return json.dumps({"type": kind, "object": obj}).encode() + b"\n"


def added(name, version):
    return line("ADDED", canary(name, version))


def bookmark(version):
    return line("BOOKMARK", {"kind": "Canary", "metadata": {"resourceVersion": str(version)}})


class Heard:
    """A handler that can be waited for."""

    def __init__(self):
        self.changes = []
        self._changed = threading.Condition()

    def __call__(self, change):
        with self._changed:
            self.changes.append(change)
            self._changed.notify_all()

    def wait_for(self, count):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.changes) >= count, PATIENCE), self.changes
        return [(change.key, change.new and change.new.resource_version) for change in self.changes]


class AwaitedApi(FakeApi):
    """Says when it was asked."""

    def __init__(self):
        super().__init__()
        self.changed = threading.Condition()

    def take(self, request):
        with self.changed:
            answer = super().take(request)
            self.changed.notify_all()
        return answer


class Stage:
    """A server whose answers are a script, an informer on it and what its handler heard."""

    def __init__(self, directory):
        self.over = threading.Event()
        self.api = AwaitedApi()
        self.api.__enter__()
        self.api.default = streams([], then=self.over)  # whoever asks when the script is over waits
        self.client = KubeClient(self.api.login(directory), user_agent="x", pool_size=4)
        self.waits = []
        self.heard = Heard()
        self.informer = Informer(
            KubeSource(self.client, lambda: CANARIES, kind="Canary", plural="canaries"),
            build,
            random=lambda: 0.0,
            wait=self._wait,
        )
        self.handler = self.informer.add_handler(self.heard)

    def _wait(self, stop, seconds):
        self.waits.append(seconds)
        return stop.is_set()

    def start(self, *answers):
        self.api.answers = list(answers)
        self.informer.start()

    def until_asked(self, count):
        with self.api.changed:
            assert self.api.changed.wait_for(lambda: len(self.api.requests) >= count, PATIENCE), self.asked()

    def asked(self):
        """Return what each request was and its version."""
        return [
            ("watch" if "watch" in request.query else "list", request.query.get("resourceVersion", ""))
            for request in self.api.requests
        ]

    def close(self):
        self.over.set()
        self.informer.stop()
        self.client.close()
        self.api.__exit__()


@pytest.fixture
def stage(tmp_path):
    it = Stage(tmp_path)
    yield it
    it.close()


def test_reflector_malformed_line_is_stream_error(stage):  # contract R18
    stage.start(
        page(canary("a", 5)),
        streams([added("b", 8), b"{broken\n", added("never", 9)]),
        streams([added("c", 9)], then=stage.over),
    )
    assert stage.heard.wait_for(3) == [("test/a", "5"), ("test/b", "8"), ("test/c", "9")]
    assert stage.asked() == [("list", "0"), ("watch", "7"), ("watch", "8")]
    assert stage.waits == []


def test_silent_watch_is_resumed_at_the_last_version(stage, monkeypatch):  # contract R19
    monkeypatch.setattr(kube_source_module, "SILENCE_SECONDS", 0.1)
    stage.start(
        page(),
        streams([bookmark(12)], then=stage.over),
        streams([added("a", 13)], then=stage.over),
    )
    assert stage.heard.wait_for(1) == [("test/a", "13")]
    assert stage.asked()[:3] == [("list", "0"), ("watch", "7"), ("watch", "12")]


def test_watch_that_breaks_off_in_the_middle_of_a_line_is_resumed(stage):  # contracts R12, R18
    whole = added("b", 9)

    def breaks_off(handler):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for part in (added("a", 8), whole[:20]):
            handler.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        handler.close_connection = True

    stage.start(page(), breaks_off, streams([whole], then=stage.over))
    assert stage.heard.wait_for(2) == [("test/a", "8"), ("test/b", "9")]
    assert stage.asked() == [("list", "0"), ("watch", "7"), ("watch", "8")]


def test_reflector_429_on_watch_no_relist(stage):  # contract R14
    busy = [refuses(429, "TooManyRequests", headers={"Retry_After": "3"})] * 4
    stage.start(page(), *busy, streams([added("a", 8)], then=stage.over))
    stage.heard.wait_for(1)
    assert stage.asked() == [("list", "0")] + [("watch", "7")] * 5
    assert stage.waits == pytest.approx([3.0, 3.0, 3.2, 6.4])


def test_reflector_connection_refused_keeps_watching(stage):  # contracts R14, R25, C2
    stage.start(page(), *[hangs_up] * 4, streams([added("a", 8)], then=stage.over), page())
    stage.heard.wait_for(1)
    assert stage.asked() == [("list", "0")] + [("watch", "7")] * 5 + [("list", "")]
    assert len(stage.waits) == 2  # each attempt is two requests: a read is repeated once


def test_reflector_410_error_event_relists(stage):  # contract R15
    expired = line("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "old"})
    stage.start(
        page(canary("a", 5)),
        streams([added("b", 8), expired]),
        page(canary("b", 8), version="20"),
        streams([], then=stage.over),
    )
    stage.until_asked(4)
    assert stage.asked() == [("list", "0"), ("watch", "7"), ("list", "8"), ("watch", "20")]
    assert stage.waits == pytest.approx([0.8])
    assert stage.informer.get("test", "a") is None
    assert stage.informer.get("test", "b") is not None


def test_reflector_pagination_collects_all(stage):  # contracts R1, R4
    names = [f"t{i:04}" for i in range(1203)]
    items = [canary(name, i + 1) for i, name in enumerate(names)]
    stage.start(page(*items[:500], more="one"), page(*items[500:1000], version="8", more="two"), page(*items[1000:]))
    assert stage.informer.wait_for_sync(PATIENCE)
    assert [stage.informer.get("test", name).name for name in names] == names
    assert [request.query for request in stage.api.requests[:3]] == [
        {"resourceVersion": "0", "limit": "500"},
        {"continue": "one", "limit": "500"},
        {"continue": "two", "limit": "500"},
    ]


def test_watch_line_of_5_mb(stage):  # contracts R18, P3
    big = json.dumps({"type": "ADDED", "object": {**canary("a", 8), "more": "x" * 5_000_000}}).encode() + b"\n"
    stage.start(page(), streams([big[i : i + 50_000] for i in range(0, len(big), 50_000)], then=stage.over))
    assert stage.heard.wait_for(1) == [("test/a", "8")]


STALLS = {
    "a list that is not answered": (lambda over: [over_and_hangs_up(over)], False),
    "a list that stalls": (lambda over: [streams([b'{"kind": "CanaryList", "items": ['], then=over)], False),
    "a list that trickles": (lambda over: [streams(trickle(over))], False),
    "a second page that stalls": (lambda over: [page(canary("a", 1), more="x"), streams([b"{"], then=over)], False),
    "a watch that is not answered": (lambda over: [page(canary("a", 1)), over_and_hangs_up(over)], True),
    "a watch that is silent": (lambda over: [page(canary("a", 1)), streams([], then=over)], True),
    "a watch without chunks": (lambda over: [page(canary("a", 1)), streams([], chunked=False, then=over)], True),
    "a back-off after a list": (lambda _: [refuses(500)], False),
    "a back-off after a watch": (lambda _: [page(canary("a", 1)), refuses(429)], True),
}


def over_and_hangs_up(over):
    def answer(handler):
        over.wait(PATIENCE)
        hangs_up(handler)

    return answer


def trickle(over):
    yield b'{"kind": "CanaryList", "items": ['
    while not over.wait(0.02):
        yield b" "


@pytest.mark.parametrize("what", STALLS)
def test_stop_during_list_and_during_backoff(tmp_path, what):  # contracts R23, R24, S8, T1, P8
    before = set(threading.enumerate())
    script, syncs = STALLS[what]
    stage = Stage(tmp_path)
    answers = script(stage.over)
    waiting = threading.Event()

    def wait(stop, seconds):
        waiting.set()
        return Stop.wait(stop, PATIENCE)

    stage.informer._reflector._wait = wait
    stage.start(*answers)
    if what.startswith("a back-off"):
        assert waiting.wait(PATIENCE)
    else:
        stage.until_asked(len(answers))
    if syncs:
        stage.heard.wait_for(1)
    began = time.monotonic()
    stage.informer.stop()
    assert time.monotonic() - began < 1.0
    assert stage.informer.has_synced == syncs
    assert len(stage.informer) == syncs
    heard = len(stage.heard.changes)
    assert {thread.name for thread in threading.enumerate() if "informer" in thread.name} == set()
    assert {thread.name for thread in threading.enumerate() if thread.name.startswith("handler")} == set()
    stage.close()
    assert len(stage.heard.changes) == heard
    assert {thread for thread in threading.enumerate() if thread not in before and not thread.daemon} == set()


def test_threads_return_to_what_they_were_however_often_informers_come_and_go(stage):  # contracts T1, R24
    before = threading.active_count()
    stage.api.default = page()
    for _ in range(5):
        informer = Informer(KubeSource(stage.client, lambda: CANARIES, kind="Canary", plural="canaries"), build)
        informer.add_handler(print)
        informer.start()
        assert informer.wait_for_sync(PATIENCE)
        assert {"informer-canaries", "handler-canaries"} <= {thread.name for thread in threading.enumerate()}
        informer.stop()
    assert "informer-canaries" not in {thread.name for thread in threading.enumerate()}
    # That of the client's deadlines ends a second after the last of them.
    assert len([t for t in threading.enumerate() if not t.daemon and t.name != "deadlines"]) <= before
