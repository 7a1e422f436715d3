"""The Prometheus of the sandbox: scrapes the mesh, stores samples, and answers queries over HTTP."""

import json
import math
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hack.sandbox.promql import Labels, QueryError, Result, Sample, evaluate

Json = dict[str, Any]
Scrape = Callable[[], Iterable[tuple[Labels, float]]]

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

    def query(self, text: str, at: datetime) -> Result:
        """Return the value of a query; QueryError if it has none."""
        with self._lock:
            series = {labels: tuple(samples) for labels, samples in self._series.items()}
        return evaluate(text, series, at.timestamp())


@dataclass(slots=True)
class PrometheusFaults:
    """What it answers instead of the truth, for tests and for the curious."""

    down: bool = False  # connections are closed unanswered
    delay_seconds: float = 0.0
    answer: str = ""  # "empty", "nan", "html", "error" or "huge" instead of the real one
    script: Callable[[str], float | None] | None = None  # what each query is answered with; None: no data


class PrometheusServer:
    """Serves a sample store on loopback."""

    def __init__(self, store: SampleStore, *, now: Callable[[], datetime], port: int = 0) -> None:
        """Listen on a port; 0 takes a free one."""
        self.store = store
        self.faults = PrometheusFaults()
        self.queries: list[str] = []
        self.now = now
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="sandbox-prometheus")

    @property
    def url(self) -> str:
        """Base address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Start answering."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(server: PrometheusServer) -> type[BaseHTTPRequestHandler]:  # noqa: C901  # counts the methods inside
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Answer a query in the URL."""
            parts = urlsplit(self.path)
            self._answer(parts.path, parts.query)

        def do_POST(self) -> None:
            """Answer a query in a form."""
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            self._answer(urlsplit(self.path).path, body)

        def _answer(self, path: str, form: str) -> None:
            faults = server.faults
            if faults.down:
                self.close_connection = True
                return
            if faults.delay_seconds:
                threading.Event().wait(faults.delay_seconds)
            if path == "/-/healthy":
                self._send(HTTPStatus.OK, b"Prometheus Server is Healthy.\n", "text/plain")
                return
            if path != "/api/v1/query":
                self._send(HTTPStatus.NOT_FOUND, b"404 page not found\n", "text/plain")
                return
            values = parse_qs(form)
            query = values.get("query", [""])[0]
            server.queries.append(query)
            at = (
                datetime.fromtimestamp(float(values["time"][0]), server.now().tzinfo)
                if "time" in values
                else server.now()
            )
            if faults.script is not None:
                number = faults.script(query)
                code, body, kind = _success({} if number is None else {(): number}, at)
            else:
                code, body, kind = _broken(faults.answer) if faults.answer else _queried(server.store, query, at)
            self._send(code, body, kind)

        def _send(self, code: int, body: bytes, kind: str) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is inherited
            """Say nothing."""

    return Handler


def _queried(store: SampleStore, query: str, at: datetime) -> tuple[int, bytes, str]:
    try:
        result = store.query(query, at)
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
