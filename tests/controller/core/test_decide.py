"""The rules of docs/behaviour.md, one by one, by what the plan would do to the world."""

from dataclasses import replace
from datetime import timedelta

import pytest

from controller.core.canary import PROMOTED, READY, CanaryStatus, Condition, InvalidSpec, Stage, State
from controller.core.plan import (
    Complaint,
    CopyTemplate,
    Fence,
    HoldFinalizer,
    Log,
    Plan,
    ReleaseFinalizer,
    Say,
    Scale,
    Shift,
    WriteStatus,
)
from controller.core.verbs import Verbs
from controller.core.world import Memory, Shifted, stamp
from deploy.types import Workload
from informers.types import Unreadable
from metrics.types import NoData, Unavailable, Value
from router.types import ALL_TO_PRIMARY, Backend, Route, Weights
from tests.controller.core.builders import (
    BAD_RATE,
    MINUTE,
    NOW,
    at_rest,
    backend,
    canary,
    decided,
    primary,
    said,
    spec,
    starting,
    status,
    workload,
    world,
)
from tests.simulator import template_of

NEW = workload("3", generation=2, observed_generation=2)


def kinds(plan: Plan) -> list[str]:
    return [type(action).__name__ for action in plan.actions]


def written(plan: Plan) -> CanaryStatus:
    return next(action.status for action in reversed(plan.actions) if isinstance(action, WriteStatus))


def remember(plan: Plan) -> Memory:
    return Memory(complaint=plan.complaint, corrections=plan.corrections)


LONG_AGO = Shifted(ALL_TO_PRIMARY, NOW - 3 * MINUTE)


def first_sight() -> CanaryStatus:
    return CanaryStatus()


# --- 4: start --------------------------------------------------------------------------------------------------------


def test_first_sight_starts_and_says_so():  # behaviour 4
    plan = decided(world(canary=canary(finalizers=(), status=first_sight())))
    assert kinds(plan) == ["HoldFinalizer", "WriteStatus", "Say"]
    assert said(plan) == ["Starting canary deployment for podinfo.test"]
    new = written(plan)
    assert (new.state, new.stage, new.canary_weight, new.failed_checks) == (State.RUNNING, Stage.STARTING, 0, 0)
    assert new.canary_revision == "podinfo-canary-2"
    assert new.start_time == NOW


def test_new_revision_at_rest_starts_with_both_numbers():  # behaviour 4
    plan = decided(world(status=at_rest(), canary_workload=NEW))
    assert said(plan) == ["New revision detected podinfo-canary.test old podinfo-canary-2 new podinfo-canary-3"]


def test_start_scales_up_to_the_last_count():  # behaviour 4
    idle = replace(NEW, replicas=0, current_replicas=0, updated_replicas=0, available_replicas=0)
    plan = decided(world(status=at_rest(canary_replicas=3), canary_workload=idle))
    assert Scale(3) in plan.actions
    assert said(plan)[-1] == "Scaling up podinfo.test"


def test_start_scales_up_to_one_if_no_count_is_known():  # behaviour 4
    idle = replace(NEW, replicas=0, current_replicas=0, updated_replicas=0, available_replicas=0)
    assert Scale(1) in decided(world(status=at_rest(canary_replicas=0), canary_workload=idle)).actions


def test_start_takes_away_traffic_that_somebody_sent_by_hand():
    plan = decided(world(status=at_rest(), canary_workload=NEW, weight=30))
    assert plan.actions.index(Shift(ALL_TO_PRIMARY)) > kinds(plan).index("WriteStatus")


def test_start_that_died_before_scaling_up_scales_up():  # behaviour 4
    idle = workload(replicas=0, current_replicas=0, updated_replicas=0, available_replicas=0)
    plan = decided(world(status=status(stage=Stage.STARTING, canary_weight=0, canary_replicas=2), canary_workload=idle))
    assert kinds(plan) == ["Scale", "Say"]


@pytest.mark.parametrize("before", [CanaryStatus(), at_rest(canary_revision="podinfo-canary-9")], ids=["new", "known"])
def test_nothing_to_roll_out_if_the_primary_already_runs_it(before):  # behaviour 4
    same = workload("1", generation=2)
    plan = decided(world(status=before, canary_workload=same, weight=0))
    assert kinds(plan) == ["Scale", "WriteStatus", "Say", "ReleaseFinalizer"]
    assert written(plan).state is State.FINISHED
    assert written(plan).canary_revision == "podinfo-canary-1"
    assert written(plan).canary_generation == 3  # scaling to zero will add one


