"""A real helm, which takes a minute to build: the tests that call it run only when they are asked for (make charts)."""

import subprocess
import sys
from pathlib import Path

import pytest

from testbed.cluster.binaries import find_binaries
from tests.charts.helm import Helm


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    calls_helm = collection_path.name.endswith("_chart.py")
    return True if calls_helm and not any("charts" in argument for argument in config.args) else None


@pytest.fixture(scope="session")
def helm(tmp_path_factory) -> Helm:
    program = find_binaries(lambda line: sys.stderr.write(f"{line}\n"), names=["helm"]) / "helm"
    found = Helm(program, tmp_path_factory.mktemp("helm"))
    assert subprocess.run([program, "version"], capture_output=True, check=False).returncode == 0
    return found
