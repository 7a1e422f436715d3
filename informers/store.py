"""What is known of one kind: views by key, and indexes over them. Thread-safe; readers see one consistent state.

Every change, whether it comes from a list, a watch or our own write, goes through here and is told to one listener
while the lock is held, so that changes of a key are heard in the order in which they happened. The listener must only
note them down.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from informers.filing import Filing
from informers.keys import key_of
from informers.types import LONGEST_VERSION, Build, FieldError, IdentityError, Json, Partial, Unreadable, V

log = logging.getLogger(__name__)

_LONGEST_REASON = 500  # characters: it stands in events and conditions

Index = Callable[[V], Iterable[str]]
"""Returns under which values a view is filed: several, one or none."""

Order = Callable[[V], Any]
"""Returns what views under one value are compared by."""


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

    def __init__(
        self,
        build: Build[V],
        *,
        indexes: Mapping[str, Index[V]],
        listener: Listener[V],
        orders: Mapping[str, Order[V]] | None = None,
    ) -> None:
        self._build = build
        self._indexes = dict(indexes)
        self._orders = dict(orders or {})
        self._firsts: dict[tuple[str, str], str] = {}  # index and value → key of the first, where it is known
        self._filed = {name: Filing() for name in indexes}
        self._objects: dict[str, V | Unreadable] = {}
        self._unreadable: set[str] = set()  # keys of what has no view
        self._written: set[str] = set()  # keys that were written through since a list was asked for
        self._listener = listener
        self._lock = threading.RLock()  # the listener of a late handler reads under it

    def __len__(self) -> int:
        with self._lock:
            return len(self._objects)

    def count_unreadable(self) -> int:
        """Return how many objects have no view."""
        with self._lock:
            return len(self._unreadable)

    def get(self, namespace: str, name: str) -> V | Unreadable | None:
        """Return the view, what stands for an object without one, or None."""
        with self._lock:
            return self._objects.get(key_of(namespace, name))

    def by_index(self, index: str, value: str) -> Sequence[V | Unreadable]:
        """Return what is filed under a value; KeyError for an unknown index."""
        with self._lock:
            return [self._objects[key] for key in sorted(self._filed[index].keys(value))]

    def views(self) -> Sequence[V | Unreadable]:
        """Return everything, at one moment."""
        with self._lock:
            return tuple(self._objects.values())

    def first(self, index: str, value: str) -> V | None:
        """Return the first by the order of an index of what is filed under a value, or None if nothing is.

        Found once for as long as it stays the first, however much is filed beside it.
        """
        with self._lock:
            known = self._firsts.get((index, value))
            keys = (known,) if known is not None else self._filed[index].keys(value)
            views = [view for view in map(self._objects.__getitem__, keys) if not isinstance(view, Unreadable)]
            found = min(views, key=self._orders[index], default=None)
            if found is not None:
                self._firsts[index, value] = key_of(found.namespace, found.name)
            return found

    def snapshot(self, then: Callable[[Mapping[str, V | Unreadable]], None]) -> None:
        """Call ``then`` with all objects while nothing can change: for a handler that is added late."""
        with self._lock:
            then(self._objects)

    def newest(self, version: str) -> str:
        """Return the newest of a version and those of the objects: what was written through is ahead of the watch."""
        with self._lock:
            for view in self._objects.values():
                if is_older(version, view.resource_version):
                    version = view.resource_version
            return version

    def view(self, obj: Json) -> V | Unreadable:
        """Build the view of an object, or what stands for one that cannot be read (contract S18).

        Raises:
            IdentityError: its metadata does not say which object it is.
        """
        namespace, name, uid, version = identity(obj)
        previous = self.get(namespace, name)
        try:
            return self._built(obj, None if isinstance(previous, Unreadable) else previous)
        except Exception as error:  # noqa: BLE001  # foreign code on foreign data: it costs this object alone
            reason = _reason(error)
            if not isinstance(previous, Unreadable) or previous.reason != reason:
                log.warning("Object cannot be read", extra={"key": key_of(namespace, name), "reason": reason})
            return Unreadable(namespace, name, uid, version, reason)

    def _built(self, obj: Json, previous: V | None) -> V:
        if isinstance(obj, Partial):
            raise FieldError("it is nested too deeply, or holds a number with too many digits")
        view = self._build(obj, previous)
        for index in self._indexes.values():
            _values(index, view)  # foreign code too
        return view

    def list_is_asked_for(self) -> None:
        """Note that what is written through from now on may be missing in the next list."""
        with self._lock:
            self._written.clear()

    def replace(self, views: Sequence[V | Unreadable], resource_version: str, *, consistent: bool = False) -> None:
        """Take a complete list: the store as a whole first, then deletions are told, then the rest.

        Args:
            views: of every listed object.
            resource_version: of the list.
            consistent: whether it was read from etcd itself, so that it is believed whatever its version: after a
                restore from a backup all versions are lower than before (contract S20).
        """
        with self._lock:
            changes = self._replace(views, resource_version, consistent=consistent)
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
                self._written.add(key_of(view.namespace, view.name))
                self.put(view)

    def _replace(self, views: Sequence[V | Unreadable], resource_version: str, *, consistent: bool) -> list[Change[V]]:
        changes: list[Change[V]] = []
        listed = {key_of(view.namespace, view.name): view for view in views}

        def came_after_the_list(key: str, held: V | Unreadable) -> bool:
            may_have = key in self._written if consistent else True
            return may_have and is_older(resource_version, held.resource_version)

        for key, old in tuple(self._objects.items()):
            if key not in listed and not came_after_the_list(key, old):
                self._set(key, None)
                changes.append(Change(key, old, None))
        for key, view in listed.items():
            known = self._objects.get(key)
            if known is not None and known.uid == view.uid and came_after_the_list(key, known):
                continue
            self._set(key, view)
            changes.append(Change(key, known, view))
        return changes

    def _set(self, key: str, view: V | Unreadable | None) -> None:
        old = self._objects.get(key)
        for name, index in self._indexes.items():
            filed = self._filed[name]
            for value in _values(index, old):
                if self._firsts.get((name, value)) == key:
                    del self._firsts[name, value]
                filed.remove(value, key)
            for value in _values(index, view):
                filed.add(value, key)
                self._precede(name, value, key, view)
        if isinstance(view, Unreadable):
            self._unreadable.add(key)
        else:
            self._unreadable.discard(key)
        if view is None:
            self._objects.pop(key, None)
            self._written.discard(key)
        else:
            self._objects[key] = view

    def _precede(self, index: str, value: str, key: str, view: V | Unreadable | None) -> None:
        """Make a view the first of a value if it comes before the one that is known to be."""
        known = self._objects.get(self._firsts.get((index, value), ""))
        if known is None or isinstance(known, Unreadable) or view is None or isinstance(view, Unreadable):
            return
        if self._orders[index](view) < self._orders[index](known):
            self._firsts[index, value] = key


def is_older(version: str, than: str) -> bool:
    """Whether a version is strictly older; where one is no number of etcd's the server's word wins, so it is not."""
    return _is_version(version) and _is_version(than) and int(version) < int(than)


def _is_version(text: str) -> bool:
    return len(text) <= LONGEST_VERSION and text.isascii() and text.isdigit()


def identity(obj: object) -> tuple[str, str, str, str]:
    """Return namespace ("" in cluster scope), name, uid and version of an object; IdentityError if it has none."""
    meta = obj.get("metadata") if isinstance(obj, dict) else None
    if not isinstance(meta, dict):
        raise IdentityError(f"metadata must be an object, not a {type(meta).__name__}")
    namespace, name = meta.get("namespace", ""), meta.get("name")
    uid, version = meta.get("uid"), meta.get("resourceVersion")
    if not (
        isinstance(namespace, str)
        and isinstance(name, str)
        and name
        and isinstance(uid, str)
        and isinstance(version, str)
    ):
        raise IdentityError("metadata must have name, uid and resourceVersion as text, and so any namespace")
    return namespace, name, uid, version


def _reason(error: Exception) -> str:
    """Return what was wrong, for people: of a bounded length, and what can be written as UTF-8."""
    text = str(error) if isinstance(error, FieldError) else f"{type(error).__name__}: {error}"
    return text[:_LONGEST_REASON].encode(errors="backslashreplace").decode()


def _values(index: Index[V], view: V | Unreadable | None) -> frozenset[str]:
    return frozenset() if view is None or isinstance(view, Unreadable) else frozenset(index(view))
