"""Events on their way to the API server (contracts E)."""

import logging
import threading

import pytest

from controller.core import events
from controller.recorder import QUEUE_SIZE, EventRecorder, event_name, shortened
from informers.errors import AlreadyExistsError, Cause, ForbiddenError, NotFoundError, TransportError
from tests.controller.clock import FakeClock
from tests.controller.core.builders import NOW, canary

PATIENCE = 10.0
CANARY = canary(resource_version="12")


class FakeSink:
    """Takes events; raises what it is told to."""

    def __init__(self):
        self.sent: list[tuple[str, str, dict]] = []
        self.errors: list[Exception | None] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def create(self, resource, namespace, obj):
        return self._take("create", obj["metadata"]["name"], obj)

    def merge_patch(self, resource, namespace, name, patch, *, subresource=""):
        return self._take("patch", name, patch)

    def _take(self, verb, name, body):
        self.entered.set()
        assert self.gate.wait(PATIENCE)
        error = self.errors.pop(0) if self.errors else None
        if error:
            raise error
        self.sent.append((verb, name, body))
        return body


class Run:
    """A recorder with everything around it."""

    def __init__(self, sink):
        self.sink = sink
        self.clock = FakeClock()
        self.waits: list[float] = []
        self.dropped = 0
        self.recorder = EventRecorder(
            sink,
            now=self.now,
            monotonic=self.clock,
            random=lambda: 0.5,
            dropped=self._drop,
            wait=self._wait,
        )
        self.recorder.start()

    def now(self):
        self.clock.advance(1)
        return self.clock.now()

    def record(self, *said):
        for event in said:
            self.recorder.record(CANARY, event)

    def _drop(self):
        self.dropped += 1

    def _wait(self, closing, seconds):
        self.waits.append(seconds)
        return closing.is_set()


@pytest.fixture
def run():
    it = Run(FakeSink())
    yield it
    it.sink.gate.set()
    it.recorder.close()


ADVANCE = events.advance("podinfo.test", 5)


def rate(number):
    return events.halt("podinfo.test", f"success rate {number}% < 99%", kind="rate")


def sent(run):
    run.recorder.close()
    return run.sink.sent


def test_event_is_a_core_event_of_the_canary(run):  # contract E7
    run.record(ADVANCE)
    ((verb, name, event),) = sent(run)
    assert verb == "create"
    assert name == event["metadata"]["name"]
    assert name.startswith("podinfo.")
    assert event["metadata"]["namespace"] == "test"
    assert event["involvedObject"] == {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "namespace": "test",
        "name": "podinfo",
        "uid": "canary-uid",
        "resourceVersion": "12",
    }
    assert (event["type"], event["reason"], event["action"]) == ("Normal", "Synced", "Advance")
    assert (event["message"], event["count"]) == ("Advance podinfo.test canary weight 5", 1)
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2018-10-10T12:00:01Z"
    assert event["source"] == {"component": "flagger"}
    assert event["reportingComponent"] == "flagger"


def test_event_dedup_patch(run):  # contract E1
    run.record(*[ADVANCE] * 11)
    first, *rest = sent(run)
    assert first[0] == "create"
    assert [verb for verb, _, _ in rest] == ["patch"] * 10
    assert {name for _, name, _ in rest} == {first[1]}
    assert [patch["count"] for _, _, patch in rest] == list(range(2, 12))
    assert all("firstTimestamp" not in patch for _, _, patch in rest)
    assert rest[-1][2]["lastTimestamp"] == "2018-10-10T12:00:11Z"


def test_event_combines_from_fifth_similar_message(run):  # contract E2
    run.record(*[rate(n) for n in range(4)], ADVANCE, rate(4), rate(5))
    verbs = [verb for verb, _, _ in sent(run)]
    assert verbs == ["create"] * 6 + ["patch"]
    assert run.sink.sent[5][2]["message"] == "(combined from similar events): " + rate(4).text
    assert run.sink.sent[6][2]["message"] == "(combined from similar events): " + rate(5).text
    assert run.sink.sent[6][2]["count"] == 2


def test_event_patch_404_creates_new(run):  # contract E6
    run.record(ADVANCE)
    while not run.sink.sent:
        pass
    run.sink.errors = [NotFoundError("gone")]
    run.record(ADVANCE)
    (_, first, _), (verb, second, event) = sent(run)
    assert verb == "create"
    assert second != first
    assert event["count"] == 2
    assert event["firstTimestamp"] == "2018-10-10T12:00:01Z"
    assert "resourceVersion" not in event["metadata"]


