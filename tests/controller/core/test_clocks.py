"""A clock that was set back, or is behind the one of another replica: every wait is bounded, and none is cut short.

What has passed is counted by a clock that nobody sets; the controller's own shows something else.
"""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from controller.core import clocks, pacing
from controller.core.canary import CanaryStatus, Stage
from controller.core.decide import decide
from controller.core.plan import Complaint, Scale, Shift, WriteStatus
from controller.core.traffic import ALL_TO_CANARY
from controller.core.world import Memory, rollout_of, stamp
from metrics.types import Value
from router.types import ALL_TO_PRIMARY, Weights
from tests.controller.core.builders import MINUTE, NOW, at_rest, canary, decided, spec, starting, status, world
from tests.simulator import Scene, later, plan_for, play, remembering, simulated

DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
DRAIN = timedelta(seconds=30)
SPEC = spec(drain=DRAIN)
LENGTH = pacing.interval(world(), SPEC)
OFTEN = timedelta(seconds=7)  # something else wakes the controller
GOOD = (Value(100.0), Value(20.0))

AROUND = st.timedeltas(-DAY, DAY)
PROGRESSING = status(last_check_time=NOW - LENGTH / 2)
DRAINING = status(stage=Stage.DRAINING, canary_weight=0, traffic_start_time=None, drain_start_time=NOW - DRAIN / 2)
NEVER_STARTS = starting()


def scene(the_status: CanaryStatus) -> Scene:
    start = simulated(SPEC, now=NOW)
    weights = Weights.to_canary(the_status.canary_weight)
    return replace(start, canary=replace(start.canary, spec=SPEC, status=the_status), weights=weights)


def moves(plan) -> bool:
    return any(isinstance(action, Shift | Scale) for action in plan.actions)


def until_it_moves(at: Scene) -> timedelta:
    """Return how long it takes until the weight or the number of pods changes."""
    passed = timedelta()
    while passed < 3 * DAY:
        plan = plan_for(at, lambda _, checks: GOOD[: len(checks)])
        at = remembering(at, plan)
        if moves(plan):
            return passed
        for action in plan.actions:
            at = play(at, action)
        wait = min(plan.wake_after or OFTEN, OFTEN)
        at, passed = later(at, wait), passed + wait
    raise AssertionError("nothing moves")


@given(first_step=AROUND, last_check=AROUND, start=AROUND)
@example(first_step=HOUR, last_check=HOUR, start=HOUR)
def test_no_round_is_waited_for_longer_than_it_lasts(first_step, last_check, start):
    times = {"traffic_start_time": NOW + first_step, "last_check_time": NOW + last_check, "start_time": NOW + start}
    waited = until_it_moves(scene(replace(PROGRESSING, **times)))
    assert waited <= max(LENGTH, MINUTE) + LENGTH


@given(drain=AROUND, last_check=AROUND)
@example(drain=HOUR, last_check=timedelta())
def test_no_drain_is_waited_for_longer_than_it_lasts(drain, last_check):
    draining = replace(DRAINING, drain_start_time=NOW + drain, last_check_time=NOW + last_check)
    assert until_it_moves(scene(draining)) <= DRAIN + OFTEN


@given(start=AROUND, last_check=st.none() | AROUND)
@example(start=HOUR, last_check=None)
def test_no_pod_is_waited_for_beyond_the_progress_deadline(start, last_check):
    checked = None if last_check is None else NOW + last_check
    at = scene(replace(NEVER_STARTS, start_time=NOW + start, last_check_time=checked))
    at = replace(at, canary_workload=replace(at.canary_workload, available_replicas=0), broken=frozenset({"2"}))
    while at.canary.status.stage is Stage.STARTING:
        assert at.now - NOW <= at.canary_workload.progress_deadline + SECOND + OFTEN
        plan = plan_for(at, lambda _, __: ())
        for action in plan.actions:
            at = play(at, action)
        at = later(at, min(plan.wake_after or OFTEN, OFTEN))


@given(back=st.timedeltas(SECOND / 1000, DAY), rolls=st.sampled_from(["a round", "a drain"]))
@example(back=LENGTH * 2, rolls="a round")
@example(back=DRAIN * 2, rolls="a drain")
@example(back=SECOND, rolls="a drain")
def test_clock_that_is_set_back_cuts_nothing_short(back, rolls):
    passed, at = (LENGTH / 2, PROGRESSING) if rolls == "a round" else (DRAIN / 2, DRAINING)
    lasts = LENGTH if rolls == "a round" else DRAIN
    assert passed + until_it_moves(replace(scene(at), now=NOW - back)) >= lasts


