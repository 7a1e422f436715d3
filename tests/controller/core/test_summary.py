"""What people read first in a status: version, reason, next round and history."""

from dataclasses import replace
from datetime import timedelta

import pytest

from controller.core import pacing
from controller.core.canary import (
    CanaryStatus,
    CheckStatus,
    Condition,
    InvalidSpec,
    PastRollout,
    Stage,
    State,
    WorstReading,
)
from controller.core.decide import decide
from controller.core.history import MOST_BYTES, with_history
from controller.core.plan import Say, WriteStatus
from controller.core.summary import ON_PURPOSE, summarised, waits_for_pods, with_summary
from controller.core.verbs import Verbs
from controller.core.world import with_readings
from metrics.types import NoData, Value, Verdict
from tests.controller.core.builders import (
    BAD_RATE,
    GOOD,
    MINUTE,
    NOW,
    at_rest,
    canary,
    decided,
    primary,
    spec,
    starting,
    status,
    workload,
    world,
)
from tests.controller.core.test_worlds import plans, worlds
from tests.simulator import template_of

pytestmark = pytest.mark.timeout(300)  # thousands of worlds

IDLE = {"replicas": 0, "current_replicas": 0, "updated_replicas": 0, "available_replicas": 0}
NEXT = {"generation": 2, "observed_generation": 2}
OLD, NEW = (("app", "podinfo:1.4.0"),), (("app", "podinfo:1.5.0"),)


def running(name, body, tag, **changes):
    """Return a workload that runs a version."""
    template = replace(template_of(name, body), images=(("app", f"podinfo:{tag}"),))
    return (primary if name == "podinfo" else workload)(**{"template": template, **changes})


OF_1_4, OF_1_5 = running("podinfo", "1", "1.4.0"), running("podinfo-canary", "2", "1.5.0")


def written(the_world, readings=GOOD):
    """Return the last status that the plan for a world writes."""
    plan = with_summary(the_world, decided(the_world, readings))
    return [action.status for action in plan.actions if isinstance(action, WriteStatus)][-1]


def told(the_world, readings=GOOD):
    after = written(the_world, readings)
    return after.reason, after.message


def test_every_write_of_a_status_says_why_it_stands_where_it_does():
    """A blank one, and nothing else, has no reason: whatever the world, a user is told."""
    written_in_all = 0
    for the_world in worlds():
        for plan in plans(the_world):
            shown = with_summary(the_world, plan)
            before = the_world.canary.status
            for action in shown.actions:
                if isinstance(action, WriteStatus) and not the_world.canary.deleting:
                    written_in_all += 1
                    ready = action.status.condition("Ready")
                    assert action.status.reason, (before, action.status)
                    # An end that a process of long ago has claimed without a word of why.
                    unknown = action.status.reason == "RolloutFailed"
                    assert action.status.message or unknown, (before, action.status)
                    if action.status.state is None:
                        assert ready is not None
                        assert ready.status == "False"
    assert written_in_all > 10_000


def test_summary_adds_no_write_and_changes_nothing_that_is_decided_by():
    shown = ("version", "reason", "message", "next_check_time", "history")
    for the_world in worlds()[::7]:
        for plan in plans(the_world):
            after = with_summary(the_world, plan)
            assert len(after.actions) == len(plan.actions)
            for was, now in zip(plan.actions, after.actions, strict=True):
                if isinstance(was, WriteStatus):
                    was_shown = {name: getattr(now.status, name) for name in shown}
                    assert replace(was.status, **was_shown) == now.status
                else:
                    assert was == now


