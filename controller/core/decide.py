"""From a world to a plan. Read the two tuples of rules: they are the stages of a rollout, in order.

A reconcile is: what cannot wait (an end under way, lost pods, a deadline, a new template, a verb), then judging what
flows, then moving, only if every gate is open. Every rule returns a plan, or None to let the next one speak. The first
tuple holds for any world; the second for one whose canary was found. The numbers are those of ``docs/behaviour.md``.
"""

from collections.abc import Callable
from dataclasses import replace

from controller.core import clocks, ending, events, gates, obeying, obstacles, pacing, rounds, standing, steps
from controller.core.canary import InvalidSpec, Stage, State
from controller.core.nouns import noun
from controller.core.plan import Plan, ReleaseFinalizer, WriteStatus
from controller.core.world import Rollout, World, rollout_of, template_changed
from deploy.types import Workload
from informers.types import Unreadable
from metrics.types import Verdict
from router.types import Weights


def decide(world: World) -> Plan:
    """Return what is to be done for one canary, now. Total: it never raises.

    Nothing at all while a part may be there that was not seen yet: an empty cache says nothing of the cluster.

    Source: behaviour 19.
    """
    if world.is_incomplete:
        return Plan(wake_after=pacing.UNTIL_LISTED, complaint=world.memory.complaint, retries_later=True)
    believed = clocks.believed(world)
    plan = standing.with_ready(believed, _by_the_rules(believed))
    # Readings are asked for by a plan of nothing else: the one that has them notes the times.
    if believed is world or plan.observe or any(isinstance(action, WriteStatus) for action in plan.actions):
        return plan
    return replace(plan, actions=(WriteStatus(believed.canary.status), *plan.actions))


def _by_the_rules(world: World) -> Plan:
    for rule in ANY_WORLD:
        plan = rule(world)
        if plan is not None:
            return _marked(world, plan) if rule is give_up_what_cannot_be_read else plan
    rollout = rollout_of(world)
    assert rollout is not None, "the rules above speak for every world without a canary to roll out"  # noqa: S101
    for step in ROLLOUT:
        plan = step(rollout)
        if plan is not None:
            return _marked(world, plan) if step in ROUNDS else plan
    raise AssertionError("the last rule speaks for every rollout")


# --- any world -------------------------------------------------------------------------------------------------------


def release_what_is_deleted(world: World) -> Plan | None:
    """A deleted object, or one of a namespace that goes, is never advanced; its traffic goes to the primary.

    Source: behaviour 16.
    """
    if not world.canary.deleting and not world.namespace_terminating:
        return None
    return ending.let_go(world) if world.finalizer_held else Plan()


def refuse_an_invalid_spec(world: World) -> Plan | None:
    """Nothing is done for a spec that cannot be understood; traffic stays where it is."""
    closed = gates.first_closed(world, (gates.INVALID_SPEC,))
    return standing.behind(world, closed) if closed else None


def halt_without_a_kind(world: World) -> Plan | None:
    """What cannot be seen is not taken for missing: nothing moves, and nothing is rolled back (behaviour 19)."""
    closed = gates.first_closed(world, gates.KINDS)
    return replace(standing.behind(world, closed), wake_after=pacing.UNTIL_SERVED) if closed else None


def rest_while_nothing_changed(world: World) -> Plan | None:
    """At rest nothing moves, and a revision that failed is not tried again unless somebody retries it.

    Source: behaviour 13, 9.
    """
    if world.canary.status.state not in {State.FINISHED, State.FAILED} or _has_something_new(world):
        return None
    owed = ending.owed_fence(world)
    if owed:
        return Plan(owed)
    return Plan((ReleaseFinalizer(),)) if world.finalizer_held else standing.at_rest(world)


def go_on_ending(world: World) -> Plan | None:
    """An end that was decided is carried out, whatever has changed since (behaviour 9)."""
    stage = world.canary.status.stage
    return ending.go_on_ending(world) if stage in {Stage.ROLLING_BACK, Stage.DRAINING} else None


def stand_back_for_an_older_canary(world: World) -> Plan | None:
    """Two objects that share a workload or a route are a configuration error; the newer halts (behaviour 15)."""
    closed = gates.first_closed(world, (gates.OLDER_CANARY,))
    return standing.behind(world, closed) if closed else None


