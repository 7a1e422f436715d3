"""Events for the canary's owner: logged here, and sent to the API server by threads of their own.

Recording never blocks or fails a reconcile: what does not fit is dropped and counted, and is in the log anyway
(contract E4). What starts or ends a rollout is sent as long as the process lives, unless the API server refuses it
for good: a throttled, failing or unreachable server is asked again, and one object's troubles hold up nobody else's
events.
"""

import logging
import threading
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from controller.core.canary import Canary
from controller.core.events import Event
from controller.events.correlator import Correlator, Entry, Recent
from controller.events.event_object import VERSION_ANNOTATION, event_name, event_object, shortened
from controller.events.outbox import Job, Outbox, lane_of
from controller.resources import EVENTS
from controller.work.ratelimit import default_limiter
from controller.work.workqueue import WorkQueue
from informers.errors import (
    AlreadyExistsError,
    ApiError,
    ConflictError,
    NotFoundError,
    ServerError,
    TooManyRequestsError,
    TransportError,
    UnauthorizedError,
)
from informers.resources import Resource
from informers.types import Json, Unreadable

log = logging.getLogger(__name__)
story = logging.getLogger("flagger")
"""Where the texts of events go, verbatim."""

SENDERS = 4
"""Events that are under way at once, each of another object: an API server that takes 10 ms is sent 400 a second."""

MOST_TRIES = 12
RETRY_SECONDS = 10.0
LONGEST_RETRY_SECONDS = 60.0  # also where the server asks for more
FLUSH_SECONDS = 2.0  # of the five within which the process ends
_PASSING = (TransportError, TooManyRequestsError, ServerError, UnauthorizedError, ConflictError)


class Sink(Protocol):
    """What is needed of the client. Failures are ``informers.errors.ApiError``."""

    def create(self, resource: Resource, namespace: str, obj: Json) -> Json:
        """Create an event."""

    def merge_patch(self, resource: Resource, namespace: str, name: str, patch: Json, *, subresource: str = "") -> Json:
        """Count an event up."""


@dataclass(slots=True)
class _Sent:
    """What was sent for an entry."""

    name: str
    count: int
    first: str


