"""The metrics of the work queue, under client-go's names."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric

from controller.work.workqueue import WorkQueue

QUEUE_NAME = "canaries"
_BUCKETS = tuple(1e-6 * 10**i for i in range(10))


class QueueExporter:
    """The queue's metrics under client-go's names; fulfils ``controller.work.workqueue.QueueMetrics``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def histogram(name: str, text: str) -> Histogram:
            return Histogram(name, text, ["name"], buckets=_BUCKETS, registry=registry)

        self._adds = Counter("workqueue_adds", "Adds handled by the queue.", ["name"], registry=registry)
        self._retries = Counter("workqueue_retries", "Retries handled by the queue.", ["name"], registry=registry)
        self._waited = histogram("workqueue_queue_duration_seconds", "Seconds a key stays queued.")
        self._worked = histogram("workqueue_work_duration_seconds", "Seconds that processing a key takes.")
        for metric in (self._adds, self._retries, self._waited, self._worked):
            metric.labels(QUEUE_NAME)

    def added(self) -> None:
        """An add was accepted."""
        self._adds.labels(QUEUE_NAME).inc()

    def got(self, waited_seconds: float) -> None:
        """A key was handed out."""
        self._waited.labels(QUEUE_NAME).observe(waited_seconds)

    def done(self, worked_seconds: float) -> None:
        """A key was given back."""
        self._worked.labels(QUEUE_NAME).observe(worked_seconds)

    def retried(self) -> None:
        """An ``add_after`` was accepted."""
        self._retries.labels(QUEUE_NAME).inc()


class QueueCollector:
    """What is true of the queue at the moment of the scrape, so that no thread has to keep it up to date."""

    def __init__(self, queue: WorkQueue) -> None:
        self._queue = queue

    def collect(self) -> Iterator[Metric]:
        """Yield depth and ages."""
        total, longest = self._queue.unfinished_seconds()
        for name, text, value in (
            ("workqueue_depth", "Keys that are queued or marked.", float(self._queue.depth())),
            ("workqueue_unfinished_work_seconds", "Seconds of work in progress.", total),
            ("workqueue_longest_running_processor_seconds", "Seconds of the longest work in progress.", longest),
        ):
            family = GaugeMetricFamily(name, text, labels=["name"])
            family.add_metric([QUEUE_NAME], value)
            yield family
