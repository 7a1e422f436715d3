"""What threads have in hand at the API server: since when, and a way for another thread to end it.

A server may accept a request and never answer. Without a way to end it, the lease would be left behind when the process
stops, and nobody would learn that a worker does nothing but wait.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from informers.client import KubeClient
from informers.inflight import InFlight, cut_off_after
from informers.resources import Resource
from informers.types import Json


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    what: str
    since: float
    requests: InFlight


class InHand:
    """Thread-safe."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Take the clock, in seconds."""
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._tasks: set[_Task] = set()
        self._is_cut = False

    @contextmanager
    def task(self, what: str) -> Iterator[None]:
        """Note what this thread is at; once everything is cut, each of its requests fails at once."""
        task = _Task(what, self._monotonic(), InFlight())
        with self._lock:
            self._tasks.add(task)
            is_cut = self._is_cut
        if is_cut:
            task.requests.cut()
        try:
            with task.requests.on_this_thread():
                yield
        finally:
            with self._lock:
                self._tasks.discard(task)

    def longer_than(self, seconds: float) -> list[str]:
        """Return what has been in hand for longer."""
        begun_before = self._monotonic() - seconds
        with self._lock:
            return sorted(task.what for task in self._tasks if task.since < begun_before)

    def cut(self) -> None:
        """End every request that is under way, and those to come."""
        with self._lock:
            self._is_cut = True
            tasks = tuple(self._tasks)
        for task in tasks:
            task.requests.cut()

    def cut_after(self, seconds: float) -> AbstractContextManager[None]:
        """Cut unless the block is done by then."""
        return cut_off_after(seconds, self.cut)


class ClientInHand:
    """A client each of whose requests is a task. Fulfils ``recorder.Sink`` and ``leases.LeaseClient``."""

    def __init__(self, client: KubeClient, in_hand: InHand, whose: str) -> None:
        """Take the client, where to note its requests, and who sends them."""
        self._client = client
        self._in_hand = in_hand
        self._whose = whose

    def get(self, resource: Resource, namespace: str, name: str) -> Json:
        """Read one object."""
        with self._in_hand.task(self._whose):
            return self._client.get(resource, namespace, name)

    def create(self, resource: Resource, namespace: str, obj: Json) -> Json:
        """Create an object."""
        with self._in_hand.task(self._whose):
            return self._client.create(resource, namespace, obj)

    def replace(self, resource: Resource, namespace: str, name: str, obj: Json) -> Json:
        """PUT a whole object."""
        with self._in_hand.task(self._whose):
            return self._client.replace(resource, namespace, name, obj)

    def merge_patch(self, resource: Resource, namespace: str, name: str, patch: Json, *, subresource: str = "") -> Json:
        """Send a merge patch."""
        with self._in_hand.task(self._whose):
            return self._client.merge_patch(resource, namespace, name, patch, subresource=subresource)

    def close(self) -> None:
        """Close the client."""
        self._client.close()
