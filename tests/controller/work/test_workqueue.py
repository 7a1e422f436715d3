"""The queue, case by case (contracts Q and D)."""

import threading
import time
from collections import Counter

import pytest

from controller.work.ratelimit import ExponentialLimiter
from controller.work.workqueue import WorkQueue
from tests.controller.clock import FakeClock

PATIENCE = 10.0


class Counts:
    """Counts what the queue reports."""

    def __init__(self):
        self.adds = self.retries = 0
        self.waits: list[float] = []
        self.works: list[float] = []

    def added(self):
        self.adds += 1

    def got(self, waited_seconds):
        self.waits.append(waited_seconds)

    def done(self, worked_seconds):
        self.works.append(worked_seconds)

    def retried(self):
        self.retries += 1


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def queue(clock):
    return WorkQueue(limiter=ExponentialLimiter(first=1.0), monotonic=clock)


def in_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def joined(*threads):
    for thread in threads:
        thread.join(PATIENCE)
    return not any(thread.is_alive() for thread in threads)


def test_namespace_with_all_that_it_may_have_leaves_a_worker_to_others(clock):  # contract Q13
    queue = WorkQueue(limiter=ExponentialLimiter(first=1.0), monotonic=clock, most_of_one=2)
    for key in ("a/1", "a/2", "a/3", "a/4", "b/1"):
        queue.add(key)
    assert [queue.get() for _ in range(3)] == ["a/1", "b/1", "a/2"]
    got = []
    waiting = in_thread(lambda: got.append(queue.get()))
    queue.done("b/1")
    assert waiting.is_alive()
    queue.done("a/1")
    assert joined(waiting)
    assert got == ["a/3"]


def test_what_waits_for_its_namespace_is_handed_out_before_the_end(clock):  # contracts Q6, Q13
    queue = WorkQueue(limiter=ExponentialLimiter(first=1.0), monotonic=clock, most_of_one=1)
    for key in ("a/1", "a/2"):
        queue.add(key)
    assert queue.get() == "a/1"
    queue.shut_down()
    got = []
    waiting = in_thread(lambda: got.extend((queue.get(), queue.get())))
    queue.done("a/1")
    while not got and waiting.is_alive() and len(queue):
        pass
    queue.done("a/2")
    assert joined(waiting)
    assert got == ["a/2", None]


def test_keys_come_out_in_the_order_of_their_first_add(queue):  # contract Q1
    for key in ("a", "b", "a", "c"):
        queue.add(key)
    assert [queue.get() for _ in range(3)] == ["a", "b", "c"]


def test_namespaces_take_turns(queue):  # contract Q1
    for key in ("a/1", "a/2", "a/3", "b/1", "c/1", "c/2"):
        queue.add(key)
    assert [queue.get() for _ in range(6)] == ["a/1", "b/1", "c/1", "a/2", "c/2", "a/3"]


def test_key_of_a_quiet_namespace_is_next_but_one(queue):  # contract Q1
    for number in range(1000):
        queue.add(f"noisy/{number}")
    assert queue.get() == "noisy/0"
    queue.add("quiet/1")
    assert [queue.get(), queue.get(), queue.get()] == ["noisy/1", "quiet/1", "noisy/2"]


def test_queue_dedup_while_queued(queue):  # contract Q1
    for _ in range(1000):
        queue.add("a")
    assert len(queue) == 1
    assert queue.get() == "a"
    queue.done("a")
    assert len(queue) == 0


def test_queue_readd_while_processing_runs_again_after_done(queue):  # contracts Q2, Q9
    queue.add("a")
    assert queue.get() == "a"
    for _ in range(5):
        queue.add("a")
    assert (len(queue), queue.depth()) == (0, 1)
    queue.done("a")
    assert len(queue) == 1
    assert queue.get() == "a"
    queue.done("a")
    assert (len(queue), queue.depth()) == (0, 0)


def test_queue_no_two_workers_same_key():  # contract Q3
    queue = WorkQueue(limiter=ExponentialLimiter(), monotonic=FakeClock())
    held: Counter[str] = Counter()
    overlaps = []
    lock = threading.Lock()

    def work():
        while (key := queue.get()) is not None:
            with lock:
                held[key] += 1
                if held[key] > 1:
                    overlaps.append(key)
            with lock:
                held[key] -= 1
            queue.done(key)

    workers = [in_thread(work) for _ in range(8)]
    for number in range(20_000):
        queue.add(f"key-{number % 50}")
    queue.shut_down()
    assert joined(*workers)
    assert overlaps == []


