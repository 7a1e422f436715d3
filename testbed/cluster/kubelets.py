"""What kubelets would report of the pods. kwok's pods run nothing, so the numbers are made up from the mesh's requests.

A pod costs a little at rest and more with each request that it answers; its memory grows with its age up to a level of
its own. Names and labels are those of cAdvisor behind a kubelet, at /metrics/cadvisor, so that dashboards find here
what they find on any cluster.
"""

import math
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from informers.client import KubeClient
from informers.credentials import find_login
from informers.informer import Informer
from informers.kube_source import KubeSource
from informers.resources import Resource
from informers.types import Unreadable
from testbed.cluster.mesh import Whole, whole
from testbed.processes import ProcessError
from testbed.sandbox.admin import AdminServer
from testbed.sandbox.cluster import wall_clock
from testbed.sandbox.mesh import Mesh

Json = dict[str, Any]
Workload = tuple[str, str]  # namespace, name

PODS = Resource("", "v1", "pods", "Pod")
_SYNC_SECONDS = 20.0
_MIB = 1024.0 * 1024.0

REST_CORES = 0.01
CORES_PER_REQUEST = 0.02
REST_BYTES = 24 * _MIB
RECEIVED_PER_REQUEST = 700.0
SENT_PER_REQUEST = 1800.0
PERIODS_PER_SECOND = 10.0  # the kernel's scheduler counts in tenths of a second
FULL_SECONDS = 120.0  # until a pod's memory has grown to its level


@dataclass(slots=True)
class _Pod:
    """The counters of a pod."""

    labels: Mapping[str, str]
    container: str
    limit_cores: float
    age_seconds: float = 0.0
    cpu_seconds: float = 0.0
    periods: float = 0.0
    throttled: float = 0.0
    received: float = 0.0
    sent: float = 0.0

    @property
    def memory_bytes(self) -> float:
        character = zlib.crc32(self.labels["pod"].encode()) % 100 / 100  # no two pods are alike
        grown = min(1.0, self.age_seconds / FULL_SECONDS)
        return REST_BYTES + _MIB * (4 + 12 * character) * grown

    def work(self, requests: float, seconds: float) -> None:
        """Answer requests for some seconds."""
        self.age_seconds += seconds
        wave = 1 + 0.1 * math.sin(self.age_seconds / 7 + len(self.labels["pod"]))
        used = (REST_CORES * seconds + CORES_PER_REQUEST * requests) * wave
        self.cpu_seconds += used
        self.periods += PERIODS_PER_SECOND * seconds
        self.throttled += PERIODS_PER_SECOND * seconds * min(1.0, (used / seconds / self.limit_cores) ** 2)
        self.received += RECEIVED_PER_REQUEST * requests
        self.sent += SENT_PER_REQUEST * requests


class Consumption:
    """What each pod has used so far. Thread-safe."""

    def __init__(self) -> None:
        self._pods: dict[tuple[str, str], _Pod] = {}
        self._last: tuple[datetime, Mapping[Workload, float]] | None = None
        self._lock = threading.Lock()

    def advance(self, pods: Sequence[Json], requests: Mapping[Workload, float], now: datetime) -> None:
        """Let the running pods answer what came since the last call.

        Args:
            pods: objects; others than these are forgotten.
            requests: answered by each workload, ever.
            now: the time.
        """
        running = [pod for pod in pods if (pod.get("status") or {}).get("phase") == "Running"]
        with self._lock:
            before, earlier = self._last or (now, requests)
            self._last = (now, requests)
            known = self._pods
            self._pods = {_key(pod): known.get(_key(pod)) or _new(pod) for pod in running}
            seconds = (now - before).total_seconds()
            if seconds <= 0:
                return
            for workload, members in _by_workload(self._pods).items():
                answered = max(0.0, requests.get(workload, 0.0) - earlier.get(workload, 0.0))
                for pod in members:
                    pod.work(answered / len(members), seconds)

    def exposition(self) -> str:
        """Return the text that Prometheus scrapes."""
        with self._lock:
            return "".join(f"{line}\n" for pod in self._pods.values() for line in _lines(pod))


