"""A Prometheus that says that all is well, in its own time: ``python -m hack.bench.prometheus``.

One thread and no parser, so that it is never what is waited for. It answers queries of one workload and of many.
"""

import asyncio
import json
import re
import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any
from urllib.parse import parse_qs

Json = dict[str, Any]

_LABELS = ("destination_workload_namespace", "destination_workload")
_NAMES = {label: re.compile(rf'[{{,]{label}=~?"([^"]*)"') for label in _LABELS}
_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)
_LATENCY_QUERY = "histogram_quantile"


@dataclass(slots=True)
class Stub:
    """What is answered, and when."""

    seconds: float = 0.005  # until an answer
    hanging: frozenset[str] = frozenset()  # namespaces whose queries take longer
    hang_seconds: float = 5.0
    silent: bool = False  # no query is answered any more
    queries: int = 0
    workloads: int = 0  # that they asked for
    under_way: int = 0
    most_under_way: int = 0
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def switch(self, said: Json) -> None:
        """Change what is answered."""
        self.seconds = said.get("seconds", self.seconds)
        self.hang_seconds = said.get("hangSeconds", self.hang_seconds)
        self.silent = said.get("silent", self.silent)
        self.hanging = frozenset(said.get("hanging", self.hanging))
        self.most_under_way = self.under_way

    def counts(self) -> Json:
        """Return what was asked since the start."""
        return {"queries": self.queries, "workloads": self.workloads, "mostUnderWay": self.most_under_way}

    async def query(self, text: str) -> bytes:
        """Return the answer to a query once it is time."""
        asked = workloads_of(text)
        self.queries += 1
        self.workloads += len(asked)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            hangs = any(labels[_LABELS[0]] in self.hanging for labels in asked)
            await asyncio.sleep(1e6 if self.silent else self.hang_seconds if hangs else self.seconds)
        finally:
            self.under_way -= 1
        number = "0.1" if text.startswith(_LATENCY_QUERY) else "1"
        series = [{"metric": labels if is_grouped(text) else {}, "value": [0, number]} for labels in asked]
        return json.dumps({"status": "success", "data": {"resultType": "vector", "result": series}}).encode()


def is_grouped(query: str) -> bool:
    """Whether a query of the controller has a series for each workload."""
    return f"by ({','.join(_LABELS)}" in query


def workloads_of(query: str) -> Sequence[dict[str, str]]:
    """Return the labels of each workload that a query of the controller is about."""
    found = (pattern.search(query) for pattern in _NAMES.values())
    names: Iterable[Sequence[str]] = (match[1].replace("[.]", ".").split("|") if match else () for match in found)
    return [dict(zip(_LABELS, pair, strict=True)) for pair in product(*names)]


async def _connection(stub: Stub, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1]) if length else 0)
            answer = await _answer(stub, head.split(b" ", 2)[1], body)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
            writer.write(f"Content-Length: {len(answer)}\r\n\r\n".encode() + answer)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _answer(stub: Stub, path: bytes, body: bytes) -> bytes:
    match path:
        case b"/api/v1/query":
            return await stub.query(parse_qs(body.decode())["query"][0])
        case b"/switch":
            stub.switch(json.loads(body))
    return json.dumps(stub.counts()).encode()


async def main() -> None:
    """Serve until a signal."""
    stub = Stub()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stub.stop.set)
    server = await asyncio.start_server(lambda *streams: _connection(stub, *streams), "127.0.0.1", 0)
    print(f"prometheus http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await stub.stop.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
