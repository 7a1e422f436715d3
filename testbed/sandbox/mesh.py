"""The mesh of the sandbox: turns the weights of VirtualServices and a request rate into Istio's metrics.

Requests are counted, not drawn, fractions included: a ratio of errors of 0.1767 is measured as just that. A workload
answers as its image's tag says, until somebody says otherwise.
"""

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from testbed.sandbox.routes import LaggingRoutes

Json = dict[str, Any]

BUCKETS_MS: tuple[float, ...] = (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000)
_QUANTILE = 0.99
Labels = tuple[tuple[str, str], ...]


class ClusterView(Protocol):
    """What the mesh reads of the cluster."""

    def at_one_moment(self) -> AbstractContextManager[object]:
        """Have everything that is read inside be of one moment, as far as the cluster can."""

    def routes(self) -> Sequence[Json]:
        """Return every route, as a VirtualService."""

    def service(self, namespace: str, name: str) -> Json | None:
        """Return a Service."""

    def workloads_of(self, namespace: str) -> Sequence[Json]:
        """Return the workloads of a namespace, of every kind."""


@dataclass(slots=True)
class Behaviour:
    """How a workload answers. Changed by a scenario at run time."""

    error_ratio: float = 0.0  # 0..1, answered with a 500
    latency_ms: float = 20.0  # 99th percentile, as ``histogram_quantile`` measures it


BY_TAG = {
    ":errors": Behaviour(error_ratio=0.35),
    ":slow": Behaviour(latency_ms=1500.0),
}
"""How images answer whose name ends like this."""


@dataclass(slots=True)
class _Workload:
    counts: dict[str, float] = field(default_factory=dict)  # response code → requests
    buckets: dict[float, float] = field(default_factory=lambda: dict.fromkeys(BUCKETS_MS, 0.0))
    observed: float = 0.0
    sum_ms: float = 0.0


class Mesh:
    """Counters of every workload. Thread-safe."""

    def __init__(self, cluster: ClusterView, *, requests_per_second: float = 20.0) -> None:
        self._cluster = cluster
        self.requests_per_second = requests_per_second
        self.traffic: dict[str, float] = {}  # namespace → requests per second, where it is another
        self.route_lags: dict[str, float] = {}  # namespace → seconds until proxies know of a changed route
        self.bursts: dict[str, float] = {}  # namespace → seconds whose requests come at once, after nothing
        self._unsent: dict[str, float] = {}  # namespace → seconds whose requests are still to come
        self._routes = LaggingRoutes()
        self._behaviours: dict[tuple[str, str], Behaviour] = {}
        self._workloads: dict[tuple[str, str], _Workload] = {}
        self.requests_to_nothing: dict[str, float] = {}  # namespace → sent to a workload without an available pod
        self._last: datetime | None = None
        self._lock = threading.Lock()

    def behave(self, namespace: str, workload: str, *, error_ratio: float = 0.0, latency_ms: float = 20.0) -> None:
        """Set how a workload answers from now on."""
        with self._lock:
            self._behaviours[(namespace, workload)] = Behaviour(error_ratio, latency_ms)

    def behave_as_built(self, namespace: str, workload: str) -> None:
        """Let a workload answer as its image's tag says."""
        with self._lock:
            self._behaviours.pop((namespace, workload), None)

    def behaviours(self) -> Json:
        """Return how workloads answer, as JSON."""
        with self._lock:
            return {
                f"{namespace}/{name}": {"errorRatio": b.error_ratio, "latencyMs": b.latency_ms}
                for (namespace, name), b in self._behaviours.items()
            }

    def tick(self, now: datetime) -> None:
        """Send the requests of the time since the last tick."""
        with self._cluster.at_one_moment(), self._lock:
            seconds = (now - self._last).total_seconds() if self._last else 0.0
            self._last = now
            due: dict[str, float] = {}
            # Also at a tick that sends nothing: what is there now must be known to be there.
            for namespace, spec in self._routes.known(self._cluster.routes(), now, self._lag):
                if namespace not in due:
                    due[namespace] = self._due(namespace, seconds)
                if due[namespace] > 0:
                    rate = self.traffic.get(namespace, self.requests_per_second)
                    self._send(namespace, spec, rate * due[namespace])

    def series(self) -> Iterator[tuple[Labels, float]]:
        """Yield every series with its value; the name stands under ``__name__``."""
        with self._lock:
            workloads = {key: _copy(workload) for key, workload in self._workloads.items()}
            to_nothing = dict(self.requests_to_nothing)
        for (namespace, name), workload in sorted(workloads.items()):
            yield from _series_of(namespace, name, workload)
        for namespace, requests in sorted(to_nothing.items()):
            yield _labels("sandbox_requests_to_nothing_total", {"destination_workload_namespace": namespace}), requests

    def exposition(self) -> str:
        """Return the text that Prometheus scrapes."""
        lines = []
        for labels, value in self.series():
            name = dict(labels)["__name__"]
            inner = ",".join(f'{key}="{text}"' for key, text in labels if key != "__name__")
            lines.append(f"{name}{{{inner}}} {value!r}")
        return "\n".join(lines) + "\n"

    def _lag(self, namespace: str) -> timedelta:
        return timedelta(seconds=self.route_lags.get(namespace, 0.0))

    def _due(self, namespace: str, seconds: float) -> float:
        """Return how many seconds' requests are sent now."""
        unsent = self._unsent.get(namespace, 0.0) + seconds
        due = unsent if unsent >= self.bursts.get(namespace, 0.0) else 0.0
        self._unsent[namespace] = unsent - due
        return due

    def _send(self, namespace: str, spec: Json, requests: float) -> None:
        routes = spec.get("http") or ()
        for http in routes:
            destinations = http.get("route") or ()
            default = 1 if len(destinations) == 1 else 0  # a single destination gets everything
            weights = [destination.get("weight") or default for destination in destinations]
            for destination, weight in zip(destinations, weights, strict=True):
                if weight:
                    share = requests * weight / sum(weights) / len(routes)
                    self._deliver(namespace, destination["destination"]["host"], share)

    def _deliver(self, namespace: str, host: str, requests: float) -> None:
        parts = host.split(".")
        namespace = parts[1] if len(parts) > 1 else namespace
        deployment = self._workload_behind(namespace, parts[0])
        if deployment is None or not _available(deployment):
            self.requests_to_nothing[namespace] = self.requests_to_nothing.get(namespace, 0.0) + requests
            return
        key = (namespace, deployment["metadata"]["name"])
        behaviour = self._behaviours.get(key) or _by_tag(deployment)
        workload = self._workloads.setdefault(key, _Workload())
        failed = requests * behaviour.error_ratio
        for code, share in (("200", requests - failed), ("500", failed)):
            if share:
                workload.counts[code] = workload.counts.get(code, 0.0) + share
        _observe(workload, requests, behaviour.latency_ms)

    def _workload_behind(self, namespace: str, name: str) -> Json | None:
        service = self._cluster.service(namespace, name)
        selector = ((service or {}).get("spec") or {}).get("selector") or {}
        if not selector:
            return None
        for deployment in self._cluster.workloads_of(namespace):
            labels = (deployment["spec"]["template"].get("metadata") or {}).get("labels") or {}
            if selector.items() <= labels.items():
                return deployment
        return None


