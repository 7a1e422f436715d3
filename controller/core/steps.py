"""The moves of a rollout: start, advance, correct, promote. Each builds a plan; none decides.

*Claim, then step*: status first. Dying afterwards costs one interval, never a double step.
"""

import math
from dataclasses import replace

from controller.core import events, pacing
from controller.core.canary import CanaryStatus, Obeyed, Stage, State
from controller.core.conditions import noted
from controller.core.events import Event
from controller.core.nouns import canary_label, primary_label
from controller.core.plan import Action, CopyTemplate, HoldFinalizer, Plan, Say, Scale, Shift, WriteStatus
from controller.core.traffic import keep_out_a_late_copy, taken_off, to_the_canary, to_the_primary
from controller.core.world import Rollout, stamp
from router.types import TOTAL, Weights


def start(r: Rollout, why: Event | None = None) -> Plan:
    """Claim the revision, take traffic off the canary, and give it pods. Also the way to start over.

    Args:
        r: the rollout as it was before.
        why: the event that says why, if not for a new revision.
    """
    before = r.world.canary.status
    status = fresh_status(r)
    status = noted(r, replace(status, canary_replicas=before.canary_replicas))
    status = replace(status, canary_replicas=_pods_to_start_with(r))
    hold = () if r.world.finalizer_held else (HoldFinalizer(),)
    event = Say(why or _why_it_starts(r))
    first = keep_out_a_late_copy(r.world)
    taken_off = (action for action in to_the_primary(r.world) if action not in first)
    return pacing.soon((*first, *hold, WriteStatus(status), *taken_off, event, *_give_pods(r, status)))


def fresh_status(r: Rollout) -> CanaryStatus:
    """Return the status of a rollout of the canary's template that begins now; what is asked of it later is obeyed."""
    world, before = r.world, r.world.canary.status
    verbs = world.canary.verbs
    moved = before.state is not State.RUNNING
    return CanaryStatus(
        state=State.RUNNING,
        stage=Stage.STARTING,
        canary_revision=r.canary_workload.template.revision,
        canary_generation=r.canary_workload.generation,
        canary_uid=r.canary_workload.uid,
        canary_replicas=before.canary_replicas,
        start_time=world.now,
        previous_weight=before.canary_weight,
        drain_start_time=taken_off(world, before).drain_start_time,
        last_transition_time=world.now if moved else before.last_transition_time,
        observed_generation=world.canary.generation,
        conditions=before.conditions,
        failed_revisions=before.failed_revisions,
        obeyed=Obeyed(verbs.abort, verbs.promote, verbs.retry),
        fence_owed=before.fence_owed,
    )


def give_pods(r: Rollout) -> Plan:
    """Scale up a canary that was claimed but lacks pods: the crash between the two writes of ``start``."""
    return pacing.soon(_give_pods(r, r.world.canary.status))


def advance(r: Rollout, status: CanaryStatus) -> Plan:
    """Claim the next weight, then shift. ``status`` carries what the round that led here has found."""
    weight = max(r.weight, min(r.weight + r.spec.step_weight, r.spec.max_weight))
    claimed = _claimed(r, noted(r, status), weight)
    event = events.advance(r.world.canary.label, weight)
    shift = (Shift(Weights.to_canary(weight)),) if weight != r.weight else ()
    return Plan((WriteStatus(claimed), *shift, Say(event)), wake_after=pacing.interval(r.world, r.spec))


def advance_again(r: Rollout) -> Plan:
    """Finish a step, up or down to 0, that was claimed and has not reached the route: our own write, nobody else's."""
    status, now = r.world.canary.status, r.world.now
    shift = Shift(Weights.to_canary(r.weight))
    if not r.weight:
        return pacing.soon((WriteStatus(taken_off(r.world, status)), shift))
    event = Say(events.advance(r.world.canary.label, r.weight))
    if r.world.memory.failed_shift == shift.weights:
        # Claimed anew with each try, no round would ever be due, and the traffic that flows would not be judged.
        return Plan((shift, event), wake_after=pacing.interval(r.world, r.spec))
    first_step = status.traffic_start_time == status.last_check_time
    claimed = replace(status, last_check_time=now, traffic_start_time=now if first_step else status.traffic_start_time)
    return Plan((WriteStatus(claimed), shift, event), wake_after=pacing.interval(r.world, r.spec))


def count_from_the_route(r: Rollout) -> Plan | None:
    """Note when the route took the weight, if that was long after the claim: the interval counts from then."""
    arrived, claimed = pacing.arrived_at(r.world), r.world.canary.status.last_check_time
    if arrived is None or claimed is None or not r.weight or arrived - claimed < pacing.SLOW_SHIFT:
        return None
    status = r.world.canary.status
    first_step = status.traffic_start_time == claimed
    status = replace(
        status,
        last_check_time=arrived,
        traffic_start_time=arrived if first_step else status.traffic_start_time,
    )
    return pacing.soon((WriteStatus(status),))