def test_queue_get_blocks_and_wakes_all_on_shutdown(queue):  # contract Q5
    got: list[str | None] = []
    workers = [in_thread(lambda: got.append(queue.get())) for _ in range(8)]
    queue.shut_down()
    assert joined(*workers)
    assert got == [None] * 8


def test_waiting_worker_is_woken_by_an_add(queue):  # contract Q5
    got: list[str | None] = []
    worker = in_thread(lambda: got.append(queue.get()))
    queue.add("a")
    assert joined(worker)
    assert got == ["a"]


def test_queue_shutdown_hands_out_rest(queue):  # contract Q6
    queue.add("a")
    queue.shut_down()
    queue.shut_down()
    queue.add("b")
    assert queue.shutting_down
    assert [queue.get(), queue.get()] == ["a", None]


def test_queue_shutdown_does_not_wait(queue):  # contract Q6
    queue.add("a")
    queue.get()
    queue.shut_down()
    assert queue.get() is None
    queue.done("a")


def test_queue_drain_waits_for_done(queue):  # contract Q7
    queue.add("a")
    queue.get()
    drain = in_thread(queue.shut_down_with_drain)
    while not queue.shutting_down:
        pass
    assert drain.is_alive()
    queue.done("a")
    assert joined(drain)


def test_queue_drain_with_dirty_item(queue):  # contract Q7
    queue.add("a")
    queue.get()
    queue.add("a")
    drain = in_thread(queue.shut_down_with_drain)
    while not queue.shutting_down:
        pass
    got: list[str | None] = []
    worker = in_thread(lambda: got.append(queue.get()))
    queue.done("a")
    assert joined(worker)
    assert got == ["a"]
    queue.done("a")
    assert joined(drain)
    assert queue.get() is None


def test_plain_shut_down_ends_a_drain_at_once(queue):  # contract Q8
    queue.add("a")
    queue.get()
    drain = in_thread(queue.shut_down_with_drain)
    while not queue.shutting_down:
        pass
    queue.shut_down()
    assert joined(drain)
    assert queue.get() is None


def test_done_of_a_key_that_is_not_held_is_a_bug(queue):  # contract Q10
    with pytest.raises(KeyError):
        queue.done("a")


def test_delaying_earliest_wins(queue, clock):  # contract D1
    queue.add_after("a", 0.05)
    queue.add_after("a", 0.07)
    queue.add_after("b", 0.05)
    queue.add_after("b", 0.03)
    clock.advance(0.04)
    assert queue.get() == "b"
    queue.done("b")
    clock.advance(0.02)
    assert queue.get() == "a"
    queue.done("a")
    clock.advance(10)
    queue.shut_down()
    assert queue.get() is None


@pytest.mark.parametrize("seconds", [0, -1])
def test_delaying_nonpositive_adds_now(queue, seconds):  # contract D1
    queue.add_after("a", seconds)
    assert len(queue) == 1


def test_plain_add_does_not_cancel_a_waiting_entry(queue, clock):  # contract D2
    queue.add_after("a", 5)
    queue.add("a")
    assert queue.get() == "a"
    queue.done("a")
    clock.advance(5)
    assert queue.get() == "a"


def test_delaying_ready_order_on_clock_jump(queue, clock):  # contract D3
    for key, seconds in (("1000", 1.0), ("500", 0.5), ("250", 0.25), ("250 too", 0.25)):
        queue.add_after(key, seconds)
    clock.advance(2)
    assert [queue.get() for _ in range(4)] == ["250", "250 too", "500", "1000"]


def test_delaying_add_after_shutdown_ignored_and_unblocked(queue, clock):  # contract D4
    got: list[str | None] = []
    worker = in_thread(lambda: got.append(queue.get()))
    queue.add_after("a", 60)
    queue.shut_down()
    assert joined(worker)
    queue.add_after("b", 0.0)
    queue.add_after("c", 5.0)
    clock.advance(100)
    assert got == [None]
    assert queue.get() is None


