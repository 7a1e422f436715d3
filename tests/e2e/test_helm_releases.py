"""HelmReleases whose status is played as Flux writes it, beside pods that go on: on the control plane with Flux' own
definition, on the sandbox with a small one."""

import pytest

from tests.deploy.declared import definition
from tests.e2e.stage import QUICK

RELEASES = "helmreleases"
GROUP = "helm.toolkit.fluxcd.io"
CRD = definition(GROUP, RELEASES, "HelmRelease", "v2", "v2beta2")

pytestmark = pytest.mark.breaks("drained")  # the canary keeps its pods


def release(name, version):
    chart = {"chart": "podinfo", "version": version, "sourceRef": {"kind": "HelmRepository", "name": "podinfo"}}
    return {
        "apiVersion": f"{GROUP}/v2",
        "kind": "HelmRelease",
        "metadata": {"name": name},
        "spec": {
            "interval": "10m",
            "chart": {"spec": chart},
            "values": {"fullnameOverride": name, "image": {"tag": version}},
        },
    }


def play(on, name, status="True", reason="UpgradeSucceeded", kind="Ready"):
    """Write the status of a release as Flux does."""
    generation = on.get(RELEASES, name)["metadata"]["generation"]
    condition = {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": "Helm upgrade",
        "lastTransitionTime": "2026-11-27T00:00:00Z",
        "observedGeneration": generation,
    }
    patch = {"status": {"observedGeneration": generation, "conditions": [condition]}}
    on.patch(RELEASES, name, patch, subresource="status")


@pytest.fixture
def releases(on):
    """Podinfo's workloads, with a release that stands for each."""
    path = f"/apis/{GROUP}/v2"
    if not on.environment.api.get(path).is_success:
        created = on.environment.api.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json=CRD)
        assert created.is_success, created.text
        on.until(lambda: on.environment.api.get(f"{path}/{RELEASES}").is_success)
    for name, version in (("podinfo", "6.1.0"), ("podinfo-canary", "6.2.0")):
        on.add(release(name, version))
        play(on, name)
    return on


def of_releases(canary):
    canary["spec"]["targetKind"] = "HelmRelease"


def test_release_is_promoted(releases):
    on = releases
    on.add_canary(of_releases, **QUICK)
    with on.controller():
        on.until_said("Copying podinfo-canary.test template spec to podinfo.test")
        on.until(lambda: on.get(RELEASES, "podinfo")["spec"]["chart"]["spec"]["version"] == "6.2.0")
        play(on, "podinfo", "Unknown", "Progressing")
        on.push(on.image("podinfo-canary"), workload="podinfo")
        on.until_said("Waiting for podinfo.test rollout to finish: Ready is Unknown, Progressing: Helm upgrade")
        play(on, "podinfo")
        on.until_state("finished")
    on.tells("kept-pods")
    assert on.get(RELEASES, "podinfo")["spec"]["values"] == {"fullnameOverride": "podinfo", "image": {"tag": "6.2.0"}}
    assert on.weights() == (100, 0)
    assert {r.verb for r in on.requests() if r.resource == RELEASES} == {"list", "watch", "get", "patch"}
    assert not any(r.resource.startswith("deployments") for r in on.requests())


def test_release_that_fails_is_rolled_back(releases):
    on = releases
    on.behave(rate=50)
    on.add_canary(of_releases, **QUICK, threshold=1)
    with on.controller():
        on.until_state("failed")
    on.tells("kept-pods-rolled-back")
    assert on.get(RELEASES, "podinfo")["spec"]["chart"]["spec"]["version"] == "6.1.0"
    assert on.weights() == (100, 0)


def test_release_that_flux_gives_up_is_rolled_back_at_once(releases):
    on = releases
    play(on, "podinfo-canary", reason="RetriesExceeded", kind="Stalled")
    on.add_canary(of_releases, **QUICK)
    with on.controller():
        on.until_state("failed")
    why = "progress deadline exceeded, Stalled is True, RetriesExceeded: Helm upgrade"
    assert any(f"Rolling back podinfo-canary.test {why}" in event for event in on.events())
