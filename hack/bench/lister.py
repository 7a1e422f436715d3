"""An API server that has nothing but prepared objects: ``python -m hack.bench.lister``. One thread, and no parser.

It answers lists in pages, holds watches open, takes the patches of canaries that are in the middle of their rollouts,
and writes as many watch events as it is told to, as fast as they are read.
"""

import argparse
import asyncio
import json
import re
import signal
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from controller.core.status_json import apply_patch
from controller.kinds import BUILT_IN
from hack.bench import objects, resting
from hack.bench.resting import Form

Json = dict[str, Any]

_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_KINDS = {kind.api.plural: kind.api for kind in (BUILT_IN.canary, *BUILT_IN.parts.values())}
_EVENTS_AT_ONCE = 20
_UNRELATED_FROM = 50_000  # numbers of objects that no canary names


@dataclass(slots=True)
class Server:
    """The objects, in the order in which they are listed, and whoever watches them."""

    objects: Mapping[str, dict[tuple[str, str], bytes]]  # by plural, then by namespace and name
    version: int
    watches: dict[str, list[asyncio.StreamWriter]] = field(default_factory=lambda: defaultdict(list))
    requests: Counter[str] = field(default_factory=Counter)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def page(self, plural: str, query: Mapping[str, str]) -> bytes:
        """Return a page of a list."""
        limit, begin = int(query.get("limit", 0)), int(query.get("continue", 0))
        every = list(self.objects[plural].values())
        found = every[begin : begin + limit] if limit else every[begin:]
        more = str(begin + limit) if limit and begin + limit < len(every) else ""
        kind = _KINDS[plural]
        rest = {"kind": f"{kind.kind}List", "apiVersion": "v1"}
        rest["metadata"] = {"resourceVersion": str(self.version), "continue": more}  # type: ignore[assignment]  # JSON
        return json.dumps(rest)[:-1].encode() + b',"items":[' + b",".join(found) + b"]}"

    def patch(self, plural: str, namespace: str, name: str, body: Any) -> bytes:  # noqa: ANN401  # JSON
        """Change an object, and tell whoever watches; return it."""
        self.version += 1
        obj = json.loads(self.objects[plural][namespace, name])
        if isinstance(body, dict):
            obj = apply_patch(obj, body)
        else:
            for operation in body:
                _operate(obj, operation)
        obj["metadata"]["resourceVersion"] = str(self.version)
        text = json.dumps(obj, separators=(",", ":")).encode()
        self.objects[plural][namespace, name] = text
        for watch in self.watches[plural]:
            watch.write(_event(text))
        return text

    async def burst(self, said: Json) -> Json:
        """Send so many events about Deployments, of canaries or of nobody; return how many bytes that was."""
        form, count, canaries = next(f for f in resting.forms() if f.kind == "Deployment"), said["count"], said["of"]
        begin = 0 if said["own"] else _UNRELATED_FROM
        size = 0
        for watch in self.watches["deployments"]:
            for number in range(count):
                self.version += 1
                event = _event(form.object(begin + number % canaries, self.version))
                watch.write(event)
                size += len(event)
                if number % _EVENTS_AT_ONCE == 0:
                    await watch.drain()
        return {"bytes": size}


def _operate(obj: Json, operation: Json) -> None:
    """Carry out one operation of a JSON patch."""
    if operation["op"] == "test":
        return
    *steps, last = operation["path"].strip("/").split("/")
    inner: Any = obj
    for step in steps:
        inner = inner[int(step)] if isinstance(inner, list) else inner[step.replace("~1", "/")]
    inner[last.replace("~1", "/")] = operation["value"]


def _event(obj: bytes) -> bytes:
    return b'{"type":"MODIFIED","object":' + obj + b"}\n"


