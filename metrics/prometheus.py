"""The observer that asks Prometheus. Whatever goes wrong there is a reading, never an exception."""

import json
import math
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx

from metrics.checks import CHECKS
from metrics.types import Check, NoData, Reading, Target, Unavailable, Value

TIMEOUT_SECONDS = 5.0
MOST_BYTES = 1024 * 1024  # an answer to our queries is one number; more is not from Prometheus, or not for us

Counter = Callable[[str, float], None]
"""Called once per query with its outcome (``value``, ``no-data``, ``unavailable``) and its seconds."""


class MetricsServerError(ValueError):
    """The address of the metrics server is unusable; the message says what would be right."""


class _AnswerError(Exception):
    """The answer cannot be used; the message says why."""


def validate_url(url: str) -> None:
    """Raise ``MetricsServerError`` if an address is not one that Prometheus could have."""
    parts = urlsplit(url)
    try:
        port_ok = parts.port is None or parts.port > 0
    except ValueError:
        port_ok = False
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_ok:
        given = "" if "@" in url or "?" in url else f"{url!r} "  # what may hold a password is not repeated
        raise MetricsServerError(f"{given}is not an address such as http://prometheus:9090".lstrip())
    if parts.query or parts.fragment:
        raise MetricsServerError("an address such as http://prometheus:9090 must not have a query or a fragment")


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
        """Make the one client; a new one per query would load the CA bundle each time (contract P12).

        Args:
            url: base address, may have a path prefix and user info.
            threads: how many queries may be under way at once.
            environ: PROMETHEUS_TOKEN, or PROMETHEUS_USERNAME and PROMETHEUS_PASSWORD, if it wants credentials.
            count: told of every query.
            monotonic: clock, in seconds.
        """
        validate_url(url)
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self.where = f"{parts.scheme}://{host}{parts.path.rstrip('/')}"  # for messages: no credentials
        limits = httpx.Limits(max_connections=threads, max_keepalive_connections=threads)
        headers, auth = _credentials(url, environ)
        self._client = httpx.Client(
            timeout=TIMEOUT_SECONDS, limits=limits, headers=headers, auth=auth, follow_redirects=False
        )
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="prometheus")
        self._count = count
        self._monotonic = monotonic
        self._closed = threading.Event()

    def observe(self, target: Target, checks: Sequence[Check]) -> tuple[Reading, ...]:
        """Return one reading per check, in their order; the checks are asked side by side."""
        return self._side_by_side(partial(self._of_check, target, check) for check in checks)

    def ask(self, queries: Sequence[str]) -> tuple[Reading, ...]:
        """Return one reading per query, in their order and in the unit of the query; they are asked side by side."""
        return self._side_by_side(partial(self._read, query, Value) for query in queries)

    def close(self) -> None:
        """End the threads and close all connections. A second call does nothing."""
        self._closed.set()
        self._client.close()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _side_by_side(self, questions: Iterable[Callable[[], Reading]]) -> tuple[Reading, ...]:
        futures = [self._pool.submit(question) for question in questions]
        return tuple(future.result() for future in futures)

    def _of_check(self, target: Target, check: Check) -> Reading:
        """Ask once; a second time, in another way, only where the first has no data."""
        kind = CHECKS[check.name]
        reading = self._read(kind.query(target, check.interval), kind.reading)
        if isinstance(reading, NoData) and kind.fallback is not None:
            return self._read(kind.fallback(target, check.interval), kind.reading)
        return reading

    def _read(self, query: str, reading_of: Callable[[float], Reading]) -> Reading:
        began = self._monotonic()
        reading: Reading
        try:
            number = self._query(query)
            reading = NoData() if number is None else reading_of(number)
        except _AnswerError as error:
            reading = Unavailable(f"{self.where} {error}")
        except (httpx.HTTPError, RuntimeError) as error:  # RuntimeError: the client was closed meanwhile
            reading = Unavailable(f"{self.where} {_what_happened(error)}")
        outcome = {Value: "value", NoData: "no-data", Unavailable: "unavailable"}[type(reading)]
        self._count(outcome, self._monotonic() - began)
        return reading

    def _query(self, promql: str) -> float | None:
        """Return the number, or None if there is none."""
        deadline = self._monotonic() + TIMEOUT_SECONDS
        with self._client.stream("POST", f"{self.where}/api/v1/query", data={"query": promql}) as response:
            body = self._body(response, deadline)
        return _number(response, body)

    def _body(self, response: httpx.Response, deadline: float) -> bytes:
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > MOST_BYTES:
                raise _AnswerError(f"answered with more than {MOST_BYTES // 1024} KiB, is it Prometheus?")
            if self._monotonic() > deadline:  # httpx counts its timeout per receive; a server may trickle
                raise _AnswerError(f"did not finish its answer within {TIMEOUT_SECONDS:g}s")
        return bytes(body)


def _number(response: httpx.Response, body: bytes) -> float | None:
    answer: Any = None
    with suppress(ValueError):
        answer = json.loads(body)
    if isinstance(answer, dict) and answer.get("status") == "error":
        raise _AnswerError(f"answered {answer.get('errorType', 'error')}: {str(answer.get('error'))[:300]}")
    if response.status_code != httpx.codes.OK:
        raise _AnswerError(f"answered {response.status_code} {response.reason_phrase}")
    if not isinstance(answer, dict) or answer.get("status") != "success":
        kind = response.headers.get("content-type", "no content type")
        raise _AnswerError(f"answered {kind} where JSON of Prometheus was expected, is the address right?")
    return _first_value(answer.get("data"))


def _first_value(result: Any) -> float | None:  # noqa: ANN401  # JSON that is being parsed
    try:
        sample = _sample(result["resultType"], result["result"])
        if sample is None:
            return None
        _time, value = sample
        number = float(value)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise _AnswerError("answered with JSON that is not a query result") from error
    return number if math.isfinite(number) else None


def _sample(kind: str, found: Any) -> Any:  # noqa: ANN401  # likewise
    """Return time and value as they were sent, or None if there is no series."""
    match kind:
        case "scalar":
            return found
        case "vector" if len(found) > 1:
            raise _AnswerError(f"answered with {len(found)} series where one was expected")
        case "vector":
            return found[0]["value"] if found else None
        case _:
            raise _AnswerError(f"answered with a {kind} where a vector was expected")


def _credentials(url: str, environ: Mapping[str, str]) -> tuple[dict[str, str], httpx.BasicAuth | None]:
    token = environ.get("PROMETHEUS_TOKEN", "").strip()
    if token:
        return {"Authorization": f"Bearer {token}"}, None
    user = environ.get("PROMETHEUS_USERNAME")
    if user:
        return {}, httpx.BasicAuth(user, environ.get("PROMETHEUS_PASSWORD", ""))
    parsed = httpx.URL(url)
    return {}, httpx.BasicAuth(parsed.username, parsed.password) if parsed.userinfo else None


def _without_credentials(url: str) -> str:
    head, at, tail = url.rpartition("@")
    return f"{head.split('://', 1)[0]}://{tail}" if at and "://" in head else url


def _what_happened(error: Exception) -> str:
    match error:
        case httpx.TimeoutException():
            return f"did not answer within {TIMEOUT_SECONDS:g}s"
        case httpx.ConnectError():
            return f"cannot be reached: {error}"
        case _:
            return f"failed: {str(error) or type(error).__name__}"
