"""Standing still: the one way in which a closed gate is reported, behind which nothing moves."""

from dataclasses import replace
from datetime import datetime, timedelta

from controller.core import conditions, events, gates, pacing
from controller.core.canary import PROMOTED, READY, CanaryStatus, InvalidSpec, Stage
from controller.core.events import Event
from controller.core.gates import Closed, Needs
from controller.core.plan import Action, Plan, Say, WriteStatus
from controller.core.traffic import taken_off, to_the_primary
from controller.core.world import Rollout, World, rollout_of, still_wanted


def behind(world: World, closed: Closed, *, status: CanaryStatus | None = None, take_off: bool = False) -> Plan:
    """Return the report of a closed gate, when it is due, and what is noted of it.

    The event comes first: the status of an object that does not fit its schema may be refused.

    Args:
        world: one canary and its parts.
        closed: the gate, and what is in the way.
        status: with what a round has found, if one was held.
        take_off: whether traffic that flows leaves the canary.
    """
    pace = _pace(world)
    event = _event(world, closed)
    is_due = (
        pacing.wait_may_be_reported(world, pace)
        if closed.gate.needs is Needs.TIME
        else pacing.complaint_may_be_made(world, event.text, pace)
    )
    report = (Say(event),) if is_due else ()
    shift = to_the_primary(world) if take_off else ()
    after = _noted(world, closed, status)
    if shift:
        after = taken_off(world, after)
    written = (WriteStatus(after),) if after != world.canary.status else ()
    actions: tuple[Action, ...] = (*written, *shift, *report) if shift else (*report, *written)
    return Plan(
        actions,
        wake_after=min(pace, _until_the_deadline(world, pace)),
        complaint=pacing.remembered(world, event.text, made=is_due),
    )


def at_rest(world: World) -> Plan:
    """Report what is wrong at rest, or that it is right again, and note that a new spec was seen.

    Nothing else is written there.
    """
    closed = gates.first_closed(world, gates.AT_REST)
    if closed:
        return behind(world, closed)
    # Nothing is to be written here but that, so nothing is refused any more.
    world = replace(world, memory=replace(world.memory, refusal=None))
    status = world.canary.status
    condition = status.condition(READY)
    seen = status.observed_generation == world.canary.generation  # or tools that wait for it would wait for ever
    if seen and (condition is None or condition.status != "False"):
        return Plan()
    return Plan((WriteStatus(conditions.nothing_to_repair(world, status)),))


def with_ready(world: World, plan: Plan) -> Plan:
    """Return the plan with a condition ``Ready`` that names nothing which is not in the way any more."""
    if plan.observe or world.canary.deleting or world.namespace_terminating:
        return plan
    if not still_wanted(world, plan):
        world = replace(world, memory=replace(world.memory, refusal=None))
    written = [at for at, action in enumerate(plan.actions) if isinstance(action, WriteStatus)]
    status = next((a.status for a in reversed(plan.actions) if isinstance(a, WriteStatus)), world.canary.status)
    ready = status.condition(READY)
    if ready is None or ready.status != "False" or gates.is_closed(world, ready.reason):
        return plan
    write = WriteStatus(conditions.nothing_to_repair(world, status))
    at = written[-1] if written else len(plan.actions)
    return replace(plan, actions=(*plan.actions[:at], write, *plan.actions[at + 1 :]))


def until_due(r: Rollout, wake_after: timedelta) -> Plan:
    """Wait with every gate open; the report of a gate that was closed is taken back."""
    status = r.world.canary.status
    ready, promoted = status.condition(READY), status.condition(PROMOTED)
    in_order = (
        (ready is None or ready.status == "True")
        and (promoted is None or promoted.reason == conditions.RUNNING.reason)
    )  # fmt: skip
    after = status if in_order else conditions.noted(r, status)
    actions = () if after == status else (WriteStatus(after),)
    return Plan(actions, wake_after=wake_after, complaint=r.world.memory.complaint)


def until_retried(r: Rollout, due: datetime, *, status: CanaryStatus | None) -> Plan:
    """Wait until a write that was refused is due again, or something else before that."""
    round_due = r.world.now + pacing.interval(r.world, r.spec) if status else pacing.round_due_at(r.world, r.spec)
    windows = (pacing.filled_at(r, check) for check in r.spec.checks)
    dues = (due, round_due, *windows, pacing.deadline_at(r))
    first = min(at for at in dues if at is not None and at > r.world.now)
    actions = (WriteStatus(conditions.noted(r, status)),) if status else ()
    return Plan(
        actions, wake_after=pacing.until(r.world, first), complaint=r.world.memory.complaint, retries_later=True
    )


def held_a_round(r: Rollout, status: CanaryStatus) -> Plan:
    """Note a round that passed as far as it could be judged."""
    return Plan((WriteStatus(conditions.noted(r, status)),), wake_after=pacing.interval(r.world, r.spec))


def _noted(world: World, closed: Closed, status: CanaryStatus | None) -> CanaryStatus:
    after = status or world.canary.status
    rollout = rollout_of(world)
    if status and rollout and not rollout.overtaken:  # what was pushed meanwhile must still look new to the next one
        after = conditions.noted(rollout, status)
    ready = after.condition(READY)
    if ready and ready.status == "False" and closed.gate.needs is not Needs.REPAIR:
        after = conditions.nothing_to_repair(world, after)
    return conditions.behind(world, after, closed)


def _event(world: World, closed: Closed) -> Event:
    if closed.gate.needs is Needs.TIME:
        return events.waiting(world.canary.label, closed.what, side=closed.gate.side)
    return events.halt(world.canary.label, closed.what, kind=closed.gate.reason)


def _pace(world: World) -> timedelta:
    if world.at_rest or isinstance(world.canary.spec, InvalidSpec):
        return pacing.REPEAT_AT_REST
    return pacing.interval(world, world.canary.spec)


def _until_the_deadline(world: World, otherwise: timedelta) -> timedelta:
    rollout = rollout_of(world)
    if rollout is None or rollout.stage is not Stage.STARTING:
        return otherwise
    due = pacing.deadline_at(rollout)
    return pacing.until(world, due) if due and due > world.now else otherwise
