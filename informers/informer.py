"""A store that is kept like the API server's state, and the handlers that hear of its changes."""

import logging
import random as random_module
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Generic

from informers.change import Change, Index, Order, Wanted
from informers.errors import ApiError, ForbiddenError, KindNotServedError
from informers.handlers import Registration
from informers.outage import Outage
from informers.reflector import Hooks, Reflector
from informers.source import Source
from informers.stop import Stop
from informers.store import Store
from informers.types import Build, Json, Unreadable, V

log = logging.getLogger(__name__)


class LifecycleError(Exception):
    """An informer was started twice, or given a handler after its end."""


class Informer(Generic[V]):
    """Watches one kind. Runs once; a stopped one stays stopped."""

    def __init__(  # noqa: PLR0913  # each is one thing that tests replace
        self,
        source: Source,
        build: Build[V],
        *,
        indexes: Mapping[str, Index[V]] | None = None,
        orders: Mapping[str, Order[V]] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = random_module.random,
        wait: Callable[[Stop, float], bool] | None = None,
        outage: Outage | None = None,
        wanted: Wanted | None = None,
    ) -> None:
        """Take what to watch and how to see it.

        Args:
            source: lists and watches.
            build: makes a view of an object.
            indexes: functions that file views under values.
            orders: of those indexes of which the first view is asked for, what views are compared by.
            monotonic: clock in seconds.
            random: numbers in [0, 1).
            wait: waits for seconds or until stop, in place of what heeds the outage.
            outage: shared with the other informers of this server.
            wanted: whether somebody wants to hear of an object; None: of every one.
        """
        self.name = source.name
        self._store = Store(build, indexes=indexes or {}, orders=orders, wanted=wanted, listener=self._tell)
        self._reflector = Reflector(
            source,
            self._store,
            Hooks(self._failed, self._is_healthy, self._is_synced, self._stirred, self._broke),
            monotonic=monotonic,
            random=random,
            wait=wait,
            outage=outage,
        )
        self._monotonic = monotonic
        self._stop = Stop()
        self._lock = threading.Lock()
        self._registrations: list[Registration[V]] = []
        self._thread: threading.Thread | None = None
        self._error_hook: Callable[[ApiError], None] | None = None
        self._problem: str | None = None
        self._refusal: ForbiddenError | KindNotServedError | None = None
        self._synced = threading.Event()
        self._last_stir: float | None = None

    # --- reading ---

    def __len__(self) -> int:
        return len(self._store)

    def count_unreadable(self) -> int:
        """Return how many objects have no view."""
        return self._store.count_unreadable()

    def get(self, namespace: str, name: str) -> V | Unreadable | None:
        """Return the view, what stands for an object without one, or None."""
        return self._store.get(namespace, name)

    def is_filed(self, index: str, value: str) -> bool:
        """Return whether anything is filed under a value; KeyError for an unknown index."""
        return self._store.is_filed(index, value)

    def by_index(self, index: str, value: str) -> Sequence[V | Unreadable]:
        """Return what is filed under a value; KeyError for an unknown index."""
        return self._store.by_index(index, value)

    def views(self) -> Sequence[V | Unreadable]:
        """Return everything, at one moment."""
        return self._store.views()

    def first(self, index: str, value: str) -> V | None:
        """Return the first of what is filed under a value; see ``Store.first``."""
        return self._store.first(index, value)

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

    @property
    def refusal(self) -> ForbiddenError | KindNotServedError | None:
        """That the last request was refused by what no retry mends: the kind is not served, or no permission."""
        with self._lock:
            return self._refusal

    def seconds_since_event(self) -> float | None:
        """Return the age of the last event of a watch, bookmarks included; None before the first."""
        with self._lock:
            last = self._last_stir
        return None if last is None else self._monotonic() - last

    # --- handlers ---

    def add_handler(
        self,
        handle: Callable[[Change[V]], None],
        *,
        accepts: Callable[[V | Unreadable], bool] | None = None,
        present: bool = True,
    ) -> Registration[V]:
        """Have every change told to ``handle``, on a thread of its own; what is there already comes first, as initial.

        Args:
            handle: is told.
            accepts: of which objects; None: of all.
            present: whether what is there already is told at all.

        Raises:
            LifecycleError: the informer has been stopped.
        """
        registration: Registration[V] = Registration(f"handler-{self.name}", handle, accepts)

        def join_in(objects: Mapping[str, V | Unreadable]) -> None:
            for key, view in objects.items() if present else ():
                registration.offer(Change(key, None, view, initial=True))
            with self._lock:
                if self._stop.is_set():
                    raise LifecycleError(f"informer of {self.name} is stopped, a handler would never be called")
                self._registrations.append(registration)
                synced = self._synced.is_set()  # if not, it is told with the others
            if synced:
                registration.initial_is_queued()

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
            self._thread = threading.Thread(
                target=self._reflector.run, args=(self._stop,), name=f"informer-{self.name}"
            )
            self._thread.start()

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
        level = logging.ERROR if isinstance(error, ForbiddenError | KindNotServedError) else logging.WARNING
        if self._has_problem(text):
            log.log(level, "Cannot list or watch, trying again", extra={"resource": self.name, "error": text})
        with self._lock:
            self._refusal = error if isinstance(error, ForbiddenError | KindNotServedError) else None
            hook = self._error_hook
        if hook is not None:
            self._call(hook, error)

    def _call(self, hook: Callable[[ApiError], None], error: ApiError) -> None:
        try:
            hook(error)
        except Exception:
            log.exception("Error hook failed", extra={"resource": self.name})

    def _broke(self, error: Exception) -> None:
        """Take a failure that nobody expected: the trace once, since it is likely to come again."""
        began = self._has_problem(f"unexpected {type(error).__name__}, see the log; listing again")
        log.error("Informer failed, starting over", exc_info=error if began else None, extra={"resource": self.name})

    def _has_problem(self, text: str) -> bool:
        """Note what is wrong; return whether nothing was before."""
        with self._lock:
            began = self._problem is None
            self._problem = text
        return began

    def _is_healthy(self) -> None:
        with self._lock:
            ended = self._problem is not None
            self._problem = self._refusal = None
        if ended:
            log.info("List and watch work again", extra={"resource": self.name})

    def _is_synced(self) -> None:
        with self._lock:
            self._synced.set()
            registrations = tuple(self._registrations)
        for registration in registrations:
            registration.initial_is_queued()

    def _stirred(self) -> None:
        now = self._monotonic()
        with self._lock:
            self._last_stir = now
