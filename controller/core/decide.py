"""From a world to a plan. Read the two tuples of rules: they are the stages of a rollout, in order.

A reconcile is: what cannot wait (an end under way, lost pods, a deadline, a new template, a verb), then judging what
flows, then moving, only if every gate is open. Every rule returns a plan, or None to let the next one speak. The first
tuple holds for any world; the second for one whose canary was found. Rules name their numbers in ``docs/behaviour.md``.
"""

from collections.abc import Callable
from dataclasses import replace

from controller.core import clocks, object_rules, pacing, round_rules, route_rules, stage_rules, standing, verb_rules
from controller.core.plan import Plan, WriteStatus
from controller.core.world import Rollout, World, rollout_of

ANY_WORLD: tuple[Callable[[World], Plan | None], ...] = (
    object_rules.release_what_is_deleted,
    object_rules.refuse_an_invalid_spec,
    object_rules.halt_without_a_kind,
    object_rules.rest_while_nothing_changed,
    verb_rules.answer_an_abort_that_comes_too_late,
    object_rules.go_on_ending,
    object_rules.stand_back_for_an_older_canary,
    object_rules.roll_back_a_deleted_canary,
    object_rules.give_up_what_cannot_be_read,
    object_rules.halt_without_the_canary,
)

ROLLOUT: tuple[Callable[[Rollout], Plan | None], ...] = (
    # what cannot wait
    stage_rules.start_the_cure_of_a_primary_that_fails,
    route_rules.send_all_to_the_only_side_that_serves,
    stage_rules.finish_the_promotion,
    stage_rules.skip_what_changes_nothing,
    stage_rules.refuse_what_failed_before,
    stage_rules.start_over_with_a_new_template,
    verb_rules.obey_an_abort,
    stage_rules.roll_back_after_the_deadline,
    stage_rules.copy_what_was_claimed,
    route_rules.take_traffic_off_what_cannot_serve,
    stage_rules.start_a_rollout,
    # judge what flows
    round_rules.judge_what_flows,
    round_rules.wait_out_a_refusal,
    # put right what is there
    route_rules.put_the_route_right,
    stage_rules.give_the_canary_pods,
    route_rules.keep_within_the_maximum,
    # move
    round_rules.stand_at_a_closed_gate,
    verb_rules.obey_a_promote,
    round_rules.wait_for_the_round,
    round_rules.wait_for_the_windows,
    round_rules.take_the_first_step,
    round_rules.advance_or_promote,
)

ROUNDS: tuple[Callable[[Rollout], Plan | None], ...] = (
    stage_rules.finish_the_promotion,
    round_rules.judge_what_flows,
    round_rules.wait_out_a_refusal,
    round_rules.stand_at_a_closed_gate,
    round_rules.wait_for_the_windows,
    round_rules.take_the_first_step,
    round_rules.advance_or_promote,
)
"""Rules that begin a new interval because the old one has passed; others cut it short, and nothing was due then."""


def decide(world: World) -> Plan:
    """Return what is to be done for one canary, now. Total: it never raises.

    Nothing at all while the world is incomplete. Source: behaviour 19.
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
            return _marked(world, plan) if rule is object_rules.give_up_what_cannot_be_read else plan
    rollout = rollout_of(world)
    assert rollout is not None, "the rules above speak for every world without a canary to roll out"  # noqa: S101
    for rollout_rule in ROLLOUT:
        plan = rollout_rule(rollout)
        if plan is not None:
            return _marked(world, plan) if rollout_rule in ROUNDS else plan
    raise AssertionError("the last rule speaks for every rollout")


def _marked(world: World, plan: Plan) -> Plan:
    """Return the plan of a rule that waits for rounds, marked if it holds one."""
    before = world.canary.status.last_check_time
    written = (action.status for action in plan.actions if isinstance(action, WriteStatus))
    held = before is not None and any(status.last_check_time not in {before, None} for status in written)
    return replace(plan, holds_a_round=held)
