"""The two environments that every story is played in: the sandbox, and a real control plane (``testbed.cluster``)."""

import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import httpx
import yaml

from controller.lifecycle import USER_AGENT
from testbed.cluster.access import Access
from testbed.cluster.control_plane import free_port
from testbed.cluster.monitoring import SCRAPE, Prometheus
from testbed.sandbox.__main__ import ARTIFACTS, DEFINITIONS, HTTP_ROUTE_CRD, VIRTUAL_SERVICE_CRD
from testbed.sandbox.cluster import Cluster
from testbed.sandbox.faults import Fault
from testbed.sandbox.pods import HOLD
from testbed.sandbox.prometheus import PrometheusServer
from tests.e2e.webhooks import RouteWebhook
from tests.invariants.record import Recorder
from tests.invariants.watching import watching

Json = dict[str, Any]

POD_DELAY = timedelta(milliseconds=800)  # as in testbed/cluster/kwok.yaml


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the controller, as the audit log has it."""

    verb: str
    resource: str  # with its subresource, "deployments/scale", or a path
    code: int
    message: str = field(default="", compare=False)  # of a refusal


class Outage(Protocol):
    """A Prometheus of which a story disposes alone."""

    url: str

    def stop(self) -> object:
        """Take it away."""

    def start(self) -> object:
        """Bring it back."""


class Environment(Protocol):
    """What a story needs besides the API server."""

    api: httpx.Client  # as an administrator
    mesh: httpx.Client  # the switches of the mesh
    prometheus_url: str

    def kubeconfig(self, namespace: str) -> Path:
        """Return a kubeconfig of a controller that may do in a namespace what the manifests grant, nothing else."""

    def admin_kubeconfig(self) -> Path:
        """Return a kubeconfig of an administrator."""

    def release(self, namespace: str, workload: str) -> bool:
        """Let one held pod become ready; return whether there was one."""

    def requests(self, namespace: str) -> Sequence[Request]:
        """Return every request of the controllers of a namespace, in order."""

    def taking_down(self, recorder: Recorder) -> AbstractContextManager[object]:
        """Take down what becomes of the objects of the recorder's namespace, meanwhile."""

    def prometheus(self, *, scrape: timedelta = SCRAPE) -> Outage:
        """Return a Prometheus of one's own, which can be stopped without disturbing anybody."""

    def slow_routes(self, namespace: str, *, in_vain: bool) -> AbstractContextManager[None]:
        """Have each write of a route by the namespace's controller take as long as the block, and fail then or not."""


class SandboxEnvironment:
    """A sandbox of its own for every story."""

    def __init__(self, cluster: Cluster, directory: Path) -> None:
        self._cluster = cluster
        self._directory = directory
        self._outages: list[Outage] = []
        self.api = httpx.Client(base_url=cluster.api.url, timeout=10)
        self.mesh = httpx.Client(base_url=cluster.admin.url, timeout=10)
        self.prometheus_url = cluster.prometheus.url

    def kubeconfig(self, namespace: str) -> Path:
        return self._cluster.kubeconfig(self._directory / "kubeconfig")

    def admin_kubeconfig(self) -> Path:
        return self._cluster.kubeconfig(self._directory / "admin.kubeconfig")

    def release(self, namespace: str, workload: str) -> bool:
        return self._cluster.release(namespace, workload, pods=1) == 1

    def requests(self, namespace: str) -> Sequence[Request]:
        return [
            Request(r.verb, f"{r.resource}/{r.subresource}".rstrip("/"), r.code)
            for r in self._cluster.api.log.of(USER_AGENT)
        ]

    def taking_down(self, recorder: Recorder) -> AbstractContextManager[object]:
        recorder.listen_to(self._cluster.api.store, USER_AGENT)
        return nullcontext()

    def prometheus(self, *, scrape: timedelta = SCRAPE) -> Outage:
        outage = _SandboxOutage(self._cluster.prometheus, scrape)
        self._outages.append(outage)
        return outage

    @contextmanager
    def slow_routes(self, namespace: str, *, in_vain: bool) -> Iterator[None]:
        faults = self._cluster.api.faults
        whose = Fault(verb="patch", resource="virtualservices", user_agent=USER_AGENT, count=-1)
        faults.add(replace(whose, hang=True, drop="before" if in_vain else ""))
        try:
            yield
        finally:
            faults.clear()

    def close(self) -> None:
        for outage in self._outages:
            outage.stop()
        self.api.close()
        self.mesh.close()


class _SandboxOutage:
    """Another server of the sandbox's samples, or of some of them, on a port of its own."""

    def __init__(self, original: PrometheusServer, scrape: timedelta) -> None:
        self._original = original
        self._scrape = scrape
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.start()

    def start(self) -> None:
        self._server = PrometheusServer(
            self._original.store, now=self._original.now, port=self._port, scrape=self._scrape
        )
        self._server.start()

    def stop(self) -> None:
        self._server.stop()


@contextmanager
def sandbox(directory: Path) -> Iterator[SandboxEnvironment]:
    with Cluster(pod_delay=POD_DELAY, tick=timedelta(milliseconds=50), scrape=SCRAPE) as cluster:
        cluster.add_files([VIRTUAL_SERVICE_CRD, HTTP_ROUTE_CRD, *DEFINITIONS])
        environment = SandboxEnvironment(cluster, directory)
        yield environment
        environment.close()