def test_transport_errors_are_retried_ten_seconds_apart(run):  # contract E5
    run.sink.errors = [TransportError("x"), TransportError("x"), TransportError("x")]
    run.record(ADVANCE)
    run.sink.entered.wait(PATIENCE)
    while not run.sink.sent:
        pass
    assert run.waits == [5.0, 10.0, 10.0]
    assert run.dropped == 0


def test_event_is_given_up_after_twelve_tries(run, caplog):  # contract E5
    run.sink.errors = [TransportError("x")] * 12
    run.record(ADVANCE, rate(1))
    while not run.sink.sent:
        pass
    assert len(run.waits) == 11
    assert run.dropped == 1
    assert run.sink.sent[0][2]["message"] == rate(1).text
    assert "Event not sent" in caplog.messages


@pytest.mark.parametrize(
    ("error", "logged"),
    [
        (ForbiddenError("create events: forbidden"), True),
        (AlreadyExistsError("exists"), False),
        (ForbiddenError("namespace", causes=(Cause("NamespaceTerminating", "", ""),)), False),
    ],
    ids=["forbidden", "exists", "namespace is going"],
)
def test_refused_event_is_not_tried_again(run, caplog, error, logged):  # contract E5
    run.sink.errors = [error]
    run.record(ADVANCE)
    assert sent(run) == []
    assert run.waits == []
    assert run.dropped == 1
    assert ("Event refused" in caplog.messages) is logged


def test_event_sink_never_blocks_reconcile(run):  # contract E4
    run.sink.gate.clear()
    run.record(events.starting("podinfo.test"))
    assert run.sink.entered.wait(PATIENCE)
    for number in range(QUEUE_SIZE + 5):
        run.record(events.completed(f"k{number}"))
    assert run.dropped == 5
    run.sink.gate.set()
    assert len(sent(run)) == QUEUE_SIZE + 1


def test_dropped_for_want_of_budget_is_counted(run):  # contract E3
    run.record(*[events.advance("podinfo.test", weight) for weight in range(30)])
    assert len(sent(run)) == 25
    assert run.dropped == 5


def test_what_is_queued_at_the_end_is_sent_once_each(run):  # contract E9
    run.sink.gate.clear()
    run.record(ADVANCE)
    assert run.sink.entered.wait(PATIENCE)
    run.sink.errors = [None, TransportError("x"), None]
    run.record(rate(1), rate(2))
    closing = threading.Thread(target=run.recorder.close)
    closing.start()
    while run.recorder._closing.is_set() is False:
        pass
    run.sink.gate.set()
    closing.join(PATIENCE)
    assert [body["message"] for _, _, body in run.sink.sent] == [ADVANCE.text, rate(2).text]
    assert run.dropped == 1


def test_after_close_recording_only_logs(run, caplog):  # contract E9
    caplog.set_level(logging.INFO)
    run.recorder.close()
    run.record(ADVANCE)
    run.recorder.close()
    assert run.sink.sent == []
    assert caplog.messages == [ADVANCE.text]


def test_without_a_sink_events_are_logged():
    run = Run(None)
    run.record(ADVANCE)
    run.recorder.close()
    assert run.dropped == 0


def test_recorder_that_never_started_can_be_closed():
    recorder = EventRecorder(None, now=lambda: NOW, monotonic=FakeClock(), random=lambda: 0.0)
    recorder.close()


def test_log_has_the_text_and_where_it_belongs(run, caplog):
    caplog.set_level(logging.INFO)
    run.record(ADVANCE, rate(1))
    assert [(r.levelname, r.message, r.canary, r.namespace, r.action) for r in caplog.records] == [
        ("INFO", ADVANCE.text, "podinfo", "test", "Advance"),
        ("WARNING", rate(1).text, "podinfo", "test", "Halt"),
    ]


@pytest.mark.parametrize("name", ["x" * 250, "Not-a-DNS-name"])
def test_name_that_cannot_be_used_becomes_a_uuid(name):  # contract E7
    assert len(event_name(name, NOW)) == 36


def test_name_ends_in_the_hex_of_nanoseconds():  # contract E7
    assert event_name("podinfo", NOW) == f"podinfo.{int(NOW.timestamp()) * 10**9:x}"


def test_long_messages_are_cut_at_a_character():  # contract E7
    assert shortened("a" * 1024) == "a" * 1024
    cut = shortened("ü" * 1000)
    assert cut.endswith("…")
    assert 1020 <= len(cut.encode()) <= 1024
