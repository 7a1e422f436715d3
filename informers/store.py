"""What is known of one kind: views by key, and indexes over them. Thread-safe; readers see one consistent state.

With ``wanted``, what nobody wants is kept packed, and no view is made of it: it is told to nobody, and seen the first
time that somebody asks.

Every change, whether it comes from a list, a watch or our own write, goes through here and is told to one listener
while the lock is held, so that changes of a key are heard in the order in which they happened. The listener must only
note them down.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic

from informers.change import Change, Index, Listener, Order, Wanted
from informers.filing import Filing
from informers.identity import identity, is_older
from informers.keys import key_of, split_key
from informers.packed import Packed, Shelf, packed
from informers.types import Build, FieldError, Json, Partial, Slim, Unreadable, V

log = logging.getLogger(__name__)

_NO_VIEW = (Unreadable, Packed, type(None))
_LONGEST_REASON = 500  # characters: it stands in events and conditions


class Store(Generic[V]):
    """Views of one kind."""

    def __init__(
        self,
        build: Build[V],
        *,
        indexes: Mapping[str, Index[V]],
        listener: Listener[V],
        orders: Mapping[str, Order[V]] | None = None,
        wanted: Wanted | None = None,
    ) -> None:
        self._build = build
        self._wanted = wanted
        self._indexes = dict(indexes)
        self._orders = dict(orders or {})
        self._firsts: dict[tuple[str, str], str] = {}  # index and value → key of the first, where it is known
        self._filed = {name: Filing() for name in indexes}
        self._objects: Shelf[V] = Shelf()
        self._unreadable: set[str] = set()  # keys of what has no view
        self._amended: set[str] = set()  # keys whose view was amended by an answer that is not the whole object
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
            return self._seen(key_of(namespace, name))

    def is_filed(self, index: str, value: str) -> bool:
        """Return whether anything is filed under a value; KeyError for an unknown index."""
        with self._lock:
            return value in self._filed[index]

    def by_index(self, index: str, value: str) -> Sequence[V | Unreadable]:
        """Return what is filed under a value; KeyError for an unknown index."""
        with self._lock:
            return [view for key in sorted(self._filed[index].keys(value)) if (view := self._seen(key)) is not None]

    def views(self) -> Sequence[V | Unreadable]:
        """Return everything, at one moment."""
        with self._lock:
            return tuple(view for key in tuple(self._objects) if (view := self._seen(key)) is not None)

    def first(self, index: str, value: str) -> V | None:
        """Return the first by the order of an index of what is filed under a value, or None if nothing is.

        Found once for as long as it stays the first, however much is filed beside it.
        """
        with self._lock:
            known = self._firsts.get((index, value))
            keys = (known,) if known is not None else self._filed[index].keys(value)
            views = [view for key in keys if not isinstance(view := self._seen(key), Unreadable | None)]
            found = min(views, key=self._orders[index], default=None)
            if found is not None:
                self._firsts[index, value] = key_of(found.namespace, found.name)
            return found

    def snapshot(self, then: Callable[[Mapping[str, V | Unreadable]], None]) -> None:
        """Call ``then`` with all objects that are not packed, while nothing can change: for a late handler."""
        with self._lock:
            then(self._objects.seen())

    def newest(self, version: str) -> str:
        """Return the newest of a version and those of the objects: what was written through is ahead of the watch."""
        with self._lock:
            for key in self._objects:
                held = self._objects.held(key)
                if held is not None and is_older(version, held.resource_version):
                    version = held.resource_version
            return version

    def view(self, obj: Json) -> V | Unreadable | Packed:
        """Build the view of an object, or what stands for one that cannot be read (contract S18), or nobody wants.

        Raises:
            IdentityError: its metadata does not say which object it is.
        """
        namespace, name, uid, version = identity(obj)
        if self._wanted and isinstance(obj, Slim) and not self._wanted(namespace, name):
            unseen = packed(obj, namespace, name, uid, version)
            if unseen is not None:
                return unseen
        with self._lock:
            previous = self._objects.held(key_of(namespace, name))
        return self._view(obj, None if isinstance(previous, Packed) else previous)

    def has(self, obj: Json) -> bool:
        """Whether this version of an object is held as it is: our own write, which its answer has brought in.

        After a server went back a list may hold another object of the same version, so this is for watches.
        """
        namespace, name, uid, version = identity(obj)
        key = key_of(namespace, name)
        with self._lock:
            held = None if self._objects.is_packed(key) else self._objects.held(key)
            return held is not None and (held.uid, held.resource_version) == (uid, version) and key not in self._amended

    def _view(self, obj: Json, previous: V | Unreadable | None) -> V | Unreadable:
        namespace, name, uid, version = identity(obj)
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

    def replace(
        self, views: Sequence[V | Unreadable | Packed], resource_version: str, *, consistent: bool = False
    ) -> None:
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

    def put(self, view: V | Unreadable | Packed) -> None:
        """Add or update; what is older than the entry of that uid is passed over (contract S20)."""
        with self._lock:
            key = key_of(view.namespace, view.name)
            old = self._objects.held(key)
            if old is not None and old.uid == view.uid and is_older(view.resource_version, old.resource_version):
                return
            self._set(key, view)
            for change in self._changed(key, old):
                self._listener(change)

    def delete(self, namespace: str, name: str) -> None:
        """Remove; a key that is not held calls nobody."""
        with self._lock:
            key = key_of(namespace, name)
            old = self._objects.held(key)
            self._set(key, None)
            for change in self._changed(key, old):
                self._listener(change)

    def write_through(self, obj: Json) -> None:
        """Take the answer to our own write."""
        self._write_through(self.view(obj))

    def write_through_view(self, view: V) -> None:
        """Likewise for a view that was amended by an answer that is not the whole object."""
        with self._lock:
            if self._write_through(view):
                self._amended.add(key_of(view.namespace, view.name))

    def _write_through(self, view: V | Unreadable | Packed) -> bool:
        """Replace an entry of the same uid, and never add one (contract S19); return whether it was done."""
        with self._lock:
            key = key_of(view.namespace, view.name)
            old = self._objects.held(key)
            if old is None or old.uid != view.uid:
                return False
            self._written.add(key)
            self.put(view)
            return True

    def _seen(self, key: str) -> V | Unreadable | None:
        """Return what is held of an object, as a view."""
        held = self._objects.held(key)
        if not isinstance(held, Packed):
            return held
        view = self._view(held.object(), None)
        self._set(key, view)
        return view

    def _changed(self, key: str, old: V | Unreadable | Packed | None) -> Iterable[Change[V]]:
        """Yield what happened to a key, unless nobody wants to know.

        Whether somebody does is asked once more: who began to after it was packed may have looked before it was put.
        """
        if self._objects.is_packed(key) or isinstance(old, Packed):
            namespace, name = split_key(key)
            if self._wanted and not self._wanted(namespace, name):
                return
        before = self._view(old.object(), None) if isinstance(old, Packed) else old
        now = self._seen(key)
        if before is not None or now is not None:
            yield Change(key, before, now)

    def _replace(
        self, views: Sequence[V | Unreadable | Packed], resource_version: str, *, consistent: bool
    ) -> list[Change[V]]:
        changes: list[Change[V]] = []
        listed = {key_of(view.namespace, view.name): view for view in views}

        def came_after_the_list(key: str, held: V | Unreadable | Packed) -> bool:
            may_have = key in self._written if consistent else True
            return may_have and is_older(resource_version, held.resource_version)

        for key in tuple(self._objects):
            old = self._objects.held(key)
            if key not in listed and old is not None and not came_after_the_list(key, old):
                self._set(key, None)
                changes += self._changed(key, old)
        for key, view in listed.items():
            known = self._objects.held(key)
            if known is not None and known.uid == view.uid and came_after_the_list(key, known):
                continue
            self._set(key, view)
            changes += self._changed(key, known)
        return changes

    def _set(self, key: str, view: V | Unreadable | Packed | None) -> None:
        old = self._objects.held(key) if self._indexes else None
        self._amended.discard(key)
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
            self._written.discard(key)
        self._objects.put(key, view)

    def _precede(self, index: str, value: str, key: str, view: V | Unreadable | Packed | None) -> None:
        """Make a view the first of a value if it comes before the one that is known to be."""
        known = self._objects.held(self._firsts.get((index, value), ""))
        if isinstance(known, _NO_VIEW) or isinstance(view, _NO_VIEW):
            return
        if self._orders[index](view) < self._orders[index](known):
            self._firsts[index, value] = key


def _reason(error: Exception) -> str:
    """Return what was wrong, for people: of a bounded length, and what can be written as UTF-8."""
    text = str(error) if isinstance(error, FieldError) else f"{type(error).__name__}: {error}"
    return text[:_LONGEST_REASON].encode(errors="backslashreplace").decode()


def _values(index: Index[V], view: V | Unreadable | Packed | None) -> frozenset[str]:
    return frozenset() if isinstance(view, _NO_VIEW) else frozenset(index(view))
