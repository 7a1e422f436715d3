"""Informers that wake each other after an outage (contract R26)."""

import threading

import pytest

from informers.comeback import Comeback
from informers.errors import ServerError, TransportError
from informers.reflector import Hooks, Reflector
from informers.stop import Stop
from informers.store import Store
from tests.fakes.source import Listed, ScriptedSource, build, thing

PATIENCE = 10


def waiting(comeback, stop, seconds):
    """Wait on a thread; return it and what will say how the wait ended."""
    ends = []
    thread = threading.Thread(target=lambda: ends.append(comeback.wait(stop, seconds)))
    thread.start()
    return thread, ends


def test_wait_is_over_when_it_is_told_or_stopped():
    comeback = Comeback()
    for end, stopped in ((comeback.tell, False), (None, True)):
        stop = Stop()
        thread, ends = waiting(comeback, stop, PATIENCE * 6)
        while thread.is_alive():  # the wait may not have begun when it is told
            (end or stop.set)()
            thread.join(0.01)
        assert ends == [stopped]


def test_wait_lasts_as_long_as_was_asked_if_nobody_tells():
    comeback = Comeback()
    comeback.tell()  # what was told before is no news
    assert not comeback.wait(Stop(), 0.01)


def test_wait_that_begins_after_a_stop_is_over_at_once():
    stop = Stop()
    stop.set()
    assert Comeback().wait(stop, PATIENCE * 6)


class Told(Comeback):
    def __init__(self):
        super().__init__()
        self.tells = 0
        self.waits = []

    def tell(self):
        self.tells += 1

    def wait(self, stop, seconds):
        self.waits.append(seconds)
        return stop.is_set()


def played(lists, watches):
    source = ScriptedSource(list(lists), list(watches))
    hooks = Hooks(lambda _: None, lambda: None, lambda: None, lambda: None, lambda _: None)
    told = Told()
    store = Store(build, indexes={}, listener=lambda _: None)
    Reflector(
        source,
        store,
        hooks,
        monotonic=source.monotonic,
        random=source.random,
        wait=source.wait,
        comeback=told,
    ).run(Stop())
    return source, told


ONE = Listed([thing("a", 5)], 10)


@pytest.mark.parametrize(
    ("lists", "watches"),
    [
        pytest.param([ONE], [TransportError("refused"), []], id="a watch"),
        pytest.param([TransportError("refused"), ONE], [], id="a list"),
    ],
)
def test_server_that_is_there_again_is_told_of_once(lists, watches):  # contract R26
    source, told = played(lists, watches)
    assert (told.tells, len(told.waits)) == (1, 1)
    assert told.waits == pytest.approx([0.8 * 1.5])
    assert len(source.waits) <= 1  # the end of the script


def test_answer_is_no_outage_whatever_it_says():  # contract R26
    source, told = played([ServerError("500", code=500), ONE], [])
    assert (told.tells, told.waits) == (0, [])
    assert source.waits
