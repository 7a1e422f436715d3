"""The HTTP side of the API server."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hack.sandbox.api.errors import ApiError
from hack.sandbox.api.objects import Objects
from hack.sandbox.api.requests import Answer, Request, answer
from hack.sandbox.api.store import Store
from hack.sandbox.faults import Fault, Faults

Json = dict[str, Any]

_HANG_SECONDS = 120.0
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class Logged:
    """One request on the wire, as an audit log has it."""

    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    query: str
    user_agent: str
    code: int


@dataclass(slots=True)
class RequestLog:
    """Every request that was answered. Thread-safe."""

    _requests: list[Logged] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, request: Logged) -> None:
        """Add one."""
        with self._lock:
            self._requests.append(request)

    def of(self, user_agent: str) -> list[Logged]:
        """Return those of one program, in order."""
        with self._lock:
            return [request for request in self._requests if request.user_agent.startswith(user_agent)]


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self.connections: set[socket.socket] = set()
        self.lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  # inherited
        """Remember the connection, so that stopping can end it."""
        with self.lock:
            self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401  # inherited
        """Forget it."""
        with self.lock:
            self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  # inherited
        """Say nothing: clients that leave are no news."""

    def cut_all(self) -> None:
        """End every connection."""
        with self.lock:
            open_now = tuple(self.connections)
        for connection in open_now:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class ApiServer:
    """Serves a store over HTTP on loopback."""

    def __init__(self, *, now: Callable[[], datetime], port: int = 0) -> None:
        """Listen on a port; 0 takes a free one."""
        self.store = Store()
        self.objects = Objects(self.store, now=now)
        self.faults = Faults()
        self.log = RequestLog()
        self.now = now
        self._stopping = threading.Event()
        self._server = _HttpServer(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="sandbox-api")

    @property
    def url(self) -> str:
        """Base address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def stopping(self) -> bool:
        """Whether watches should end."""
        return self._stopping.is_set()

    def start(self) -> None:
        """Start answering."""
        self._thread.start()

    def stop(self) -> None:
        """End every connection and stop."""
        self._stopping.set()
        self.faults.clear()
        with self.store.changed:
            self.store.changed.notify_all()
        self._server.shutdown()
        self._thread.join()
        self._server.cut_all()
        self._server.server_close()

    def cut_watches(self) -> None:
        """End every open watch, as a restarting API server does."""
        self.faults.cut_watches()
        with self.store.changed:
            self.store.changed.notify_all()


class _DroppedError(Exception):
    """The connection is to be closed without an answer."""


def _handler(server: ApiServer) -> type[BaseHTTPRequestHandler]:  # noqa: C901  # counts the methods inside
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length) if length else b""
            parts = urlsplit(self.path)
            query = {key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
            request = Request.of(self.command, parts.path, query, self.headers, body)
            agent = self.headers.get("User-Agent", "")
            fault = server.faults.take(request.verb, request.plural, request.subresource, agent)
            cuts = server.faults.cuts
            try:
                self._before(fault, request)
                result = answer(server.objects, request, server.now(), lambda: self._over(cuts))
                if fault and fault.drop == "after":
                    raise _DroppedError  # noqa: TRY301  # both ends of a drop are handled in one place
            except _DroppedError:
                self._note(request, parts.query, agent, 0)
                self.close_connection = True
                return
            except ApiError as error:
                result = Answer(error.code, error.status(), headers=dict(error.headers))
            self._note(request, parts.query, agent, result.code)
            if result.events is not None:
                self._stream(result.events)
            else:
                self._send(result.code, result.body, result.headers)

        def _before(self, fault: Fault | None, request: Request) -> None:
            if fault is None:
                return
            if fault.delay_seconds:
                threading.Event().wait(fault.delay_seconds)
            if fault.hang:
                server.faults.hang(_HANG_SECONDS)
            if fault.drop == "before":
                raise _DroppedError
            if fault.code:
                reasons = {
                    409: "Conflict",
                    410: "Expired",
                    429: "TooManyRequests",
                    403: "Forbidden",
                    401: "Unauthorized",
                }
                reason = reasons.get(fault.code, "InternalError")
                headers = [("Retry-After", str(fault.retry_after))] if fault.retry_after else []
                text = f"{request.verb} {request.plural}: {reason}, by an injected fault"
                details = {"name": request.name, "kind": request.plural}
                raise ApiError(fault.code, reason, text, details=details, headers=headers)

        def _over(self, cuts: int) -> bool:
            return server.stopping or server.faults.cuts != cuts

        def _note(self, request: Request, query: str, agent: str, code: int) -> None:
            server.log.note(
                Logged(
                    request.verb,
                    request.plural or request.path,
                    request.subresource,
                    request.namespace,
                    request.name,
                    query,
                    agent,
                    code,
                )
            )

        def _send(self, code: int, body: Json, headers: Mapping[str, str]) -> None:
            data = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def _stream(self, events: Iterator[Json]) -> None:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for event in events:
                line = json.dumps(event).encode() + b"\n"
                self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is inherited
            """Say nothing: requests are in the log of the server."""

    for method in _METHODS:
        setattr(Handler, f"do_{method}", Handler._serve)  # noqa: SLF001  # one way for all methods
    return Handler
