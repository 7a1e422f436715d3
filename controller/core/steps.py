"""The moves of a rollout: start, advance, promote, finish, roll back. Each builds a plan; none decides.

Two orders matter, and each function says which it has:

* *Claim, then step* (start, advance, promote): status first. Dying afterwards costs one interval, never a double step.
* *End, then confirm* (finish, roll back): status last. Dying before it, the same end is ordered again.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from controller.core import events, pacing
from controller.core.canary import CanaryStatus, Condition, Stage, State
from controller.core.events import Cause
from controller.core.plan import (
    Action,
    CopyTemplate,
    HoldFinalizer,
    Log,
    Plan,
    ReleaseFinalizer,
    Say,
    Scale,
    Shift,
    WriteStatus,
)
from controller.core.world import Ready, World, stamp
from deploy.types import Workload
from router.types import ALL_TO_PRIMARY, Weights

PROMOTED = "Promoted"
READY = "Ready"


def start(r: Ready) -> Plan:
    """Claim the revision, take traffic off the canary, and give it pods. Also the way to start over."""
    canary = r.world.canary
    status = CanaryStatus(
        state=State.RUNNING,
        stage=Stage.STARTING,
        canary_revision=r.workload.template.revision,
        start_time=r.world.now,
        canary_replicas=canary.status.canary_replicas,
        last_transition_time=canary.status.last_transition_time,
        conditions=canary.status.conditions,
    )
    if canary.status.state is not State.RUNNING:
        status = replace(status, last_transition_time=r.world.now)
    status = note(r, status)
    status = with_condition(r.world, status, PROMOTED, "Unknown", "RolloutRunning", "The new revision is analysed")
    if canary.status.canary_revision:
        said = events.new_revision(_k(r), canary.status.canary_revision, r.workload.template.revision)
    else:
        said = events.starting(canary.label)
    hold = () if r.world.finalizer_held else (HoldFinalizer(),)
    return _soon((*hold, WriteStatus(status), *drain(r.world), Say(said), *_give_pods(r, status)))


def give_pods(r: Ready) -> Plan:
    """Scale up a canary that was claimed but has no pods: the crash between the two writes of ``start``."""
    return _soon(_give_pods(r, r.world.canary.status))


def advance(r: Ready, status: CanaryStatus) -> Plan:
    """Claim the next weight, then shift. ``status`` carries what the round that led here has found."""
    weight = min(r.weight + r.spec.step_weight, r.spec.max_weight)
    claimed = replace(note(r, status), stage=Stage.PROGRESSING, canary_weight=weight, last_check_time=r.world.now)
    said = events.advance(r.world.canary.label, weight)
    actions = (WriteStatus(claimed), Shift(Weights.to_canary(weight)), Say(said))
    return Plan(actions, wake_after=pacing.interval(r.world, r.spec))


def correct(r: Ready, status: CanaryStatus, found: str) -> Plan:
    """Put the route back to the recorded weight. ``status`` carries what it counts as.

    The interval that was cut short judges nothing, so a full one begins: after a crash between claim and shift the
    canary must not be promoted on traffic that it never had.
    """
    write = (WriteStatus(replace(note(r, status), last_check_time=r.world.now)),) if r.weight else ()
    said = events.correcting(r.world.canary.label, found, r.weight)
    actions = (*write, Shift(Weights.to_canary(r.weight)), Say(said))
    return Plan(actions, wake_after=pacing.interval(r.world, r.spec))


def promote(r: Ready, status: CanaryStatus) -> Plan:
    """Claim the promotion, then copy the analysed template."""
    claimed = replace(note(r, status), stage=Stage.PROMOTING, last_check_time=r.world.now)
    return _soon((WriteStatus(claimed), *_copy(r)))


def copy(r: Ready) -> Plan:
    """Copy what was claimed but has not arrived: the crash between the two writes of ``promote``."""
    return _soon(_copy(r))


def finish(r: Ready) -> Plan:
    """End a promotion whose primary has converged."""
    status = _ended(r.world, State.FINISHED, PROMOTED, f"Revision {r.world.canary.status.canary_revision} is promoted")
    revision = r.world.canary.status.canary_revision
    return Plan(
        (
            *drain(r.world),
            *_scale_down(r.workload),
            WriteStatus(_noted_at_rest(status, r.workload)),
            Say(events.completed(_k(r))),
            Log(events.completed_with_revision(_k(r), revision)),
            *_release(r.world),
        )
    )


def finish_for_new_revision(r: Ready) -> Plan:
    """End a promotion while the canary already has a newer template, which keeps its pods and starts at once."""
    revision = r.world.canary.status.canary_revision
    status = _ended(r.world, State.FINISHED, PROMOTED, f"Revision {revision} is promoted")
    said = events.completed_before_new_revision(_k(r), revision)
    return _soon((*drain(r.world), WriteStatus(status), Say(said), *_release(r.world)))


def finish_without_analysis(r: Ready) -> Plan:
    """End at once: the primary already runs what the canary would bring."""
    revision = r.workload.template.revision
    status = replace(r.world.canary.status, canary_revision=revision, checks=(), failed_checks=0)
    world = replace(r.world, canary=replace(r.world.canary, status=status))
    ended = _ended(world, State.FINISHED, "NothingToRollOut", f"The primary already runs revision {revision}")
    said = events.nothing_to_roll_out(_k(r), _p(r), revision)
    actions = (*drain(r.world), *_scale_down(r.workload), WriteStatus(_noted_at_rest(ended, r.workload)), Say(said))
    return Plan((*actions, *_release(r.world)))


def roll_back(world: World, status: CanaryStatus, why: Cause, *, said: Iterable[Say] = ()) -> Plan:
    """Claim the decision, then undo: whatever happens in between, the same end is reached.

    Args:
        world: may lack the canary workload, its route, or a valid spec: rolling back waits for no gate.
        status: what the round that led here has found.
        why: what events, the condition and metrics say of it.
        said: the events of that round.
    """
    claimed = replace(status, stage=Stage.ROLLING_BACK, observed_generation=world.canary.generation)
    claimed = with_condition(world, claimed, PROMOTED, "Unknown", why.reason, why.text)
    said_why = Say(events.rolling_back(workload_label(world), why))
    undone = undo(replace(world, canary=replace(world.canary, status=claimed)))
    return replace(undone, actions=(WriteStatus(claimed), *said, said_why, *undone.actions))


def undo(world: World) -> Plan:
    """Do what is left of a roll back: traffic first, then pods, then the confirmation."""
    promoted = world.canary.status.condition(PROMOTED)
    why = Cause(promoted.reason, promoted.message) if promoted else Cause("RolloutFailed", "")
    ended = _ended(world, State.FAILED, why.reason, why.text)
    scale_down: tuple[Action, ...] = ()
    if isinstance(world.workload, Workload):
        scale_down = _scale_down(world.workload)
        ended = _noted_at_rest(ended, world.workload)
    actions = (*drain(world), *scale_down, WriteStatus(ended), Say(events.failed(workload_label(world))))
    return Plan((*actions, *_release(world)))


def let_go(world: World) -> Plan:
    """Send traffic back and release an object that is being deleted."""
    primary = getattr(world.canary.spec, "primary", None)
    where = f"{primary.name}.{world.canary.namespace}" if primary else "the primary"
    drained = drain(world)
    said = (Say(events.released(world.canary.label, where)),) if drained else ()
    return Plan((*drained, *said, *_release(world)))


def drain(world: World) -> tuple[Action, ...]:
    """Return what takes all traffic off the canary: nothing if there is no route or none flows."""
    return (Shift(ALL_TO_PRIMARY),) if world.route is not None and world.route.sends_to_canary else ()


def note(r: Ready, status: CanaryStatus) -> CanaryStatus:
    """Return the status with what every write of a running rollout notes."""
    status = replace(
        status,
        canary_generation=r.workload.generation,
        canary_uid=r.workload.uid,
        canary_replicas=r.workload.replicas or status.canary_replicas,
    )
    return parts_found(r.world, status)


def parts_found(world: World, status: CanaryStatus) -> CanaryStatus:
    """Return the status of an object that nobody has to put right."""
    status = replace(status, observed_generation=world.canary.generation)
    return with_condition(world, status, READY, "True", "PartsFound", "Route, services and workloads were found")


def with_condition(
    world: World, status: CanaryStatus, kind: str, value: str, reason: str, message: str
) -> CanaryStatus:
    """Return the status with one condition set; its transition time moves only if its value does."""
    old = status.condition(kind)
    since = old.last_transition_time if old and old.status == value else world.now
    condition = Condition(kind, value, reason, message, since)
    others = tuple(c for c in status.conditions if c.type != kind)
    return replace(status, conditions=tuple(sorted((*others, condition), key=lambda c: c.type)))


def workload_label(world: World) -> str:
    """Name of the canary workload as events print it, also where only the spec knows it."""
    side = getattr(world.canary.spec, "canary", None)
    return f"{side.name if side else world.canary.name}.{world.canary.namespace}"


def _copy(r: Ready) -> tuple[Action, ...]:
    return (CopyTemplate(stamp(r.world.canary)), Say(events.copying(_k(r), _p(r))))


def _give_pods(r: Ready, status: CanaryStatus) -> tuple[Action, ...]:
    if r.workload.replicas:
        return ()
    return (Scale(status.canary_replicas or 1), Say(events.scaling_up(r.world.canary.label)))


def _scale_down(workload: Workload) -> tuple[Action, ...]:
    return (Scale(0),) if workload.replicas else ()


def _release(world: World) -> tuple[Action, ...]:
    return (ReleaseFinalizer(),) if world.finalizer_held else ()


def _ended(world: World, state: State, reason: str, message: str) -> CanaryStatus:
    before = world.canary.status
    status = replace(
        before,
        state=state,
        stage=None,
        canary_weight=0,
        inconclusive_checks=0,
        last_transition_time=before.last_transition_time if before.state is state else world.now,
        observed_generation=world.canary.generation,
    )
    return with_condition(world, status, PROMOTED, "True" if state is State.FINISHED else "False", reason, message)


def _noted_at_rest(status: CanaryStatus, workload: Workload) -> CanaryStatus:
    """Note the canary as it will be at rest.

    Scaling to zero adds one to the generation. Noting that one, and not the one before, keeps an API server that adds
    defaults to old objects from looking like a new revision. The scale carries a precondition on the version that was
    read, so nothing else can have moved the generation in between.
    """
    return replace(
        status,
        canary_generation=workload.generation + (1 if workload.replicas else 0),
        canary_uid=workload.uid,
        canary_replicas=workload.replicas or status.canary_replicas,
    )


def _soon(actions: tuple[Action, ...]) -> Plan:
    """Return a plan after which the world is looked at again at once, whether or not a watch event comes."""
    return Plan(actions, wake_after=timedelta(milliseconds=1))


def _k(r: Ready) -> str:
    return workload_label(r.world)


def _p(r: Ready) -> str:
    return f"{r.spec.primary.name}.{r.world.canary.namespace}"