def test_template_put_back_in_mid_rollout_ends_it_without_promotion():  # behaviour 4
    plan = decided(world(canary_workload=workload("1", generation=2)))
    assert kinds(plan) == ["Shift", "Scale", "WriteStatus", "Say", "ReleaseFinalizer"]
    assert written(plan).condition(PROMOTED).reason == "NothingToRollOut"


# --- 5, 6: steps -----------------------------------------------------------------------------------------------------


def test_first_step_comes_at_once_and_without_metrics():  # behaviour 5
    starting = status(stage=Stage.STARTING, canary_weight=0, last_check_time=None)
    plan = decided(world(status=starting), readings=())
    assert plan.actions[1:] == (Shift(Weights.to_canary(5)), plan.actions[-1])
    assert said(plan) == ["Advance podinfo.test canary weight 5"]


def test_advance_claims_before_it_shifts():  # behaviour 6
    plan = decided(world())
    assert kinds(plan) == ["WriteStatus", "Shift", "Say"]
    assert written(plan).canary_weight == 15
    assert written(plan).last_check_time == NOW
    assert plan.actions[1] == Shift(Weights.to_canary(15))


@pytest.mark.parametrize(
    ("weight", "step", "most", "then"),
    [(40, 20, 50, 50), (0, 60, 50, 50), (45, 5, 50, 50), (99, 5, 100, 100)],
)
def test_last_step_is_clamped(weight, step, most, then):  # behaviour 6
    the_canary = canary(spec=spec(step_weight=step, max_weight=most), status=status(canary_weight=weight))
    assert written(decided(world(canary=the_canary))).canary_weight == then


def test_promotion_follows_a_passing_round_at_the_maximum():  # behaviour 6
    plan = decided(world(status=status(canary_weight=50)))
    assert kinds(plan) == ["WriteStatus", "CopyTemplate", "Say"]
    assert written(plan).stage is Stage.PROMOTING
    assert said(plan) == ["Copying podinfo-canary.test template spec to podinfo.test"]


def test_no_metrics_means_pod_health_only():
    the_canary = canary(spec=spec(checks=()), status=status(canary_weight=50))
    assert kinds(decided(world(canary=the_canary), readings=())) == ["WriteStatus", "CopyTemplate", "Say"]


def test_every_reading_is_noted():
    noted = written(decided(world(), BAD_RATE)).checks
    assert [(c.name, c.value, c.verdict) for c in noted] == [
        ("istio_requests_total", 82.33, "fail"),
        ("istio_request_duration_seconds_bucket", 20.0, "pass"),
    ]


# --- 7, 8, 9: halts and roll back ------------------------------------------------------------------------------------


def test_failing_round_halts_counts_and_names_number_and_limit():  # behaviour 7
    plan = decided(world(status=status(failed_checks=3, inconclusive_checks=2)), BAD_RATE)
    assert kinds(plan) == ["WriteStatus", "Say"]
    assert (written(plan).failed_checks, written(plan).inconclusive_checks, written(plan).canary_weight) == (4, 0, 10)
    assert said(plan) == ["Halt podinfo.test advancement success rate 82.33% < 99%"]


def test_two_failing_checks_are_one_event():  # behaviour 7
    plan = decided(world(), (Value(82.33), Value(2525.0)))
    assert said(plan) == ["Halt podinfo.test advancement success rate 82.33% < 99%, request duration 2.525s > 500ms"]


def test_threshold_rolls_back_in_the_same_round():  # behaviour 9
    plan = decided(world(status=status(failed_checks=9)), BAD_RATE)
    assert kinds(plan) == ["WriteStatus", "Say", "Say", "Shift", "Scale", "WriteStatus", "Say", "ReleaseFinalizer"]
    assert said(plan) == [
        "Halt podinfo.test advancement success rate 82.33% < 99%",
        "Rolling back podinfo-canary.test failed checks threshold reached 10",
        "Canary failed! Scaling down podinfo-canary.test",
    ]
    assert (written(plan).state, written(plan).failed_checks) == (State.FAILED, 10)
    assert written(plan).condition(PROMOTED).message == "failed checks threshold reached 10"


