"""Measure the controller on the sandbox: ``python -m hack.bench neighbours`` (``make bench``)."""

import argparse
import sys
from pathlib import Path

import httpx

from hack.bench import report
from hack.bench.neighbours import MOST_SECONDS, measure
from hack.bench.objects import WAYS
from hack.processes import ProcessError


def main() -> int:
    """Return 0 if every requirement holds, 1 if one does not, 2 if it could not be measured."""
    options = _options()
    measured = []
    try:
        for way in options.way or WAYS:
            print(f"{options.canaries} canaries of a tenant, {way}: about two minutes ...", file=sys.stderr)
            where = options.directory / way
            measured.append(measure(way, canaries=options.canaries, seconds=options.seconds, directory=where))
    except (ProcessError, httpx.HTTPError, LookupError) as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 2
    print(report.as_json(measured) if options.output == "json" else report.table(measured))
    return int(any(one.problems() for one in measured))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m hack.bench", description=__doc__)
    benchmarks = parser.add_subparsers(required=True, metavar="BENCHMARK")
    neighbours = benchmarks.add_parser("neighbours", help="one rollout beside a tenant with many broken canaries")
    neighbours.add_argument("--canaries", type=_canaries, default=1000, help="of the tenant (1000)")
    neighbours.add_argument("--seconds", type=_seconds, default=MOST_SECONDS, help=f"of a span ({MOST_SECONDS:g})")
    neighbours.add_argument("--way", choices=tuple(WAYS), action="append", help="how they are broken (all ways)")
    neighbours.add_argument("-o", "--output", choices=("table", "json"), default="table", help="what is printed")
    neighbours.add_argument("--directory", type=Path, default=Path(".sandbox/bench"), help="for logs")
    return parser.parse_args()


def _canaries(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: at least one canary")
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 1 <= number <= MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text}: 1 to {MOST_SECONDS:g} seconds, as the rollout must go on meanwhile")
    return number


if __name__ == "__main__":
    sys.exit(main())
