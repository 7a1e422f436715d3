"""Which environment the stories are played in, and a stage for each."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.sandbox.cluster import wall_clock
from tests.e2e import environments
from tests.e2e.environments import Environment
from tests.e2e.stage import INTERVAL, Stage
from tests.invariants.judge import WORDS, judge
from tests.invariants.moments import Paces
from tests.invariants.record import Recorder
from tests.invariants.scenes import seconds

PACES = Paces(interval=seconds(INTERVAL), slack=3.0)  # eight stories at a time share two cores


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark of stories that break an invariant on purpose."""
    config.addinivalue_line("markers", "breaks(word): the user's hand breaks this invariant on purpose")


@pytest.fixture
def environment(tmp_path) -> Iterator[Environment]:
    """The control plane that CLUSTER names, or a sandbox."""
    state = os.environ.get("CLUSTER")
    with environments.cluster(Path(state), tmp_path) if state else environments.sandbox(tmp_path) as found:
        yield found


@pytest.fixture
def stage(environment, tmp_path, request) -> Iterator[Stage]:
    """An empty namespace. What becomes of its objects is taken down, and must break no invariant.

    A story in which a user's hand breaks one on purpose names it: ``@pytest.mark.breaks("judged")``.
    """
    recorder = Recorder(environments.new_namespace(), now=lambda: wall_clock().timestamp())
    with environment.taking_down(recorder):
        found = Stage(environment, recorder, tmp_path)
        yield found
        record = recorder.record()
    environment.api.delete(f"/api/v1/namespaces/{found.namespace}")
    on_purpose = {word for mark in request.node.iter_markers("breaks") for word in mark.args}
    assert on_purpose <= WORDS
    broken = [str(broken) for broken in judge(record, PACES) if broken.word not in on_purpose]
    assert not broken, "\n".join(broken)


@pytest.fixture
def on(stage) -> Stage:
    """A namespace with podinfo's workloads."""
    stage.add_workloads()
    return stage
