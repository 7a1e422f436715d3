"""The observer that asks Prometheus. Whatever goes wrong there is a reading, never an exception."""

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from functools import partial

from metrics.answers import AnswerError, number_in
from metrics.checks import label_of
from metrics.queries import QUERIES
from metrics.server import Server
from metrics.templates import rendered
from metrics.types import AnyCheck, Check, NoData, ObserverClosedError, OwnCheck, Reading, Target, Unavailable, Value

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
            count: told of every query.
            monotonic: clock, in seconds.

        Raises:
            metrics.address.MetricsServerError: Prometheus cannot be asked with these settings.
        """
        make = partial(Server, connections=threads, monotonic=monotonic)
        unshown = {name: value for name, value in environ.items() if not name.startswith(_OF_THE_FIRST)}
        main = make(url, environ=environ)
        self.where = main.where
        servers = (main, *(make(other, environ=unshown) for other in others))
        self._servers = {server.where: server for server in reversed(servers)}  # the first of an address wins
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="prometheus")
        self._count = count
        self._monotonic = monotonic
        self._closed = threading.Event()

    @property
    def servers(self) -> Collection[str]:
        """Every address that may be asked."""
        return self._servers.keys()

    def observe(self, target: Target, checks: Sequence[AnyCheck]) -> tuple[Reading, ...]:
        """Return one reading per check, in their order; the checks are asked side by side."""
        return self._side_by_side(partial(self._of_check, target, check) for check in checks)

    def ask(self, queries: Sequence[str], *, address: str = "") -> tuple[Reading, ...]:
        """Return one reading per query, in their order and in the unit of the query; they are asked side by side."""
        return self._side_by_side(partial(self._read, query, address=address) for query in queries)

    def close(self) -> None:
        """End every query under way at once, the threads, and all connections. A second call does nothing."""
        self._closed.set()
        for server in self._servers.values():
            server.cut()
        self._pool.shutdown(wait=True, cancel_futures=True)
        for server in self._servers.values():
            server.close()

    def _side_by_side(self, questions: Iterable[Callable[[], Reading]]) -> tuple[Reading, ...]:
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

    def _of_check(self, target: Target, check: AnyCheck) -> Reading:
        """Ask once; a second time, in another way, only where the first has no data."""
        if isinstance(check, OwnCheck):
            if check.problem:
                return Unavailable(check.problem)
            query = rendered(check.query, target, check.interval, dict(check.variables))
            return self._read(query, address=check.address)
        reading: Reading = NoData()
        for query in QUERIES[check.name].queries(target, check):
            reading = self._read(query, check)
            if not isinstance(reading, NoData):
                break
        return reading

    def _read(self, query: str, check: Check | None = None, address: str = "") -> Reading:
        server = self._servers.get(address or self.where)
        if server is None:
            return Unavailable(f"{address} may not be asked")
        began = self._monotonic()
        reading: Reading
        try:
            reading = _reading(number_in(server.answer(query, TIMEOUT_SECONDS)), check)
        except AnswerError as error:
            reading = Unavailable(f"{server.where} {error}")
        outcome = {Value: "value", NoData: "no-data", Unavailable: "unavailable"}[type(reading)]
        self._count(outcome, self._monotonic() - began)
        log.debug("Asked Prometheus", extra={"server": server.where, "query": query, "answer": str(reading)})
        return reading


def _reading(number: float | None, check: Check | None) -> Reading:
    if number is None:
        return NoData()
    if check is None:
        return Value(number)
    value = QUERIES[check.name].reading(number)
    if value is None:
        raise AnswerError(f"answered {number:g}, which is not a {label_of(check)}")
    return value
