"""A namespace of the mesh with podinfo in two versions, somebody who calls it, and what was seen of a rollout."""

import json
import sys
import threading
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import yaml

from testbed.processes import Process, pause
from tests.mesh.counting import Request, parse
from tests.mesh.places import ROOT, Mesh

Json = dict[str, Any]

ARTIFACTS = ROOT / "artifacts"
WORKLOADS = ("primary-deployment", "primary-service", "canary-deployment", "canary-service", "virtual-service")
CALLER = "load"
OUTSIDE = "podinfo.example.com"
GATEWAY_PORT = 8080
GRPC_PORT = 9999
_LOOK_SECONDS = 0.05
_PATIENCE_SECONDS = 240.0
MERGE = {"Content-Type": "application/merge-patch+json"}
_VIRTUAL_SERVICES = "/apis/networking.istio.io/v1"
ROOTS = {
    "canaries": "/apis/flagger.app/v1beta1",
    "deployments": "/apis/apps/v1",
    "services": "/api/v1",
    "pods": "/api/v1",
    "events": "/api/v1",
    "virtualservices": _VIRTUAL_SERVICES,
    "destinationrules": _VIRTUAL_SERVICES,
    "gateways": _VIRTUAL_SERVICES,
    "httproutes": "/apis/gateway.networking.k8s.io/v1",
}
ABRUPT = ["sh", "-c", "trap 'kill -9 $p; exit' TERM; ./podinfo --port=9898 & p=$!; wait"]
"""A container that is gone the moment that it is asked to end; podinfo as made goes on for three seconds."""


def serve_grpc(obj: Json) -> None:
    """Make gRPC the only port of podinfo's Services."""
    if obj["kind"] == "Service":
        obj["spec"]["ports"] = [{"name": "grpc", "port": GRPC_PORT, "targetPort": GRPC_PORT}]
    if obj["kind"] == "Deployment":
        obj["spec"]["template"]["spec"]["containers"][0]["command"].append(f"--grpc-port={GRPC_PORT}")
    if obj["kind"] == "VirtualService":
        for to in obj["spec"]["http"][0]["route"]:
            to["destination"]["port"]["number"] = GRPC_PORT


