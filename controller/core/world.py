"""Everything a decision is made from, gathered at one moment, and the plain facts that follow from it.

Facts are about the world (weights, templates, pods), never about what the controller believes that it did last:
that is what lets a crash at any instant heal itself.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from controller.core.canary import Canary, CanarySpec, InvalidSpec, Stage, State
from controller.core.plan import Action, Complaint, CopyTemplate, Corrections, Plan, Refusal, Shift
from deploy.template import would_change_nothing
from deploy.types import Workload
from informers.types import Unreadable
from metrics.types import AnyCheck, Reading
from router.types import Backend, Route, Weights

FINALIZER = "flagger.app/finalizer"


@dataclass(frozen=True, slots=True)
class Shifted:
    """The last write of the route that this process made. Its time is that of the API server's answer."""

    weights: Weights
    at: datetime


@dataclass(frozen=True, slots=True)
class Memory:
    """What this process remembers of a canary between two decisions. Nothing unsafe depends on it."""

    complaint: Complaint | None = None  # the last one that was made
    corrections: Corrections | None = None
    shifted: Shifted | None = None
    failed_shift: Weights | None = None  # that this process tried to write, until a write of the route succeeds
    refusal: Refusal | None = None  # a write that was refused, until one of its kind succeeds


NOTHING_REMEMBERED = Memory()


class WhyUnseen(StrEnum):
    """Why nothing of a kind has been seen since this process began, or not of late."""

    NOT_LISTED_YET = "not listed yet"  # the first list is under way, or fails for a while, or is in doubt
    NOT_SERVED = "not served"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class Unseen:
    """A kind of which nothing has been seen, or not of late: what a cache holds of it says nothing of the cluster."""

    kind: str
    why: WhyUnseen
    what: str = ""  # as an administrator has to hear it; "" while it is not listed yet


@dataclass(frozen=True, slots=True)
class World:
    """One canary and all that bears on it."""

    now: datetime
    canary: Canary
    primary: Workload | Unreadable | None  # None: there is no such Deployment
    canary_workload: Workload | Unreadable | None
    route: Route | None  # None: there is no such route object
    primary_backend: Backend  # what stands behind the primary's host
    canary_backend: Backend
    rivals: tuple[
        Canary, ...
    ]  # of each of our workloads, and hosts on our route, the oldest other object that names it
    default_interval: timedelta
    readings: tuple[tuple[AnyCheck, Reading], ...] | None = None  # once they were asked for
    memory: Memory = NOTHING_REMEMBERED
    namespace_terminating: bool = False  # everything in it is about to go, our rights included
    unseen: tuple[Unseen, ...] = ()  # of the kinds of its workloads and its route
    not_stored: str = ""  # which fields of the status the API server drops, and the fix; only fields for people

    @property
    def finalizer_held(self) -> bool:
        """Whether deleting the object waits for us."""
        return FINALIZER in self.canary.finalizers

    @property
    def is_incomplete(self) -> bool:
        """Whether a part may be there that has not been seen yet: an empty cache says nothing of the cluster."""
        return any(unseen.why is WhyUnseen.NOT_LISTED_YET for unseen in self.unseen)

    @property
    def at_rest(self) -> bool:
        """Whether the last rollout has ended, or none has begun."""
        return self.canary.status.state is not State.RUNNING

    @property
    def primary_serves(self) -> bool:
        """Whether a request to the primary's host finds a pod. What cannot be read counts as serving."""
        return _serves(self.primary, self.primary_backend)

    @property
    def canary_serves(self) -> bool:
        """Whether a request to the canary's host finds a pod."""
        return _serves(self.canary_workload, self.canary_backend)

    @property
    def only_the_canary_serves(self) -> bool:
        """Whether all traffic belongs on the canary, tested or not: the primary would lose every request."""
        return isinstance(self.canary_workload, Workload) and self.canary_serves and not self.primary_serves

    @property
    def route_is_unreadable(self) -> bool:
        """Whether the route is there and may send anything anywhere: its weights are not known."""
        return self.route is not None and self.route.unreadable

    @property
    def sends_to_canary(self) -> bool:
        """Whether the route sends any request to the canary's host."""
        return self.route is not None and self.route.sends_to_canary

    @property
    def stamped(self) -> bool:
        """Whether the primary bears the stamp of this rollout: its template was copied."""
        return isinstance(self.primary, Workload) and self.primary.promoted == stamp(self.canary) != ""

    @property
    def identity(self) -> Collection[str]:
        """Label keys that tell the two sides apart besides the Deployments' own: the services select by them."""
        return self.primary_backend.identity | self.canary_backend.identity