@pytest.mark.parametrize(
    ("the_world", "readings", "reason", "message"),
    [
        pytest.param(
            world(status=at_rest(), canary_workload=workload("3", **NEXT, **IDLE)),
            GOOD,
            "Starting",
            "its pods are started, it has no traffic yet",
            id="a start",
        ),
        pytest.param(
            world(status=starting()), GOOD, "Progressing", "the first step was taken, its checks are judged next",
            id="the first step",
        ),
        pytest.param(world(), GOOD, "Progressing", "the last round passed", id="a round that passed"),
        pytest.param(
            world(), BAD_RATE, "ChecksFailing", "success rate 82.33% < 99%", id="a round that failed"
        ),
        pytest.param(
            world(),
            (NoData(), Value(20.0)),
            "NoData",
            "success rate unknown, Prometheus has no data for the last 1m",
            id="a round without data",
        ),
        pytest.param(
            world(canary=canary(verbs=Verbs(hold="Ann decides"))),
            GOOD,
            "Held",
            "held by the annotation flagger.app/hold (Ann decides), remove it to go on",
            id="held",
        ),
        pytest.param(
            world(canary_workload=workload(paused=True)),
            GOOD,
            "CanaryPaused",
            "canary deployment podinfo-canary.test is paused, resume it to go on",
            id="paused",
        ),
        pytest.param(
            world(canary_workload=workload(replicas=3, failure='pods "x" is forbidden: exceeded quota: few')),
            GOOD,
            "CanaryNotConverged",
            "waiting: 1 of 3 replicas are updated (deployment podinfo-canary.test: "
            'pods "x" is forbidden: exceeded quota: few)',
            id="waiting for pods, with what the Deployment says",
        ),
        pytest.param(
            world(canary_workload=workload(available_replicas=0)),
            GOOD,
            "CanaryNotServing",
            "the canary has no available pod behind its service, its traffic was taken off",
            id="without pods",
        ),
        pytest.param(
            world(status=status(canary_weight=50)),
            GOOD,
            "Promoting",
            "the primary takes over the template, and its pods are replaced",
            id="a promotion",
        ),
        pytest.param(
            world(status=status(failed_checks=9)), BAD_RATE, "FailedChecks", "failed checks threshold reached 10",
            id="a rollback",
        ),
        pytest.param(
            world(status=status(inconclusive_checks=9)),
            (NoData(), NoData()),
            "NoEvidence",
            "not enough data, inconclusive checks limit reached 10",
            id="a rollback because there was no data",
        ),
        pytest.param(
            world(canary=canary(status=CanaryStatus(), spec=InvalidSpec("spec.primary is required"))),
            GOOD,
            "InvalidSpec",
            "spec.primary is required",
            id="an object that cannot begin",
        ),
        pytest.param(
            world(route=None),
            GOOD,
            "RouteNotFound",
            "virtual service podinfo.test not found, create it or correct spec.virtualService.name",
            id="a part that is missing",
        ),
    ],
)  # fmt: skip
def test_reason_and_message(the_world, readings, reason, message):
    assert told(the_world, readings) == (reason, message)


def test_reasons_of_what_somebody_has_stopped_are_told_from_all_others():
    assert {"Held", "PrimaryPaused", "CanaryPaused", "PrimaryScaledToZero"} == ON_PURPOSE


def test_wait_for_the_primary_after_the_copy_names_it():
    behind = primary(available_replicas=1)
    promoting = status(stage=Stage.PROMOTING, canary_weight=50)
    after = summarised(world(primary=behind), promoting, promoting)
    assert after.reason == "PrimaryNotConverged"
    assert after.message == "waiting: 1 of 2 updated replicas are available (deployment podinfo.test)"


def test_canary_is_not_waited_for_after_the_copy():
    promoting = status(stage=Stage.PROMOTING, canary_weight=50)
    after = summarised(world(canary_workload=workload(replicas=3)), promoting, promoting)
    assert after.reason == "Promoting"


def test_nobody_waits_for_pods_while_no_rollout_runs():
    unfinished = world(canary_workload=workload(replicas=3))
    assert waits_for_pods(unfinished, status()) is not None
    assert waits_for_pods(unfinished, at_rest()) is None


def test_checks_that_failed_in_one_round_are_named_together():
    assert told(world(), (Value(82.33), Value(600.0))) == (
        "ChecksFailing",
        "success rate 82.33% < 99%, request duration 600ms > 500ms",
    )


def test_what_a_round_found_is_not_told_of_a_later_step():
    failed = written(world(), BAD_RATE)
    later = replace(failed, last_check_time=NOW + MINUTE)
    assert summarised(world(), failed, later).reason == "Progressing"