def roll_back_a_deleted_canary(world: World) -> Plan | None:
    """A canary Deployment that is deleted mid-rollout will never be ready (behaviour 7)."""
    spec = world.canary.spec
    if world.at_rest or world.canary_workload is not None or isinstance(spec, InvalidSpec):
        return None
    return ending.roll_back(world, world.canary.status, events.workload_deleted(noun(spec.target_kind)))


def give_up_what_cannot_be_read(world: World) -> Plan | None:
    """A canary Deployment that cannot be read is no evidence: each round counts as inconclusive (behaviour 8)."""
    spec, status = world.canary.spec, world.canary.status
    if isinstance(spec, InvalidSpec) or world.at_rest or not isinstance(world.canary_workload, Unreadable):
        return None
    if obeying.is_asked(world.canary.verbs.abort, status.obeyed.abort, status):
        return obeying.abort(world)
    return rounds.unreadable(world, spec)


def halt_without_the_canary(world: World) -> Plan | None:
    """The canary Deployment must exist and be readable."""
    closed = None if rollout_of(world) else gates.first_closed(world, gates.PARTS)
    return standing.behind(world, closed) if closed else None


ANY_WORLD: tuple[Callable[[World], Plan | None], ...] = (
    release_what_is_deleted,
    refuse_an_invalid_spec,
    halt_without_a_kind,
    rest_while_nothing_changed,
    obeying.answer_an_abort_that_comes_too_late,
    go_on_ending,
    stand_back_for_an_older_canary,
    roll_back_a_deleted_canary,
    give_up_what_cannot_be_read,
    halt_without_the_canary,
)


# --- what cannot wait ------------------------------------------------------------------------------------------------


def start_the_cure_of_a_primary_that_fails(r: Rollout) -> Plan | None:
    """A newer template is not kept waiting by a promoted version that does not run on the primary (behaviour 12)."""
    fails = not r.world.primary_serves or r.primary_is_beyond_help
    return steps.start(r) if r.stage is Stage.PROMOTING and r.copied and r.overtaken and fails else None


def send_all_to_the_only_side_that_serves(r: Rollout) -> Plan | None:
    """No request goes to a primary without pods while the canary has some."""
    route = r.world.route
    if r.world.at_rest or not r.world.only_the_canary_serves or route is None or route.problem:
        return None
    there = route.weights == ending.ALL_TO_CANARY and r.weight == ending.ALL_TO_CANARY.canary
    return None if there else steps.divert(r)


def finish_the_promotion(r: Rollout) -> Plan | None:
    """A template that has reached the primary is never analysed again: wait for the primary, then finish.

    Source: behaviour 10, 12.
    """
    if r.stage is not Stage.PROMOTING or not r.copied:
        return None
    closed = gates.first_closed(r.world, gates.PRIMARY)
    if closed is None:
        stepped = r.spec.stepped and not r.overtaken and r.world.sends_to_canary and r.weight > r.spec.step_weight
        return _return_traffic(r) if stepped else ending.finish(r)
    return standing.behind(r.world, closed, take_off=r.overtaken or not r.world.canary_serves)


def skip_what_changes_nothing(r: Rollout) -> Plan | None:
    """If promotion would change nothing there is nothing to roll out, whichever side was changed (behaviour 4)."""
    if r.stage is Stage.PROMOTING or not r.changes_nothing or (r.world.at_rest and r.world.route_is_unreadable):
        return None
    return ending.finish_without_analysis(r)


def refuse_what_failed_before(r: Rollout) -> Plan | None:
    """A revision that failed stays failed when the template goes back to it, unless somebody retries it.

    Source: behaviour 9.
    """
    revision = r.canary_workload.template.revision
    new = r.overtaken or r.world.canary.status.state is None
    if not new or revision not in r.world.canary.status.failed_revisions:
        return None
    status = replace(steps.fresh_status(r), canary_weight=r.weight)
    return ending.roll_back(r.world, status, events.failed_before(revision))


def start_over_with_a_new_template(r: Rollout) -> Plan | None:
    """A new template mid-rollout takes traffic off the canary at once and starts over (behaviour 12)."""
    return steps.start(r) if r.overtaken and not r.world.at_rest else None