def reduce(r: Rollout, weight: int) -> Plan:
    """Take the canary back to a weight that it may have, and begin a new interval there."""
    status = noted(r, r.world.canary.status)
    status = _claimed(r, status, weight) if weight else taken_off(r.world, status)
    event = events.reduce(r.world.canary.label, r.weight, weight)
    actions = (WriteStatus(status), Shift(Weights.to_canary(weight)), Say(event))
    return Plan(actions, wake_after=pacing.interval(r.world, r.spec))


def return_traffic(r: Rollout) -> Plan:
    """Return one step of the traffic after a promotion, where it is asked for in steps; the last one is the end's."""
    weight = r.weight - r.spec.step_weight
    status = replace(r.world.canary.status, canary_weight=weight, previous_weight=r.weight, last_check_time=r.world.now)
    event = events.returning(r.world.canary.label, weight)
    actions = (WriteStatus(status), Shift(Weights.to_canary(weight)), Say(event))
    return Plan(actions, wake_after=pacing.interval(r.world, r.spec))


def divert(r: Rollout) -> Plan:
    """Give the canary all traffic while it alone can answer."""
    before = r.world.canary.status
    status = replace(before, canary_weight=TOTAL, previous_weight=before.canary_weight, last_check_time=r.world.now)
    if r.stage is Stage.PROGRESSING and not before.canary_weight:
        status = replace(status, traffic_start_time=r.world.now)
    event = events.only_the_canary_serves(r.world.canary.label, primary_label(r.world))
    written = (WriteStatus(status), Say(event)) if before.canary_weight != TOTAL else ()
    actions = (*written[:1], *to_the_canary(r.world), *written[1:])
    return Plan(actions, wake_after=pacing.interval(r.world, r.spec))


def correct(r: Rollout, status: CanaryStatus, found: str) -> Plan:
    """Put the route back to the recorded weight. ``status`` carries what it counts as.

    The interval that was cut short judges nothing, so a full one begins.
    """
    world = r.world
    status = replace(noted(r, status), last_check_time=world.now) if r.weight else taken_off(world, status)
    event = events.correcting(world.canary.label, found, r.weight)
    actions = (WriteStatus(status), Shift(Weights.to_canary(r.weight)), Say(event))
    corrections = pacing.one_more_correction(world, r.spec)
    return Plan(actions, wake_after=pacing.interval(world, r.spec), corrections=corrections)


def promote(r: Rollout, status: CanaryStatus, *reports: Event) -> Plan:
    """Claim the promotion, then copy the analysed template."""
    claimed = replace(noted(r, status), stage=Stage.PROMOTING, last_check_time=r.world.now)
    return pacing.soon((WriteStatus(claimed), *(Say(event) for event in reports), *_copy(r)))


def copy(r: Rollout) -> Plan:
    """Copy what was claimed but has not arrived: the crash between the two writes of ``promote``."""
    return pacing.soon(_copy(r))


def no_longer_asked(status: CanaryStatus, **obeyed: str) -> CanaryStatus:
    """Return the status after a verb was acted on."""
    return replace(status, obeyed=replace(status.obeyed, **obeyed))


def _claimed(r: Rollout, status: CanaryStatus, weight: int) -> CanaryStatus:
    """Return the status that claims a weight; the first one of a rollout begins its windows."""
    first = not r.weight or r.stage is Stage.STARTING or status.traffic_start_time is None
    return replace(
        status,
        stage=Stage.PROGRESSING,
        canary_weight=weight,
        previous_weight=r.weight,
        last_check_time=r.world.now,
        traffic_start_time=r.world.now if first else status.traffic_start_time,
        drain_start_time=None,
    )


def _copy(r: Rollout) -> tuple[Action, ...]:
    return (CopyTemplate(stamp(r.world.canary)), Say(events.copying(canary_label(r.world), primary_label(r.world))))


def _why_it_starts(r: Rollout) -> Event:
    old = r.world.canary.status.canary_revision
    if old:
        return events.new_revision(canary_label(r.world), old, r.canary_workload.template.revision)
    return events.starting(r.world.canary.label)


def _pods_to_start_with(r: Rollout) -> int:
    """Return how many pods the canary starts with: as many as it last had, if that is known.

    The first time, what its share of the traffic asks for: the primary's replicas times ``maxWeight``, rounded up, and
    never fewer than it has. An autoscaler's own minimum is not read; it raises the count itself, and the rollout waits.
    """
    known = r.canary_workload.replicas or r.world.canary.status.canary_replicas
    if r.world.canary.status.canary_replicas or r.primary is None:
        return r.canary_workload.within_bounds(known or 1)
    return r.canary_workload.within_bounds(max(known, math.ceil(r.primary.replicas * r.spec.max_weight / TOTAL), 1))


def _give_pods(r: Rollout, status: CanaryStatus) -> tuple[Action, ...]:
    wanted = status.canary_replicas or 1
    if not r.canary_workload.wants_fewer_than(wanted):
        return ()
    return (Scale(r.canary_workload.within_bounds(wanted)), Say(events.scaling_up(r.world.canary.label)))
