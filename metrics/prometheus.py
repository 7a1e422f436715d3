"""The observer that asks Prometheus. Whatever goes wrong there is a reading, never an exception."""

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from functools import partial

from metrics.answers import Answer, AnswerError, UnreachableError, number_in, numbers_in
from metrics.checks import label_of
from metrics.promql import WORKLOAD_LABELS
from metrics.queries import QUERIES, group_of
from metrics.server import Server
from metrics.templates import rendered
from metrics.types import (
    AnyCheck,
    Check,
    Group,
    NoData,
    ObserverClosedError,
    OwnCheck,
    Reading,
    Target,
    Unavailable,
    Value,
)

TIMEOUT_SECONDS = 5.0  # of a query in all, from the name of the server to the last byte
_OF_THE_FIRST = "PROMETHEUS_"  # variables with credentials and headers for the one that --metrics-server names

log = logging.getLogger(__name__)

Counter = Callable[[str, float], None]
"""Called once per query with its outcome (``value``, ``no-data``, ``unavailable``) and its seconds."""


class PrometheusObserver:
    """Fulfils ``metrics.types.MetricsObserver``. Safe to share between threads; close it once."""

    def __init__(
        self,
        url: str,
        *,
        threads: int,
        others: Sequence[str] = (),
        environ: Mapping[str, str] = os.environ,
        count: Counter = lambda _outcome, _seconds: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Check the settings and make the clients; nothing is sent yet.

        Args:
            url: base address, may have a path prefix and user info.
            threads: how many queries may be under way at once.
            others: more addresses that may be asked; what is shown to the first one is not shown to them.
            environ: for what ``metrics.access`` and ``metrics.wire`` take from it.
            count: called for every query.
            monotonic: clock, in seconds.

        Raises:
            metrics.address.MetricsServerError: Prometheus cannot be asked with these settings.
        """
        make = partial(Server, connections=threads, monotonic=monotonic)
        unshown = {name: value for name, value in environ.items() if not name.startswith(_OF_THE_FIRST)}
        self._main = make(url, environ=environ)
        self.where = self._main.where
        servers = (self._main, *(make(other, environ=unshown) for other in others))
        self._servers = {server.where: server for server in reversed(servers)}  # the first of an address wins
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="prometheus")
        self._count = count
        self._monotonic = monotonic
        self._closed = threading.Event()

    @property
    def servers(self) -> Collection[str]:
        """Every address that may be asked."""
        return self._servers.keys()

    def observe(
        self, target: Target, checks: Sequence[AnyCheck], *, seconds: float | None = None
    ) -> tuple[Reading, ...]:
        """Return one reading per check, in their order; the checks are asked side by side."""
        return self._side_by_side([partial(self._of_check, target, check, seconds) for check in checks])

    def group_of(self, target: Target, check: AnyCheck) -> Group | None:
        """Return with which other questions this one can be asked as one; None if it has to be asked alone."""
        return group_of(target, check)

    def observe_group(self, group: Group, targets: Sequence[Target]) -> tuple[Reading, ...]:
        """Return one reading per target, in their order; as several queries where one would be too long."""
        if self._closed.is_set():
            raise ObserverClosedError
        longest = max(QUERIES[group.check.name].queries(targets, group.check), key=len)
        if len(targets) > 1 and self._main.is_too_long(longest):
            half = len(targets) // 2
            return self.observe_group(group, targets[:half]) + self.observe_group(group, targets[half:])
        return self._of_group(group, targets)

    def ask(self, queries: Sequence[str], *, address: str = "") -> tuple[Reading, ...]:
        """Return one reading per query, in their order and in the unit of the query; they are asked side by side."""
        return self._side_by_side([partial(self._read, query, address=address) for query in queries])

    def cut(self) -> None:
        """End every query under way at once, and each that comes."""
        self._closed.set()
        for server in self._servers.values():
            server.cut()

    def close(self) -> None:
        """Cut, and end the threads and all connections. A second call does nothing."""
        self.cut()
        self._pool.shutdown(wait=True, cancel_futures=True)
        for server in self._servers.values():
            server.close()

    def _side_by_side(self, questions: Sequence[Callable[[], Reading]]) -> tuple[Reading, ...]:
        if self._closed.is_set():
            raise ObserverClosedError
        if len(questions) == 1:
            return (questions[0](),)
        try:
            futures = [self._pool.submit(question) for question in questions]
        except RuntimeError as error:
            if not self._closed.is_set():  # no thread can be started
                raise
            raise ObserverClosedError from error
        try:
            return tuple(future.result() for future in futures)
        except CancelledError as error:
            raise ObserverClosedError from error

    def _of_check(self, target: Target, check: AnyCheck, seconds: float | None) -> Reading:
        """Ask once; a second time, in another way, only where the first has no data."""
        if isinstance(check, OwnCheck):
            if check.problem:
                return Unavailable(check.problem)
            query = rendered(check.query, target, check.interval, dict(check.variables))
            return self._read(query, address=check.address, seconds=seconds)
        reading: Reading = NoData()
        for query in QUERIES[check.name].queries(target, check):
            reading = self._read(query, check, seconds=seconds)
            if not isinstance(reading, NoData):
                break
        return reading

    def _read(self, query: str, check: Check | None = None, address: str = "", seconds: float | None = None) -> Reading:
        server = self._servers.get(address or self.where)
        if server is None:
            return Unavailable(f"{address} may not be asked")
        read = lambda answer: (_reading(server, number_in(answer), check),)  # noqa: E731  # of the one number
        (reading,) = self._asked(server, query, 1, read, TIMEOUT_SECONDS if seconds is None else seconds)
        return reading

    def _of_group(self, group: Group, targets: Sequence[Target]) -> tuple[Reading, ...]:
        """Ask once; a second time, in another way, for those of which the first has no data."""
        queries = QUERIES[group.check.name].queries
        found: dict[Target, Reading] = dict.fromkeys(targets, NoData())
        for way, _ in enumerate(queries(targets, group.check)):
            rest = [target for target in targets if isinstance(found[target], NoData)]
            if rest:
                query = [*queries(rest, group.check)][way]
                found |= zip(rest, self._asked_of_all(query, group.check, rest), strict=True)
        return tuple(found[target] for target in targets)

    def _asked_of_all(self, query: str, check: Check, targets: Sequence[Target]) -> Sequence[Reading]:
        server = self._main

        def read(answer: Answer) -> Sequence[Reading]:
            numbers = numbers_in(answer, WORKLOAD_LABELS)
            return [_reading(server, numbers.get((target.namespace, target.workload)), check) for target in targets]

        return self._asked(server, query, len(targets), read, TIMEOUT_SECONDS)

    def _asked(
        self, server: Server, query: str, count: int, read: Callable[[Answer], Sequence[Reading]], seconds: float
    ) -> Sequence[Reading]:
        """Return what one query was answered with; what went wrong is the reading of each that it is about."""
        began = self._monotonic()
        readings: Sequence[Reading]
        try:
            readings = read(server.answer(query, seconds))
        except AnswerError as error:
            nobody_there = isinstance(error, UnreachableError)
            readings = (Unavailable(f"{server.where} {error}", nobody_there),) * count
        outcome = _outcome(readings)
        self._count(outcome, self._monotonic() - began)
        shown = str(readings[0] if count == 1 else readings)
        log.debug("Asked Prometheus", extra={"server": server.where, "query": query, "answer": shown})
        return readings


def _outcome(readings: Sequence[Reading]) -> str:
    """Return what a query counts as: by the best that it was answered with."""
    if any(isinstance(reading, Value) for reading in readings):
        return "value"
    return "no-data" if any(isinstance(reading, NoData) for reading in readings) else "unavailable"


def _reading(server: Server, number: float | None, check: Check | None) -> Reading:
    if number is None:
        return NoData()
    if check is None:
        return Value(number)
    value = QUERIES[check.name].reading(number)
    said = f"answered {number:g}, which is not a {label_of(check)}"
    return value or Unavailable(f"{server.where} {said}")
