"""No add of a key is lost, and none but a failure pays."""

import threading
from collections import Counter

from controller.work.ratelimit import ExponentialLimiter, default_limiter
from controller.work.workqueue import WorkQueue
from tests.controller.clock import FakeClock


def test_no_add_is_lost():  # contract Q4
    """Each key is added again while it is processed, which must have it processed once more."""
    queue = WorkQueue(limiter=ExponentialLimiter(), monotonic=FakeClock())
    rounds: Counter[str] = Counter()
    over = threading.Semaphore(0)

    def work():
        while (key := queue.get()) is not None:
            rounds[key] += 1
            if rounds[key] < 100:
                queue.add(key)
            else:
                over.release()
            queue.done(key)

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for number in range(50):
        queue.add(f"key-{number}")
    in_time = all(over.acquire(timeout=10) for _ in range(50))
    queue.shut_down()
    assert in_time
    for worker in workers:
        worker.join(10)
    assert rounds == {f"key-{number}": 100 for number in range(50)}


def test_first_sight_waits_for_no_bucket():  # contract D7
    clock = FakeClock()
    queue = WorkQueue(limiter=default_limiter(clock), monotonic=clock)
    for number in range(1000):
        queue.add(f"test/{number}")
    queue.shut_down()
    assert [queue.get() for _ in range(1001)] == [*(f"test/{number}" for number in range(1000)), None]
