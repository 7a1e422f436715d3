"""The series of the canary objects."""

from dataclasses import replace
from datetime import timedelta

import pytest

from controller.core.canary import CanaryStatus, CheckStatus, Condition, InvalidSpec, PastRollout, State
from controller.exporter.canaries import CanaryCollector
from informers.types import Unreadable
from metrics.types import Check, Limits, Verdict
from tests.controller.core.builders import (
    MINUTE,
    NOW,
    at_rest,
    canary,
    spec,
    status,
)
from tests.controller.exporter.scrape import Scrape

NAME = {"name": "podinfo", "namespace": "test"}
RATE = {**NAME, "metric": "istio_requests_total"}
DURATION = {**NAME, "metric": "istio_request_duration_seconds_bucket"}
CHECKS = (
    CheckStatus("istio_requests_total", Verdict.FAIL, 99.0, 82.33, "x", NOW),
    CheckStatus("istio_request_duration_seconds_bucket", Verdict.INCONCLUSIVE, 500.0, None, "x", NOW),
)
READY = Condition("Ready", "True", "X", "x", NOW)
FINISHED = Condition("Promoted", "True", "Promoted", "x", NOW)


class Metrics(Scrape):
    def __init__(self):
        super().__init__()
        self.canaries = {}
        self.leads = True
        shown = CanaryCollector(
            self.canaries.values, default_interval=MINUTE, leads=lambda: self.leads, now=lambda: NOW
        )
        self.registry.register(shown)

    def show(self, obj):
        self.canaries[obj.namespace, obj.name] = obj


@pytest.fixture
def metrics():
    return Metrics()


@pytest.mark.parametrize(("state", "number"), [(State.RUNNING, 0), (State.FINISHED, 1), (State.FAILED, 2)], ids=str)
def test_status_as_dashboards_read_it(metrics, state, number):
    metrics.show(canary(status=status(state=state)))
    assert metrics.value("flagger_canary_status", **NAME) == number


def test_rollout_that_runs_is_shown_in_full(metrics):
    metrics.show(canary(status=status(canary_weight=15, failed_checks=3, inconclusive_checks=1)))
    assert metrics.value("flagger_canary_weight", workload="podinfo", namespace="test") == 85
    assert metrics.value("flagger_canary_weight", workload="podinfo-canary", namespace="test") == 15
    assert metrics.value("flagger_canary_failed_checks", **NAME) == 3
    assert metrics.value("flagger_canary_inconclusive_checks", **NAME) == 1


def test_each_check_shows_its_value_limit_and_verdict(metrics):
    metrics.show(canary(status=status(checks=CHECKS)))
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
    metrics.show(canary(status=status(checks=(own,))))
    labels = {**NAME, "metric": "checkout errors"}
    found = {bound: metrics.value("flagger_canary_metric_threshold", **labels, bound=bound) for bound in ("min", "max")}
    assert {bound: limit for bound, limit in found.items() if limit is not None} == shown


def test_reading_that_is_missing_shows_no_value(metrics):
    good = replace(CHECKS[1], verdict=Verdict.PASS, value=20.0)
    metrics.show(canary(status=status(checks=(good,))))
    assert metrics.value("flagger_canary_metric_analysis", **DURATION) == 20
    metrics.show(canary(status=status(checks=CHECKS)))
    assert metrics.value("flagger_canary_metric_analysis", **DURATION) is None


def test_check_that_was_taken_out_of_the_object_disappears(metrics):
    metrics.show(canary(status=status(checks=CHECKS)))
    metrics.show(canary(status=status(checks=CHECKS[:1])))
    assert metrics.value("flagger_canary_metric_verdict", **RATE) == 1
    assert metrics.value("flagger_canary_metric_verdict", **DURATION) is None


def test_times_of_last_round_and_last_change(metrics):
    metrics.show(canary())
    assert metrics.value("flagger_canary_last_check_timestamp_seconds", **NAME) == (NOW - 2 * MINUTE).timestamp()
    assert metrics.value("flagger_canary_last_transition_timestamp_seconds", **NAME) == (NOW - 5 * MINUTE).timestamp()


def test_before_the_first_round_the_start_counts_as_the_last(metrics):
    metrics.show(canary(status=status(last_check_time=None)))
    assert metrics.value("flagger_canary_last_check_timestamp_seconds", **NAME) == (NOW - 5 * MINUTE).timestamp()


def test_rollout_of_which_no_time_is_known_shows_none(metrics):
    metrics.show(canary(status=CanaryStatus(state=State.RUNNING)))
    assert not {name for name in metrics.about("podinfo") if name.endswith("_timestamp_seconds")}


@pytest.mark.parametrize(
    ("own", "shown"),
    [pytest.param(timedelta(seconds=30), 30, id="its own"), pytest.param(None, 60, id="the controller's")],
)
def test_interval(metrics, own, shown):
    metrics.show(canary(spec=spec(interval=own)))
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
    metrics.show(canary(spec=spec(**changes)))
    assert metrics.value("flagger_canary_longest_pause_seconds", **NAME) == shown


@pytest.mark.parametrize(("value", "shown"), [("True", 1), ("False", 0), (None, None)])
def test_ready_is_the_condition(metrics, value, shown):
    conditions = (Condition("Ready", value, "X", "x", NOW),) if value else ()
    metrics.show(canary(status=status(conditions=conditions)))
    assert metrics.value("flagger_canary_ready", **NAME) == shown


