"""Whole rollouts of workloads that are no Deployments."""

import copy

import pytest

from controller.core.nouns import noun
from deploy.parking import PARKED_LABEL
from deploy.registry import WORKLOADS
from tests.fakes.workloads import AS_KIND
from tests.system.harness import WINDOW, controller, objects, stage

STATEFUL_SETS, DAEMON_SETS = ("apps", "statefulsets"), ("apps", "daemonsets")
CLAIMS = [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}]
OWN = {"kubernetes.io/os": "linux"}
PARKED = {**OWN, PARKED_LABEL: "true"}


@pytest.fixture
def on(tmp_path):
    with stage(tmp_path) as it:
        it.cluster.prometheus.faults.script = None  # the mesh is measured
        for obj in objects("workloads/primary-service", "workloads/canary-service", "workloads/virtual-service"):
            it.add(obj)
        yield it


def add_workloads(on, kind, **spec):
    """Create podinfo's workloads as a kind, and return what names them at the API server."""
    for obj in objects("workloads/primary-deployment", "workloads/canary-deployment"):
        workload = AS_KIND[kind](obj)
        workload["spec"] |= copy.deepcopy(spec)
        on.add(workload)
    return "apps", WORKLOADS[kind].watched.api.plural


def add_canary(on, kind, **analysis):
    (canary,) = objects("rollouts/podinfo")
    canary["spec"]["targetKind"] = kind
    for metric in canary["spec"]["canaryAnalysis"]["metrics"]:
        metric["interval"] = WINDOW
    canary["spec"]["canaryAnalysis"].update({"drainSeconds": 0, "stepWeight": 20, "maxWeight": 40, **analysis})
    on.add(canary)


def image(on, resource, name):
    return containers(on.get(resource, name))[0]["image"]


def containers(obj):
    return obj["spec"]["template"]["spec"]["containers"]


def node_selector(on, name):
    return on.get(DAEMON_SETS, name)["spec"]["template"]["spec"].get("nodeSelector")


def test_stateful_set_is_promoted_without_its_claims(on):
    sets = add_workloads(on, "StatefulSet", volumeClaimTemplates=CLAIMS)
    with controller(on):
        add_canary(on, "StatefulSet")
        on.until_state("finished")
    assert image(on, sets, "podinfo") == image(on, sets, "podinfo-canary")
    assert on.get(sets, "podinfo")["spec"]["volumeClaimTemplates"] == CLAIMS
    assert on.get(sets, "podinfo")["status"]["updatedReplicas"] == 2
    assert on.get(sets, "podinfo-canary")["spec"]["replicas"] == 0
    assert on.weights() == (100, 0)


def test_stateful_set_that_fails_is_rolled_back(on):
    sets = add_workloads(on, "StatefulSet")
    on.cluster.mesh.behave("test", "podinfo-canary", error_ratio=0.5)
    with controller(on):
        add_canary(on, "StatefulSet", threshold=1)
        on.until_state("failed")
    assert image(on, sets, "podinfo") != image(on, sets, "podinfo-canary")
    assert on.get(sets, "podinfo-canary")["spec"]["replicas"] == 0
    assert on.weights() == (100, 0)


def test_daemon_set_is_promoted_from_its_park_and_parked_again(on):
    sets = add_workloads(on, "DaemonSet")
    with controller(on):
        add_canary(on, "DaemonSet")
        on.until_state("finished")
        assert image(on, sets, "podinfo") == image(on, sets, "podinfo-canary")
        assert (node_selector(on, "podinfo"), node_selector(on, "podinfo-canary")) == (OWN, PARKED)
        on.change(sets, "podinfo-canary", lambda obj: containers(obj)[0].update(image="podinfo:1.4.0"))
        on.until_state("running")
        on.until_state("finished")
    assert image(on, sets, "podinfo") == "podinfo:1.4.0"
    assert (node_selector(on, "podinfo"), node_selector(on, "podinfo-canary")) == (OWN, PARKED)
    assert on.get(sets, "podinfo")["status"]["updatedNumberScheduled"] == 3
    assert on.weights() == (100, 0)


def test_daemon_set_that_fails_is_rolled_back(on):
    sets = add_workloads(on, "DaemonSet")
    on.cluster.mesh.behave("test", "podinfo-canary", error_ratio=0.5)
    with controller(on):
        add_canary(on, "DaemonSet", threshold=1)
        on.until_state("failed")
    assert image(on, sets, "podinfo") != image(on, sets, "podinfo-canary")
    assert node_selector(on, "podinfo-canary") == PARKED
    assert on.weights() == (100, 0)


@pytest.mark.parametrize(
    ("parked", "patches"), [pytest.param({PARKED_LABEL: "true"}, 1, id="parked"), pytest.param({}, 0, id="not parked")]
)
def test_daemon_set_that_no_node_fits_is_brought_back_once_and_waited_for(on, parked, patches):
    sets = add_workloads(on, "DaemonSet")

    def select(**node_selector):
        on.change(
            sets, "podinfo-canary", lambda obj: obj["spec"]["template"]["spec"].update(nodeSelector=node_selector)
        )

    select(nobody="here", **parked)
    with controller(on):
        add_canary(on, "DaemonSet")
        on.until_said("Waiting for podinfo.test rollout to finish: no node fits its pods")
        assert node_selector(on, "podinfo-canary") == {"nobody": "here"}
        assert sum((request.verb, request.resource) == ("patch", "daemonsets") for request in on.requests()) == patches
        select(**OWN)
        on.until_state("finished")
    assert node_selector(on, "podinfo-canary") == PARKED


@pytest.mark.parametrize("kind", sorted(AS_KIND.keys() - {"Deployment"}))
def test_missing_side_is_named(on, kind):
    sets = add_workloads(on, kind)
    on.delete(sets, "podinfo-canary")
    with controller(on):
        add_canary(on, kind)
        on.until_said(f"canary {noun(kind)} podinfo-canary.test not found, create it or correct spec.canary.name")
