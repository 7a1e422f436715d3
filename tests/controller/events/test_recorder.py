"""Events on their way to the API server (contracts E)."""

import logging
import math
import threading
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core import events
from controller.events.event_object import event_name, shortened
from controller.events.outbox import MOST_ROUTINE
from controller.events.recorder import SENDERS, EventRecorder
from controller.work.ratelimit import default_limiter
from controller.work.workqueue import WorkQueue
from informers.errors import (
    AlreadyExistsError,
    Cause,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    ServerError,
    TooManyRequestsError,
    TransportError,
    UnauthorizedError,
)
from tests.controller.clock import FakeClock
from tests.controller.core.builders import NOW, canary

PATIENCE = 20.0
CANARY = canary(resource_version="12")


class FakeSink:
    """Takes events; raises what it is told to."""

    def __init__(self):
        self.sent: list[tuple[str, str, dict]] = []
        self.errors: list[Exception | None] = []
        self.tried: list[str] = []
        self.slow: FakeClock | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.together: threading.Barrier | None = None

    def create(self, resource, namespace, obj):
        return self._take("create", obj["metadata"]["name"], obj)

    def merge_patch(self, resource, namespace, name, patch, *, subresource=""):
        return self._take("patch", name, patch)

    def _take(self, verb, name, body):
        self.entered.set()
        if self.together:
            self.together.wait(PATIENCE)
        assert self.gate.wait(PATIENCE)
        self.tried.append(name)
        if self.slow:
            self.slow.advance(1)
        error = self.errors.pop(0) if self.errors else None
        if error:
            raise error
        self.sent.append((verb, name, body))
        return body


class Hasty(WorkQueue):
    """Waits for nothing, and notes for how long it was to wait."""

    def __init__(self, clock):
        super().__init__(limiter=default_limiter(clock), monotonic=clock)
        self.waits: list[float] = []

    def add_after(self, key, seconds):
        self.waits.append(seconds)
        self.add(key)


class Run:
    """A recorder with everything around it."""

    def __init__(self, sink):
        self.sink = sink
        self.clock = FakeClock()
        self.lanes = Hasty(self.clock)
        self.waits = self.lanes.waits
        self.dropped = 0
        self.recorder = EventRecorder(
            sink,
            now=self.now,
            monotonic=self.clock,
            random=lambda: 0.5,
            dropped=self._drop,
            lanes=self.lanes,
        )
        self.recorder.start()

    def now(self):
        self.clock.advance(1)
        return self.clock.now()

    def record(self, *said):
        for event in said:
            self.recorder.record(CANARY, event)

    def until_sent(self, number):
        self.until(lambda: len(self.sink.sent) >= number)

    def until_tried(self, number):
        self.until(lambda: len(self.sink.tried) >= number)

    def until(self, holds):
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < deadline, (self.sink.sent, self.sink.tried, self.dropped)

    def _drop(self):
        self.dropped += 1


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


def test_event_names_the_version_of_its_rollout_beside_its_text(run, caplog):
    caplog.set_level(logging.INFO)
    run.record(*(replace(ADVANCE, version=version) for version in ("1.4.0 → 1.5.0", "1.5.0 → 1.6.0")), ADVANCE)
    (_, _, created), (_, _, again), (_, _, without) = sent(run)
    assert created["metadata"]["annotations"] == {"flagger.app/version": "1.4.0 → 1.5.0"}
    assert again["metadata"] == {"annotations": {"flagger.app/version": "1.5.0 → 1.6.0"}}
    assert "metadata" not in without
    assert created["message"] == again["message"] == ADVANCE.text
    assert [getattr(record, "version", None) for record in caplog.records] == ["1.4.0 → 1.5.0", "1.5.0 → 1.6.0", None]


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
        (InvalidError("invalid"), True),
        (NotFoundError("no such namespace"), True),
        (ForbiddenError("namespace", causes=(Cause("NamespaceTerminating", "", ""),)), False),
    ],
    ids=["forbidden", "invalid", "no namespace", "namespace is going"],
)
def test_refused_event_is_not_tried_again(run, caplog, error, logged):  # contract E5
    run.sink.errors = [error]
    run.record(ADVANCE)
    assert sent(run) == []
    assert run.waits == []
    assert run.dropped == 1
    assert ("Event refused" in caplog.messages) is logged