@dataclass(frozen=True, slots=True)
class Rollout:
    """A world whose spec is valid and whose canary workload was found: what the rules of a rollout are made for."""

    world: World
    spec: CanarySpec
    canary_workload: Workload

    @property
    def stage(self) -> Stage | None:
        """The finer word for where the rollout is."""
        return self.world.canary.status.stage

    @property
    def weight(self) -> int:
        """The recorded canary weight in percent."""
        return self.world.canary.status.canary_weight

    @property
    def primary(self) -> Workload | None:
        """The primary, if it is there and readable."""
        return self.world.primary if isinstance(self.world.primary, Workload) else None

    @property
    def changes_nothing(self) -> bool:
        """Whether a promotion would leave the primary as it is."""
        return self.primary is not None and would_change_nothing(
            self.canary_workload.template, self.primary.template, self.world.identity
        )

    @property
    def copied(self) -> bool:
        """Whether the template of this rollout has reached the primary.

        The stamp counts beside the comparison, because an admission webhook may rewrite what was copied.
        """
        return self.primary is not None and (
            self.primary.promoted == stamp(self.world.canary) or (self.changes_nothing and not self.overtaken)
        )

    @property
    def overtaken(self) -> bool:
        """Whether the canary has another template by now than the one that this rollout is about."""
        return template_changed(self.world.canary, self.canary_workload)

    @property
    def primary_is_beyond_help(self) -> bool:
        """Whether the primary will not come back by itself: the rollout is the cure and need not wait for it.

        Of one whose pods are not counted nobody can say that only the canary serves: its own word has to do. What this
        rollout has copied is no cure of itself.
        """
        if self.primary is None or not self.primary.deadline_exceeded:
            return False
        cures = self.overtaken or not self.copied
        return self.world.only_the_canary_serves or (not self.primary.counts_pods and cures)


def rollout_of(world: World) -> Rollout | None:
    """Return the rollout of a world, or None if its canary is missing or unreadable, or its spec invalid."""
    if isinstance(world.canary.spec, InvalidSpec) or not isinstance(world.canary_workload, Workload):
        return None
    return Rollout(world=world, spec=world.canary.spec, canary_workload=world.canary_workload)


def with_readings(world: World, checks: Sequence[AnyCheck], readings: Iterable[Reading]) -> World:
    """Return the same world, now with the readings that a plan asked for, one per check."""
    return replace(world, readings=tuple(zip(checks, readings, strict=True)))


def carried(world: World) -> Shifted | None:
    """Return what this process has last brought the route to, and when.

    A write without an answer may have been carried out late, long after it was claimed: what the route carries of it
    counts from when it is seen.
    """
    memory, route = world.memory, world.route
    if memory.failed_shift is not None and route is not None and route.weights == memory.failed_shift:
        return Shifted(memory.failed_shift, world.now)
    return memory.shifted


def after_plan(world: World, plan: Plan) -> Memory:
    """Return what to remember of a plan that is about to be carried out."""
    memory = replace(world.memory, complaint=plan.complaint, corrections=plan.corrections or world.memory.corrections)
    shifted = carried(world)
    if shifted != memory.shifted:
        memory = replace(memory, shifted=shifted, failed_shift=None)
    return memory if still_wanted(world, plan) else replace(memory, refusal=None)


def still_wanted(world: World, plan: Plan) -> bool:
    """Whether a write that was refused is still to be made: now, or when its time comes.

    A step or a copy was taken back in the status and waits for the next round; a route that is not where it should be
    is put right at a pace of its own. Whatever else is wanted stands in every plan until it was done.
    """
    refusal, status, route = world.memory.refusal, world.canary.status, world.route
    if refusal is None or refusal.action in {type(action).__name__ for action in plan.actions}:
        return refusal is not None
    if plan.retries_later:
        return True
    waits = status.stage is Stage.PROGRESSING and not plan.holds_a_round
    if refusal.action != Shift.__name__:
        return waits and refusal.action == CopyTemplate.__name__
    if world.at_rest or route is None or route.problem is not None:
        return waits
    return waits or route.weights != Weights.to_canary(status.canary_weight)


def after_action(memory: Memory, action: Action, at: datetime) -> Memory:
    """Return what to remember once an action was carried out."""
    if isinstance(action, Shift):
        memory = replace(memory, shifted=Shifted(action.weights, at), failed_shift=None)
    refused = memory.refusal is not None and memory.refusal.action == type(action).__name__
    return replace(memory, refusal=None) if refused else memory


def after_failure(memory: Memory, action: Action) -> Memory:
    """Return what to remember once an action has failed, whatever the reason."""
    return replace(memory, failed_shift=action.weights) if isinstance(action, Shift) else memory


def stamp(canary: Canary) -> str:
    """Return what a promotion writes on the primary: the revision, and which rollout of it.

    The revision alone would not do. If somebody takes the primary back by hand and the same revision is rolled out
    again, the old stamp must not look like a promotion.
    """
    started = canary.status.start_time
    return f"{canary.status.canary_revision}@{started.isoformat()}" if started else ""


def template_changed(canary: Canary, workload: Workload) -> bool:
    """Whether the canary's template is another than the one noted in the status.

    Both must have moved: the generation (or the uid), since a new release of the API server may add defaults to a
    template that nobody touched; and the fingerprint, since scaling moves the generation too.
    """
    status = canary.status
    moved = workload.uid != status.canary_uid or workload.generation != status.canary_generation
    return moved and workload.template.revision != status.canary_revision


def seniority(canary: Canary) -> tuple[datetime, str, str]:
    """Return what decides which of two canary objects has the older right: the lesser."""
    return (canary.created, canary.name, canary.uid)


def older_rival(world: World) -> Canary | None:
    """Return the canary object that has the older right to a workload or route of ours, if there is one."""
    rivals = [rival for rival in world.rivals if seniority(rival) < seniority(world.canary)]
    return min(rivals, key=seniority, default=None)


def _serves(workload: Workload | Unreadable | None, backend: Backend) -> bool:
    if isinstance(workload, Unreadable):
        return not backend.gone
    return workload is not None and workload.may_answer and backend.leads_to(workload.pod_labels)
