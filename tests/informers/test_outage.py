"""Informers that wake each other after an outage (contract R26)."""

import threading

import pytest

from informers.errors import TooManyRequestsError, TransportError
from informers.outage import SETTLE_SECONDS, Outage
from informers.reflector import Hooks, Reflector
from informers.stop import Stop
from informers.store import Store
from tests.fakes.source import Listed, ScriptedSource, build, error, modified, thing

PATIENCE = 10


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


def waiting(outage, who, stop, seconds):
    """Wait on a thread; return it and what will say how the wait ended."""
    ends = []
    thread = threading.Thread(target=lambda: ends.append(outage.wait(who, stop, seconds)))
    thread.start()
    return thread, ends


def test_wait_is_over_when_another_is_answered(outage):  # contract R26
    for who in "abc":
        outage.note_failure(who, behind=True)
    thread, ends = waiting(outage, "a", Stop(), PATIENCE * 6)
    outage.note_answer("b")
    thread.join(PATIENCE)
    assert ends == [False]
    assert not outage.wait("c", Stop(), PATIENCE * 6)  # it failed before b was answered: at once


def test_wait_is_over_when_it_is_stopped(outage):
    stop = Stop()
    thread, ends = waiting(outage, "a", stop, PATIENCE * 6)
    stop.set()
    thread.join(PATIENCE)
    assert ends == [True]
    assert outage.wait("a", stop, PATIENCE * 6)


def test_wait_lasts_as_long_as_was_asked_if_others_were_answered_all_along(outage):  # contract R26
    outage.note_failure("a", behind=True)
    outage.note_failure("b", behind=True)
    outage.note_answer("a")
    assert not outage.wait("b", Stop(), 0.01)


def test_informers_that_fail_after_each_answer_do_not_wake_each_other(outage, clock):  # contract R26
    for who in "abc":
        outage.note_failure(who, behind=True)
    outage.note_answer("a")
    clock.seconds += SETTLE_SECONDS / 2
    for who in "abc":
        outage.note_failure(who, behind=True)
    outage.note_answer("a")
    assert not outage.wait("b", Stop(), 0.01)
    outage.note_failure("a", behind=True)
    clock.seconds += SETTLE_SECONDS
    outage.note_answer("a")
    assert not outage.wait("b", Stop(), PATIENCE * 6)  # at once: another outage is over


def test_trouble_of_one_kind_makes_nothing_doubtful_however_often_it_is_answered(outage, clock):  # contract R26
    for _ in range(100):
        outage.note_failure("a", behind=True)
        outage.note_answer("a")
        assert not outage.is_doubtful()
        clock.seconds += 0.1


def test_server_that_is_away_makes_everything_doubtful_until_all_have_caught_up(outage, clock):  # contract R26
    assert not outage.is_doubtful()
    for who in "abc":
        outage.note_failure(who, behind=True)
    clock.seconds += 1000
    assert outage.is_doubtful()
    for who in "abc":
        outage.note_answer(who)
        assert outage.is_doubtful()  # it has not yet asked for the version
        outage.note_caught_up(who, 0)
    assert not outage.is_doubtful()


def test_one_that_stays_away_holds_up_the_others_for_ten_seconds(outage, clock):  # contract R26
    for who in "abc":
        outage.note_failure(who, behind=True)
    for who in "ab":
        outage.note_answer(who)
        outage.note_caught_up(who, 0)
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


def test_server_that_went_back_makes_everything_doubtful_until_all_have_listed_again(outage):  # contract R26
    outage.note_restore(0)
    outage.note_restore(0)  # another found it as well
    assert outage.restores == 1
    for who in "abc":
        assert outage.is_doubtful()
        outage.note_caught_up(who, 0)  # by a list that was asked for before
        assert outage.is_behind(who)
        outage.note_caught_up(who, 1)
    assert not outage.is_doubtful()


def test_server_that_went_back_ends_the_watches_and_waits_of_all(outage):  # contract R26
    stop = Stop()
    outage.note_failure("c", behind=True)
    thread, ends = waiting(outage, "c", stop, PATIENCE * 6)
    with outage.watching(stop, 0) as watch, outage.watching(stop, 0) as other:
        assert not watch.is_set()
        outage.note_restore(0)
        assert watch.is_set()
        assert other.is_set()
    thread.join(PATIENCE)
    assert ends == [False]
    with outage.watching(stop, 0) as late, outage.watching(stop, 1) as after:
        assert late.is_set()
        assert not after.is_set()
        stop.set()
        assert after.is_set()


class Told(Outage):
    def __init__(self):
        super().__init__()
        self.answers, self.waits, self.seen = [], [], []

    def note_answer(self, who):
        self.answers.append(self.is_behind(who))
        super().note_answer(who)

    def wait(self, who, stop, seconds):
        self.waits.append(seconds)
        return stop.is_set()


def played(lists, watches):
    source = ScriptedSource(list(lists), list(watches))
    hooks = Hooks(lambda _: None, lambda: None, lambda: None, lambda: None, lambda _: None)
    told = Told()
    store = Store(build, indexes={}, listener=lambda _: None)
    reflector = Reflector(source, store, hooks, monotonic=source.monotonic, random=source.random, outage=told)
    reflector.run(source.over)
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


def followed(source, outage):
    hooks = Hooks(lambda _: None, lambda: None, lambda: None, lambda: None, lambda _: None)
    store = Store(build, indexes={}, listener=lambda _: None)
    clocks = {"monotonic": source.monotonic, "random": source.random, "wait": source.wait}
    Reflector(source, store, hooks, outage=outage, **clocks).run(source.over)
    return store


BACK = Listed([thing("a", 3)], 4)


def test_watch_that_outlives_a_restore_which_another_has_found_is_ended():  # contract R26
    outage = Outage()
    source = ScriptedSource([ONE, BACK], [[lambda: outage.note_restore(0), modified("a", 11)], []])
    store = followed(source, outage)
    assert [version for version, *_ in source.listed] == ["0", ""]  # at once, and believed
    assert [version for version, _ in source.watched] == ["10", "4", "4"]
    assert source.waits == []
    assert [view.resource_version for view in store.views()] == ["3"]


def test_watch_that_fails_once_another_has_found_a_restore_is_followed_by_a_list():  # contract R26
    outage = Outage()

    class Cut(ScriptedSource):
        def watch(self, **request):
            if not self.watched:
                outage.note_restore(0)
            return super().watch(**request)

    source = Cut([ONE, BACK], [TransportError("cut"), []])
    followed(source, outage)
    assert [version for version, *_ in source.listed] == ["0", ""]


def test_list_during_which_another_finds_a_restore_is_followed_by_another():  # contract R26
    outage = Outage()

    class Overtaken(ScriptedSource):
        def list(self, **request):
            page = super().list(**request)
            if len(self.listed) == 1:
                outage.note_answer("another")
                outage.note_restore(0)
            return page

    source = Overtaken([ONE, BACK], [[], []])
    followed(source, outage)
    assert [version for version, *_ in source.listed] == ["0", ""]


def test_reflector_that_finds_a_restore_tells_the_others():  # contracts R25, R26
    outage = Outage()
    source = ScriptedSource([ONE, Listed([], 4), BACK], [TransportError("refused"), [], []])
    followed(source, outage)
    assert outage.restores == 1
    assert [version for version, *_ in source.listed] == ["0", "", ""]
