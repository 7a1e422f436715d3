"""All objects, one counter of versions, and a bounded history for watches. Thread-safe."""

import copy
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from testbed.sandbox.api.errors import expired

Json = dict[str, Any]
ResourceKey = tuple[str, str]  # group, plural
ObjectKey = tuple[str, str]  # namespace, name


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history. Objects in it are never changed."""

    version: int
    type: str  # ADDED, MODIFIED, DELETED
    resource: ResourceKey
    object: Json
    old: Json | None
    by: str = ""  # the user agent that asked for it; "": the sandbox itself


@dataclass(frozen=True, slots=True)
class Backup:
    """All objects at one version."""

    version: int
    objects: Mapping[ResourceKey, Mapping[ObjectKey, Json]]


class Store:
    """Objects are replaced, never changed: whoever holds one may read it without a lock."""

    def __init__(self, *, history: int = 20_000) -> None:
        self.changed = threading.Condition(threading.RLock())
        self._version = 1
        self._objects: dict[ResourceKey, dict[ObjectKey, Json]] = {}
        self._history: deque[Entry] = deque(maxlen=history)
        self._forgotten = 0  # versions up to this one are gone from the history
        self._listeners: list[Callable[[Entry], None]] = []
        self._writer = threading.local()
        self._withheld = False

    @contextmanager
    def written_by(self, agent: str) -> Iterator[None]:
        """Note who asked for what this thread changes meanwhile."""
        self._writer.agent = agent
        try:
            yield
        finally:
            self._writer.agent = ""

    @property
    def version(self) -> int:
        """The newest version."""
        with self.changed:
            return self._version

    def listen(self, listener: Callable[[Entry], None]) -> None:
        """Have every change told, under the lock: for controllers that note it down."""
        self._listeners.append(listener)

    def get(self, resource: ResourceKey, key: ObjectKey) -> Json | None:
        """Return the object, which must not be changed."""
        with self.changed:
            return self._objects.get(resource, {}).get(key)

    def list(self, resource: ResourceKey, namespace: str = "") -> tuple[Sequence[Json], int]:
        """Return the objects by namespace and name, and the version of the whole."""
        with self.changed:
            items = sorted(self._objects.get(resource, {}).items())
            return [obj for (ns, _), obj in items if not namespace or ns == namespace], self._version

    def put(self, resource: ResourceKey, key: ObjectKey, obj: Json) -> Json:
        """Store an object under a new version and return it."""
        with self.changed:
            old = self._objects.get(resource, {}).get(key)
            self._version += 1
            stored = copy.deepcopy(obj)
            stored["metadata"]["resourceVersion"] = str(self._version)
            self._objects.setdefault(resource, {})[key] = stored
            self._note(Entry(self._version, "MODIFIED" if old else "ADDED", resource, stored, old, self._by()))
            return stored

    def remove(self, resource: ResourceKey, key: ObjectKey, *, last: Json | None = None) -> Json:
        """Remove an object; its last state, which may be a new one, carries the version of its removal."""
        with self.changed:
            old = self._objects[resource].pop(key)
            self._version += 1
            last = copy.deepcopy(last or old)
            last["metadata"]["resourceVersion"] = str(self._version)
            self._note(Entry(self._version, "DELETED", resource, last, old, self._by()))
            return last

    def since(self, version: int, resource: ResourceKey) -> tuple[Sequence[Entry], int]:
        """Return what happened to a resource after a version, and the newest version.

        Raises:
            ApiError: 410, the history does not reach back that far.
        """
        with self.changed:
            if version < self._forgotten:
                raise expired(f"too old resource version: {version} ({self._forgotten})")
            if self._withheld or version > self._version:  # the latter: it is still to come
                return [], version
            found: list[Entry] = []
            for entry in reversed(self._history):
                if entry.version <= version:
                    break
                if entry.resource == resource:
                    found.append(entry)
            return found[::-1], self._version

    @property
    def withheld(self) -> bool:
        """Whether watches are told nothing for now."""
        with self.changed:
            return self._withheld

    def withhold(self, *, news: bool) -> None:
        """Tell watches nothing until further notice, and then all of it: whoever lives by them gets stale."""
        with self.changed:
            self._withheld = news
            self.changed.notify_all()

    def compact(self) -> None:
        """Forget the history, as etcd does every few minutes."""
        with self.changed:
            self._history.clear()
            self._forgotten = self._version
            self.changed.notify_all()

    def backup(self) -> Backup:
        """Return all there is now."""
        with self.changed:
            return Backup(self._version, {resource: dict(objects) for resource, objects in self._objects.items()})

    def restore(self, backup: Backup, *, version: int = 0) -> None:
        """Bring back what there was, as etcd is restored from a snapshot; the history is forgotten.

        Args:
            backup: what to bring back.
            version: to go on from; 0: from that of the backup, so that all versions are lower than before.
        """
        with self.changed:
            before, self._objects = self._objects, {key: dict(objects) for key, objects in backup.objects.items()}
            self._version = self._forgotten = version or backup.version
            self._history.clear()
            for resource in before | self._objects:
                self._tell_difference(resource, before.get(resource, {}))
            self.changed.notify_all()

    def _tell_difference(self, resource: ResourceKey, before: Mapping[ObjectKey, Json]) -> None:
        """Tell the listeners, and no watch, what has become of the objects of a resource."""
        after = self._objects.get(resource, {})
        for key in {**before, **after}:
            old, new = before.get(key), after.get(key)
            if old is not new:
                kind = "DELETED" if new is None else "MODIFIED" if old else "ADDED"
                for listener in self._listeners:
                    listener(Entry(self._version, kind, resource, new or old or {}, old))

    def _by(self) -> str:
        return getattr(self._writer, "agent", "")

    def _note(self, entry: Entry) -> None:
        if len(self._history) == self._history.maxlen:
            self._forgotten = self._history[0].version
        self._history.append(entry)
        for listener in self._listeners:
            listener(entry)
        self.changed.notify_all()
