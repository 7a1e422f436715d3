"""Which environment the stories are played in, and a stage for each."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import environments
from tests.e2e.environments import Environment
from tests.e2e.stage import Stage


@pytest.fixture
def environment(tmp_path) -> Iterator[Environment]:
    """The control plane that CLUSTER names, or a sandbox."""
    state = os.environ.get("CLUSTER")
    with environments.cluster(Path(state), tmp_path) if state else environments.sandbox(tmp_path) as found:
        yield found


@pytest.fixture
def stage(environment, tmp_path) -> Iterator[Stage]:
    """An empty namespace."""
    found = Stage(environment, environments.new_namespace(), tmp_path)
    yield found
    environment.api.delete(f"/api/v1/namespaces/{found.namespace}")


@pytest.fixture
def on(stage) -> Stage:
    """A namespace with podinfo's workloads."""
    stage.add_workloads()
    return stage
