"""A store that is kept like the API server's state, and the handlers that hear of its changes.

Each handler has a thread and an unbounded buffer of its own: a slow one holds up neither the watch nor another.
"""

import logging
import random as random_module
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Generic

from informers.errors import ApiError, ForbiddenError, KindNotServedError
from informers.reflector import Hooks, Reflector
from informers.source import Source
from informers.stop import Stop
from informers.store import Build, Change, Index, Store
from informers.types import Json, Unreadable, V

log = logging.getLogger(__name__)


class LifecycleError(Exception):
    """An informer was started twice, or given a handler after its end."""


class Registration(Generic[V]):
    """A handler with its buffer and thread."""

    def __init__(
        self, name: str, handle: Callable[[Change[V]], None], accepts: Callable[[V | Unreadable], bool] | None
    ) -> None:
        self._handle = handle
        self._accepts = accepts
        self._buffer: deque[Change[V]] = deque()
        self._ready = threading.Condition()
        self._closed = False
        self._initial_left = 0
        self._initial_queued = False
        self.thread = threading.Thread(target=self._run, name=name)

    def __len__(self) -> int:
        with self._ready:
            return len(self._buffer)

    @property
    def has_synced(self) -> bool:
        """Whether the handler has returned from every object of the initial state."""
        with self._ready:
            return self._initial_queued and self._initial_left == 0

    def start(self) -> None:
        """Start the thread."""
        self.thread.start()

    def offer(self, change: Change[V]) -> None:
        """Note a change down; never blocks."""
        filtered = self._filtered(change)
        if filtered is None:
            return
        with self._ready:
            if not self._closed:
                self._initial_left += filtered.initial
                self._buffer.append(filtered)
                self._ready.notify()

    def initial_is_queued(self) -> None:
        """All of the initial state has been offered."""
        with self._ready:
            self._initial_queued = True

    def close(self) -> None:
        """Drop what is queued; a call under way may finish."""
        with self._ready:
            self._closed = True
            self._buffer.clear()
            self._ready.notify()

    def join(self) -> None:
        """Wait for the thread; from the handler itself this returns at once."""
        if self.thread.ident is not None and self.thread is not threading.current_thread():
            self.thread.join()

    def _filtered(self, change: Change[V]) -> Change[V] | None:
        if self._accepts is None:
            return change
        old = change.old if change.old is not None and self._accepts(change.old) else None
        new = change.new if change.new is not None and self._accepts(change.new) else None
        return Change(change.key, old, new, change.initial) if old is not None or new is not None else None

    def _run(self) -> None:
        while True:
            with self._ready:
                while not self._buffer and not self._closed:
                    self._ready.wait()
                if self._closed:
                    return
                change = self._buffer.popleft()
            try:
                self._handle(change)
            except Exception:
                log.exception("Handler failed", extra={"key": change.key})
            if change.initial:
                with self._ready:
                    self._initial_left -= 1


