"""Whole rollouts of StatefulSets."""

import copy

import pytest

from tests.fakes.workloads import as_stateful_set
from tests.system.harness import WINDOW, controller, objects, stage

SETS = ("apps", "statefulsets")


@pytest.fixture
def on(tmp_path):
    with stage(tmp_path) as it:
        it.cluster.prometheus.faults.script = None  # the mesh is measured
        for obj in objects("workloads/primary-service", "workloads/canary-service", "workloads/virtual-service"):
            it.add(obj)
        for obj in objects("workloads/primary-deployment", "workloads/canary-deployment"):
            it.add(with_claims(as_stateful_set(obj)))
        yield it


def with_claims(obj):
    obj["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}]
    return obj


def add_canary(on, **analysis):
    (canary,) = objects("rollouts/podinfo")
    canary["spec"]["targetKind"] = "StatefulSet"
    for metric in canary["spec"]["canaryAnalysis"]["metrics"]:
        metric["interval"] = WINDOW
    canary["spec"]["canaryAnalysis"].update({"drainSeconds": 0, "stepWeight": 20, "maxWeight": 40, **analysis})
    on.add(canary)


def image(on, name):
    return on.get(SETS, name)["spec"]["template"]["spec"]["containers"][0]["image"]


def test_revision_is_promoted(on):
    claims = copy.deepcopy(on.get(SETS, "podinfo")["spec"]["volumeClaimTemplates"])
    with controller(on):
        add_canary(on)
        on.until_state("finished")
    assert image(on, "podinfo") == image(on, "podinfo-canary")
    assert on.get(SETS, "podinfo")["spec"]["volumeClaimTemplates"] == claims
    assert on.get(SETS, "podinfo")["status"]["updatedReplicas"] == 2
    assert on.get(SETS, "podinfo-canary")["spec"]["replicas"] == 0
    assert on.weights() == (100, 0)


def test_revision_that_fails_is_rolled_back(on):
    on.cluster.mesh.behave("test", "podinfo-canary", error_ratio=0.5)
    with controller(on):
        add_canary(on, threshold=1)
        on.until_state("failed")
    assert image(on, "podinfo") != image(on, "podinfo-canary")
    assert on.get(SETS, "podinfo-canary")["spec"]["replicas"] == 0
    assert on.weights() == (100, 0)


def test_missing_side_is_named(on):
    with controller(on):
        on.delete(SETS, "podinfo-canary")
        add_canary(on)
        on.until_said("canary stateful set podinfo-canary.test not found, create it or correct spec.canary.name")