async def _connection(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1]) if length else 0)
            method, target = head.decode().split(" ", 2)[:2]
            path, query = urlsplit(target).path, {k: v[0] for k, v in parse_qs(urlsplit(target).query).items()}
            if query.get("watch") == "true":
                await _hold(server, path.rpartition("/")[2], reader, writer)
                return
            answer = await _answer(server, method, path, query, body)
            writer.write(_HEAD + f"Content-Length: {len(answer)}\r\n\r\n".encode() + answer)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _hold(server: Server, plural: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hold a watch open until the other side ends it. The body has no chunks and ends with the connection."""
    writer.write(_HEAD + b"Connection: close\r\n\r\n")
    server.watches[plural].append(writer)
    try:
        await reader.read()
    finally:
        server.watches[plural].remove(writer)


async def _answer(server: Server, method: str, path: str, query: Mapping[str, str], body: bytes) -> bytes:
    steps = path.strip("/").split("/")
    if path == "/switch":
        return json.dumps(await server.burst(json.loads(body)) if body else dict(server.requests)).encode()
    server.requests[f"{method} {'list' if 'limit' in query else ''}"] += 1
    if method == "POST":
        return body
    if steps[0] == "apis" and len(steps) <= 3:  # noqa: PLR2004  # /apis/group/version
        return json.dumps(_served(steps[1])).encode()
    if method == "PATCH":
        where = steps.index("namespaces")
        return server.patch(steps[where + 2], steps[where + 1], steps[where + 3], json.loads(body))
    return server.page(steps[-1], query)


def _served(group: str) -> Json:
    """Return what discovery says of a group, and of a version of it: the names that are asked for."""
    kinds = [kind for kind in _KINDS.values() if kind.group == group]
    return {
        "versions": [{"version": version} for kind in kinds for version in kind.versions],
        "resources": [{"name": kind.plural} for kind in kinds],
    }


def _objects(canaries: int, running: int, unrelated: int) -> Mapping[str, dict[tuple[str, str], bytes]]:
    found: dict[str, dict[tuple[str, str], bytes]] = {plural: {} for plural in _KINDS}
    at_rest, rolling = resting.forms(), resting.forms(running=True)
    for number in range(canaries):
        _add(found, rolling if number < running else at_rest, number)
    for number in range(unrelated):
        _add(found, [form for form in at_rest if form.kind == "Deployment"][:1], _UNRELATED_FROM + number)
    return found


def _add(found: Mapping[str, dict[tuple[str, str], bytes]], forms: Iterable[Form], number: int) -> None:
    for form in forms:
        found[resting.PLURALS[form.kind]][form.key(number)] = form.object(number, resting.version_of(number))


async def main() -> None:
    """Serve until a signal."""
    parser = argparse.ArgumentParser(prog="python -m hack.bench.lister", description=__doc__)
    parser.add_argument("--canaries", type=int, required=True)
    parser.add_argument("--running", type=int, default=0, help="of these, in the middle of their rollouts")
    parser.add_argument("--unrelated", type=int, default=0, help="Deployments that no canary names")
    parser.add_argument("--directory", type=Path, required=True, help="for the kubeconfig")
    options = parser.parse_args()
    version = resting.version_of(2 * _UNRELATED_FROM)
    server = Server(_objects(options.canaries, options.running, options.unrelated), version)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, server.stop.set)
    listening = await asyncio.start_server(lambda *streams: _connection(server, *streams), "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    kubeconfig = options.directory / "kubeconfig"
    kubeconfig.write_text(json.dumps(_kubeconfig(f"http://127.0.0.1:{port}")))
    print(f"kubeconfig {kubeconfig.resolve()}", flush=True)
    print(f"api http://127.0.0.1:{port}", flush=True)
    await server.stop.wait()
    listening.close()


def _kubeconfig(url: str) -> Json:
    """Return a kubeconfig that points here."""
    name = objects.NAME
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": url}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "users": [{"name": name, "user": {}}],
    }


if __name__ == "__main__":
    asyncio.run(main())
