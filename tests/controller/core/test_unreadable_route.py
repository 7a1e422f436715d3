"""Ends of a rollout while its route is there and nobody can say what it sends where."""

from dataclasses import replace

import pytest

from controller.core.canary import PROMOTED, READY, CanaryStatus, Condition, Stage, State
from controller.core.decide import decide
from controller.core.plan import Fence, HoldFinalizer, Log, ReleaseFinalizer, Say, Scale, Shift, WriteStatus
from controller.core.verbs import Verbs
from controller.core.world import Memory, after_plan, stamp
from router.types import ALL_TO_PRIMARY, Route, Weights
from tests.controller.core.builders import (
    BAD_RATE,
    MINUTE,
    NOW,
    at_rest,
    canary,
    decided,
    primary,
    said,
    spec,
    status,
    workload,
    world,
)
from tests.simulator import template_of

UNREADABLE = Route(None, "it cannot be read: weight must be a whole number", unreadable=True)
WHAT = "virtual service podinfo.test: it cannot be read: weight must be a whole number"
FAILED = Condition(PROMOTED, "Unknown", "FailedChecks", "failed checks threshold reached 10", NOW)
PROMOTING = status(stage=Stage.PROMOTING, canary_weight=50)
COPIED = primary(promoted=stamp(canary(status=PROMOTING)), template=template_of("podinfo", "2"))
ENDS = {
    "an abort": world(canary=canary(verbs=Verbs(abort="podinfo-canary-2")), route=UNREADABLE),
    "one failed check too many": world(status=status(failed_checks=10), route=UNREADABLE),
    "a canary that is gone": world(canary_workload=None, route=UNREADABLE),
    "a canary without pods": world(
        status=status(failed_checks=9), canary_workload=workload(available_replicas=0), route=UNREADABLE
    ),
    "a rollback under way": world(status=status(stage=Stage.ROLLING_BACK, conditions=(FAILED,)), route=UNREADABLE),
    "a drain that is over": world(
        canary=canary(
            spec=spec(drain=MINUTE / 2),
            status=status(stage=Stage.DRAINING, canary_weight=0, drain_start_time=NOW - MINUTE, conditions=(FAILED,)),
        ),
        route=UNREADABLE,
    ),
    "a promotion": world(status=PROMOTING, primary=COPIED, route=UNREADABLE),
    "nothing to roll out any more": world(canary_workload=workload("1", generation=2), route=UNREADABLE),
}


def last(plan) -> CanaryStatus:
    return [action.status for action in plan.actions if isinstance(action, WriteStatus)][-1]


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_end_waits_for_a_route_whose_weights_nobody_knows(end):  # behaviour 9
    plan = decided(end, BAD_RATE)
    assert not any(isinstance(action, Scale | Shift | Fence | ReleaseFinalizer) for action in plan.actions)
    assert said(plan)[-1] == f"Waiting for podinfo.test rollout to finish: {WHAT}"
    after = last(plan)
    assert after.state is State.RUNNING
    ready = after.condition(READY)
    assert (ready.status, ready.reason) == ("False", "RouteNotUsable")
    assert ready.message == f"the end of the rollout waits for the route: {WHAT}"
    assert plan.wake_after >= MINUTE


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_wait_is_told_once_a_round_and_ends_by_itself(end):
    plan = decided(end, BAD_RATE)
    waiting = replace(end, canary=replace(end.canary, status=last(plan), verbs=Verbs()), memory=after_plan(end, plan))
    soon = decided(replace(waiting, now=NOW + MINUTE / 10), BAD_RATE)
    assert not any(isinstance(action, WriteStatus | Say) for action in soon.actions)
    assert len(said(decided(replace(waiting, now=NOW + 1.2 * MINUTE), BAD_RATE))) == 1
    readable = replace(waiting, route=Route(Weights(90, 10), sends_to_canary=True), now=NOW + MINUTE / 10)
    assert Shift(ALL_TO_PRIMARY) in decided(readable, BAD_RATE).actions


def test_route_that_is_gone_holds_up_no_end():
    plan = decide(world(status=status(stage=Stage.ROLLING_BACK, conditions=(FAILED,)), route=None))
    assert Scale(0) in plan.actions
    assert last(plan).state is State.FAILED


@pytest.mark.parametrize("before", [CanaryStatus(), at_rest(canary_revision="podinfo-canary-9")], ids=["new", "known"])
def test_nothing_begins_and_ends_at_once_over_a_route_that_cannot_be_read(before):
    plan = decide(world(status=before, canary_workload=workload("1", generation=2), route=UNREADABLE))
    assert said(plan) == [f"Halt podinfo.test advancement {WHAT}"]
    assert [type(action) for action in plan.actions] == [Say, WriteStatus]
    assert (last(plan).state, last(plan).condition(READY).reason) == (before.state, "RouteNotUsable")


def test_new_template_starts_over_without_a_write_of_a_route_that_cannot_be_read():
    """Its version has moved since anybody could read it, which is as good as a fence."""
    plan = decide(world(canary_workload=workload("3", generation=2, observed_generation=2), route=UNREADABLE))
    assert not any(isinstance(action, Shift | Fence | Scale) for action in plan.actions)
    again = world(
        status=last(plan),
        canary_workload=workload("3", generation=2, observed_generation=2),
        weight=10,
        now=NOW + MINUTE,
    )
    assert Shift(ALL_TO_PRIMARY) in decide(again).actions


@pytest.mark.parametrize("going", [False, True], ids=["the object", "its namespace"])
def test_deletion_waits_for_no_route_and_says_what_could_not_be_done(going):  # behaviour 16
    text = f"Canary podinfo.test is being deleted, its traffic stays as it is: {WHAT}"
    plan = decide(world(canary=canary(deleting=True), route=UNREADABLE, namespace_terminating=going))
    assert not any(isinstance(action, Shift | Fence | Scale | HoldFinalizer) for action in plan.actions)
    told, released = plan.actions
    assert told == Log(text) if going else told.event.text == text
    assert released == ReleaseFinalizer()


def test_memory_of_a_wait_is_that_of_its_event():
    plan = decide(ENDS["a rollback under way"])
    assert plan.complaint.text == said(plan)[-1]
    assert after_plan(world(), plan) == Memory(complaint=plan.complaint)
