"""A wire between one sidecar and istiod that can be cut: what is sent meanwhile is held, or connections are refused."""

import asyncio
import threading
from asyncio import StreamReader, StreamWriter
from typing import Self

from testbed.mesh.agent import XDS
from testbed.mesh.network import NODE
from tests.mesh.story import now

_CHUNK = 65536


class Relay:
    """Forwards connections to istiod while it is used as a context manager."""

    def __init__(self) -> None:
        """Take a free port of the node."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay")
        self._whole = asyncio.Event()
        self._whole.set()
        self._refusing = False
        self._writers: set[StreamWriter] = set()
        self.connected: list[float] = []  # when (unix seconds)
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, str(NODE), 0))
        self.address = f"{NODE}:{self._server.sockets[0].getsockname()[1]}"

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Close everything."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def hold(self) -> None:
        """Keep back what is sent from now on, either way; connections stay."""
        self._loop.call_soon_threadsafe(self._whole.clear)

    def refuse(self) -> None:
        """Close all connections, and each new one at once."""
        self._refusing = True
        self._loop.call_soon_threadsafe(self._close)

    def mend(self) -> None:
        """Forward again, first what was kept back."""
        self._refusing = False
        self._loop.call_soon_threadsafe(self._whole.set)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        if self._refusing:
            writer.close()
            return
        self.connected.append(now())
        theirs, ours = await asyncio.open_connection(str(NODE), XDS)
        self._writers |= {writer, ours}
        await asyncio.gather(self._pump(reader, ours), self._pump(theirs, writer))
        self._writers -= {writer, ours}

    async def _pump(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            while chunk := await reader.read(_CHUNK):
                await self._whole.wait()
                writer.write(chunk)
                await writer.drain()
        except ConnectionError:
            pass  # either end has gone, or we have cut it
        writer.close()

    async def _end(self) -> None:
        self._server.close()
        self._close()
        self._whole.set()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others)

    def _close(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
