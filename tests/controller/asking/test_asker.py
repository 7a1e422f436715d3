"""Everybody is brought their own readings, however the questions were asked, and nobody waits for what hangs."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import pytest

from controller.asking import asked
from controller.asking import asker as asker_module
from controller.asking.asker import MOST_AT_ONCE, Asker
from metrics.queries import group_of
from metrics.types import Check, Limits, NoData, ObserverClosedError, OwnCheck, Target, Unavailable, Value

PATIENCE = 10.0
RATE = Check("istio_requests_total", 99.0, "1m")
DURATION = Check("istio_request_duration_milliseconds_bucket", 500.0, "1m")
OWN = OwnCheck("errors", "errors", Limits(high=1.0), "1m")
ELSEWHERE = OwnCheck("errors", "errors", Limits(high=1.0), "1m", address="http://elsewhere")
TIMEOUT = Unavailable("did not answer within 5s")
AWAY = Unavailable("cannot be reached", nobody_there=True)


def target(number, namespace="test"):
    return Target(namespace, f"w-{number}", canary=f"c-{number}")


@dataclass
class FakeObserver:
    """Answers with the number in the name of a workload; what is said to hang, when it is let go."""

    where: str = "http://prometheus"
    servers: tuple = ("http://prometheus", "http://elsewhere")
    hanging: set = field(default_factory=set)  # names of workloads
    says: dict = field(default_factory=dict)  # of a workload, or of "group"
    asked: list = field(default_factory=list)  # of each query: the names of its workloads
    hung: Counter = field(default_factory=Counter)
    letting_go: threading.Event = field(default_factory=threading.Event)
    is_cut: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    under_way: int = 0
    most_under_way: int = 0
    group_of = staticmethod(group_of)

    def observe(self, target, checks, *, seconds=None):
        (_,) = checks
        return (self._answer([target], seconds or PATIENCE)[0],)

    def observe_group(self, group, targets):
        assert group.check.threshold == 0
        readings = self._answer(targets)
        return (self.says["group"],) * len(targets) if "group" in self.says else readings

    def cut(self):
        self.is_cut.set()
        self.letting_go.set()

    def _answer(self, targets, seconds=PATIENCE):
        if self.is_cut.is_set():
            raise ObserverClosedError
        names = [target.workload for target in targets]
        self.asked.append(names)
        if self.hanging & set(names):
            with self.lock:
                self.hung[tuple(names)] += 1
                self.under_way += 1
                self.most_under_way = max(self.most_under_way, self.under_way)
            self.letting_go.wait(seconds)
            with self.lock:
                self.under_way -= 1
            if self.is_cut.is_set():
                raise ObserverClosedError
            return (TIMEOUT,) * len(targets)
        found = [self.says.get(name, Value(float(name.partition("-")[2]))) for name in names]
        if any(isinstance(reading, Exception) for reading in found):
            raise found[0]
        return tuple(found)


@dataclass
class Brought:
    """What was brought."""

    readings: list | None = None
    there: threading.Event = field(default_factory=threading.Event)

    def __call__(self, readings):
        assert self.readings is None
        self.readings = list(readings)
        self.there.set()

    def wait(self):
        assert self.there.wait(PATIENCE)
        return self.readings


class Run:
    def __init__(self, **more):
        self.observer = FakeObserver()
        self.asker = Asker(self.observer, monotonic=time.monotonic, **more)
        self.asker.start()

    def ask(self, number, *checks, namespace="test", patience=0.05):
        brought = Brought()
        self.asker.ask(target(number, namespace), checks or (RATE,), patience_seconds=patience, answered=brought)
        return brought

    def ask_all(self, numbers, *checks):
        return [self.ask(number, *checks) for number in numbers]


@pytest.fixture
def run():
    run = Run()
    yield run
    run.observer.letting_go.set()
    run.asker.close()


def test_canary_alone_is_asked_for_by_itself_and_at_once(run):  # contract O3
    assert run.ask(7, RATE, DURATION).wait() == [Value(7.0), Value(7.0)]
    assert run.observer.asked == [["w-7"]] * 2


def test_readings_of_many_are_one_query_and_each_gets_its_own(run):  # contracts O1, O3
    run.ask(0).wait()
    for number, brought in enumerate(run.ask_all(range(1, 31))):
        assert brought.wait() == [Value(float(number + 1))]
    assert len(run.observer.asked) < 10
    assert sum(len(names) for names in run.observer.asked) == 31


def test_what_is_asked_for_together_is_asked_in_the_same_way(run):
    half_an_hour = Check(RATE.name, 99.0, "30m")
    run.ask(0, RATE, half_an_hour).wait()
    brought = [run.ask(1, RATE), run.ask(2, half_an_hour), run.ask(3, Check(RATE.name, 50.0, "1m"))]
    for one in brought:
        one.wait()
    together = [sorted(names) for names in run.observer.asked if "w-1" in names]
    assert "w-2" not in together[0]
    assert together == [["w-1", "w-3"]]  # limits are no part of the question


def test_queries_of_users_are_asked_one_by_one(run):  # contract O4
    for brought in run.ask_all(range(20), OWN, ELSEWHERE):
        brought.wait()
    assert sorted(run.observer.asked) == sorted([f"w-{n}"] for n in range(20) for _ in "ab")


def test_dry_run_asks_everything_by_itself():
    run = Run(together=False)
    for brought in run.ask_all(range(20)):
        brought.wait()
    run.asker.close()
    assert sorted(run.observer.asked) == sorted([f"w-{n}"] for n in range(20))


@pytest.mark.parametrize("reading", [Value(1.0), NoData(), AWAY], ids=["number", "no data", "nobody there"])
def test_answer_that_is_the_same_for_one_alone_is_final(run, reading):
    run.ask(0).wait()
    run.observer.says["group"] = reading
    for brought in run.ask_all(range(1, 11)):
        brought.wait()
    assert len([names for names in run.observer.asked if len(names) == 1]) <= 2


def test_group_without_an_answer_is_asked_for_one_by_one(run):  # contract O4
    run.ask(0).wait()
    run.observer.says["group"] = Unavailable("answered execution: too many samples")
    run.observer.says["w-3"] = Unavailable("answered execution: too many samples")
    brought = run.ask_all(range(1, 6))
    assert [one.wait() for one in brought] == [
        [run.observer.says["w-3"]] if number == 3 else [Value(float(number))] for number in range(1, 6)
    ]


def test_others_of_a_group_do_not_wait_for_the_one_that_hangs(run, monkeypatch):  # contract O5
    monkeypatch.setattr(asker_module, "SLOW_SECONDS", 0.1)
    run.ask(0).wait()
    run.observer.hanging = {"w-3"}
    brought = run.ask_all(range(1, 6))
    assert [one.wait() for one in (*brought[:2], *brought[3:])] == [[Value(float(n))] for n in (1, 2, 4, 5)]
    assert brought[2].readings is None
    run.observer.letting_go.set()
    assert brought[2].wait() == [TIMEOUT]


def hang(run, *numbers):
    """Have canaries be slow once, and be known for it."""
    run.observer.hanging = {f"w-{number}" for number in numbers}
    brought = run.ask_all(numbers)
    while any(run.observer.hung[name,] < 2 for name in run.observer.hanging):  # at first, and where it is patient
        pass
    threading.Event().wait(0.15)
    run.observer.letting_go.set()
    assert [one.wait() for one in brought] == [[TIMEOUT]] * len(numbers)
    run.observer.letting_go.clear()
    run.observer.asked.clear()


def test_what_was_slow_is_asked_for_by_itself_until_it_is_quick_again(run, monkeypatch):  # contract O5
    monkeypatch.setattr(asker_module, "SLOW_SECONDS", 0.1)
    hang(run, 3)
    slow, others = run.ask(3), run.ask_all((1, 2, 4))
    assert [one.wait() for one in others] == [[Value(1.0)], [Value(2.0)], [Value(4.0)]]
    assert not any("w-3" in names and len(names) > 1 for names in run.observer.asked)
    run.observer.hanging = set()
    run.observer.letting_go.set()
    slow.wait()
    run.ask(3).wait()
    run.ask(0).wait()
    run.observer.asked.clear()
    for one in run.ask_all((1, 3)):
        one.wait()
    assert ["w-1", "w-3"] in [sorted(names) for names in run.observer.asked]


def test_many_that_were_slow_are_asked_for_by_themselves_even_if_all_are_due_at_once(run, monkeypatch):  # contract O5
    monkeypatch.setattr(asker_module, "SLOW_SECONDS", 0.1)
    numbers = range(100, 130)
    hang(run, *numbers)
    slow, others = run.ask_all(numbers), run.ask_all(range(10))
    assert [one.wait() for one in others] == [[Value(float(number))] for number in range(10)]
    assert all(len(names) == 1 for names in run.observer.asked if run.observer.hanging & set(names))
    run.observer.letting_go.set()
    assert [one.wait() for one in slow] == [[TIMEOUT]] * len(numbers)


def test_server_that_is_as_slow_with_one_as_with_many_is_asked_for_many(run, monkeypatch):
    monkeypatch.setattr(asker_module, "SLOW_SECONDS", 0.05)
    run.ask(0).wait()
    run.observer.hanging = {f"w-{n}" for n in range(1, 100)}
    brought = run.ask_all(range(1, 100))
    while len(run.observer.hung) <= 2:  # the two queries of many
        pass
    run.observer.letting_go.set()
    assert [one.wait() for one in brought] == [[TIMEOUT]] * 99
    assert run.observer.most_under_way <= MOST_AT_ONCE


def test_hanging_server_takes_no_place_from_another(run):  # contract O5
    run.observer.hanging = {f"w-{n}" for n in range(50)}
    stuck = run.ask_all(range(50), ELSEWHERE)
    assert run.ask(60, OWN).wait() == [Value(60.0)]
    assert all(one.readings is None for one in stuck)


def test_who_gets_no_place_is_told_so_in_time(run, monkeypatch):  # contract O2
    monkeypatch.setattr(asked, "WAIT_SECONDS", 0.3)
    monkeypatch.setattr(asker_module, "SLOW_SECONDS", 0.02)
    run.observer.hanging = {f"w-{n}" for n in range(200)}
    brought = run.ask_all(range(200), OWN)
    told = Unavailable("http://prometheus was not asked: it has not answered earlier queries")
    places = asker_module.SLOW_AT_ONCE - 1  # one is for other namespaces
    while sum(one.readings == [told] for one in brought) < 200 - places:
        pass
    assert all(one.readings in (None, [told]) for one in brought)


def test_tenant_whose_queries_hang_leaves_a_place_to_others(run):  # contract O6
    run.observer.hanging = {f"w-{n}" for n in range(50)}
    stuck = run.ask_all(range(50), OWN)
    assert run.ask(60, OWN, namespace="other").wait() == [Value(60.0)]
    assert all(one.readings is None for one in stuck)


def test_no_more_is_under_way_than_the_observer_takes(run):  # contract O5
    run.observer.hanging = {f"w-{n}" for n in range(500)}
    for number in range(500):
        run.ask(number, OWN, RATE, namespace=f"team-{number % 9}")
    while run.observer.most_under_way < asker_module.SINGLES_AT_ONCE:
        pass
    assert run.observer.most_under_way <= MOST_AT_ONCE


def test_error_that_nobody_thought_of_is_a_reading_and_the_thread_goes_on(run, caplog):
    run.observer.says["w-1"] = RuntimeError("no files")
    assert run.ask(1).wait() == [Unavailable("the query failed: RuntimeError")]
    assert run.ask(2).wait() == [Value(2.0)]
    assert run.asker.alive()
    assert [record.message for record in caplog.records] == ["Query failed unexpectedly"]


def test_time_of_the_oldest_question_is_known(run):
    assert run.asker.longest_seconds() == 0.0
    run.observer.hanging = {"w-1"}
    brought = run.ask(1)
    while not run.asker.longest_seconds():
        pass
    run.observer.letting_go.set()
    brought.wait()
    assert run.asker.longest_seconds() == 0.0


def test_closing_ends_what_is_under_way_and_brings_nothing_any_more(run):  # contract T5
    run.observer.hanging = {"w-1"}
    brought = run.ask(1), run.ask(2, patience=60.0), run.ask(3, patience=60.0)
    while not run.observer.hung:
        pass
    run.asker.close()
    assert brought[0].readings is None
    assert run.observer.is_cut.is_set()
    assert not run.asker._thread.is_alive()


def test_asker_that_was_never_started_can_be_closed():
    asker = Asker(FakeObserver(), monotonic=time.monotonic)
    assert asker.alive()
    asker.close()


def test_what_is_remembered_of_slow_questions_is_bounded(run, monkeypatch):
    monkeypatch.setattr(asker_module, "SLOW_SECONDS", 0.01)
    monkeypatch.setattr(asker_module, "MOST_SLOW", 5)
    run.observer.hanging = {f"w-{n}" for n in range(20)}
    run.ask_all(range(20), OWN)
    while sum(run.observer.hung.values()) < 40:
        pass
    assert len(run.asker._slow) == 5
