"""The Prometheus of the sandbox: scrapes the mesh, stores samples, and answers queries over HTTP."""

import json
import math
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from testbed.sandbox.loopback import Handler, Loopback
from testbed.sandbox.promql import Labels, QueryError, Result, Sample, evaluate

Json = dict[str, Any]

_HUGE = 4 * 1024 * 1024


class SampleStore:
    """The samples of the last while. Thread-safe."""

    def __init__(self, *, keep: timedelta = timedelta(minutes=15)) -> None:
        self._keep = keep.total_seconds()
        self._series: dict[Labels, deque[Sample]] = {}
        self._lock = threading.Lock()

    def take(self, scraped: Iterable[tuple[Labels, float]], at: datetime) -> None:
        """Store one scrape."""
        when = at.timestamp()
        with self._lock:
            for labels, value in scraped:
                samples = self._series.setdefault(labels, deque())
                samples.append((when, value))
                while samples[0][0] < when - self._keep:
                    samples.popleft()

    def query(self, text: str, at: datetime, *, apart: timedelta = timedelta()) -> Result:
        """Return the value of a query; QueryError if it has none.

        Args:
            text: in PromQL.
            at: the time of the query.
            apart: the least time between two samples, for whoever scrapes less often than was scraped.
        """
        with self._lock:
            series = {labels: _thinned(samples, apart.total_seconds()) for labels, samples in self._series.items()}
        return evaluate(text, series, at.timestamp())


def _thinned(samples: Iterable[Sample], apart: float) -> tuple[Sample, ...]:
    kept: list[Sample] = []
    for sample in samples:
        if not kept or sample[0] - kept[-1][0] >= apart:
            kept.append(sample)
    return tuple(kept)


@dataclass(slots=True)
class PrometheusFaults:
    """What it answers instead of the truth, for tests and for the curious."""

    down: bool = False  # connections are closed unanswered
    delay_seconds: float = 0.0
    answer: str = ""  # "empty", "nan", "html", "error" or "huge" instead of the real one
    script: Callable[[str], float | None] | None = None  # what each query is answered with; None: no data


class PrometheusServer:
    """Serves a sample store on loopback."""

    def __init__(
        self,
        store: SampleStore,
        *,
        now: Callable[[], datetime],
        port: int = 0,
        scrape: timedelta = timedelta(),
    ) -> None:
        """Listen on a port.

        Args:
            store: of the samples.
            now: the time of queries that name none.
            port: 0 takes a free one.
            scrape: between two samples, if that is longer than in the store.
        """
        self.store = store
        self.scrape = scrape
        self.faults = PrometheusFaults()
        self.queries: list[str] = []
        self.now = now
        handler = type("PrometheusHandler", (_PrometheusHandler,), {"prometheus": self})
        self._server = Loopback(handler, port=port, name="sandbox-prometheus")

    @property
    def url(self) -> str:
        """Base address."""
        return self._server.url

    def start(self) -> None:
        """Start answering."""
        self._server.start()

    def stop(self) -> None:
        """Stop answering."""
        self._server.stop()


class _PrometheusHandler(Handler):
    """One connection of a client."""

    prometheus: PrometheusServer

    def do_GET(self) -> None:  # noqa: N802  # the name is inherited
        """Answer a query in the URL."""
        parts = urlsplit(self.path)
        self._answer(parts.path, parts.query)

    def do_POST(self) -> None:  # noqa: N802  # the name is inherited
        """Answer a query in a form."""
        self._answer(urlsplit(self.path).path, self.read_body().decode())

    def _answer(self, path: str, form: str) -> None:
        faults = self.prometheus.faults
        if faults.down:
            self.close_connection = True
            return
        if faults.delay_seconds:
            threading.Event().wait(faults.delay_seconds)
        match path:
            case "/api/v1/query":
                self.send(*self._queried(parse_qs(form)))
            case "/-/healthy":
                self.send(HTTPStatus.OK, b"Prometheus Server is Healthy.\n", "text/plain")
            case _:
                self.send(HTTPStatus.NOT_FOUND, b"404 page not found\n", "text/plain")

    def _queried(self, form: dict[str, list[str]]) -> tuple[int, bytes, str]:
        own, faults = self.prometheus, self.prometheus.faults
        query, now = form.get("query", [""])[0], own.now()
        own.queries.append(query)
        at = datetime.fromtimestamp(float(form["time"][0]), now.tzinfo) if "time" in form else now
        if faults.script is not None:
            number = faults.script(query)
            return _success({} if number is None else {(): number}, at)
        return _broken(faults.answer) if faults.answer else _queried(own, query, at)


def _queried(own: PrometheusServer, query: str, at: datetime) -> tuple[int, bytes, str]:
    try:
        result = own.store.query(query, at, apart=own.scrape)
    except QueryError as error:
        code = HTTPStatus.BAD_REQUEST if error.kind == "bad_data" else HTTPStatus.UNPROCESSABLE_ENTITY
        body = {"status": "error", "errorType": error.kind, "error": str(error)}
        return code, json.dumps(body).encode(), "application/json"
    return _success(result, at)


def _success(result: Result, at: datetime) -> tuple[int, bytes, str]:
    return HTTPStatus.OK, json.dumps({"status": "success", "data": _data(result, at)}).encode(), "application/json"


def _data(result: Result, at: datetime) -> Json:
    when = at.timestamp()
    if isinstance(result, float):
        return {"resultType": "scalar", "result": [when, _number(result)]}
    vector = [{"metric": dict(labels), "value": [when, _number(value)]} for labels, value in result.items()]
    return {"resultType": "vector", "result": vector}


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)


def _broken(answer: str) -> tuple[int, bytes, str]:
    match answer:
        case "html":
            return HTTPStatus.OK, b"<html><body>Welcome</body></html>", "text/html"
        case "error":
            body = {"status": "error", "errorType": "timeout", "error": "query timed out in expression evaluation"}
            return HTTPStatus.SERVICE_UNAVAILABLE, json.dumps(body).encode(), "application/json"
        case "huge":
            return HTTPStatus.OK, b" " * _HUGE, "application/json"
        case _:
            vector = [{"metric": {}, "value": [0, "NaN"]}] if answer == "nan" else []
            data = {"resultType": "vector", "result": vector}
            return HTTPStatus.OK, json.dumps({"status": "success", "data": data}).encode(), "application/json"
