"""What the process does: requests, queries, rounds, events, errors, and whether it leads."""

from collections.abc import Iterable
from datetime import timedelta

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from controller import __version__

disable_created_metrics()  # a second series for each counter and histogram, which nobody reads

_ROUND_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60)
_REFUSALS = ("401", "403", "422")
_REQUEST_BUCKETS = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class ProcessExporter:
    """Counts. Thread-safe. Fulfils the counters of client and observer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=registry)

        def histogram(name: str, text: str, *labels: str, buckets: tuple[float, ...] = _REQUEST_BUCKETS) -> Histogram:
            return Histogram(name, text, labels, buckets=buckets, registry=registry)

        info = Gauge("flagger_info", "Version of the controller.", ["version"], registry=registry)
        info.labels(__version__).set(1)
        self._leader = Gauge(
            "leader_election_master_status", "Whether this replica leads: 1 or 0.", ["name"], registry=registry
        )
        self._lateness = histogram(
            "flagger_round_lateness_seconds",
            "Seconds from the due time of a round until it was held.",
            buckets=_ROUND_BUCKETS,
        )
        self._kubernetes = counter(
            "flagger_kubernetes_requests",
            "Requests to the API server, by code; 0: no answer.",
            "verb",
            "resource",
            "code",
        )
        self._kubernetes_seconds = histogram(
            "flagger_kubernetes_request_duration_seconds", "Seconds until an answer of the API server began.", "verb"
        )
        self._prometheus = counter("flagger_prometheus_requests", "Queries, by outcome.", "outcome")
        self._prometheus_seconds = histogram(
            "flagger_prometheus_request_duration_seconds", "Seconds that a query took."
        )
        self._events_dropped = counter("flagger_events_dropped", "Events that were not sent.")
        self._reconciles = counter("flagger_reconcile", "Reconciles, by how they ended.", "result")
        self._active = Gauge("flagger_active_workers", "Workers that are reconciling a canary.", registry=registry)
        self._throttled = counter(
            "flagger_reconcile_throttled",
            "Reconciles that were delayed because the canary has used up its requests.",
            "namespace",
        )
        self._errors = counter("flagger_reconcile_errors", "Reconciles that ended with an error.", "error")

    def preset(self, results: Iterable[str], errors: Iterable[str], writes: Iterable[tuple[str, str]]) -> None:
        """Show counters at 0 that have counted nothing: ``increase`` does not see a series' first value.

        Args:
            results: how reconciles can end.
            errors: classes of what can go wrong.
            writes: verb and resource of what is written, all of which can be refused.
        """
        for result in results:
            self._reconciles.labels(result)
        for error in errors:
            self._errors.labels(error)
        for verb, resource in writes:
            for code in _REFUSALS:
                self._kubernetes.labels(verb, resource, code)

    def leads(self, lease: str, leading: bool) -> None:  # noqa: FBT001  # the value of a gauge
        """Note whether we hold a lease."""
        self._leader.labels(lease).set(leading)

    def late(self, by: timedelta) -> None:
        """Note how late a round was."""
        self._lateness.observe(by.total_seconds())

    def counted_kubernetes(self, verb: str, resource: str, code: int, seconds: float) -> None:
        """Count a request to the API server."""
        self._kubernetes.labels(verb, resource, str(code)).inc()
        self._kubernetes_seconds.labels(verb).observe(seconds)

    def counted_prometheus(self, outcome: str, seconds: float) -> None:
        """Count a query."""
        self._prometheus.labels(outcome).inc()
        self._prometheus_seconds.observe(seconds)

    def event_dropped(self) -> None:
        """Count an event that was not sent."""
        self._events_dropped.inc()

    def reconcile_began(self) -> None:
        """Count a worker that is at a canary."""
        self._active.inc()

    def reconcile_ended(self, result: str, error: str) -> None:
        """Count a reconcile, and the class of what went wrong."""
        self._active.dec()
        self._reconciles.labels(result).inc()
        if error:
            self._errors.labels(error).inc()

    def throttled(self, namespace: str) -> None:
        """Count a reconcile that was put off."""
        self._throttled.labels(namespace).inc()
