"""The series of the canary objects."""

from dataclasses import replace
from datetime import timedelta

import pytest

from controller.core.canary import CanaryStatus, CheckStatus, Condition, InvalidSpec, Stage, State, Verbs
from controller.core.decide import decide
from controller.core.events import ABORTED, deadline_exceeded, evidence_missing, threshold_reached, workload_deleted
from controller.core.plan import Plan, ReleaseFinalizer, WriteStatus
from controller.exporter.canaries import CanaryExporter
from metrics.types import Check, Limits, NoData, Verdict
from tests.controller.core.builders import (
    BAD_RATE,
    MINUTE,
    NOW,
    at_rest,
    canary,
    decided,
    primary,
    spec,
    status,
    workload,
    world,
)
from tests.controller.exporter.scrape import Scrape

NAME = {"name": "podinfo", "namespace": "test"}
RATE = {**NAME, "metric": "istio_requests_total"}
DURATION = {**NAME, "metric": "istio_request_duration_seconds_bucket"}
CHECKS = (
    CheckStatus("istio_requests_total", Verdict.FAIL, 99.0, 82.33, "x", NOW),
    CheckStatus("istio_request_duration_seconds_bucket", Verdict.INCONCLUSIVE, 500.0, None, "x", NOW),
)
PROMOTED = primary(template=replace(primary().template, body=workload().template.body))


def written(the_world, readings=()):
    """Return the first status that is written."""
    return next(a.status for a in decided(the_world, readings).actions if isinstance(a, WriteStatus))


class Metrics(Scrape):
    def __init__(self):
        super().__init__()
        self.exporter = CanaryExporter(self.registry)

    def look(self, the_world, plan=None):
        self.exporter.looked(the_world, decided(the_world) if plan is None else plan)

    def ends(self):
        return {tuple(s.labels.values()): s.value for s in self.series("flagger_rollouts_total")}


@pytest.fixture
def metrics():
    return Metrics()


# --- a mirror of the status ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "number"), [(State.RUNNING, 0), (State.FINISHED, 1), (State.FAILED, 2)], ids=str)
def test_status_as_dashboards_read_it(metrics, state, number):
    metrics.look(world(status=status(state=state)), Plan())
    assert metrics.value("flagger_canary_status", **NAME) == number


def test_what_a_plan_writes_is_shown_at_once(metrics):
    metrics.look(world(), Plan((WriteStatus(status(canary_weight=15, failed_checks=3, inconclusive_checks=1)),)))
    assert metrics.value("flagger_canary_weight", workload="podinfo", namespace="test") == 85
    assert metrics.value("flagger_canary_weight", workload="podinfo-canary", namespace="test") == 15
    assert metrics.value("flagger_canary_failed_checks", **NAME) == 3
    assert metrics.value("flagger_canary_inconclusive_checks", **NAME) == 1


def test_each_check_shows_its_value_limit_and_verdict(metrics):
    metrics.look(world(status=status(checks=CHECKS)), Plan())
    assert metrics.value("flagger_canary_metric_analysis", **RATE) == 82.33
    assert metrics.value("flagger_canary_metric_threshold", **RATE, bound="min") == 99
    assert metrics.value("flagger_canary_metric_verdict", **RATE) == 1
    assert metrics.value("flagger_canary_metric_threshold", **DURATION, bound="max") == 500
    assert metrics.value("flagger_canary_metric_verdict", **DURATION) == 2


@pytest.mark.parametrize(
    ("limits", "shown"),
    [(Limits(1.0, 2.0), {"min": 1, "max": 2}), (Limits(high=2.0), {"max": 2}), (Limits(low=0.0), {"min": 0})],
)
def test_query_of_the_users_own_shows_its_limits(metrics, limits, shown):
    own = CheckStatus("checkout errors", Verdict.PASS, None, 1.5, "", NOW, limits)
    metrics.look(world(status=status(checks=(own,))), Plan())
    labels = {**NAME, "metric": "checkout errors"}
    found = {bound: metrics.value("flagger_canary_metric_threshold", **labels, bound=bound) for bound in ("min", "max")}
    assert {bound: limit for bound, limit in found.items() if limit is not None} == shown


def test_reading_that_is_missing_shows_no_value(metrics):
    good = replace(CHECKS[1], verdict=Verdict.PASS, value=20.0)
    metrics.look(world(status=status(checks=(good,))), Plan())
    assert metrics.value("flagger_canary_metric_analysis", **DURATION) == 20
    metrics.look(world(status=status(checks=CHECKS)), Plan())
    assert metrics.value("flagger_canary_metric_analysis", **DURATION) is None


