"""Measure the controller: ``python -m hack.bench neighbours``, ``load``, ``size`` (``make bench``)."""

import argparse
import sys
from pathlib import Path

import httpx

from hack.bench import load, load_report, neighbours, report, size
from hack.bench.neighbours import MOST_SECONDS
from hack.bench.objects import WAYS
from testbed.processes import ProcessError


def main() -> int:
    """Return 0 if every requirement holds, 1 if one does not, 2 if it could not be measured."""
    options = _options()
    try:
        problems: int = options.run(options)
    except (ProcessError, httpx.HTTPError, LookupError) as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 2
    return problems


def _neighbours(options: argparse.Namespace) -> int:
    measured = []
    for way in options.way or WAYS:
        print(f"{options.canaries} canaries of a tenant, {way}: about two minutes ...", file=sys.stderr)
        where = options.directory / way
        measured.append(neighbours.measure(way, canaries=options.canaries, seconds=options.seconds, directory=where))
    print(report.as_json(measured) if options.output == "json" else report.table(measured))
    return int(any(one.problems() for one in measured))


def _load(options: argparse.Namespace) -> int:
    cases = [case for case in load.CASES if not options.case or case.name in options.case]
    where = options.directory / "load"
    measured = load.measure(cases, canaries=options.canaries, seconds=options.seconds, directory=where)
    print(load_report.as_json(measured) if options.output == "json" else load_report.table(measured))
    return int(bool(load.problems(measured)))


def _size(options: argparse.Namespace) -> int:
    found = size.full(options.canaries, options.directory / "size")
    print(size.as_json(found) if options.output == "json" else size.table(found))
    return int(not all(row.holds for row in found))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m hack.bench", description=__doc__)
    benchmarks = parser.add_subparsers(required=True, metavar="BENCHMARK")
    beside = benchmarks.add_parser("neighbours", help="one rollout beside a tenant with many broken canaries")
    beside.add_argument("--canaries", type=_canaries, default=1000, help="of the tenant (1000)")
    beside.add_argument("--seconds", type=_seconds, default=MOST_SECONDS, help=f"of a span ({MOST_SECONDS:g})")
    beside.add_argument("--way", choices=tuple(WAYS), action="append", help="how they are broken (all ways)")
    beside.set_defaults(run=_neighbours)
    many = benchmarks.add_parser("load", help="a thousand rollouts, and a Prometheus that is slow, hangs or is silent")
    many.add_argument("--canaries", type=_canaries, default=1000, help="in the middle of their rollouts (1000)")
    many.add_argument("--seconds", type=float, default=60.0, help="that each case is measured (60)")
    names = tuple(case.name for case in load.CASES)
    many.add_argument("--case", choices=names, action="append", help="what Prometheus does (all of these)")
    many.set_defaults(run=_load)
    large = benchmarks.add_parser("size", help="memory, start, events and scrapes of ten thousand canaries at rest")
    large.add_argument("--canaries", type=_canaries, default=10_000, help="(10000), for which the limits are made")
    large.set_defaults(run=_size)
    for one in (beside, many, large):
        one.add_argument("-o", "--output", choices=("table", "json"), default="table", help="what is printed")
        one.add_argument("--directory", type=Path, default=Path(".sandbox/bench"), help="for logs")
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