@given(back=st.timedeltas(SECOND / 1000, DAY))
def test_clock_that_is_set_back_fills_no_window(back):
    at = status(traffic_start_time=NOW - MINUTE / 2, last_check_time=NOW - 2 * LENGTH)
    assert MINUTE / 2 + until_it_moves(replace(scene(at), now=NOW - back)) >= MINUTE


# --- what is written -------------------------------------------------------------------------------------------------


def written(plan):
    return [action.status for action in plan.actions if isinstance(action, WriteStatus)]


AHEAD = NOW + HOUR


@pytest.mark.parametrize(
    ("noted", "field"),
    [
        pytest.param(status(last_check_time=AHEAD), "last_check_time", id="the last round"),
        pytest.param(status(traffic_start_time=AHEAD), "traffic_start_time", id="the first step"),
        pytest.param(replace(DRAINING, drain_start_time=AHEAD), "drain_start_time", id="the drain"),
    ],
)
def test_time_that_is_still_to_come_is_noted_anew_once(noted, field):
    first = decide(world(canary=canary(spec=SPEC), status=noted))
    (after,) = written(first)
    assert getattr(after, field) == NOW
    assert first.wake_after is not None
    again = decide(world(canary=canary(spec=SPEC), status=after, now=NOW + SECOND))
    assert written(again) == []


def test_clocks_that_differ_by_a_second_are_not_corrected():
    near = status(last_check_time=NOW + SECOND, traffic_start_time=NOW + SECOND)
    assert clocks.believed(world(status=near)) == world(status=near)
    assert decide(world(status=near)).actions == ()


def test_rollout_keeps_its_identity():
    # The start is part of the stamp on the primary: it is never noted anew.
    noted = status(start_time=AHEAD, stage=Stage.PROMOTING, canary_weight=50)
    believed = clocks.believed(world(status=noted))
    assert stamp(believed.canary) == stamp(canary(status=noted))


def test_rollout_of_an_older_release_has_its_first_step_noted():
    noted = status(start_time=AHEAD, traffic_start_time=None)
    believed = clocks.believed(world(status=noted))
    assert believed.canary.status == replace(noted, traffic_start_time=NOW)


@pytest.mark.parametrize(
    "quiet",
    [
        world(status=at_rest(last_check_time=AHEAD)),
        world(canary=canary(deleting=True, status=status(last_check_time=AHEAD))),
        world(status=status(last_check_time=AHEAD), namespace_terminating=True),
    ],
    ids=["at rest", "deleted", "namespace terminating"],
)
def test_nothing_is_noted_where_nothing_is_waited_for(quiet):
    assert clocks.believed(quiet) is quiet
    assert written(decide(quiet)) == []


def test_what_cannot_wait_comes_in_the_same_plan():
    there = world(
        status=status(last_check_time=AHEAD), primary=replace(world().primary, available_replicas=0), weight=10
    )
    plan = decide(there)
    assert Shift(ALL_TO_CANARY) in plan.actions
    assert written(plan)[0].last_check_time == NOW
    deleted = decide(world(status=status(last_check_time=AHEAD), canary_workload=None))
    assert Shift(ALL_TO_PRIMARY) in deleted.actions


def test_complaint_is_repeated_after_a_clock_was_set_back():
    before = Complaint("halt", AHEAD)
    assert pacing.complaint_may_be_made(world(memory=Memory(complaint=before)), "halt", MINUTE)
    soon = Complaint("halt", NOW - MINUTE / 2)
    assert not pacing.complaint_may_be_made(world(memory=Memory(complaint=soon)), "halt", MINUTE)
    assert pacing.complaint_may_be_made(world(memory=Memory(complaint=soon)), "halt", MINUTE / 2)


def test_deadline_counts_from_what_was_noted_instead_of_a_start_that_is_still_to_come():
    at = rollout_of(world(status=starting(start_time=AHEAD, last_check_time=NOW - MINUTE)))
    at = replace(at, canary_workload=replace(at.canary_workload, available_replicas=0))
    assert pacing.deadline_at(at) == NOW - MINUTE + at.canary_workload.progress_deadline
    assert decided(at.world) is not None
