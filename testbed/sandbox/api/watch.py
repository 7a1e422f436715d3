"""Watches: events since a version, bookmarks, and an end in time.

A version that is still to come is waited for in silence. Source: ``Cacher.Watch`` and ``cacheWatcher.process`` of
kube-apiserver, which accepts such a watch, and sends neither an event nor a bookmark at or below its version.
"""

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

from testbed.sandbox.api.errors import ApiError
from testbed.sandbox.api.kinds import Kind
from testbed.sandbox.api.objects import as_version
from testbed.sandbox.api.selectors import Matcher
from testbed.sandbox.api.store import Entry, Store

Json = dict[str, Any]

BOOKMARK_SECONDS = 60.0
LAST_BOOKMARK_SECONDS = 2.0  # before the end


class Watch:
    """One watch. Iterate over it on the request's thread."""

    def __init__(  # noqa: PLR0913  # a watch has these parts
        self,
        store: Store,
        kind: Kind,
        version: str,
        *,
        namespace: str,
        matches: Matcher,
        since: int,
        with_state: bool,
        bookmarks: bool,
        seconds: float,
        closed: Callable[[], bool],
    ) -> None:
        """Take what to watch.

        Args:
            store: where from.
            kind: of the objects.
            version: in which objects are shown.
            namespace: the one to watch, or "".
            matches: the selectors.
            since: the version after which events are wanted.
            with_state: begin with an ADDED for everything there is (versions "" and 0).
            bookmarks: whether the client understands them.
            seconds: until the server ends the watch.
            closed: whether the server is being stopped, or the watch cut.
        """
        self._store = store
        self._kind = kind
        self._version = version
        self._namespace = namespace
        self._matches = matches
        self._at = self._since = since
        self._with_state = with_state
        self._bookmarks = bookmarks
        self._ends = time.monotonic() + seconds
        self._closed = closed

    def __iter__(self) -> Iterator[Json]:
        """Yield events until the time is over, the server stops, or the history has a gap."""
        if self._with_state:
            yield from self._state()
        bookmark_at = self._next_bookmark(time.monotonic())
        while not self._closed():
            try:
                yield from self._news()
            except ApiError as error:
                yield {"type": "ERROR", "object": error.status()}
                return
            now = time.monotonic()
            if now >= bookmark_at:
                if self._bookmarks and self._at > self._since:
                    yield self._bookmark()
                bookmark_at = self._next_bookmark(now)
            if now >= self._ends:
                return
            with self._store.changed:
                waits = self._store.withheld or self._store.version <= self._at
                if waits and not self._closed():
                    self._store.changed.wait(max(0.0, min(self._ends, bookmark_at) - now))

    def _next_bookmark(self, now: float) -> float:
        """Return when the next bookmark is due: once a minute, and shortly before the end."""
        last = self._ends - LAST_BOOKMARK_SECONDS
        return min(now + BOOKMARK_SECONDS, last) if last > now else math.inf

    def _state(self) -> Iterator[Json]:
        items, self._at = self._store.list((self._kind.group, self._kind.plural), self._namespace)
        for item in items:
            if self._matches(item):
                yield self._event("ADDED", item)

    def _news(self) -> Iterator[Json]:
        entries, self._at = self._store.since(self._at, (self._kind.group, self._kind.plural))
        for entry in entries:
            event = self._seen(entry)
            if event:
                yield event

    def _seen(self, entry: Entry) -> Json | None:
        """Return the event as this watch sees it: what crosses the selector is added or deleted."""
        if self._namespace and entry.object["metadata"].get("namespace") != self._namespace:
            return None
        is_in = entry.type != "DELETED" and self._matches(entry.object)
        was_in = entry.old is not None and self._matches(entry.old)
        if is_in:
            return self._event("MODIFIED" if was_in else "ADDED", entry.object)
        if not was_in:
            return None
        # What a watch loses sight of is shown as it last saw it, at the version of the change.
        last = entry.object if entry.type == "DELETED" or not entry.old else entry.old
        meta = {**last["metadata"], "resourceVersion": str(entry.version)}
        return self._event("DELETED", {**last, "metadata": meta})

    def _event(self, kind: str, obj: Json) -> Json:
        return {"type": kind, "object": as_version(self._kind, self._version, obj)}

    def _bookmark(self) -> Json:
        meta = {"resourceVersion": str(self._at), "creationTimestamp": None}
        api_version = self._kind.api_version(self._version)
        return {"type": "BOOKMARK", "object": {"kind": self._kind.kind, "apiVersion": api_version, "metadata": meta}}