def test_colleague_takes_over_the_watch_of_what_waits():
    """The waiter with the shortest timeout may be the one that is woken for other work."""
    queue = WorkQueue(limiter=ExponentialLimiter(), monotonic=time.monotonic)
    got: list[str | None] = []
    lock = threading.Lock()

    def work():
        while (key := queue.get()) is not None:
            with lock:
                got.append(key)
            if key == "late":
                queue.done(key)
                queue.shut_down()
                return
            # holds its key for ever: the other worker must wake for the late one

    workers = [in_thread(work) for _ in range(2)]
    queue.add_after("late", 0.1)
    queue.add("now")
    assert joined(*workers)
    assert got == ["now", "late"]


def test_failures_wait_longer_each_time_and_forget_starts_over(queue, clock):  # contract D5
    queue.add_rate_limited("a")
    assert queue.num_requeues("a") == 1
    assert len(queue) == 0
    clock.advance(1)
    assert queue.get() == "a"
    queue.done("a")
    queue.add_rate_limited("a")
    clock.advance(1.9)
    queue.forget("a")
    assert queue.num_requeues("a") == 0
    clock.advance(0.1)
    assert queue.get() == "a"


def test_server_that_asks_for_more_time_gets_it(queue, clock):  # contract C3
    queue.add_rate_limited("a", at_least=30)
    queue.add("b")
    clock.advance(29)
    assert queue.get() == "b"
    clock.advance(1)
    assert queue.get() == "a"


@pytest.mark.parametrize("when", ["before it failed", "after it failed", "after it was done"])
def test_change_while_a_key_fails_waits_for_no_back_off(queue, clock, when):  # contracts Q2, Q4
    for _ in range(20):
        queue.add_rate_limited("a")
    clock.advance(1000)
    assert queue.get() == "a"
    if when == "before it failed":
        queue.add("a")
    queue.add_rate_limited("a")
    if when == "after it failed":
        queue.add("a")
    assert len(queue) == 0
    queue.done("a")
    if when == "after it was done":
        queue.add("a")
    assert len(queue) == 1
    assert queue.get() == "a"
    queue.done("a")
    assert (len(queue), queue.depth()) == (0, 0)
    clock.advance(1000)
    assert queue.get() == "a"  # and once more when the back-off is over


def test_wait_beyond_all_clocks_stops_no_worker(queue):
    queue.add_after("a", 1e18)
    threading.Timer(0.05, queue.shut_down).start()
    assert queue.get() is None


def test_forget_without_done_and_done_without_forget(queue):  # contract D8
    queue.add("a")
    queue.get()
    queue.add_rate_limited("a")
    queue.forget("a")
    queue.add("a")
    assert len(queue) == 0
    queue.add_rate_limited("a")
    queue.done("a")
    assert queue.num_requeues("a") == 1


def test_metrics_walkthrough():  # contracts Q11, Q12
    clock, counts = FakeClock(), Counts()
    queue = WorkQueue(limiter=ExponentialLimiter(), monotonic=clock, metrics=counts)
    queue.add("foo")
    assert (counts.adds, queue.depth()) == (1, 1)
    clock.advance(0.05)
    queue.get()
    assert (counts.waits, queue.depth()) == ([pytest.approx(0.05)], 0)
    queue.add("foo")
    queue.add("foo")
    assert (counts.adds, queue.depth()) == (2, 1)
    clock.advance(0.025)
    queue.done("foo")
    assert counts.works == [pytest.approx(0.025)]
    clock.advance(0.01)
    queue.get()
    assert counts.waits[-1] == pytest.approx(0.035)
    queue.add_after("bar", 5)
    queue.add_after("bar", 0)
    assert (counts.retries, counts.adds) == (2, 3)


def test_metrics_unfinished_work(clock):  # contract Q12
    queue = WorkQueue(limiter=ExponentialLimiter(), monotonic=clock)
    queue.add("a")
    queue.add("b")
    queue.get()
    clock.advance(2)
    queue.get()
    clock.advance(1)
    assert queue.unfinished_seconds() == (pytest.approx(4.0), pytest.approx(3.0))
    queue.done("a")
    queue.done("b")
    assert queue.unfinished_seconds() == (0, 0)
