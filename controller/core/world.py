"""Everything a decision is made from, gathered at one moment, and the plain facts that follow from it.

Facts are about the world (weights, templates, pods), never about what the controller believes that it did last:
that is what lets a crash at any instant heal itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from controller.core.canary import Canary, CanarySpec, InvalidSpec, Stage, State
from controller.core.plan import Complaint
from deploy.template import would_change_nothing
from deploy.types import Workload
from informers.types import Unreadable
from metrics.types import Reading
from router.types import Route

FINALIZER = "flagger.app/finalizer"


@dataclass(frozen=True, slots=True)
class World:
    """One canary and all that bears on it."""

    now: datetime
    canary: Canary
    primary: Workload | Unreadable | None  # None: there is no such Deployment
    workload: Workload | Unreadable | None  # of the canary
    route: Route | None  # None: there is no such route object
    service_problems: tuple[str, ...]  # of either host
    rivals: tuple[Canary, ...]  # other objects that name one of our workloads, or our route and one of our hosts
    default_interval: timedelta
    readings: tuple[Reading, ...] | None = None  # one per check, once they were asked for
    complaint: Complaint | None = None  # the last one that this process made of this canary

    @property
    def finalizer_held(self) -> bool:
        """Whether deleting the object waits for us."""
        return FINALIZER in self.canary.finalizers

    @property
    def at_rest(self) -> bool:
        """Whether the last rollout has ended, or none has begun."""
        return self.canary.status.state is not State.RUNNING


@dataclass(frozen=True, slots=True)
class Ready:
    """A world whose spec is valid and whose two workloads were found: what rules of a rollout are made for."""

    world: World
    spec: CanarySpec
    primary: Workload
    workload: Workload

    @property
    def stage(self) -> Stage | None:
        """The finer word for where the rollout is."""
        return self.world.canary.status.stage

    @property
    def weight(self) -> int:
        """The recorded canary weight in percent."""
        return self.world.canary.status.canary_weight

    @property
    def changes_nothing(self) -> bool:
        """Whether a promotion would leave the primary as it is."""
        return would_change_nothing(self.workload.template, self.primary.template)

    @property
    def copied(self) -> bool:
        """Whether the template of this rollout has reached the primary.

        The stamp counts beside the comparison, because an admission webhook may rewrite what was copied.
        """
        return self.primary.promoted == stamp(self.world.canary) or self.changes_nothing


def ready(world: World) -> Ready | None:
    """Return the world with its parts, or None if one is missing, unreadable or invalid."""
    if (
        isinstance(world.canary.spec, InvalidSpec)
        or not isinstance(world.primary, Workload)
        or not isinstance(world.workload, Workload)
    ):
        return None
    return Ready(world=world, spec=world.canary.spec, primary=world.primary, workload=world.workload)


def with_readings(world: World, readings: Iterable[Reading]) -> World:
    """Return the same world, now with the readings that a plan asked for."""
    return replace(world, readings=tuple(readings))


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


def older_rival(world: World) -> Canary | None:
    """Return the canary object that has the older right to a workload or route of ours, if there is one."""

    def seniority(canary: Canary) -> tuple[datetime, str, str]:
        return (canary.created, canary.name, canary.uid)

    rivals = [rival for rival in world.rivals if seniority(rival) < seniority(world.canary)]
    return min(rivals, key=seniority, default=None)
