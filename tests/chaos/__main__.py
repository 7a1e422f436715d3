"""The long version: every scenario in an order that a number decides, then random ones, until the time is over.

python -m tests.chaos --minutes 60 --seed 7
python -m tests.chaos --only "promotion kill after 7"
"""
# ruff: noqa: T201  # a script for people prints

import argparse
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from random import Random, SystemRandom

from tests.chaos import scenarios
from tests.chaos.crew import Crew, Played
from tests.chaos.play import STORIES

SEEDS = 10**6
SAY_SECONDS = 60.0
STUCK_SECONDS = 240.0  # the longest scenario (a lease of 15 s runs out) takes half as long on a busy machine


@dataclass(slots=True)
class Tally:
    """What was played, and what is broken; printed as it comes and at the end."""

    count: Counter[str] = field(default_factory=Counter)
    broken: int = 0
    _began: float = field(default_factory=time.monotonic)
    _said: float = field(default_factory=time.monotonic)

    def take(self, scenario: str, broken: list[str]) -> None:
        """Count a scenario, and print what broke and how to repeat it."""
        self.count[scenario.split()[1]] += 1
        if broken:
            self.broken += 1
            print(f'make chaos ONLY="{scenario}"', *(f"    {line}" for line in broken), sep="\n", flush=True)
        if time.monotonic() > self._said + SAY_SECONDS:
            self._said = time.monotonic()
            print(f"{(self._said - self._began) / 60:.0f} minutes, {self.count.total()} played", flush=True)

    def __str__(self) -> str:
        """Return the counts by kind."""
        return f"played {self.count.total()}: {dict(sorted(self.count.items()))}; broken: {self.broken}"


def main() -> int:
    """Play, print what broke and how to repeat it, and return 1 if anything did."""
    options = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    tally = Tally()
    try:
        with Crew(1 if options.only else options.workers, within=STUCK_SECONDS) as crew:
            for scenario, broken, _ in _played(crew, options):
                tally.take(scenario, broken)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    print(tally, flush=True)
    return 1 if tally.broken else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(SEEDS))
    parser.add_argument("--only", default="", help="one scenario, as it was printed")
    parser.add_argument("--kind", default="", help="only scenarios of this kind, each once")
    parser.add_argument("--workers", type=int, default=2 * (os.cpu_count() or 1))
    return parser.parse_args()


def _played(crew: Crew, options: argparse.Namespace) -> Iterator[Played]:
    """Yield what became of each scenario; first of those without a fault, which say how many requests there are."""
    if options.only:
        yield from crew.play(iter([options.only]))
        return
    print(f"make chaos MINUTES={options.minutes:g} SEED={options.seed}", flush=True)
    until = time.monotonic() + 60 * options.minutes
    requests = {}
    for played in crew.play(f"{story} nothing" for story in STORIES):
        requests[played[0].split()[0]] = played[2]
        yield played
    print("writes and reads of each story:", requests, flush=True)
    yield from crew.play(_order(Random(options.seed), {s: requests[s] for s in STORIES}, options.kind), until=until)


def _order(chance: Random, requests: dict[str, int], kind: str) -> Iterator[str]:
    """Yield the single faults in a random order, then those that are struck twice, then whatever comes."""
    kinds = scenarios.enumerated(requests)
    if kind:
        return iter(chance.sample(kinds[kind], len(kinds[kind])))
    singles = [scenario for name, every in kinds.items() if name != "kill twice" for scenario in every]
    chance.shuffle(singles)
    twice = list(kinds["kill twice"])
    chance.shuffle(twice)
    return chain(singles, twice, scenarios.random(chance, requests))


if __name__ == "__main__":
    sys.exit(main())
