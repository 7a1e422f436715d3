"""Workloads, autoscaler and mesh of the sandbox, stepped by hand."""

from datetime import UTC, datetime, timedelta

import pytest
import yaml

from hack.sandbox import hpa
from hack.sandbox.__main__ import ARTIFACTS, VIRTUAL_SERVICE_CRD
from hack.sandbox.cluster import Cluster
from hack.sandbox.workloads import HOLD


class Clock:
    def __init__(self):
        self.time = datetime(2018, 10, 10, 12, tzinfo=UTC)

    def __call__(self):
        return self.time

    def advance(self, seconds):
        self.time += timedelta(seconds=seconds)


class Stepped:
    """A cluster that is never started."""

    def __init__(self):
        self.clock = Clock()
        self.cluster = Cluster(now=self.clock, pod_delay=timedelta(seconds=2), requests_per_second=100.0)
        self.cluster.add_files([VIRTUAL_SERVICE_CRD, ARTIFACTS / "namespaces" / "test.yaml"])

    def add(self, name, change=lambda _: None):
        (obj,) = yaml.safe_load_all((ARTIFACTS / "workloads" / f"{name}.yaml").read_text())
        change(obj)
        self.cluster.add(obj)

    def after(self, seconds):
        self.clock.advance(seconds)
        self.cluster.step()
        return self.status() if self.object() else None

    def status(self, name="podinfo"):
        status = self.object(name)["status"]
        return tuple(status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas"))

    def object(self, name="podinfo"):
        return self.cluster.api.store.get(("apps", "deployments"), ("test", name))

    def progressing(self, name="podinfo"):
        return next(c["reason"] for c in self.object(name)["status"]["conditions"] if c["type"] == "Progressing")

    def change(self, change, name="podinfo"):
        kind = next(k for k in self.cluster.api.objects.kinds() if k.kind == "Deployment")

        def apply(obj):
            change(obj["spec"])
            return obj

        self.cluster.api.objects.change(kind, "v1", "test", name, apply)


@pytest.fixture
def stepped():
    it = Stepped()
    yield it
    for server in (it.cluster.api, it.cluster.prometheus, it.cluster.admin):
        server.stop()


def image(tag):
    def change(spec):
        spec["template"]["spec"]["containers"][0]["image"] = f"podinfo:{tag}"

    return change


def test_pods_take_their_time_and_the_generation_is_observed(stepped):
    stepped.add("primary-deployment")
    assert stepped.after(0) == (2, 2, 0)
    assert stepped.after(2) == (2, 2, 2)
    assert stepped.object()["status"]["observedGeneration"] == 1
    assert stepped.progressing() == "NewReplicaSetAvailable"


def test_rollover_stays_within_max_unavailable(stepped):
    stepped.add("primary-deployment")
    stepped.after(0)
    stepped.after(2)
    stepped.change(image("2"))
    assert stepped.after(0) == (2, 1, 1)
    assert stepped.after(2) == (2, 2, 1)
    assert stepped.after(2) == (2, 2, 2)


def test_rollover_with_surge_keeps_all_available(stepped):
    surge = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    stepped.add("primary-deployment", lambda obj: obj["spec"].update(strategy=surge))
    stepped.after(0)
    stepped.after(2)
    stepped.change(image("2"))
    seen = [stepped.after(0), stepped.after(2), stepped.after(2)]
    assert seen == [(3, 1, 2), (3, 2, 2), (2, 2, 2)]


def test_broken_image_never_becomes_ready_and_exceeds_its_deadline(stepped):
    stepped.add("canary-deployment", lambda obj: image("broken")(obj["spec"]))
    stepped.after(0)
    assert stepped.status("podinfo-canary") == (1, 1, 0)
    stepped.after(59)
    assert stepped.progressing("podinfo-canary") == "ReplicaSetUpdated"
    stepped.after(1)
    assert stepped.progressing("podinfo-canary") == "ProgressDeadlineExceeded"


def test_paused_deployment_does_not_roll(stepped):
    stepped.add("primary-deployment")
    stepped.after(0)
    stepped.after(2)
    stepped.change(lambda spec: spec.update(paused=True))
    stepped.change(image("2"))
    assert stepped.after(10) == (2, 2, 2)
    stepped.change(lambda spec: spec.update(paused=False))
    assert stepped.after(0) == (2, 1, 1)


def test_scaling_down_to_nothing_and_up_again(stepped):
    stepped.add("primary-deployment")
    stepped.after(0)
    stepped.change(lambda spec: spec.update(replicas=0))
    assert stepped.after(0) == (0, 0, 0)
    stepped.change(lambda spec: spec.update(replicas=3))
    assert stepped.after(0) == (3, 3, 0)
    assert stepped.after(2) == (3, 3, 3)


def test_pods_that_are_taken_down_come_back(stepped):
    stepped.add("primary-deployment")
    stepped.after(0)
    stepped.after(2)
    stepped.cluster.workloads.take_down("test", "podinfo")
    assert stepped.after(0) == (2, 2, 0)
    assert stepped.progressing() == "NewReplicaSetAvailable"
    stepped.cluster.workloads.bring_up("test", "podinfo")
    assert stepped.after(0) == (2, 2, 2)


def hold(obj):
    obj["spec"]["template"]["metadata"]["annotations"] = {HOLD: "true"}


def test_pods_that_are_held_wait_for_their_release(stepped):
    assert stepped.cluster.workloads.release("test", "podinfo", pods=1) == 0
    stepped.add("primary-deployment", hold)
    stepped.after(0)
    assert stepped.after(100) == (2, 2, 0)
    for ready in (1, 2):
        assert stepped.cluster.workloads.release("test", "podinfo", pods=1) == 1
        stepped.after(0)
        assert stepped.after(2) == (2, 2, ready)
    assert stepped.cluster.workloads.release("test", "podinfo", pods=1) == 0


@pytest.mark.parametrize(("load", "replicas"), [(0.0, 2), (2.5, 3), (100.0, 4)])
def test_autoscaler_follows_the_load_within_its_bounds(stepped, load, replicas):
    stepped.add("primary-deployment")
    stepped.add("primary-hpa")
    stepped.after(0)
    hpa.step(stepped.cluster.api.objects, lambda *_: load)
    assert stepped.object()["spec"]["replicas"] == replicas


def test_autoscaler_leaves_what_is_scaled_to_zero(stepped):
    stepped.add("primary-deployment", lambda obj: obj["spec"].update(replicas=0))
    stepped.add("primary-hpa")
    hpa.step(stepped.cluster.api.objects, lambda *_: 3.0)
    assert stepped.object()["spec"]["replicas"] == 0


def mesh(stepped, canary_weight):
    for side in ("primary", "canary"):
        stepped.add(f"{side}-deployment")
        stepped.add(f"{side}-service")

    def weigh(obj):
        primary, canary = obj["spec"]["http"][0]["route"]
        primary["weight"], canary["weight"] = 100 - canary_weight, canary_weight

    stepped.add("virtual-service", weigh)
    stepped.after(0)
    stepped.after(2)
    return stepped.cluster.mesh


def counts(mesh, name="istio_requests_total", **wanted):
    found = {}
    for key, number in mesh.series():
        known = dict(key)
        if known["__name__"] == name and wanted.items() <= known.items():
            found[known["destination_workload"], known.get("response_code", known.get("le"))] = number
    return found


def test_requests_are_shared_by_weight(stepped):
    it = mesh(stepped, 20)
    before = counts(it)
    stepped.after(10)
    grown = {key: number - before.get(key, 0) for key, number in counts(it).items()}
    assert grown == {("podinfo", "200"): 800, ("podinfo-canary", "200"): 200}


def test_errors_are_those_of_the_scenario(stepped):
    it = mesh(stepped, 50)
    it.behave("test", "podinfo-canary", error_ratio=0.1767)
    before = counts(it)
    stepped.after(10)
    grown = {key: number - before.get(key, 0) for key, number in counts(it).items()}
    assert grown["podinfo-canary", "200"] == pytest.approx(500 * 0.8233)
    assert grown["podinfo-canary", "500"] == pytest.approx(500 * 0.1767)


@pytest.mark.parametrize("unit", ["seconds", "milliseconds"])
@pytest.mark.parametrize("latency_ms", [20.0, 95.0, 823.0, 1567.0, 2525.0])
def test_latency_of_the_scenario_is_what_the_query_measures(stepped, latency_ms, unit):
    it = mesh(stepped, 50)
    stepped.cluster.scrape()
    it.behave("test", "podinfo-canary", latency_ms=latency_ms)
    stepped.after(10)  # the first requests after a change of the clock
    for _ in range(6):
        stepped.cluster.scrape()
        stepped.after(10)
    canary = 'destination_workload="podinfo-canary"'
    query = f"histogram_quantile(0.99, sum(rate(istio_request_duration_{unit}_bucket{{{canary}}}[30s])) by (le))"
    (measured,) = stepped.cluster.prometheus.store.query(query, stepped.cluster.mesh_time()).values()
    assert measured == pytest.approx(latency_ms / 1000 if unit == "seconds" else latency_ms)


@pytest.mark.parametrize(("tag", "errors"), [("errors", 175), ("1.2.1", 0)])
def test_workload_answers_as_its_image_says_until_somebody_says_otherwise(stepped, tag, errors):
    it = mesh(stepped, 50)
    stepped.change(image(tag), "podinfo-canary")
    stepped.after(0)
    stepped.after(4)
    before = counts(it).get(("podinfo-canary", "500"), 0)
    stepped.after(10)
    assert counts(it).get(("podinfo-canary", "500"), 0) - before == pytest.approx(errors)
    it.behave("test", "podinfo-canary")
    before = counts(it).get(("podinfo-canary", "500"), 0)
    stepped.after(10)
    assert counts(it).get(("podinfo-canary", "500"), 0) == before
    it.behave_as_built("test", "podinfo-canary")
    stepped.after(10)
    assert counts(it).get(("podinfo-canary", "500"), 0) - before == pytest.approx(errors)


def test_requests_to_pods_that_are_gone_are_counted(stepped):
    it = mesh(stepped, 50)
    it.requests_to_nothing.clear()
    stepped.cluster.workloads.take_down("test", "podinfo-canary")
    stepped.after(0)
    stepped.after(10)
    assert it.requests_to_nothing == {"test": pytest.approx(500)}
    assert "sandbox_requests_to_nothing_total" in it.exposition()


def test_exposition_is_prometheus_text(stepped):
    it = mesh(stepped, 0)
    stepped.after(10)
    assert (
        'istio_requests_total{destination_workload="podinfo",destination_workload_namespace="test",'
        'reporter="destination",response_code="200"} '
    ) in it.exposition()


def test_mesh_may_live_faster():
    clock = Clock()
    cluster = Cluster(now=clock, time_lapse=40.0)
    began = cluster.mesh_time()
    clock.advance(1.5)
    assert cluster.mesh_time() - began == timedelta(seconds=60)
    for server in (cluster.api, cluster.prometheus, cluster.admin):
        server.stop()
