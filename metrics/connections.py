"""Connections that end at the deadline of the thread that uses them, and that any other thread can cut.

A timeout of a socket counts per receive, so that a server which sends a byte now and then is never done. Here every
read, write and handshake gets what is left of one deadline. Looking up a name can be neither bounded nor interrupted,
and connecting cannot be interrupted: a thread does both, and whoever waits for it leaves at the deadline.
"""

import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager, suppress

import httpcore


class Backend(httpcore.NetworkBackend):
    """Makes connections that know the deadline of the thread that uses them, and that can be cut from any other."""

    def __init__(self, most_hung: int, monotonic: Callable[[], float]) -> None:
        self._most_hung = most_hung
        self._monotonic = monotonic
        self._thread = threading.local()
        self._lock = threading.Lock()
        self._dials = 0
        self._waiting: set[Future[httpcore.NetworkStream]] = set()
        self._handles: set[socket.socket] = set()
        self.is_cut = False

    @contextmanager
    def until(self, deadline: float) -> Iterator[None]:
        """Give what this thread does on connections a deadline."""
        self._thread.deadline = deadline
        yield

    def remaining(self) -> float:
        """Return the seconds that are left to this thread, more than 0."""
        seconds: float = self._thread.deadline - self._monotonic()
        if seconds <= 0:
            raise httpcore.ReadTimeout
        return seconds

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002  # the deadline stands above it, here and below
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect, until the deadline."""
        seconds = self.remaining()
        dialled: Future[httpcore.NetworkStream] = Future()
        with self._lock:
            if self.is_cut or self._dials >= self._most_hung:
                raise httpcore.ConnectError(OSError(0, "earlier attempts to connect still hang"))
            self._dials += 1
            self._waiting.add(dialled)

        def dial() -> None:
            try:
                stream = httpcore.SyncBackend().connect_tcp(host, port, seconds, local_address, socket_options)
            except Exception as error:  # noqa: BLE001  # raised by whoever waits for it
                if dialled.set_running_or_notify_cancel():
                    dialled.set_exception(error)
            else:
                if dialled.set_running_or_notify_cancel():
                    dialled.set_result(stream)
                else:
                    stream.close()
            with self._lock:
                self._dials -= 1

        try:
            self._start(dial)
            return self._cuttable(self._result(dialled, seconds))
        finally:
            with self._lock:
                self._waiting.discard(dialled)

    def _start(self, dial: Callable[[], None]) -> None:
        """Start a thread: a daemon, since nothing can end the look-up of a name, and the process must end anyway."""
        try:
            threading.Thread(target=dial, name="prometheus-dial", daemon=True).start()
        except RuntimeError:  # no more threads
            with self._lock:
                self._dials -= 1
            raise

    def cut(self) -> None:
        """End what every thread waits for."""
        with self._lock:
            self.is_cut = True
            waiting, handles = tuple(self._waiting), tuple(self._handles)
        for dialled in waiting:
            dialled.cancel()
        for handle in handles:
            with suppress(OSError):  # it is closed already
                handle.shutdown(socket.SHUT_RDWR)

    def forget(self, handle: socket.socket) -> None:
        """Drop a connection that is closed."""
        with self._lock:
            self._handles.discard(handle)
        handle.close()

    def _result(self, dialled: Future[httpcore.NetworkStream], seconds: float) -> httpcore.NetworkStream:
        try:
            return dialled.result(seconds)
        except TimeoutError:
            if dialled.cancel():
                raise httpcore.ConnectTimeout from None
            return dialled.result()
        except CancelledError:
            raise httpcore.ConnectError from None

    def _cuttable(self, stream: httpcore.NetworkStream) -> httpcore.NetworkStream:
        """Keep a second handle of the socket, which stays what it is when TLS takes over the first."""
        try:
            handle: socket.socket = stream.get_extra_info("socket").dup()
        except OSError:  # too many open files
            stream.close()
            raise
        with self._lock:
            self._handles.add(handle)
            is_cut = self.is_cut
        cuttable = _Stream(stream, handle, self)
        if is_cut:
            cuttable.close()
            raise httpcore.ConnectError
        return cuttable


class _Stream(httpcore.NetworkStream):
    """A connection on which every wait ends at the deadline of its thread."""

    def __init__(self, stream: httpcore.NetworkStream, handle: socket.socket, backend: Backend) -> None:
        self._stream = stream
        self._handle = handle
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, self._backend.remaining())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, self._backend.remaining())

    def close(self) -> None:
        self._stream.close()
        self._backend.forget(self._handle)

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        try:
            secured = self._stream.start_tls(ssl_context, server_hostname, self._backend.remaining())
        except BaseException:
            self.close()
            raise
        return _Stream(secured, self._handle, self._backend)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