@pytest.mark.parametrize("reading", [NoData(), Unavailable("prometheus:9090 refused the connection")])
def test_inconclusive_round_halts_and_is_counted_apart(reading):  # behaviour 8
    plan = decided(world(status=status(failed_checks=3)), (reading, Value(1.0)))
    assert (written(plan).failed_checks, written(plan).inconclusive_checks) == (3, 1)
    assert said(plan)[0].startswith("Halt podinfo.test advancement success rate ")


def test_inconclusive_limit_rolls_back_and_says_that_there_was_not_enough_data():  # behaviour 8
    plan = decided(world(status=status(inconclusive_checks=9)), (NoData(), Value(1.0)))
    assert "Rolling back podinfo-canary.test not enough data, inconclusive checks limit reached 10" in said(plan)


def test_inconclusive_limit_of_zero_waits_for_ever():  # behaviour 8
    the_canary = canary(spec=spec(inconclusive_limit=0), status=status(inconclusive_checks=999))
    assert kinds(decided(world(canary=the_canary), (NoData(), Value(1.0)))) == ["WriteStatus", "Say"]


def test_failure_weighs_more_than_a_missing_reading():
    assert written(decided(world(), (Value(1.0), NoData()))).failed_checks == 1


def test_passing_round_resets_the_inconclusive_count_and_keeps_the_failed_one():  # behaviour 8
    after = written(decided(world(status=status(inconclusive_checks=5, failed_checks=6))))
    assert (after.inconclusive_checks, after.failed_checks) == (0, 6)


def test_roll_back_waits_for_no_gate():  # behaviour 9
    plan = decided(
        world(
            status=status(stage=Stage.ROLLING_BACK),
            primary=None,
            route=Route(None, problem="a third host is in the way", sends_to_canary=True),
            canary_backend=Backend("service podinfo not found", gone=True),
        )
    )
    assert kinds(plan) == ["Shift", "Scale", "WriteStatus", "Say", "ReleaseFinalizer"]


MOVED = Memory(shifted=Shifted(ALL_TO_PRIMARY, NOW - MINUTE))


@pytest.mark.parametrize(
    ("change", "fenced"),
    [
        pytest.param({"route": None}, False, id="the route is gone"),
        pytest.param({"route": Route(ALL_TO_PRIMARY)}, True, id="a step was claimed that has not arrived"),
        pytest.param({"route": Route(ALL_TO_PRIMARY), "memory": MOVED}, False, id="we took it back ourselves"),
        pytest.param({"route": Route(ALL_TO_PRIMARY), "memory": Memory(shifted=LONG_AGO)}, True, id="but long ago"),
        pytest.param({"status": status(stage=Stage.ROLLING_BACK, canary_weight=0), "weight": 0}, False, id="no step"),
    ],
)
def test_rollback_without_traffic_shifts_nothing_and_keeps_a_late_step_out(change, fenced):
    plan = decided(world(**{"status": status(stage=Stage.ROLLING_BACK), "canary_workload": None, **change}))
    assert kinds(plan) == [*(["Fence"] if fenced else []), "WriteStatus", "Say", "ReleaseFinalizer"]


def test_deadline_exceeded_rolls_back_at_once():  # behaviour 7
    starting = status(stage=Stage.STARTING, canary_weight=0, last_check_time=None)
    plan = decided(world(status=starting, canary_workload=workload(deadline_exceeded=True, available_replicas=0)))
    assert said(plan)[0] == "Rolling back podinfo-canary.test progress deadline exceeded"


def test_deadline_of_an_older_template_rolls_nothing_back():
    stale = workload(deadline_exceeded=True, generation=2, observed_generation=1, available_replicas=0)
    plan = decided(
        world(status=status(stage=Stage.STARTING, canary_weight=0, canary_generation=2), canary_workload=stale)
    )
    assert not any(text.startswith("Rolling back") for text in said(plan))


def test_canary_deleted_in_mid_rollout_rolls_back_at_once():  # behaviour 7
    plan = decided(world(canary_workload=None))
    assert said(plan)[0] == "Rolling back podinfo-canary.test the deployment was deleted"
    assert Shift(ALL_TO_PRIMARY) in plan.actions
    assert not any(isinstance(action, Scale) for action in plan.actions)