def test_message_is_bounded():
    invalid = canary(status=CanaryStatus(), spec=InvalidSpec("x" * 1000))
    message = written(world(canary=invalid)).message
    assert (len(message), message[-2:]) == (300, "x…")


# --- version ---


def test_version_is_that_of_the_start_until_the_end():
    pushed = running("podinfo-canary", "3", "1.5.0", **NEXT, **IDLE)
    start = written(world(status=at_rest(), primary=OF_1_4, canary_workload=pushed))
    assert start.version == "1.4.0 → 1.5.0"
    copied = running("podinfo", "2", "1.5.0")
    promoting = replace(start, stage=Stage.PROMOTING)
    assert summarised(world(primary=copied), start, promoting).version == "1.4.0 → 1.5.0"
    ended = replace(start, state=State.FINISHED, stage=None)
    assert summarised(world(primary=copied), start, ended).version == "1.5.0"
    failed = replace(start, state=State.FAILED, stage=None)
    assert summarised(world(primary=OF_1_4, canary_workload=OF_1_5), start, failed).version == "1.4.0 → 1.5.0"


def test_newer_version_mid_rollout_begins_with_its_own():
    before = status(version="1.4.0 → 1.5.0")
    newer = running("podinfo-canary", "3", "1.6.0", **NEXT)
    assert written(world(status=before, primary=OF_1_4, canary_workload=newer)).version == "1.4.0 → 1.6.0"


def test_version_that_failed_before_is_named():
    known = at_rest(failed_revisions=("podinfo-canary-9",), version="1.4.0")
    again = running("podinfo-canary", "9", "1.3.0", **NEXT)
    after = written(world(status=known, primary=OF_1_4, canary_workload=again))
    assert (after.state, after.reason, after.version) == (State.FAILED, "FailedBefore", "1.4.0 → 1.3.0")


def test_version_of_a_rollout_that_an_older_release_began_is_that_of_now():
    assert written(world(primary=OF_1_4, canary_workload=OF_1_5)).version == "1.4.0 → 1.5.0"
    failed = summarised(
        world(primary=OF_1_4, canary_workload=OF_1_5), at_rest(state=State.FAILED), at_rest(state=State.FAILED)
    )
    assert failed.version == "1.4.0 → 1.5.0"


def test_version_of_what_cannot_be_seen_is_the_last_known_one():
    known = at_rest(version="1.5.0")
    assert summarised(world(primary=None), known, known).version == "1.5.0"


def test_events_name_the_version_of_their_rollout():
    def versions(the_world):
        plan = with_summary(the_world, decided(the_world))
        return {action.event.version for action in plan.actions if isinstance(action, Say)}

    known = status(version="1.4.0 → 1.5.0")
    assert versions(world(status=known)) == {"1.4.0 → 1.5.0"}
    copied = running("podinfo", "2", "1.5.0")
    assert versions(world(status=replace(known, stage=Stage.PROMOTING), primary=copied)) == {"1.4.0 → 1.5.0"}
    begins = running("podinfo-canary", "3", "1.6.0", **NEXT)
    assert versions(world(status=known, primary=OF_1_4, canary_workload=begins)) == {"1.4.0 → 1.6.0"}
    assert versions(world(status=status(), primary=OF_1_4, canary_workload=OF_1_5)) == {"1.4.0 → 1.5.0"}


# --- the next round ---


def test_next_round_is_an_interval_after_the_last():
    the_world = world()
    length = pacing.interval(the_world, spec())
    assert written(the_world).next_check_time == NOW + length
    assert written(world(status=status(canary_weight=50))).next_check_time is None  # it is promoted
    assert written(world(status=at_rest(), canary_workload=workload("3", **NEXT))).next_check_time is None


# --- history ---


def ended(before, readings=GOOD, **changes):
    (past, *_) = written(world(status=before, **changes), readings).history
    return past


