"""A kubelet's looks at a container, and its hooks: by HTTP, by a connection, or by a command."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

Json = dict[str, Any]
Execute = Callable[[Sequence[str]], Awaitable[int]]  # runs a command in the container, returns its exit code

_SUCCESS = range(200, 400)


async def succeeds(action: Json, container: Json, host: str, execute: Execute, *, seconds: float) -> bool:
    """Whether what a probe or a hook asks for succeeds in time.

    Args:
        action: the probe or the hook.
        container: whose ports may be named in it.
        host: address of the pod.
        execute: runs a command in the container.
        seconds: how long it may take.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _does(action, container, host, execute)
    except (OSError, TimeoutError, ValueError, IndexError):
        return False


async def _does(action: Json, container: Json, host: str, execute: Execute) -> bool:
    if "exec" in action:
        return await execute(action["exec"]["command"]) == 0
    if "sleep" in action:
        await asyncio.sleep(action["sleep"]["seconds"])
        return True
    if "httpGet" in action:
        get = action["httpGet"]
        return await _status(host, port_number(container, get["port"]), get.get("path", "/")) in _SUCCESS
    _, writer = await asyncio.open_connection(host, port_number(container, action["tcpSocket"]["port"]))
    writer.close()
    return True


def port_number(container: Json, port: int | str) -> int:
    """Return the number of a port that may be named; ValueError if no port has that name."""
    if isinstance(port, int):
        return port
    for declared in container.get("ports", ()):
        if declared.get("name") == port:
            return int(declared["containerPort"])
    raise ValueError(f"container {container['name']} has no port {port}")


async def _status(host: str, port: int, path: str) -> int:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}:{port}", "User-Agent: kube-probe/1.36", "Connection: close"]
        writer.write("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
        return int((await reader.readline()).split()[1])
    finally:
        writer.close()