PASSING = {
    "no answer": TransportError("x"),
    "throttled": TooManyRequestsError("x", code=429),
    "failed": ServerError("x", code=500),
    "token expired": UnauthorizedError("x", code=401),
    "conflict": ConflictError("x", code=409),
}


@pytest.mark.parametrize("error", PASSING.values(), ids=PASSING.keys())
@pytest.mark.parametrize("event", [ADVANCE, events.starting("podinfo.test")], ids=["routine", "terminal"])
def test_what_passes_is_waited_for(run, event, error):
    run.sink.errors = [error, error]
    run.record(event)
    run.until_sent(1)
    assert run.waits == [5.0, 10.0]
    assert run.dropped == 0


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        (1.0, 1.0),
        (30.0, 30.0),
        (0.001, 1.0),
        (0.0, 5.0),
        (-1.0, 5.0),
        (99999999999.0, 60.0),
        (math.inf, 60.0),
        (math.nan, 5.0),
        (None, 5.0),
    ],
)
def test_server_says_how_long_to_wait_within_bounds(run, asked, waited):
    run.sink.errors = [TooManyRequestsError("x", retry_after=asked)]
    run.record(ADVANCE)
    run.until_sent(1)
    assert run.waits == [waited]


def test_terminal_event_is_never_given_up(run, caplog):
    run.sink.errors = [ServerError("x")] * 50
    run.record(events.starting("podinfo.test"))
    run.until_sent(1)
    assert run.waits == [5.0] + [10.0] * 10 + [60.0] * 39
    assert run.dropped == 0
    assert caplog.messages.count("Event not sent yet") == 1


def test_events_of_one_object_keep_their_order_while_the_first_waits(run):
    run.sink.gate.clear()
    run.sink.errors = [ServerError("x")] * 3
    run.record(ADVANCE, rate(1), rate(2))
    run.sink.gate.set()
    run.until_sent(3)
    assert [body["message"] for _, _, body in run.sink.sent] == [ADVANCE.text, rate(1).text, rate(2).text]


def test_object_whose_events_fail_holds_up_no_other():
    run = Run(FakeSink())
    run.lanes.add_after = lambda lane, seconds: run.waits.append(seconds)  # for ever
    run.sink.errors = [ServerError("a webhook fails in this namespace")]
    run.record(events.starting("podinfo.test"))
    other = canary(uid="other")
    run.recorder.record(other, ADVANCE)
    run.until_sent(1)
    run.record(rate(1))  # and its own later events do not wake it
    run.recorder.record(other, rate(2))
    run.until_sent(2)
    assert [body["involvedObject"]["uid"] for _, _, body in run.sink.sent] == ["other", "other"]
    assert len(run.waits) == 1
    messages = [body["message"] for _, _, body in sent(run)]
    assert messages[2:] == ["Starting canary deployment for podinfo.test", rate(1).text]


def test_event_whose_first_answer_was_lost_is_there_and_is_counted_up(run):
    run.sink.errors = [TransportError("the answer is lost"), AlreadyExistsError("exists")]
    run.record(ADVANCE)
    run.until_tried(2)
    run.record(ADVANCE)
    ((verb, name, patch),) = sent(run)
    assert (verb, patch["count"]) == ("patch", 2)
    assert name == f"podinfo.{int(NOW.timestamp() * 1e6 + 1e6) * 1000:x}"
    assert run.dropped == 0


@pytest.mark.parametrize("name", ["podinfo", "x" * 253])
def test_every_try_makes_the_same_object(name):
    run = Run(FakeSink())
    run.sink.errors = [TransportError("x")] * 3
    run.recorder.record(canary(name=name), ADVANCE)
    run.until_sent(1)
    run.recorder.close()
    assert len(set(run.sink.tried)) == 1


def test_name_that_another_event_has_is_replaced(run):
    run.sink.errors = [AlreadyExistsError("exists")]
    run.record(events.starting("podinfo.test"))
    ((verb, name, _),) = sent(run)
    assert verb == "create"
    assert len(name) == 36
    assert run.dropped == 0


def test_names_that_are_all_taken_are_refused(run, caplog):
    run.sink.errors = [AlreadyExistsError("exists")] * 2
    run.record(ADVANCE)
    assert sent(run) == []
    assert (run.waits, run.dropped) == ([], 1)
    assert "Event refused" in caplog.messages


