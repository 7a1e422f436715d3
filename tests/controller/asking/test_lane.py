"""A lane: so many at once, in turns, and an end for what waits."""

import threading

import pytest

from controller.asking.lane import Lane

PATIENCE = 10.0


class Work:
    """Jobs that are under way until they are let go."""

    def __init__(self, most):
        self.order = []
        self.entered = threading.Semaphore(0)
        self.leave = threading.Semaphore(0)
        self.lane = Lane("lane", most=most, run=self.run)

    def run(self, job):
        self.order.append(job)
        self.entered.release()
        assert self.leave.acquire(timeout=PATIENCE)

    def put(self, *jobs, until=100.0):
        for job in jobs:
            self.lane.put(job, namespace=job.partition("/")[0], until=until)

    def wait_for(self, count):
        for _ in range(count):
            assert self.entered.acquire(timeout=PATIENCE)

    def end(self, count):
        for _ in range(count):
            self.leave.release()


@pytest.fixture
def work(request):
    work = Work(request.param)
    yield work
    work.end(100)
    work.lane.close()


@pytest.mark.parametrize("work", [2], indirect=True)
def test_so_many_are_under_way_and_the_others_wait(work):  # contract O5
    work.put("a/1", "b/1", "c/1", "d/1")
    work.wait_for(2)
    assert (len(work.order), len(work.lane)) == (2, 2)
    work.end(1)
    work.wait_for(1)
    assert len(work.lane) == 1


@pytest.mark.parametrize("work", [1], indirect=True)
def test_namespaces_take_turns(work):  # contract O6
    work.put("a/1")
    work.wait_for(1)
    work.put("a/2", "a/3", "a/4", "b/1", "c/1")
    work.end(6)
    work.wait_for(5)
    assert work.order == ["a/1", "a/2", "b/1", "c/1", "a/3", "a/4"]


@pytest.mark.parametrize("work", [3], indirect=True)
def test_no_namespace_has_every_place(work):  # contract O6
    work.put("a/1", "a/2", "a/3", "a/4")
    work.wait_for(2)
    work.put("b/1")
    work.wait_for(1)
    assert sorted(work.order) == ["a/1", "a/2", "b/1"]
    assert len(work.lane) == 2


@pytest.mark.parametrize("work", [1], indirect=True)
def test_what_waits_for_too_long_is_taken_out(work):
    work.put("a/1")
    work.wait_for(1)
    work.put("a/2", until=5.0)
    work.put("a/3", until=6.0)
    assert work.lane.expired(4.9) == []
    assert work.lane.expired(5.0) == ["a/2"]
    work.end(2)
    work.wait_for(1)
    assert work.order == ["a/1", "a/3"]


@pytest.mark.parametrize("work", [3], indirect=True)
def test_thread_that_is_free_does_the_next_one(work):
    for number in range(5):
        work.put(f"a/{number}")
        work.wait_for(1)
        work.end(1)
    work.put("a/5", "b/6", "c/7")
    work.wait_for(3)
    assert len(work.lane._threads) <= 3
    assert work.lane.alive()


@pytest.mark.parametrize("work", [1], indirect=True)
def test_what_waits_is_dropped_at_the_end(work):
    work.put("a/1", "a/2")
    work.wait_for(1)
    closing = threading.Thread(target=work.lane.close)
    closing.start()
    while len(work.lane):
        pass
    work.end(1)
    closing.join(PATIENCE)
    assert work.order == ["a/1"]
    work.put("a/3")
    assert len(work.lane) == 0


def test_process_that_can_have_no_more_threads_goes_on_with_those_it_has(monkeypatch, caplog):
    work = Work(2)
    work.put("a/1")
    work.wait_for(1)

    def fail(_thread):
        raise RuntimeError("no threads")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fail)
        work.put("b/2")
    assert [record.message for record in caplog.records] == ["No thread for a query"]
    work.end(2)
    work.wait_for(1)
    work.lane.close()
    assert work.order == ["a/1", "b/2"]
