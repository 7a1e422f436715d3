"""Whole rollouts of kinds that are declared, beside pods that go on whatever their objects say."""

from contextlib import contextmanager

import pytest

from tests.deploy.declared import WIDGET, WIDGET_CRD, WIDGETS, definition, widget
from tests.system.harness import WINDOW, controller, objects, stage

RELEASES, FUNCTIONS = ("helm.toolkit.fluxcd.io", "helmreleases"), ("openfaas.com", "functions")
HELM_RELEASE_CRD = definition(*RELEASES, "HelmRelease", "v2", "v2beta2")
HEALTHY = {"type": "Healthy", "status": "True"}  # what OpenFaaS says besides; others do not ask for it
FUNCTION_CRD = definition(*FUNCTIONS, "Function", "v1")


@pytest.fixture
def on(tmp_path):
    with stage(tmp_path) as it:
        it.cluster.prometheus.faults.script = None  # the mesh is measured
        it.add_workloads()
        it.add(WIDGET_CRD, HELM_RELEASE_CRD, FUNCTION_CRD)
        yield it


def add_canary(on, kind, **analysis):
    (canary,) = objects("rollouts/podinfo")
    canary["spec"]["targetKind"] = kind
    for metric in canary["spec"]["canaryAnalysis"]["metrics"]:
        metric["interval"] = WINDOW
    canary["spec"]["canaryAnalysis"].update({"drainSeconds": 0, "stepWeight": 20, "maxWeight": 40, **analysis})
    on.add(canary)


def add_both(on, make):
    for name, version in (("podinfo", "1"), ("podinfo-canary", "2")):
        obj = make(name, version)
        obj["metadata"] = {"namespace": "test", "name": name}
        on.add(obj)


def play(on, resource, name, **condition):
    """Play the status that the operator of a kind would write."""
    ready = {"type": "Ready", "status": "True", "reason": "Succeeded", "message": "it runs", **condition}

    def say(obj):
        obj["status"] = {"observedGeneration": obj["metadata"]["generation"], "conditions": [ready, HEALTHY]}

    on.change(resource, name, say, subresource="status")


@contextmanager
def promoting(on, resource, kind, **analysis):
    """Have a rollout reach the copy, and play the status of the primary once it has changed."""
    for name in ("podinfo", "podinfo-canary"):
        play(on, resource, name)
    before = on.get(resource, "podinfo")["metadata"]["generation"]
    with controller(on, declared=(WIDGET,)):
        add_canary(on, kind, **analysis)
        on.until_said("Copying podinfo-canary.test template spec to podinfo.test")
        on.until(lambda: on.get(resource, "podinfo")["metadata"]["generation"] > before)
        assert on.canary_status()["state"] == "running"
        play(on, resource, "podinfo", status="False", reason="Upgrading")
        on.until_said("Waiting for podinfo.test rollout to finish: Ready is False, Upgrading: it runs")
        play(on, resource, "podinfo")
        on.until_state("finished")
        yield


def writes_of(on, plural):
    return [(r.verb, r.subresource) for r in on.requests() if r.resource == plural and r.verb not in {"list", "watch"}]


def test_declared_kind_is_promoted(on):
    add_both(on, lambda name, version: widget(name, f"app:{version}"))
    with promoting(on, WIDGETS, "Widget"):
        spec = on.get(WIDGETS, "podinfo")["spec"]
        assert spec == {"image": "app:2", "settings": {"name": "podinfo", "level": 3}, "size": 5}
        assert on.weights() == (100, 0)
        on.until_said("Promotion completed! podinfo-canary.test keeps its pods")
        assert not on.said("Scaling")
        assert writes_of(on, "widgets") == [("get", ""), ("get", ""), ("patch", "")]
        assert writes_of(on, "deployments") == []