class Informer(Generic[V]):
    """Watches one kind. Runs once; a stopped one stays stopped."""

    def __init__(  # each is one thing that tests replace
        self,
        source: Source,
        build: Build[V],
        *,
        indexes: Mapping[str, Index[V]] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = random_module.random,
        wait: Callable[[Stop, float], bool] = Stop.wait,
    ) -> None:
        """Take what to watch and how to see it.

        Args:
            source: lists and watches.
            build: makes a view of an object.
            indexes: functions that file views under values.
            monotonic: clock in seconds.
            random: numbers in [0, 1).
            wait: waits for seconds or until stop.
        """
        self.name = source.name
        self._store = Store(build, indexes=indexes or {}, listener=self._tell)
        self._reflector = Reflector(
            source,
            self._store,
            Hooks(self._failed, self._is_healthy, self._is_synced, self._stirred),
            monotonic=monotonic,
            random=random,
            wait=wait,
        )
        self._monotonic = monotonic
        self._stop = Stop()
        self._lock = threading.Lock()
        self._registrations: list[Registration[V]] = []
        self._thread: threading.Thread | None = None
        self._error_hook: Callable[[ApiError], None] | None = None
        self._problem: str | None = None
        self._synced = threading.Event()
        self._last_stir: float | None = None

    # --- reading ---

    def __len__(self) -> int:
        return len(self._store)

    def get(self, namespace: str, name: str) -> V | Unreadable | None:
        """Return the view, what stands for an object without one, or None."""
        return self._store.get(namespace, name)

    def by_index(self, index: str, value: str) -> Sequence[V | Unreadable]:
        """Return what is filed under a value; KeyError for an unknown index."""
        return self._store.by_index(index, value)

    def write_through(self, obj: Json) -> None:
        """Take the whole object that our own write was answered with."""
        self._store.write_through(obj)

    def write_through_view(self, view: V) -> None:
        """Take a view that was amended by what our own write was answered with."""
        self._store.write_through_view(view)

    @property
    def has_synced(self) -> bool:
        """Whether the whole first list has been applied; stays true over relists."""
        return self._synced.is_set()

    def wait_for_sync(self, seconds: float) -> bool:
        """Wait until the first list has been applied; return whether it has."""
        return self._synced.wait(seconds)

    @property
    def problem(self) -> str | None:
        """What keeps lists or watches from working now, or None."""
        with self._lock:
            return self._problem

    def seconds_since_event(self) -> float | None:
        """Return the age of the last event of a watch, bookmarks included; None before the first."""
        return None if self._last_stir is None else self._monotonic() - self._last_stir

    # --- handlers ---

    def add_handler(
        self, handle: Callable[[Change[V]], None], *, accepts: Callable[[V | Unreadable], bool] | None = None
    ) -> Registration[V]:
        """Have every change told to ``handle``, on a thread of its own; what is there already comes first, as initial.

        Raises:
            LifecycleError: the informer has been stopped.
        """
        registration: Registration[V] = Registration(f"handler-{self.name}", handle, accepts)

        def join_in(objects: Mapping[str, V | Unreadable]) -> None:
            for key, view in objects.items():
                registration.offer(Change(key, None, view, initial=True))
            if self._synced.is_set():
                registration.initial_is_queued()
            with self._lock:
                if self._stop.is_set():
                    raise LifecycleError(f"informer of {self.name} is stopped, a handler would never be called")
                self._registrations.append(registration)

        self._store.snapshot(join_in)
        registration.start()
        return registration

    def remove_handler(self, registration: Registration[V]) -> None:
        """Take a handler off; harmless if it is not one of ours, or is off already."""
        with self._lock:
            if registration not in self._registrations:
                return
            self._registrations.remove(registration)
        registration.close()
        registration.join()

    def set_error_hook(self, hook: Callable[[ApiError], None]) -> None:
        """Have each failed list and watch request told to ``hook``, once.

        Raises:
            LifecycleError: the informer runs already, or has another hook.
        """
        with self._lock:
            if self._thread is not None or self._error_hook is not None:
                raise LifecycleError(f"informer of {self.name}: one error hook, and before the start")
            self._error_hook = hook

    # --- life ---

    def start(self) -> None:
        """Start watching.

        Raises:
            LifecycleError: it was started before.
        """
        with self._lock:
            if self._thread is not None or self._stop.is_set():
                raise LifecycleError(f"informer of {self.name} runs once, make another")
            self._thread = threading.Thread(target=self._run, name=f"informer-{self.name}")
            self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._reflector.run(self._stop)
            except Exception:
                log.exception("Informer failed, starting over", extra={"resource": self.name})
                self._stop.wait(1.0)

    def alive(self) -> bool:
        """Whether every thread that was started still runs."""
        with self._lock:
            threads = [self._thread, *[registration.thread for registration in self._registrations]]
        return all(thread.is_alive() for thread in threads if thread is not None and thread.ident is not None)

    def stop(self) -> None:
        """Stop within a second; nothing is told to any handler afterwards. Safe to call again."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        with self._lock:
            registrations, self._registrations = self._registrations, []
        for registration in registrations:
            registration.close()
        for registration in registrations:
            registration.join()

    # --- told by store and reflector ---

    def _tell(self, change: Change[V]) -> None:
        if not self._synced.is_set():
            change = Change(change.key, change.old, change.new, initial=True)
        with self._lock:
            registrations = tuple(self._registrations)
        for registration in registrations:
            registration.offer(change)

    def _failed(self, error: ApiError) -> None:
        text = str(error)
        if isinstance(error, ForbiddenError):
            text = f"{text}; grant list and watch of {self.name} to this service account"
        with self._lock:
            began = self._problem is None
            self._problem = text
            hook = self._error_hook
        if began:
            level = logging.ERROR if isinstance(error, ForbiddenError | KindNotServedError) else logging.WARNING
            log.log(level, "Cannot list or watch, trying again", extra={"resource": self.name, "error": text})
        if hook is not None:
            hook(error)

    def _is_healthy(self) -> None:
        with self._lock:
            ended = self._problem is not None
            self._problem = None
        if ended:
            log.info("List and watch work again", extra={"resource": self.name})

    def _is_synced(self) -> None:
        self._synced.set()
        with self._lock:
            registrations = tuple(self._registrations)
        for registration in registrations:
            registration.initial_is_queued()

    def _stirred(self) -> None:
        self._last_stir = self._monotonic()
