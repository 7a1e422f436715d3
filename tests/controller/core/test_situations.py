"""What users of such controllers have met in production, each by what is decided in it.

The numbers are the rows of ``docs/situations.md``; the same situations are played on both clusters in ``tests/e2e``.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from controller.core import events, pacing
from controller.core.canary import PROMOTED, READY, CanaryStatus, Condition, Obeyed, Stage, State
from controller.core.decide import decide
from controller.core.plan import CopyTemplate, Plan, Say, Scale, Shift, WriteStatus
from controller.core.verbs import Verbs
from controller.core.world import Memory, Shifted, stamp
from metrics.types import Check, NoData, Value
from router.types import ALL_TO_PRIMARY, Backend, Route, Weights
from tests.controller.core.builders import (
    BAD_RATE,
    DURATION,
    MINUTE,
    NOW,
    SUCCESS,
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

SECOND = timedelta(seconds=1)
NONE_AVAILABLE = {"available_replicas": 0}
IDLE = {"replicas": 0, "current_replicas": 0, "updated_replicas": 0, "available_replicas": 0}
NEXT = {"generation": 2, "observed_generation": 2}
NEW = workload("3", **NEXT)
PROMOTING = status(stage=Stage.PROMOTING, canary_weight=50, previous_weight=45)
ALL_TO_CANARY = Weights.to_canary(100)
DRAINING = spec(drain=timedelta(seconds=30))


def copied(**changes):
    return primary(promoted=stamp(canary(status=PROMOTING)), template=template_of("podinfo", "2"), **changes)


def kinds(plan: Plan) -> list[str]:
    return [type(action).__name__ for action in plan.actions]


def written(plan: Plan) -> CanaryStatus:
    return next(action.status for action in reversed(plan.actions) if isinstance(action, WriteStatus))


def weights(plan: Plan) -> list[Weights]:
    return [action.weights for action in plan.actions if isinstance(action, Shift)]


def asked(**verbs):
    return canary(verbs=Verbs(**verbs))


# --- 1: pods that never start ----------------------------------------------------------------------------------------


def never_up(**changes):
    return workload(replicas=1, current_replicas=1, **NONE_AVAILABLE, **changes)


def test_1_pods_that_never_start_are_rolled_back_by_our_own_clock():  # behaviour 7
    waiting = world(status=starting(start_time=NOW - 10 * MINUTE + SECOND), canary_workload=never_up())
    assert not any("Rolling back" in text for text in said(decided(waiting)))
    assert decided(waiting).wake_after <= SECOND
    late = replace(waiting, now=NOW + SECOND)
    assert said(decided(late))[0] == "Rolling back podinfo-canary.test progress deadline exceeded"


def test_1_the_event_says_why_where_the_deployment_says_it():
    quota = never_up(failure="exceeded quota: q", progress_deadline=MINUTE)
    plan = decided(world(status=starting(), canary_workload=quota))
    assert said(plan)[0] == "Rolling back podinfo-canary.test progress deadline exceeded, exceeded quota: q"


def test_1_a_paused_canary_is_not_timed_and_a_resumed_one_from_then_on():  # behaviour 7
    long_ago = starting(start_time=NOW - timedelta(hours=1))
    assert "is paused" in said(decided(world(status=long_ago, canary_workload=never_up(paused=True))))[0]
    resumed = never_up(resumed_at=NOW - 9 * MINUTE)
    assert not any("Rolling back" in text for text in said(decided(world(status=long_ago, canary_workload=resumed))))


def test_1_old_pods_that_still_answer_do_not_hide_new_ones_that_never_start():
    surging = workload(replicas=1, current_replicas=2, updated_replicas=1, available_replicas=1)
    plan = decided(world(status=starting(start_time=NOW - 11 * MINUTE), canary_workload=surging))
    assert said(plan)[0] == "Rolling back podinfo-canary.test progress deadline exceeded"


def test_1_one_pod_of_two_is_waited_for():
    half = workload(replicas=2, current_replicas=2, updated_replicas=2, available_replicas=1)
    plan = decided(world(status=starting(start_time=NOW - timedelta(hours=1)), canary_workload=half))
    waited = "1 of 2 updated replicas are available (deployment podinfo-canary.test)"
    assert said(plan) == [f"Waiting for podinfo.test rollout to finish: {waited}"]


# --- 2: halting means not advancing, never not looking ---------------------------------------------------------------

CLOSED_GATES = {
    "canary paused": {"canary_workload": workload(paused=True)},
    "primary paused": {"primary": primary(paused=True)},
    "primary short of a pod": {"primary": primary(available_replicas=1)},
    "canary short of a pod": {"canary_workload": workload(replicas=2, current_replicas=2, updated_replicas=2)},
    "primary scaled to zero": {"primary": primary(**IDLE), "canary": canary(status=status(canary_weight=100))},
    "primary missing": {"primary": None, "canary": canary(status=status(canary_weight=100))},
    "third destination": {"route": Route(None, "third is in the way", sends_to_canary=True)},
    "no port": {"canary_backend": backend("podinfo-canary", problem="no port named http")},
    "held": {"canary": asked(hold="")},
}


@pytest.mark.parametrize("gate", CLOSED_GATES.values(), ids=CLOSED_GATES)
def test_2_traffic_is_judged_whatever_gate_is_closed(gate):  # behaviour 6
    the_world = world(**gate)
    assert decide(the_world).observe == spec().checks
    failing = written(decided(the_world, BAD_RATE))
    assert (failing.failed_checks, failing.canary_weight) == (1, the_world.canary.status.canary_weight)
    last = replace(the_world.canary, status=replace(the_world.canary.status, failed_checks=9))
    assert any("threshold reached 10" in text for text in said(decided(replace(the_world, canary=last), BAD_RATE)))


@pytest.mark.parametrize("gate", CLOSED_GATES.values(), ids=CLOSED_GATES)
def test_2_a_passing_round_behind_a_closed_gate_moves_nothing(gate):
    plan = decided(world(**gate))
    assert weights(plan) == []
    assert written(plan).last_check_time == NOW


def test_2_decisions_are_a_reason_of_promoted_and_repairs_of_ready():
    paused = written(decided(world(canary_workload=workload(paused=True))))
    assert paused.condition(PROMOTED).reason == "CanaryPaused"
    assert paused.condition(READY).status == "True"
    broken = written(decided(world(canary_backend=backend("podinfo-canary", problem="no port"))))
    assert broken.condition(READY).reason == "ServiceNotUsable"


def test_2_what_was_said_of_a_gate_is_taken_back_when_it_opens():
    held = (Condition("Promoted", "Unknown", "Held", "held", NOW - MINUTE),)
    plan = decided(world(status=status(last_check_time=NOW, conditions=held)))
    assert kinds(plan) == ["WriteStatus"]
    assert written(plan).condition("Promoted").reason == "RolloutRunning"
    assert written(plan).last_check_time == NOW
    broken = (Condition("Ready", "False", "RouteNotFound", "x", NOW - MINUTE),)
    waiting = decided(world(status=status(last_check_time=NOW, conditions=broken), primary=primary(paused=True)))
    assert written(waiting).condition("Ready").status == "True"


# --- 3: windows ------------------------------------------------------------------------------------------------------


def test_3_no_check_is_judged_before_its_whole_window_lies_after_the_first_step():  # behaviour 6
    early = world(status=status(traffic_start_time=NOW - 59 * SECOND))
    plan = decide(early)
    assert (plan.observe, plan.actions) == ((), ())
    assert plan.wake_after == SECOND
    assert decide(replace(early, now=NOW + SECOND)).observe == spec().checks


def test_3_a_short_window_is_judged_while_a_long_one_fills_and_a_pass_waits_for_both():  # behaviour 6
    checks = (SUCCESS, Check(DURATION.name, 500.0, "10m"))
    the_world = world(canary=canary(spec=spec(checks=checks)))
    assert decide(the_world).observe == (SUCCESS,)
    passing = decided(the_world, (Value(100.0),))
    assert kinds(passing) == ["WriteStatus"]
    assert passing.wake_after == pacing.interval(the_world, the_world.canary.spec)
    assert (written(passing).canary_weight, written(passing).inconclusive_checks) == (10, 0)
    assert written(decided(the_world, (Value(1.0),))).failed_checks == 1


def test_3_a_new_revision_fills_its_windows_anew():
    plan = decided(world(canary_workload=NEW))
    assert written(plan).traffic_start_time is None
    stepped = decided(world(status=starting()))
    assert written(stepped).traffic_start_time == NOW


def test_3_a_rollout_of_an_older_release_counts_from_its_start():
    assert decide(world(status=status(traffic_start_time=None))).observe == spec().checks
    unknown = status(traffic_start_time=None, start_time=None)
    assert decide(world(status=unknown)).observe == spec().checks


# --- 5: a service that leads nowhere ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behind", "text"),
    [
        pytest.param(Backend("service podinfo-canary.test not found", gone=True), "not found", id="deleted"),
        pytest.param(backend("other"), "no service leads to podinfo-canary.test", id="selects others"),
        pytest.param(Backend("it has no selector", selector=()), "no service leads to", id="selects none"),
    ],
)
def test_5_traffic_leaves_a_canary_without_a_service_at_once_and_a_check_has_failed(behind, text):  # behaviour 7
    plan = decided(world(status=status(last_check_time=NOW), canary_backend=behind))
    assert kinds(plan) == ["WriteStatus", "Shift", "Say"]
    assert (written(plan).canary_weight, written(plan).failed_checks) == (0, 1)
    assert text in said(plan)[0]
    assert weights(plan) == [ALL_TO_PRIMARY]


def test_5_a_service_that_stays_lost_fails_a_check_each_round():
    lost = status(canary_weight=0, failed_checks=9)
    plan = decided(world(status=lost, canary_backend=Backend("gone", gone=True)))
    assert said(plan)[-1] == "Canary failed! Scaling down podinfo-canary.test"


def test_5_a_service_that_cannot_be_read_is_not_taken_for_lost():
    plan = decided(world(canary_backend=Backend("service podinfo-canary.test cannot be read: x")))
    assert weights(plan) == []


# --- 6: the primary fails --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [Stage.STARTING, Stage.PROGRESSING, Stage.PROMOTING])
def test_6_no_request_goes_to_a_primary_without_pods_while_the_canary_has_some(stage):  # behaviour 7
    at = {Stage.STARTING: starting(), Stage.PROGRESSING: status(), Stage.PROMOTING: PROMOTING}[stage]
    the_primary = copied(**NONE_AVAILABLE) if stage is Stage.PROMOTING else primary(**NONE_AVAILABLE)
    plan = decided(world(status=at, primary=the_primary))
    assert kinds(plan) == ["WriteStatus", "Shift", "Say"]
    assert weights(plan) == [ALL_TO_CANARY]
    assert (written(plan).canary_weight, written(plan).stage) == (100, stage)
    assert "podinfo.test, the canary gets all traffic" in said(plan)[0]


def test_6_a_primary_without_a_service_loses_its_share_as_well():
    plan = decided(world(primary_backend=Backend("gone", gone=True)))
    assert weights(plan) == [ALL_TO_CANARY]


def test_6_the_weight_goes_back_to_the_maximum_when_the_primary_is_back():  # behaviour 7
    plan = decided(world(status=status(canary_weight=100)))
    assert said(plan) == ["Reduce podinfo.test canary weight 100 to 50"]
    assert written(plan).canary_weight == 50


def test_6_the_fix_of_a_promoted_version_that_fails_is_started_and_keeps_its_traffic():  # behaviour 12
    plan = decided(world(status=PROMOTING, primary=copied(**NONE_AVAILABLE), canary_workload=NEW))
    assert said(plan)[0].startswith("New revision detected podinfo-canary.test")
    assert weights(plan) == []
    begun = world(canary=canary(status=written(plan)), primary=copied(**NONE_AVAILABLE), canary_workload=NEW, weight=50)
    diverted = decided(begun)
    assert weights(diverted) == [ALL_TO_CANARY]
    assert written(diverted).traffic_start_time is None
    already = decided(replace(begun, route=Route(ALL_TO_CANARY, sends_to_canary=True)))
    assert weights(already) == []
    assert written(already).canary_weight == 100


def test_6_the_fix_is_rolled_out_once_the_primary_is_past_its_deadline():
    dead = copied(**NONE_AVAILABLE, deadline_exceeded=True)
    begun = starting(canary_revision="podinfo-canary-3", canary_generation=2, canary_weight=100)
    first = decided(world(status=begun, primary=dead, canary_workload=NEW))
    assert kinds(first) == ["WriteStatus", "Say"]
    assert (written(first).stage, written(first).traffic_start_time) == (Stage.PROGRESSING, NOW)
    judged = world(
        status=replace(written(first), last_check_time=NOW - 2 * MINUTE, traffic_start_time=NOW - 2 * MINUTE),
        primary=dead,
        canary_workload=NEW,
    )
    assert any(isinstance(action, CopyTemplate) for action in decided(judged).actions)


def test_6_a_primary_that_may_come_back_is_waited_for():
    judged = world(status=status(canary_weight=100), primary=primary(**NONE_AVAILABLE))
    assert not any(isinstance(action, CopyTemplate) for action in decided(judged).actions)


def test_6_a_rollback_waits_for_a_primary_without_pods_and_says_so():  # behaviour 9
    plan = decided(
        world(status=status(failed_checks=9, canary_weight=100), primary=primary(**NONE_AVAILABLE)), BAD_RATE
    )
    assert weights(plan) == []
    assert written(plan).stage is Stage.ROLLING_BACK
    assert said(plan)[-1] == (
        "Waiting for podinfo.test rollout to finish: 0 of 2 updated replicas are available (deployment podinfo.test)"
    )
    back = decided(world(status=written(plan), primary=primary()))
    assert kinds(back) == ["Shift", "Scale", "WriteStatus", "Say", "ReleaseFinalizer"]


def test_6_a_rollback_with_a_dead_primary_gives_the_canary_all_traffic_meanwhile():
    rolling_back = status(stage=Stage.ROLLING_BACK)
    plan = decided(world(status=rolling_back, primary=None))
    assert weights(plan) == [ALL_TO_CANARY]
    assert "has no available pod" in said(plan)[-1]


def test_6_a_deleted_object_leaves_the_traffic_where_the_pods_are():  # behaviour 16
    plan = decided(world(canary=canary(deleting=True), primary=primary(**NONE_AVAILABLE)))
    assert kinds(plan) == ["Shift", "Say", "ReleaseFinalizer"]
    assert weights(plan) == [ALL_TO_CANARY]
    assert said(plan) == ["Canary podinfo.test is being deleted, routing all traffic to podinfo-canary.test"]


def test_6_at_rest_no_route_is_written_for_a_dead_primary():
    resting = canary(finalizers=(), status=at_rest())
    assert weights(decided(world(canary=resting, primary=primary(**NONE_AVAILABLE)))) == []
    same = world(canary=resting, canary_workload=workload("1", **NEXT), primary=primary(**NONE_AVAILABLE))
    assert weights(decided(same)) == []


# --- 7: the same version on both sides -------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [starting(), status(), status(canary_weight=50)], ids=["starting", "at 10", "at max"])
def test_7_nothing_to_roll_out_once_the_primary_has_become_the_same(at):
    plan = decided(world(status=at, primary=primary(template=template_of("podinfo", "2"), generation=2)))
    assert said(plan)[0].startswith("Nothing to roll out podinfo.test already runs")
    assert written(plan).state is State.FINISHED


# --- 8: verbs --------------------------------------------------------------------------------------------------------

REVISION = "podinfo-canary-2"


@pytest.mark.parametrize("at", [starting(), status(), PROMOTING], ids=["starting", "progressing", "before the copy"])
def test_8_abort_rolls_back_and_is_not_tried_again(at):
    plan = decided(world(canary=replace(asked(abort=f"{REVISION}@now"), status=at)))
    assert said(plan)[0] == "Rolling back podinfo-canary.test as flagger.app/abort asks"
    assert (written(plan).state, written(plan).failed_revisions) == (State.FAILED, (REVISION,))
    assert written(plan).condition("Promoted").reason == "Aborted"
    assert written(plan).obeyed == Obeyed(abort=f"{REVISION}@now")
    assert decided(world(canary=replace(asked(abort=f"{REVISION}@now"), status=written(plan), finalizers=()))) == Plan()


@pytest.mark.parametrize("value", ["", "podinfo-canary-1", "podinfo-canary-1@now"])
def test_8_an_abort_of_another_revision_does_nothing(value):
    assert weights(decided(world(canary=asked(abort=value)))) == [Weights.to_canary(15)]


@pytest.mark.parametrize("stage", [Stage.PROMOTING, Stage.DRAINING])
def test_8_an_abort_after_the_copy_is_answered_once(stage):
    promoted = (Condition("Promoted", "Unknown", "Promoted", "x", NOW),)
    at = replace(PROMOTING, stage=stage, conditions=promoted)
    plan = decided(world(canary=replace(asked(abort=REVISION), status=at), primary=copied()))
    assert kinds(plan) == ["WriteStatus", "Say"]
    assert said(plan)[0].startswith("Cannot abort podinfo-canary.test revision podinfo-canary-2")
    again = decided(world(canary=replace(asked(abort=REVISION), status=written(plan)), primary=copied()))
    assert not any(text.startswith("Cannot") for text in said(again))


def test_8_promote_skips_the_analysis_and_holds_to_the_gates():
    plan = decided(world(canary=asked(promote=REVISION), status=status(last_check_time=NOW)))
    plan = decided(world(canary=replace(asked(promote=REVISION), status=status(last_check_time=NOW))))
    assert kinds(plan) == ["WriteStatus", "Say", "CopyTemplate", "Say"]
    assert said(plan)[0].startswith("Skipping the rest of the analysis of podinfo-canary.test revision")
    assert written(plan).obeyed.promote == REVISION
    short = world(
        canary=replace(asked(promote=REVISION), status=status(last_check_time=NOW)), canary_workload=never_up()
    )
    assert not any(isinstance(action, CopyTemplate) for action in decided(short).actions)
    held = world(canary=replace(asked(promote=REVISION, hold=""), status=status(last_check_time=NOW)))
    assert "held by the annotation flagger.app/hold" in said(decided(held))[0]


def test_8_retry_starts_a_failed_revision_again_once():
    failed = at_rest(state=State.FAILED, failed_revisions=(REVISION,), obeyed=Obeyed(retry="old"))
    plan = decided(world(canary=replace(asked(retry=f"{REVISION}@1"), status=failed), canary_workload=workload(**IDLE)))
    assert said(plan) == [
        "Retrying podinfo-canary.test revision podinfo-canary-2 as flagger.app/retry asks",
        "Scaling up podinfo.test",
    ]
    assert written(plan).obeyed.retry == f"{REVISION}@1"
    again = replace(failed, obeyed=written(plan).obeyed)
    assert decided(world(canary=replace(asked(retry=f"{REVISION}@1"), status=again, finalizers=()))) == Plan()


def test_8_retry_of_a_finished_or_another_revision_does_nothing():
    finished = replace(asked(retry=REVISION), status=at_rest(), finalizers=())
    assert decided(world(canary=finished)) == Plan()
    other = replace(asked(retry="1"), status=at_rest(state=State.FAILED), finalizers=())
    assert decided(world(canary=other)) == Plan()


def test_8_what_was_asked_before_a_start_is_void():
    failed = at_rest(state=State.FAILED)
    both = replace(asked(retry=f"{REVISION}@2", abort=f"{REVISION}@1", promote=REVISION), status=failed)
    plan = decided(world(canary=both))
    assert written(plan).obeyed == Obeyed(f"{REVISION}@1", REVISION, f"{REVISION}@2")


def test_8_hold_keeps_the_weight_says_why_and_lets_pods_start():
    held = replace(asked(hold="waiting for Ann"), status=status(last_check_time=NOW))
    plan = decided(world(canary=held))
    assert said(plan) == [
        "Halt podinfo.test advancement held by the annotation flagger.app/hold (waiting for Ann), remove it to go on"
    ]
    assert written(plan).condition("Promoted").reason == "Held"
    begun = replace(asked(hold="2018-10-10"), status=at_rest())
    plan = decided(world(canary=begun, canary_workload=replace(NEW, **IDLE)))
    assert Scale(1) in plan.actions
    first = replace(asked(hold="2018-10-10"), status=starting())
    assert weights(decided(world(canary=first))) == []


def test_8_a_failed_revision_stays_failed_when_the_template_goes_back_to_it():  # behaviour 9
    failed = at_rest(canary_revision="podinfo-canary-9", failed_revisions=(REVISION, "podinfo-canary-9"))
    plan = decided(world(canary=canary(status=failed, finalizers=()), canary_workload=workload(**NEXT)))
    assert said(plan) == [
        f"Rolling back podinfo-canary.test {events.failed_before(REVISION).text}",
        "Canary failed! Scaling down podinfo-canary.test",
    ]
    assert (written(plan).state, written(plan).canary_revision) == (State.FAILED, REVISION)
    assert written(plan).failed_revisions == ("podinfo-canary-9", REVISION)
    assert Scale(0) in plan.actions
    assert weights(plan) == []


def test_8_a_failed_revision_is_refused_mid_rollout_too():
    running = status(canary_revision="podinfo-canary-9", failed_revisions=(REVISION,))
    plan = decided(world(status=running, canary_workload=workload(**NEXT)))
    assert "failed before" in said(plan)[0]
    assert weights(plan) == [ALL_TO_PRIMARY]


def test_8_failed_revisions_are_bounded_and_a_promoted_one_is_forgotten():  # behaviour 9
    many = tuple(f"r{number}" for number in range(10))
    plan = decided(world(status=status(stage=Stage.ROLLING_BACK, failed_revisions=many)))
    assert written(plan).failed_revisions == (*many[1:], REVISION)
    promoted = replace(PROMOTING, failed_revisions=("r1", REVISION))
    assert written(decided(world(status=promoted, primary=copied()))).failed_revisions == ("r1",)


# --- 9: lowered limits -----------------------------------------------------------------------------------------------


def test_9_a_weight_above_a_lowered_maximum_is_reduced_at_once_and_judged_there():  # behaviour 18
    lowered = canary(spec=spec(max_weight=10), status=status(canary_weight=50, last_check_time=NOW - SECOND))
    plan = decided(world(canary=lowered))
    assert said(plan) == ["Reduce podinfo.test canary weight 50 to 10"]
    assert (written(plan).canary_weight, written(plan).last_check_time) == (10, NOW)
    judged = replace(lowered, status=replace(written(plan), last_check_time=NOW - 2 * MINUTE))
    assert "CopyTemplate" in kinds(decided(world(canary=judged)))


def test_9_a_lowered_threshold_rolls_back_at_the_next_round_even_if_it_passes():  # behaviour 18
    plan = decided(world(canary=canary(spec=spec(threshold=3), status=status(failed_checks=5))))
    assert said(plan)[0] == "Rolling back podinfo-canary.test failed checks threshold reached 5"


# --- 11: something that keeps resetting the weights ------------------------------------------------------------------


def test_11_weights_are_put_back_at_once_and_then_at_a_growing_pace():  # behaviour 14
    the_world = world(weight=30, status=status(last_check_time=NOW))
    paces = []
    for _ in range(9):
        plan = decided(the_world)
        assert weights(plan) == [Weights.to_canary(10)]
        changed = replace(the_world.canary, status=written(plan))
        shifted = Shifted(Weights.to_canary(10), the_world.now)
        memory = Memory(plan.complaint, plan.corrections, shifted)
        at = the_world.now
        the_world = replace(the_world, canary=changed, memory=memory)
        waiting = decided(the_world)
        assert waiting.actions == ()
        the_world = replace(the_world, now=at + waiting.wake_after)
        paces.append(waiting.wake_after / SECOND)
    assert paces[:6] == [1, 2, 4, 8, 16, 32]
    assert max(paces) == pacing.interval(the_world, spec()) / SECOND


def test_11_after_two_quiet_rounds_it_is_at_once_again():
    corrections = pacing.one_more_correction(world(memory=Memory()), spec())
    later = world(now=NOW + 3 * MINUTE, memory=Memory(corrections=replace(corrections, count=7)))
    assert pacing.correction_due_at(later, spec()) == later.now
    assert pacing.one_more_correction(later, spec()).count == 1


# --- 12: how many pods a first start takes ---------------------------------------------------------------------------


@pytest.mark.parametrize(("most", "replicas", "pods"), [(100, 2, 2), (50, 2, 1), (50, 5, 3), (1, 10, 1)])
def test_12_a_first_start_takes_the_share_of_the_primary(most, replicas, pods):  # behaviour 4
    fresh = canary(finalizers=(), status=CanaryStatus(), spec=spec(max_weight=most))
    many = {"replicas": replicas, "current_replicas": replicas, "updated_replicas": replicas}
    plan = decided(world(canary=fresh, primary=primary(**many, available_replicas=replicas)))
    assert [action.replicas for action in plan.actions if isinstance(action, Scale)] == ([pods] if pods > 1 else [])
    assert written(plan).canary_replicas == pods


def test_12_a_start_that_died_before_scaling_up_is_made_good_unless_somebody_scaled_since():
    claimed = starting(canary_replicas=3)
    assert Scale(3) in decided(world(status=claimed)).actions
    assert not any(
        isinstance(action, Scale) for action in decided(world(status=claimed, canary_workload=workload(**NEXT))).actions
    )


def test_12_a_later_start_takes_what_the_canary_last_had():  # behaviour 4
    plan = decided(
        world(status=at_rest(canary_replicas=1), canary_workload=replace(NEW, **IDLE), primary=primary(replicas=9))
    )
    assert Scale(1) in plan.actions


@pytest.mark.parametrize(("wanted", "pods"), [(3, 3), (3, 2), (2, 3)], ids=["as many", "a node gone", "a new node"])
def test_12_pods_of_each_node_are_brought_back_once_and_never_counted(wanted, pods):  # behaviour 4
    claimed = starting(canary_replicas=wanted)
    idle, there = workload(per_node=True, **IDLE), workload(per_node=True, replicas=pods)
    assert Scale(wanted) in decided(world(status=claimed, canary_workload=idle)).actions
    assert "Scale" not in kinds(decided(world(status=claimed, canary_workload=there)))


def test_12_pods_of_each_node_are_not_scaled_by_a_first_start():  # behaviour 4
    fresh = canary(finalizers=(), status=CanaryStatus(), spec=spec(max_weight=100))
    many = primary(per_node=True, replicas=9, current_replicas=9, updated_replicas=9, available_replicas=9)
    plan = decided(world(canary=fresh, primary=many, canary_workload=workload(per_node=True)))
    assert "Scale" not in kinds(plan)


def test_12_pods_that_no_node_fits_are_waited_for_and_rolled_back_in_time():  # behaviour 7
    lost = {"per_node": True, "failure": "no node fits its pods", "unready": "no node fits its pods"}
    nowhere = workload(**lost, current_replicas=0, updated_replicas=0, available_replicas=0)
    begun = starting(canary_replicas=3, start_time=NOW - 9 * MINUTE)
    assert said(decided(world(status=begun, canary_workload=nowhere))) == [
        "Waiting for podinfo.test rollout to finish: no node fits its pods (deployment podinfo-canary.test)"
    ]
    late = replace(begun, start_time=NOW - 10 * MINUTE)
    plan = decided(world(status=late, canary_workload=nowhere))
    assert said(plan)[0] == "Rolling back podinfo-canary.test progress deadline exceeded, no node fits its pods"
    assert Scale(0) in plan.actions


def test_12_without_a_primary_nothing_starts():  # behaviour 4
    fresh = canary(finalizers=(), status=CanaryStatus())
    assert "Scale" not in kinds(decided(world(canary=fresh, primary=None)))


# --- 13: a namespace that goes ---------------------------------------------------------------------------------------


def test_13_the_object_lets_go_as_soon_as_its_namespace_is_terminating():  # behaviour 16
    plan = decided(world(namespace_terminating=True))
    assert kinds(plan) == ["Shift", "Log", "ReleaseFinalizer"]  # such a namespace refuses new events
    assert weights(plan) == [ALL_TO_PRIMARY]
    gone = world(canary=canary(finalizers=()), namespace_terminating=True, weight=0)
    assert decided(gone) == Plan()


def test_13_nothing_starts_in_a_namespace_that_is_terminating():
    fresh = canary(finalizers=(), status=CanaryStatus())
    assert decided(world(canary=fresh, namespace_terminating=True)) == Plan()


# --- 14: at rest -----------------------------------------------------------------------------------------------------


def test_14_a_route_that_sends_users_to_nothing_at_rest_is_told_and_not_written():  # behaviour 13
    stale = world(canary=canary(finalizers=(), status=at_rest()), canary_workload=workload(**IDLE), weight=50)
    plan = decided(stale)
    assert kinds(plan) == ["Say", "WriteStatus"]
    assert written(plan).condition("Ready").reason == "TrafficToNothing"
    (text,) = said(plan)
    assert "podinfo.test sends 50% of its requests to podinfo-canary.test, which has no available pod" in text
    told = replace(stale.canary, status=written(plan))
    mended = decided(world(canary=told, canary_workload=workload(**IDLE), weight=0))
    assert written(mended).condition("Ready").status == "True"


def test_14_a_primary_that_its_service_does_not_select_is_told():
    plan = decided(world(canary=canary(finalizers=(), status=at_rest()), primary_backend=backend("other")))
    assert written(plan).condition("Ready").reason == "ServiceNotUsable"
    assert "selects app=other, which no pod of deployment podinfo.test has" in said(plan)[0]


# --- 15: one truth ---------------------------------------------------------------------------------------------------


def test_15_the_status_follows_the_route_of_an_overtaken_promotion():
    plan = decided(world(status=PROMOTING, primary=copied(available_replicas=1), canary_workload=NEW))
    assert (written(plan).canary_weight, weights(plan)) == (0, [ALL_TO_PRIMARY])
    assert written(plan).stage is Stage.PROMOTING


# --- 16: pushed while it is rolled back ------------------------------------------------------------------------------


def test_16_a_fix_that_is_pushed_during_the_rollback_is_analysed_like_any_push():  # behaviour 9
    rolling_back = status(stage=Stage.ROLLING_BACK, failed_checks=10)
    plan = decided(world(status=rolling_back, canary_workload=NEW))
    assert kinds(plan) == ["Shift", "WriteStatus", "Say", "ReleaseFinalizer"]
    assert said(plan) == ["Canary failed! podinfo-canary.test revision podinfo-canary-2"]
    ended = written(plan)
    assert (ended.state, ended.canary_generation) == (State.FAILED, 1)
    then = decided(world(canary=canary(status=ended), canary_workload=NEW, weight=0))
    assert said(then)[0] == "New revision detected podinfo-canary.test old podinfo-canary-2 new podinfo-canary-3"


# --- 17, 18: slow and interrupted writes of the route ----------------------------------------------------------------


def test_17_the_interval_counts_from_when_the_route_carries_the_weight():  # behaviour 14
    late = Shifted(Weights.to_canary(10), NOW - 10 * SECOND)
    slow = world(status=status(last_check_time=NOW - 65 * SECOND), memory=Memory(shifted=late))
    plan = decided(slow)
    assert kinds(plan) == ["WriteStatus"]
    assert written(plan).last_check_time == NOW - 10 * SECOND
    noted = decided(replace(slow, canary=replace(slow.canary, status=written(plan))))
    assert noted.actions == ()
    assert noted.wake_after >= 50 * SECOND


def test_17_a_slow_first_step_fills_its_windows_from_then_too():
    claim = NOW - 65 * SECOND
    late = Shifted(Weights.to_canary(10), NOW - 10 * SECOND)
    slow = world(status=status(last_check_time=claim, traffic_start_time=claim), memory=Memory(shifted=late))
    assert written(decided(slow)).traffic_start_time == NOW - 10 * SECOND


def test_17_a_quick_write_costs_nothing_more():
    quick = Shifted(Weights.to_canary(10), NOW - 2 * MINUTE + SECOND / 2)
    assert weights(decided(world(memory=Memory(shifted=quick)))) == [Weights.to_canary(15)]


def test_17_a_shift_from_the_future_is_not_believed():
    ahead = Shifted(Weights.to_canary(10), NOW + timedelta(hours=1))
    assert weights(decided(world(memory=Memory(shifted=ahead)))) == [Weights.to_canary(15)]


def test_18_a_step_of_ours_that_was_interrupted_is_finished_and_counts_as_nothing():  # behaviour 8
    once = spec(threshold=1, inconclusive_limit=1)
    claimed = canary(spec=once, status=status(last_check_time=NOW - SECOND, traffic_start_time=NOW - SECOND))
    plan = decided(world(canary=claimed, weight=5))
    assert said(plan) == ["Advance podinfo.test canary weight 10"]
    assert weights(plan) == [Weights.to_canary(10)]
    after = written(plan)
    assert (after.inconclusive_checks, after.failed_checks) == (0, 0)
    assert (after.last_check_time, after.traffic_start_time) == (NOW, NOW)


def test_18_weights_that_somebody_changed_are_corrected():
    ours = Memory(shifted=Shifted(Weights.to_canary(10), NOW - MINUTE))
    assert said(decided(world(weight=5, memory=ours)))[0] == "Correcting podinfo.test canary weight 5 to 10"
    assert said(decided(world(weight=7)))[0] == "Correcting podinfo.test canary weight 7 to 10"


def test_18_traffic_that_was_to_leave_leaves_without_a_word():
    lost = status(canary_weight=0, previous_weight=10, last_check_time=NOW)
    plan = decided(world(status=lost, weight=10))
    assert kinds(plan) == ["WriteStatus", "Shift"]
    assert written(plan).drain_start_time == NOW


# --- the end of a rollout loses no request ---------------------------------------------------------------------------


def test_the_end_of_a_promotion_drains_before_pods_go_and_counts_from_the_write():  # behaviour 11
    the_canary = canary(spec=DRAINING, status=PROMOTING)
    first = decided(world(canary=the_canary, primary=copied()))
    assert kinds(first) == ["Shift"]
    drained = world(canary=the_canary, primary=copied(), weight=0, memory=Memory(shifted=Shifted(ALL_TO_PRIMARY, NOW)))
    claim = decided(drained)
    assert kinds(claim) == ["WriteStatus"]
    status_then = written(claim)
    assert (status_then.stage, status_then.state) == (Stage.DRAINING, State.RUNNING)
    assert (status_then.canary_weight, status_then.drain_start_time) == (0, NOW)
    assert claim.wake_after == timedelta(seconds=30)
    waiting = replace(drained, canary=replace(the_canary, status=status_then), now=NOW + 29 * SECOND)
    assert decided(waiting).actions == ()
    end = decided(replace(waiting, now=NOW + 30 * SECOND))
    assert kinds(end) == ["Scale", "WriteStatus", "Say", "Log", "ReleaseFinalizer"]
    assert (written(end).state, written(end).drain_start_time) == (State.FINISHED, None)
    assert written(end).condition("Promoted").status == "True"


def test_a_rollback_drains_and_keeps_its_reason():  # behaviour 9, 11
    plan = decided(world(canary=canary(spec=DRAINING, status=status(failed_checks=9))), BAD_RATE)
    assert kinds(plan) == ["WriteStatus", "Say", "Say", "Shift"]
    claim = decided(world(canary=canary(spec=DRAINING, status=written(plan)), weight=0))
    assert kinds(claim) == ["Fence", "WriteStatus"]  # another process has taken the traffic off, for all we know
    over = canary(spec=DRAINING, status=written(claim))
    end = decided(world(canary=over, weight=0, now=NOW + MINUTE))
    assert said(end) == ["Canary failed! Scaling down podinfo-canary.test"]
    assert written(end).condition("Promoted").reason == "FailedChecks"


def test_a_drain_counts_from_a_slow_write_of_the_route():
    claimed = canary(
        spec=DRAINING, status=status(stage=Stage.DRAINING, canary_weight=0, drain_start_time=NOW - 31 * SECOND)
    )
    late = Memory(shifted=Shifted(ALL_TO_PRIMARY, NOW - SECOND))
    assert decided(world(canary=claimed, memory=late)).wake_after == 29 * SECOND


def test_traffic_that_comes_back_during_the_drain_is_taken_off_again():
    claimed = canary(spec=DRAINING, status=status(stage=Stage.DRAINING, canary_weight=0, drain_start_time=NOW - MINUTE))
    assert weights(decided(world(canary=claimed, weight=20))) == [ALL_TO_PRIMARY]


@pytest.mark.parametrize("gone", [None, workload(**NONE_AVAILABLE)], ids=["deleted", "without pods"])
def test_pods_that_are_gone_are_not_drained(gone):  # behaviour 11
    the_canary = canary(spec=DRAINING, status=status(stage=Stage.ROLLING_BACK))
    assert written(decided(world(canary=the_canary, canary_workload=gone))).state is State.FAILED


def test_a_canary_that_had_no_traffic_is_not_drained():
    the_canary = canary(spec=DRAINING, status=starting())
    plan = decided(world(canary=the_canary, canary_workload=workload("1", **NEXT)))
    assert kinds(plan) == ["Scale", "WriteStatus", "Say", "ReleaseFinalizer"]


def test_nothing_to_roll_out_is_said_when_the_drain_begins_and_not_again():
    put_back = workload("1", **NEXT)
    begun = decided(world(canary=canary(spec=DRAINING), canary_workload=put_back, weight=0))
    assert kinds(begun) == ["Fence", "WriteStatus", "Say"]
    over = canary(spec=DRAINING, status=written(begun))
    end = decided(world(canary=over, canary_workload=put_back, now=NOW + MINUTE))
    assert kinds(end) == ["Scale", "WriteStatus", "ReleaseFinalizer"]
    assert written(end).condition("Promoted").reason == "NothingToRollOut"


def test_a_drain_that_is_long_over_is_not_repeated():
    long_ago = starting(drain_start_time=NOW - MINUTE)
    plan = decided(world(canary=canary(spec=DRAINING, status=long_ago), canary_workload=workload("1", **NEXT)))
    assert kinds(plan) == ["Scale", "WriteStatus", "Say", "ReleaseFinalizer"]


def test_a_newer_template_during_the_drain_starts_without_the_wait():
    promoted = (Condition("Promoted", "Unknown", "Promoted", "x", NOW),)
    draining = status(stage=Stage.DRAINING, canary_weight=0, drain_start_time=NOW - SECOND, conditions=promoted)
    plan = decided(world(canary=canary(spec=DRAINING, status=draining), canary_workload=NEW))
    assert kinds(plan) == ["WriteStatus", "Say", "ReleaseFinalizer"]
    assert written(plan).state is State.FINISHED
    then = decided(world(canary=canary(spec=DRAINING, status=written(plan)), canary_workload=NEW, primary=copied()))
    assert said(then)[0].startswith("New revision detected")
    assert written(then).drain_start_time == NOW - SECOND


def test_traffic_returns_in_steps_if_that_is_asked_for():  # behaviour 10
    stepped = canary(spec=spec(stepped=True), status=replace(PROMOTING, last_check_time=NOW - 2 * MINUTE))
    plan = decided(world(canary=stepped, primary=copied()))
    assert said(plan) == ["Return podinfo.test canary weight 45"]
    assert (written(plan).canary_weight, weights(plan)) == (45, [Weights.to_canary(45)])
    early = replace(stepped, status=replace(PROMOTING, last_check_time=NOW))
    assert decided(world(canary=early, primary=copied())).actions == ()
    last = replace(stepped, status=replace(PROMOTING, canary_weight=5))
    assert weights(decided(world(canary=last, primary=copied()))) == [ALL_TO_PRIMARY]
    overtaken = decided(world(canary=stepped, primary=copied(), canary_workload=NEW))
    assert weights(overtaken) == [ALL_TO_PRIMARY]


def test_no_data_stays_apart_from_failure_behind_a_gate():
    plan = decided(world(canary_workload=workload(paused=True)), (NoData(), Value(20.0)))
    assert (written(plan).failed_checks, written(plan).inconclusive_checks) == (0, 1)
    assert isinstance(plan.actions[-1], Say)


def test_end_that_waits_for_the_primary_is_told_once_a_round_whatever_its_numbers():
    waiting = canary(spec=DRAINING, status=status(stage=Stage.ROLLING_BACK, canary_weight=100))
    first = decided(world(canary=waiting, primary=primary(available_replicas=0), weight=100))
    assert written(first).condition("Ready").reason == "PrimaryNotServing"
    known = Memory(complaint=first.complaint)
    told = replace(waiting, status=written(first))
    other = primary(available_replicas=0, updated_replicas=1)
    again = world(canary=told, primary=other, weight=100, now=NOW + SECOND, memory=known)
    assert decided(again).actions == ()
    assert kinds(decided(replace(again, now=NOW + 2 * MINUTE))) == ["Say"]
