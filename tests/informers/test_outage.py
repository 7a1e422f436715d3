"""Informers that wake each other after an outage (contract R26)."""

import threading

import pytest

from informers.errors import TooManyRequestsError, TransportError
from informers.outage import SETTLE_SECONDS, Outage
from informers.reflector import Hooks, Reflector
from informers.stop import Stop
from informers.store import Store
from tests.fakes.source import Listed, ScriptedSource, build, error, thing

PATIENCE = 10


def waiting(outage, stop, seconds):
    """Wait on a thread; return it and what will say how the wait ended."""
    ends = []
    thread = threading.Thread(target=lambda: ends.append(outage.wait(stop, seconds)))
    thread.start()
    return thread, ends


def test_wait_is_over_when_another_is_answered_or_it_is_stopped():  # contract R26
    outage = Outage()

    def answered():
        outage.note_failure("a", behind=True)
        outage.note_answer("a")

    for end, stopped in ((answered, False), (None, True)):
        stop = Stop()
        thread, ends = waiting(outage, stop, PATIENCE * 6)
        while thread.is_alive():  # the wait may not have begun when it is told
            (end or stop.set)()
            thread.join(0.01)
        assert ends == [stopped]


def test_wait_lasts_as_long_as_was_asked_if_nobody_is_answered():
    outage = Outage()
    outage.note_failure("a", behind=True)
    outage.note_answer("a")  # what was told before is no news
    assert not outage.wait(Stop(), 0.01)


def test_wait_that_begins_after_a_stop_is_over_at_once():
    stop = Stop()
    stop.set()
    assert Outage().wait(stop, PATIENCE * 6)


class Clock:
    def __init__(self):
        self.seconds = 100.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def outage(clock):
    known = Outage(monotonic=clock)
    for who in "abc":
        known.note_answer(who)
    return known


def test_server_that_is_behind_makes_everything_doubtful_until_all_have_caught_up(outage, clock):  # contract R26
    assert not outage.is_doubtful()
    for who in "abc":
        outage.note_failure(who, behind=True)
    clock.seconds += 1000
    assert outage.is_doubtful()
    for who in "abc":
        outage.note_answer(who)
        assert outage.is_doubtful()  # it has not yet asked for the version
        outage.note_caught_up(who)
    assert not outage.is_doubtful()


def test_one_that_stays_away_holds_up_the_others_for_ten_seconds(outage, clock):  # contract R26
    for who in "abc":
        outage.note_failure(who, behind=True)
    for who in "ab":
        outage.note_answer(who)
        outage.note_caught_up(who)
    assert outage.is_doubtful()
    clock.seconds += SETTLE_SECONDS
    assert not outage.is_doubtful()
    outage.note_failure("c", behind=True)
    assert not outage.is_doubtful()


def test_one_watch_that_is_cut_makes_nothing_doubtful(outage):  # contract R26
    outage.note_failure("a", behind=True)
    assert not outage.is_doubtful()


def test_refusals_make_nothing_doubtful(outage):  # contract R26
    for who in "abc":
        outage.note_failure(who, behind=False)
    assert not outage.is_doubtful()


class Told(Outage):
    def __init__(self):
        super().__init__()
        self.answers, self.waits, self.seen = [], [], []

    def note_answer(self, who):
        self.answers.append(self.is_behind(who))
        super().note_answer(who)

    def wait(self, stop, seconds):
        self.waits.append(seconds)
        return stop.is_set()


def played(lists, watches):
    source = ScriptedSource(list(lists), list(watches))
    hooks = Hooks(lambda _: None, lambda: None, lambda: None, lambda: None, lambda _: None)
    told = Told()
    store = Store(build, indexes={}, listener=lambda _: None)
    reflector = Reflector(source, store, hooks, monotonic=source.monotonic, random=source.random, outage=told)
    reflector.run(Stop())
    return told, reflector


ONE = Listed([thing("a", 5)], 10)


@pytest.mark.parametrize(
    ("lists", "watches"),
    [
        pytest.param([ONE, Listed([], 11)], [TransportError("refused"), []], id="a watch"),
        pytest.param([TransportError("refused"), ONE], [], id="a list"),
    ],
)
def test_server_that_is_there_again_is_told_of_and_the_cache_has_caught_up(lists, watches):  # contract R26
    told, reflector = played(lists, watches)
    assert sum(told.answers) == 1
    assert told.waits == pytest.approx([0.8 * 1.5])
    assert not told.is_behind(reflector)


def test_answer_is_no_outage_whatever_it_says():  # contract R26
    told, _ = played([TooManyRequestsError("429", code=429, retry_after=0.001), ONE], [])
    assert (sum(told.answers), told.waits) == (0, [])


def test_watch_whose_version_is_gone_leaves_the_cache_behind_until_it_is_listed():  # contract R26
    told, _ = played([ONE, Listed([], 30)], [[error(410, "Expired")], []])
    assert len(told.waits) == 1
    assert not told.is_doubtful()
