"""From a world to a plan. Read the two tuples of rules: they are the seed's list of gated stages.

Every rule returns a plan, or None to let the next one speak. The first tuple holds for any world; the second for a
rollout whose parts were found. The order is the specification; each rule's docstring names its line of DESIGN §4.1.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from controller.core import events, gates, pacing, rounds, steps
from controller.core.canary import InvalidSpec, Stage, State
from controller.core.events import Event
from controller.core.gates import Obstacle
from controller.core.plan import Action, Plan, ReleaseFinalizer, Say, WriteStatus
from controller.core.world import Ready, World, ready, template_changed
from deploy.types import Workload
from router.types import Weights


def decide(world: World) -> Plan:
    """Return what is to be done for one canary, now. Total: it never raises."""
    for rule in ANY_WORLD:
        plan = rule(world)
        if plan is not None:
            return plan
    parts = ready(world)
    assert parts is not None, "the rules above speak for every world that lacks a part"  # noqa: S101
    for step in ROLLOUT:
        plan = step(parts)
        if plan is not None:
            return plan
    raise AssertionError("the last rule speaks for every rollout")


# --- any world -------------------------------------------------------------------------------------------------------


def release_what_is_deleted(world: World) -> Plan | None:
    """A deleted object is never advanced; in mid-rollout its traffic goes back to the primary (16)."""
    if not world.canary.deleting:
        return None
    return steps.let_go(world) if world.finalizer_held else Plan()


def refuse_an_invalid_spec(world: World) -> Plan | None:
    """Nothing is done for a spec that cannot be understood; traffic stays where it is."""
    if not isinstance(world.canary.spec, InvalidSpec):
        return None
    return _complain(world, Obstacle("InvalidSpec", world.canary.spec.problem))


def rest_while_nothing_changed(world: World) -> Plan | None:
    """At rest nothing is written, whatever wakes the controller (13); a revision that failed is not tried again (9)."""
    if world.canary.status.state not in {State.FINISHED, State.FAILED}:
        return None
    if isinstance(world.workload, Workload) and template_changed(world.canary, world.workload):
        return None
    return Plan((ReleaseFinalizer(),)) if world.finalizer_held else _take_back(world)


def go_on_rolling_back(world: World) -> Plan | None:
    """A roll back that was decided is carried out, whatever has changed since (9)."""
    return steps.undo(world) if world.canary.status.stage is Stage.ROLLING_BACK else None


def stand_back_for_an_older_canary(world: World) -> Plan | None:
    """Two objects that share a workload or a route are a configuration error; the younger halts (15)."""
    return _complain_of(world, gates.rival_gate(world))


def roll_back_a_deleted_canary(world: World) -> Plan | None:
    """A canary Deployment that is deleted in mid-rollout will never be ready (7)."""
    if world.at_rest or world.workload is not None:
        return None
    return steps.roll_back(world, world.canary.status, events.WORKLOAD_DELETED)


def halt_without_parts(world: World) -> Plan | None:
    """Both Deployments must exist and be readable."""
    return _complain_of(world, gates.parts_gate(world))


ANY_WORLD: tuple[Callable[[World], Plan | None], ...] = (
    release_what_is_deleted,
    refuse_an_invalid_spec,
    rest_while_nothing_changed,
    go_on_rolling_back,
    stand_back_for_an_older_canary,
    roll_back_a_deleted_canary,
    halt_without_parts,
)


# --- a rollout -------------------------------------------------------------------------------------------------------


def finish_the_promotion(r: Ready) -> Plan | None:
    """A template that has reached the primary is never analysed again: wait for the primary, then finish (10, 12)."""
    if r.stage is not Stage.PROMOTING or not r.copied:
        return None
    overtaken = template_changed(r.world.canary, r.workload)
    waiting_for = gates.side_gate(r, "primary")
    if waiting_for is None:
        return steps.finish_for_new_revision(r) if overtaken else steps.finish(r)
    useless = overtaken or gates.pods_are_lost(r.workload)
    return _wait(r, waiting_for, first=steps.drain(r.world) if useless else ())


def skip_what_changes_nothing(r: Ready) -> Plan | None:
    """If promotion would change nothing there is nothing to roll out, also when a template is put back (4)."""
    new = r.world.at_rest or template_changed(r.world.canary, r.workload)
    return steps.finish_without_analysis(r) if new and r.changes_nothing else None


def start_over_with_a_new_template(r: Ready) -> Plan | None:
    """A new template in mid-rollout takes traffic off the canary at once and starts over (12)."""
    changed = not r.world.at_rest and template_changed(r.world.canary, r.workload)
    return steps.start(r) if changed else None


def roll_back_after_the_deadline(r: Ready) -> Plan | None:
    """A canary that exceeds its own progress deadline will never be ready (7)."""
    in_analysis = r.stage in {Stage.STARTING, Stage.PROGRESSING}
    observed = r.workload.observed_generation >= r.workload.generation  # or the condition speaks of an older template
    if not (in_analysis and observed and r.workload.deadline_exceeded):
        return None
    return steps.roll_back(r.world, r.world.canary.status, events.DEADLINE_EXCEEDED)


def copy_what_was_claimed(r: Ready) -> Plan | None:
    """A promotion that was claimed but has not arrived is carried out: the live template is the analysed one (10)."""
    return steps.copy(r) if r.stage is Stage.PROMOTING else None


def take_traffic_off_lost_pods(r: Ready) -> Plan | None:
    """A canary with traffic and no available pod is a failed check, and not waited for (7, 14)."""
    if r.world.at_rest or not r.weight or not gates.pods_are_lost(r.workload):
        return None
    return rounds.pods_lost(r)


def halt_at_route_and_services(r: Ready) -> Plan | None:
    """The route and both services must be usable, before the start as well (1, 2)."""
    return _complain_of(r.world, gates.route_gate(r) or gates.service_gate(r))


def start_a_rollout(r: Ready) -> Plan | None:
    """First sight of an object, or a revision that was not analysed yet (4)."""
    return steps.start(r) if r.world.at_rest else None


def correct_the_weight(r: Ready) -> Plan | None:
    """While running, the recorded weight is authoritative (13)."""
    found = r.world.route.weights if r.world.route else None
    if found == Weights.to_canary(r.weight):
        return None
    return rounds.corrected(r, str(found.canary) if found else "uneven")


def give_the_canary_pods(r: Ready) -> Plan | None:
    """The canary is scaled up if it has no replicas (4)."""
    return steps.give_pods(r) if r.stage is Stage.STARTING and not r.workload.replicas else None


def wait_for_the_round(r: Ready) -> Plan | None:
    """No step and no check before the interval has passed (14); the first step of a rollout needs none (5)."""
    due = pacing.round_due_at(r.world, r.spec)
    if r.stage is Stage.STARTING or r.world.now >= due:
        return None
    return Plan(wake_after=pacing.until(r.world, due), complaint=r.world.complaint)


def count_pods_that_stay_lost(r: Ready) -> Plan | None:
    """A canary that has lost its pods for another round has failed another check (7)."""
    lost = r.stage is Stage.PROGRESSING and gates.pods_are_lost(r.workload)
    return rounds.pods_lost(r) if lost else None


def wait_for_the_workloads(r: Ready) -> Plan | None:
    """Both Deployments have converged (3)."""
    waiting_for = gates.workload_gate(r)
    return _wait(r, waiting_for) if waiting_for else None


def take_the_first_step(r: Ready) -> Plan | None:
    """No metrics are checked while no traffic flows (5)."""
    return steps.advance(r, r.world.canary.status) if not r.weight else None


def hold_a_round(r: Ready) -> Plan | None:
    """All metrics are checked; what follows is decided by the verdicts (6, 7, 8, 9)."""
    if r.world.readings is None and r.spec.checks:
        return Plan(observe=r.spec.checks, complaint=r.world.complaint)
    return rounds.judged(r, r.world.readings or ())


ROLLOUT: tuple[Callable[[Ready], Plan | None], ...] = (
    finish_the_promotion,
    skip_what_changes_nothing,
    start_over_with_a_new_template,
    roll_back_after_the_deadline,
    copy_what_was_claimed,
    take_traffic_off_lost_pods,
    halt_at_route_and_services,
    start_a_rollout,
    correct_the_weight,
    give_the_canary_pods,
    wait_for_the_round,
    count_pods_that_stay_lost,
    wait_for_the_workloads,
    take_the_first_step,
    hold_a_round,
)


# --- complaints ------------------------------------------------------------------------------------------------------


def _complain_of(world: World, obstacle: Obstacle | None) -> Plan | None:
    return _complain(world, obstacle) if obstacle else None


def _complain(world: World, obstacle: Obstacle) -> Plan:
    """Halt for something that a person has to put right: an event now and then, a condition meanwhile.

    The event comes first: the status of an object that does not fit its schema may be refused.
    """
    pace = _pace(world)
    said = pacing.complaint_may_be_said(world, obstacle.what, pace)
    actions: list[Action] = [Say(events.halt(world.canary.label, obstacle.what, kind=obstacle.reason))] if said else []
    condition = world.canary.status.condition(steps.READY)
    if condition is None or (condition.reason, condition.message) != (obstacle.reason, obstacle.what):
        status = replace(world.canary.status, observed_generation=world.canary.generation)
        status = steps.with_condition(world, status, steps.READY, "False", obstacle.reason, obstacle.what)
        actions.append(WriteStatus(status))
    return Plan(tuple(actions), wake_after=pace, complaint=pacing.remembered(world, obstacle.what, said=said))


def _take_back(world: World) -> Plan:
    """Take back a complaint that somebody has put right: the one thing that is written at rest, and once."""
    condition = world.canary.status.condition(steps.READY)
    parts = ready(world)
    if condition is None or condition.status != "False" or parts is None:
        return Plan()
    if gates.rival_gate(world) or gates.route_gate(parts) or gates.service_gate(parts):
        return Plan()
    return Plan((WriteStatus(steps.parts_found(world, world.canary.status)),))


def _pace(world: World) -> timedelta:
    if world.at_rest or isinstance(world.canary.spec, InvalidSpec):
        return pacing.REPEAT_AT_REST
    return pacing.interval(world, world.canary.spec)


def _wait(r: Ready, event: Event, first: tuple[Action, ...] = ()) -> Plan:
    """Wait for a workload; say so once a round."""
    said = pacing.wait_may_be_said(r.world, r.spec)
    actions = (*first, Say(event)) if said else first
    return Plan(
        actions,
        wake_after=pacing.interval(r.world, r.spec),
        complaint=pacing.remembered(r.world, event.text, said=said),
    )
