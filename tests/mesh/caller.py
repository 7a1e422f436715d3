"""A user of a service: sends requests at an even pace, and prints a line for each. Runs in a pod, as its own program.

    python caller.py URL REQUESTS_PER_SECOND [HOST]

A line: unix seconds when the answer was there, status (0 for none), pod that answered. It is an open loop: an answer
that takes long does not hold up the next request. Nothing is imported but Python's own library.
"""

import asyncio
import re
import sys
import time
from asyncio import StreamReader, StreamWriter
from urllib.parse import urlsplit

CONNECTIONS = 64
_TIMEOUT_SECONDS = 20.0
_POD = re.compile(rb'"hostname": "([^"]*)"')


async def main(url: str, per_second: float, host: str = "") -> None:
    """Send requests until the process is ended; they name another host than the URL's if they are for a gateway."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    caller = Caller(parts.hostname, parts.port, parts.path or "/", host or parts.netloc)
    due = time.monotonic()
    tasks: set[asyncio.Task[None]] = set()
    while True:
        due += 1 / per_second
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        task = asyncio.create_task(caller.ask())
        tasks.add(task)
        task.add_done_callback(tasks.discard)


class Caller:
    """Keeps connections to its sidecar, as clients do."""

    def __init__(self, host: str, port: int, path: str, named: str) -> None:
        """Take whom to ask."""
        self._host = host
        self._port = port
        self._request = f"GET {path} HTTP/1.1\r\nHost: {named}\r\n\r\n".encode()
        self._idle: list[tuple[StreamReader, StreamWriter]] = []

    async def ask(self) -> None:
        """Send one request and print what came of it."""
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                status, pod = await self._answer()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            status, pod = 0, ""
        sys.stdout.write(f"{time.time():.3f} {status} {pod}\n")  # noqa: TID251  # a program of its own
        sys.stdout.flush()

    async def _answer(self) -> tuple[int, str]:
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(self._host, self._port)
        writer.write(self._request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
        body = await reader.readexactly(int(length[1])) if length else b""
        if length and b"connection: close" not in head.lower():
            self._idle.append((reader, writer))
        else:
            writer.close()
        pod = _POD.search(body)
        return int(head.split(None, 2)[1]), pod[1].decode() if pod else ""


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), *sys.argv[3:]))