def test_check_that_was_taken_out_of_the_object_disappears(metrics):
    metrics.look(world(status=status(checks=CHECKS)), Plan())
    metrics.look(world(status=status(checks=CHECKS[:1])), Plan())
    assert metrics.value("flagger_canary_metric_verdict", **RATE) == 1
    assert metrics.value("flagger_canary_metric_verdict", **DURATION) is None


def test_times_of_last_round_and_last_change(metrics):
    metrics.look(world(), Plan())
    assert metrics.value("flagger_canary_last_check_timestamp_seconds", **NAME) == (NOW - 2 * MINUTE).timestamp()
    assert metrics.value("flagger_canary_last_transition_timestamp_seconds", **NAME) == (NOW - 5 * MINUTE).timestamp()


def test_before_the_first_round_the_start_counts_as_the_last(metrics):
    metrics.look(world(status=status(last_check_time=None)), Plan())
    assert metrics.value("flagger_canary_last_check_timestamp_seconds", **NAME) == (NOW - 5 * MINUTE).timestamp()


def test_rollout_of_which_no_time_is_known_shows_none(metrics):
    metrics.look(world(status=CanaryStatus(state=State.RUNNING)), Plan())
    assert not {name for name in metrics.about("podinfo") if name.endswith("_timestamp_seconds")}


@pytest.mark.parametrize(
    ("own", "shown"),
    [pytest.param(timedelta(seconds=30), 30, id="its own"), pytest.param(None, 60, id="the controller's")],
)
def test_interval(metrics, own, shown):
    metrics.look(world(canary=canary(spec=spec(interval=own))), Plan())
    assert metrics.value("flagger_canary_interval_seconds", **NAME) == shown


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        pytest.param(
            {"checks": (Check(RATE["metric"], 99.0, "1m"), Check(DURATION["metric"], 500.0, "1h"))},
            3600,
            id="longest window",
        ),
        pytest.param({"drain": timedelta(minutes=20)}, 1200, id="drain"),
        pytest.param({"checks": (), "drain": timedelta()}, 0, id="neither"),
    ],
)
def test_longest_pause_is_that_of_a_window_or_of_the_drain(metrics, changes, shown):
    metrics.look(world(canary=canary(spec=spec(**changes))), Plan())
    assert metrics.value("flagger_canary_longest_pause_seconds", **NAME) == shown


@pytest.mark.parametrize(("value", "shown"), [("True", 1), ("False", 0), (None, None)])
def test_ready_is_the_condition(metrics, value, shown):
    conditions = (Condition("Ready", value, "X", "x", NOW),) if value else ()
    metrics.look(world(status=status(conditions=conditions)), Plan())
    assert metrics.value("flagger_canary_ready", **NAME) == shown


def test_canaries_are_counted_by_namespace(metrics):
    for name in ("a", "b", "a"):
        metrics.look(world(canary=canary(name=name)), Plan())
    metrics.look(world(canary=canary(name="c", namespace="prod")), Plan())
    assert metrics.value("flagger_canary_total", namespace="test") == 2
    metrics.exporter.gone("test", "a")
    metrics.exporter.gone("test", "never seen")
    assert metrics.value("flagger_canary_total", namespace="test") == 1
    metrics.exporter.gone("prod", "c")
    assert metrics.value("flagger_canary_total", namespace="prod") is None


def test_series_of_a_deleted_canary_disappear(metrics):
    ready = (Condition("Ready", "True", "X", "x", NOW),)
    metrics.look(world(status=status(checks=CHECKS, conditions=ready)), Plan())
    metrics.look(world(), Plan((WriteStatus(at_rest(start_time=NOW)),)))
    assert "flagger_canary_duration_seconds_count" in metrics.about("podinfo")
    metrics.exporter.gone("test", "podinfo")
    assert metrics.about("podinfo") | metrics.about("podinfo-canary") == set()


def test_canary_that_cannot_be_read_is_not_ready_and_shows_nothing_else(metrics):
    metrics.look(world(), Plan())
    metrics.exporter.unreadable("test", "podinfo")
    metrics.exporter.unreadable("test", "never-looked-at")
    for name in ("podinfo", "never-looked-at"):
        assert metrics.about(name) == {"flagger_canary_ready"}
        assert metrics.value("flagger_canary_ready", name=name, namespace="test") == 0
    assert metrics.value("flagger_canary_total", namespace="test") == 2
    for name in ("podinfo", "never-looked-at"):
        metrics.exporter.gone("test", name)
        assert metrics.about(name) == set()
    assert metrics.value("flagger_canary_total", namespace="test") is None


