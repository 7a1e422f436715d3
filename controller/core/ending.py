"""How a rollout ends: traffic to the primary, a pause for the proxies, no more canary pods, and then the confirmation.

*End, then confirm*: the status that says "ended" is written last, so that whoever dies before it finds the same end
ordered again. What the end will be stands in the condition ``Promoted`` from the claim on.

Proxies learn of a route later than the API server, and of missing pods sooner than of the route. So between the two
writes lies ``drainSeconds``, counted from when the route was written: it is noted by a write of its own after that.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from controller.core import conditions, events, obstacles, pacing, waits
from controller.core.canary import FAILED_REVISIONS_KEPT, PROMOTED, CanarySpec, CanaryStatus, InvalidSpec, Stage, State
from controller.core.events import Cause
from controller.core.nouns import canary_label, primary_label
from controller.core.plan import Action, Fence, Log, Plan, ReleaseFinalizer, Say, Scale, Shift, WriteStatus
from controller.core.traffic import keep_out_a_late_copy, owed_fence, taken_off, to_the_canary, to_the_primary
from controller.core.world import Rollout, World, rollout_of
from deploy.types import Workload


def finish(r: Rollout) -> Plan:
    """End a promotion whose primary has converged."""
    return _end(r.world, events.promoted(r.world.canary.status.canary_revision))


def finish_without_analysis(r: Rollout) -> Plan:
    """End a rollout whose promotion would change nothing: the primary already runs what the canary would bring."""
    revision = r.canary_workload.template.revision
    before = r.world.canary.status
    status = replace(
        before,
        canary_revision=revision,
        canary_generation=r.canary_workload.generation,
        canary_uid=r.canary_workload.uid,
        checks=(),
        failed_checks=0,
        drain_start_time=None if r.world.at_rest else before.drain_start_time,
    )
    event = Say(events.nothing_to_roll_out(canary_label(r.world), primary_label(r.world), revision))
    return _end(_with_status(r.world, status), events.already_there(revision), event)


def roll_back(world: World, status: CanaryStatus, cause: Cause, *, report: Iterable[Say] = ()) -> Plan:
    """Claim the decision, then undo: whatever happens in between, the same end is reached.

    Args:
        world: may lack the canary workload, its route, or a valid spec: rolling back waits for no gate.
        status: what the round that led here has found.
        cause: what events, the condition and metrics say of it.
        report: the events of that round.
    """
    claimed = replace(status, stage=Stage.ROLLING_BACK, observed_generation=world.canary.generation)
    claimed = conditions.running(world, claimed, cause)
    why = Say(events.rolling_back(canary_label(world), cause))
    undone = go_on_ending(_with_status(world, claimed))
    first = keep_out_a_late_copy(world)
    rest = (action for action in undone.actions if action not in first)
    return replace(undone, actions=(*first, WriteStatus(claimed), *report, why, *rest))


def go_on_ending(world: World) -> Plan:
    """Do what is left of an end that was claimed, whatever has changed since."""
    promoted = world.canary.status.condition(PROMOTED)
    cause = Cause(promoted.reason, promoted.message) if promoted else Cause("RolloutFailed", "")
    if cause.reason in events.ENDS_WELL:
        cause = replace(cause, state=State.FINISHED)
    return _end(world, cause)


def let_go(world: World) -> Plan:
    """Release an object that is being deleted, with all traffic where the pods are.

    A namespace that goes takes no new events: what would be one is a log line there. A route that cannot be read, or is
    not known as the spec is invalid, is left as it is: nobody waits for the repair of an object that a deletion, or a
    namespace, waits for.
    """
    diverted = world.only_the_canary_serves
    shift = to_the_canary(world) if diverted else to_the_primary(world)
    released = events.released(world.canary.label, canary_label(world) if diverted else primary_label(world))
    unknown = obstacles.unusable_route(world) if world.route_is_unreadable else _unknown_route(world)
    if unknown is not None:
        released = events.released_as_it_is(world.canary.label, unknown)
    report = Log(released.text) if world.namespace_terminating else Say(released)
    reports = (report,) if unknown is not None or any(isinstance(action, Shift) for action in shift) else ()
    fence = [action for action in keep_out_a_late_copy(world) if action not in shift]
    owed = () if fence else owed_fence(world)[:1]
    return Plan((*shift, *reports, *fence, *_release(world), *owed))


def _unknown_route(world: World) -> str | None:
    """Return why nobody knows which route it is that sends requests to the canary, or None if none does or we know."""
    spec, unknown = world.canary.spec, world.route is None
    return spec.problem if isinstance(spec, InvalidSpec) and unknown and world.canary.status.canary_weight else None


def _end(world: World, cause: Cause, event: Say | None = None) -> Plan:
    """Bring a rollout one step closer to its end.

    Args:
        world: with the status that the end was claimed by, if it was.
        cause: how it ends, and why.
        event: an event that goes with the first write of this end.
    """
    waits_first = _wait(world)
    if waits_first:
        return waits_first
    first = to_the_primary(world)
    rollout = rollout_of(world)
    overtaken = rollout is not None and rollout.overtaken
    if overtaken or not _drains(world):
        return _close(world, first, cause, event, overtaken=overtaken)
    if world.sends_to_canary:
        return pacing.soon(first)
    # A weight in the status is traffic that came back meanwhile, with the primary away: then the drain begins anew.
    if world.canary.status.stage is Stage.DRAINING and not world.canary.status.canary_weight:
        due = pacing.drained_at(world, _drain(world))
        meanwhile = Plan(owed_fence(world), wake_after=_until(world, due))
        return _close(world, (), cause, None) if _passed(world, due) else meanwhile
    claimed = _draining(world, cause)
    due = pacing.drained_at(_with_status(world, claimed), _drain(world))
    if _passed(world, due):  # traffic was taken off long ago, as for a newer template
        return _close(world, first, cause, event)
    return Plan((*first, WriteStatus(claimed), *((event,) if event else ())), wake_after=_until(world, due))


def _wait(world: World) -> Plan | None:
    if world.only_the_canary_serves:
        return waits.for_the_primary(world, to_the_canary(world))
    return waits.for_the_route(world) if world.route_is_unreadable else None


def _passed(world: World, due: datetime | None) -> bool:
    return due is None or due <= world.now


def _until(world: World, due: datetime | None) -> timedelta:
    return pacing.until(world, due or world.now)


def _draining(world: World, cause: Cause) -> CanaryStatus:
    """Return the status of a rollout that will end for a cause, and whose canary is not asked any more."""
    status = replace(
        taken_off(world, world.canary.status),
        state=State.RUNNING,
        stage=Stage.DRAINING,
        inconclusive_checks=0,
        observed_generation=world.canary.generation,
        fence_owed=world.canary.status.fence_owed and not world.stamped,
    )
    return conditions.running(world, status, cause)


def _close(
    world: World, first: tuple[Action, ...], cause: Cause, event: Say | None, *, overtaken: bool = False
) -> Plan:
    """Scale the canary down and confirm; a newer template keeps its pods, and starts at once."""
    workload = world.canary_workload if isinstance(world.canary_workload, Workload) and not overtaken else None
    parked = workload.within_bounds(0) if workload else 0
    scale: tuple[Action, ...] = (Scale(parked),) if workload and workload.replicas > parked else ()
    if workload and not workload.replicas and not world.at_rest:
        scale = (Fence("canary"),)  # a scale-up may still be on its way
    status = _ended(world, cause)
    if not overtaken:
        status = replace(status, previous_weight=0, drain_start_time=None)
    if workload:
        status = _noted_at_rest(status, workload)
    events_of_it = _events_of_the_end(world, cause, event, overtaken=overtaken)
    actions = (*first, *scale, WriteStatus(status), *events_of_it, *_release(world))
    return pacing.soon(actions) if overtaken else Plan(actions)


def _events_of_the_end(world: World, cause: Cause, event: Say | None, *, overtaken: bool) -> tuple[Action, ...]:
    k, revision = canary_label(world), world.canary.status.canary_revision
    keeps = _keeps_its_pods(world)
    if event or cause.reason == "NothingToRollOut":
        return (event,) if event else ()  # it was reported when the end was claimed
    if cause.state is State.FAILED:
        newer = events.failed_before_new_revision(k, revision)
        return (Say(newer if overtaken else events.failed(k, keeps_pods=keeps)),)
    if overtaken:
        return (Say(events.completed_before_new_revision(k, revision)),)
    return (Say(events.completed(k, keeps_pods=keeps)), Log(events.completed_with_revision(k, revision)))


def _drains(world: World) -> bool:
    """Whether pods may still be asked that are about to go: they are there, and had traffic in this rollout."""
    status = world.canary.status
    had_traffic = status.canary_weight > 0 or world.sends_to_canary or status.drain_start_time is not None
    return bool(_drain(world)) and had_traffic and world.canary_serves and not _keeps_its_pods(world)


def _keeps_its_pods(world: World) -> bool:
    """Whether the canary is of a kind that cannot be scaled to nothing: it stays, without traffic."""
    return isinstance(world.canary_workload, Workload) and world.canary_workload.within_bounds(0) > 0


def _drain(world: World) -> timedelta:
    spec = world.canary.spec
    return spec.drain if isinstance(spec, CanarySpec) else timedelta()


def _release(world: World) -> tuple[Action, ...]:
    return (ReleaseFinalizer(),) if world.finalizer_held else ()


def _ended(world: World, cause: Cause) -> CanaryStatus:
    before = world.canary.status
    status = replace(
        taken_off(world, before),
        state=cause.state,
        stage=None,
        inconclusive_checks=0,
        failed_revisions=_failed_revisions(before, cause),
        last_transition_time=before.last_transition_time if before.state is cause.state else world.now,
        observed_generation=world.canary.generation,
        fence_owed=before.fence_owed and not world.stamped,
    )
    return conditions.ended(world, status, cause)


def _failed_revisions(status: CanaryStatus, cause: Cause) -> tuple[str, ...]:
    others = tuple(revision for revision in status.failed_revisions if revision != status.canary_revision)
    if cause.state is State.FINISHED:
        return others
    return (*others, status.canary_revision)[-FAILED_REVISIONS_KEPT:]


def _noted_at_rest(status: CanaryStatus, workload: Workload) -> CanaryStatus:
    """Note the canary as it will be at rest.

    Scaling to zero adds one to the generation. Noting that one, and not the one before, keeps an API server that adds
    defaults to old objects from looking like a new revision. The scale carries a precondition on the version that was
    read, so nothing else can have moved the generation in between.
    """
    return replace(
        status,
        canary_generation=workload.generation + (1 if workload.replicas > workload.within_bounds(0) else 0),
        canary_uid=workload.uid,
        canary_replicas=workload.replicas or status.canary_replicas,
    )


def _with_status(world: World, status: CanaryStatus) -> World:
    return replace(world, canary=replace(world.canary, status=status))
