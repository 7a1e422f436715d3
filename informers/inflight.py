"""Requests that another thread can end while they wait for an answer (contract R23).

An open stream can be cut by its response; before the headers have come there is no response yet, and urllib3 offers no
way to its connection. So connections tell the request of their thread when they are used.
"""

import socket
import threading
from collections.abc import Iterator
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
        self._is_cut = False
        self._connection: Any = None

    def cut(self) -> None:
        """End the request: now, or as soon as it has a connection."""
        with self._lock:
            self._is_cut = True
            sock = getattr(self._connection, "sock", None)
        if sock is not None:
            shut(sock)

    def uses(self, connection: object) -> None:
        """Note the connection that is about to be used; ProtocolError if the request was cut before."""
        with self._lock:
            if self._is_cut:
                raise ProtocolError("the request was cut off")
            self._connection = connection

    @contextmanager
    def on_this_thread(self) -> Iterator[None]:
        """Be the request of this thread."""
        _thread.request = self
        try:
            yield
        finally:
            _thread.request = None


def make_cuttable(pool: urllib3.PoolManager) -> None:
    """Have the connections of a pool tell the request of their thread."""
    pool.pool_classes_by_scheme = {"http": _telling(HTTPConnectionPool), "https": _telling(HTTPSConnectionPool)}


def shut(sock: socket.socket) -> None:
    """End a blocked read on a socket from another thread: about 1 ms, plain or TLS (contract P8)."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already


def _tell(connection: object) -> None:
    current: InFlight | None = getattr(_thread, "request", None)
    if current is not None:
        current.uses(connection)


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
