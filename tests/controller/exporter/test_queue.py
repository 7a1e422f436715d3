"""The work queue, in numbers."""

import pytest
from prometheus_client import CollectorRegistry

from controller.exporter.queue import QueueCollector, QueueExporter
from controller.work.ratelimit import ExponentialLimiter
from controller.work.workqueue import WorkQueue
from tests.controller.clock import FakeClock


def test_queue_metrics_have_the_names_of_client_go():  # contracts Q11, Q12
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