def _available(workload: Json) -> int:
    """Return how many pods can answer, by what the status of the kind calls them."""
    status = workload.get("status") or {}
    return int(status.get("availableReplicas") or status.get("numberAvailable") or 0)


def _observe(workload: _Workload, requests: float, latency_ms: float) -> None:
    """Spread requests over two buckets so that the quantile comes out as the latency, interpolation included.

    What is slower than the largest finite bucket is in none of them: the quantile is then that bound.
    """
    upper = next((bound for bound in BUCKETS_MS if latency_ms <= bound), math.inf)
    lower = max((bound for bound in BUCKETS_MS if bound < upper), default=0.0)
    within = (latency_ms - lower) / (upper - lower) if math.isfinite(upper) else 1.0
    slow = requests if not lower or within >= _QUANTILE else requests * (1 - _QUANTILE) / (1 - within)
    slow = min(requests, slow)
    workload.observed += requests
    workload.sum_ms += slow * latency_ms + (requests - slow) * lower
    for bound in BUCKETS_MS:
        workload.buckets[bound] += requests if bound >= upper else (requests - slow if bound >= lower else 0.0)


def _by_tag(deployment: Json) -> Behaviour:
    images = [
        container.get("image", "") for container in deployment["spec"]["template"]["spec"].get("containers") or ()
    ]
    return next((how for tag, how in BY_TAG.items() if any(image.endswith(tag) for image in images)), Behaviour())


def _copy(workload: _Workload) -> _Workload:
    return _Workload(dict(workload.counts), dict(workload.buckets), workload.observed, workload.sum_ms)


def _series_of(namespace: str, name: str, workload: _Workload) -> Iterator[tuple[Labels, float]]:
    own = {
        "reporter": "destination",
        "destination_workload": name,
        "destination_workload_namespace": namespace,
    }
    for code, count in sorted(workload.counts.items()):
        yield _labels("istio_requests_total", {**own, "response_code": code}), count
    for unit, factor in (("seconds", 1000.0), ("milliseconds", 1.0)):
        base = f"istio_request_duration_{unit}"
        for bound in BUCKETS_MS:
            yield _labels(f"{base}_bucket", {**own, "le": f"{bound / factor:g}"}), workload.buckets[bound]
        yield _labels(f"{base}_bucket", {**own, "le": "+Inf"}), workload.observed
        yield _labels(f"{base}_sum", own), workload.sum_ms / factor
        yield _labels(f"{base}_count", own), workload.observed


def _labels(name: str, labels: Mapping[str, str]) -> Labels:
    return tuple(sorted({**labels, "__name__": name}.items()))
