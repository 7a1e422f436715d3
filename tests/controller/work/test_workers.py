"""Workers: one switch over the outcome of a look (contracts W)."""

import sys
import threading
from datetime import timedelta

import pytest

from controller.applier import LeadLostError
from controller.reconcile_id import reconcile_id
from controller.work.ratelimit import ExponentialLimiter
from controller.work.workers import Awaits, Workers
from controller.work.workqueue import WorkQueue
from informers.errors import ConflictError, TooManyRequestsError, TransportError
from tests.controller.clock import FakeClock
from tests.fakes.counted import Counted


class Run:
    """Workers on a queue whose clock stands still, so that what waits stays waiting."""

    def __init__(self, *outcomes):
        self.clock = FakeClock()
        self.queue = WorkQueue(limiter=ExponentialLimiter(first=1.0), monotonic=self.clock)
        self.outcomes = list(outcomes)
        self.looked: list[str] = []
        self.counted = Counted()
        self.idle = threading.Semaphore(0)
        self.workers = Workers(self.queue, self._look, count=1, metrics=self.counted)

    def _look(self, key):
        self.looked.append(key)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def work(self, key="test/podinfo"):
        for _ in tuple(self.outcomes):
            self.queue.add(key)
            held = threading.Thread(target=self._drain)
            held.start()
            held.join(10)
        return self

    def _drain(self):
        key = self.queue.get()
        self.workers._counted(key)
        self.queue.done(key)


KEY = "test/podinfo"


def test_worker_contract():  # contract W1
    run = Run(TransportError("no answer"), TransportError("no answer"), None).work()
    assert run.looked == [KEY] * 3
    assert run.queue.num_requeues(KEY) == 0
    assert run.counted.errors == ["TransportError"] * 2


def test_failure_waits_longer_each_time():
    run = Run(TransportError("x"), TransportError("x")).work()
    assert run.queue.num_requeues(KEY) == 2
    run.clock.advance(0.9)
    assert len(run.queue) == 0
    run.clock.advance(0.1)
    run.queue.add("other")
    assert {run.queue.get(), run.queue.get()} == {KEY, "other"}


def test_success_comes_again_when_it_asked_to():  # contract W1
    run = Run(timedelta(seconds=60)).work()
    run.clock.advance(60)
    assert run.queue.get() == KEY


def test_success_that_asked_for_nothing_rests():  # contract W1
    run = Run(None).work()
    run.clock.advance(1e6)
    run.queue.shut_down()
    assert run.queue.get() is None


def test_look_that_awaits_readings_is_neither_queued_nor_a_new_start_for_what_failed_before():  # contract W7
    run = Run(TransportError("x"), Awaits.READINGS).work()
    assert run.queue.num_requeues(KEY) == 1
    run.clock.advance(1e6)
    run.queue.shut_down()
    assert run.queue.get() is None


def test_server_that_is_busy_is_given_the_time_it_asked_for():  # contract C3
    run = Run(TooManyRequestsError("busy", retry_after=30.0)).work()
    run.queue.add("other")
    run.clock.advance(29)
    assert run.queue.get() == "other"
    run.clock.advance(1)
    assert run.queue.get() == KEY


@pytest.mark.parametrize(
    ("error", "level"),
    [(ConflictError("c"), "DEBUG"), (TransportError("t"), "WARNING"), (RuntimeError("bug"), "ERROR")],
)
def test_each_error_is_logged_once_as_loud_as_it_is(error, level, caplog):  # contracts W1, W5
    caplog.set_level("DEBUG")
    run = Run(error).work()
    (record,) = caplog.records
    assert (record.levelname, record.key) == (level, KEY)
    assert (record.exc_info is not None) is (level == "ERROR")
    assert run.counted.errors == [type(error).__name__]
    assert run.queue.num_requeues(KEY) == 1


def test_threads_work_the_queue_and_end():
    run = Run(*[None] * 50)
    seen = threading.Barrier(2)

    def look(key):
        run.looked.append(key)
        if key == "last":
            seen.wait(10)

    workers = Workers(run.queue, look, count=3, metrics=run.counted)
    assert workers.alive()
    workers.start()
    for number in range(50):
        run.queue.add(f"key-{number}")
    run.queue.add("last")
    seen.wait(10)
    assert workers.alive()
    workers.stop()
    assert not workers.alive()
    assert len(run.looked) == 51


def test_key_in_hand_is_finished_and_no_other_taken():  # contract T5
    run = Run()
    entered, leave = threading.Event(), threading.Event()

    def look(key):
        run.looked.append(key)
        entered.set()
        assert leave.wait(10)

    workers = Workers(run.queue, look, count=1, metrics=run.counted)
    workers.start()
    run.queue.add("in hand")
    run.queue.add("queued")
    assert entered.wait(10)
    stopping = threading.Thread(target=workers.stop)
    stopping.start()
    while not run.queue.shutting_down:
        pass
    leave.set()
    stopping.join(10)
    assert run.looked == ["in hand"]


def test_workers_that_never_started_can_be_stopped():
    run = Run()
    run.workers.stop()
    assert run.looked == []


@pytest.mark.parametrize(
    ("outcome", "result"),
    [
        (None, "success"),
        (ConflictError("c"), "conflict"),
        (TransportError("t"), "error"),
        (RuntimeError("bug"), "bug"),
        (LeadLostError("gone"), "stopped"),
        (Awaits.READINGS, "asked"),
    ],
)
def test_each_outcome_is_counted(outcome, result):
    run = Run(outcome).work()
    assert (run.counted.results, run.counted.active) == ([result], 0)


def test_worker_that_dies_is_counted_as_a_bug():
    run = Run()
    run.workers._reconcile = lambda _: sys.exit()
    with pytest.raises(SystemExit):
        run.workers._counted(KEY)
    assert (run.counted.results, run.counted.active) == (["bug"], 0)


def test_each_reconcile_has_an_id_of_its_own():
    seen = []
    run = Run()
    run.workers._reconcile = lambda _: seen.append(reconcile_id())
    run.workers._counted(KEY)
    run.workers._counted(KEY)
    assert len(set(seen)) == 2
    assert all(seen)
    assert not reconcile_id()