class ClusterEnvironment:
    """The control plane that ``python -m testbed.cluster`` has started for this run; stories share it."""

    def __init__(self, places: Json, directory: Path) -> None:
        self._places = places
        self._directory = directory
        self._access = Access.of(Path(places["directory"]) / "access", places["server"])
        self._outages: list[Prometheus] = []
        self._webhooks: dict[str, RouteWebhook] = {}  # by namespace
        self.api = self._access.client("admin")
        self.mesh = httpx.Client(base_url=places["admin"], timeout=10)
        self.prometheus_url = places["prometheus"]

    def kubeconfig(self, namespace: str) -> Path:
        for obj in service_account(namespace):
            group, _, version = obj["apiVersion"].rpartition("/")
            root = f"/apis/{group}/{version}" if group else f"/api/{version}"
            path = f"{root}/namespaces/{namespace}/{obj['kind'].lower()}s"
            answer = self.api.post(path, json=obj)
            assert answer.status_code in {201, 409}, answer.text
        token = self._access.token_of(namespace, "flagger")
        return self._access.kubeconfig_for(token, self._directory / "kubeconfig", namespace=namespace)

    def admin_kubeconfig(self) -> Path:
        return Path(self._places["kubeconfig"])

    def release(self, namespace: str, workload: str) -> bool:
        path = f"/api/v1/namespaces/{namespace}/pods"
        for pod in self.api.get(path).json()["items"]:
            meta = pod["metadata"]
            if _workload_of(pod) != workload or HOLD not in meta.get("annotations", {}):
                continue
            patch = {"metadata": {"annotations": {HOLD: None}}}
            headers = {"Content-Type": "application/merge-patch+json"}
            return self.api.patch(f"{path}/{meta['name']}", json=patch, headers=headers).is_success
        return False

    def requests(self, namespace: str) -> Sequence[Request]:
        user = _user(namespace)
        return [request for name, request in audited(Path(self._places["auditLog"])) if name == user]

    def taking_down(self, recorder: Recorder) -> AbstractContextManager[object]:
        return watching(self._access.client("admin"), recorder)

    def prometheus(self, *, scrape: timedelta = SCRAPE) -> Outage:
        target = self._places["admin"].removeprefix("http://")
        binaries, directory = Path(self._places["binaries"]), self._directory / "prometheus"
        prometheus = Prometheus(binaries, directory, target, scrape=scrape)
        self._outages.append(prometheus)
        prometheus.start()
        return prometheus

    @contextmanager
    def slow_routes(self, namespace: str, *, in_vain: bool) -> Iterator[None]:
        if namespace not in self._webhooks:
            self._webhooks[namespace] = RouteWebhook(self.api, namespace, _user(namespace))
            self._webhooks[namespace].start()
        webhook = self._webhooks[namespace]
        webhook.in_vain = in_vain
        webhook.opened.clear()
        try:
            yield
        finally:
            webhook.in_vain = False
            webhook.opened.set()

    def close(self) -> None:
        for webhook in self._webhooks.values():
            webhook.stop()
        for prometheus in self._outages:
            prometheus.stop()
        self.api.close()
        self.mesh.close()


def _workload_of(pod: Json) -> str:
    """Return the name of the workload of a pod, whose ReplicaSet adds a hash if it is a Deployment."""
    owner = pod["metadata"]["ownerReferences"][0]
    name: str = owner["name"]
    return name.rpartition("-")[0] if owner["kind"] == "ReplicaSet" else name


def _user(namespace: str) -> str:
    return f"system:serviceaccount:{namespace}:flagger"


def service_account(namespace: str) -> Sequence[Json]:
    """Return the manifests' account, with its cluster roles, optional kinds included, as a role of one namespace."""
    files = [ARTIFACTS / "flagger" / "account.yaml", *sorted((ARTIFACTS / "kinds").glob("*.yaml"))]
    objects = [obj for file in files for obj in yaml.safe_load_all(file.read_text())]
    account, roles = objects[0], [obj for obj in objects if obj["kind"] == "ClusterRole"]
    meta = {"name": "flagger", "namespace": namespace}
    rbac, rules = roles[0]["apiVersion"], [rule for role in roles for rule in role["rules"]]
    return (
        {**account, "metadata": meta},
        {"apiVersion": rbac, "kind": "Role", "metadata": meta, "rules": rules},
        {
            "apiVersion": rbac,
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "flagger"},
            "subjects": [{"kind": "ServiceAccount", **meta}],
        },
    )


def audited(path: Path) -> Iterator[tuple[str, Request]]:
    """Yield who asked for what, from an audit log."""
    for line in path.read_text().splitlines():
        entry = json.loads(line)
        what = entry.get("objectRef", {})
        resource = f"{what.get('resource', entry['requestURI'])}/{what.get('subresource', '')}".rstrip("/")
        if entry["stage"] == "ResponseComplete" or (entry["stage"] == "ResponseStarted" and entry["verb"] == "watch"):
            answer = entry["responseStatus"]
            yield (
                entry["user"]["username"],
                Request(entry["verb"], resource, answer["code"], answer.get("message", "")),
            )


@contextmanager
def cluster(state: Path, directory: Path) -> Iterator[ClusterEnvironment]:
    environment = ClusterEnvironment(json.loads(state.read_text()), directory)
    yield environment
    environment.close()


def is_refused(request: Request) -> bool:
    """Whether a permission was missing. An event may be on its way when its namespace begins to go: that is none."""
    return request.code in {401, 403} and "because it is being terminated" not in request.message


def new_namespace() -> str:
    """Return a name that no other story has."""
    return f"story-{uuid.uuid4().hex[:8]}"
