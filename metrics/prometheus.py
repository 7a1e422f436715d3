"""The observer that asks Prometheus. Whatever goes wrong there is a reading, never an exception."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from urllib.parse import urlencode

from metrics.access import access_of
from metrics.address import validate_url, without_credentials
from metrics.answers import Answer, AnswerError, number_in
from metrics.checks import label_of
from metrics.queries import QUERIES
from metrics.templates import rendered
from metrics.types import AnyCheck, Check, NoData, ObserverClosedError, OwnCheck, Reading, Target, Unavailable, Value
from metrics.wire import Wire

TIMEOUT_SECONDS = 5.0  # of a query in all, from the name of the server to the last byte

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
        environ: Mapping[str, str] = os.environ,
        count: Counter = lambda _outcome, _seconds: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Check the settings and make the one client; nothing is sent yet.

        Args:
            url: base address, may have a path prefix and user info.
            threads: how many queries may be under way at once.
            environ: for what ``metrics.access`` and ``metrics.wire`` take from it.
            count: told of every query.
            monotonic: clock, in seconds.

        Raises:
            metrics.address.MetricsServerError: Prometheus cannot be asked with these settings.
        """
        validate_url(url)
        self.where = without_credentials(url).rstrip("/")
        self._access = access_of(url, environ, monotonic)
        self._wire = Wire(f"{self.where}/api/v1/query", connections=threads, environ=environ, monotonic=monotonic)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="prometheus")
        self._count = count
        self._monotonic = monotonic
        self._closed = threading.Event()

    def observe(self, target: Target, checks: Sequence[AnyCheck]) -> tuple[Reading, ...]:
        """Return one reading per check, in their order; the checks are asked side by side."""
        return self._side_by_side(partial(self._of_check, target, check) for check in checks)

    def ask(self, queries: Sequence[str]) -> tuple[Reading, ...]:
        """Return one reading per query, in their order and in the unit of the query; they are asked side by side."""
        return self._side_by_side(partial(self._read, query) for query in queries)

    def close(self) -> None:
        """End every query under way at once, the threads, and all connections. A second call does nothing."""
        self._closed.set()
        self._wire.cut()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._wire.close()

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
            return self._read(rendered(check.query, target, check.interval))
        reading: Reading = NoData()
        for query in QUERIES[check.name].queries(target, check):
            reading = self._read(query, check)
            if not isinstance(reading, NoData):
                break
        return reading

    def _read(self, query: str, check: Check | None = None) -> Reading:
        began = self._monotonic()
        reading: Reading
        try:
            reading = _reading(number_in(self._answer(query)), check)
        except AnswerError as error:
            reading = Unavailable(f"{self.where} {error}")
        outcome = {Value: "value", NoData: "no-data", Unavailable: "unavailable"}[type(reading)]
        self._count(outcome, self._monotonic() - began)
        log.debug("Asked Prometheus", extra={"query": query, "answer": str(reading)})
        return reading

    def _answer(self, query: str) -> Answer:
        """Ask; once more if the credentials are refused and there are newer ones."""
        seconds = TIMEOUT_SECONDS
        ask = partial(
            self._wire.post,
            form=urlencode({"query": query}).encode(),
            deadline=self._monotonic() + seconds,
            seconds=seconds,
        )
        headers = self._access.headers()
        answer = ask(headers)
        if answer.status == HTTPStatus.UNAUTHORIZED and self._access.renewed(headers):
            answer = ask(self._access.headers())
        return answer.changed(self._access.hide)


def _reading(number: float | None, check: Check | None) -> Reading:
    if number is None:
        return NoData()
    if check is None:
        return Value(number)
    value = QUERIES[check.name].reading(number)
    if value is None:
        raise AnswerError(f"answered {number:g}, which is no {label_of(check)}")
    return value
