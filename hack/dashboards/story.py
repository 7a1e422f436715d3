"""The story of the documentation's pictures, on the real control plane: the two acts of ``make run``, and a neighbour.

A version is promoted with halts for latency and for errors, the next one is rolled back. In another namespace a version
is overtaken by the one after it. Two controllers run, one leads.
"""

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from hack.demo.acts import BAD_IMAGE, BAD_VERSION, CANARY, GOOD_VERSION, Act
from testbed.cluster.access import Access
from testbed.cluster.control_plane import free_port
from testbed.cluster.monitoring import scrape
from testbed.processes import Process, ProcessError, pause

Json = dict[str, Any]

ARTIFACTS = Path(__file__).parents[2] / "artifacts"
WORKLOADS = ("primary-deployment", "primary-service", "canary-deployment", "canary-service", "virtual-service")
NAMESPACE = "test"
NEIGHBOUR = "shop"
INTERVAL = "5s"
WINDOW = "3s"  # of the checks: what changes right after a round is what the next one measures
REST_SECONDS = 20.0
PATIENCE_SECONDS = 200.0
LOOK_SECONDS = 0.2
_DEPLOYMENTS = "/apis/apps/v1/namespaces/{}/deployments/{}"
_CANARIES = "/apis/flagger.app/v1beta1/namespaces/{}/canaries/{}"


@dataclass(frozen=True, slots=True)
class Told:
    """When a story took place, in seconds since the epoch."""

    start: float
    end: float


class User:
    """A person with a kubeconfig and the switches of the mesh; what the cues of the acts ask for."""

    def __init__(self, api: httpx.Client, switches: httpx.Client) -> None:
        """Take clients of the API server and of the switches."""
        self._api = api
        self._switches = switches

    def settle(self, namespace: str) -> None:
        """Create a namespace with the workloads, and wait for their pods."""
        self._api.post("/api/v1/namespaces", json={"metadata": {"name": namespace}}).raise_for_status()
        for name in WORKLOADS:
            self._create(f"workloads/{name}", namespace)
        wait_until(lambda: all(self._available(namespace, name) for name in ("podinfo", CANARY)))

    def release(self, namespace: str, **analysis: object) -> None:
        """Create the canary object."""
        self._create("rollouts/podinfo", namespace, **analysis)

    def set_image(self, namespace: str, image: str) -> None:
        """Push a version: kubectl set image."""
        patch = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image}]
        path = _DEPLOYMENTS.format(namespace, CANARY)
        self._api.patch(path, json=patch, headers={"Content-Type": "application/json-patch+json"}).raise_for_status()

    def behave(
        self, workload: str, *, error_ratio: float = 0.0, latency_ms: float = 20.0, namespace: str = NAMESPACE
    ) -> None:
        """Make a workload answer with errors or late."""
        body = {"errorRatio": error_ratio, "latencyMs": latency_ms}
        self._switches.put(f"/mesh/{namespace}/{workload}", json=body).raise_for_status()

    def events(self, namespace: str) -> Sequence[tuple[int, str]]:
        """Return number and text of every event, in the order of their last change."""
        items = self._api.get(f"/api/v1/namespaces/{namespace}/events").raise_for_status().json()["items"]
        ours = [event for event in items if event["involvedObject"]["kind"] == "Canary"]
        return sorted((int(event["metadata"]["resourceVersion"]), event["message"]) for event in ours)

    def state(self, namespace: str) -> str:
        """Return the state of the rollout."""
        path = _CANARIES.format(namespace, "podinfo")
        state: str = (self._api.get(path).raise_for_status().json().get("status") or {}).get("state", "")
        return state

    def _create(self, name: str, namespace: str, **analysis: object) -> None:
        obj = yaml.safe_load((ARTIFACTS / f"{name}.yaml").read_text())
        obj["metadata"]["namespace"] = namespace
        if obj["kind"] == "Canary":
            obj["spec"]["canaryAnalysis"] |= analysis
            for metric in obj["spec"]["canaryAnalysis"]["metrics"]:
                metric["interval"] = WINDOW
        plural = "canaries" if obj["kind"] == "Canary" else f"{obj['kind'].lower()}s"
        root = f"/apis/{obj['apiVersion']}" if "/" in obj["apiVersion"] else f"/api/{obj['apiVersion']}"
        self._api.post(f"{root}/namespaces/{namespace}/{plural}", json=obj).raise_for_status()

    def _available(self, namespace: str, name: str) -> bool:
        found = self._api.get(_DEPLOYMENTS.format(namespace, name)).json()
        return bool((found.get("status") or {}).get("availableReplicas") == found["spec"]["replicas"])


