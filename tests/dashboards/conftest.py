"""A real helm, where one has been built (make e2e builds it); without one these tests are skipped."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from hack.cluster import binaries

CHART = Path(__file__).parents[2] / "charts" / "grafana"


class Helm:
    """Runs helm on the chart."""

    def __init__(self, program: str, home: Path) -> None:
        self._program = program
        self._environ = {**os.environ, "HOME": str(home), "HELM_CACHE_HOME": str(home), "HELM_CONFIG_HOME": str(home)}

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [self._program, *arguments]
        return subprocess.run(command, env=self._environ, capture_output=True, text=True, check=False)

    def template(self, *settings: str) -> dict[tuple[str, str], dict]:
        """Return the objects of the chart, by kind and name."""
        options = [part for setting in settings for part in ("--set", setting)]
        done = self("template", "flagger-grafana", str(CHART), "--namespace", "istio-system", *options)
        assert done.returncode == 0, done.stderr
        objects = [obj for obj in yaml.safe_load_all(done.stdout) if obj]
        return {(obj["kind"], obj["metadata"]["name"]): obj for obj in objects}


@pytest.fixture(scope="session")
def helm(tmp_path_factory) -> Callable[..., subprocess.CompletedProcess[str]]:
    built = binaries._cache() / "helm"
    program = str(built) if built.exists() else shutil.which("helm")
    if program is None:
        pytest.skip("no helm here: make e2e builds one")
    return Helm(program, tmp_path_factory.mktemp("helm"))