def roll_back_after_the_deadline(r: Rollout) -> Plan | None:
    """A canary of which no pod is available within its progress deadline will never be ready (behaviour 7)."""
    if r.stage not in {Stage.STARTING, Stage.PROGRESSING}:
        return None
    observed = (
        r.canary_workload.observed_generation >= r.canary_workload.generation
    )  # or the condition speaks of an older template
    due = pacing.deadline_at(r)
    if not (observed and r.canary_workload.deadline_exceeded) and (due is None or due > r.world.now):
        return None
    return ending.roll_back(r.world, r.world.canary.status, events.deadline_exceeded(r.canary_workload.failure))


def copy_what_was_claimed(r: Rollout) -> Plan | None:
    """A promotion that was claimed but has not arrived is carried out: the live template is the analysed one.

    Source: behaviour 10.
    """
    if r.stage is not Stage.PROMOTING:
        return None
    closed = gates.first_closed(r.world, gates.PARTS)
    take_off = not r.world.canary_serves
    return standing.behind(r.world, closed, take_off=take_off) if closed else steps.copy(r)


def take_traffic_off_what_cannot_serve(r: Rollout) -> Plan | None:
    """A canary with traffic and no available pod, or no service that leads to one, is not waited for.

    Source: behaviour 7, 14.
    """
    return None if r.world.at_rest or not r.weight or r.world.canary_serves else rounds.cannot_serve(r)


def start_a_rollout(r: Rollout) -> Plan | None:
    """First sight of an object, a revision that was not analysed yet (behaviour 4), or one that somebody retries."""
    if not r.world.at_rest:
        return None
    closed = gates.first_closed(r.world, gates.TO_START)
    if closed:
        return standing.behind(r.world, closed)
    retried = obeying.is_retried(r.world) and not r.overtaken
    revision = r.canary_workload.template.revision
    return steps.start(r, events.retrying(ending.workload_label(r.world), revision) if retried else None)


# --- judge what flows ------------------------------------------------------------------------------------------------


def judge_what_flows(r: Rollout) -> Plan | None:
    """Every round with traffic is judged, whatever gate is closed: fails count, and roll back at the limit (6 to 9)."""
    if not rounds.is_due(r):
        return None
    if not r.weight and not r.world.canary_serves:
        return rounds.cannot_serve(r)
    checks = rounds.to_judge(r)
    if checks and r.world.readings is None:
        return Plan(observe=tuple(checks), complaint=r.world.memory.complaint)
    found = rounds.judged(r)
    if found.verdict is not Verdict.PASS:
        return rounds.halted(r, found)
    return rounds.give_up_at_the_limit(r, found.status)


def wait_out_a_refusal(r: Rollout) -> Plan | None:
    """A write that was refused is tried again at a growing pace, and meanwhile what flows is judged.

    What ends traffic to nobody does not wait. Source: behaviour 8.
    """
    refused = r.world.memory.refusal
    if refused is None or not refused.waits(r.world.now) or obstacles.traffic_to_nothing(r.world):
        return None
    held = rounds.is_due(r) and r.world.readings is not None
    return standing.until_retried(r, refused.due_at, status=rounds.judged(r).status if held else None)


# --- the route -------------------------------------------------------------------------------------------------------


def put_the_route_right(r: Rollout) -> Plan | None:
    """While running, the recorded weight is authoritative; a step of ours that was interrupted is finished.

    Source: behaviour 13.
    """
    route = r.world.route
    wanted = Weights.to_canary(r.weight)
    if route is None or route.problem or route.weights == wanted:
        return steps.count_from_the_route(r)
    interrupted = route.weights == Weights.to_canary(r.world.canary.status.previous_weight)
    if interrupted and pacing.arrived_at(r.world) is None:
        return steps.advance_again(r)
    return rounds.corrected(r, str(route.weights.canary) if route.weights else "uneven")


def give_the_canary_pods(r: Rollout) -> Plan | None:
    """The canary is scaled up if it has no replicas, or fewer than were claimed for it and nobody scaled since.

    Source: behaviour 4.
    """
    status = r.world.canary.status
    short = r.canary_workload.wants_fewer_than(status.canary_replicas)
    unscaled = r.canary_workload.generation == status.canary_generation and short
    lacks = not r.canary_workload.replicas or unscaled
    return steps.give_pods(r) if r.stage is Stage.STARTING and lacks else None


