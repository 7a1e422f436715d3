"""Where a benchmark is played: the sandbox and the controller, each a process, and what is asked of both over HTTP."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from hack.bench.objects import NAME, TENANT, VICTIM
from hack.demo.processes import controller, metrics_address, sandbox
from hack.processes import Process

Json = dict[str, Any]

_PATHS = MappingProxyType(
    {
        "Namespace": "/api/v1/namespaces",
        "Service": "/api/v1/namespaces/{}/services",
        "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
        "VirtualService": "/apis/networking.istio.io/v1alpha3/namespaces/{}/virtualservices",
        "Canary": "/apis/flagger.app/v1beta1/namespaces/{}/canaries",
    }
)
_MERGE = MappingProxyType({"Content-Type": "application/merge-patch+json"})
_CONTROLLER = "flagger/"
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
_NO_TRAFFIC_SECONDS = 1e9  # until the mesh sends a tenant's requests: thousands of routes would keep it busy


@dataclass(frozen=True, slots=True)
class Usage:
    """What has been used since the start. Two of them differ by what was used meanwhile."""

    requests: int = 0  # of the controller to the API server, about the tenant's objects
    answered: int = 0  # canaries of the tenant whose status was written
    throttled: int = 0  # of the tenant's reconciles
    controller_seconds: float = 0.0  # of CPU
    sandbox_seconds: float = 0.0

    def __sub__(self, before: "Usage") -> "Usage":
        """Return what was used between two moments."""
        return Usage(*(now - then for now, then in zip(astuple(self), astuple(before), strict=True)))


@dataclass(slots=True)
class Stage:
    """A running sandbox and a running controller."""

    processes: tuple[Process, Process]  # sandbox, controller
    _api: httpx.Client
    _admin: httpx.Client
    _metrics: str
    statuses: list[Json] = field(default_factory=list)  # of the victim, all that there were
    _seen: str = ""  # the version of the victim's object up to which they are known

    def create(self, obj: Json) -> Json:
        """Create an object and return it as stored."""
        path = _PATHS[obj["kind"]].format(obj["metadata"].get("namespace", ""))
        return _checked(self._api.post(path, json=obj))

    def touch(self, deployment: str, value: str) -> None:
        """Write an annotation to a Deployment of the tenant, as any tool may."""
        patch = {"metadata": {"annotations": {"touched": value}}}
        path = f"{_PATHS['Deployment'].format(TENANT)}/{deployment}"
        _checked(self._api.patch(path, json=patch, headers=_MERGE))

    def is_available(self, namespace: str, deployment: str) -> bool:
        """Whether all pods of a Deployment are."""
        found = _checked(self._api.get(f"{_PATHS['Deployment'].format(namespace)}/{deployment}"))
        return bool((found.get("status") or {}).get("availableReplicas", 0) == found["spec"]["replicas"])

    def inject(self, fault: Json) -> None:
        """Have requests answered with a fault from now on."""
        _checked(self._admin.post("/faults", json=fault))

    def send_no_traffic(self, namespace: str) -> None:
        """Leave the routes of a namespace without requests."""
        _checked(self._admin.put(f"/mesh/{namespace}", json={"burstSeconds": _NO_TRAFFIC_SECONDS}))

    def watch(self, victim: Json) -> None:
        """Note every status of a canary object from now on."""
        self._seen = victim["metadata"]["resourceVersion"]

    def read_statuses(self) -> None:
        """Fetch what the victim's status has become since the last call, each version of it."""
        # The sandbox tells what it remembers and ends the watch then.
        query = {"watch": "true", "resourceVersion": self._seen, "timeoutSeconds": "0"}
        query["fieldSelector"] = f"metadata.name={NAME}"
        answer = self._api.get(_PATHS["Canary"].format(VICTIM), params=query)
        answer.raise_for_status()
        for line in answer.text.splitlines():
            event = json.loads(line)
            if event["type"] == "ERROR":
                raise LookupError(f"the watch of the victim: {event['object'].get('message')}")
            self._seen = event["object"]["metadata"]["resourceVersion"]
            self.statuses.append(event["object"].get("status") or {})

    def usage(self) -> Usage:
        """Return what has been used up to now."""
        for process in self.processes:
            process.check()
        counts = [
            counted
            for counted in _checked(self._admin.get("/requests"))["requests"]
            if counted["namespace"] == TENANT and counted["userAgent"].startswith(_CONTROLLER)
        ]
        written = [c["objects"] for c in counts if (c["resource"], c["subresource"]) == ("canaries", "status")]
        metrics = self._scraped()
        return Usage(
            requests=sum(counted["count"] for counted in counts),
            answered=max(written, default=0),
            throttled=int(metrics.get("flagger_reconcile_throttled_total", 0)),
            controller_seconds=metrics["process_cpu_seconds_total"],
            sandbox_seconds=cpu_seconds(self.processes[0].pid),
        )

    def _scraped(self) -> Mapping[str, float]:
        """Return the controller's metrics, by name: those without a namespace, and those of the tenant's."""
        answer = httpx.get(self._metrics, timeout=10)
        answer.raise_for_status()
        return {
            sample.name: sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
            if sample.labels in ({}, {"namespace": TENANT})
        }


@contextmanager
def stage(directory: Path) -> Iterator[Stage]:
    """Start both processes with their logs in a directory, and end them."""
    cluster, addresses = sandbox(directory)
    with (
        cluster,
        httpx.Client(base_url=addresses["api"], timeout=30) as api,
        httpx.Client(base_url=addresses["admin"], timeout=30) as admin,
        controller(directory, addresses, interval="10s") as running,
    ):
        running.wait_for_lines(2)
        yield Stage((cluster, running), api, admin, metrics_address(running))


def cpu_seconds(pid: int) -> float:
    """Return what a process has used of the CPU.

    Source: proc(5), the fields utime and stime of ``/proc/PID/stat``.
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS


def _checked(response: httpx.Response) -> Json:
    response.raise_for_status()
    answer: Json = response.json()
    return answer
