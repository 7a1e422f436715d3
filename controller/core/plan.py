"""What is to be done: actions as values, in the order in which they must happen.

The shell applies them one after the other and stops at the first that fails, so that no event tells of what did not
happen, and whatever was not reached is decided anew from the world as it then is.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from controller.core.canary import CanaryStatus
from controller.core.events import Event
from metrics.types import AnyCheck
from router.types import Weights


@dataclass(frozen=True, slots=True)
class HoldFinalizer:
    """Put our finalizer on the canary object: from here on its deletion routes traffic back first."""


@dataclass(frozen=True, slots=True)
class ReleaseFinalizer:
    """Take our finalizer off."""


@dataclass(frozen=True, slots=True)
class WriteStatus:
    """Write what differs from the status that was read."""

    status: CanaryStatus


@dataclass(frozen=True, slots=True)
class Shift:
    """Write weights to the route."""

    weights: Weights


@dataclass(frozen=True, slots=True)
class Fence:
    """Move the version of an object and nothing else, so that a write of it that was claimed cannot arrive any more.

    Whoever claimed it, a leader that was paused or a process that died, may have sent its patch without an answer yet.
    """

    what: Literal["route", "primary", "canary"] = "route"


@dataclass(frozen=True, slots=True)
class Scale:
    """Set the canary's number of pods."""

    replicas: int


@dataclass(frozen=True, slots=True)
class CopyTemplate:
    """Promote: copy the canary's template over the primary's, and stamp the primary."""

    stamp: str


@dataclass(frozen=True, slots=True)
class Say:
    """Record an event, which is logged as well."""

    event: Event


@dataclass(frozen=True, slots=True)
class Log:
    """A log line for the story, without an event."""

    text: str


Action = HoldFinalizer | ReleaseFinalizer | WriteStatus | Shift | Fence | Scale | CopyTemplate | Say | Log


@dataclass(frozen=True, slots=True)
class Complaint:
    """What was complained of last, so that it is repeated in its own time only."""

    text: str
    at: datetime


_LONGEST_PACE = timedelta(minutes=1)
_MOST_TRIES = 12  # beyond the longest pace


@dataclass(frozen=True, slots=True)
class Refusal:
    """A write that the API server refused, and refuses until somebody changes a permission, a policy or a webhook."""

    action: str  # name of the action's class
    text: str  # what was asked for, and the server's words
    at: datetime  # of the last try
    count: int = 1  # how often in a row
    complaint: Complaint | None = None  # when it was reported last

    @property
    def due_at(self) -> datetime:
        """When it may be tried again: at a growing pace, in the end once a minute."""
        return self.at + min(timedelta(seconds=3.0 ** min(self.count - 1, _MOST_TRIES)), _LONGEST_PACE)

    def waits(self, now: datetime) -> bool:
        """Whether it is too early for another try; not if the clock was set back."""
        return self.at <= now < self.due_at


@dataclass(frozen=True, slots=True)
class Corrections:
    """How often the route was put back of late, so that a tool that resets it is answered at a growing pace."""

    count: int
    at: datetime  # of the last one


@dataclass(frozen=True, slots=True)
class Plan:
    """A decision."""

    actions: tuple[Action, ...] = ()
    observe: tuple[AnyCheck, ...] = ()  # readings that are needed before anything can be decided
    wake_after: timedelta | None = None  # reconcile again then, even if nothing changes; None: only on a change
    complaint: Complaint | None = None  # to be remembered until the next decision of this canary; None: forget
    corrections: Corrections | None = None  # to be remembered; None: as before
    retries_later: bool = False  # a write that was refused is still wanted, and waits for its time
    holds_a_round: bool = False  # one that was due: not a step that is finished, put back or diverted in between
