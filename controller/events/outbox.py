"""Events that wait to be sent: in the order of each object, and bounded. Pure, for one thread at a time.

Each object has a lane. What its first event waits for holds up that object's later events, which would be told before
it otherwise, and nobody else's.
"""

from collections import deque
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


@dataclass(slots=True)
class Outbox:
    """Holds at most so many events; what starts or ends a rollout takes the place of another, or comes on top."""

    most: int = MOST_ROUTINE
    _lanes: dict[str, deque[Job]] = field(default_factory=dict)  # none is empty; the oldest lane first
    _length: int = 0
    _routine: int = 0  # of them, those that may be dropped
    _held: Job | None = None

    def __contains__(self, lane: str) -> bool:
        """Return whether something waits in a lane, or is held."""
        return lane in self._lanes

    def put(self, job: Job) -> Job | None:
        """Take an event; return the one that was dropped, if there was no room: it may be that event itself."""
        dropped = None
        if self._length >= self.most:
            dropped = self._droppable() if job.event.terminal else job
            if dropped is job:
                return job
            if dropped is not None:
                self._remove(dropped)
        self._lanes.setdefault(job.canary.uid, deque()).append(job)
        self._count(job, 1)
        return dropped

    def hold(self, lane: str) -> Job | None:
        """Return the first event of a lane, which is not dropped until it is removed or another one is held."""
        jobs = self._lanes.get(lane)
        self._held = jobs[0] if jobs else None
        return self._held

    def remove(self, job: Job) -> bool:
        """Remove an event that is done; return whether more wait in its lane."""
        self._remove(job)
        return job.canary.uid in self._lanes

    def lanes(self) -> Sequence[str]:
        """Return the lanes in which something waits."""
        return tuple(self._lanes)

    def _remove(self, job: Job) -> None:
        jobs = self._lanes[job.canary.uid]
        jobs.remove(job)
        if not jobs:
            del self._lanes[job.canary.uid]
        self._count(job, -1)

    def _count(self, job: Job, by: int) -> None:
        self._length += by
        self._routine += 0 if job.event.terminal else by

    def _droppable(self) -> Job | None:
        """Return the oldest event that is neither terminal nor held."""
        if self._routine == 0:
            return None
        routine = (job for jobs in self._lanes.values() for job in jobs if not job.event.terminal)
        return min((job for job in routine if job is not self._held), key=lambda job: job.at, default=None)