def keep_within_the_maximum(r: Rollout) -> Plan | None:
    """A weight above what is allowed is reduced at once: the maximum was lowered, or the primary is back.

    Source: behaviour 18.
    """
    allowed = 0 if r.stage is Stage.STARTING else r.spec.max_weight
    usable = r.world.route is not None and r.world.route.problem is None
    if r.weight <= allowed or not usable or r.world.only_the_canary_serves:
        return None
    return steps.reduce(r, allowed)


# --- move ------------------------------------------------------------------------------------------------------------


def stand_at_a_closed_gate(r: Rollout) -> Plan | None:
    """Nothing moves while a gate is closed; a round that was held is noted."""
    closed = gates.first_closed(r.world, gates.GATES)
    if closed is None:
        return None
    held = rounds.is_due(r) and r.world.readings is not None
    return standing.behind(r.world, closed, status=rounds.judged(r).status if held else None)


def wait_for_the_round(r: Rollout) -> Plan | None:
    """No step before the interval has passed (behaviour 14); the first one of a rollout needs none (behaviour 5)."""
    due = pacing.round_due_at(r.world, r.spec)
    if r.stage is Stage.STARTING or r.world.now >= due:
        return None
    return standing.until_due(r, pacing.until(r.world, due))


def wait_for_the_windows(r: Rollout) -> Plan | None:
    """No step before every check was judged, for which its window must be filled (behaviour 6)."""
    unjudged = rounds.unjudged(r) if r.weight and r.stage is not Stage.STARTING else ()
    if not unjudged:
        return None
    if r.world.readings is not None:
        return standing.held_a_round(r, rounds.judged(r).status)
    return standing.until_due(r, pacing.until(r.world, min(pacing.filled_at(r, check) for check in unjudged)))


def take_the_first_step(r: Rollout) -> Plan | None:
    """No metrics are checked while no traffic flows (behaviour 5)."""
    starting = r.stage is Stage.STARTING or not r.weight
    return steps.advance(r, r.world.canary.status) if starting else None


def advance_or_promote(r: Rollout) -> Plan | None:
    """A passing round advances; one at the maximum promotes: the weight that was judged is the recorded one.

    Source: behaviour 6.
    """
    status = rounds.judged(r).status
    return steps.promote(r, status) if r.weight >= r.spec.max_weight else steps.advance(r, status)


ROLLOUT: tuple[Callable[[Rollout], Plan | None], ...] = (
    start_the_cure_of_a_primary_that_fails,
    send_all_to_the_only_side_that_serves,
    finish_the_promotion,
    skip_what_changes_nothing,
    refuse_what_failed_before,
    start_over_with_a_new_template,
    obeying.obey_an_abort,
    roll_back_after_the_deadline,
    copy_what_was_claimed,
    take_traffic_off_what_cannot_serve,
    start_a_rollout,
    judge_what_flows,
    wait_out_a_refusal,
    put_the_route_right,
    give_the_canary_pods,
    keep_within_the_maximum,
    stand_at_a_closed_gate,
    obeying.obey_a_promote,
    wait_for_the_round,
    wait_for_the_windows,
    take_the_first_step,
    advance_or_promote,
)


ROUNDS: tuple[Callable[[Rollout], Plan | None], ...] = (
    finish_the_promotion,
    judge_what_flows,
    wait_out_a_refusal,
    stand_at_a_closed_gate,
    wait_for_the_windows,
    take_the_first_step,
    advance_or_promote,
)
"""Rules that begin a new interval because the old one has passed; others cut it short, and nothing was due then."""


def _marked(world: World, plan: Plan) -> Plan:
    """Return the plan of a rule that waits for rounds, marked if it holds one."""
    before = world.canary.status.last_check_time
    written = (action.status for action in plan.actions if isinstance(action, WriteStatus))
    held = before is not None and any(status.last_check_time not in {before, None} for status in written)
    return replace(plan, holds_a_round=held)


def _has_something_new(world: World) -> bool:
    workload = world.canary_workload
    return isinstance(workload, Workload) and (template_changed(world.canary, workload) or obeying.is_retried(world))


def _return_traffic(r: Rollout) -> Plan:
    due = pacing.round_due_at(r.world, r.spec)
    return steps.return_traffic(r) if r.world.now >= due else Plan(wake_after=pacing.until(r.world, due))
