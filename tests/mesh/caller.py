"""A user of a service: sends requests at an even pace, and prints a line for each. Runs in a pod, as its own program.

    python caller.py URL REQUESTS_PER_SECOND [HOST]

A line: unix seconds when the answer was there, status (0 for none), pod that answered (- for none), and when the oldest
request was sent that has no answer yet. It is an open loop: an answer that takes long holds up no other request. A URL
of grpc:// is a method of gRPC, called by a curl each time. Nothing is imported but Python's own library, which does not
speak HTTP/2.
"""

import asyncio
import re
import sys
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

_OK = 200
_TIMEOUT_SECONDS = 20.0
_POD = re.compile(rb'"hostname": "([^"]*)"|HOSTNAME=(podinfo[a-z0-9-]*)')
_CURL = ["curl", "--silent", "--http2-prior-knowledge", "--dump-header", "/dev/stderr", "--data-binary", "@-"]
_GRPC = [*_CURL, "--header", "content-type: application/grpc", "--header", "te: trailers"]
_EMPTY = b"\0" * 5  # a message of gRPC

Answer = tuple[int, bytes]  # status, body


async def main(url: str, per_second: float, host: str = "") -> None:
    """Send requests until the process is ended; they name another host than the URL's if they are for a gateway."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    ask = Caller(parts.hostname, parts.port, parts.path or "/", host or parts.netloc).ask
    if parts.scheme == "grpc":
        ask = Grpc(f"http://{parts.netloc}{parts.path}").ask
    due = time.monotonic()
    open_since: dict[asyncio.Task[None], float] = {}

    def answered(task: asyncio.Task[None]) -> None:
        del open_since[task]

    while True:
        due += 1 / per_second
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        task = asyncio.create_task(_tell(ask, open_since))
        open_since[task] = now()
        task.add_done_callback(answered)


async def _tell(ask: Callable[[], Awaitable[Answer]], open_since: dict[asyncio.Task[None], float]) -> None:
    """Send one request and print what came of it."""
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            status, body = await ask()
    except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
        status, body = 0, b""
    found = _POD.search(body)
    pod = (found[1] or found[2]).decode() if found else "-"
    oldest = min((since for task, since in open_since.items() if task is not asyncio.current_task()), default=now())
    sys.stdout.write(f"{now():.3f} {status} {pod} {oldest:.3f}\n")
    sys.stdout.flush()


class Caller:
    """Keeps connections to its sidecar, as clients do."""

    def __init__(self, host: str, port: int, path: str, named: str) -> None:
        """Take whom to ask."""
        self._host = host
        self._port = port
        self._request = f"GET {path} HTTP/1.1\r\nHost: {named}\r\n\r\n".encode()
        self._idle: list[tuple[StreamReader, StreamWriter]] = []

    async def ask(self) -> Answer:
        """Send one request; on another connection if one that was idle has been closed meanwhile.

        A sidecar closes them when its listener changes, for example because somebody else's Service has the same port.

        Source: RFC 9110, 9.2.2: clients repeat idempotent requests so.
        """
        while self._idle:
            reader, writer = self._idle.pop()
            try:
                return await self._send(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                writer.close()
                if getattr(error, "partial", b""):  # else there was no answer to it
                    raise
        return await self._send(*await asyncio.open_connection(self._host, self._port))

    async def _send(self, reader: StreamReader, writer: StreamWriter) -> Answer:
        writer.write(self._request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
        body = await reader.readexactly(int(length[1])) if length else b""
        if length and b"connection: close" not in head.lower():
            self._idle.append((reader, writer))
        else:
            writer.close()
        return int(head.split(None, 2)[1]), body


class Grpc:
    """Calls a method with an empty message."""

    def __init__(self, url: str) -> None:
        """Take the method."""
        self._command = [*_GRPC, "--max-time", str(_TIMEOUT_SECONDS), url]

    async def ask(self) -> Answer:
        """Call it once; the answer is good if gRPC says so, whatever HTTP says."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*self._command, stdin=pipe, stdout=pipe, stderr=pipe)
        body, headers = await process.communicate(_EMPTY)
        return (_OK if b"grpc-status: 0" in headers else 0), body


def now() -> float:
    """Return unix seconds."""
    return time.time()  # noqa: TID251  # a program of its own


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), *sys.argv[3:]))