def tell(places: Json, directory: Path, say: Callable[[str], None]) -> Told:
    """Play the story on the control plane of ``python -m testbed.cluster``; ProcessError if it comes out otherwise."""
    directory.mkdir(parents=True, exist_ok=True)
    access = Access.of(Path(places["directory"]) / "access", places["server"])
    with ExitStack() as stack:
        api = stack.enter_context(access.client("admin"))
        switches = stack.enter_context(httpx.Client(base_url=places["admin"], timeout=10))
        user = User(api, switches)
        for name in ("first", "second"):
            run_controller(stack, places, directory, name)
        say("Two controllers are running, one leads.")
        for namespace in (NAMESPACE, NEIGHBOUR):
            user.settle(namespace)
        start = time.time()  # noqa: TID251  # Prometheus knows no other clock
        pause(REST_SECONDS / 2)
        user.release(NEIGHBOUR, stepWeight=25)
        _perform(user, GOOD_VERSION, lambda: user.release(NAMESPACE))
        say("The first version was promoted.")
        pause(REST_SECONDS)
        _overtake(user)
        _perform(user, BAD_VERSION, lambda: user.set_image(NAMESPACE, BAD_IMAGE))
        say("The second version was rolled back.")
        pause(3 * REST_SECONDS)
        return Told(start, time.time())  # noqa: TID251  # likewise


def run_controller(stack: ExitStack, places: Json, directory: Path, name: str) -> None:
    """Run a controller of the whole cluster, with leader election, and have Prometheus scrape it."""
    port = free_port()
    command = [sys.executable, "-m", "controller", f"--kubeconfig={places['controllersKubeconfig']}", f"--port={port}"]
    command += [f"--metrics-server={places['prometheus']}", f"--control-loop-interval={INTERVAL}"]
    command += ["--enable-leader-election", "--leader-election-namespace=istio-system"]
    process = stack.enter_context(Process(f"the {name} controller", command, directory / f"{name}.log"))
    process.wait_for_lines(2)
    stack.callback(scrape(Path(places["targets"]), name, port).unlink)


def _overtake(user: User) -> None:
    """Push a version to the neighbour, and another one before it has got through."""
    user.set_image(NEIGHBOUR, "quay.io/stefanprodan/podinfo:1.3.1")
    wait_until(lambda: user.events(NEIGHBOUR)[-1][1].endswith("weight 25"))
    user.set_image(NEIGHBOUR, "quay.io/stefanprodan/podinfo:1.3.2")


def _perform(user: User, act: Act, begin: Callable[[], None]) -> None:
    """Play an act: do what its cues say until it is over; ProcessError if it ends in another state."""
    seen = max((number for number, _ in user.events(NAMESPACE)), default=0)
    cues = list(act.cues)
    begin()

    def over() -> bool:
        nonlocal seen
        for number, message in user.events(NAMESPACE):
            if number <= seen:
                continue
            seen = number
            if cues and cues[0].after in message:
                cues.pop(0).act(user)
            if message.startswith(act.texts[-1]):
                return True
        return False

    wait_until(over)
    wait_until(lambda: user.state(NAMESPACE) != "running")
    if user.state(NAMESPACE) != act.state:
        raise ProcessError(f"the rollout is {user.state(NAMESPACE)}, not {act.state}: {user.events(NAMESPACE)}")


def wait_until(holds: Callable[[], bool]) -> None:
    """Look until something holds; ProcessError if it never does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise ProcessError(f"waited {PATIENCE_SECONDS:g}s in vain")
        pause(LOOK_SECONDS)
