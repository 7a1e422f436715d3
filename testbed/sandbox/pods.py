"""Pods of the sandbox, which are numbers and not objects, and the frame of the controllers that create them.

A controller works in steps: each looks at every object of its kind and does what is due at that moment of the given
clock. In a running sandbox a thread steps it; a test steps it by hand.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, ClassVar, Generic, TypeVar

from testbed.sandbox.api.errors import ApiError
from testbed.sandbox.api.kinds import Kind
from testbed.sandbox.api.objects import Objects

Json = dict[str, Any]
K = TypeVar("K")  # what a controller knows of an object besides the object

HOLD = "sandbox/hold"  # an annotation of the pod template: its pods become ready only once they are released
HELD = datetime.max.replace(tzinfo=UTC)
BROKEN_TAGS = (":broken",)
"""Ends of image names whose pods never become ready."""


@dataclass(slots=True)
class Pod:
    """One pod."""

    ready_at: datetime | None  # None: never; HELD: once it is released
    revision: str = ""  # where the controller tells its pods' templates apart by it

    def is_ready(self, now: datetime) -> bool:
        """Whether it answers."""
        return self.ready_at is not None and self.ready_at <= now


class PodController(ABC, Generic[K]):
    """Steps every object of a kind. One thread at a time."""

    kind: ClassVar[Kind]

    def __init__(self, objects: Objects, *, now: Callable[[], datetime], pod_delay: timedelta) -> None:
        """Take the objects and the pace.

        Args:
            objects: of the API server.
            now: clock.
            pod_delay: from a pod's creation until it is ready.
        """
        self._objects = objects
        self._now = now
        self.pod_delay = pod_delay
        self._known: dict[str, K] = {}  # by UID
        self._down: set[tuple[str, str]] = set()
        self._lock = threading.RLock()

    @property
    def _stored(self) -> tuple[str, str]:
        return (self.kind.group, self.kind.plural)

    @abstractmethod
    def _pods(self, known: K) -> Iterable[Pod]:
        """Return the pods of an object."""

    @abstractmethod
    def _step(self, obj: Json) -> timedelta | None:
        """Do what is due for an object; return the time until something else will be, or None."""

    def take_down(self, namespace: str, name: str) -> None:
        """Make every pod of an object unready, until ``bring_up``."""
        with self._lock:
            self._down.add((namespace, name))

    def bring_up(self, namespace: str, name: str) -> None:
        """End ``take_down``."""
        with self._lock:
            self._down.discard((namespace, name))

    def release(self, namespace: str, name: str, *, pods: int) -> int:
        """Let so many of an object's held pods become ready; return how many there were."""
        with self._lock:
            obj = self._objects.store.get(self._stored, (namespace, name))
            known = self._known.get(obj["metadata"]["uid"]) if obj else None
            held = [pod for pod in (self._pods(known) if known else ()) if pod.ready_at == HELD]
            for pod in held[:pods]:
                pod.ready_at = self._now() + self.pod_delay
            return len(held[:pods])

    def step(self) -> timedelta | None:
        """Do what is due; return the time until something else will be, or None."""
        with self._lock:
            objects, _ = self._objects.store.list(self._stored)
            there = {obj["metadata"]["uid"] for obj in objects}
            self._known = {uid: known for uid, known in self._known.items() if uid in there}
            waits = [self._stepped(obj) for obj in objects]
        return min((wait for wait in waits if wait is not None), default=None)

    def _stepped(self, obj: Json) -> timedelta | None:
        try:
            return self._step(obj)
        except ApiError as error:
            if error.code != HTTPStatus.NOT_FOUND:
                raise
            return None  # deleted meanwhile

    def _ready_at(self, template: Json, now: datetime) -> datetime | None:
        """Return when a pod that is created now will be ready."""
        images = [container.get("image", "") for container in template["spec"].get("containers") or ()]
        if any(image.endswith(BROKEN_TAGS) for image in images):
            return None
        held = HOLD in ((template.get("metadata") or {}).get("annotations") or {})
        return HELD if held else now + self.pod_delay

    def _soonest(self, known: K, now: datetime, *others: datetime | None) -> timedelta | None:
        """Return the time until one of its pods will be ready, or another time has come."""
        times = [pod.ready_at for pod in self._pods(known)]
        return min((time - now for time in (*times, *others) if time is not None and time > now), default=None)

    def _write_status(self, obj: Json, status: Json) -> Json:
        """Write the status if it is another one, and return the object with it.

        Raises:
            ApiError: the object was deleted meanwhile.
        """
        meta = obj["metadata"]

        def with_status(stored: Json) -> Json:
            return {**stored, "status": status} if stored["metadata"]["uid"] == meta["uid"] else stored

        if (obj.get("status") or {}) == status:
            return obj
        self._change(obj, with_status, subresource="status")
        return {**obj, "status": status}

    def _change(self, obj: Json, change: Callable[[Json], Json], *, subresource: str = "") -> None:
        meta, version = obj["metadata"], self.kind.versions[0]
        self._objects.change(self.kind, version, meta["namespace"], meta["name"], change, subresource=subresource)
