"""What is known of one kind: views by key, and indexes over them. Thread-safe; readers see one consistent state.

Every change, whether it comes from a list, a watch or our own write, goes through here and is told to one listener
while the lock is held, so that changes of a key are heard in the order in which they happened. The listener must only
note them down.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic

from informers.keys import key_of
from informers.types import Json, Unreadable, V

log = logging.getLogger(__name__)

Index = Callable[[V], Iterable[str]]
"""Returns under which values a view is filed: several, one or none."""

Build = Callable[[Json, V | None], V]
"""Builds a view; the previous one of that name may lend what is dear to compute."""


@dataclass(frozen=True, slots=True)
class Change(Generic[V]):
    """What happened to one key: added (no ``old``), updated, or deleted (no ``new``)."""

    key: str
    old: V | Unreadable | None
    new: V | Unreadable | None
    initial: bool = False  # part of the state that a handler was added to

    @property
    def is_sync(self) -> bool:
        """Whether a relist found the object unchanged."""
        return self.old is not None and self.new is not None and self.old.resource_version == self.new.resource_version


Listener = Callable[[Change[V]], None]


class Store(Generic[V]):
    """Views of one kind."""

    def __init__(self, build: Build[V], *, indexes: Mapping[str, Index[V]], listener: Listener[V]) -> None:
        self._build = build
        self._indexes = dict(indexes)
        self._filed: dict[str, dict[str, set[str]]] = {name: {} for name in indexes}
        self._objects: dict[str, V | Unreadable] = {}
        self._listener = listener
        self._lock = threading.RLock()  # the listener of a late handler reads under it

    def __len__(self) -> int:
        with self._lock:
            return len(self._objects)

    def get(self, namespace: str, name: str) -> V | Unreadable | None:
        """Return the view, what stands for an object without one, or None."""
        with self._lock:
            return self._objects.get(key_of(namespace, name))

    def by_index(self, index: str, value: str) -> Sequence[V | Unreadable]:
        """Return what is filed under a value; KeyError for an unknown index."""
        with self._lock:
            return [self._objects[key] for key in sorted(self._filed[index].get(value, ()))]

    def snapshot(self, then: Callable[[Mapping[str, V | Unreadable]], None]) -> None:
        """Call ``then`` with all objects while nothing can change: for a handler that is added late."""
        with self._lock:
            then(self._objects)

    def view(self, obj: Json) -> V | Unreadable:
        """Build the view of an object, or what stands for one that cannot be read (contract S18).

        Raises:
            KeyError, TypeError: it has no metadata, so nobody can tell which object it is.
        """
        meta = obj["metadata"]
        namespace, name = meta.get("namespace") or "", meta["name"]
        previous = self.get(namespace, name)
        try:
            return self._build(obj, None if isinstance(previous, Unreadable) else previous)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            reason = f"{type(error).__name__}: {error}"
            log.warning("Object cannot be read", extra={"key": key_of(namespace, name), "reason": reason})
            return Unreadable(namespace, name, meta.get("uid", ""), meta.get("resourceVersion", ""), reason)

    def replace(self, views: Sequence[V | Unreadable], resource_version: str) -> None:
        """Take a complete list: the store as a whole first, then deletions are told, then the rest."""
        with self._lock:
            changes = self._replace(views, resource_version)
            for change in sorted(changes, key=lambda c: c.new is not None):
                self._listener(change)

    def put(self, view: V | Unreadable) -> None:
        """Add or update; what is older than the entry of that uid is passed over (contract S20)."""
        with self._lock:
            key = key_of(view.namespace, view.name)
            old = self._objects.get(key)
            if old is not None and old.uid == view.uid and is_older(view.resource_version, old.resource_version):
                return
            self._set(key, view)
            self._listener(Change(key, old, view))

    def delete(self, namespace: str, name: str) -> None:
        """Remove; a key that is not held calls nobody."""
        with self._lock:
            key = key_of(namespace, name)
            old = self._objects.get(key)
            if old is not None:
                self._set(key, None)
                self._listener(Change(key, old, None))

    def write_through(self, obj: Json) -> None:
        """Take the answer to our own write."""
        self.write_through_view(self.view(obj))

    def write_through_view(self, view: V | Unreadable) -> None:
        """Likewise for a view: it replaces an entry of the same uid and never adds one (contract S19)."""
        with self._lock:
            old = self._objects.get(key_of(view.namespace, view.name))
            if old is not None and old.uid == view.uid:
                self.put(view)

    def _replace(self, views: Sequence[V | Unreadable], resource_version: str) -> list[Change[V]]:
        changes: list[Change[V]] = []
        listed = {key_of(view.namespace, view.name): view for view in views}
        for key, old in tuple(self._objects.items()):
            # What was written after the list was made is not deleted by it.
            if key not in listed and not is_older(resource_version, old.resource_version):
                self._set(key, None)
                changes.append(Change(key, old, None))
        for key, view in listed.items():
            known = self._objects.get(key)
            if known is not None and known.uid == view.uid and is_older(view.resource_version, known.resource_version):
                continue
            self._set(key, view)
            changes.append(Change(key, known, view))
        return changes

    def _set(self, key: str, view: V | Unreadable | None) -> None:
        old = self._objects.get(key)
        for name, index in self._indexes.items():
            filed = self._filed[name]
            for value in _values(index, old):
                filed[value].discard(key)
                if not filed[value]:
                    del filed[value]
            for value in _values(index, view):
                filed.setdefault(value, set()).add(key)
        if view is None:
            self._objects.pop(key, None)
        else:
            self._objects[key] = view


def is_older(version: str, than: str) -> bool:
    """Whether a version is strictly older; where one is no integer the server's word wins, so it is not."""
    try:
        return int(version) < int(than)
    except ValueError:
        return False


def _values(index: Index[V], view: V | Unreadable | None) -> frozenset[str]:
    return frozenset() if view is None or isinstance(view, Unreadable) else frozenset(index(view))
