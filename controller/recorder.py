"""Events for the canary's owner: logged here, and sent to the API server by a thread of its own.

Recording never blocks or fails a reconcile: what does not fit into the queue is dropped and counted, and is in the log
anyway (contract E4).
"""

import logging
import queue
import re
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from controller.core.canary import Canary
from controller.core.events import Event
from controller.correlator import Correlated, Correlator, Entry, Recent
from informers.errors import AlreadyExistsError, ApiError, NotFoundError, TransportError
from informers.resources import CANARIES, EVENTS, Resource
from informers.types import Json

log = logging.getLogger(__name__)
story = logging.getLogger("flagger")
"""Where the texts of events go, verbatim."""

SOURCE = "flagger"
REASON = "Synced"
QUEUE_SIZE = 1000
MOST_TRIES = 12
RETRY_SECONDS = 10.0
MOST_BYTES = 1024
_DNS_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_LONGEST_NAME = 253


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


@dataclass(frozen=True, slots=True)
class _Job:
    canary: Canary
    event: Event
    correlated: Correlated
    at: datetime


class EventRecorder:
    """Fulfils ``controller.applier.Recorder``. Thread-safe."""

    def __init__(  # each is one thing that tests replace
        self,
        sink: Sink | None,
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        random: Callable[[], float],
        dropped: Callable[[], None] = lambda: None,
        wait: Callable[[threading.Event, float], bool] = threading.Event.wait,
    ) -> None:
        """Take where events go.

        Args:
            sink: the client, or None to log only (``--dry-run``).
            now: wall clock.
            monotonic: clock in seconds.
            random: numbers in [0, 1).
            dropped: told of every event that is not sent.
            wait: waits for seconds or until an event is set.
        """
        self._sink = sink
        self._now = now
        self._monotonic = monotonic
        self._random = random
        self._dropped = dropped
        self._wait = wait
        self._correlator = Correlator()
        self._lock = threading.Lock()
        self._queue: queue.Queue[_Job | None] = queue.Queue(QUEUE_SIZE)
        self._closing = threading.Event()
        self._sent: Recent[Entry, _Sent] = Recent()  # the sender's own
        self._thread = threading.Thread(target=self._send_all, name="events")

    def start(self) -> None:
        """Start sending."""
        self._thread.start()

    def alive(self) -> bool:
        """Whether the sender still runs, if it was started."""
        return self._thread.ident is None or self._thread.is_alive()

    def record(self, canary: Canary, event: Event) -> None:
        """Log an event and queue it for sending; after ``close`` it is only logged."""
        level = logging.WARNING if event.type == "Warning" else logging.INFO
        story.log(
            level, event.text, extra={"canary": canary.name, "namespace": canary.namespace, "action": event.action}
        )
        if self._sink is None or self._closing.is_set():
            return
        with self._lock:
            correlated = self._correlator.correlate(canary.uid, event, self._monotonic())
        if correlated is None:
            self._dropped()
            return
        try:
            self._queue.put_nowait(_Job(canary, event, correlated, self._now()))
        except queue.Full:
            self._dropped()

    def close(self) -> None:
        """Send what is queued, one attempt each, and end the thread."""
        if self._closing.is_set():
            return
        self._closing.set()
        if self._thread.ident is not None:
            self._queue.put(None)
            self._thread.join()

    def _send_all(self) -> None:
        while (job := self._queue.get()) is not None:
            self._send(job)

    def _send(self, job: _Job) -> None:
        for attempt in range(MOST_TRIES):
            try:
                self._send_once(job)
            except TransportError as error:
                last = attempt + 1 == MOST_TRIES
                wait = RETRY_SECONDS * (self._random() if attempt == 0 else 1.0)
                if last or self._closing.is_set() or self._wait(self._closing, wait):
                    log.warning("Event not sent", extra={"event": job.event.text, "error": str(error)})
                    self._dropped()
                    return
            except ApiError as error:
                if not (
                    isinstance(error, AlreadyExistsError)
                    or any(c.reason == "NamespaceTerminating" for c in error.causes)
                ):
                    log.warning("Event refused", extra={"event": job.event.text, "error": str(error)})
                self._dropped()
                return
            else:
                return

    def _send_once(self, job: _Job) -> None:
        assert self._sink is not None, "nothing is queued without a sink"  # noqa: S101
        known = self._sent.get(job.correlated.entry)
        stamp = job.at.strftime("%Y-%m-%dT%H:%M:%SZ")
        namespace = job.canary.namespace
        if known is not None:
            patch = {"count": known.count + 1, "lastTimestamp": stamp, "message": shortened(job.correlated.text)}
            try:
                self._sink.merge_patch(EVENTS, namespace, known.name, patch)
            except NotFoundError:
                pass  # events live for an hour: make it anew
            else:
                known.count += 1
                return
        count = known.count + 1 if known else 1
        first = known.first if known else stamp
        name = event_name(job.canary.name, job.at)
        self._sink.create(
            EVENTS, namespace, event_object(job.canary, job.event, job.correlated.text, name, count, first, stamp)
        )
        self._sent.put(job.correlated.entry, _Sent(name, count, first))


def event_object(  # noqa: PLR0917  # an event has these parts
    canary: Canary, event: Event, text: str, name: str, count: int, first: str, last: str
) -> Json:
    """Return a core/v1 Event."""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": canary.namespace},
        "involvedObject": {
            "apiVersion": CANARIES.api_version,
            "kind": CANARIES.kind,
            "namespace": canary.namespace,
            "name": canary.name,
            "uid": canary.uid,
            "resourceVersion": canary.resource_version,
        },
        "reason": REASON,
        "action": event.action,
        "message": shortened(text),
        "type": event.type,
        "count": count,
        "firstTimestamp": first,
        "lastTimestamp": last,
        "source": {"component": SOURCE},
        "reportingComponent": SOURCE,
        "reportingInstance": SOURCE,
    }


def event_name(canary: str, at: datetime) -> str:
    """Return ``<object>.<hex of nanoseconds>``, or a UUID where that is no DNS name."""
    name = f"{canary}.{int(at.timestamp() * 1e6) * 1000:x}"
    return name if len(name) <= _LONGEST_NAME and _DNS_NAME.fullmatch(name) else str(uuid.uuid4())


def shortened(text: str) -> str:
    """Return a text within 1,024 bytes, cut at a character, with an ellipsis."""
    if len(text.encode()) <= MOST_BYTES:
        return text
    ellipsis = "…"
    room = MOST_BYTES - len(ellipsis.encode())
    return text.encode()[:room].decode(errors="ignore") + ellipsis
