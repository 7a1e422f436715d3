"""List, then watch, for ever: keeps a store like the API server's state, through every kind of interruption.

Model: client-go's reflector; the numbers and orders are those of contracts R1 to R26.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Generic

from informers.backoff import Backoff
from informers.doubt import Doubt
from informers.errors import (
    ApiError,
    ExpiredError,
    ServerError,
    TooManyRequestsError,
    TransportError,
    error_from_status,
)
from informers.identity import identity
from informers.outage import Outage
from informers.packed import Packed
from informers.source import Source, WatchEvent, version_of
from informers.stop import Stop
from informers.store import Store
from informers.types import IdentityError, Json, Unreadable, V

log = logging.getLogger(__name__)

PAGE = 500
_SHORTEST_WATCH_SECONDS = 1.0
_WATCH_SECONDS = 300  # and up to as many again, so that reconnects spread out
_LONGEST_RETRY_AFTER_SECONDS = 60.0  # more than that is no wish of a server, and would blind us
_TOO_LARGE = "ResourceVersionTooLarge"
_TOO_LARGE_TEXT = "Too large resource version"
_MAY_MISS_SOMETHING = (TransportError, ServerError, ExpiredError)  # no answer, that of a proxy, or the version is gone


@dataclass(frozen=True, slots=True)
class Hooks:
    """Whom a reflector tells."""

    failed: Callable[[ApiError], None]  # each failed list or watch request, once
    healthy: Callable[[], None]  # a list or a watch works
    synced: Callable[[], None]  # a complete list is in the store
    stirred: Callable[[], None]  # an event of a watch has arrived
    broke: Callable[[Exception], None]  # a list or watch ended as nobody expected: a bug


class _End(Enum):
    """Why a watch has ended, and so what comes next."""

    RESUME = auto()  # watch at once from the last version
    RETRY = auto()  # back off, watch again at the same version
    RELIST = auto()  # back off, list
    WENT_BACK = auto()  # list at once, and believe the list


class Reflector(Generic[V]):
    """Runs on one thread."""

    def __init__(  # each is one thing that tests replace
        self,
        source: Source,
        store: Store[V],
        hooks: Hooks,
        *,
        monotonic: Callable[[], float],
        random: Callable[[], float],
        wait: Callable[[Stop, float], bool] | None = None,
        outage: Outage | None = None,
    ) -> None:
        """Take the two ends and the clock.

        Args:
            source: what to read.
            store: what to keep like it.
            hooks: whom to tell.
            monotonic: clock in seconds.
            random: numbers in [0, 1).
            wait: waits for seconds or until stop, in place of what heeds the outage; returns whether stop is set.
            outage: shared with others who read from the same server.
        """
        self._source = source
        self._store = store
        self._hooks = hooks
        self._monotonic = monotonic
        self._random = random
        self._wait = wait or self._wait_for_the_server
        self._outage = outage or Outage(monotonic=monotonic)
        self._backoff = Backoff(monotonic=monotonic, random=random)
        self._version = ""  # the last seen; moved by lists and watches alone, not by our writes (contract S21)
        self._paged = False  # the server's watch cache is off: its first list came in pages
        self._retry_after = 0.0  # seconds that the server asked us to wait before the next request
        self._doubt = Doubt(source, was_away=partial(self._outage.is_behind, self), monotonic=monotonic)
        self._restores = self._outage.restores  # which the last list has seen
        self._consistent = False  # the last version is gone: ask for a consistent read until a list succeeds

    def run(self, stop: Stop) -> None:
        """List and watch until stop."""
        while not stop.is_set():
            try:
                self._list(stop)
                if not stop.is_set():
                    self._watch_on(stop)
            except ApiError as error:
                self._note(error, stop)
            except Exception as error:  # noqa: BLE001  # a bug met by one answer must not end the cache
                self._hooks.broke(error)
            if self._back_off(stop):
                return

    def _note(self, error: ApiError, stop: Stop) -> None:
        """Tell of a failed request, and heed what its answer asked for; after stop it is cut off, not failed."""
        if not stop.is_set():
            self._outage.note_failure(self, behind=isinstance(error, _MAY_MISS_SOMETHING))
            self._heed(error)
            self._hooks.failed(error)

    def _works(self) -> None:
        """Note that a list or a watch works."""
        self._outage.note_answer(self)
        self._hooks.healthy()

    def _heed(self, error: ApiError) -> None:
        asked = error.retry_after or 0.0
        self._retry_after = min(asked, _LONGEST_RETRY_AFTER_SECONDS) if asked > 0 else 0.0

    def _back_off(self, stop: Stop) -> bool:
        """Wait as long as the back-off says, and at least as long as the server; return whether to stop."""
        seconds, self._retry_after = max(self._backoff.seconds(), self._retry_after), 0.0
        return stop.is_set() or self._wait(stop, seconds)

    def _wait_for_the_server(self, stop: Stop, seconds: float) -> bool:
        return self._outage.wait(self, stop, seconds) if self._outage.is_behind(self) else stop.wait(seconds)

    # --- lists ---

    def _list(self, stop: Stop) -> None:
        restores = self._outage.restores  # before the list: the server may go back meanwhile
        self._consistent |= self._went_back()
        try:
            self._list_at("" if self._consistent else self._version or "0", stop)
        except ApiError as error:
            if not _version_is_unusable(error) or self._consistent:
                raise
            self._consistent = True
            self._list_at("", stop)  # at once: what failed was the version
        if stop.is_set():
            return
        self._consistent = False
        self._restores = restores
        self._works()
        self._outage.note_caught_up(self, restores)
        self._hooks.synced()

    def _list_at(self, version: str, stop: Stop) -> None:
        """Read all pages, then replace the store and record the version, in this order."""
        views: list[V | Unreadable | Packed] = []

        def take(obj: Json) -> None:
            try:
                views.append(self._store.view(obj))
            except IdentityError as error:
                extra = {"resource": self._source.name, "error": str(error)}
                log.warning("Listed object without metadata skipped", extra=extra)

        self._store.list_is_asked_for()
        first = not self._version
        limit = PAGE if first or self._paged else 0
        page = self._source.list(resource_version=version, limit=limit, continue_token="", take=take, stop=stop)
        list_version = page.resource_version
        if first and version == "0" and page.continue_token:
            self._paged = True
        while page.continue_token:
            try:
                page = self._source.list(
                    resource_version="", limit=limit, continue_token=page.continue_token, take=take, stop=stop
                )
            except ExpiredError:
                views.clear()
                page = self._source.list(resource_version=version, limit=0, continue_token="", take=take, stop=stop)
                list_version = page.resource_version
        if stop.is_set():
            return
        self._store.replace(views, list_version, consistent=not version)
        self._version = list_version
        self._doubt.settle()

    # --- watches ---

    def _watch_on(self, stop: Stop) -> None:
        """Watch from the last version until a list is needed, or stop."""
        while not stop.is_set():
            end = self._watch_once(stop)
            if end is _End.RELIST:
                return
            if end is _End.WENT_BACK:
                self._list(stop)
            if end is _End.RETRY and self._back_off(stop):
                return

    def _watch_once(self, stop: Stop) -> _End:
        seconds = _WATCH_SECONDS + int(self._random() * _WATCH_SECONDS)
        began, version = self._monotonic(), self._version
        try:
            with (
                self._outage.watching(stop, self._restores) as watch,
                self._source.watch(resource_version=version, timeout_seconds=seconds, stop=watch) as events,
            ):
                self._works()
                # Only now: a server that goes back after it was asked ends this watch.
                if self._doubt.is_right(partial(self._store.newest, self._version), watch):
                    self._outage.note_restore(self._restores)
                    return _End.WENT_BACK
                self._outage.note_caught_up(self, self._restores)
                for event in events:
                    if watch.is_set():
                        break
                    end = self._take(event)
                    if end is not None:
                        return end
        except ApiError as error:
            if self._went_back():
                return _End.WENT_BACK
            self._note(error, stop)
            return _End.RELIST if stop.is_set() else _after(error)
        if self._went_back():
            return _End.WENT_BACK
        # A watch that ends at once and brings us no further is a broken proxy, and would be a hot loop.
        useless = self._version == version and self._monotonic() - began < _SHORTEST_WATCH_SECONDS
        return _End.RELIST if useless else _End.RESUME

    def _went_back(self) -> bool:
        """Whether the server has gone back since the last list."""
        return self._outage.restores != self._restores

    def _take(self, event: WatchEvent) -> _End | None:
        """Bring one event into the store; return why the watch ends with it, if it does."""
        self._hooks.stirred()
        if event.type == "ERROR":
            error = error_from_status(f"watch {self._source.name}", event.object)
            log.info("Watch ended with an error", extra={"resource": self._source.name, "error": str(error)})
            self._heed(error)
            if isinstance(error, TooManyRequestsError):
                return _End.RETRY
            self._outage.note_failure(self, behind=True)
            return _End.RELIST
        try:
            self._check_kind(event)
            version = version_of(event.object)
            self._bring_in(event)
        except ValueError as error:
            log.warning("Bad watch event skipped", extra={"resource": self._source.name, "error": str(error)})
            return None
        self._version = version
        self._doubt.settle()
        return None

    def _check_kind(self, event: WatchEvent) -> None:
        if event.object.get("kind") != self._source.kind:
            raise ValueError(f"it is not of kind {self._source.kind}")

    def _bring_in(self, event: WatchEvent) -> None:
        match event.type:
            case "ADDED" | "MODIFIED":
                if not self._store.has(event.object):
                    self._store.put(self._store.view(event.object))
            case "DELETED":
                namespace, name, _, _ = identity(event.object)
                self._store.delete(namespace, name)
            case "BOOKMARK":
                return
            case other:
                log.warning("Unknown watch event ignored", extra={"resource": self._source.name, "type": other})


def _after(error: ApiError) -> _End:
    """Refused and throttled watches are tried again as they are; a list would cost an overloaded server most."""
    return _End.RETRY if isinstance(error, TooManyRequestsError | TransportError) else _End.RELIST


def _version_is_unusable(error: ApiError) -> bool:
    """Whether a list at a version failed for that version: expired, or newer than the server knows."""
    if isinstance(error, ExpiredError):
        return True
    if any(cause.reason == _TOO_LARGE for cause in error.causes):
        return True
    return error.reason == "Timeout" and (
        _TOO_LARGE_TEXT in str(error) or any(_TOO_LARGE_TEXT in cause.message for cause in error.causes)
    )