def test_canaries_are_counted_by_namespace(metrics):
    for name in ("a", "b"):
        metrics.show(canary(name=name))
    metrics.show(canary(name="c", namespace="prod"))
    metrics.show(Unreadable("prod", "d", "u", "1", "no spec"))
    assert metrics.value("flagger_canary_total", namespace="test") == 2
    assert metrics.value("flagger_canary_total", namespace="prod") == 2


def test_standby_shows_none(metrics):
    metrics.show(canary(status=status(checks=CHECKS)))
    metrics.leads = False
    assert list(metrics.samples()) == []


@pytest.mark.parametrize(
    ("the_status", "in_full"),
    [
        pytest.param(status(), True, id="running"),
        pytest.param(at_rest(state=State.FAILED, last_transition_time=NOW - 900 * MINUTE), True, id="failed"),
        pytest.param(at_rest(last_transition_time=NOW - 59 * MINUTE), True, id="finished lately"),
        pytest.param(at_rest(last_transition_time=NOW - 60 * MINUTE), False, id="finished"),
        pytest.param(at_rest(last_transition_time=None), False, id="an end of an older controller"),
    ],
)
def test_few_lines_are_left_an_hour_after_a_promotion(metrics, the_status, in_full):
    conditions = (READY, FINISHED)
    metrics.show(canary(status=replace(the_status, conditions=conditions, checks=CHECKS)))
    brief = {f"flagger_canary_{name}" for name in ("status", "ready", "info", "last_transition_timestamp_seconds")}
    shown = metrics.about("podinfo")
    assert shown <= brief if not in_full else shown > brief
    assert bool(metrics.series("flagger_canary_weight")) == in_full


def test_canary_that_cannot_be_read_is_not_ready_and_shows_nothing_else(metrics):
    metrics.show(Unreadable("test", "podinfo", "u", "1", "no spec"))
    assert metrics.about("podinfo") == {"flagger_canary_ready"}
    assert metrics.value("flagger_canary_ready", **NAME) == 0


def test_invalid_object_shows_its_state_and_no_weights(metrics):
    metrics.show(canary(spec=InvalidSpec("x")))
    assert metrics.value("flagger_canary_status", **NAME) == 0
    assert metrics.series("flagger_canary_weight") == []


def test_workloads_of_an_object(metrics):
    metrics.show(canary())
    assert metrics.value("flagger_canary_info", **NAME, primary="podinfo", canary="podinfo-canary") == 1


def test_object_without_a_rollout_shows_what_its_spec_says_and_nothing_else(metrics):
    metrics.show(canary(status=CanaryStatus()))
    assert metrics.value("flagger_canary_total", namespace="test") == 1
    assert metrics.about("podinfo") == {"flagger_canary_info"}


@pytest.mark.parametrize(
    ("the_status", "reasons"),
    [
        pytest.param(at_rest(conditions=(FINISHED,), last_transition_time=NOW), ["Promoted"], id="end"),
        pytest.param(status(conditions=(Condition("Promoted", "Unknown", "X", "x", NOW),)), [], id="running"),
        pytest.param(at_rest(), [], id="no condition"),
    ],
)
def test_outcome_of_the_last_rollout(metrics, the_status, reasons):
    metrics.show(canary(status=the_status))
    assert [s.labels["reason"] for s in metrics.series("flagger_canary_outcome")] == reasons


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_objects_that_name_one_workload_the_one_that_runs_shows_its_weight(metrics, order):
    running = canary(name="new", status=status(canary_weight=10))
    failed = canary(name="old", status=at_rest(state=State.FAILED, canary_weight=0))
    for obj in (running, failed)[::order]:
        metrics.show(obj)
    (weight,) = [s.value for s in metrics.series("flagger_canary_weight") if s.labels["workload"] == "podinfo-canary"]
    assert weight == 10


def test_version_and_reason_are_labels_of_what_somebody_looks_at(metrics):
    metrics.show(canary(status=status(version="1.4.0 → 1.5.0", reason="ChecksFailing")))
    assert metrics.value("flagger_canary_reason", **NAME, reason="ChecksFailing", version="1.4.0 → 1.5.0") == 1
    failed = at_rest(state=State.FAILED, version="1.4.0 → 1.5.0", conditions=(FINISHED,))
    metrics.show(canary(status=failed))
    assert metrics.value("flagger_canary_outcome", **NAME, reason="Promoted", version="1.4.0 → 1.5.0") == 1


def test_object_that_cannot_begin_says_why(metrics):
    metrics.show(canary(status=CanaryStatus(reason="RouteNotFound", conditions=(READY,))))
    assert metrics.value("flagger_canary_reason", **NAME, reason="RouteNotFound", version="") == 1


def test_past_rollouts_are_shown_once_each_with_their_last_end(metrics):
    history = (
        PastRollout("1.5.0", "3", NOW, NOW, "failed", "FailedChecks"),
        PastRollout("1.4.0", "2", NOW, NOW - MINUTE, "finished", "Promoted"),
        PastRollout("1.5.0", "3", NOW, NOW - 2 * MINUTE, "failed", "FailedChecks"),
    )
    metrics.show(canary(status=status(history=history)))
    found = {
        (s.labels["version"], s.labels["outcome"], s.labels["reason"]): s.value
        for s in metrics.series("flagger_canary_past_rollout_timestamp_seconds")
    }
    assert found == {
        ("1.5.0", "failed", "FailedChecks"): NOW.timestamp(),
        ("1.4.0", "finished", "Promoted"): (NOW - MINUTE).timestamp(),
    }