class Story:
    """One service with a canary."""

    def __init__(self, mesh: Mesh, name: str, directory: Path) -> None:
        """Make the namespace, with sidecars; no other has its name."""
        self.mesh = mesh
        self.api = mesh.api
        self.namespace = namespace = f"{name}-{uuid.uuid4().hex[:4]}"
        self._directory = directory
        self.weights: list[tuple[float, int]] = []  # since when which
        self._proxy = CALLER  # whose sidecar shares out the requests
        self._has_http_route = False
        self._stop = threading.Event()
        self._watching = threading.Thread(target=self._watch, name=f"weights-{namespace}")
        meta = {"name": namespace, "labels": {"istio-injection": "enabled"}}
        self.api.post("/api/v1/namespaces", json={"metadata": meta}).raise_for_status()

    # --- what a user does ---

    def add(self, obj: Json) -> None:
        """Create an object in our namespace."""
        obj["metadata"]["namespace"] = self.namespace
        group, _, version = obj["apiVersion"].rpartition("/")
        root = f"/apis/{group}/{version}" if group else f"/api/{version}"
        plural = "canaries" if obj["kind"] == "Canary" else f"{obj['kind'].lower()}s"
        answer = self.api.post(f"{root}/namespaces/{self.namespace}/{plural}", json=obj)
        assert answer.is_success, answer.text

    def add_workloads(self, change: Callable[[Json], object] = lambda _: None) -> None:
        """Create podinfo's workloads, each changed, and wait for their pods."""
        for name in WORKLOADS:
            obj = yaml.safe_load((ARTIFACTS / "workloads" / f"{name}.yaml").read_text())
            if obj["kind"] == "Deployment":
                obj["spec"]["template"]["spec"]["containers"][0]["readinessProbe"].update(
                    initialDelaySeconds=0, periodSeconds=1
                )
            change(obj)
            self.add(obj)
        self.until(
            lambda: all(self.available(name) for name in ("podinfo", "podinfo-canary")), "its pods are available"
        )

    def route_by(self, http_route: Json) -> None:
        """Route by an HTTPRoute, which the canary object names then, in place of the VirtualService."""
        self.api.delete(f"{self._path('virtualservices')}/podinfo").raise_for_status()
        self.add(http_route)
        self._has_http_route = True

    def add_canary(self, *, window: str = "5s", **analysis: Any) -> None:  # JSON
        """Create podinfo's canary object, with other limits."""
        canary = yaml.safe_load((ARTIFACTS / "rollouts" / "podinfo.yaml").read_text())
        canary["spec"]["canaryAnalysis"].update(analysis)
        for metric in canary["spec"]["canaryAnalysis"]["metrics"]:
            metric["interval"] = window
        if self._has_http_route:
            del canary["spec"]["virtualService"]
            canary["spec"]["routeRef"] = {"kind": "HTTPRoute", "name": "podinfo"}
        self.add(canary)

    def release(self, version: str) -> None:
        """Give the canary another image."""
        containers = [{"name": "podinfod", "image": f"quay.io/stefanprodan/podinfo:{version}"}]
        patch = {"spec": {"template": {"spec": {"containers": containers}}}}
        headers = {"Content-Type": "application/strategic-merge-patch+json"}
        path = f"{self._path('deployments')}/podinfo-canary"
        self.api.patch(path, json=patch, headers=headers).raise_for_status()

    def annotate(self, name: str, value: str) -> None:
        """Annotate the canary object."""
        patch = {"metadata": {"annotations": {f"flagger.app/{name}": value}}}
        self.api.patch(f"{self._path('canaries')}/podinfo", json=patch, headers=MERGE).raise_for_status()

    # --- what is seen ---

    def get(self, plural: str, name: str) -> Json:
        """Return an object."""
        found: Json = self.api.get(f"{self._path(plural)}/{name}").raise_for_status().json()
        return found

    def status(self) -> Json:
        """Return the status of the canary object."""
        found: Json = self.get("canaries", "podinfo").get("status", {})
        return found

    def available(self, name: str) -> bool:
        """Whether all pods of a Deployment are."""
        found = self.get("deployments", name)
        return bool(found["spec"]["replicas"] == found["status"].get("availableReplicas", 0))

    def brought(self, name: str, *, of: str) -> bool:
        """Whether the last pod of a Deployment with the images of another one has been created."""
        found, other = self.get("deployments", name), self.get("deployments", of)
        images = [[c["image"] for c in obj["spec"]["template"]["spec"]["containers"]] for obj in (found, other)]
        seen = found["status"].get("observedGeneration") == found["metadata"]["generation"]
        return images[0] == images[1] and seen and found["status"].get("updatedReplicas") == found["spec"]["replicas"]

    def events(self) -> list[str]:
        """Return what the events of the namespace's canary say."""
        items = self.api.get(self._path("events")).raise_for_status().json()["items"]
        return [item["message"] for item in items if item["involvedObject"]["kind"] == "Canary"]

    def pods(self, deployment: str) -> list[Json]:
        """Return the pods of a Deployment, those that end as well."""
        items: list[Json] = self.api.get(self._path("pods")).raise_for_status().json()["items"]
        return [item for item in items if item["metadata"]["name"].rsplit("-", 2)[0] == deployment]

    def until(self, holds: Callable[[], bool], what: str, *, seconds: float = _PATIENCE_SECONDS) -> float:
        """Wait until something holds; return when (unix seconds)."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"{self.namespace}: not within {seconds:g}s: {what}\n{self.events()}"
            pause(_LOOK_SECONDS)
        return now()

    def until_state(self, state: str) -> float:
        """Wait until the canary's last rollout has ended."""
        return self.until(lambda: self.status().get("state") == state, f"state {state}, is {self.status()}")

    def until_gone(self) -> float:
        """Wait until no pod of the canary is left."""
        return self.until(lambda: not self.pods("podinfo-canary"), "the canary's pods are gone")

    # --- who calls ---

    def call(
        self, per_second: float, url: str = "http://podinfo:9898/", *, discovery: str = "", gateway: str = ""
    ) -> Process:
        """Have somebody call the service from now on, through a sidecar of their own; stop the process to end it.

        Args:
            per_second: how many requests.
            url: of the service; grpc:// for a method of gRPC.
            discovery: host and port at which that sidecar finds istiod, if not where all others do.
            gateway: pod of the gateway that is called instead, from outside of the mesh.
        """
        spec = {"containers": [{"name": CALLER, "image": "curlimages/curl", "command": ["sleep", "infinity"]}]}
        meta: Json = {"name": CALLER, "labels": {"app": CALLER}}
        if discovery:
            meta["annotations"] = {"proxy.istio.io/config": f"discoveryAddress: {discovery}\n"}
        self.add({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
        self.until(lambda: self.get("pods", CALLER)["status"]["phase"] == "Running", "the caller runs")
        whom = [url, str(per_second)]
        if gateway:  # a call to the address of a pod goes past the sidecar
            address = self.get("pods", gateway)["status"]["podIP"]
            whom = [f"http://{address}:{GATEWAY_PORT}/", str(per_second), OUTSIDE]
            self._proxy = gateway
        process = self._send(whom, self._log)
        self.until(lambda: len(self.requests()) > per_second, "requests are answered")
        self._watching.start()
        return process

    def disturb(self, per_second: float, url: str) -> Process:
        """Have the caller send other requests as well, which do not count; stop the process to end it."""
        return self._send([url, str(per_second)], self._log.with_suffix(f".{per_second}"))

    def _send(self, whom: list[str], log: Path) -> Process:
        into = ["kubectl", "-n", self.namespace, "exec", CALLER, "--"]
        command = [*into, sys.executable, str(ROOT / "tests/mesh/caller.py"), *whom]
        return Process("caller", command, log, environ=self.mesh.environ)

    @property
    def _log(self) -> Path:
        return self._directory / f"{self.namespace}.requests"

    def requests(self) -> list[Request]:
        """Return what became of the caller's requests."""
        return parse(self._log.read_text())

    def until_answered(self, sent: float) -> None:
        """Wait until every request has its answer, good or bad, that was sent before two seconds after a time.

        One that goes to pods which are gone may take its whole timeout to fail.
        """
        self.until(lambda: self.requests()[-1].oldest > sent + 2, "requests are answered")

    def flags(self, since: float) -> dict[str, int]:
        """Return how the caller's sidecar, or the gateway, explains failures since a time (unix seconds)."""
        found: dict[str, int] = {}
        (log,) = (self.mesh.directory / "nodes/pods" / self.namespace).glob(f"{self._proxy}-*/istio-proxy.log")
        for line in log.read_text().splitlines():
            if line.startswith("{") and '"response_code":200' not in line:
                entry = json.loads(line)
                if _seconds(entry["start_time"]) >= since:
                    word = f"{entry['response_flags']} {entry['upstream_cluster'].split('|')[-1].split('.')[0]}"
                    found[word] = found.get(word, 0) + 1
        return found

    def _watch(self) -> None:
        """Note each weight and when it was first seen."""
        with self.mesh.access.client("admin") as client:
            while not self._stop.wait(_LOOK_SECONDS):
                try:
                    weight = self._weight(client)
                except (httpx.HTTPError, KeyError):
                    continue
                if not self.weights or self.weights[-1][1] != weight:
                    self.weights.append((now(), weight))

    def _weight(self, client: httpx.Client) -> int:
        """Return the weight of the canary."""
        if self._has_http_route:
            refs = client.get(f"{self._path('httproutes')}/podinfo").json()["spec"]["rules"][0]["backendRefs"]
            return next(int(ref["weight"]) for ref in refs if ref["name"] == "podinfo-canary")
        route = client.get(f"{self._path('virtualservices')}/podinfo").json()["spec"]["http"][0]["route"]
        return next(to.get("weight", 0) for to in route if to["destination"]["host"] == "podinfo-canary")

    def close(self) -> None:
        """Delete everything, and wait until it is gone."""
        self._stop.set()
        if self._watching.is_alive():
            self._watching.join()
        self.api.delete(f"/api/v1/namespaces/{self.namespace}")

    def _path(self, plural: str) -> str:
        return f"{ROOTS[plural]}/namespaces/{self.namespace}/{plural}"


def now() -> float:
    """Return unix seconds, as the caller notes them."""
    return time.time()  # noqa: TID251  # compared with what another process noted


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
