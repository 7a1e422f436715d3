"""``python -m hack.bench neighbours``: does a tenant with many broken canaries delay the rollout of another?

One rollout is measured alone, and goes on while the tenant's canaries are created and after. What they are about
(routes, Deployments) is there from the start, so that the spans differ by what the controller does for the tenant and
not by what the cluster does. Counts and ratios are what a run shows; its milliseconds are those of a machine.
"""

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from controller.core.pacing import SPREAD
from hack.bench import objects
from hack.bench.lateness import Rounds, rounds_of, within
from hack.bench.objects import NAME, TENANT, VICTIM, Way
from hack.bench.stage import Stage, Usage, stage
from testbed.processes import ProcessError, pause

_LOOK_SECONDS = 0.5
_PATIENCE_SECONDS = 60.0

MOST_SECONDS = 30.0
"""Of a span: the victim's rollout has a hundred rounds, and must go on until the last has ended."""

ALLOWED_RATIO = 1.5
ALLOWED_EXTRA = timedelta(milliseconds=50)
"""How much later than alone a round may be beside the tenant."""


def length_of_a_round() -> timedelta:
    """Return the victim's interval with the share of the spread that the controller adds by its name."""
    share = zlib.crc32(f"{VICTIM}/{NAME}".encode()) / 2**32
    return timedelta(seconds=1) * (1 + SPREAD * share)


@dataclass(frozen=True, slots=True)
class Span:
    """What was measured between two moments."""

    seconds: float
    rounds: Rounds  # of the victim
    usage: Usage  # meanwhile


@dataclass(frozen=True, slots=True)
class Measured:
    """What was seen of one way of being broken."""

    way: str
    canaries: int
    alone: Span
    arriving: Span  # from the creation of the first broken canary until each has been answered
    beside: Span  # from then on

    def problems(self) -> list[str]:
        """Return which requirement does not hold."""
        found = []
        for name, span in (("while the tenant's arrive", self.arriving), ("beside the tenant", self.beside)):
            if span.rounds.skipped:
                found.append(f"{name} the victim skipped {span.rounds.skipped} of {span.rounds.due} rounds")
            if span.rounds.inconclusive:
                found.append(f"{name} {span.rounds.inconclusive} rounds of the victim were inconclusive")
        for share in (0.5, 0.99):
            alone, beside = self.alone.rounds.quantile(share), self.beside.rounds.quantile(share)
            if beside > alone * ALLOWED_RATIO + ALLOWED_EXTRA:
                found.append(f"the lateness at {share:.0%} grew from {_ms(alone)} to {_ms(beside)}")
        return found


def measure(way: str, *, canaries: int, seconds: float, directory: Path) -> Measured:
    """Play one way of being broken on a cluster of its own; ProcessError if it cannot be played.

    Args:
        way: a key of ``objects.WAYS``.
        canaries: how many are broken.
        seconds: of the span alone, and of the one beside the tenant.
        directory: for logs and the kubeconfig; it is created.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with stage(directory) as on:
        play = _Play(on, objects.WAYS[way], canaries)
        play.prepare()
        with play.span() as alone:
            play.go_on(seconds)
        with play.span() as arriving:
            play.create_the_broken()
        with play.span() as beside:
            play.go_on(seconds)
    return Measured(way, canaries, alone.measured(), arriving.measured(), beside.measured())


@dataclass(slots=True)
class _Open:
    """A span whose end may not have come; its rounds are known once it has."""

    on: Stage
    begin: datetime
    used: Usage
    end: datetime = field(default=datetime.max.replace(tzinfo=UTC))

    def close(self) -> None:
        self.end = _now()
        self.used = self.on.usage() - self.used

    def measured(self) -> Span:
        rounds = within(rounds_of(self.on.statuses), self.begin, self.end, length_of_a_round())
        return Span((self.end - self.begin).total_seconds(), rounds, self.used)


@dataclass(frozen=True, slots=True)
class _Play:
    """The victim and the tenant on a stage."""

    on: Stage
    way: Way
    canaries: int

    def prepare(self) -> None:
        """Create everything but the broken canaries, and wait for the victim's first judged round."""
        on = self.on
        if not self.way.gets_traffic:
            on.send_no_traffic(TENANT)
        for name in (VICTIM, TENANT):
            on.create(objects.namespace(name))
        for obj in (*self.way.parts(self.canaries), *objects.parts(VICTIM)):
            on.create(obj)
        if self.way.fault:
            on.inject(self.way.fault)
        _wait(lambda: on.is_available(VICTIM, "podinfo-canary"), "the victim's pods")
        on.watch(on.create(objects.canary(VICTIM)))
        _wait(self._has_advanced, "the victim's second step")

    def go_on(self, seconds: float) -> None:
        """Let time pass, with what the tenant does meanwhile."""
        end = _now() + timedelta(seconds=seconds)
        while _now() < end:
            self._look()

    def create_the_broken(self) -> None:
        """Create the tenant's canaries and wait until the controller has answered each."""
        before = self.on.usage().answered
        assert not before, "nobody knows the tenant yet"
        for number in range(self.canaries):
            self.on.create(self.way.canary(number))
        _wait(self._all_are_answered, "an answer to each of the tenant's canaries")

    @contextmanager
    def span(self) -> Iterator[_Open]:
        """Measure what is done inside."""
        one = _Open(self.on, _now(), self.on.usage())
        yield one
        self.on.read_statuses()
        one.close()
        state = self.on.statuses[-1].get("state")
        if state != "running":
            raise ProcessError(f"the victim's rollout is {state}: it must go on until all is measured")

    def _look(self) -> None:
        if self.way.touched:
            self.on.touch(self.way.touched, _now().isoformat())
        pause(_LOOK_SECONDS)
        self.on.read_statuses()

    def _has_advanced(self) -> bool:
        self.on.read_statuses()
        return bool(self.on.statuses and self.on.statuses[-1].get("canaryWeight", 0) > 1)

    def _all_are_answered(self) -> bool:
        self._look()
        return self.on.usage().answered >= self.canaries


def _wait(holds: Callable[[], bool], what: str) -> None:
    end = _now() + timedelta(seconds=_PATIENCE_SECONDS)
    while not holds():
        if _now() > end:
            raise ProcessError(f"waited {_PATIENCE_SECONDS:g}s in vain for {what}")
        pause(0.1)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  # the statuses tell the time of day


def _ms(late: timedelta) -> str:
    return f"{late / timedelta(milliseconds=1):.0f} ms"
