"""Every scenario there is, as lines; and more of them made up from a number."""

from collections.abc import Iterator, Sequence
from itertools import combinations, product
from random import Random

from tests.chaos import clocks, restores
from tests.chaos.blows import API, PROMETHEUS, SERVER
from tests.chaos.play import STAGES, STORIES
from tests.chaos.replicas import LINKS
from tests.chaos.users import ACTIONS, HANDS, PARTS, WHO

WRITES = (
    ("patch", "canaries"),
    ("patch", "virtualservices"),
    ("patch", "deployments"),
    ("get", "deployments"),
    ("create", "events"),
)
OWN = tuple(
    f"{resource} {n}"
    for resource, most in (("canaries", 9), ("virtualservices", 4), ("deployments", 6))
    for n in range(1, most + 1)
)
"""Every write and read of a rollout that is its own, by resource, and a few more than there are."""

WHEN = ("before", "after")


def enumerated(requests: dict[str, int]) -> dict[str, Sequence[str]]:
    """Return the scenarios by kind.

    Args:
        requests: how many writes and reads each story makes when nothing goes wrong.
    """
    numbers = [(story, n) for story, count in requests.items() for n in range(1, count + 1)]
    kills = [f"{story} kill {when} {n}" for (story, n), when in product(numbers, WHEN)]
    long = ("promotion", "rollback")
    return {
        "kill": kills,
        "late": [f"{story} late {at}" for story, at in product(STORIES, OWN)],
        "overtaken": [f"promotion overtaken {at} {hand}" for at, hand in product(OWN, HANDS)],
        "pause": [f"promotion pause {at}" for at in OWN],
        "server": [" ".join(it) for it in product(long, ("server",), SERVER, STAGES)],
        "stale": [" ".join(it) for it in product(STORIES, ("stale",), STAGES)],
        "compacted": [" ".join(it) for it in product(STORIES, ("compacted",), STAGES)],
        "restored": [
            f"promotion restored {way} {then} {now}"
            for way, (then, now) in product(restores.WAYS, combinations((*STAGES, "ended"), 2))
        ],
        "clock": [" ".join(it) for it in product(long, ("clock",), clocks.WAYS, STAGES, clocks.WHOSE)],
        "three": [
            *(f"promotion three killed {at}" for at in OWN),
            *(f"{story} three stopped {stage}" for story, stage in product(STORIES, STAGES)),
        ],
        "partition": [
            *(" ".join(it) for it in product(long, ("partition leader",), (*LINKS, "prometheus"), STAGES)),
            *(" ".join(it) for it in product(long, ("partition standby",), LINKS, STAGES)),
        ],
        "prometheus": [" ".join(it) for it in product(("promotion",), ("prometheus",), PROMETHEUS, ("0.3", "3"))],
        "fight": [" ".join(it) for it in product(long, ("fight",), WHO)],
        "touch": [" ".join(it) for it in product(("promotion",), ("touch",), ACTIONS, PARTS, STAGES)],
        "api": [
            f"{story} api {how} {verb} {resource} {skip}"
            for story, how, (verb, resource), skip in product(long, API, WRITES, range(5))
        ],
        "kill twice": [f"{kill} {when} 1" for kill, when in product(kills, WHEN)],
    }


def random(chance: Random, requests: dict[str, int]) -> Iterator[str]:
    """Yield scenarios for ever: the enumerated ones, and kills at any two or three requests."""
    every = [scenario for kind in enumerated(requests).values() for scenario in kind]
    while True:
        story = chance.choice(list(STORIES))
        points = [f"{chance.choice(WHEN)} {chance.randint(1, requests[story])}" for _ in range(chance.randint(2, 3))]
        yield chance.choice([f"{story} kill {' '.join(points)}", chance.choice(every)])
