"""Our own metrics."""

from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from controller import __version__
from controller.core.canary import CanaryStatus, CheckStatus, InvalidSpec, State
from controller.core.plan import Plan, WriteStatus
from controller.exporter import Exporter, QueueCollector, QueueExporter
from controller.ratelimit import ExponentialLimiter
from controller.workqueue import WorkQueue
from tests.controller.clock import FakeClock
from tests.controller.core.builders import NOW, at_rest, canary, status, world

NAME = {"name": "podinfo", "namespace": "test"}


class Metrics:
    def __init__(self):
        self.registry = CollectorRegistry()
        self.exporter = Exporter(self.registry)

    def value(self, series, /, **labels):
        return self.registry.get_sample_value(series, labels)

    def series(self, name):
        return [s for metric in self.registry.collect() for s in metric.samples if s.name == name]


@pytest.fixture
def metrics():
    return Metrics()


CHECKS = (
    CheckStatus("istio_requests_total", "fail", 99.0, 82.33, "x", NOW),
    CheckStatus("istio_request_duration_seconds_bucket", "inconclusive", 500.0, None, "x", NOW),
)


def test_version_is_shown(metrics):
    assert metrics.value("flagger_info", version=__version__) == 1


@pytest.mark.parametrize(("state", "number"), [(State.RUNNING, 0), (State.FINISHED, 1), (State.FAILED, 2)], ids=str)
def test_status_as_dashboards_read_it(metrics, state, number):
    metrics.exporter.looked(world(status=status(state=state)), Plan())
    assert metrics.value("flagger_canary_status", **NAME) == number


def test_what_a_plan_writes_is_shown_at_once(metrics):
    after = status(canary_weight=15, checks=CHECKS)
    metrics.exporter.looked(world(), Plan((WriteStatus(after),)))
    assert metrics.value("flagger_canary_weight", workload="podinfo", namespace="test") == 85
    assert metrics.value("flagger_canary_weight", workload="podinfo-canary", namespace="test") == 15
    assert metrics.value("flagger_canary_metric_analysis", **NAME, metric="istio_requests_total") == 82.33
    assert len(metrics.series("flagger_canary_metric_analysis")) == 1


def test_end_is_counted_once_with_its_duration(metrics):
    ended = at_rest(state=State.FAILED, start_time=NOW - timedelta(seconds=90))
    metrics.exporter.looked(world(), Plan((WriteStatus(ended),)))
    metrics.exporter.looked(world(status=ended), Plan())
    assert metrics.value("flagger_rollouts_total", namespace="test", outcome="failed") == 1
    assert metrics.value("flagger_canary_duration_seconds_sum", **NAME) == 90
    assert metrics.value("flagger_canary_duration_seconds_count", **NAME) == 1


def test_end_without_a_start_has_no_duration(metrics):
    metrics.exporter.looked(world(), Plan((WriteStatus(at_rest(start_time=None)),)))
    assert metrics.value("flagger_rollouts_total", namespace="test", outcome="finished") == 1
    assert metrics.series("flagger_canary_duration_seconds_count") == []


def test_canaries_are_counted_by_namespace(metrics):
    for name in ("a", "b", "a"):
        metrics.exporter.looked(world(canary=canary(name=name)), Plan())
    metrics.exporter.looked(world(canary=canary(name="c", namespace="prod")), Plan())
    assert metrics.value("flagger_canary_total", namespace="test") == 2
    metrics.exporter.gone("test", "a")
    metrics.exporter.gone("test", "never seen")
    assert metrics.value("flagger_canary_total", namespace="test") == 1
    metrics.exporter.gone("prod", "c")
    assert metrics.value("flagger_canary_total", namespace="prod") is None


def test_series_of_a_deleted_canary_disappear(metrics):
    metrics.exporter.looked(world(status=status(checks=CHECKS)), Plan())
    metrics.exporter.looked(world(), Plan((WriteStatus(at_rest(start_time=NOW)),)))
    metrics.exporter.looked(world(status=CanaryStatus(), canary=canary(spec=InvalidSpec("x"))), Plan())
    metrics.exporter.gone("test", "podinfo")
    left = {s.name for metric in metrics.registry.collect() for s in metric.samples if "podinfo" in str(s.labels)}
    assert left == set()


def test_invalid_object_shows_its_state_and_no_weights(metrics):
    metrics.exporter.looked(world(canary=canary(spec=InvalidSpec("x"))), Plan())
    assert metrics.value("flagger_canary_status", **NAME) == 0
    assert metrics.series("flagger_canary_weight") == []


def test_object_that_was_never_looked_at_is_counted_and_nothing_else(metrics):
    metrics.exporter.looked(world(canary=replace(canary(), status=CanaryStatus())), Plan())
    assert metrics.value("flagger_canary_total", namespace="test") == 1
    assert metrics.series("flagger_canary_status") == []


def test_requests_queries_and_lateness_are_counted(metrics):
    metrics.exporter.counted_kubernetes("patch", "canaries", 409)
    metrics.exporter.counted_prometheus("value", 0.2)
    metrics.exporter.late(timedelta(seconds=0.3))
    assert metrics.value("flagger_kubernetes_requests_total", verb="patch", resource="canaries", code="409") == 1
    assert metrics.value("flagger_prometheus_requests_total", outcome="value") == 1
    assert metrics.value("flagger_prometheus_request_duration_seconds_sum") == pytest.approx(0.2)
    assert metrics.value("flagger_round_lateness_seconds_sum") == pytest.approx(0.3)


def test_queue_metrics_have_the_names_of_client_go():
    registry, clock = CollectorRegistry(), FakeClock()
    queue = WorkQueue(limiter=ExponentialLimiter(), monotonic=clock, metrics=QueueExporter(registry))
    registry.register(QueueCollector(queue))
    queue.add("a")
    queue.add_after("b", 0.0)
    clock.advance(0.5)
    queue.get()
    clock.advance(2)

    def value(name):
        return registry.get_sample_value(name, {"name": "canaries"})

    assert value("workqueue_adds_total") == 2
    assert value("workqueue_retries_total") == 1
    assert value("workqueue_depth") == 1
    assert value("workqueue_queue_duration_seconds_sum") == pytest.approx(0.5)
    assert value("workqueue_unfinished_work_seconds") == pytest.approx(2.0)
    assert value("workqueue_longest_running_processor_seconds") == pytest.approx(2.0)
    queue.done("a")
    assert value("workqueue_work_duration_seconds_sum") == pytest.approx(2.0)
    assert value("workqueue_unfinished_work_seconds") == 0
    buckets = [
        s.labels["le"]
        for m in registry.collect()
        for s in m.samples
        if s.name.endswith("queue_duration_seconds_bucket")
    ]
    assert [float(le) for le in buckets] == pytest.approx([*[1e-6 * 10**i for i in range(10)], float("inf")])
