"""``kubectl apply -k``: a real kubectl makes of a kustomization what its files hold."""

import shutil
import subprocess

import pytest
import yaml

from tests.charts.helm import ROOT, manifests

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


def ordered(objects):
    return sorted(objects, key=lambda obj: (obj["kind"], obj["metadata"]["name"]))


@pytest.mark.parametrize("directory", ["flagger", "namespaces", "rollouts", "workloads"])
def test_kustomization_changes_nothing(directory):
    artifacts = ROOT / "artifacts"
    command = ["kubectl", "kustomize", str(artifacts / directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    files = [str(path.relative_to(artifacts)) for path in (artifacts / directory).glob("*.yaml")]
    assert ordered(yaml.safe_load_all(done.stdout)) == ordered(manifests(*files))
