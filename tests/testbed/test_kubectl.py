"""A real kubectl against the sandbox: what the README's walk-through types."""

import json
import shutil
import subprocess
from datetime import timedelta

import pytest

from testbed.sandbox.__main__ import ARTIFACTS, VIRTUAL_SERVICE_CRD
from testbed.sandbox.cluster import Cluster

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
CRD = ARTIFACTS / "flagger" / "crd.yaml"


class Shell:
    def __init__(self, cluster, directory):
        self.cluster = cluster
        self._home = directory
        self._config = str(cluster.kubeconfig(directory / "kubeconfig"))

    def run(self, *arguments):
        return subprocess.run(
            ["kubectl", "--kubeconfig", self._config, "--cache-dir", str(self._home / "cache"), *arguments],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip

    def __call__(self, line):
        done = self.run(*line.split())
        assert done.returncode == 0, done.stderr
        return done.stdout

    def apply(self, *names):
        return "".join(self(f"apply -f {ARTIFACTS / name}.yaml") for name in names)


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory):
    quick = {"pod_delay": timedelta(), "tick": timedelta(milliseconds=20)}
    with Cluster(**quick) as cluster:
        cluster.add_files([VIRTUAL_SERVICE_CRD])
        shell = Shell(cluster, tmp_path_factory.mktemp("kubectl"))
        assert "created" in shell(f"apply -f {CRD}")
        names = ["namespaces/test", "rollouts/podinfo", "workloads/virtual-service"]
        names += [f"workloads/{side}-{part}" for side in ("primary", "canary") for part in ("deployment", "service")]
        assert shell.apply(*names).count("created") == 7
        yield shell


def test_apply_again_changes_nothing(kubectl):
    assert kubectl.apply("workloads/primary-deployment", "rollouts/podinfo").count("unchanged") == 2


def test_create_that_is_sent_as_protobuf_is_told_what_to_do_instead(kubectl):
    refused = kubectl.run("create", "namespace", "another")
    assert refused.returncode == 1
    assert "takes JSON and no protobuf, which kubectl create sends: use kubectl apply -f" in refused.stderr
    assert kubectl("create namespace another --dry-run=client -o yaml").startswith("apiVersion: v1\nkind: Namespace")


def test_get_prints_the_columns_of_the_crd(kubectl):
    header, row = kubectl("-n test get canaries").splitlines()
    assert [column.strip() for column in header.split("   ") if column.strip()] == [
        "NAME", "STATE", "WEIGHT", "VERSION", "REASON", "LAST CHECK", "AGE",
    ]  # fmt: skip
    assert row.startswith("podinfo")
    wide = kubectl("-n test get cn -o wide")
    assert all(column in wide for column in ("STAGE", "FAILED CHECKS", "REVISION", "MESSAGE"))


def test_get_deployments_and_json(kubectl):
    kubectl("-n test wait deployment/podinfo --for=condition=Available --timeout=10s")
    assert "2/2" in kubectl("-n test get deployment podinfo")
    found = json.loads(kubectl("-n test get deployment podinfo -o json"))
    assert found["status"]["availableReplicas"] == 2


def test_describe_shows_spec_and_status(kubectl):
    text = kubectl("-n test describe canary/podinfo")
    assert "Step Weight:  5" in text
    assert "Interval:   1m" in text


def test_set_image_scale_and_wait(kubectl):
    kubectl("-n test set image deployment/podinfo-canary podinfod=quay.io/stefanprodan/podinfo:1.2.2")
    kubectl("-n test scale deployment/podinfo-canary --replicas=3")
    kubectl("-n test rollout status deployment/podinfo-canary --timeout=10s")
    found = json.loads(kubectl("-n test get deployment podinfo-canary -o json"))
    assert found["spec"]["replicas"] == 3
    assert found["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":1.2.2")


def test_patches_of_all_three_kinds(kubectl):
    patch = kubectl.run(
        "-n", "test", "patch", "canary", "podinfo", "--type=merge", "-p", '{"spec":{"canaryAnalysis":{"threshold":3}}}'
    )
    assert "patched" in patch.stdout
    patch = kubectl.run(
        "-n", "test", "patch", "virtualservice", "podinfo", "--type=json",
        "-p", '[{"op":"replace","path":"/spec/http/0/route/0/weight","value":100}]',
    )  # fmt: skip
    assert "no change" in patch.stdout
    patch = kubectl.run(
        "-n", "test", "patch", "deployment", "podinfo",
        "-p", '{"spec":{"template":{"spec":{"containers":[{"name":"podinfod","image":"podinfo:strategic"}]}}}}',
    )  # fmt: skip
    assert "patched" in patch.stdout
    (container,) = json.loads(kubectl("-n test get deployment podinfo -o json"))["spec"]["template"]["spec"][
        "containers"
    ]
    assert (container["image"], container["ports"][0]["containerPort"]) == ("podinfo:strategic", 9898)


def test_object_that_does_not_fit_the_schema_is_refused_with_its_field(kubectl):
    patch = kubectl.run(
        "-n", "test", "patch", "canary", "podinfo", "--type=merge", "-p", '{"spec":{"canaryAnalysis":{"stepWeight":0}}}'
    )
    assert patch.returncode != 0
    assert "spec.canaryAnalysis.stepWeight" in patch.stderr


def test_delete_and_wait_for_it(kubectl):
    kubectl("-n test delete service podinfo-canary --wait=true")
    missing = kubectl.run("-n", "test", "get", "service", "podinfo-canary")
    assert 'services "podinfo-canary" not found' in missing.stderr


def test_watch_prints_changes_as_they_come(kubectl):
    watch = subprocess.Popen(
        ["kubectl", "--kubeconfig", kubectl._config, "-n", "test", "get", "canaries", "-w", "-o", "name"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert watch.stdout.readline() == "canary.flagger.app/podinfo\n"
        kubectl("-n test annotate canary podinfo any=thing --overwrite")
        assert watch.stdout.readline() == "canary.flagger.app/podinfo\n"
    finally:
        watch.terminate()
        watch.communicate(timeout=10)
