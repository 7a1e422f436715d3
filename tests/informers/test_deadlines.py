"""What takes too long is ended, once, by one thread; and none stays."""

import threading
import time

import pytest

from informers import deadlines as deadlines_module
from informers.deadlines import Deadlines

PATIENCE = 10.0


@pytest.fixture
def deadlines():
    deadlines = Deadlines()
    yield deadlines
    deadlines.close()


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "deadlines"]


def test_block_that_takes_too_long_is_ended(deadlines):  # contract P9
    ended = threading.Event()
    with deadlines.cut_off_after(0.01, ended.set):
        assert ended.wait(PATIENCE)


def test_block_that_is_done_in_time_is_not_ended(deadlines):  # contract P9
    ended, other = [], threading.Event()
    for _ in range(100):
        with deadlines.cut_off_after(0.05, lambda: ended.append("late")):
            pass
    with deadlines.cut_off_after(0.1, other.set):
        assert other.wait(PATIENCE)
    assert ended == []


def test_earlier_deadline_that_comes_later_is_kept(deadlines):  # contract P9
    ended = threading.Event()
    with deadlines.cut_off_after(60.0, lambda: None), deadlines.cut_off_after(0.01, ended.set):
        assert ended.wait(PATIENCE)


def test_block_is_not_left_while_it_is_being_ended(deadlines):
    entered, order = threading.Event(), []

    def end():
        entered.set()
        time.monotonic()
        threading.Event().wait(0.05)
        order.append("ended")

    with deadlines.cut_off_after(0.01, end):
        assert entered.wait(PATIENCE)
    order.append("left")
    assert order == ["ended", "left"]


def test_one_thread_serves_all_and_ends_when_nothing_is_under_way(monkeypatch):  # contract T1
    monkeypatch.setattr(deadlines_module, "_LINGERS_SECONDS", 0.05)
    deadlines = Deadlines()
    for _ in range(3):
        with deadlines.cut_off_after(0.2, lambda: None), deadlines.cut_off_after(0.3, lambda: None):
            assert len(threads()) == 1
        until = time.monotonic() + PATIENCE
        while threads() and time.monotonic() < until:
            pass
        assert threads() == []


def test_closing_ends_the_thread(deadlines):  # contract T1
    with deadlines.cut_off_after(60.0, lambda: None):
        pass
    deadlines.close()
    assert threads() == []
    with deadlines.cut_off_after(60.0, lambda: None):
        pass
    assert threads() == []