def test_event_that_breaks_the_sender_costs_itself_only(run, caplog):
    run.sink.errors = [UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")]
    run.record(ADVANCE, rate(1))
    assert [body["message"] for _, _, body in sent(run)] == [rate(1).text]
    assert run.dropped == 1
    assert "Event cannot be sent" in caplog.messages


@given(st.text(st.characters(), max_size=2000), st.booleans())
def test_any_text_is_sent_and_the_sender_lives(text, terminal):
    run = Run(FakeSink())
    run.record(replace(ADVANCE, text=text, terminal=terminal), rate(1))
    run.until_sent(2)
    assert run.recorder.alive()
    message = sent(run)[0][2]["message"]
    assert len(message.encode()) <= 1024
    if len(text.encode(errors="replace")) <= 1024:
        assert message == text.encode(errors="replace").decode()


def full(run):
    """Have one event on its way, which the server does not answer, and as many as there is room for."""
    run.sink.gate.clear()
    run.record(ADVANCE)
    assert run.sink.entered.wait(PATIENCE)
    for number in range(MOST_ROUTINE - 1):
        run.recorder.record(canary(uid=f"{number}", name=f"c{number}"), rate(number))


def test_event_sink_never_blocks_reconcile(run):  # contract E4
    full(run)
    for number in range(5):
        run.recorder.record(canary(uid=f"late{number}"), rate(number))
    assert run.dropped == 5
    run.sink.gate.set()
    run.until_sent(MOST_ROUTINE)
    assert len(sent(run)) == MOST_ROUTINE


def test_full_queue_drops_the_oldest_routine_event_for_one_that_starts_or_ends_a_rollout(run):
    full(run)
    ends = [events.completed(f"k{number}") for number in range(MOST_ROUTINE + 5)]
    run.record(*ends)
    assert run.dropped == MOST_ROUTINE - SENDERS  # those on their way are not dropped
    run.sink.gate.set()
    run.until_sent(len(ends) + SENDERS)
    of_it = [body["message"] for _, _, body in sent(run) if body["involvedObject"]["name"] == CANARY.name]
    assert of_it == [ADVANCE.text, *(event.text for event in ends)]


def test_what_is_not_sent_in_two_seconds_at_the_end_is_dropped(run, caplog):
    full(run)
    closing = threading.Thread(target=run.recorder.close)
    closing.start()
    while not run.recorder._closing.is_set():
        pass
    run.lanes.waits.clear()
    run.sink.slow = run.clock
    run.sink.gate.set()
    closing.join(PATIENCE)
    assert not closing.is_alive()
    assert 1 <= len(run.sink.sent) <= 3 * SENDERS
    assert run.dropped == MOST_ROUTINE - len(run.sink.sent)
    assert "Event not sent" in caplog.messages


def test_waits_are_real():
    recorder = EventRecorder(FakeSink(), now=lambda: NOW, monotonic=FakeClock(), random=lambda: 0.0)
    recorder.start()
    recorder.record(CANARY, ADVANCE)
    assert recorder._sink.entered.wait(PATIENCE)
    recorder.close()
    assert not any(thread.is_alive() for thread in recorder._threads)


def test_events_of_several_objects_are_sent_at_once_and_those_of_one_in_turn(run):  # contract E4
    run.sink.together = threading.Barrier(SENDERS)
    for number in range(SENDERS):
        of_it = canary(uid=f"{number}", name=f"c{number}")
        for weight in (5, 10, 15):
            run.recorder.record(of_it, events.advance(f"{of_it.name}.test", weight))
    run.until_sent(3 * SENDERS)
    for number in range(SENDERS):
        told = [body["message"] for _, _, body in sent(run) if body["involvedObject"]["name"] == f"c{number}"]
        assert told == [f"Advance c{number}.test canary weight {weight}" for weight in (5, 10, 15)]


def test_object_that_is_asked_for_again_keeps_no_room_from_others(run):  # contracts E5, E8
    run.sink.errors = [ServerError("down")] * 10_000
    full(run)
    run.sink.gate.set()
    run.until(lambda: len(run.lanes.waits) > 2 * SENDERS)
    assert len(run.recorder._outbox._held) <= SENDERS


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
    before = threading.active_count()
    recorder = EventRecorder(None, now=lambda: NOW, monotonic=FakeClock(), random=lambda: 0.0)
    recorder.close()
    assert recorder.alive()  # or the process would end for it
    assert threading.active_count() == before


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
