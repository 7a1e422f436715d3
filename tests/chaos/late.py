"""A replica that is paused, cut off or overtaken: its own door to the API server, at which its requests can be held.

A leader that is stopped (SIGSTOP, a node that hangs) right before it sends a write sends it when it goes on, although
another leads by then. For the API server that is a write that arrives late, and that is what is done here. The request
is on its way already, so that no check of the lead in the process can stop it: only a fence on the server's side can.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from controller.lifecycle import USER_AGENT
from testbed.sandbox.api import server
from testbed.sandbox.api.server import ApiServer
from testbed.sandbox.faults import Faults
from testbed.sandbox.loopback import Loopback
from tests.chaos.cut import Cut, _Last, _Rest


class _Faults(Faults):
    """Their lock is held for as long as a request is: a watch that holds the store meanwhile must not wait for it."""

    @property
    def cuts(self) -> int:
        return self._cuts


class Door:
    """The same API server at another port, with faults of its own."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api
        self.faults = _Faults()
        self._server = Loopback(type("DoorHandler", (server._ApiHandler,), {"api": self}), port=0, name="sandbox-door")

    def __getattr__(self, name):
        return getattr(self._api, name)

    def kubeconfig(self, original: str, path: Path) -> str:
        """Write a kubeconfig that leads through this door, and return its path."""
        config = json.loads(Path(original).read_text())
        config["clusters"][0]["cluster"]["server"] = self._server.url
        path.write_text(json.dumps(config))
        return str(path)


@contextmanager
def door(api: ApiServer) -> Iterator[Door]:
    found = Door(api)
    found._server.start()
    try:
        yield found
    finally:
        found._server.stop()


class Held(_Last):
    """The n-th request waits, and so does everything that comes after it, as from a process that is stopped."""

    def __init__(self, cut: Cut) -> None:
        super().__init__(cut, user_agent=USER_AGENT, count=-1)
        self.release = threading.Event()
        self.passes = False  # the request that was held is the last to get through

    def matches(self, verb, resource, subresource, user_agent):
        if super().matches(verb, resource, subresource, user_agent):
            assert self.release.wait(60)  # under the lock of this door's faults: nothing else gets through
            self.passes = True
        return False


class _Then(_Rest):
    """Is the fault of every request after the one that was held. Asked after it, under the same lock."""

    def __init__(self, held: Held) -> None:
        super().__init__(held.cut, user_agent=USER_AGENT, count=-1, drop="before")
        self._held = held

    def matches(self, verb, resource, subresource, user_agent):
        passes, self._held.passes = self._held.passes, False
        return not passes and super().matches(verb, resource, subresource, user_agent)


def hold(door: Door, resource: str, number: int) -> tuple[Cut, Held]:
    """Hold the n-th write or read of a resource; after it nothing of this replica gets through."""
    cut = Cut(number, "before", resource)
    held = Held(cut)
    door.faults.add(held)
    door.faults.add(_Then(held))
    return cut, held
