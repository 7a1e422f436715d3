"""Requests that another thread can end while they wait for an answer (contract R23), or a clock does (contract C4).

An open stream can be cut by its response; before the headers have come there is no response yet, and urllib3 offers no
way to its connection. So connections tell the requests of their thread when they are used.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import urllib3
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ProtocolError

_thread = threading.local()


class InFlight:
    """One request. ``cut`` may be called by any thread, at any time, and again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.is_cut = False
        self._connection: Any = None

    def cut(self) -> None:
        """End the request: now, or as soon as it has a connection."""
        with self._lock:
            self.is_cut = True
            sock = getattr(self._connection, "sock", None)
        if sock is not None:
            shut(sock)

    def uses(self, connection: object) -> None:
        """Note the connection that is about to be used; ProtocolError if the request was cut before."""
        with self._lock:
            if self.is_cut:
                raise ProtocolError("the request was cut off")
            self._connection = connection

    @contextmanager
    def on_this_thread(self) -> Iterator[None]:
        """Be a request of this thread, beside others that are so already: each may cut it, for its own reason."""
        others = _requests()
        _thread.requests = (*others, self)
        try:
            yield
        finally:
            _thread.requests = others


@contextmanager
def cut_off_after(seconds: float, end: Callable[[], None]) -> Iterator[None]:
    """Call ``end`` from another thread if the block takes longer: urllib3 counts per receive (contract P9)."""
    timer = threading.Timer(seconds, end)
    timer.name = "deadline"
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def make_cuttable(pool: urllib3.PoolManager) -> None:
    """Have the connections of a pool tell the request of their thread."""
    pool.pool_classes_by_scheme = {"http": _telling(HTTPConnectionPool), "https": _telling(HTTPSConnectionPool)}


def shut(sock: socket.socket) -> None:
    """End a blocked read on a socket from another thread: about 1 ms, plain or TLS (contract P8)."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already


def cut(response: urllib3.BaseHTTPResponse) -> None:
    """End a blocked read of a response from another thread: about 1 ms, plain or TLS (contract P8)."""
    sock = getattr(response.connection, "sock", None) or _socket_of_body(response)
    if sock is not None:
        shut(sock)


def _socket_of_body(response: urllib3.BaseHTTPResponse) -> socket.socket | None:
    """Return the socket of a body that ends with its connection: http.client has handed it over to the response.

    There is no public way to it, so that each step may be missing.
    """
    found: Any = response
    for step in ("_fp", "fp", "raw", "_sock"):
        found = getattr(found, step, None)
    return found if isinstance(found, socket.socket) else None


def _tell(connection: object) -> None:
    for request in _requests():
        request.uses(connection)


def _requests() -> tuple[InFlight, ...]:
    found: tuple[InFlight, ...] = getattr(_thread, "requests", ())
    return found


def _telling(base: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    class Connection(base.ConnectionCls):  # type: ignore[name-defined,misc]  # either of two classes
        def connect(self) -> None:
            """Connect, unless the request is cut meanwhile."""
            _tell(self)
            super().connect()
            _tell(self)

        def request(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # passed on as they are
            """Send a request, once its thread's request knows of this connection."""
            _tell(self)
            super().request(*args, **kwargs)

    return type(f"Telling{base.__name__}", (base,), {"ConnectionCls": Connection})