class KubeletsOfCluster:
    """Serves what the kubelets of a cluster would. Use it as a context manager."""

    def __init__(self, kubeconfig: Path, mesh: Mesh) -> None:
        """Take the way to the cluster, and the mesh whose requests the pods answer."""
        self._client = KubeClient(find_login(str(kubeconfig), None), user_agent="kubelets", pool_size=2)
        source = KubeSource(self._client, lambda: PODS, kind=PODS.kind, plural=PODS.plural)
        self._pods = Informer(source, whole, indexes={"all": lambda _: ("",)})
        self._mesh = mesh
        self._consumption = Consumption()
        self._server = AdminServer(_no_switch, pages={"/metrics/cadvisor": self._scraped})

    @property
    def target(self) -> str:
        """Host and port."""
        return self._server.url.removeprefix("http://")

    def __enter__(self) -> Self:
        """Start."""
        self._pods.start()
        if not self._pods.wait_for_sync(_SYNC_SECONDS):
            raise ProcessError(f"the kubelets cannot read {self._pods.name}: {self._pods.problem}")
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.stop()
        self._pods.stop()
        self._client.close()

    def _scraped(self) -> str:
        views: Sequence[Whole | Unreadable] = self._pods.by_index("all", "")
        pods = [view.obj for view in views if not isinstance(view, Unreadable)]
        self._consumption.advance(pods, requests_of(self._mesh), wall_clock())
        return self._consumption.exposition()


def requests_of(mesh: Mesh) -> dict[Workload, float]:
    """Return how many requests each workload has answered."""
    found: dict[Workload, float] = {}
    for pairs, value in mesh.series():
        labels = dict(pairs)
        if labels["__name__"] == "istio_requests_total":
            workload = (labels["destination_workload_namespace"], labels["destination_workload"])
            found[workload] = found.get(workload, 0.0) + value
    return found


def _no_switch(method: str, path: Sequence[str], _body: Json) -> Json:
    raise LookupError(f"{method} /{'/'.join(path)}: there is /metrics/cadvisor and nothing else")


def _key(pod: Json) -> tuple[str, str]:
    return pod["metadata"]["namespace"], pod["metadata"]["name"]


def _new(pod: Json) -> _Pod:
    namespace, name = _key(pod)
    container = pod["spec"]["containers"][0]
    limit = ((container.get("resources") or {}).get("limits") or {}).get("cpu", "1")
    cores = float(limit[:-1]) / 1000 if limit.endswith("m") else float(limit)
    labels = {"namespace": namespace, "pod": name, "image": container["image"]}
    return _Pod(labels, container["name"], cores)


def _by_workload(pods: Mapping[tuple[str, str], _Pod]) -> dict[Workload, list[_Pod]]:
    """Return the pods of each Deployment: their names end in the hash of a ReplicaSet and five letters."""
    found: dict[Workload, list[_Pod]] = {}
    for (namespace, name), pod in pods.items():
        found.setdefault((namespace, name.rsplit("-", 2)[0]), []).append(pod)
    return found


def _lines(pod: _Pod) -> Iterator[str]:
    own = {**pod.labels, "container": pod.container}
    for name, value in (
        ("container_cpu_usage_seconds_total", pod.cpu_seconds),
        ("container_cpu_cfs_periods_total", pod.periods),
        ("container_cpu_cfs_throttled_periods_total", pod.throttled),
        ("container_memory_working_set_bytes", pod.memory_bytes),
    ):
        yield _line(name, own, value)
    interface = {"namespace": pod.labels["namespace"], "pod": pod.labels["pod"], "interface": "eth0"}
    yield _line("container_network_receive_bytes_total", interface, pod.received)
    yield _line("container_network_transmit_bytes_total", interface, pod.sent)


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    inner = ",".join(f'{key}="{text}"' for key, text in labels.items())
    return f"{name}{{{inner}}} {value!r}"