class EventRecorder:
    """Fulfils ``controller.listeners.RunningRecorder``. Thread-safe."""

    name = "a sender of events"

    def __init__(  # each is one thing that tests replace
        self,
        sink: Sink | None,
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        random: Callable[[], float],
        dropped: Callable[[], None] = lambda: None,
        lanes: WorkQueue | None = None,
    ) -> None:
        """Take where events go.

        Args:
            sink: the client, or None to log only (``--dry-run``).
            now: wall clock.
            monotonic: clock in seconds.
            random: numbers in [0, 1).
            dropped: called for every event that is not sent.
            lanes: the objects whose next event is due; by default a queue by the same clock.
        """
        self._sink = sink
        self._now = now
        self._monotonic = monotonic
        self._random = random
        self._dropped = dropped
        self._correlator = Correlator()
        self._outbox = Outbox()
        self._sent: Recent[Entry, _Sent] = Recent()
        self._lock = threading.Lock()  # of these three
        if lanes is None:  # an empty one is false
            lanes = WorkQueue(limiter=default_limiter(monotonic), monotonic=monotonic)
        self._lanes = lanes
        self._closing = threading.Event()
        self._threads = [threading.Thread(target=self._send_all, name=f"events-{n}") for n in range(SENDERS)]

    def start(self) -> None:
        """Start sending."""
        for thread in self._threads:
            thread.start()

    def alive(self) -> bool:
        """Whether every sender still runs, if they were started."""
        return all(thread.ident is None or thread.is_alive() for thread in self._threads)

    def record(self, canary: Canary | Unreadable, event: Event) -> None:
        """Log an event and queue it for sending; after ``close`` it is only logged."""
        level = logging.WARNING if event.type == "Warning" else logging.INFO
        extra = {"canary": canary.name, "namespace": canary.namespace, "action": event.action}
        story.log(level, event.text, extra={**extra, **({"version": event.version} if event.version else {})})
        if self._sink is None or self._closing.is_set():
            return
        lane = lane_of(canary)
        with self._lock:
            correlated = self._correlator.correlate(canary.uid, event, self._monotonic())
            if correlated is None:
                lost, idle = True, False
            else:
                at = self._now()
                idle = lane not in self._outbox
                lost = self._outbox.put(Job(canary, event, correlated, at, event_name(canary.name, at))) is not None
        if lost:
            self._dropped()
        if idle:  # a lane in which something waits is woken in its time, not before
            self._lanes.add(lane)

    def close(self) -> None:
        """Send what is queued, one attempt each and for two seconds at most, and end the threads."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._lanes.shut_down()
        if self._threads[0].ident is None:
            return
        for thread in self._threads:
            thread.join()
        with self._lock:
            lanes = self._outbox.lanes()
        until = self._monotonic() + FLUSH_SECONDS
        last = [
            threading.Thread(target=self._send_the_rest, args=(lanes[number::SENDERS], until), name="events")
            for number in range(SENDERS)
        ]
        for thread in last:
            thread.start()
        for thread in last:
            thread.join()

    def _send_all(self) -> None:
        while not self._closing.is_set() and (lane := self._lanes.get()) is not None:
            try:
                self._send_next(lane)
            finally:
                self._lanes.done(lane)

    def _send_the_rest(self, lanes: Iterable[str], until: float) -> None:
        for lane in lanes:
            while (job := self._hold(lane)) is not None:
                if self._monotonic() < until:
                    self._attempt(job)
                else:
                    self._give_up(job, "the process ends")
                self._remove(job)

    def _send_next(self, lane: str) -> None:
        job = self._hold(lane)
        if job is None:
            return
        wait = self._attempt(job)
        if wait is not None:
            with self._lock:
                self._outbox.let_go(job)
            self._lanes.add_after(lane, wait)
        elif self._remove(job):
            self._lanes.add(lane)

    def _hold(self, lane: str) -> Job | None:
        with self._lock:
            return self._outbox.hold(lane)

    def _remove(self, job: Job) -> bool:
        with self._lock:
            return self._outbox.remove(job)

    def _attempt(self, job: Job) -> float | None:
        """Send an event; return the seconds after which to try again, or None if it is done with."""
        try:
            self._send(job)
        except _PASSING as error:
            return self._retry_wait(job, error)
        except ApiError as error:
            gone = any(cause.reason == "NamespaceTerminating" for cause in error.causes)
            if not gone:
                log.warning("Event refused", extra={"event": job.event.text, "error": str(error)})
            self._dropped()
        except Exception as error:  # a text or an answer that nobody thought of: a sender serves all objects
            log.exception("Event cannot be sent", extra={"event": job.event.text})
            self._give_up(job, type(error).__name__)
        return None

    def _retry_wait(self, job: Job, error: ApiError) -> float | None:
        """Return how long to wait; None if it is given up: at the end, or after so many tries if it was routine."""
        job.tries += 1
        exhausted = job.tries >= MOST_TRIES
        if self._closing.is_set() or (exhausted and not job.event.terminal):
            self._give_up(job, str(error))
            return None
        if job.tries == MOST_TRIES:
            log.warning("Event not sent yet", extra={"event": job.event.text, "error": str(error)})
        if exhausted:
            return LONGEST_RETRY_SECONDS
        asked = error.retry_after or 0.0
        if asked > 0:
            return min(max(asked, 1.0), LONGEST_RETRY_SECONDS)
        return RETRY_SECONDS * (self._random() if job.tries == 1 else 1.0)

    def _give_up(self, job: Job, why: str) -> None:
        log.warning("Event not sent", extra={"event": job.event.text, "error": why})
        self._dropped()

    def _send(self, job: Job) -> None:
        assert self._sink is not None, "nothing is queued without a sink"  # noqa: S101
        with self._lock:
            known = self._sent.get(job.correlated.entry)
        stamp = job.at.strftime("%Y-%m-%dT%H:%M:%SZ")
        if known is not None:
            patch: Json = {"count": known.count + 1, "lastTimestamp": stamp, "message": shortened(job.correlated.text)}
            if job.event.version:
                patch["metadata"] = {"annotations": {VERSION_ANNOTATION: job.event.version}}
            try:
                self._sink.merge_patch(EVENTS, job.canary.namespace, known.name, patch)
            except NotFoundError:
                pass  # events live for an hour: make it anew
            else:
                known.count += 1
                return
        count = known.count + 1 if known else 1
        first = known.first if known else stamp
        self._create(self._sink, job, count, first, stamp)
        with self._lock:
            self._sent.put(job.correlated.entry, _Sent(job.name, count, first))

    def _create(self, sink: Sink, job: Job, count: int, first: str, last: str) -> None:
        """Create an event; one that exists already is ours if the answer to an earlier try may have been lost."""

        def create() -> None:
            obj = event_object(job.canary, job.event, job.correlated.text, job.name, count, first, last)
            sink.create(EVENTS, job.canary.namespace, obj)

        try:
            create()
        except AlreadyExistsError:
            if job.tries == 0:
                job.name = str(uuid.uuid4())  # somebody else's event of the same microsecond has it
                create()
