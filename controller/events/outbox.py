"""Events that wait to be sent: in the order of each object, and bounded. Pure; not thread-safe.

Each object has a lane. What its first event waits for holds up that object's later events, which would be told before
it otherwise, and nobody else's. Where there is no room, an event of the namespace that takes up most of it is dropped.
"""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from controller.core.canary import Canary
from controller.core.events import Event
from controller.events.correlator import Correlated
from informers.types import Unreadable

MOST_ROUTINE = 1000


@dataclass(slots=True, eq=False)
class Job:
    """An event on its way."""

    canary: Canary | Unreadable
    event: Event
    correlated: Correlated
    at: datetime
    name: str  # of the object that a creation makes: the same at every try, so that a second one finds the first
    tries: int = 0  # without success

    @property
    def lane(self) -> str:
        """Return the lane of an object: ``namespace/uid``."""
        return lane_of(self.canary)


def lane_of(canary: Canary | Unreadable) -> str:
    """Return the lane of an object: ``namespace/uid``."""
    return f"{canary.namespace}/{canary.uid}"


@dataclass(slots=True)
class Outbox:
    """Holds at most so many events; what starts or ends a rollout takes the place of another, or comes on top."""

    most: int = MOST_ROUTINE
    _lanes: dict[str, deque[Job]] = field(default_factory=dict)  # none is empty; the oldest lane first
    _length: int = 0
    _routine: Counter[str] = field(default_factory=Counter)  # by namespace, those that may be dropped
    _held: set[Job] = field(default_factory=set)

    def __contains__(self, lane: str) -> bool:
        """Return whether something waits in a lane."""
        return lane in self._lanes

    def put(self, job: Job) -> Job | None:
        """Take an event; return the one that was dropped, if there was no room: it may be that event itself."""
        dropped = None
        if self._length >= self.most:
            dropped = self._droppable(job)
            if dropped is job:
                return job
            if dropped is not None:
                self._remove(dropped)
        self._lanes.setdefault(job.lane, deque()).append(job)
        self._count(job, 1)
        return dropped

    def hold(self, lane: str) -> Job | None:
        """Return the first event of a lane, which is not dropped until it is let go or removed."""
        jobs = self._lanes.get(lane)
        if not jobs:
            return None
        self._held.add(jobs[0])
        return jobs[0]

    def let_go(self, job: Job) -> None:
        """Have an event that is held wait like any other."""
        self._held.discard(job)

    def remove(self, job: Job) -> bool:
        """Remove an event that is done; return whether more wait in its lane."""
        self._held.discard(job)
        self._remove(job)
        return job.lane in self._lanes

    def lanes(self) -> Sequence[str]:
        """Return the lanes in which something waits."""
        return tuple(self._lanes)

    def _remove(self, job: Job) -> None:
        jobs = self._lanes[job.lane]
        jobs.remove(job)
        if not jobs:
            del self._lanes[job.lane]
        self._count(job, -1)

    def _count(self, job: Job, by: int) -> None:
        self._length += by
        if not job.event.terminal:
            self._routine[job.canary.namespace] += by

    def _droppable(self, late: Job) -> Job | None:
        """Return what makes room for an event: the oldest routine one of the namespace that has most of them.

        Neither terminal events nor one that is held are dropped. One that is late itself, for a namespace that has as
        many as any, or where nothing else can be dropped; None for one that is terminal.
        """
        namespace, most = max(self._routine.items(), key=lambda item: item[1], default=("", 0))
        has_most = self._routine[late.canary.namespace] == most
        if most and (late.event.terminal or not has_most):
            routine = (job for jobs in self._lanes.values() for job in jobs if not job.event.terminal)
            of_it = (job for job in routine if job.canary.namespace == namespace and job not in self._held)
            found = min(of_it, key=lambda job: job.at, default=None)
            if found is not None:
                return found
        return None if late.event.terminal else late