def test_failed_revision_is_not_tried_again():  # behaviour 9
    resting = canary(finalizers=(), status=at_rest(state=State.FAILED))
    assert decided(world(canary=resting)) == Plan()


# --- lost pods -------------------------------------------------------------------------------------------------------


def test_traffic_leaves_lost_pods_at_once_and_a_check_has_failed():  # behaviour 7
    early = status(last_check_time=NOW - timedelta(seconds=1))
    plan = decided(world(status=early, canary_workload=workload(available_replicas=0)))
    assert kinds(plan) == ["WriteStatus", "Shift", "Say"]
    assert (written(plan).canary_weight, written(plan).failed_checks) == (0, 1)
    assert said(plan) == ["Halt podinfo.test advancement available replicas 0 < 1 of podinfo-canary.test"]


def test_pods_that_stay_lost_fail_a_check_every_round_until_roll_back():  # behaviour 7
    lost = status(canary_weight=0, failed_checks=9)
    plan = decided(world(status=lost, canary_workload=workload(available_replicas=0)))
    assert said(plan)[-1] == "Canary failed! Scaling down podinfo-canary.test"


def test_pods_that_came_back_climb_again_after_the_interval():  # behaviour 7
    back = status(canary_weight=0, failed_checks=1)
    assert Shift(Weights.to_canary(5)) in decided(world(status=back)).actions
    early = status(canary_weight=0, failed_checks=1, last_check_time=NOW - timedelta(seconds=1))
    assert decided(world(status=early)).actions == ()


# --- 10, 11, 12: promote and finish ----------------------------------------------------------------------------------

PROMOTING = status(stage=Stage.PROMOTING, canary_weight=50)


def copied(**changes: object) -> Workload:
    return primary(promoted=stamp(canary(status=PROMOTING)), template=template_of("podinfo", "2"), **changes)


def test_claimed_copy_that_did_not_arrive_is_made():  # behaviour 10
    assert kinds(decided(world(status=PROMOTING))) == ["CopyTemplate", "Say"]


def test_primary_that_has_not_converged_is_waited_for_and_no_metric_is_asked():  # behaviour 10
    plan = decided(world(status=PROMOTING, primary=copied(available_replicas=1)))
    assert said(plan) == [
        "Waiting for podinfo.test rollout to finish: 1 of 2 updated replicas are available (deployment podinfo.test)"
    ]
    assert kinds(plan) == ["Say"]


def test_finish_confirms_last():  # behaviour 11
    plan = decided(world(status=PROMOTING, primary=copied()))
    assert kinds(plan) == ["Shift", "Scale", "WriteStatus", "Say", "Log", "ReleaseFinalizer"]
    assert said(plan) == ["Promotion completed! Scaling down podinfo-canary.test"]
    assert Log("Promotion completed! podinfo-canary.test revision podinfo-canary-2") in plan.actions
    assert (written(plan).state, written(plan).canary_weight) == (State.FINISHED, 0)


def test_stamp_counts_where_a_webhook_rewrites_the_template():
    rewritten = replace(copied(), template=template_of("podinfo", "2-with-sidecar"))
    assert "Scale" in kinds(decided(world(status=PROMOTING, primary=rewritten)))


def test_stamp_of_an_earlier_rollout_is_no_promotion():
    old = stamp(canary(status=replace(PROMOTING, start_time=NOW - timedelta(days=1))))
    assert kinds(decided(world(status=PROMOTING, primary=primary(promoted=old)))) == ["CopyTemplate", "Say"]


def test_new_template_while_promoting_lets_the_verified_one_finish_first():  # behaviour 12
    waiting = decided(world(status=PROMOTING, primary=copied(available_replicas=1), canary_workload=NEW))
    assert kinds(waiting) == ["WriteStatus", "Shift", "Say"]
    assert (written(waiting).canary_weight, waiting.actions[1]) == (0, Shift(ALL_TO_PRIMARY))
    finished = decided(world(status=PROMOTING, primary=copied(), canary_workload=NEW, weight=0, memory=MOVED))
    assert kinds(finished) == ["WriteStatus", "Say", "ReleaseFinalizer"]
    assert said(finished) == ["Promotion completed! podinfo-canary.test revision podinfo-canary-2"]
    then = decided(world(canary=canary(status=written(finished)), canary_workload=NEW, primary=copied(), weight=0))
    assert said(then)[0].startswith("New revision detected")


