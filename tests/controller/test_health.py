"""What is dead, stuck or blind."""

from dataclasses import dataclass

import pytest

from controller.health import SILENT_SECONDS, STUCK_SECONDS, Health, cache_problem
from controller.in_hand import InHand


@dataclass
class FakeCache:
    problem: str | None = None
    has_synced: bool = True
    lives: bool = True
    age: float | None = 12.0

    def alive(self):
        return self.lives

    def seconds_since_event(self):
        return self.age


@pytest.mark.parametrize(
    ("cache", "problem"),
    [
        pytest.param(FakeCache(), None, id="fine"),
        pytest.param(FakeCache(age=None), None, id="listed, and nothing has happened yet"),
        pytest.param(FakeCache(age=SILENT_SECONDS), None, id="quiet"),
        pytest.param(
            FakeCache(age=SILENT_SECONDS + 1),
            "its watch has said nothing for 901s, not even that nothing has changed",
            id="silent for longer than any watch lasts",
        ),
        pytest.param(FakeCache(has_synced=False, age=None), "the first list is under way", id="not listed yet"),
        pytest.param(FakeCache(problem="403 Forbidden", has_synced=False), "403 Forbidden", id="refused"),
        pytest.param(FakeCache(lives=False), "a thread of it has died, see the log", id="dead"),
    ],
)
def test_cache_is_healthy_only_if_it_is_kept_up_to_date(cache, problem):
    assert cache_problem(cache) == problem
    expected = [] if problem is None else [f"cache of services: {problem}"]
    caches = {"canaries": FakeCache(), "services": cache}
    health = Health(alive={}, caches=lambda: caches, in_hand=InHand(lambda: 0.0), waits={})
    assert health.cache_problems() == expected


def test_dead_and_stuck_threads_are_named():
    now = [0.0]
    in_hand = InHand(lambda: now[0])
    alive = {"a worker": lambda: False, "the election": lambda: True}
    waits = {"a round": lambda: now[0], "another": lambda: 0.0}
    health = Health(alive=alive, caches=dict, in_hand=in_hand, waits=waits)
    assert health.problems() == ["a worker has died, see the log"]
    with in_hand.task("the reconcile of test/podinfo"):
        now[0] = STUCK_SECONDS
        assert health.problems() == ["a worker has died, see the log"]
        now[0] += 1
        assert health.problems()[1:] == [
            "the reconcile of test/podinfo has not come to an end for 600s",
            "a round has not come to an end for 600s",
        ]