def test_declared_kind_that_fails_is_rolled_back(on):
    add_both(on, lambda name, version: widget(name, f"app:{version}"))
    on.cluster.mesh.behave("test", "podinfo-canary", error_ratio=0.5)
    for name in ("podinfo", "podinfo-canary"):
        play(on, WIDGETS, name)
    with controller(on, declared=(WIDGET,)):
        add_canary(on, "Widget", threshold=1)
        on.until_state("failed")
    assert on.get(WIDGETS, "podinfo")["spec"]["image"] == "app:1"
    assert on.weights() == (100, 0)
    on.until_said("Canary failed! podinfo-canary.test keeps its pods")
    assert writes_of(on, "widgets") == []


def test_kind_that_was_not_declared_is_told_on_the_canary(on):
    with controller(on):
        add_canary(on, "Widget")
        on.until(lambda: on.condition("Ready").get("reason") == "InvalidSpec")
    said = on.condition("Ready")["message"]
    assert said.startswith("spec.targetKind 'Widget' is not supported, use DaemonSet or Deployment or ")
    assert said.endswith(", or declare it in the file of --kinds")


def test_declared_kind_that_the_cluster_lacks_is_told_on_the_canary_and_nobody_else_is_held_up(on):
    on.cluster.api.objects.delete(
        next(k for k in on.cluster.api.objects.kinds() if k.kind == "CustomResourceDefinition"),
        "",
        "widgets.example.com",
    )
    with controller(on, declared=(WIDGET,)):
        add_canary(on, "Widget")
        on.until(lambda: on.condition("Ready").get("reason") == "KindNotServed")
    assert "widgets.example.com is not served by the API server" in on.condition("Ready")["message"]


def release(name, version):
    return {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "spec": {
            "interval": "10m",
            "chart": {"spec": {"chart": "podinfo", "version": f"6.{version}.0", "sourceRef": {"name": "podinfo"}}},
            "values": {"fullnameOverride": name, "image": {"tag": version}},
        },
    }


def test_helm_release_is_promoted(on):
    add_both(on, release)
    with promoting(on, RELEASES, "HelmRelease"):
        spec = on.get(RELEASES, "podinfo")["spec"]
        assert spec == {**release("podinfo", "2")["spec"]}


def test_helm_release_that_is_suspended_holds_the_rollout_until_it_is_resumed(on):
    add_both(on, release)
    for name in ("podinfo", "podinfo-canary"):
        play(on, RELEASES, name)
    on.change(RELEASES, "podinfo", lambda obj: obj["spec"].update(suspend=True))
    with controller(on):
        add_canary(on, "HelmRelease")
        on.until_said("Halt podinfo.test advancement primary helm release podinfo.test is paused, resume it to go on")
        assert on.get(RELEASES, "podinfo")["spec"]["suspend"] is True
        on.change(RELEASES, "podinfo", lambda obj: obj["spec"].pop("suspend"))
        play(on, RELEASES, "podinfo")
        on.until_said("Advance podinfo.test canary weight 20")


def test_helm_release_whose_upgrade_is_given_up_is_rolled_back_at_once(on):
    add_both(on, release)
    play(on, RELEASES, "podinfo")
    play(on, RELEASES, "podinfo-canary", type="Stalled", reason="RetriesExceeded", message="Failed to install")
    with controller(on):
        add_canary(on, "HelmRelease")
        on.until_state("failed")
    why = "progress deadline exceeded, Stalled is True, RetriesExceeded: Failed to install"
    on.until_said(f"Rolling back podinfo-canary.test {why}")


def test_function_is_promoted(on):
    def function(name, version):
        spec = {"name": name, "image": f"function:{version}", "environment": {"version": version}}
        return {"apiVersion": "openfaas.com/v1", "kind": "Function", "spec": spec}

    add_both(on, function)
    with promoting(on, FUNCTIONS, "Function"):
        assert on.get(FUNCTIONS, "podinfo")["spec"] == function("podinfo", "2")["spec"]