def test_new_template_before_the_copy_is_never_copied():  # behaviour 12
    plan = decided(world(status=PROMOTING, canary_workload=NEW))
    assert not any(isinstance(action, CopyTemplate) for action in plan.actions)
    assert said(plan)[0].startswith("New revision detected")


def test_new_template_in_mid_rollout_takes_traffic_off_and_starts_over():  # behaviour 12
    plan = decided(world(canary_workload=NEW, status=status(failed_checks=7)))
    assert kinds(plan) == ["WriteStatus", "Shift", "Say"]
    assert (written(plan).failed_checks, written(plan).stage) == (0, Stage.STARTING)


def test_traffic_leaves_a_canary_that_dies_while_the_primary_is_updated():
    plan = decided(
        world(status=PROMOTING, primary=copied(available_replicas=1), canary_workload=workload(available_replicas=0))
    )
    assert (written(plan).canary_weight, plan.actions[1]) == (0, Shift(ALL_TO_PRIMARY))


# --- 1, 2, 3: gates --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"route": None}, "virtual service podinfo.test not found"),
        ({"route": Route(None, problem="no HTTP route holds host podinfo")}, "no HTTP route holds host podinfo"),
        ({"primary_backend": Backend("service podinfo not found", gone=False)}, "service podinfo not found"),
        ({"primary": Unreadable("test", "podinfo", "u", "1", "no spec")}, "cannot be read: no spec"),
        ({"canary_backend": backend("podinfo-canary", problem="no port")}, "no port"),
    ],
    ids=["no route object", "unusable route", "service", "unreadable primary", "no port"],
)
def test_missing_part_halts_at_once_is_a_condition_and_names_what_is_missing(change, text):  # behaviour 1, 2, 3
    plan = decided(world(status=status(last_check_time=NOW), **change))
    assert kinds(plan) == ["Say", "WriteStatus"]
    assert said(plan)[0].startswith("Halt podinfo.test advancement ")
    assert text in said(plan)[0]
    assert written(plan).condition(READY).status == "False"
    assert written(plan).canary_weight == 10


UNREADABLE = Unreadable("test", "podinfo-canary", "u", "1", "no spec")


def test_each_round_of_a_canary_that_cannot_be_read_is_inconclusive():
    plan = decided(world(canary_workload=UNREADABLE))
    assert kinds(plan) == ["Say", "WriteStatus"]
    assert "canary deployment podinfo-canary.test cannot be read: no spec" in said(plan)[0]
    assert (written(plan).inconclusive_checks, written(plan).canary_weight) == (1, 10)
    assert written(plan).last_check_time == NOW
    early = decided(world(canary_workload=UNREADABLE, status=status(last_check_time=NOW)))
    assert written(early).inconclusive_checks == 0


def test_canary_that_cannot_be_read_for_too_long_is_rolled_back():
    plan = decided(world(canary_workload=UNREADABLE, status=status(inconclusive_checks=9)))
    assert written(plan).state is State.FAILED
    assert Shift(ALL_TO_PRIMARY) in plan.actions


def test_canary_that_cannot_be_read_can_be_aborted():
    asked = canary(verbs=Verbs(abort="podinfo-canary-2"))
    plan = decided(world(canary=asked, canary_workload=UNREADABLE))
    assert written(plan).state is State.FAILED
    assert Shift(ALL_TO_PRIMARY) in plan.actions


@pytest.mark.parametrize("status_", [status(canary_weight=0), starting()], ids=["no traffic", "starting"])
def test_canary_without_traffic_that_cannot_be_read_counts_for_nothing(status_):
    plan = decided(world(canary_workload=UNREADABLE, status=status_))
    assert written(plan).inconclusive_checks == 0


