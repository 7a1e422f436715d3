"""What the API server asks a kubelet for: ``kubectl exec`` and ``kubectl logs``, by HTTPS and WebSocket.

Since Kubernetes 1.36 an API server hands a WebSocket on to kubelets that say they can; older ones, and port-forward,
need SPDY, which is not spoken here. Nor are terminals (``exec -t`` gets a pipe).

Source: the remote command protocol v5.channel.k8s.io of Kubernetes, and RFC 6455.
"""

import asyncio
import base64
import hashlib
import json
import struct
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import Process
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from testbed.mesh import containers
from testbed.mesh.pods import Pod

Json = dict[str, Any]

FEATURE = "ExtendWebSocketsToKubelet"  # what a node declares
_PROTOCOL = "v5.channel.k8s.io"
_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_STDIN, _STDOUT, _STDERR, _ERROR, _CLOSE = 0, 1, 2, 3, 255  # channels
_BINARY, _GOODBYE, _PING, _PONG = 2, 8, 9, 10  # opcodes
_CHUNK = 16384
_LOOK_SECONDS = 0.2


@dataclass(slots=True)
class Streams:
    """Answers for the pods of this node."""

    pods: Mapping[tuple[str, str], Pod]

    async def answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Answer one connection."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            url = urlsplit(head[0].split()[1])
            kind, *names = url.path.strip("/").split("/")
            query = parse_qs(url.query)
            if kind == "exec" and _PROTOCOL in headers.get("sec-websocket-protocol", ""):
                await self._execute(names, query, WebSocket(reader, writer, headers["sec-websocket-key"]))
            elif kind == "containerLogs":
                await self._print_log(names, query, writer)
            else:
                _say(writer, "501 Not Implemented", f"{kind} is not served by the kubelet of testbed/mesh\n")
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # whoever asked has gone
        finally:
            writer.close()

    async def _execute(self, names: list[str], query: Mapping[str, list[str]], socket: "WebSocket") -> None:
        pod = self.pods[names[0], names[1]]
        container = pod.containers[names[-1]]
        assert pod.held is not None
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *containers.enter(pod.held.pid, container.image.directory),
            *query["command"],
            env=pod.environ(container),
            stdin=pipe if "input" in query else asyncio.subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            start_new_session=True,
        )
        await socket.open()
        listening = asyncio.create_task(_feed(process.stdin, socket))
        copying = asyncio.create_task(_copy_both(process, socket))
        try:
            # A caller that has gone ends its command, as a closed terminal would.
            await asyncio.wait([listening, copying], return_when=asyncio.FIRST_COMPLETED)
            if not copying.done():
                containers.kill_group(process.pid)
            await copying
            await socket.send(bytes([_ERROR]) + json.dumps(ended(await process.wait())).encode())
            await socket.close()
        finally:
            listening.cancel()
            await containers.stop(process, seconds=0)

    async def _print_log(self, names: list[str], query: Mapping[str, list[str]], writer: StreamWriter) -> None:
        pod = self.pods[names[0], names[1]]
        path = pod.log(names[-1])
        _say(writer, "200 OK", tail(path, int(query.get("tailLines", ["-1"])[0])))
        position = path.stat().st_size if path.exists() else 0
        while query.get("follow") == ["true"] and self.pods.get((names[0], names[1])) is pod:
            await asyncio.sleep(_LOOK_SECONDS)
            with path.open("rb") as log:
                log.seek(position)
                more = log.read()
            position += len(more)
            writer.write(more)
            await writer.drain()


class WebSocket:
    """The server's end of a WebSocket."""

    def __init__(self, reader: StreamReader, writer: StreamWriter, key: str) -> None:
        """Take the connection and the caller's key."""
        self._reader = reader
        self._writer = writer
        self._key = key

    async def open(self) -> None:
        """Accept it."""
        accept = base64.b64encode(hashlib.sha1((self._key + _MAGIC).encode()).digest()).decode()  # RFC 6455
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Accept: {accept}", f"Sec-WebSocket-Protocol: {_PROTOCOL}", "", ""]
        self._writer.write("\r\n".join(lines).encode())
        await self._writer.drain()

    async def send(self, payload: bytes, opcode: int = _BINARY) -> None:
        """Send one message."""
        size = len(payload)
        length = bytes([size]) if size < 126 else b"\x7e" + struct.pack("!H", size)  # noqa: PLR2004  # RFC 6455, 5.2
        self._writer.write(bytes([0x80 | opcode]) + length + payload)
        await self._writer.drain()

    async def close(self) -> None:
        """Say goodbye: all was well."""
        await self.send(struct.pack("!H", 1000), _GOODBYE)

    async def receive(self) -> bytes | None:
        """Return the next message, empty if it only asked whether we are there; None once the caller says goodbye."""
        first, second = await self._reader.readexactly(2)
        size = second & 0x7F
        if size >= 126:  # noqa: PLR2004  # RFC 6455, 5.2
            extended = await self._reader.readexactly(2 if size == 126 else 8)  # noqa: PLR2004  # likewise
            size = int.from_bytes(extended)
        mask = await self._reader.readexactly(4)
        payload = await self._reader.readexactly(size)
        message = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        if first & 0x0F == _PING:  # kubectl hangs up a minute after the last answer to one
            await self.send(message, _PONG)
            return b""
        return None if first & 0x0F == _GOODBYE else message


async def _feed(stdin: StreamWriter | None, socket: WebSocket) -> None:
    """Hand on what the caller types until it has gone."""
    while (message := await _received(socket)) is not None:
        if stdin is not None and message[:1] == bytes([_STDIN]):
            stdin.write(message[1:])
        elif stdin is not None and message == bytes([_CLOSE, _STDIN]):
            stdin.close()


async def _received(socket: WebSocket) -> bytes | None:
    try:
        return await socket.receive()
    except (ConnectionError, asyncio.IncompleteReadError):
        return None


async def _copy_both(process: Process, socket: WebSocket) -> None:
    await asyncio.gather(_copy(process.stdout, _STDOUT, socket), _copy(process.stderr, _STDERR, socket))


async def _copy(output: StreamReader | None, channel: int, socket: WebSocket) -> None:
    assert output is not None
    while chunk := await output.read(_CHUNK):
        await socket.send(bytes([channel]) + chunk)


def ended(code: int) -> Json:
    """Return how a command ended, as Kubernetes says it."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    cause = {"reason": "ExitCode", "message": str(code if code > 0 else 128 - code)}
    message = f"command terminated with non-zero exit code: {code}"
    return {
        "metadata": {},
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": message,
        "details": {"causes": [cause]},
    }


def _say(writer: StreamWriter, status: str, text: str) -> None:
    """Answer until the connection is closed."""
    writer.write(f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n{text}".encode())


def tail(path: Path, lines: int) -> str:
    """Return the end of a file, or all of it if the number is negative."""
    text = path.read_text(errors="replace") if path.exists() else ""
    return text if lines < 0 else "".join(text.splitlines(keepends=True)[-lines:] if lines else ())