def test_rollback_is_remembered_with_its_worst_readings():
    one = written(world(status=status(version="1.4.0 → 1.5.0")), (Value(40.004), Value(20.0)))
    before = replace(one, failed_checks=9, last_check_time=NOW - 2 * MINUTE)
    assert ended(before, BAD_RATE) == PastRollout(
        version="1.4.0 → 1.5.0",
        revision="podinfo-canary-2",
        started=NOW - 5 * MINUTE,
        ended=NOW,
        outcome="failed",
        reason="FailedChecks",
        worst=(
            WorstReading("istio_requests_total", 40.0),
            WorstReading("istio_request_duration_seconds_bucket", 20.0),
        ),
    )


def test_last_round_counts_for_the_worst_reading_too():
    assert ended(status(failed_checks=9), BAD_RATE).worst[0].value == 82.33


def test_promotion_is_remembered_by_what_it_released():
    promoting = status(
        stage=Stage.PROMOTING,
        canary_weight=50,
        version="1.4.0 → 1.5.0",
        conditions=(Condition("Promoted", "Unknown", "RolloutRunning", "", NOW),),
    )
    past = ended(promoting, primary=running("podinfo", "2", "1.5.0"))
    assert (past.version, past.outcome, past.reason) == ("1.4.0 → 1.5.0", "finished", "Promoted")


def test_rollout_that_a_newer_version_replaces_is_superseded():
    newer = running("podinfo-canary", "3", "1.6.0", **NEXT)
    past = ended(status(version="1.4.0 → 1.5.0"), primary=OF_1_4, canary_workload=newer)
    assert (past.version, past.outcome, past.reason) == ("1.4.0 → 1.5.0", "superseded", "NewRevision")


def test_template_that_was_put_back_was_not_released():
    back = running("podinfo-canary", "1", "1.4.0", **NEXT)
    past = ended(status(version="1.4.0 → 1.5.0"), primary=OF_1_4, canary_workload=back)
    assert (past.version, past.outcome, past.reason) == ("1.4.0", "finished", "NothingToRollOut")


def test_at_rest_nothing_is_added():
    known = at_rest(history=(PastRollout("1.4.0", "1", NOW, NOW, "finished", "Promoted"),))
    assert with_history(known, replace(known, state=State.FAILED), NOW) == known.history


def test_history_keeps_ten_and_stays_within_its_bytes():
    past = PastRollout("1.4.0 → 1.5.0", "1", NOW, NOW, "failed", "FailedChecks")
    before, after = status(history=(past,) * 10), at_rest(state=State.FAILED)
    assert len(with_history(before, after, NOW)) == 10
    many = tuple(WorstReading(f"{n:063}", 0.1) for n in range(16))
    long = replace(past, version="9" * 120, worst=many)
    kept = with_history(replace(before, history=(long,) * 10), after, NOW)
    assert 1 < len(kept) < 10
    assert sum(len(repr(entry)) for entry in kept) < 3 * MOST_BYTES
    huge = replace(past, worst=many * 9)
    assert len(with_history(replace(before, history=(huge,)), after, NOW)) == 1
    checks = tuple(CheckStatus(f"{n:063}", Verdict.PASS, 1.0, 0.1, "", NOW, worst=0.1) for n in range(200))
    (newest,) = with_history(status(checks=checks, history=(past,)), after, NOW)
    assert len(newest.worst) == 200


def test_reading_that_must_wait_for_its_window_is_kept_with_the_worst():
    first = written(world(), BAD_RATE)
    short = replace(spec().checks[0], interval="1m")
    long = replace(spec().checks[1], interval="10m")
    the_world = world(
        canary=canary(spec=spec(checks=(short, long)), status=replace(first, last_check_time=NOW - 2 * MINUTE)),
        now=NOW + timedelta(seconds=1),
    )
    plan = decide(the_world)
    assert plan.observe == (short,)
    seen = with_summary(the_world, decide(with_readings(the_world, plan.observe, (Value(99.5),))))
    (after,) = [action.status for action in seen.actions if isinstance(action, WriteStatus)]
    assert [(check.value, check.worst) for check in after.checks] == [(99.5, 82.33), (20.0, 20.0)]