def test_unchanged_complaint_at_rest_is_repeated_every_ten_minutes_and_written_once():
    missing = world(canary=canary(finalizers=(), status=first_sight()), route=None)
    first = decided(missing)
    again = replace(missing, canary=canary(finalizers=(), status=written(first)), memory=remember(first))
    assert decided(replace(again, now=NOW + 9 * MINUTE)).actions == ()
    assert kinds(decided(replace(again, now=NOW + 10 * MINUTE))) == ["Say"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"primary": primary(paused=True)}, "primary deployment podinfo.test is paused"),
        ({"canary_workload": workload(paused=True)}, "canary deployment podinfo-canary.test is paused"),
        ({"primary": primary(replicas=0)}, "primary deployment podinfo.test replicas 0 < 1"),
        ({"primary": primary(available_replicas=1)}, "1 of 2 updated replicas are available"),
        ({"canary_workload": workload(replicas=3)}, "Waiting for podinfo.test rollout to finish: "),
        ({"canary_workload": workload(current_replicas=3)}, "Waiting for podinfo.test rollout to finish: "),
    ],
    ids=["paused primary", "paused canary", "no primary", "primary not converged", "scaling up", "scaling down"],
)
def test_workload_gate_holds_the_weight_and_the_round_is_noted(change, text):  # behaviour 3
    plan = decided(world(**change))
    assert kinds(plan) == ["Say", "WriteStatus"]
    assert text in said(plan)[0]
    assert (written(plan).canary_weight, written(plan).last_check_time) == (10, NOW)
    assert [check.verdict for check in written(plan).checks] == ["pass", "pass"]


def test_waiting_is_said_once_a_round():
    waiting = world(status=starting(start_time=NOW - 2 * MINUTE), primary=primary(available_replicas=1))
    first = decided(waiting)
    assert kinds(first) == ["Say"]
    soon = replace(waiting, now=NOW + timedelta(seconds=30), memory=remember(first))
    assert decided(soon).actions == ()
    assert said(decided(replace(soon, now=NOW + 2 * MINUTE))) == said(first)


# --- 13, 14: rest and pacing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [0, 30, 100])
@pytest.mark.parametrize("state", [State.FINISHED, State.FAILED])
def test_at_rest_nothing_is_written(state, weight):  # behaviour 13
    resting = canary(finalizers=(), status=at_rest(state=state))
    for scene in (
        world(canary=resting, weight=weight),
        world(canary=resting, canary_workload=workload(replicas=5, generation=9)),
        world(canary=resting, canary_workload=replace(NEW, generation=1)),
        world(canary=resting, primary=primary(paused=True)),
    ):
        assert decided(scene) == Plan()


@pytest.mark.parametrize(
    "missing",
    [
        {"route": None},
        {"primary": None},
        {"canary_workload": None},
        {"canary_backend": Backend("no service", gone=True)},
    ],
    ids=["route", "primary", "canary", "service"],
)
def test_at_rest_a_missing_part_is_a_condition_and_moves_nothing(missing):  # behaviour 13
    plan = decided(world(canary=canary(finalizers=(), status=at_rest()), **missing))
    assert kinds(plan) == ["Say", "WriteStatus"]
    assert written(plan).condition(READY).status == "False"


COMPLAINED = at_rest(
    state=State.FAILED,
    observed_generation=1,
    conditions=(Condition("Ready", "False", "RouteNotFound", "virtual service podinfo.test not found", NOW - MINUTE),),
)


def test_complaint_that_was_put_right_is_taken_back_at_rest_once():
    mended = canary(finalizers=(), generation=2, status=COMPLAINED)
    plan = decided(world(canary=mended))
    assert kinds(plan) == ["WriteStatus"]
    condition = written(plan).condition("Ready")
    assert condition == Condition("Ready", "True", "PartsFound", "Route, services and workloads were found", NOW)
    assert replace(written(plan), conditions=()) == replace(COMPLAINED, conditions=(), observed_generation=2)
    assert decided(world(canary=replace(mended, status=written(plan)))) == Plan()


@pytest.mark.parametrize(
    "missing",
    [
        pytest.param({"route": None}, id="the route"),
        pytest.param({"route": Route(None, "destination third is in the way")}, id="a usable route"),
        pytest.param({"canary_backend": Backend("service podinfo.test not found", gone=True)}, id="a service"),
        pytest.param({"primary": None}, id="the primary"),
        pytest.param({"canary_workload": None}, id="the canary"),
        pytest.param({"rivals": (canary(name="older", uid="older", created=NOW - 20 * MINUTE),)}, id="sole use of it"),
    ],
)
def test_complaint_stays_at_rest_while_something_is_missing(missing):
    plan = decided(world(canary=canary(finalizers=(), status=COMPLAINED), **missing))
    assert written(plan).condition("Ready").status == "False"


