"""A server for one small request per connection, with bounds: for clients that may be slow, silent, broken or many.

The port is open to the cluster, and the process behind it promotes releases: whoever connects may cost it no more than
a few sockets and threads for a few seconds. Others are answered while they sit there, and a stop waits for nobody.
"""

import errno
import logging
import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 32
CONNECTION_SECONDS = 10.0  # from the first byte to the last; Prometheus gives up after as many
_FAMILIES = (socket.AF_INET6, socket.AF_INET)


class PortError(Exception):
    """The port cannot be listened on."""


@dataclass(slots=True)
class _Connection:
    """One that is open, and since when."""

    since: float
    waits_for_request: bool = True


class Connections:
    """Those that are open, oldest first. Thread-safe."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._open: dict[socket.socket, _Connection] = {}

    def add(self, sock: socket.socket) -> None:
        """Take one more; the oldest goes if they are too many, first of all one that has asked for nothing."""
        with self._lock:
            if len(self._open) >= MOST_CONNECTIONS:
                silent = (each for each, connection in self._open.items() if connection.waits_for_request)
                self._cut(next(silent, next(iter(self._open))))
            self._open[sock] = _Connection(self._monotonic())

    def has_asked(self, sock: socket.socket) -> None:
        """Note that the request has been read."""
        with self._lock:
            if sock in self._open:
                self._open[sock].waits_for_request = False

    def remove(self, sock: socket.socket) -> None:
        """Forget one that is being closed."""
        with self._lock:
            self._open.pop(sock, None)

    def cut_overdue(self) -> None:
        """End those whose time is over."""
        with self._lock:
            begun_before = self._monotonic() - CONNECTION_SECONDS
            for sock in [sock for sock, connection in self._open.items() if connection.since < begun_before]:
                self._cut(sock)

    def cut_all(self) -> None:
        """End every one."""
        with self._lock:
            for sock in tuple(self._open):
                self._cut(sock)

    def _cut(self, sock: socket.socket) -> None:
        """Wake whoever reads or writes there, and forget it; its own thread closes it."""
        del self._open[sock]
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is closed already


class BoundedServer(ThreadingHTTPServer):
    """Answers each connection on a thread of its own."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(
        self,
        port: int,
        handler: type[BaseHTTPRequestHandler],
        connections: Connections,
        *,
        family: socket.AddressFamily = socket.AF_INET6,
    ) -> None:
        self.address_family = family
        self._connections = connections
        super().__init__(("", port), handler)

    def server_bind(self) -> None:
        """Bind to both families if we can, and without asking DNS for our own name, as the library does."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  # as it is inherited
        """Answer on a thread of its own."""
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401  # as it is inherited
        """Close a connection."""
        self._connections.remove(request)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """End slow connections; called again and again."""
        self._connections.cut_overdue()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401, ARG002  # as it is inherited
        """Log what the library would print: that clients reset or are cut off is everyday, all else is not."""
        level = logging.DEBUG if isinstance(sys.exception(), OSError) else logging.ERROR
        log.log(level, "Connection failed", extra={"client": str(client_address)}, exc_info=True)


def listen(port: int, handler: type[BaseHTTPRequestHandler], connections: Connections) -> BoundedServer:
    """Return a server on IPv6 and IPv4, or on what the kernel has of them.

    Raises:
        PortError: somebody else listens there, or we may not.
    """
    for last, family in enumerate(_FAMILIES, start=1 - len(_FAMILIES)):
        try:
            return BoundedServer(port, handler, connections, family=family)
        except OSError as error:
            if last == 0 or error.errno == errno.EADDRINUSE:
                raise PortError(
                    f"cannot listen on port {port}: {error.strerror}; choose another with --port"
                ) from error
    raise AssertionError("the last family listens or raises")
