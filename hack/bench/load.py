"""``python -m hack.bench load``: are a thousand rollouts in time, however long Prometheus takes?

A controller with default flags, an API server and a Prometheus, a process each. The canaries are in the middle of their
rollouts and stay there. Prometheus answers in 5, 50 and 500 ms; then some canaries' queries hang; then all do.
"""

import json
import sys
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from controller.core.pacing import SPREAD
from hack.bench import fleet
from hack.bench.lateness import Rounds, rounds_of, within
from hack.bench.objects import NAME
from hack.bench.stage import cpu_seconds
from hack.demo.processes import controller
from testbed.processes import Process, ProcessError, pause

Json = dict[str, Any]

SETTLING_SECONDS = 20.0
"""Two intervals, until every canary has met what a case has in store for it."""

MOST_SKIPPED = 0
MOST_QUERIES_PER_10_SECONDS = 60
MOST_CORES = 0.4
MOST_LATE = timedelta(seconds=1)  # and the answer's own time
MOST_TIMES_ALONE = 1.2
_BEGIN_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Case:
    """What Prometheus does."""

    name: str
    seconds: float = 0.005  # until an answer
    hanging: int = 0  # canaries whose queries take five seconds
    silent: bool = False

    def switches(self, canaries: int) -> Json:
        """Return what the stub is told."""
        return {"seconds": self.seconds, "hanging": sorted(self.hang_of(canaries)), "silent": self.silent}

    def hang_of(self, canaries: int) -> frozenset[str]:
        """Return the namespaces whose queries hang, spread over all."""
        asking = [number for number in range(canaries) if fleet.has_checks(number)]
        every = max(len(asking) // self.hanging, 1) if self.hanging else 1
        return frozenset(fleet.namespace(number) for number in asking[::every][: self.hanging])


CASES = (
    Case("answers in 5 ms"),
    Case("answers in 50 ms", 0.05),
    Case("answers in 500 ms", 0.5),
    Case("1 canary hangs", hanging=1),
    Case("10 canaries hang", hanging=10),
    Case("50 canaries hang", hanging=50),
    Case("answers nothing", silent=True),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """What was seen of a case."""

    case: Case
    seconds: float
    asking: Rounds  # of canaries with checks whose queries do not hang
    not_asking: Rounds  # of those without checks
    queries: int
    workloads: int  # that these asked for
    most_under_way: int
    cores: float
    ended: int  # rollouts that are running no more


def problems(measured: Sequence[Measured]) -> list[str]:
    """Return which requirement does not hold."""
    return [f"{one.case.name}: {problem}" for one in measured for problem in _problems(one, measured[0])]


def _problems(one: Measured, alone: Measured) -> Iterator[str]:
    others = one.not_asking if one.case.silent else one.asking
    if others.skipped > MOST_SKIPPED:
        yield f"{others.skipped} of {others.due} rounds were skipped"
    if one.ended:
        yield f"{one.ended} rollouts have ended"
    late = others.quantile(0.99)
    if one.case.hanging or one.case.silent:
        before = (alone.not_asking if one.case.silent else alone.asking).quantile(0.99)
        if late > before * MOST_TIMES_ALONE:
            yield f"p99 of the others grew from {_ms(before)} to {_ms(late)}"
        return
    if late > MOST_LATE + timedelta(seconds=one.case.seconds):
        yield f"p99 is {_ms(late)}"
    if one.queries * 10 > MOST_QUERIES_PER_10_SECONDS * one.seconds:
        yield f"{one.queries} queries in {one.seconds:.0f} s"
    if one is alone and one.cores > MOST_CORES:
        yield f"{one.cores:.2f} cores"


def measure(cases: Sequence[Case], *, canaries: int, seconds: float, directory: Path) -> list[Measured]:
    """Play cases one after the other; ProcessError if they cannot be played.

    Args:
        cases: in order; the first is what the others are compared with.
        canaries: how many.
        seconds: of each case, after it has settled.
        directory: for logs; it is created.
    """
    directory.mkdir(parents=True, exist_ok=True)
    spans = []
    with _processes(canaries, directory) as play:
        play.wait_for_rounds()
        for case in cases:
            print(f"{case.name} ...", file=sys.stderr)
            play.switch(case.switches(canaries))
            play.go_on(SETTLING_SECONDS)
            spans.append(play.span(case, seconds))
    statuses = _statuses(directory / "journal")
    return [_measured(span, statuses, canaries) for span in spans]


@dataclass(frozen=True, slots=True)
class _Span:
    case: Case
    begin: datetime
    end: datetime
    counts: Json
    cores: float


@dataclass(frozen=True, slots=True)
class _Play:
    processes: Sequence[Process]
    running: Process  # the controller
    prometheus: httpx.Client
    journal: Path
    canaries: int

    def wait_for_rounds(self) -> None:
        """Wait until as many rounds were held as there are canaries."""
        end = _now() + timedelta(seconds=_BEGIN_SECONDS)
        while len(self.journal.read_bytes().splitlines()) < self.canaries:
            if _now() > end:
                raise ProcessError(f"waited {_BEGIN_SECONDS:g}s in vain for the first rounds")
            self.go_on(1)

    def switch(self, what: Json) -> Json:
        """Tell the Prometheus what to do; return its counts."""
        answer = self.prometheus.post("/switch", json=what)
        counts: Json = answer.raise_for_status().json()
        return counts

    def go_on(self, seconds: float) -> None:
        """Let time pass."""
        end = _now() + timedelta(seconds=seconds)
        while _now() < end:
            pause(0.2)
            for process in self.processes:
                process.check()

    def span(self, case: Case, seconds: float) -> _Span:
        """Measure."""
        before, used, begin = self.switch({}), cpu_seconds(self.running.pid), _now()
        self.go_on(seconds)
        end, after = _now(), self.switch({})
        cores = (cpu_seconds(self.running.pid) - used) / (end - begin).total_seconds()
        counts = {**after, **{key: after[key] - before[key] for key in ("queries", "workloads")}}
        return _Span(case, begin, end, counts, cores)


@contextmanager
def _processes(canaries: int, directory: Path) -> Iterator[_Play]:
    python = sys.executable
    server = [python, "-m", "hack.bench.api_server", "--canaries", str(canaries), "--directory", str(directory)]
    with (
        Process("the API server", server, directory / "api.log") as api,
        Process("Prometheus", [python, "-m", "hack.bench.prometheus"], directory / "prometheus.log") as prometheus,
    ):
        addresses = dict(
            line.split(" ", 1)
            for one in (api, prometheus)
            for line in one.wait_for_lines(1, patience_seconds=_BEGIN_SECONDS)
        )
        with (
            controller(directory, addresses, interval="10s") as running,
            httpx.Client(base_url=addresses["prometheus"], timeout=30) as client,
        ):
            processes = (api, prometheus, running)
            yield _Play(processes, running, client, directory / "journal", canaries)


def _statuses(journal: Path) -> Mapping[str, list[Json]]:
    found = defaultdict(list)
    for line in journal.read_text().splitlines():
        told = json.loads(line)
        found[told["namespace"]].append(told["status"])
    return found


def _measured(span: _Span, statuses: Mapping[str, list[Json]], canaries: int) -> Measured:
    hanging = span.case.hang_of(canaries)
    rounds: dict[bool, list[Rounds]] = {True: [], False: []}
    ended = 0
    for number in range(canaries):
        where = fleet.namespace(number)
        known = statuses.get(where, [])
        ended += bool(known) and known[-1].get("state") != "running"
        if where not in hanging:
            held = within(rounds_of(known), span.begin, span.end, _length(where))
            rounds[fleet.has_checks(number)].append(held)
    counts = span.counts
    return Measured(
        case=span.case,
        seconds=(span.end - span.begin).total_seconds(),
        asking=_together(rounds[True]),
        not_asking=_together(rounds[False]),
        queries=counts["queries"],
        workloads=counts["workloads"],
        most_under_way=counts["mostUnderWay"],
        cores=span.cores,
        ended=ended,
    )


def _together(rounds: Iterable[Rounds]) -> Rounds:
    found = tuple(rounds)
    return Rounds(
        held=sum(one.held for one in found),
        skipped=sum(one.skipped for one in found),
        inconclusive=sum(one.inconclusive for one in found),
        late=tuple(late for one in found for late in one.late),
    )


def _length(where: str) -> timedelta:
    """Return the length of a canary's rounds, with the share of the spread that the controller adds by its name."""
    return fleet.INTERVAL * (1 + SPREAD * zlib.crc32(f"{where}/{NAME}".encode()) / 2**32)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  # the statuses tell the time of day


def _ms(late: timedelta) -> str:
    return f"{late / timedelta(milliseconds=1):.0f} ms"