def test_finalizer_left_by_a_crash_is_released_at_rest():
    assert decided(world(status=at_rest())).actions == (ReleaseFinalizer(),)


def test_route_that_was_reset_is_corrected_and_the_interval_starts_over():  # behaviour 13
    plan = decided(world(weight=0))
    assert kinds(plan) == ["WriteStatus", "Shift", "Say"]
    assert said(plan) == ["Correcting podinfo.test canary weight 0 to 10"]
    assert (written(plan).last_check_time, written(plan).inconclusive_checks) == (NOW, 1)


def test_route_that_is_reset_at_once_is_put_back_and_counted_once_a_round():  # behaviour 14
    first = decided(world(weight=0))
    soon = world(weight=0, status=written(first), now=NOW + timedelta(seconds=1), memory=remember(first))
    again = decided(soon)
    assert kinds(again) == ["WriteStatus", "Shift", "Say"]
    assert (written(again).last_check_time, written(again).inconclusive_checks) == (soon.now, 1)
    later = replace(soon, now=NOW + 3 * MINUTE)
    assert written(decided(later)).inconclusive_checks == 2


def test_route_that_is_reset_again_and_again_ends_without_enough_data():
    plan = decided(world(status=status(inconclusive_checks=9), weight=0))
    assert said(plan)[0].startswith("Rolling back podinfo-canary.test not enough data")


def test_traffic_before_the_first_step_is_taken_off_and_its_time_is_noted():
    plan = decided(world(status=starting(), weight=30))
    assert kinds(plan) == ["WriteStatus", "Shift", "Say"]
    assert written(plan).drain_start_time == NOW


@pytest.mark.parametrize("seconds", [0, 1, 30, 59])
def test_no_round_before_its_time_whatever_wakes_the_controller(seconds):  # behaviour 14
    plan = decided(world(status=status(last_check_time=NOW - timedelta(seconds=seconds))))
    assert plan.actions == ()
    assert timedelta() < plan.wake_after <= 1.1 * MINUTE - timedelta(seconds=seconds)


def test_intervals_are_spread_by_key():  # behaviour 14
    names = [f"canary-{i}" for i in range(100)]
    early = status(last_check_time=NOW)
    waits = {decided(world(canary=canary(name=name, status=early))).wake_after for name in names}
    assert len(waits) > 90
    assert all(MINUTE <= wait <= 1.1 * MINUTE for wait in waits)


# --- 15, 16: rivals and deletion -------------------------------------------------------------------------------------


def test_younger_of_two_canaries_halts():  # behaviour 15
    older = canary(name="older", uid="other", created=NOW - 20 * MINUTE)
    younger = canary(name="younger", uid="other", created=NOW - 5 * MINUTE)
    assert "canary older.test is older" in said(decided(world(rivals=(older,))))[0]
    assert "Shift" in kinds(decided(world(rivals=(younger,))))


def test_deletion_in_mid_rollout_routes_back_and_lets_go():  # behaviour 16
    plan = decided(world(canary=canary(deleting=True)))
    assert kinds(plan) == ["Shift", "Say", "ReleaseFinalizer"]


@pytest.mark.parametrize(("route", "first"), [(None, ()), (Route(ALL_TO_PRIMARY), (Fence(),))])
def test_deletion_without_traffic_just_lets_go_of_a_route_that_no_late_step_can_change(route, first):
    assert decided(world(canary=canary(deleting=True), route=route)).actions == (*first, ReleaseFinalizer())


def test_deleted_object_is_never_advanced():  # behaviour 16
    assert decided(world(canary=canary(deleting=True, finalizers=()))) == Plan()


def test_invalid_spec_is_an_event_and_a_condition_and_moves_nothing():
    plan = decided(world(canary=canary(spec=InvalidSpec("spec.primary must be an object, not None"))))
    assert kinds(plan) == ["Say", "WriteStatus"]
    assert said(plan) == ["Halt podinfo.test advancement spec.primary must be an object, not None"]
    assert written(plan).condition(READY).reason == "InvalidSpec"


def test_invalid_object_that_is_being_deleted_is_let_go():
    broken = canary(spec=InvalidSpec("x"), deleting=True, status=at_rest())
    assert decided(world(canary=broken, route=None)).actions == (ReleaseFinalizer(),)