def test_canary_that_was_deleted_before_its_end_leaves_nothing(metrics):
    metrics.look(world(), Plan())
    metrics.exporter.gone("test", "podinfo")
    assert metrics.about("podinfo") == set()


def test_invalid_object_shows_its_state_and_no_weights(metrics):
    metrics.look(world(canary=canary(spec=InvalidSpec("x"))), Plan())
    assert metrics.value("flagger_canary_status", **NAME) == 0
    assert metrics.series("flagger_canary_weight") == []


def test_workloads_of_an_object(metrics):
    metrics.look(world(), Plan())
    assert metrics.value("flagger_canary_info", **NAME, primary="podinfo", canary="podinfo-canary") == 1


def test_object_without_a_rollout_shows_what_its_spec_says_and_nothing_else(metrics):
    metrics.look(world(status=CanaryStatus()), Plan())
    assert metrics.value("flagger_canary_total", namespace="test") == 1
    assert metrics.about("podinfo") == {
        "flagger_canary_info",
        "flagger_canary_interval_seconds",
        "flagger_canary_longest_pause_seconds",
    }


def test_weights_that_were_put_back_are_counted_and_steps_are_not(metrics):
    metrics.look(world())
    assert metrics.series("flagger_canary_corrections_total") == []
    for _ in range(2):
        metrics.look(world(weight=30))
    (counted,) = metrics.series("flagger_canary_corrections_total")
    assert (counted.labels, counted.value) == ({"namespace": "test"}, 2)


# --- what became of rollouts -----------------------------------------------------------------------------------------


def test_end_is_counted_once_with_its_duration(metrics):
    ended = at_rest(state=State.FAILED, start_time=NOW - timedelta(seconds=90))
    metrics.look(world(), Plan((WriteStatus(ended),)))
    metrics.look(world(status=ended), Plan())
    assert sum(metrics.ends().values()) == 1
    assert metrics.value("flagger_canary_duration_seconds_sum", **NAME) == 90
    assert metrics.value("flagger_canary_duration_seconds_count", **NAME) == 1


def test_end_whose_last_write_failed_is_counted_by_the_next_look(metrics):
    metrics.look(world(), Plan())
    metrics.look(world(status=at_rest()), Plan((ReleaseFinalizer(),)))
    assert sum(metrics.ends().values()) == 1
    assert metrics.value("flagger_canary_duration_seconds_count", **NAME) == 1


@pytest.mark.parametrize(
    ("the_status", "reasons"),
    [
        pytest.param(
            at_rest(conditions=(Condition("Promoted", "True", "Promoted", "x", NOW),)), ["Promoted"], id="end"
        ),
        pytest.param(status(conditions=(Condition("Promoted", "Unknown", "X", "x", NOW),)), [], id="running"),
        pytest.param(at_rest(), [], id="an end of an older controller"),
    ],
)
def test_outcome_of_the_last_rollout(metrics, the_status, reasons):
    metrics.look(world(status=the_status), Plan())
    assert [s.labels["reason"] for s in metrics.series("flagger_canary_outcome")] == reasons


def test_weights_that_another_object_shows_stay(metrics):
    metrics.look(world(canary=canary(name="old")), Plan())
    metrics.look(world(canary=canary(name="new")), Plan())
    metrics.exporter.gone("test", "old")
    assert metrics.value("flagger_canary_weight", workload="podinfo-canary", namespace="test") == 10
    metrics.exporter.gone("test", "new")
    assert metrics.series("flagger_canary_weight") == []


def test_end_without_a_start_has_no_duration(metrics):
    metrics.look(world(), Plan((WriteStatus(at_rest(start_time=None)),)))
    assert sum(metrics.ends().values()) == 1
    assert metrics.series("flagger_canary_duration_seconds_count") == []


NEW = {"generation": 2, "observed_generation": 2}


