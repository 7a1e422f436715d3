"""A TCP server on loopback that says what a test wants, byte by byte and as slowly as it wants."""

import re
import socket
import threading
from collections.abc import Callable
from typing import Self

PATIENCE = 10.0

Speak = Callable[[socket.socket, threading.Event], None]
"""Talks on one accepted connection; the event is set when the test is over."""


class RawServer:
    """Serves every connection on a thread of its own. Use it as a context manager."""

    def __init__(self, speak: Speak) -> None:
        self._speak = speak
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self.over = threading.Event()
        self.spoken_to = threading.Event()  # a connection was accepted
        self.left = threading.Event()  # a client has gone

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _start(self, target, *args):
        thread = threading.Thread(target=target, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.spoken_to.set()
            self._start(self._serve, connection)

    def _serve(self, connection):
        with connection:
            connection.settimeout(PATIENCE)
            try:
                self._speak(connection, self.over)
            except OSError:
                self.left.set()


def read_request(connection: socket.socket) -> bytes:
    """Read one whole request: who closes before gets the connection reset."""
    said = b""
    while True:
        head, end, body = said.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: *([0-9]+)", head, re.IGNORECASE)
        if end and len(body) >= int(length[1] if length else 0):
            return said
        more = connection.recv(65536)
        if not more:
            return said
        said += more


def again_and_again(piece: bytes, *, first: bytes = b"", every: float = 0.05) -> Speak:
    """Read a request's first bytes, then say something at once and a piece again and again until the client goes."""

    def speak(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(first)
        while not over.wait(every):
            connection.sendall(piece)

    return speak


def says_nothing(connection: socket.socket, over: threading.Event) -> None:
    """Read what comes until the client goes."""
    while not over.is_set():
        if not connection.recv(65536):
            raise BrokenPipeError


def says_bytes(answer: bytes) -> Speak:
    """Read a request, send an answer and close."""

    def speak(connection: socket.socket, over: threading.Event) -> None:
        read_request(connection)
        connection.sendall(answer)

    return speak
