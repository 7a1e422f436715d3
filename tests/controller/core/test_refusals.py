"""A write that the API server refuses: told once a round, and what was claimed for it is taken back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from controller.core.canary import READY, CanaryStatus, Condition, Stage, State
from controller.core.decide import decide
from controller.core.gates import ends_traffic_to_nothing
from controller.core.plan import Action, Complaint, Fence, Plan, Refusal, Say, Scale, Shift, WriteStatus
from controller.core.refusals import one_more, report
from controller.core.world import Memory, Shifted, World, after_action, after_plan, stamp
from router.types import ALL_TO_PRIMARY, Route, Weights
from tests.controller.core.builders import (
    BAD_RATE,
    GOOD,
    MINUTE,
    NOW,
    at_rest,
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

WORDS = "the API server refuses a write: patch virtualservices podinfo.test: 403 Forbidden: no changes on Fridays"
STEP, COPY = Refusal("Shift", WORDS, NOW), Refusal("CopyTemplate", WORDS, NOW)
REFUSED = Memory(refusal=STEP)
OFF = status(stage=Stage.DRAINING, canary_weight=0, traffic_start_time=None, drain_start_time=NOW)
CLAIMED = status(canary_weight=10, previous_weight=5, last_check_time=NOW)


def written(plan):
    (found,) = [action.status for action in plan.actions if isinstance(action, WriteStatus)]
    return found


def test_refusal_is_an_event_and_a_condition():
    plan = report(world(), STEP)
    assert said(plan) == [f"Halt podinfo.test advancement {WORDS}"]
    ready = written(plan).condition(READY)
    assert (ready.status, ready.reason, ready.message) == ("False", "WriteRefused", WORDS)


def test_first_refusal_is_noted_as_it_is_and_each_that_follows_counts():
    first = one_more(None, "Shift", WORDS, NOW)
    assert first == STEP
    reported = replace(first, complaint=Complaint(WORDS, NOW))
    assert one_more(reported, "Scale", "other", NOW + MINUTE) == Refusal(
        "Scale", "other", NOW + MINUTE, 2, reported.complaint
    )


def test_condition_of_a_refusal_that_lasts_keeps_its_time():
    since = NOW - 3 * MINUTE
    before = replace(CLAIMED, conditions=(Condition(READY, "False", "WriteRefused", WORDS, since),))
    after = written(report(world(status=before, weight=5), STEP))
    assert after.canary_weight == 5
    assert after.condition(READY) == Condition(READY, "False", "WriteRefused", WORDS, since)


def test_other_words_of_a_server_are_no_reason_to_report_within_a_round():
    slow = spec(interval=5 * MINUTE)
    known = replace(STEP, complaint=Complaint("Halt podinfo.test advancement port 4711", NOW - 2 * MINUTE))
    assert said(report(world(canary=canary(spec=slow)), known)) == []
    later = replace(STEP, complaint=Complaint("Halt podinfo.test advancement port 4711", NOW - 6 * MINUTE))
    assert said(report(world(canary=canary(spec=slow)), later)) == [f"Halt podinfo.test advancement {WORDS}"]


@pytest.mark.parametrize(
    ("before", "route", "refusal", "weight", "stage"),
    [
        pytest.param(CLAIMED, 5, STEP, 5, Stage.PROGRESSING, id="a step that was not taken"),
        pytest.param(CLAIMED, 10, STEP, 10, Stage.PROGRESSING, id="a step that was taken after all"),
        pytest.param(CLAIMED, 7, STEP, 10, Stage.PROGRESSING, id="weights that somebody else has set"),
        pytest.param(replace(CLAIMED, stage=Stage.PROMOTING), 10, COPY, 10, Stage.PROGRESSING, id="a promotion"),
        pytest.param(starting(), 0, Refusal("Scale", WORDS, NOW), 0, Stage.STARTING, id="a scale-up"),
        pytest.param(
            status(stage=Stage.ROLLING_BACK), 5, STEP, 10, Stage.ROLLING_BACK, id="an end is carried out, late or not"
        ),
    ],
)
def test_claim_of_what_was_refused_is_taken_back(before, route, refusal, weight, stage):
    after = written(report(world(status=before, weight=route), refusal))
    assert (after.canary_weight, after.stage) == (weight, stage)


def test_first_step_that_is_refused_begins_no_window():
    first = replace(CLAIMED, previous_weight=0, traffic_start_time=NOW)
    after = written(report(world(status=first, weight=0), STEP))
    assert (after.canary_weight, after.traffic_start_time) == (0, None)


def test_later_step_that_is_refused_leaves_the_window_as_it_was():
    begun = NOW - 4 * MINUTE
    after = written(report(world(status=replace(CLAIMED, traffic_start_time=begun), weight=5), STEP))
    assert after.traffic_start_time == begun


def test_promotion_stays_claimed_when_another_write_is_refused():
    promoting = replace(CLAIMED, stage=Stage.PROMOTING)
    assert written(report(world(status=promoting, weight=10), Refusal("Scale", WORDS, NOW))).stage is Stage.PROMOTING
    assert written(report(world(status=CLAIMED, weight=10), COPY)).stage is Stage.PROGRESSING


@pytest.mark.parametrize(
    ("ago", "message"),
    [
        pytest.param(timedelta(), WORDS, id="just now"),
        pytest.param(MINUTE - timedelta(seconds=1), WORDS, id="within a round"),
        pytest.param(MINUTE, "by port 2", id="a round ago"),
        pytest.param(-MINUTE, "by port 2", id="before the clock was set back"),
    ],
)
def test_words_that_differ_each_time_are_those_of_the_report_for_a_round(ago, message):
    before = written(report(world(), STEP))
    other = replace(STEP, text="by port 2", complaint=Complaint("whatever it said", NOW - ago))
    plan = report(world(status=before), other)
    after = next((action.status for action in plan.actions if isinstance(action, WriteStatus)), before)
    assert after.condition(READY).message == message


def test_without_a_route_nothing_is_taken_back():
    assert written(report(world(status=CLAIMED, route=None), STEP)).canary_weight == 10


def test_refusal_is_repeated_once_a_round():
    known = replace(STEP, complaint=Complaint(f"Halt podinfo.test advancement {WORDS}", NOW - 30 * MINUTE / 60))
    before = written(report(world(), STEP))
    assert report(world(status=before), known).actions == ()
    assert len(said(report(world(status=before, now=NOW + MINUTE), known))) == 1


def test_weight_that_the_route_still_has_is_judged_each_round():
    taken_back = written(report(world(status=CLAIMED, weight=5), STEP))
    later = world(canary=canary(status=taken_back), weight=5, now=NOW + 2 * MINUTE, memory=REFUSED)
    again = decided(later)
    assert Shift(Weights(90, 10)) in again.actions
    assert written(again).checks
    assert written(again).condition(READY).status == "False"  # until a step is taken


def test_condition_is_true_again_after_the_write_went_through():
    memory = after_action(REFUSED, Shift(Weights(90, 10)), NOW)
    assert memory.refusal is None
    waiting = world(status=written(report(world(status=CLAIMED), STEP)), now=NOW + MINUTE / 2, memory=memory, weight=10)
    assert written(decided(waiting)).condition(READY).status == "True"


def test_another_write_that_goes_through_ends_no_refusal():
    assert after_action(REFUSED, Scale(1), NOW) == REFUSED


def test_at_rest_nothing_is_refused():
    told = at_rest(conditions=written(report(world(), STEP)).conditions)
    rest = world(canary=canary(finalizers=(), status=told), canary_workload=workload(), weight=0, memory=REFUSED)
    plan = decided(rest)
    assert written(plan).condition(READY).status == "True"
    settled = replace(rest, canary=replace(rest.canary, status=written(plan)))
    assert decided(settled).actions == ()
    assert after_plan(settled, decided(settled)).refusal is None
    assert after_plan(rest, plan).refusal is None


def test_refusal_of_an_unusable_route_is_told():
    assert said(report(world(route=Route(None, "it has no HTTP routes", sends_to_canary=True)), STEP))


def test_template_that_was_pushed_meanwhile_still_looks_new():
    pushed = workload("3", generation=2, observed_generation=2)
    for before, refusal in ((CLAIMED, STEP), (replace(CLAIMED, stage=Stage.PROMOTING), COPY)):
        after = written(report(world(status=before, weight=5, canary_workload=pushed), refusal))
        again = world(canary=canary(status=after), weight=5, canary_workload=pushed, memory=Memory(refusal=refusal))
        assert said(decided(again))[0].startswith("New revision detected")


def test_traffic_that_could_not_be_taken_off_is_not_given_back_in_the_status():
    taken_off = replace(CLAIMED, canary_weight=0, previous_weight=10, traffic_start_time=None)
    assert written(report(world(status=taken_off, weight=10), STEP)).canary_weight == 0


def test_words_that_differ_each_time_are_one_report_a_round():
    first = report(world(), STEP)
    known = replace(STEP, complaint=first.complaint, text=f"{WORDS} (request 2)")
    again = world(status=written(first), now=NOW + MINUTE / 60)
    assert report(again, known).actions == ()
    later = report(replace(again, now=NOW + MINUTE * 1.1), known)
    assert said(later) == [f"Halt podinfo.test advancement {WORDS} (request 2)"]


def test_waiting_with_a_refusal_writes_nothing():
    told = written(report(world(status=status(last_check_time=NOW)), STEP))
    assert told.condition(READY).status == "False"
    assert decided(world(canary=canary(status=told), memory=REFUSED)).actions == ()


@pytest.mark.parametrize("count", [1, 2, 4, 5, 6, 1000])
def test_write_that_is_refused_is_tried_at_a_growing_pace(count):
    stale = Memory(refusal=replace(STEP, count=count))
    wait = min(timedelta(seconds=3 ** (min(count, 10) - 1)), MINUTE)
    before = starting(start_time=NOW)
    waiting = world(status=before, route=Route(Weights(50, 50), sends_to_canary=True), memory=stale)
    plan = decided(waiting)
    assert (plan.actions, plan.wake_after) == ((), wait)
    assert Shift(ALL_TO_PRIMARY) in decided(replace(waiting, now=NOW + wait)).actions
    set_back = replace(waiting, now=NOW - MINUTE)
    assert Shift(ALL_TO_PRIMARY) in decided(set_back).actions


def test_traffic_is_judged_while_a_refused_step_waits():
    stale = Memory(refusal=replace(STEP, at=NOW, count=9))
    before = status(last_check_time=NOW - 2 * MINUTE)
    passed = decided(world(status=before, memory=stale), GOOD)
    assert [type(action) for action in passed.actions] == [WriteStatus]
    assert written(passed).last_check_time == NOW
    assert written(passed).condition(READY).status == "False"
    assert passed.wake_after == MINUTE  # when the step is due again, which is before the next round
    failed = decided(world(status=before, memory=stale), BAD_RATE)
    assert written(failed).failed_checks == 1


def test_deadline_is_not_missed_while_a_refused_write_waits():
    stale = Memory(refusal=replace(STEP, count=9))
    late = world(
        status=starting(start_time=NOW - MINUTE / 2),
        canary_workload=workload(replicas=0, available_replicas=0, updated_replicas=0, progress_deadline=MINUTE * 0.75),
        memory=stale,
    )
    assert decided(late).wake_after == MINUTE / 4


def test_refusals_in_a_row_are_counted():
    first = one_more(None, "Shift", "no", NOW)
    known = replace(first, complaint=Complaint("no", NOW))
    second = one_more(known, "Scale", "never", NOW + MINUTE)
    assert second == Refusal("Scale", "never", NOW + MINUTE, 2, known.complaint)


def test_traffic_to_nobody_is_urgent():
    gone = primary(available_replicas=0)
    flows = world(primary=gone)
    assert ends_traffic_to_nothing(flows, decided(flows))
    assert not ends_traffic_to_nothing(flows, Plan())
    healthy = world(route=Route(Weights(60, 40), sends_to_canary=True))
    assert not ends_traffic_to_nothing(healthy, decided(healthy))


TRIED = Memory(failed_shift=Weights(90, 10))


def test_step_that_failed_is_finished_without_a_new_claim():
    plan = decided(world(status=CLAIMED, weight=5, memory=TRIED))
    assert [type(action) for action in plan.actions] == [Shift, Say]
    assert after_action(TRIED, Shift(Weights(90, 10)), NOW).failed_shift is None


def test_traffic_behind_a_step_that_keeps_failing_is_judged_each_round():
    late = world(status=CLAIMED, weight=5, memory=TRIED, now=NOW + 2 * MINUTE)
    plan = decided(late, BAD_RATE)
    assert written(plan).failed_checks == 1


# --- a promotion that was claimed, refused and taken back: its copy may still be on its way -------------------------

REFUSED_COPY = written(report(world(status=replace(CLAIMED, stage=Stage.PROMOTING), weight=10), COPY))
LATE = replace(REFUSED_COPY, failed_checks=10, last_check_time=NOW - 2 * MINUTE)


def played(before: World, *, refuses: type[Action] | None = None) -> tuple[list[Action], CanaryStatus]:
    """Return every write until nothing more happens, and the last status; what is refused ends its plan."""
    done: list[Action] = []
    for _ in range(10):
        plan = decided(before)
        done += [action for action in plan.actions if not isinstance(action, Say)]
        for action in plan.actions:
            if refuses and isinstance(action, refuses):
                break
            if isinstance(action, WriteStatus):
                before = replace(before, canary=replace(before.canary, status=action.status))
            if isinstance(action, Shift):
                before = replace(before, route=Route(action.weights, sends_to_canary=bool(action.weights.canary)))
        before = replace(before, now=before.now + MINUTE)
    assert before.at_rest
    return done, before.canary.status


def test_rollback_after_a_copy_that_was_refused_keeps_a_late_one_out():
    done, last = played(world(status=LATE, weight=10))
    assert done.count(Fence("primary")) == 1
    assert done.index(Shift(ALL_TO_PRIMARY)) < done.index(Fence("primary"))
    assert not last.fence_owed


def test_copy_that_was_refused_is_fenced_while_the_canary_drains():
    drains = canary(spec=spec(drain=MINUTE), status=replace(LATE, stage=Stage.DRAINING, canary_weight=0))
    drains = replace(drains, status=replace(drains.status, drain_start_time=NOW))
    plan = decided(world(canary=drains, weight=0))
    assert (plan.actions[0], plan.wake_after) == (Fence("primary"), MINUTE)
    assert not written(plan).fence_owed


def test_primary_that_cannot_be_fenced_holds_no_rollback_up():
    done, last = played(world(status=LATE, weight=10), refuses=Fence)
    assert (last.state, last.fence_owed) == (State.FAILED, True)
    assert Scale(0) in done


def test_fence_is_owed_at_rest_until_it_is_done():
    owing = at_rest(state=State.FAILED, fence_owed=True)
    rest = world(canary=canary(status=owing, finalizers=()), weight=0, canary_workload=workload())
    plan = decided(rest)
    assert [type(action) for action in plan.actions] == [Fence, WriteStatus]
    assert decided(replace(rest, canary=replace(rest.canary, status=written(plan)))).actions == ()
    assert Fence("primary") not in decided(replace(rest, primary=None)).actions


def test_fence_that_is_refused_at_rest_is_told():
    owing = at_rest(state=State.FAILED, fence_owed=True)
    rest = world(canary=canary(status=owing, finalizers=()), weight=0, canary_workload=workload())
    refusal = Refusal("Fence", WORDS, NOW)
    told = written(report(rest, refusal))
    assert told.condition(READY).reason == "WriteRefused"
    again = replace(rest, canary=replace(rest.canary, status=told), memory=Memory(refusal=refusal))
    plan = decided(again)
    assert Fence("primary") in plan.actions


def test_rollout_that_starts_over_still_owes_the_fence():
    pushed = workload("3", generation=2, observed_generation=2)
    plan = decided(world(status=REFUSED_COPY, weight=10, canary_workload=pushed))
    assert written(plan).fence_owed
    assert Fence("primary") not in plan.actions  # the primary may be read-only: a fix is analysed nevertheless


def test_refused_fence_of_a_claimed_promotion_holds_nothing_up():
    """It stands before the claim of what comes instead, which would never be written."""
    promoting = replace(CLAIMED, stage=Stage.PROMOTING)
    after = written(report(world(status=promoting, weight=10), Refusal("Fence", WORDS, NOW)))
    assert (after.stage, after.fence_owed) == (Stage.PROGRESSING, True)


def test_copy_that_arrived_after_all_needs_no_fence():
    promoting = replace(REFUSED_COPY, stage=Stage.PROMOTING)
    arrived = primary(promoted=stamp(canary(status=promoting)), template=template_of("podinfo", "2"))
    done, last = played(world(status=promoting, primary=arrived, weight=10))
    assert Fence("primary") not in done
    assert not last.fence_owed


@pytest.mark.parametrize("before", [REFUSED_COPY, replace(REFUSED_COPY, stage=Stage.PROMOTING)])
def test_object_that_is_deleted_after_a_refused_copy_is_let_go_with_one_fence(before):
    plan = decided(world(canary=canary(status=before, deleting=True), weight=0))
    assert plan.actions.count(Fence("primary")) == 1


def test_write_without_an_answer_counts_from_when_the_route_is_seen_to_carry_it():
    """It was claimed a minute and a second ago, and carried out nobody knows when: the next step waits an interval."""
    late = world(status=CLAIMED, memory=TRIED, now=NOW + MINUTE + timedelta(seconds=1))
    plan = decide(late)
    assert [type(action) for action in plan.actions] == [WriteStatus]
    assert written(plan).last_check_time == late.now
    memory = after_plan(late, plan)
    assert memory == Memory(shifted=Shifted(Weights(90, 10), late.now))
    noted = replace(late, memory=memory, canary=replace(late.canary, status=written(plan)))
    assert decide(noted).actions == ()
    assert decide(noted).wake_after >= MINUTE
    due = replace(noted, now=noted.now + 2 * MINUTE)
    assert written(decided(due)).canary_weight > 10


def test_drain_behind_a_write_without_an_answer_counts_from_when_the_route_is_seen():
    off = Memory(failed_shift=ALL_TO_PRIMARY)
    drains = canary(status=OFF, spec=spec(drain=MINUTE / 2))
    late = world(canary=drains, memory=off, now=NOW + MINUTE)
    plan = decide(late)
    assert not any(isinstance(action, Scale) for action in plan.actions)
    assert any(isinstance(action, Scale) for action in decide(replace(late, memory=Memory())).actions)


def test_refused_write_of_a_deleted_canary_is_told_as_well():
    leaving = replace(canary(), deleting=True)
    plan = report(world(canary=leaving), STEP)
    assert said(plan) == [f"Halt podinfo.test advancement {WORDS}"]
    condition = written(plan).condition(READY)
    assert (condition.status, condition.reason, condition.message) == ("False", "WriteRefused", WORDS)
