"""The long version: every scenario in an order that a number decides, then random ones, until the time is over.

python -m tests.chaos --minutes 60 --seed 7
python -m tests.chaos --only "promotion kill after 7"
"""
# ruff: noqa: T201  # a script for people prints

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import chain, islice
from multiprocessing import get_context
from random import Random, SystemRandom

from tests.chaos import scenarios
from tests.chaos.play import STORIES
from tests.chaos.scenario import played, quiet

SEEDS = 10**6
SAY_SECONDS = 60.0


def main() -> int:
    """Play, print what broke and how to repeat it, and return 1 if anything did."""
    options = _options()
    quiet()
    if options.only:
        return _report(Counter(options.only.split()[1:2]), {options.only: played(options.only)[1]})
    print(f"make chaos MINUTES={options.minutes:g} SEED={options.seed}", flush=True)
    requests = {story: played(f"{story} nothing")[2] for story in STORIES}
    print("writes and reads of each story:", requests, flush=True)
    return _report(*_play(options, _order(Random(options.seed), requests, options.kind)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(SEEDS))
    parser.add_argument("--only", default="", help="one scenario, as it was printed")
    parser.add_argument("--kind", default="", help="only scenarios of this kind, each once")
    parser.add_argument("--workers", type=int, default=2 * (os.cpu_count() or 1))
    return parser.parse_args()


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


def _play(options: argparse.Namespace, order: Iterator[str]) -> tuple[Counter[str], dict[str, list[str]]]:
    count: Counter[str] = Counter()
    found: dict[str, list[str]] = {}
    began = said = time.monotonic()
    ends = began + 60 * options.minutes
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn"), initializer=quiet) as pool:
        running: set[Future[tuple[str, list[str], int]]] = set()
        while True:
            if time.monotonic() < ends:
                running |= {pool.submit(played, s) for s in islice(order, options.workers - len(running))}
            if not running:
                return count, found
            done, running = wait(running, return_when=FIRST_COMPLETED)
            if time.monotonic() > said + SAY_SECONDS:
                said = time.monotonic()
                print(f"{(said - began) / 60:.0f} minutes, {sum(count.values())} played", flush=True)
            for scenario, broken, _ in (future.result() for future in done):
                count[scenario.split()[1]] += 1
                if broken:
                    found[scenario] = broken
                    print(_told(scenario, broken), flush=True)


def _told(scenario: str, broken: list[str]) -> str:
    lines = "\n".join(f"    {line}" for line in broken)
    return f'make chaos ONLY="{scenario}"\n{lines}'


def _report(count: Counter[str], found: dict[str, list[str]]) -> int:
    broken = {scenario: lines for scenario, lines in found.items() if lines}
    print(f"played {sum(count.values())}: {dict(sorted(count.items()))}; broken: {len(broken)}")
    if len(found) == 1 and broken:
        print("\n".join(_told(*item) for item in broken.items()))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
