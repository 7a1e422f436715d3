"""What a user does in a namespace, and sees of it: plain HTTP, the same in both environments."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from testbed.processes import Process, pause
from testbed.sandbox.__main__ import ARTIFACTS
from testbed.sandbox.pods import HOLD
from tests.e2e.environments import Environment, Request
from tests.fakes.workloads import AS_KIND
from tests.invariants.record import Recorder
from tests.invariants.scenes import counts, pods_wanted
from tests.telling import told

Json = dict[str, Any]

INTERVAL = "4s"
WINDOW = "2s"  # of the queries: what changes right after a round is what the next one measures
QUICK = {"stepWeight": 25}  # two steps
REQUESTS_PER_SECOND = 20.0
PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 0.05
NO_DATA = "has no data for the last"  # said of a round that a busy machine left without scrapes; the next round goes on
STORIES = Path(__file__).parent / "stories"
TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"
ROOTS = {
    "canaries": "/apis/flagger.app/v1beta1",
    "metrictemplates": "/apis/flagger.app/v1beta1",
    "deployments": "/apis/apps/v1",
    "statefulsets": "/apis/apps/v1",
    "daemonsets": "/apis/apps/v1",
    "horizontalpodautoscalers": "/apis/autoscaling/v2",
    "virtualservices": "/apis/networking.istio.io/v1",
    "httproutes": "/apis/gateway.networking.k8s.io/v1",
    "events": "/api/v1",
    "pods": "/api/v1",
    "services": "/api/v1",
    "resourcequotas": "/api/v1",
    "helmreleases": "/apis/helm.toolkit.fluxcd.io/v2",
}
PLURALS = {
    "Canary": "canaries",
    "MetricTemplate": "metrictemplates",
    "Deployment": "deployments",
    "StatefulSet": "statefulsets",
    "DaemonSet": "daemonsets",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers",
    "VirtualService": "virtualservices",
    "HTTPRoute": "httproutes",
    "Service": "services",
    "ResourceQuota": "resourcequotas",
    "HelmRelease": "helmreleases",
}
WORKLOADS = (
    "workloads/primary-deployment",
    "workloads/primary-service",
    "workloads/canary-deployment",
    "workloads/canary-service",
    "workloads/virtual-service",
)


def artifact(name: str) -> Json:
    obj: Json = yaml.safe_load((ARTIFACTS / f"{name}.yaml").read_text())
    return obj


class Stage:
    """A namespace with podinfo's workloads."""

    def __init__(self, environment: Environment, recorder: Recorder, directory: Path) -> None:
        self.environment = environment
        self.namespace = recorder.namespace
        self._recorder = recorder
        self._directory = directory
        self._kubeconfig: Path | None = None
        self._controllers = 0
        self.target_kind = "Deployment"
        created = environment.api.post("/api/v1/namespaces", json={"metadata": {"name": self.namespace}})
        assert created.is_success, created.text

    # --- what a user does ---

    def add(self, obj: Json) -> None:
        """Create an object in our namespace; one that names the namespace of podinfo means ours."""
        answer = self._create(obj)
        assert answer.is_success, answer.text

    def refused_object(self, obj: Json) -> str:
        """Return why the API server refuses an object."""
        return _why_invalid(self._create(obj))

    def _create(self, obj: Json) -> httpx.Response:
        obj = yaml.safe_load(yaml.safe_dump(obj).replace(".test", f".{self.namespace}"))
        obj["metadata"]["namespace"] = self.namespace
        group, _, version = obj["apiVersion"].rpartition("/")
        root = f"/apis/{group}/{version}" if group else f"/api/{version}"
        plural = PLURALS[obj["kind"]]
        return self.environment.api.post(f"{root}/namespaces/{self.namespace}/{plural}", json=obj)

    def add_workloads(self, change: Callable[[Json], object] = lambda _: None) -> None:
        """Create podinfo's workloads, each changed, and wait for their pods before anybody sends requests."""
        self.send(0)
        for name in WORKLOADS:
            obj = artifact(name)
            change(obj)
            self.add(AS_KIND[self.target_kind](obj) if obj["kind"] == "Deployment" else obj)
        self.until(lambda: all(self.available(name) for name in ("podinfo", "podinfo-canary")))
        self.send(REQUESTS_PER_SECOND)

    def add_canary(self, change: Callable[[Json], object] = lambda _: None, **analysis: Any) -> None:
        """Create podinfo's canary object, with shorter windows and a shorter drain."""
        canary = artifact("rollouts/podinfo")
        canary["spec"]["targetKind"] = self.target_kind
        canary["spec"]["canaryAnalysis"].update({"drainSeconds": 1, **analysis})
        for metric in canary["spec"]["canaryAnalysis"]["metrics"]:
            metric["interval"] = WINDOW
        change(canary)
        self.add(canary)

    def patch(self, plural: str, name: str, patch: Json | Sequence[Json], *, subresource: str = "") -> None:
        """Change an object by a merge patch, or by a JSON patch if it is a list."""
        answer = self._patch(plural, name, patch, subresource=subresource)
        assert answer.is_success, answer.text

    def refused_patch(self, plural: str, name: str, patch: Json) -> str:
        """Return why the API server refuses a change."""
        return _why_invalid(self._patch(plural, name, patch))

    def _patch(self, plural: str, name: str, patch: Json | Sequence[Json], *, subresource: str = "") -> httpx.Response:
        kind = "merge" if isinstance(patch, dict) else "json"
        path = self._path(plural, name) + (f"/{subresource}" if subresource else "")
        headers = {"Content-Type": f"application/{kind}-patch+json"}
        return self.environment.api.patch(path, json=patch, headers=headers)

    def push(self, tag: str, *, workload: str = "podinfo-canary", held: bool = False, free: bool = False) -> None:
        """Push a version; the pods of a held one become ready one by one, by ``release``, until one is free."""
        template = "/spec/template"
        changes: list[Json] = [
            {
                "op": "replace",
                "path": f"{template}/spec/containers/0/image",
                "value": f"quay.io/stefanprodan/podinfo:{tag}",
            }
        ]
        if held:
            path = f"{template}/metadata/annotations/{HOLD.replace('/', '~1')}"
            changes.append({"op": "add", "path": path, "value": "true"})
        if free:
            changes.append({"op": "remove", "path": f"{template}/metadata/annotations/{HOLD.replace('/', '~1')}"})
        self.patch(self._workloads, workload, changes)

    def release(self, workload: str) -> None:
        """Let one held pod become ready, once there is one."""
        self.until(lambda: self.environment.release(self.namespace, workload))

    def run_held(self, tag: str) -> None:
        """Have the canary run a version whose pods are held, and so will be those of the primary."""
        self.push(tag, held=True)
        for _ in range(self.replicas("podinfo-canary")):
            self.release("podinfo-canary")
        self.until(lambda: self.available("podinfo-canary"))

    def short_of_a_pod(self, workload: str) -> None:
        """Have a workload want one pod more than the namespace's quota allows."""
        pods = sum(self.workload(name)["status"]["replicas"] for name in ("podinfo", "podinfo-canary"))
        quota = {"metadata": {"name": "full"}, "spec": {"hard": {"pods": str(pods)}}}
        self.add({"apiVersion": "v1", "kind": "ResourceQuota", **quota})
        self.until(lambda: (self.get("resourcequotas", "full") or {}).get("status", {}).get("hard"))
        self.patch(self._workloads, workload, {"spec": {"replicas": self.replicas(workload) + 1}})

    def annotate(self, **verbs: str | None) -> None:
        """Annotate the canary object, as ``kubectl annotate`` does; None takes an annotation away."""
        annotations = {f"flagger.app/{verb}": value for verb, value in verbs.items()}
        self.patch("canaries", "podinfo", {"metadata": {"annotations": annotations}})

    def ask(self, verb: str) -> str:
        """Ask something of the revision at hand by the command, and return what it promises."""
        done = self._command(verb, "podinfo")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, verb: str) -> str:
        """Return why the command refuses to ask something."""
        done = self._command(verb, "podinfo")
        assert done.returncode == 1, done.stdout
        return done.stderr

    def checked(self, prometheus_url: str) -> list[Json]:
        """Return what ``flagger check`` finds that is not as it should be."""
        done = self._command("check", "-o", "json", f"--metrics-server={prometheus_url}")
        assert done.returncode in {0, 1}, done.stderr
        return [finding for finding in json.loads(done.stdout)["findings"] if finding["level"] != "ok"]

    def shown(self, command: str, *arguments: str, code: int = 0) -> str:
        """Return what a command that shows prints of our canary object."""
        done = self._command(command, "podinfo", *arguments)
        assert done.returncode == code, f"{done.stdout}{done.stderr}"
        return done.stdout

    def _command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        whom = (f"--namespace={self.namespace}", f"--kubeconfig={self.environment.admin_kubeconfig()}")
        command = [sys.executable, "-m", "controller", *arguments, *whom]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def slow_routes(self, *, in_vain: bool = False) -> AbstractContextManager[None]:
        """Have each write of a route by the controller take as long as the block, and fail then if it is in vain."""
        return self.environment.slow_routes(self.namespace, in_vain=in_vain)

    def route_lag(self, seconds: float) -> None:
        """Have proxies learn of the routes of the namespace so much later than the API server."""
        body = {"routeLagSeconds": seconds}
        self.environment.mesh.put(f"/mesh/{self.namespace}", json=body).raise_for_status()

    def delete(self, plural: str, name: str) -> None:
        answer = self.environment.api.delete(self._path(plural, name))
        assert answer.is_success, answer.text

    def behave(self, workload: str = "podinfo-canary", *, rate: float = 100.0, seconds: float = 0.02) -> None:
        """Have a workload answer with a success rate (percent) and at a 99th percentile."""
        body = {"errorRatio": (100 - rate) / 100, "latencyMs": seconds * 1000}
        self.environment.mesh.put(f"/mesh/{self.namespace}/{workload}", json=body).raise_for_status()

    def send(self, requests_per_second: float, *, burst_seconds: float = 0) -> None:
        """Have users send so many requests, evenly or together after a pause."""
        body = {"requestsPerSecond": requests_per_second, "burstSeconds": burst_seconds}
        self.environment.mesh.put(f"/mesh/{self.namespace}", json=body).raise_for_status()

    @contextmanager
    def controller(self, *flags: str, prometheus_url: str = "") -> Iterator[Process]:
        """Run a controller of our namespace in a process of its own, and end it by SIGTERM."""
        if self._kubeconfig is None:
            self._kubeconfig = self.environment.kubeconfig(self.namespace)
        self._controllers += 1
        command = [sys.executable, "-m", "controller", f"--kubeconfig={self._kubeconfig}", "--port=0"]
        command += [f"--namespace={self.namespace}", f"--control-loop-interval={INTERVAL}"]
        command += [f"--metrics-server={prometheus_url or self.environment.prometheus_url}", *flags]
        with Process("the controller", command, self._directory / f"controller-{self._controllers}.log") as process:
            process.wait_for_lines(2)
            self._recorder.unhindered()
            try:
                yield process
            finally:
                self._recorder.hindered()

    # --- what a user sees ---

    def get(self, plural: str, name: str) -> Json | None:
        answer = self.environment.api.get(self._path(plural, name))
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        assert answer.is_success, answer.text
        obj: Json = answer.json()
        return obj

    def versions(self, resource: str, name: str) -> list[Json]:
        """Return every version of an object that was stored, in order."""
        of_it = (c for c in self._recorder.record().changes if (c.resource, c.name) == (resource, name))
        return [change.after for change in of_it if change.after]

    def workload(self, name: str) -> Json:
        found = self.get(self._workloads, name)
        assert found is not None
        return found

    def available(self, name: str) -> bool:
        workload = self.workload(name)
        observed = workload.get("status", {}).get("observedGeneration")  # before it, the numbers say nothing
        return observed == workload["metadata"]["generation"] and counts(workload)[-1] == pods_wanted(workload)

    def image(self, name: str) -> str:
        return self.workload(name)["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2]

    def replicas(self, name: str) -> int:
        return pods_wanted(self.workload(name))

    def status(self, canary: str = "podinfo") -> Json:
        return (self.get("canaries", canary) or {}).get("status") or {}

    def condition(self, kind: str) -> tuple[str, str]:
        """Return status and reason of a condition of the canary object."""
        found = next(c for c in self.status()["conditions"] if c["type"] == kind)
        return found["status"], found["reason"]

    def routes(self) -> Sequence[Json]:
        found = self.get("virtualservices", "podinfo")
        assert found is not None
        return found["spec"]["http"]

    def weights(self, route: int = 0) -> tuple[int, ...]:
        return tuple(destination.get("weight", 0) for destination in self.routes()[route]["route"])

    def events(self) -> list[str]:
        """Return type and message of every event, in the order in which they were first seen."""
        items = self.environment.api.get(self._path("events")).raise_for_status().json()["items"]
        ours = [event for event in items if event["involvedObject"]["kind"] == "Canary"]
        ordered = sorted(ours, key=lambda e: int(e["metadata"]["name"].rpartition(".")[2], 16))
        return [f"{e['type']:<8} {e['message']}".replace(f".{self.namespace}", ".test") for e in ordered]

    def forget_events(self) -> None:
        """Let an hour pass for the events, which is how long API servers keep them."""
        self.environment.api.delete(self._path("events")).raise_for_status()

    def requests(self) -> Sequence[Request]:
        return self.environment.requests(self.namespace)

    def requests_to_nothing(self) -> float:
        query = f'sandbox_requests_to_nothing_total{{destination_workload_namespace="{self.namespace}"}}'
        form = {"query": f"sum({query}) or vector(0)"}
        answer = httpx.post(f"{self.environment.prometheus_url}/api/v1/query", data=form).json()
        return float(answer["data"]["result"][0]["value"][1])

    # --- what a story waits for ---

    def until(self, holds: Callable[[], object]) -> None:
        """Look until something holds."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            assert time.monotonic() < deadline, f"waited in vain; status {self.status()}, events {self.events()}"
            pause(LOOK_SECONDS)

    def until_said(self, text: str) -> None:
        self.until(lambda: any(text in event for event in self.events()))

    def until_failed_checks(self, count: int) -> None:
        self.until(lambda: self.status().get("failedChecks") == count)

    def until_state(self, state: str) -> None:
        """Wait for the end of a rollout, with everything put away."""
        self.until(lambda: self.status().get("state") == state)
        self.until(lambda: not (self.get("canaries", "podinfo") or {})["metadata"].get("finalizers"))

    def tells(self, story: str, *, in_passing: Sequence[str] = (), **values: str) -> None:
        """Check the events against a story.

        Waits, a round without scrapes, and what else is said in passing, are told or not, or again.
        """
        path = next(path for path in (STORIES / f"{story}.txt", TRANSCRIPTS / f"{story}.txt") if path.exists())
        expected = path.read_text().format(**values).splitlines()
        assert told(self.events(), expected, in_passing=("Waiting for", NO_DATA, *in_passing)) == expected

    @property
    def _workloads(self) -> str:
        return PLURALS[self.target_kind]

    def _path(self, plural: str, name: str = "") -> str:
        return f"{ROOTS[plural]}/namespaces/{self.namespace}/{plural}/{name}".rstrip("/")


def _why_invalid(answer: httpx.Response) -> str:
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY, answer.text
    message: str = answer.json()["message"]
    return message
