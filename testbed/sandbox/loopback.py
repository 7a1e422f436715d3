"""What the servers of the sandbox have in common: HTTP on loopback, ended at once when it is stopped."""

import socket
import ssl
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any


class Handler(BaseHTTPRequestHandler):
    """Answers whole bodies and says nothing on standard error."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def read_body(self) -> bytes:
        """Return the body of the request."""
        length = int(self.headers.get("Content-Length") or 0)
        return self.rfile.read(length) if length else b""

    def client_has_left(self) -> bool:
        """Whether the client has closed the connection; servers in Go carry nothing out for it then."""
        try:
            return not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def send(self, code: int, body: bytes, kind: str, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        """Answer."""
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is inherited
        """Say nothing."""


class Loopback:
    """Serves a handler on a thread of its own, and one per connection."""

    def __init__(self, handler: type[Handler], *, port: int, name: str, tls: ssl.SSLContext | None = None) -> None:
        """Listen on a port; 0 takes a free one. With ``tls``, that is spoken."""
        self._server = _Server(("127.0.0.1", port), handler)
        self._scheme = "https" if tls else "http"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name=name)

    @property
    def url(self) -> str:
        """Base address."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Start answering."""
        self._thread.start()

    def stop(self) -> None:
        """End every connection and stop, also if it was never started."""
        if self._thread.ident is not None:
            self._server.shutdown()
            self._thread.join()
        self._server.cut_all()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  # inherited
        """Remember the connection, so that stopping can end it."""
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401  # inherited
        """Forget it."""
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  # inherited
        """Say nothing: clients that leave are no news."""

    def cut_all(self) -> None:
        """End every connection."""
        with self._lock:
            open_now = tuple(self._connections)
        for connection in open_now:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