def test_invalid_object_with_traffic_that_is_being_deleted_says_that_the_route_stays():  # behaviour 16
    broken = canary(
        spec=InvalidSpec("spec.targetKind Widget is not known"), deleting=True, status=status(canary_weight=30)
    )
    plan = decided(world(canary=broken, route=None))
    assert kinds(plan) == ["Say", "ReleaseFinalizer"]
    assert said(plan) == [
        "Canary podinfo.test is being deleted, its traffic stays as it is: spec.targetKind Widget is not known"
    ]


# --- 18 --------------------------------------------------------------------------------------------------------------


def test_changed_limits_apply_from_the_next_round():  # behaviour 18
    assert written(decided(world(canary=canary(spec=spec(step_weight=20))))).canary_weight == 30


def test_complaint_is_remembered_while_a_round_is_awaited():
    remembered = Complaint("Waiting", NOW)
    early = status(last_check_time=NOW)
    assert decided(world(status=early, memory=Memory(complaint=remembered))).complaint == remembered


def test_hold_comes_before_everything():
    plan = decided(world(canary=canary(finalizers=(), status=first_sight()), weight=10))
    assert plan.actions[0] == HoldFinalizer()
    assert isinstance(plan.actions[-1], Say)


def test_readings_that_do_not_belong_to_the_checks_are_no_evidence():
    with pytest.raises(ValueError, match="shorter"):
        decided(world(), (Value(100.0),))


# --- late copies -----------------------------------------------------------------------------------------------------


def test_abort_of_a_claimed_copy_takes_the_traffic_off_before_the_fence_and_the_claim():
    asked = canary(status=PROMOTING, verbs=Verbs(abort="podinfo-canary-2"))
    plan = decided(world(canary=asked))
    assert plan.actions[:2] == (Shift(ALL_TO_PRIMARY), Fence("primary"))
    assert kinds(plan)[2:4] == ["WriteStatus", "Say"]
    assert kinds(plan).count("Shift") == 1


def test_new_template_after_a_claimed_copy_takes_the_traffic_off_before_the_fence_and_the_claim():
    plan = decided(world(status=PROMOTING, canary_workload=NEW))
    assert plan.actions[:2] == (Shift(ALL_TO_PRIMARY), Fence("primary"))
    assert kinds(plan)[2:] == ["WriteStatus", "Say"]


def test_object_deleted_after_a_claimed_copy_is_let_go_with_a_fence():
    plan = decided(world(canary=canary(status=PROMOTING, deleting=True)))
    assert kinds(plan) == ["Shift", "Say", "Fence", "ReleaseFinalizer"]


def test_fence_after_a_copy_that_arrived_is_none():
    plan = decided(world(canary=canary(status=PROMOTING, deleting=True), primary=copied()))
    assert kinds(plan) == ["Shift", "Say", "ReleaseFinalizer"]


def test_end_whose_canary_has_no_replicas_keeps_a_late_scale_up_out():
    idle = workload(replicas=0, current_replicas=0, updated_replicas=0, available_replicas=0)
    plan = decided(world(status=starting(stage=Stage.ROLLING_BACK), canary_workload=idle))
    assert plan.actions[0] == Fence("canary")


def test_clock_that_was_set_back_leaves_no_fence_out():
    ahead = Memory(shifted=Shifted(ALL_TO_PRIMARY, NOW + MINUTE))
    plan = decided(world(status=status(stage=Stage.ROLLING_BACK), canary_workload=None, weight=0, memory=ahead))
    assert plan.actions[0] == Fence()


def test_canary_that_cannot_be_read_and_has_no_service_gets_no_traffic():
    gone = Backend("service podinfo-canary.test not found", gone=True)
    plan = decided(world(canary_workload=UNREADABLE, canary_backend=gone))
    assert Shift(ALL_TO_PRIMARY) in plan.actions
    assert written(plan).canary_weight == 0


def test_abort_of_what_the_primary_runs_comes_too_late_whether_or_not_the_canary_can_be_read():
    asked = canary(status=PROMOTING, verbs=Verbs(abort="podinfo-canary-2"))
    plan = decided(world(canary=asked, primary=copied(), canary_workload=UNREADABLE))
    assert said(plan)[0].startswith("Cannot abort podinfo-canary.test")
    assert written(plan).state is State.RUNNING