@pytest.mark.parametrize(
    ("the_world", "readings", "end"),
    [
        pytest.param(
            world(status=status(canary_weight=50, stage=Stage.PROMOTING), primary=PROMOTED),
            (),
            ("finished", "Promoted"),
            id="promoted",
        ),
        pytest.param(
            world(canary_workload=workload("1", **NEW)),
            (),
            ("finished", "NothingToRollOut"),
            id="the template was put back",
        ),
        pytest.param(
            world(status=status(failed_checks=9)),
            BAD_RATE,
            ("failed", threshold_reached(10).reason),
            id="failed checks",
        ),
        pytest.param(
            world(status=status(inconclusive_checks=9)),
            (NoData(), NoData()),
            ("failed", evidence_missing(10).reason),
            id="no evidence",
        ),
        pytest.param(
            world(canary_workload=workload(deadline_exceeded=True)),
            (),
            ("failed", deadline_exceeded("").reason),
            id="progress deadline",
        ),
        pytest.param(
            world(canary_workload=None), (), ("failed", workload_deleted("deployment").reason), id="deployment deleted"
        ),
        pytest.param(
            world(canary=canary(verbs=Verbs(abort="podinfo-canary-2"))), (), ("failed", ABORTED.reason), id="aborted"
        ),
        pytest.param(
            world(canary_workload=workload("3", **NEW), status=status(failed_revisions=("podinfo-canary-3",))),
            (),
            ("failed", "FailedBefore"),
            id="a revision that failed before",
        ),
        pytest.param(
            world(canary_workload=workload("3", **NEW)), (), ("superseded", "NewRevision"), id="a newer revision"
        ),
        pytest.param(world(canary=canary(deleting=True)), (), ("released", "ObjectDeleted"), id="object deleted"),
        pytest.param(world(namespace_terminating=True), (), ("released", "ObjectDeleted"), id="namespace deleted"),
    ],
)
def test_every_end_is_counted_with_its_reason(metrics, the_world, readings, end):
    metrics.look(the_world, decided(the_world, readings))
    assert metrics.ends() == {("test", *end): 1}


def test_reason_of_a_rollback_outlives_the_process_that_decided_it(metrics):
    failing = world(status=status(failed_checks=9))
    metrics.look(world(status=written(failing, BAD_RATE)))
    assert metrics.ends() == {("test", "failed", "FailedChecks"): 1}


def test_end_with_a_drain_is_counted_when_the_drain_is_over(metrics):
    draining = canary(spec=spec(drain=timedelta(seconds=30)), status=status(failed_checks=9))
    failing = world(canary=draining)
    metrics.look(failing, decided(failing, BAD_RATE))
    rolling_back = world(canary=replace(draining, status=written(failing, BAD_RATE)), weight=0)
    metrics.look(rolling_back)
    assert metrics.ends() == {}
    assert metrics.value("flagger_canary_weight", workload="podinfo-canary", namespace="test") == 0
    over = world(canary=replace(draining, status=written(rolling_back)), weight=0, now=NOW + timedelta(seconds=30))
    metrics.look(over)
    assert metrics.ends() == {("test", "failed", "FailedChecks"): 1}
    assert metrics.value("flagger_stage_duration_seconds_sum", stage="draining") == 30


@pytest.mark.parametrize(
    "the_world",
    [
        pytest.param(world(), id="a step"),
        pytest.param(world(status=at_rest(), canary_workload=workload("3", **NEW)), id="a start at rest"),
        pytest.param(world(status=at_rest(), canary_workload=workload("1", **NEW)), id="nothing to roll out, at rest"),
        pytest.param(
            world(status=at_rest(failed_revisions=("podinfo-canary-3",)), canary_workload=workload("3", **NEW)),
            id="a revision that failed before, at rest",
        ),
        pytest.param(world(canary=canary(deleting=True, finalizers=())), id="deleted, and let go before"),
    ],
)
def test_what_ends_no_rollout_is_not_counted(metrics, the_world):
    metrics.look(the_world)
    assert metrics.ends() == {}


def test_stages_are_timed_from_their_begin_to_their_end(metrics):
    started = world(status=at_rest(), canary_workload=workload("3", **NEW))
    metrics.look(started)
    starting = decide(started).actions[0].status
    metrics.look(replace(world(status=starting, canary_workload=workload("3", **NEW)), now=NOW + timedelta(seconds=8)))
    assert metrics.value("flagger_stage_duration_seconds_sum", stage="starting") == 8
    assert metrics.value("flagger_stage_duration_seconds_count", stage="starting") == 1


def test_stage_that_began_before_the_process_is_not_timed(metrics):
    metrics.look(world(status=status(canary_weight=50)))
    assert metrics.series("flagger_stage_duration_seconds_sum") == []
