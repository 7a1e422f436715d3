"""Which kinds are watched: a kind is from the moment that a canary names it, and then for good.

Before that it costs nothing: no watch, no permission, no readiness. What is watched and cannot be seen (the cluster
lacks the kind, or its permissions were not granted) is a matter of the canaries that name it and of nobody else.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from controller.core.world import Unseen, WhyUnseen
from informers.caches import Informers
from informers.errors import KindNotServedError
from informers.informer import Informer
from informers.kinds import WatchedKind

STALE_SECONDS = 120.0
"""Without an event, two bookmarks have been missed. A server that has just started refuses for a moment."""

Join = Callable[[str, Informer[Any]], None]
"""Adds a handler to an informer of a kind."""


class Watched:
    """The informers of parts, by kind, and which of them run. Thread-safe."""

    def __init__(self, informers: Mapping[str, Informers[Any]], kinds: Mapping[str, WatchedKind[Any]]) -> None:
        """Take the informers, and what there is to know of their kinds."""
        self._informers = informers
        self._kinds = kinds
        self._lock = threading.Lock()
        self._started: list[str] = []
        self._joins: list[Join] = []
        self._ended = False

    def need(self, kinds: Iterable[str]) -> None:
        """Watch kinds from now on, if they are not watched yet."""
        with self._lock:  # also while they start: whoever joins meanwhile would join twice, or not at all
            for kind in kinds:
                if not self._ended and kind not in self._started:
                    self._started.append(kind)
                    for informer in self._informers[kind].all:
                        for join in self._joins:
                            join(kind, informer)
                        informer.start()

    def each(self, join: Join) -> None:
        """Call ``join`` with each informer that is watched, and with each that will be before it starts."""
        with self._lock:
            self._joins.append(join)
            for kind in self._started:
                for informer in self._informers[kind].all:
                    join(kind, informer)

    def end(self) -> None:
        """Start no more of them, and stop those that run."""
        with self._lock:
            self._ended = True
        for informers in self._informers.values():
            for informer in informers.all:
                informer.stop()

    def by_namespace(self) -> Iterator[tuple[str, str, Informer[Any]]]:
        """Yield what is watched and not lacking: kind, namespace ("" for all) and informer."""
        with self._lock:
            started = tuple(self._started)
        for kind in started:
            for namespace, informer in self._informers[kind].by_namespace():
                if not self._is_lacking(kind, informer):
                    yield kind, namespace, informer

    def required(self) -> Iterator[tuple[str, str, Informer[Any]]]:
        """Yield those that everybody waits for at the start: one tenant's optional kind holds up no other tenant."""
        for kind, namespace, informer in self.by_namespace():
            if informer.has_synced or not self._kinds[kind].optional:
                yield kind, namespace, informer

    def unseen(self, kind: str, namespace: str) -> Unseen | None:
        """Return why nothing of a kind has been seen in a namespace, or not of late; None if its cache is current."""
        informer = self._informers[kind].of(namespace)
        if informer is None:
            return None
        refusal = informer.refusal
        if informer.has_synced and (refusal is None or not _is_stale(informer)):
            return None
        if refusal is None:
            return Unseen(kind, WhyUnseen.NOT_LISTED_YET)
        if isinstance(refusal, KindNotServedError):
            return Unseen(kind, WhyUnseen.NOT_SERVED, str(refusal))
        watched = self._kinds[kind]
        name = ".".join(word for word in (watched.api.plural, watched.api.group) if word)
        how = f" (the chart does with {watched.granted_by})" if watched.optional else ""
        what = f"the controller may not list and watch {name}, grant it{how}"
        return Unseen(kind, WhyUnseen.FORBIDDEN, what)

    def _is_lacking(self, kind: str, informer: Informer[Any]) -> bool:
        """Whether the cluster lacks a kind, or nobody granted what can be left out; a stale cache is none of these."""
        refusal = informer.refusal
        if isinstance(refusal, KindNotServedError):
            return True
        return refusal is not None and self._kinds[kind].optional and not informer.has_synced


def _is_stale(informer: Informer[Any]) -> bool:
    """Whether a cache that is refused its lists and watches is too old to be believed."""
    age = informer.seconds_since_event()
    return age is None or age >= STALE_SECONDS
