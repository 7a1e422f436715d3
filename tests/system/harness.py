"""The real controller on the sandbox, in one process and at a pace that tests can afford."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import yaml

from controller.flags import Options
from controller.lifecycle import USER_AGENT, Controller
from testbed.sandbox.__main__ import ARTIFACTS, DEFINITIONS, HTTP_ROUTE_CRD, VIRTUAL_SERVICE_CRD
from testbed.sandbox.api.server import Logged
from testbed.sandbox.cluster import Cluster

Json = dict[str, Any]

INTERVAL = timedelta(milliseconds=60)
WINDOW = "1s"
PATIENCE_SECONDS = 20.0
WRITES = {"create", "update", "patch", "delete"}
CRDS = (VIRTUAL_SERVICE_CRD, HTTP_ROUTE_CRD, *DEFINITIONS)
CANARY = ("flagger.app", "canaries")


def objects(*names: str) -> list[Json]:
    """Return podinfo's objects from their files, e.g. ``workloads/primary-deployment``."""
    found = []
    for name in names:
        found += list(yaml.safe_load_all((ARTIFACTS / f"{name}.yaml").read_text()))
    return found


class Stage:
    """A cluster with podinfo's workloads, and what a user does to it."""

    def __init__(self, cluster: Cluster, directory: Path, crds: Sequence[Path]) -> None:
        self.cluster = cluster
        self.kubeconfig = str(cluster.kubeconfig(directory / "kubeconfig"))
        cluster.add_files(crds)
        self.add(*objects("namespaces/test"))

    def add(self, *added: Json) -> None:
        for obj in added:
            self.cluster.add(obj)

    def add_workloads(self, change: Callable[[Json], None] = lambda _: None) -> None:
        names = [f"workloads/{side}-{part}" for side in ("primary", "canary") for part in ("deployment", "service")]
        for obj in objects(*names, "workloads/virtual-service"):
            change(obj)
            self.add(obj)
        self.until(lambda: all(self.status(name).get("availableReplicas") for name in ("podinfo", "podinfo-canary")))
        self.cluster.mesh.requests_to_nothing.clear()  # those of the time before there were pods

    def add_canary(self, *, window: str = WINDOW, **analysis: Any) -> None:
        """Create the canary object with the shortest windows, and without a drain where none is asked for."""
        (canary,) = objects("rollouts/podinfo")
        for metric in canary["spec"]["canaryAnalysis"]["metrics"]:
            metric["interval"] = window
        canary["spec"]["canaryAnalysis"].update({"drainSeconds": 0, **analysis})
        self.add(canary)

    def change(
        self, resource: tuple[str, str], name: str, change: Callable[[Json], object], *, subresource: str = ""
    ) -> None:
        kind = next(k for k in self.cluster.api.objects.kinds() if (k.group, k.plural) == resource)

        def apply(obj: Json) -> Json:
            change(obj)
            return obj

        self.cluster.api.objects.change(kind, kind.versions[0], "test", name, apply, subresource=subresource)

    def delete(self, resource: tuple[str, str], name: str) -> None:
        kind = next(k for k in self.cluster.api.objects.kinds() if (k.group, k.plural) == resource)
        self.cluster.api.objects.delete(kind, "test", name)

    def push(self, image: str) -> None:
        def set_image(obj: Json) -> None:
            obj["spec"]["template"]["spec"]["containers"][0]["image"] = image

        self.change(("apps", "deployments"), "podinfo-canary", set_image)

    def release(self, deployment: str) -> None:
        """Let one held pod become ready, once there is one."""
        # Not under the store's lock, which the workloads wait for while they hold their own.
        self.until(lambda: self.cluster.deployments.release("test", deployment, pods=1), every_change=False)

    def get(self, resource: tuple[str, str], name: str) -> Json | None:
        return self.cluster.api.store.get(resource, ("test", name))

    def deployment(self, name: str) -> Json:
        found = self.get(("apps", "deployments"), name)
        assert found is not None
        return found

    def status(self, name: str) -> Json:
        return self.deployment(name).get("status") or {}

    def image(self, name: str) -> str:
        return self.deployment(name)["spec"]["template"]["spec"]["containers"][0]["image"]

    def canary_object(self) -> Json | None:
        return self.get(CANARY, "podinfo")

    def canary_status(self) -> Json:
        return (self.canary_object() or {}).get("status") or {}

    def weights(self) -> tuple[int, ...]:
        found = self.get(("networking.istio.io", "virtualservices"), "podinfo")
        assert found is not None
        return tuple(destination.get("weight", 0) for destination in found["spec"]["http"][0]["route"])

    def events(self) -> list[str]:
        """Return type and message of every event, in the order in which they were first seen."""
        items, _ = self.cluster.api.store.list(("", "events"), "test")
        ordered = sorted(items, key=lambda e: int(e["metadata"]["name"].rpartition(".")[2], 16))
        return [f"{event['type']:<8} {event['message']}" for event in ordered]

    def expire_events(self) -> None:
        """Let an hour pass for the events, which is how long API servers keep them."""
        items, _ = self.cluster.api.store.list(("", "events"), "test")
        for event in items:
            self.delete(("", "events"), event["metadata"]["name"])

    def said(self, text: str) -> bool:
        return any(text in event for event in self.events())

    def condition(self, kind: str) -> Json:
        return next((c for c in self.canary_status().get("conditions", ()) if c["type"] == kind), {})

    def until(self, holds: Callable[[], object], *, every_change: bool = True) -> None:
        """Wait until something holds, looking again at every change of the cluster, or again and again."""
        if not every_change:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not holds():
                assert time.monotonic() < deadline, "waited in vain"
            return
        store = self.cluster.api.store
        with store.changed:
            if not store.changed.wait_for(holds, PATIENCE_SECONDS):
                raise AssertionError(f"waited in vain; status {self.canary_status()}, events {self.events()}")

    def until_said(self, text: str) -> None:
        self.until(lambda: self.said(text))

    def until_state(self, state: str) -> None:
        self.until(lambda: self.canary_status().get("state") == state)

    def requests(self) -> list[Logged]:
        return self.cluster.api.log.of(USER_AGENT)


@contextmanager
def stage(directory: Path, *, crds: Sequence[Path] = CRDS) -> Iterator[Stage]:
    cluster = Cluster(
        pod_delay=timedelta(milliseconds=20),
        tick=timedelta(milliseconds=10),
        scrape=timedelta(milliseconds=50),
        requests_per_second=2000.0,
    )
    with cluster:
        yield Stage(cluster, directory, crds)


@contextmanager
def controller(on: Stage, **changes: Any) -> Iterator[Controller]:
    defaults: dict[str, Any] = {
        "kubeconfig": on.kubeconfig,
        "master": None,
        "metrics_server": on.cluster.prometheus.url,
        "allowed_metrics_servers": (),
        "control_loop_interval": INTERVAL,
        "log_level": "info",
        "port": 0,
        "workers": 2,
        "namespaces": (),
        "leader_election": False,
        "leader_election_namespace": None,
        "dry_run": False,
    }
    running = Controller(Options(**{**defaults, **changes}))
    thread = threading.Thread(target=running.run, name="controller")
    thread.start()
    try:
        yield running
    finally:
        running.stop()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


def page(port: int, name: str = "metrics") -> str:
    """Return what a controller shows on its port, e.g. what Prometheus would scrape."""
    return httpx.get(f"http://127.0.0.1:{port}/{name}").text
