"""The Canary object as values: what the user wants (spec) and how far it has come (status).

Nothing here reads JSON (``parse``) or writes it (``status_json``). Field names follow docs/api.md.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from controller.core.verbs import NOTHING_ASKED, Verbs
from metrics.types import DESTINATION, AnyCheck, Limits, Verdict


class State(StrEnum):
    """The three words for a rollout that users read."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


BLOCKED = "blocked"
"""What the status says where there is no ``State``: no rollout has begun, because something is in the way."""


class Stage(StrEnum):
    """A finer word while a rollout is running."""

    STARTING = "starting"  # no traffic yet in this rollout
    PROGRESSING = "progressing"  # has had traffic
    PROMOTING = "promoting"  # passed at maxWeight; the template is copied, or about to be
    ROLLING_BACK = "rolling-back"  # decided; what is left to do is done whatever happens
    DRAINING = "draining"  # all traffic is on the primary; the canary's pods stay until every proxy knows


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the comparison: a workload and the host that leads to it."""

    name: str
    host: str


@dataclass(frozen=True, slots=True)
class CanarySpec:
    """What the user asked for, with defaults filled in and bounds checked."""

    target_kind: str  # of both workloads
    route_kind: str
    route_name: str
    primary: Side
    canary: Side
    threshold: int  # failed checks until roll back, at least 1
    max_weight: int  # percent, 1..100
    step_weight: int  # percent, 1..100
    interval: timedelta | None  # of one round, at least 1 s; None: the controller's default
    inconclusive_limit: int  # consecutive rounds; 0: wait for ever
    checks: tuple[AnyCheck, ...]  # empty: pod health only, on purpose
    drain: timedelta  # from the moment that all traffic is back on the primary until the canary is scaled down
    stepped: bool  # after a promotion traffic returns by stepWeight each round, not at once
    reporter: str = DESTINATION  # whose numbers the built-in checks are about


@dataclass(frozen=True, slots=True)
class InvalidSpec:
    """A spec that cannot be acted on."""

    problem: str  # what is wrong, where, and what would be right


PROMOTED = "Promoted"  # how the last rollout ended, or how the running one stands
READY = "Ready"  # whether somebody has to put something right


@dataclass(frozen=True, slots=True)
class Condition:
    """A Kubernetes condition of the object: ``Promoted`` or ``Ready``."""

    type: str
    status: str  # True, False, Unknown
    reason: str  # one CamelCase word
    message: str
    last_transition_time: datetime


@dataclass(frozen=True, slots=True)
class CheckStatus:
    """The last reading of one check, as ``kubectl describe`` shows it."""

    name: str
    verdict: Verdict
    threshold: float | None  # None: a check of the user's own
    value: float | None  # None: no reading
    message: str
    time: datetime
    limits: Limits | None = None  # of a check of the user's own
    worst: float | None = None  # reading of this rollout; None: it had none


@dataclass(frozen=True, slots=True)
class Obeyed:
    """The last value of each verb that was acted on, or made void by a new start: each acts at most once."""

    abort: str = ""
    promote: str = ""
    retry: str = ""


@dataclass(frozen=True, slots=True)
class WorstReading:
    """How bad a check has been in a rollout."""

    name: str
    value: float  # in the unit of its limit


@dataclass(frozen=True, slots=True)
class PastRollout:
    """A rollout that has ended, for people: nothing is decided by it."""

    version: str  # as ``CanaryStatus.version`` was
    revision: str
    started: datetime | None
    ended: datetime
    outcome: str  # finished, failed, superseded
    reason: str  # one CamelCase word
    worst: tuple[WorstReading, ...] = ()


LONGEST_MESSAGE = 300  # characters of ``CanaryStatus.message``; the condition has all of it
FAILED_REVISIONS_KEPT = 10
ROLLOUTS_KEPT = 10


@dataclass(frozen=True, slots=True)
class CanaryStatus:
    """How far the rollout has come. The default is an object that was never reconciled."""

    state: State | None = None
    stage: Stage | None = None  # None unless running
    canary_revision: str = ""  # the revision that is analysed, or was analysed last
    canary_generation: int = 0  # the canary Deployment's, when its revision was noted
    canary_uid: str = ""  # likewise
    canary_replicas: int = 0  # the last count above 0; scale-up goes back to it
    failed_checks: int = 0
    inconclusive_checks: int = 0  # consecutive
    canary_weight: int = 0  # percent; authoritative while running
    previous_weight: int = 0  # before the last step: what the route carries if that step was interrupted
    start_time: datetime | None = None
    traffic_start_time: datetime | None = None  # of this revision's first step; None: it has none
    drain_start_time: datetime | None = None  # when traffic was last taken off the canary; None: not in this rollout
    last_check_time: datetime | None = None
    last_transition_time: datetime | None = None  # of ``state``
    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    checks: tuple[CheckStatus, ...] = ()
    failed_revisions: tuple[str, ...] = ()  # the last few that failed, oldest first: not tried again unless retried
    obeyed: Obeyed = Obeyed()
    version: str = ""  # for people: the image tags of both sides where they differ; set and kept by core.summary
    reason: str = ""  # for people: why it stands where it does, one CamelCase word
    message: str = ""  # likewise, a sentence
    next_check_time: datetime | None = None  # for people: when the next round is due; None: no rounds are held
    history: tuple[PastRollout, ...] = ()  # for people: newest first
    fence_owed: bool = False  # a copy was claimed and refused; one by another process may still be on its way

    def condition(self, kind: str) -> Condition | None:
        """Return the condition of that type, if it was ever set."""
        return next((c for c in self.conditions if c.type == kind), None)


@dataclass(frozen=True, slots=True)
class Canary:
    """View of a Canary object."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int
    created: datetime
    deleting: bool  # has a deletionTimestamp
    finalizers: tuple[str, ...]
    spec: CanarySpec | InvalidSpec
    status: CanaryStatus = CanaryStatus()
    verbs: Verbs = NOTHING_ASKED

    @property
    def label(self) -> str:
        """Name as events print it: ``podinfo.test``."""
        return f"{self.name}.{self.namespace}"
