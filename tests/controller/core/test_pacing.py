"""When a round is due and a word may be said again, to the microsecond."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from controller.core import pacing
from controller.core.canary import InvalidSpec
from controller.core.decide import decide
from controller.core.plan import Complaint, Corrections, Shift
from controller.core.world import Memory, Shifted, older_rival, rollout_of, stamp
from router.types import ALL_TO_PRIMARY, Weights
from tests.controller.core.builders import MINUTE, NOW, SUCCESS, canary, primary, spec, status, workload, world

TICK = timedelta(microseconds=1)


def test_interval_is_the_canarys_own_or_the_default():
    share = pacing.interval(world(), spec(interval=MINUTE)) / MINUTE
    assert pacing.interval(world(), spec(interval=None)) == MINUTE * share
    default = replace(world(), default_interval=timedelta(seconds=10))
    assert pacing.interval(default, spec(interval=None)) == timedelta(seconds=10) * share
    assert pacing.interval(default, spec(interval=MINUTE)) == MINUTE * share


def test_intervals_spread_over_a_tenth_and_no_more():  # behaviour 14
    shares = [
        pacing.interval(world(canary=canary(name=f"podinfo-{n}")), spec(interval=MINUTE)) / MINUTE for n in range(1000)
    ]
    assert 1.0 <= min(shares) < 1.01
    assert 1.09 < max(shares) <= 1.1


def test_round_is_due_when_its_interval_has_passed():  # behaviour 14
    length = pacing.interval(world(), spec())
    assert pacing.round_due_at(world(status=status(last_check_time=None)), spec()) == NOW
    assert pacing.round_due_at(world(status=status(last_check_time=NOW)), spec()) == NOW + length


def test_wait_is_said_once_a_whole_round_has_passed():
    length = pacing.interval(world(), spec())
    for ago, says in ((length, True), (length - TICK, False), (timedelta(0), False)):
        last = status(start_time=NOW - MINUTE * 9, last_check_time=NOW - ago)
        assert pacing.wait_may_be_reported(world(status=last), length) is says


@pytest.mark.parametrize("start", [None, NOW + MINUTE], ids=["never started", "started in the future"])
def test_wait_of_a_rollout_without_a_past_is_not_said_yet(start):
    assert not pacing.wait_may_be_reported(world(status=status(start_time=start, last_check_time=None)), MINUTE)


def test_complaint_that_was_not_made_leaves_the_last_one():
    last = Complaint("other", NOW - MINUTE)
    assert pacing.remembered(world(memory=Memory(complaint=last)), "new", made=False) is last
    assert pacing.remembered(world(memory=Memory(complaint=last)), "new", made=True) == Complaint("new", NOW)


@pytest.mark.parametrize(
    "lacking",
    [world(canary_workload=None), world(canary=canary(spec=InvalidSpec("bad")))],
    ids=["canary", "spec"],
)
def test_world_without_a_canary_or_a_spec_has_no_rollout(lacking):
    assert rollout_of(lacking) is None


def test_rollout_has_its_parts():
    found = rollout_of(world())
    assert found is not None
    assert (found.spec, found.primary, found.canary_workload) == (spec(), primary(), workload())


def test_stamp_names_the_revision_and_when_it_started():
    started = datetime(2018, 10, 10, 11, tzinfo=UTC)
    assert stamp(canary(status=status(start_time=started))) == "podinfo-canary-2@2018-10-10T11:00:00+00:00"
    assert stamp(canary(status=status(start_time=None))) == ""


def test_oldest_rival_counts_and_name_then_uid_break_a_tie():  # behaviour 15
    us = canary(name="m", uid="m")
    one = replace(us, name="a", uid="z")
    two = replace(us, name="b", uid="a")
    assert older_rival(world(canary=us, rivals=(two, one))) == one
    assert older_rival(world(canary=us, rivals=(replace(us, uid="a"),))).uid == "a"
    assert older_rival(world(canary=us, rivals=(us,))) is None
    younger = replace(us, name="a", created=NOW)
    assert older_rival(world(canary=us, rivals=(younger,))) is None


@pytest.mark.parametrize(
    ("first_step", "filled"),
    [
        pytest.param(NOW - MINUTE, NOW, id="now"),
        pytest.param(NOW, NOW + MINUTE, id="in a minute"),
    ],
)
def test_window_is_filled_when_it_lies_after_the_first_step(first_step, filled):  # behaviour 6
    found = rollout_of(world(status=status(traffic_start_time=first_step)))
    assert pacing.filled_at(found, SUCCESS) == filled


@pytest.mark.parametrize(("start", "filled"), [(NOW, NOW + MINUTE), (None, NOW)], ids=["begun", "without a beginning"])
def test_window_of_a_rollout_whose_first_step_is_not_noted_begins_with_it(start, filled):
    found = rollout_of(world(status=status(traffic_start_time=None, start_time=start)))
    assert pacing.filled_at(found, SUCCESS) == filled


DRAIN = timedelta(seconds=30)


@pytest.mark.parametrize(
    ("since", "shifted", "over"),
    [
        pytest.param(None, NOW, None, id="no traffic was taken off"),
        pytest.param(NOW - MINUTE, None, NOW - MINUTE + DRAIN, id="long ago"),
        pytest.param(NOW, None, NOW + DRAIN, id="now"),
        pytest.param(NOW - DRAIN, NOW - TICK, NOW - TICK + DRAIN, id="a slow write of the route"),
        pytest.param(NOW - TICK, NOW - DRAIN, NOW - TICK + DRAIN, id="traffic left once more"),
    ],
)
def test_drain_counts_from_when_traffic_left(since, shifted, over):  # behaviour 11
    memory = Memory(shifted=Shifted(ALL_TO_PRIMARY, shifted) if shifted else None)
    drained = world(status=status(canary_weight=0, drain_start_time=since), memory=memory)
    assert pacing.drained_at(drained, DRAIN) == over


def test_clock_that_was_set_back_does_not_keep_a_route_from_being_put_right():
    corrections = Corrections(1, NOW + timedelta(days=1))
    plan = decide(world(status=status(last_check_time=NOW), weight=30, memory=Memory(corrections=corrections)))
    assert Shift(Weights.to_canary(10)) in plan.actions
    assert plan.corrections == Corrections(1, NOW)


@pytest.mark.parametrize(
    ("changes", "per_minute"),
    [
        ({"interval": MINUTE}, 14),
        ({"interval": 100 * MINUTE}, 14),
        ({"interval": MINUTE / 6, "checks": ()}, 60),
    ],
    ids=["a minute", "longer than a minute", "without checks"],
)
def test_budget_is_what_two_rounds_need_in_the_time_of_one(changes, per_minute):
    found = 60 * pacing.requests_per_second(world(canary=canary(spec=spec(**changes))))
    assert per_minute / 1.1 <= found <= per_minute


def test_object_that_is_invalid_has_a_budget_too():
    assert pacing.requests_per_second(world(canary=canary(spec=InvalidSpec("x")))) == pytest.approx(10 / 60)
