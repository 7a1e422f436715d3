"""The whole cluster: API server, deployment controller, autoscaler, mesh and Prometheus, on one clock."""

import json
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import yaml

from testbed.sandbox import hpa
from testbed.sandbox.admin import MESH_HELP, AdminServer, switch_mesh
from testbed.sandbox.api.objects import Objects
from testbed.sandbox.api.server import ApiServer
from testbed.sandbox.daemon_sets import DaemonSetController
from testbed.sandbox.deployments import DeploymentController
from testbed.sandbox.faults import Fault
from testbed.sandbox.mesh import Mesh
from testbed.sandbox.prometheus import PrometheusServer, SampleStore
from testbed.sandbox.routes import as_virtual_service
from testbed.sandbox.stateful_sets import StatefulSetController

log = logging.getLogger(__name__)

_WORKLOADS = ("deployments", "statefulsets", "daemonsets")

Json = dict[str, Any]

NAMESPACES = ("default", "kube-system", "istio-system")
SWITCHES: Json = {
    **MESH_HELP,
    "PUT /workloads/NAMESPACE/NAME": {"down": False, "load": 0},
    "POST /workloads/NAMESPACE/NAME/release": {"pods": 1},
    "PUT /prometheus": {"down": False, "delaySeconds": 0, "answer": "(empty|nan|html|error|huge)"},
    "POST /faults": {"verb": "patch", "resource": "canaries", "namespace": "test", "code": 409, "count": 1},
    "DELETE /faults": {},
    "POST /cut-watches": {},
    "GET /requests": {},
}
VIRTUAL_SERVICES = ("networking.istio.io", "virtualservices")
HTTP_ROUTES = ("gateway.networking.k8s.io", "httproutes")


def wall_clock() -> datetime:
    """Return the time."""
    return datetime.now(UTC)  # noqa: TID251  # the one clock of the sandbox; everybody else is given it


