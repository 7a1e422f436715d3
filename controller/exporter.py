"""Our own metrics, on a registry that is given. Names are those that dashboards of Flagger and client-go read."""

import threading
from collections import Counter as Tally
from collections.abc import Iterable, Iterator
from datetime import timedelta

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily, Metric

from controller import __version__
from controller.core.canary import CanarySpec, State
from controller.core.plan import Plan, WriteStatus
from controller.core.world import World
from controller.workqueue import WorkQueue

disable_created_metrics()  # a second series for each counter and histogram, which nobody reads

QUEUE_NAME = "canaries"
_QUEUE_BUCKETS = tuple(1e-6 * 10**i for i in range(10))
_STATES = {State.RUNNING: 0, State.FINISHED: 1, State.FAILED: 2}
_ROUND_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60)
_ROLLOUT_BUCKETS = (10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)


class Exporter:
    """Every metric of the process. Thread-safe. Fulfils the queue's and the reconciler's watchers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        r = registry
        Gauge("flagger_info", "Version of the controller.", ["version"], registry=r).labels(__version__).set(1)
        self.canaries = Gauge("flagger_canary_total", "Canary objects that were seen.", ["namespace"], registry=r)
        labels = ["name", "namespace"]
        self.status = Gauge("flagger_canary_status", "Rollout: 0 running, 1 finished, 2 failed.", labels, registry=r)
        self.weight = Gauge(
            "flagger_canary_weight",
            "Percent of the requests sent to a workload.",
            ["workload", "namespace"],
            registry=r,
        )
        self.duration = Histogram(
            "flagger_canary_duration_seconds",
            "Seconds from start to end of a rollout.",
            labels,
            buckets=_ROLLOUT_BUCKETS,
            registry=r,
        )
        self.analysis = Gauge(
            "flagger_canary_metric_analysis", "Last reading of a check.", [*labels, "metric"], registry=r
        )
        self.outcomes = Counter("flagger_rollouts", "Rollouts that ended.", ["namespace", "outcome"], registry=r)
        self.lateness = Histogram(
            "flagger_round_lateness_seconds",
            "Seconds from the due time of a round until it was held.",
            buckets=_ROUND_BUCKETS,
            registry=r,
        )
        self.leader = Gauge(
            "leader_election_master_status", "Whether this replica leads: 1 or 0.", ["name"], registry=r
        )
        self.kubernetes = Counter(
            "flagger_kubernetes_requests", "Requests to the API server.", ["verb", "resource", "code"], registry=r
        )
        self.prometheus = Counter("flagger_prometheus_requests", "Queries, by outcome.", ["outcome"], registry=r)
        self.prometheus_seconds = Histogram(
            "flagger_prometheus_request_duration_seconds", "Seconds that a query took.", registry=r
        )
        self.events_dropped = Counter("flagger_events_dropped", "Events that were not sent.", registry=r)
        self.errors = Counter("flagger_reconcile_errors", "Looks that ended with an error.", ["error"], registry=r)
        self._lock = threading.Lock()
        self._totals: Tally[str] = Tally()  # canaries by namespace
        self._seen: dict[tuple[str, str], tuple[tuple[str, ...], tuple[str, ...]]] = {}  # → workloads, checks

    def looked(self, world: World, plan: Plan) -> None:
        """Show what a look at a canary has found and done."""
        canary = world.canary
        status = next((a.status for a in reversed(plan.actions) if isinstance(a, WriteStatus)), canary.status)
        key = (canary.namespace, canary.name)
        spec = canary.spec
        workloads: tuple[str, ...] = ()
        if isinstance(spec, CanarySpec) and status.state is not None:
            workloads = (spec.primary.name, spec.canary.name)
            for workload, weight in zip(workloads, (100 - status.canary_weight, status.canary_weight), strict=True):
                self.weight.labels(workload, canary.namespace).set(weight)
        if status.state is not None:
            self.status.labels(canary.name, canary.namespace).set(_STATES[status.state])
        for check in status.checks:
            if check.value is not None:
                self.analysis.labels(canary.name, canary.namespace, check.name).set(check.value)
        self._note(key, workloads, tuple(check.name for check in status.checks if check.value is not None))
        if canary.status.state is State.RUNNING and status.state in {State.FINISHED, State.FAILED}:
            self.outcomes.labels(canary.namespace, status.state.value).inc()
            if status.start_time:
                self.duration.labels(canary.name, canary.namespace).observe(
                    (world.now - status.start_time).total_seconds()
                )

    def gone(self, namespace: str, name: str) -> None:
        """Take away the series of a canary object that was deleted."""
        with self._lock:
            known = (namespace, name) in self._seen
            workloads, checks = self._seen.pop((namespace, name), ((), ()))
            if known:
                self._count(namespace, -1)
        _remove(self.status, [(name, namespace)])
        _remove(self.duration, [(name, namespace)])
        _remove(self.weight, [(workload, namespace) for workload in workloads])
        _remove(self.analysis, [(name, namespace, check) for check in checks])

    def leads(self, lease: str, leading: bool) -> None:  # noqa: FBT001  # the value of a gauge
        """Note whether we hold a lease."""
        self.leader.labels(lease).set(leading)

    def late(self, by: timedelta) -> None:
        """Note how late a round was."""
        self.lateness.observe(by.total_seconds())

    def counted_kubernetes(self, verb: str, resource: str, code: int) -> None:
        """Count a request to the API server."""
        self.kubernetes.labels(verb, resource, str(code)).inc()

    def counted_prometheus(self, outcome: str, seconds: float) -> None:
        """Count a query."""
        self.prometheus.labels(outcome).inc()
        self.prometheus_seconds.observe(seconds)

    def _note(self, key: tuple[str, str], workloads: tuple[str, ...], checks: tuple[str, ...]) -> None:
        with self._lock:
            new = key not in self._seen
            old_workloads, old_checks = self._seen.get(key, ((), ()))
            self._seen[key] = (workloads or old_workloads, tuple({*old_checks, *checks}))
            if new:
                self._count(key[0], 1)

    def _count(self, namespace: str, change: int) -> None:
        self._totals[namespace] += change
        if self._totals[namespace]:
            self.canaries.labels(namespace).set(self._totals[namespace])
        else:
            del self._totals[namespace]
            _remove(self.canaries, [(namespace,)])


class QueueExporter:
    """The queue's metrics under client-go's names; fulfils ``controller.workqueue.QueueMetrics``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def histogram(name: str, text: str) -> Histogram:
            return Histogram(name, text, ["name"], buckets=_QUEUE_BUCKETS, registry=registry)

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


def _remove(metric: Gauge | Histogram, series: Iterable[tuple[str, ...]]) -> None:
    for labels in series:
        try:
            metric.remove(*labels)
        except KeyError:
            continue  # it never had a value