class StoreView:
    """What the mesh reads of the cluster."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def at_one_moment(self) -> AbstractContextManager[object]:
        """Let nothing change meanwhile: a busy machine may stop a thread between reading a route and its pods."""
        return self._objects.store.changed

    def routes(self) -> Sequence[Json]:
        """Return every VirtualService, and every HTTPRoute as one."""
        http_routes = self._objects.store.list(HTTP_ROUTES)[0]
        return [*self._objects.store.list(VIRTUAL_SERVICES)[0], *map(as_virtual_service, http_routes)]

    def service(self, namespace: str, name: str) -> Json | None:
        """Return a Service."""
        return self._objects.store.get(("", "services"), (namespace, name))

    def workloads_of(self, namespace: str) -> Sequence[Json]:
        """Return the workloads of a namespace, of every kind."""
        store = self._objects.store
        return [obj for plural in _WORKLOADS for obj in store.list(("apps", plural), namespace)[0]]


class Cluster:
    """Starts and stops everything. Use it as a context manager."""

    def __init__(  # each is a pace or a place
        self,
        *,
        now: Callable[[], datetime] = wall_clock,
        pod_delay: timedelta = timedelta(seconds=2),
        tick: timedelta = timedelta(milliseconds=100),
        scrape: timedelta = timedelta(milliseconds=500),
        requests_per_second: float = 20.0,
        api_port: int = 0,
        prometheus_port: int = 0,
        admin_port: int = 0,
    ) -> None:
        """Build the cluster; ``start`` makes it run.

        Args:
            now: clock of everything in it.
            pod_delay: from a pod's creation until it is ready.
            tick: between two steps of the mesh and the controllers.
            scrape: between two scrapes.
            requests_per_second: that the mesh sends to each VirtualService.
            api_port: of the API server; 0 takes a free one.
            prometheus_port: likewise.
            admin_port: of the switches for faults and behaviour.
        """
        self.now = now
        self.api = ApiServer(now=now, port=api_port)
        self.deployments = DeploymentController(self.api.objects, now=now, pod_delay=pod_delay)
        self.stateful_sets = StatefulSetController(self.api.objects, now=now, pod_delay=pod_delay)
        self.daemon_sets = DaemonSetController(self.api.objects, now=now, pod_delay=pod_delay)
        self.mesh = Mesh(StoreView(self.api.objects), requests_per_second=requests_per_second)
        self.prometheus = PrometheusServer(SampleStore(), now=now, port=prometheus_port)
        self.loads: dict[tuple[str, str], float] = {}  # pods that a workload's load keeps busy
        self.admin = AdminServer(self.switch, port=admin_port)
        self._tick = tick
        self._scrape = scrape
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sandbox-controllers")
        for namespace in NAMESPACES:
            self.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    def start(self) -> None:
        """Start everything."""
        self.api.start()
        self.prometheus.start()
        self.admin.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop everything."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        self.admin.stop()
        self.prometheus.stop()
        self.api.stop()

    def add(self, obj: Json) -> None:
        """Create an object, as an administrator would before anybody looks."""
        group, _, version = obj["apiVersion"].rpartition("/")
        kind = next(k for k in self.api.objects.kinds() if (k.group, k.kind) == (group, obj["kind"]))
        namespace = obj["metadata"].get("namespace", "default") if kind.namespaced else ""
        self.api.objects.create(kind, version, namespace, obj)

    def add_files(self, paths: Iterable[Path]) -> None:
        """Create every object of YAML files, in order."""
        for path in paths:
            for obj in yaml.safe_load_all(path.read_text()):
                if obj:
                    self.add(obj)

    def kubeconfig(self, path: Path) -> Path:
        """Write a kubeconfig that points here, and return its path."""
        context = {"cluster": "sandbox", "user": "sandbox", "namespace": "default"}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "sandbox",
            "clusters": [{"name": "sandbox", "cluster": {"server": self.api.url}}],
            "contexts": [{"name": "sandbox", "context": context}],
            "users": [{"name": "sandbox", "user": {}}],
        }
        path.write_text(json.dumps(config, indent=2) + "\n")
        return path

    def switch(self, method: str, path: Sequence[str], body: Json) -> Json:
        """Turn a switch of the sandbox; LookupError or TypeError if there is no such switch."""
        match [method, *path]:
            case ["GET"]:
                return SWITCHES
            case ["GET", "requests"]:
                return {"requests": self.api.log.counted()}
            case ["PUT", "workloads", namespace, name]:
                self._switch_workload(namespace, name, down=bool(body.get("down")))
                self.loads[(namespace, name)] = float(body.get("load", 0))
            case ["POST", "workloads", namespace, name, "release"]:
                self.release(namespace, name, pods=int(body.get("pods", 1)))
            case ["PUT", "prometheus"]:
                faults = self.prometheus.faults
                faults.down = bool(body.get("down", False))
                faults.delay_seconds = float(body.get("delaySeconds", 0))
                faults.answer = str(body.get("answer", ""))
            case ["POST" | "DELETE", "faults"] | ["POST", "cut-watches"]:
                self._switch_api(method, path[0], body)
            case _:
                switch_mesh(self.mesh, method, path, body)
        return {"mesh": self.mesh.behaviours(), "faults": self.api.faults.listed()}

    def release(self, namespace: str, name: str, *, pods: int) -> int:
        """Let so many held pods of the workloads of a name become ready; return how many there were."""
        return sum(controller.release(namespace, name, pods=pods) for controller in self._controllers)

    @property
    def _controllers(self) -> Sequence[DeploymentController | StatefulSetController | DaemonSetController]:
        return (self.deployments, self.stateful_sets, self.daemon_sets)

    def _switch_workload(self, namespace: str, name: str, *, down: bool) -> None:
        for controller in self._controllers:
            (controller.take_down if down else controller.bring_up)(namespace, name)

    def _switch_api(self, method: str, what: str, body: Json) -> None:
        if what == "cut-watches":
            self.api.cut_watches()
        elif method == "POST":
            self.api.faults.add(Fault(**body))
        else:
            self.api.faults.clear()

    def step(self) -> None:
        """Let the controllers and the mesh do what is due now."""
        for controller in self._controllers:
            controller.step()
        hpa.step(self.api.objects, lambda namespace, name: self.loads.get((namespace, name), 0.0))
        self.mesh.tick(self.now())

    def scrape(self) -> None:
        """Let Prometheus scrape the mesh now."""
        self.prometheus.store.take(self.mesh.series(), self.now())

    def _run(self) -> None:
        next_scrape = self.now()
        while not self._stopping.wait(self._tick.total_seconds()):
            try:
                self.step()
                if self.now() >= next_scrape:
                    self.scrape()
                    next_scrape = self.now() + self._scrape
            except Exception:
                log.exception("Sandbox step failed")
